"""A linear forecast from the steps of a sequence, to which the network adds: ridge regression in closed form.

The autoregressive part beside a recurrent network is that of LSTNet (Lai, Chang, Yang and Liu, 2018); measuring windows
and targets from the last value of the window that of NLinear (Zeng, Chen, Zhang and Xu, 2023). The penalty is the one
with the least generalised cross-validation error (Golub, Heath and Wahba, 1979).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from skrnn._own_past import OwnPast
from skrnn._sequences import Scale, Sequences

LARGEST = 2500  # columns of the regression
_PENALTIES = 10.0 ** np.arange(-7, 2.1, 0.5)  # for each sample, of standardised columns
_AT_ONCE = 2**18  # numbers in a block of rows
_LARGEST_WORK = 2e10  # multiplications, beyond which not all rows are used


def steps_read(linear_skip: bool | int, sequences: Sequences) -> int:
    """How many of the last steps a linear skip reads: fewer than asked for where channels are too many."""
    asked = sequences.n_steps if linear_skip is True else min(int(linear_skip), sequences.n_steps)
    return max(min(asked, LARGEST // sequences.n_channels), 1)


@dataclass(frozen=True)
class LinearSkip:
    """Answers ``columns @ coef + intercept``, plus the last value of the channel that holds the target's own past.

    Answers are standardised targets. The columns are the standardised channels of the last steps, oldest first; a
    channel that holds the past of a target is measured from its last value, in units of its own. What is missing counts
    as the mean of what is there in the same sequence. ``spread`` is the root of the mean squared error.
    """

    scale: Scale  # of the channels
    n_steps: int
    coef: np.ndarray  # (step * channel, target)
    intercept: np.ndarray  # (target,)
    spread: np.ndarray  # (target,)
    own: OwnPast
    unit: np.ndarray  # (channel,) what a channel that is measured from its last value is divided by, else 1

    @classmethod
    def fit(cls, sequences: Sequences, scale: Scale, y: np.ndarray, weight: np.ndarray, n_steps: int) -> LinearSkip:
        """Ridge regression of targets on sequences.

        Parameters
        ----------
        sequences : Sequences
            With NaN.
        scale : Scale
            Standardises them.
        y : ndarray of shape (n, target)
            Standardised targets.
        weight : ndarray of shape (n,)
            Positive weights; an integer counts like so many equal rows.
        n_steps : int
            How many of the last steps are read, see ``steps_read``.
        """
        n_channels, n_targets = sequences.n_channels, y.shape[1]
        empty = np.zeros((n_steps * n_channels, n_targets))
        own = OwnPast.find(sequences, y)
        some = slice(None, None, _stride(len(y), len(empty)))
        sequences, y, weight = sequences.take(some), y[some], weight[some]
        skip = cls(scale, n_steps, empty, np.zeros(n_targets), np.ones(n_targets), own, np.ones(n_channels))
        skip = replace(skip, unit=skip._spread(sequences, weight))
        moments = _Moments(len(empty), n_targets)
        for rows, columns, carried in skip._blocks(sequences):
            moments.add(columns, y[rows] - carried, weight[rows])
        coef, intercept = moments.solve(len(y))
        skip = replace(skip, coef=coef, intercept=intercept)
        spread = np.sqrt(weight @ np.square(y - skip.answer(sequences)) / weight.sum())
        return replace(skip, spread=np.where(spread > 0, spread, 1.0))

    def answer(self, sequences: Sequences) -> np.ndarray:
        """Linear forecasts (n, target)."""
        found = np.empty((len(sequences), len(self.intercept)))
        for rows, columns, carried in self._blocks(sequences):
            found[rows] = columns @ self.coef + self.intercept + carried
        return found

    def level(self, sequences: Sequences) -> np.ndarray:
        """From what the standardised channels of each sequence are measured (n, channel), in their units."""
        return self._in_units(self.own.level(sequences, self.n_steps, self.scale.mean))

    def _in_units(self, level: np.ndarray) -> np.ndarray:
        """Levels (n, channel) as standardised, in place."""
        for channel in self.own.channels:
            level[:, channel] -= self.scale.mean[channel]
            level[:, channel] /= self.scale.std[channel] * self.unit[channel]
        return level

    def _spread(self, sequences: Sequences, weight: np.ndarray) -> np.ndarray:
        """Root mean squares of the channels that are measured from their last value, 1 for others."""
        total = np.zeros(sequences.n_channels)
        for rows, columns, _ in self._blocks(sequences):
            total += weight[rows] @ np.square(columns.reshape(len(columns), -1, sequences.n_channels)).mean(axis=1)
        spread = np.sqrt(total / weight.sum())
        moved = np.isin(np.arange(len(spread)), self.own.channels) & (spread > 0)
        return np.where(moved, spread, 1.0)

    def _blocks(self, sequences: Sequences) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Blocks of rows, their columns (row, step * channel) and what targets are measured from (row, target)."""
        n_read = min(self.n_steps, sequences.n_steps)
        n_at_once = max(_AT_ONCE // (n_read * sequences.n_channels), 1)
        for first in range(0, len(sequences), n_at_once):
            rows = slice(first, first + n_at_once)
            steps = sequences.starts[rows, None] + np.arange(sequences.n_steps - n_read, sequences.n_steps)
            values = (sequences.base[steps] - self.scale.mean) / (self.scale.std * self.unit)  # (row, step, channel)
            level = self.own.level(sequences.take(rows), self.n_steps, self.scale.mean)
            carried = self.own.carried(level)
            columns = np.full((len(values), self.n_steps, sequences.n_channels), np.nan)
            np.subtract(values, self._in_units(level)[:, None], out=columns[:, self.n_steps - n_read :])
            yield rows, _with_means(columns).reshape(len(values), -1), carried


def _with_means(columns: np.ndarray) -> np.ndarray:
    """Numbers (row, step, channel) with those that are missing replaced by the mean over the steps, or else by 0."""
    missing = np.isnan(columns)
    if not missing.any():
        return columns
    mean = np.nansum(columns, axis=1) / np.maximum((~missing).sum(axis=1), 1)
    return np.where(missing, mean[:, None], columns)


def _stride(n: int, n_columns: int) -> int:
    """The distance of the rows that are used: as many as the work allows, but at least ten for each column."""
    enough = max(_LARGEST_WORK / n_columns**2, 10 * n_columns)
    return max(1, int(n / enough))


class _Moments:
    """Weighted sums of products of columns and targets."""

    def __init__(self, n_columns: int, n_targets: int) -> None:
        self._columns = np.zeros((n_columns, n_columns))
        self._both = np.zeros((n_columns, n_targets))
        self._targets = 0.0
        self._mean = np.zeros(n_columns)
        self._target_mean = np.zeros(n_targets)
        self._weight = 0.0

    def add(self, columns: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        """Take some rows into account."""
        weighted = columns * weight[:, None]
        self._columns += weighted.T @ columns
        self._both += weighted.T @ y
        self._targets += float(weight @ np.square(y).sum(axis=1))
        self._mean += weighted.sum(axis=0)
        self._target_mean += weight @ y
        self._weight += float(weight.sum())

    def solve(self, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (column, target) and intercepts of the ridge regression with the best penalty."""
        mean, target_mean = self._mean / self._weight, self._target_mean / self._weight
        values, vectors = np.linalg.eigh(self._columns - self._weight * np.outer(mean, mean))
        values = np.maximum(values, 0)
        both = vectors.T @ (self._both - self._weight * np.outer(mean, target_mean))
        total = self._targets - self._weight * float(target_mean @ target_mean)
        n = max(self._weight, n_rows)
        best, least = _PENALTIES[-1] * self._weight, np.inf
        for penalty in _PENALTIES * self._weight:
            shrunk = 1 / (values + penalty)
            rest = total - float(np.square(both).sum(axis=1) @ ((values + 2 * penalty) * shrunk**2))
            freedom = n - 1 - values @ shrunk
            # With hardly any freedom left, or an error within rounding, the quotient is noise.
            if freedom > 0.02 * n and max(rest, 1e-12 * total) / freedom**2 < least:
                best, least = penalty, max(rest, 1e-12 * total) / freedom**2
        coef = vectors @ (both / (values + best)[:, None])
        return coef, target_mean - mean @ coef
