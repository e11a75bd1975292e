"""A fitted model taken apart: what comes before the window step, the window step, and what comes after it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skrnn._data.sequences import flat_windows
from skrnn._windows.keys import Keys
from skrnn._windows.lookup import Lookup
from skrnn._windows.memory import WindowMemory
from skrnn._windows.reading import read
from skrnn._windows.transformer import SlidingWindowTransformer


@dataclass(frozen=True)
class Parts:
    """``front`` are transformers of rows, ``back`` is a regressor of windows that answers in units of y."""

    front: tuple[Any, ...]
    window: SlidingWindowTransformer
    back: Any

    @property
    def memory(self) -> WindowMemory:
        """What the window step learnt."""
        return self.window._memory

    @property
    def horizon(self) -> int:
        return self.memory.horizon

    @property
    def reach(self) -> int:
        """How many rows of the past are enough, the origin's own among them."""
        return self.memory.reach + 1

    @property
    def known(self) -> np.ndarray:
        """Which channels of the window are known in advance."""
        return self.memory.known

    def channels(self, X: Any) -> np.ndarray:
        """What the window step reads of some rows (n, channel); each row counts by itself."""
        return self._rows(X)[1]

    def look_up(self, X: Any, *, across_gaps: bool = False) -> Lookup:
        """Windows (n, step, channel) of some rows, and how many of their steps no row holds."""
        memory = replace(self.memory, max_gap=None) if across_gaps else self.memory
        return memory.look_up(*self._rows(X))

    def placed(self, X: Any) -> tuple[Keys, Lookup]:
        """Keys of some rows, on the time grid, and what they find."""
        keys, values = self._rows(X)
        return self.memory.placed(keys), self.memory.look_up(keys, values)

    def example(self, X: Any) -> Any:
        """The output of the window step as the back knows it, for the container and the column names."""
        window = copy(self.window)
        window.incomplete = "ignore"
        return window.transform(self._through_front(X))

    def predict(self, X: Any) -> np.ndarray:
        """Answers (n, output) to windows in the form in which the back reads them."""
        return np.asarray(self.back.predict(X)).reshape(len(X), -1)

    def remembering_until(self, keys: Keys) -> Parts:
        """The same model without the remembered rows that are later than the given key of their series."""
        history = self.memory.history
        if keys.kind == "block" or not len(history):
            return self
        number = {label: i for i, label in enumerate(history.labels)}
        later = np.zeros(len(history), dtype=bool)
        for series, place in zip(keys.series, keys.place, strict=True):
            later |= (history.series == number.get(keys.labels[series], -1)) & (history.place > place)
        window = copy(self.window)
        window._memory = replace(self.memory, history=history.take(~later))
        return replace(self, window=window)

    def _rows(self, X: Any) -> tuple[Keys, np.ndarray]:
        """Keys and channels of some rows as they come out of the steps in front."""
        return read(self.window, self._through_front(X), self.memory)[:2]

    def _through_front(self, X: Any) -> Any:
        for step in self.front:
            X = step.transform(X)
        return X


def handed(windows: np.ndarray, example: Any, index: Any) -> Any:
    """Windows (n, step, channel) in the form in which the back reads them, that of ``example``."""
    if hasattr(example, "ndim") and example.ndim != 2:
        return windows
    X: Any = flat_windows(windows)
    if hasattr(example, "iloc"):
        return type(example)(X, index=index, columns=example.columns)
    return type(example)(X, schema=list(example.columns)) if hasattr(example, "columns") else X


def take_apart(model: Any, caller: str) -> Parts:
    """Find the window step of a fitted model.

    Parameters
    ----------
    model : estimator
        Pipeline, search or ``TransformedTargetRegressor``, nested in any order.
    caller : str
        Public function that speaks in errors.
    """
    if hasattr(model, "cv_results_") and not hasattr(model, "best_estimator_"):
        raise ValueError(f"{caller} needs a model that predicts, but the search was made with refit=False.")
    front, window, tail = _found(model, caller)
    return Parts(front, window, _back(tail, caller))


