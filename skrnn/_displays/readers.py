"""A fitted model as one that reads windows: what it reads, what its steps are called, and how it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import log_loss

from skrnn._displays.models import network_of, uncalibrated
from skrnn._estimators.base import RecurrentEstimator
from skrnn._forecast.parts import find_window, handed, take_apart


@dataclass(frozen=True)
class Reader:
    """What is behind the window step of a model, or a network by itself."""

    windows: np.ndarray  # (n, step, channel)
    handed: Callable[[np.ndarray], Any]  # windows in the form that it reads
    predictor: Any
    network: RecurrentEstimator | None  # that reads the windows, with nothing between
    channels: list[str]
    lags: np.ndarray  # (step, channel), steps before the row itself, or before the last step of a bare sequence
    of_rows: bool  # whether lags are counted from rows

    @property
    def is_classifier(self) -> bool:
        return bool(is_classifier(self.predictor))

    def errors(self, windows: np.ndarray, y: np.ndarray, output: int) -> float:
        """Root mean squared error of one output, or log loss of a classifier."""
        X = self.handed(windows)
        if self.is_classifier:
            return float(log_loss(y, self.predictor.predict_proba(X), labels=self.predictor.classes_))
        predicted = np.asarray(self.predictor.predict(X)).reshape(len(windows), -1)
        return float(np.sqrt(np.mean((predicted[:, output] - y.reshape(len(y), -1)[:, output]) ** 2)))


def reader_of(model: Any, X: Any, caller: str) -> Reader:
    """Windows of X and what reads them.

    Parameters
    ----------
    model : estimator
        Fitted pipeline with a window step, or a fitted network.
    X : array-like or data frame
        Rows for the pipeline, sequences for the network.
    caller : str
        Who speaks in errors.
    """
    model = uncalibrated(model)
    if find_window(model) is None:
        return _of_sequences(network_of(model, caller), X)
    parts = take_apart(model, caller)
    memory = parts.memory
    example = parts.example(X[:1] if hasattr(X, "shape") else np.asarray(X)[:1])
    known = memory.known
    ages = np.arange(memory.window_size)[::-1, None]
    return Reader(
        parts.look_up(X).windows,
        lambda windows: handed(windows, example, None),
        parts.back,
        _behind(parts.back),
        [str(name) for name in memory.names(memory.columns.channel_names)],
        np.where(known, ages, ages + memory.horizon),
        True,
    )


def _of_sequences(network: RecurrentEstimator, X: Any) -> Reader:
    """A network that reads sequences of two or three dimensions."""
    n_channels = network._model.units.n_channels
    values = np.asarray(X)
    windows = values if values.ndim == 3 else values.reshape(len(values), -1, n_channels)
    names = [f"channel {i}" for i in range(n_channels)]
    lags = np.broadcast_to(np.arange(windows.shape[1])[::-1, None], windows.shape[1:])

    def in_form(some: np.ndarray) -> Any:
        flat = some if values.ndim == 3 else some.reshape(len(some), -1)
        return type(X)(flat, columns=X.columns) if hasattr(X, "iloc") else flat

    return Reader(windows, in_form, network, network, names, lags, False)


def _behind(back: Any) -> RecurrentEstimator | None:
    """The network that reads the windows themselves; None if something else does."""
    while not isinstance(back, RecurrentEstimator):
        steps = [step for _, step in getattr(back, "steps", ())]
        inner = steps or ([back.regressor_] if hasattr(back, "regressor_") else [])
        if len(inner) != 1:
            return None
        back = inner[0]
    return back
