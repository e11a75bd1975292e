"""A linear forecast from the steps of a sequence, to which the network adds: ridge regression in closed form.

The autoregressive part beside a recurrent network is that of LSTNet (Lai, Chang, Yang and Liu, 2018); measuring windows
and targets from the last value of the window that of NLinear (Zeng, Chen, Zhang and Xu, 2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from skrnn._evidence import surely_lower
from skrnn._own_past import OwnPast
from skrnn._ridge import Moments
from skrnn._sequences import Scale, Sequences
from skrnn._values_or_differences import MOST_COLUMNS, MOST_ROWS, values_tell_more

LARGEST = 2500  # columns of the regression
_FEWEST = 50  # later sequences that can tell whether last values help: neighbours are alike
_SURE = 3  # standard errors, rather than the usual two: a slow drift looks like evidence
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
    as the mean of what is there in the same sequence. These last values themselves are more columns, behind the others,
    whose coefficients are 0 unless forecasts of later sequences are surely better with them: a series that returns
    to its mean needs them, but one that drifts will leave the values that were learnt. ``spread`` is the root of
    the mean squared error.
    """

    scale: Scale  # of the channels
    n_steps: int
    coef: np.ndarray  # (step * channel + last value, target)
    intercept: np.ndarray  # (target,)
    spread: np.ndarray  # (target,)
    own: OwnPast
    unit: np.ndarray  # (channel,) what a channel that is measured from its last value is divided by, else 1
    by_value: bool = False  # whether layers read values in the place of differences

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
        n_columns, n_targets = n_steps * sequences.n_channels, y.shape[1]
        own = OwnPast.find(sequences, y)
        some = slice(None, None, _stride(len(y), n_columns))
        sequences, y, weight = sequences.take(some), y[some], weight[some]
        coef = np.zeros((n_columns + len(own.channels), n_targets))
        skip = cls(scale, n_steps, coef, np.zeros(n_targets), np.ones(n_targets), own, np.ones(sequences.n_channels))
        skip = replace(skip, unit=skip._spread(sequences, weight))
        skip = skip._solved(sequences, y, weight)
        spread = np.sqrt(weight @ np.square(y - skip.answer(sequences)) / weight.sum())
        return replace(skip, spread=np.where(spread > 0, spread, 1.0))

    def _solved(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> LinearSkip:
        """With the best coefficients; those of last values only if the last sequences are for it."""
        n_last_values, n_later = len(self.own.channels), len(y) // 4
        n_columns = len(self.coef) - n_last_values
        if not n_last_values or n_later < _FEWEST:
            return self._with(*self._moments(sequences, y, weight).first(n_columns).solve_best()[:2])
        earlier, later = slice(0, -n_later), slice(-n_later, None)
        first, last = (self._moments(sequences.take(part), y[part], weight[part]) for part in (earlier, later))
        moments = first + last
        coef, intercept, penalty = moments.first(n_columns).solve_best()
        without, levelled = (self._with(*some.solve(penalty)) for some in (first.first(n_columns), first))
        losses = (
            weight[later] * np.square(y[later] - model.answer(sequences.take(later))).mean(axis=1)
            for model in (levelled, without)
        )
        tried = without
        if surely_lower(*losses, n_errors=_SURE):
            tried = levelled
            coef, intercept, _ = moments.solve_best()
        return replace(self._with(coef, intercept), by_value=tried._leaves_values(sequences, y, weight))

    def _leaves_values(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> bool:
        """Whether what this forecast leaves of the first target of each channel is learnt better from its values."""
        every = slice(None, None, math.ceil(len(y) / MOST_ROWS))
        blocks = list(self._blocks(sequences.take(every)))
        columns, carried = (np.concatenate([block[i] for block in blocks]) for i in (1, 2))
        rest = y[every] - columns @ self.coef - self.intercept - carried
        channels = self.own.channels[:MOST_COLUMNS]
        targets = [int(np.argmax(self.own.channel == channel)) for channel in channels]
        steps, last = np.split(columns, [self.n_steps * sequences.n_channels], axis=1)
        steps = steps.reshape(len(rest), self.n_steps, -1)[:, -(MOST_COLUMNS // len(channels)) :, channels]
        differences = steps * self.unit[channels]
        values = differences + last[:, None, : len(channels)]
        flat = (len(rest), -1)
        return values_tell_more(values.reshape(flat), differences.reshape(flat), rest[:, targets], weight[every])

    def _with(self, coef: np.ndarray, intercept: np.ndarray) -> LinearSkip:
        """With other coefficients; those that are not given are 0."""
        return replace(self, coef=np.pad(coef, ((0, len(self.coef) - len(coef)), (0, 0))), intercept=intercept)

    def _moments(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> Moments:
        moments = Moments(*self.coef.shape)
        for rows, columns, carried in self._blocks(sequences):
            moments.add(columns, y[rows] - carried, weight[rows])
        return moments

    def answer(self, sequences: Sequences) -> np.ndarray:
        """Linear forecasts (n, target)."""
        found = np.empty((len(sequences), len(self.intercept)))
        for rows, columns, carried in self._blocks(sequences):
            found[rows] = columns @ self.coef + self.intercept + carried
        return found

    @property
    def moving(self) -> np.ndarray:
        """The channels that layers, too, measure from their last value."""
        return self.own.channels[:0] if self.by_value else self.own.channels

    def level(self, sequences: Sequences) -> np.ndarray:
        """From what the channels ``moving`` of each sequence are measured (n, moving), standardised, in their units."""
        return self._in_units(self.own.level(sequences, self.n_steps, self.scale.mean))[:, self.moving]

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
            steps = columns[:, : self.n_steps * sequences.n_channels].reshape(len(columns), self.n_steps, -1)
            total += weight[rows] @ np.square(steps).mean(axis=1)
        spread = np.sqrt(total / weight.sum())
        moved = np.isin(np.arange(len(spread)), self.own.channels) & (spread > 0)
        return np.where(moved, spread, 1.0)

    def _blocks(self, sequences: Sequences) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Blocks of rows, their columns and what targets are measured from (row, target)."""
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
            steps_side_by_side = _with_means(columns).reshape(len(values), -1)
            yield rows, np.hstack([steps_side_by_side, (level * self.unit)[:, self.own.channels]]), carried


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