def fit_up_to_window(model: Any, X: Any, y: Any, caller: str) -> Parts | None:
    """Copies of the steps up to the window step, fitted, and what comes after it, not fitted.

    None if the window step cannot be found before a fit: it lies within a search, which may choose its parameters.
    """
    found = _split(clone(model))
    if found is None:
        return None
    back = _back(found[2], caller)
    *front, window = (step for _, step in _as_pipeline((*found[0], found[1])).fit(X, y).steps)
    return Parts(tuple(front), window, back)


def window_alone(model: Any, caller: str) -> Parts:
    """The window step of a fitted model and the steps in front of it, whether or not anything is behind it."""
    front, window, _ = _found(model, caller)
    return Parts(front, window, None)


def _back(tail: tuple[Any, ...], caller: str) -> Any:
    """The steps behind the window step as one that predicts."""
    if not tail:
        raise ValueError(f"{caller} needs a regressor behind the SlidingWindowTransformer, but there is no step.")
    if not hasattr(tail[-1], "predict"):
        raise ValueError(f"{caller} needs a model that predicts, but its last step is a {type(tail[-1]).__name__}.")
    return tail[0] if len(tail) == 1 else _as_pipeline(tail)


def _as_pipeline(steps: tuple[Any, ...]) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline([(str(i), step) for i, step in enumerate(steps)])


def _found(model: Any, caller: str) -> tuple[tuple[Any, ...], SlidingWindowTransformer, tuple[Any, ...]]:
    """Steps in front of the fitted window step, the window step, and the steps behind it."""
    found = _split(model)
    if found is not None or find_window(model) is not None:
        check_is_fitted(model)
    if found is None:
        raise ValueError(
            f"{caller} needs a pipeline with a SlidingWindowTransformer, but {type(model).__name__} holds none where "
            "it could be found: as a step of a Pipeline, which may be inside a search or a TransformedTargetRegressor."
        )
    check_is_fitted(found[1])
    return found


def find_window(model: Any) -> SlidingWindowTransformer | None:
    """The window step of a model that need not be fitted."""
    if isinstance(model, SlidingWindowTransformer):
        return model
    if isinstance(model, type) and hasattr(model, "fit"):
        raise TypeError(f"{model.__name__} is a class, not an instance.")
    within: Any = ()
    if hasattr(model, "steps"):
        within = [step for _, step in model.steps]
    elif hasattr(model, "get_params"):
        within = model.get_params(deep=False).values()
    return next((window for part in within if (window := find_window(part)) is not None), None)


def _split(model: Any) -> tuple[tuple[Any, ...], SlidingWindowTransformer, tuple[Any, ...]] | None:
    """Steps in front of the window step, the window step, and the steps behind it."""
    if isinstance(model, SlidingWindowTransformer):
        return (), model, ()
    if hasattr(model, "best_estimator_"):
        return _split(model.best_estimator_)
    inner = inner_of(model)
    if inner is not None:
        found = _split(getattr(model, inner))
        if found is None:
            return None
        whole = copy(model)  # its own predict brings answers back to units of y
        setattr(whole, inner, _as_pipeline(found[2]))
        return found[0], found[1], (whole,)
    steps = [step for _, step in getattr(model, "steps", ()) if step is not None and step != "passthrough"]
    for i, step in enumerate(steps):
        found = _split(step)
        if found is not None:
            return (*steps[:i], *found[0]), found[1], (*found[2], *steps[i + 1 :])
    return None


def inner_of(model: Any) -> str | None:
    """The attribute in which a ``TransformedTargetRegressor``, fitted or not, holds its regressor; None for others."""
    if hasattr(model, "regressor_") and hasattr(model, "transformer_"):
        return "regressor_"
    return "regressor" if hasattr(model, "regressor") and hasattr(model, "transformer") else None
