"""What a family of series is: its law, how it is read, and the half that it belongs to."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skrnn import SlidingWindowTransformer

HALVES = ("choose", "table")  # choices are made on the first; the other is for tables alone
BURN_IN = 200  # steps before the first row


class Made(NamedTuple):
    """A series, the best forecast of each row where it is known, and the columns beside the own past.

    The best forecast knows the law, all earlier noise and, of what is given, the inputs of the same moment.
    """

    y: np.ndarray  # (row,)
    best: np.ndarray | None = None  # (row,)
    inputs: np.ndarray | None = None  # (row, input)


class Windows(NamedTuple):
    """Training and test rows as windows (row, step, channel) with their targets (row,)."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


Law = Callable[[np.random.Generator, int], Made]


@dataclass(frozen=True)
class Family:
    """Series of one law, of any number of rows; the last quarter of the rows are test rows.

    With a horizon of 1 the first column is the series itself; with a horizon of 0 the inputs are all columns.
    ``season`` is the number of rows after which the series repeats itself, where a user would know it. ``future`` are
    those of the columns that are known at the target's moment.
    """

    name: str
    kind: str
    half: str
    law: Law
    window: int = 24
    horizon: int = 1
    season: int | None = None
    inputs: tuple[str, ...] = ()
    future: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return ("y", *self.inputs) if self.horizon else self.inputs

    def made(self, n_rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray | None]:
        """X (row, column), y (row,) and the best forecasts (row,); the same for the same seed."""
        made = self.law(np.random.default_rng([zlib.crc32(self.name.encode()), seed]), n_rows)
        parts = [made.y[:, None]] if self.horizon else []
        parts += [] if made.inputs is None else [made.inputs]
        return pd.DataFrame(np.hstack(parts), columns=list(self.columns)), made.y, made.best

    def data(self, n_rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, float | None]:
        """X (row, column), y (row,) and the error of the best forecast on the test rows, None where it is unknown."""
        X, y, best = self.made(n_rows, seed)
        test = slice(n_training_rows(n_rows), None)
        return X, y, None if best is None else root_mean_squared(best[test], y[test])

    def window_step(self, **options: Any) -> SlidingWindowTransformer:
        """The step that cuts the windows; they end ``horizon`` rows before the target."""
        return SlidingWindowTransformer(
            self.window, horizon=self.horizon, future_columns=self.future or None, incomplete="ignore", **options
        )

    def windows(self, n_rows: int, seed: int = 0) -> Windows:
        """Windows of the training rows, the incomplete first ones left out, and of the test rows."""
        X, y, _ = self.made(n_rows, seed)
        end, first = n_training_rows(n_rows), self.window - 1 + self.horizon
        windows = np.array(self.window_step().fit(X[:end]).transform(X))
        return Windows(windows[first:end], y[first:end], windows[end:], y[end:])


def n_training_rows(n_rows: int) -> int:
    return n_rows - n_rows // 4


def root_mean_squared(answer: np.ndarray | float, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((answer - truth) ** 2)))


def family(kind: str, half: str, **reading: Any) -> Callable[[Law], Family]:
    """Make a law a family that bears its name."""
    assert half in HALVES
    return lambda law: Family(law.__name__, kind, half, law, **reading)


def from_past(
    step: Callable[[list[float]], float], noise: Iterable[float], start: tuple[float, ...], n: int
) -> tuple[np.ndarray, np.ndarray]:
    """The last ``n`` values of a series that adds noise to a function of its past, and that function's values."""
    values, best = list(start), []
    for shock in noise:
        best.append(float(step(values)))
        values.append(best[-1] + float(shock))
    return np.array(values[-n:]), np.array(best[-n:])


def linear_past(lags: dict[int, float], noise: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The same where the function is a weighted sum of earlier values."""
    return from_past(
        lambda past: sum(weight * past[-lag] for lag, weight in lags.items()), noise, (0.0,) * max(lags), n
    )
