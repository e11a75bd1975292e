"""What all estimators share: the walk of fit and what it sets."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from skrnn._data.examples import Examples, Split
from skrnn._data.sequences import MOST_AT_THE_START, at_the_start
from skrnn._data.state import DivergenceError
from skrnn._estimators.learnt import Learnt
from skrnn._estimators.readings import Readings
from skrnn._estimators.settings import plan_of, start_of
from skrnn._estimators.watching import Tasks, Watched, watching
from skrnn._learning import learns
from skrnn._persistence import VersionedState
from skrnn._validation import (
    Count,
    DeviceName,
    Functions,
    Interval,
    Real,
    StrOptions,
    check_same_outputs,
    check_segments,
    check_sequences,
    check_target_order,
    check_validation_set,
    check_weight,
    fit_context,
    plain,
    validation_set_named,
    warn_of_left_out,
    warn_of_lost_order,
    warn_of_lost_precision,
    warn_of_lost_steps,
    warn_of_many_unobserved,
    warn_of_no_scale,
)

if TYPE_CHECKING:
    from skrnn._estimators.start import Start
    from skrnn._model.loss_contract import Loss
    from skrnn._model.model import Model
    from skrnn._training.course import TrainingLog, Watcher


# Parameters that shape a model: for training to go on, they must be those of the last fit.
_SHAPING = (
    "hidden_size",
    "num_layers",
    "bidirectional",
    "norm",
    "pooling",
    "segment_size",
    "missing",
    "return_sequences",
    "linear_skip",
)

_MANY = 40  # samples from which on some are held out


class RecurrentEstimator(Watched, Readings, Learnt, VersionedState, BaseEstimator, ABC):
    """The walk of fit. Abstract: a task adds its parameters, its reading of y and its predictions, a face its layer."""

    loss_curve_: list[float]
    n_iter_: int
    validation_loss_curve_: list[float] | None
    _layer: ClassVar[str]  # see NetworkSpec.layer
    _layer_options: ClassVar[tuple[str, ...]] = ()  # parameters that go to the layer as they are
    _shaping: ClassVar[tuple[str, ...]] = _SHAPING

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_size": [Count(1)],
        "num_layers": [Count(1)],
        "bidirectional": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "norm": [StrOptions({"batch", "layer"}), None],
        "pooling": [StrOptions({"attention", "last", "max", "mean"})],
        "segment_size": [StrOptions({"auto"}), Count(1)],
        "linear_skip": ["boolean", Count(1)],
        "missing": [StrOptions({"indicator", "skip"})],
        "return_sequences": ["boolean"],
        "solver": [StrOptions({"adam", "adamw", "rmsprop", "sgd"})],
        "learning_rate": [StrOptions({"adaptive", "constant", "cosine"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [StrOptions({"auto"}), Count(1)],
        "max_iter": [Count(1)],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Count(1)],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "refit": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "n_channels": [StrOptions({"auto"}), Count(1)],
        "device": [DeviceName()],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": [Functions(), None],
    }

    @learns
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences, oldest step first. In a table each row is one unrolled sequence, see ``n_channels``. NaN is
            read as ``missing`` says; ``pad_sequences`` makes one array of sequences of different lengths.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; classifiers take labels of shape (n_samples,). With ``return_sequences=True`` one for each step:
            (n_samples, n_steps) or, for regressors, (n_samples, n_steps, n_outputs). Skipped steps do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; 1 if None. Only their proportions count. A sample of weight 0 is left out
            altogether, and one of weight 2 counts like two equal ones beside others of weight 1.
        X_val : array-like, default=None
            Sequences whose loss is watched instead of that of a part of X. Not with ``early_stopping=False``.
        y_val : array-like, default=None
            Targets of ``X_val``.
        sample_weight_val : array-like, default=None
            Weights of ``X_val``.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        max_iter = plain(self.max_iter)
        tasks = Tasks(self, max_iter, X, y, sample_weight) if hasattr(self, "_skl_callbacks") else None
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        examples = self._read(X, y, sample_weight, reset=not goes_on)
        split = Split(examples)
        if check_validation_set(self, X_val, y_val):
            with validation_set_named():
                held_out = self._read(X_val, y_val, sample_weight_val, reset=False)
            check_same_outputs(held_out.y, examples.y)
            split = Split(examples, held_out)
        elif self.early_stopping if self.early_stopping != "auto" else len(examples) >= _MANY:
            split = Split(
                *self._hold_out(examples), everything=examples if self.refit and not self.warm_start else None
            )
        corrected = split.everything is not None or (split.held_out is None and len(examples) >= _MANY)
        log = self._train(split, goes_on=goes_on, max_iter=max_iter, corrected=corrected, tasks=tasks)
        _warn_of_training(self, log)
        if tasks is not None:
            tasks.end()
        return self

    @learns
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for exactly one epoch.

        The units of X and y are measured in the first call. Later calls keep them, the weights and the state of the
        solver.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences, as in ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; 1 if None.

        Returns
        -------
        self : estimator
            The estimator after one more epoch.
        """
        if self.early_stopping and self.early_stopping != "auto":
            raise ValueError("partial_fit does not support early_stopping=True")
        goes_on = self.__sklearn_is_fitted__()
        split = Split(self._read(X, y, sample_weight, reset=not goes_on))
        self._train(split, goes_on=goes_on, max_iter=1)
        return self

    @abstractmethod
    def _check_target(self, y: Any, n_samples: int, observed: np.ndarray | None, *, reset: bool) -> np.ndarray:
        """Targets as numbers (n, target), or (n, step, target) where the ``observed`` steps (n, step) are given."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """The loss that the parameters name."""

    def _suited(self, examples: Examples, *, reset: bool) -> Examples:  # noqa: ARG002  classifiers count classes
        """The examples as the task learns from them: without windows at the start of a series, unless most are."""
        if self.return_sequences:
            return examples
        left_out = at_the_start(examples.sequences, plain(self.missing))
        return examples.take(~left_out) if 0 < left_out.mean() <= MOST_AT_THE_START else examples

    def _to_start_from(self, examples: Examples) -> Examples:
        """The examples from which the first weights are found."""
        return examples

    def _hold_out(self, examples: Examples) -> tuple[Examples, Examples]:
        """Examples to train on, and those to watch: the last ones.

        With k targets in a row the k - 1 rows before the held-out ones are left out: their targets may lie among those.
        """
        return examples.hold_out(plain(self.validation_fraction), gap=examples.y.shape[-1] - 1)

    def _read(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Examples:
        """Check one set of examples; those of weight zero are left out."""

        check_target_order(X, y)
        sequences = check_sequences(self, X, n_channels=plain(self.n_channels), reset=reset)
        check_segments(sequences, self.segment_size)
        observed = sequences.observed_steps(self.missing) if self.return_sequences else None
        y = self._check_target(y, len(sequences), observed, reset=reset)
        weight = check_weight(sample_weight, len(sequences))
        examples = Examples(sequences, y, weight, observed if observed is None else observed.astype(np.float64))
        used = weight > 0
        examples = examples if used.all() else examples.take(used)
        if examples.step_weight is not None and not examples.step_weight.any():
            raise ValueError("X contains no observed step, so that return_sequences=True leaves nothing to learn from.")
        if reset:
            warn_of_lost_precision(sequences.base, "Channel {} of X")
            warn_of_many_unobserved(examples.sequences, self.missing)
            if self.missing == "skip":
                warn_of_lost_steps(examples.sequences, examples.weight)
        return self._suited(examples, reset=reset)

    def _train(
        self, split: Split, *, goes_on: bool, max_iter: int, corrected: bool = False, tasks: Tasks | None = None
    ) -> TrainingLog:
        """Train a new or the present model, then set all that was learnt."""
        from skrnn._estimators.fitting import channel_out_of_order, n_left_out

        learnt = partial(_learnt, self, split, goes_on)
        with watching(self, max_iter, learnt, tasks) as watcher:
            try:
                model, log = self._trained(split, goes_on, max_iter, corrected, watcher)
            except DivergenceError as error:
                raise ValueError(
                    f"{type(self).__name__} did not converge: {error}. Lower learning_rate_init, set clip_norm, or "
                    "look for very large values in X and y."
                ) from None
        warn_of_left_out(n_left_out(model, split.last), len(split.last))
        warn_of_lost_order(channel_out_of_order(model, split.last))
        warn_of_no_scale(model.asked.get("scaling"), model.units.anchor is not None)
        self.__dict__.update(learnt(log, model))
        return log

    def _trained(
        self, split: Split, goes_on: bool, max_iter: int, corrected: bool, watcher: Watcher | None
    ) -> tuple[Model, TrainingLog]:
        """A new or the present model after training."""
        from skrnn._estimators.fitting import fit, train_on
        from skrnn._estimators.segments import with_segments

        shaping = (*self._shaping, *self._layer_options)
        start = start_of(self, self._make_loss(), split.train.y.shape[-1], shaping)
        plan = plan_of(self, len(split.last), max_iter)
        if not goes_on:
            to_start_from = self._to_start_from
            start = with_segments(start, split, plan, to_start_from)
            split = split.in_segments(start.spec.segment_size)
            return fit(start, split, plan, to_start_from=to_start_from, corrected=corrected, watcher=watcher)
        split = split.in_segments(self._model.spec.segment_size)
        model = self._continued(start, split.train)
        return train_on(model, split.train, plan, held_out=split.held_out, device=plain(self.device), watcher=watcher)

    def _continued(self, start: Start, examples: Examples) -> Model:
        """The present model, if the parameters and the data still fit it."""
        name, model = type(self).__name__, self._model
        if examples.y.shape[-1] != self.n_outputs_:
            raise ValueError(f"y has {examples.y.shape[-1]} outputs, but {name} was fitted with {self.n_outputs_}.")
        for parameter, value in start.asked.items():
            before = model.asked.get(parameter)  # not there where it was saved before there was the parameter
            if before != value:
                raise ValueError(
                    f"{parameter} of {name} changed from {before!r} to {value!r} since the last fit, "
                    "so that training cannot go on. Fit with warm_start=False, or clone the estimator."
                )
        return model.also_of(examples, dropout=start.spec.dropout)


def _learnt(
    estimator: RecurrentEstimator, split: Split, goes_on: bool, log: TrainingLog, model: Model
) -> dict[str, Any]:
    """The attributes that a fit sets, after those of the fits that it goes on from."""
    before, watched, n_before = [], [], 0
    if goes_on:
        before, watched, n_before = estimator.loss_curve_, estimator.validation_loss_curve_ or [], estimator.n_iter_
    curve = [*before, *log.loss_curve]
    learnt = {
        "loss_curve_": curve,
        "validation_loss_curve_": None if split.held_out is None else [*watched, *log.validation_loss_curve],
        "n_iter_": len(curve),
        "loss_": curve[-1],
        "best_loss_": log.best_loss,
        "n_outputs_": split.train.y.shape[-1],
        "_model": model,
    }
    if log.best_epoch or not goes_on:
        learnt["best_epoch_"] = n_before + log.best_epoch
    if not goes_on:
        learnt["initial_loss_"] = log.initial_loss
    return learnt


def _warn_of_training(estimator: RecurrentEstimator, log: TrainingLog) -> None:
    """Say what the user should know of the weights that stay."""
    name = type(estimator).__name__
    if not estimator.uses_recurrence_:
        start = "linear answer" if estimator._model.spec.linear_steps else "constant"
        why = "training did not change them"
        if estimator.best_epoch_ == 0:
            why = (
                f"no epoch of training was better on the held-out samples than the {start}, which stays (best_epoch_ "
                "is 0)"
            )
        warnings.warn(
            f"{name} answers without its recurrent layers: {why}. That is right where there is nothing else to learn. "
            "Else try another learning_rate_init, or larger max_iter and n_iter_no_change.",
            UserWarning,
            stacklevel=5,
        )
    elif not log.converged and not log.stopped:
        warnings.warn(
            f"Maximum iterations ({estimator.max_iter}) reached and the optimization hasn't converged yet. Raise "
            "max_iter or learning_rate_init.",
            ConvergenceWarning,
            stacklevel=5,
        )
