"""Who watches a fit: the bar of ``verbose``, the functions of ``callbacks``, and scikit-learn's own callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from skrnn._learning import as_it_is_now
from skrnn._training.progress import last_losses, progress
from skrnn._validation import CallbackSupportMixin

if TYPE_CHECKING:
    from skrnn._data.state import TrainingState
    from skrnn._model.model import Model
    from skrnn._training.course import TrainingLog, Watcher

    Learnt = Callable[[TrainingLog, Model], dict[str, Any]]  # what a fit sets

# Attributes of a call of fit or partial_fit, or of its callbacks, not of what it learns.
_OF_A_CALL = (
    "_callback_fit_ctx",
    "_in_partial_fit",
    "_named_classes",
    "_parent_callback_ctx",
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
)


class Watched(CallbackSupportMixin):
    """An estimator whose fit can be watched."""

    callbacks: Any

    def __sklearn_clone__(self) -> Any:
        """A clone with the same callbacks, as scikit-learn does with its own: a copy might have lost an open file."""
        others = as_it_is_now(self)
        others.callbacks = None
        clone = super(Watched, others).__sklearn_clone__()
        clone.callbacks = list(self.callbacks) if type(self.callbacks) is list else self.callbacks
        return clone


@contextmanager
def watching(estimator: Any, n_epochs: int, learnt: Learnt, tasks: Tasks | None) -> Iterator[Watcher | None]:
    """All who watch a fit as one who is told of models; None if nobody does."""
    watchers: list[Watcher] = []
    with ExitStack() as stack:
        if estimator.verbose:
            watchers.append(stack.enter_context(progress(type(estimator).__name__, n_epochs)))
        if estimator.callbacks is not None:
            given = estimator.callbacks
            watchers.append(_Functions([given] if callable(given) else list(given), estimator, learnt))
        if tasks is not None:
            tasks.learnt = learnt
            watchers.append(tasks)
        yield _All(watchers) if watchers else None


@dataclass(frozen=True)
class _All:
    watchers: list[Watcher]

    def begin_epoch(self) -> None:
        for watcher in self.watchers:
            watcher.begin_epoch()

    def end_epoch(self, log: TrainingLog, model: Callable[[], Model]) -> bool:
        wishes = [watcher.end_epoch(log, model) for watcher in self.watchers]
        return any(wishes)


@dataclass(frozen=True)
class _Functions:
    """Functions f(epoch, losses, estimator), of which one that returns True ends training."""

    functions: list[Callable[[int, dict[str, float], Any], Any]]
    estimator: Any
    learnt: Learnt

    def begin_epoch(self) -> None:
        """Functions are called afterwards."""

    def end_epoch(self, log: TrainingLog, model: Callable[[], Model]) -> bool:
        now = as_it_is_now(self.estimator)
        for name in _OF_A_CALL:
            vars(now).pop(name, None)
        vars(now).update(self.learnt(log, model()), callbacks=None)
        answers = [function(now.n_iter_, last_losses(log), now) for function in self.functions]
        # Some other value, such as the number of characters that were written, is no wish to stop.
        return any(isinstance(answer, bool | np.bool_) and answer for answer in answers)


class Tasks:
    """A fit and its epochs as tasks of scikit-learn's callbacks."""

    learnt: Learnt

    def __init__(self, estimator: Any, n_epochs: int, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(max_subtasks=n_epochs).call_on_fit_task_begin(**self._given)

    def begin_epoch(self) -> None:
        self._epoch = self._fit.subcontext(task_name="epoch").call_on_fit_task_begin(**self._given)

    def end_epoch(self, log: TrainingLog, model: Callable[[], Model]) -> bool:
        return self._end(self._epoch, lambda: {**self.learnt(log, model()), "callbacks": None})

    def end(self) -> None:
        """After what was learnt is set."""
        self._end(self._fit, lambda: {"callbacks": None})

    def _end(self, task: Any, attributes: Callable[[], dict[str, Any]]) -> bool:
        return bool(task.call_on_fit_task_end(**self._given, reconstruction_attributes=attributes))


@dataclass(frozen=True)
class OfModel:
    """Tells who watches a model what is told of its network."""

    model: Model
    weights: Callable[[], dict[str, np.ndarray]]
    watcher: Watcher

    def begin_epoch(self) -> None:
        self.watcher.begin_epoch()

    def end_epoch(self, log: TrainingLog, state: Callable[[], TrainingState]) -> bool:
        def model() -> Model:
            training = state()  # first: it makes the network ready
            return replace(self.model, training=training, weights=self.weights())

        return self.watcher.end_epoch(log, model)


@dataclass(frozen=True)
class Until:
    """Ends training after some epochs."""

    n_epochs: int

    def begin_epoch(self) -> None:
        """It is too early to say."""

    def end_epoch(self, log: TrainingLog, _: Any) -> bool:
        return len(log.loss_curve) >= self.n_epochs
