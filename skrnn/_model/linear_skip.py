"""A linear forecast from the steps of a sequence, to which the network adds: ridge regression in closed form.

The autoregressive part beside a recurrent network is that of LSTNet (Lai, Chang, Yang and Liu, 2018); measuring windows
and targets from the last value of the window that of NLinear (Zeng, Chen, Zhang and Xu, 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from skrnn._data.robust import middle_and_spread
from skrnn._data.sequences import Sequences, longest
from skrnn._data.units import Scale
from skrnn._model.linear_columns import LinearColumns
from skrnn._model.ridge import Moments
from skrnn._model.values_or_differences import MOST_COLUMNS, MOST_ROWS, values_tell_more
from skrnn._training.evidence import surely_lower

LARGEST = 2500  # columns of the regression
_REFITS = 10
_BOUND = 1.345  # spreads: 95 % of the efficiency of least squares where errors are normal
_ENOUGH = 0.02  # spreads
_FEWEST = 50  # later sequences that can tell whether last values help: neighbours are alike
_SURE = 3  # standard errors, rather than the usual two: a slow drift looks like evidence


def steps_read(linear_skip: bool | int, sequences: Sequences) -> int:
    """How many of the last steps a linear skip reads: at most those of the longest sequence, fewer of many channels."""
    asked = longest(sequences)
    asked = asked if linear_skip is True else min(int(linear_skip), asked)
    return max(min(asked, LARGEST // sequences.n_channels), 1)


@dataclass(frozen=True)
class LinearSkip:
    """Answers ``columns @ coef + intercept``, plus the last value of the channel that holds the target's own past.

    Answers are standardised targets. The coefficients of last values are 0 unless forecasts of later sequences are
    surely better with them: a series that returns to its mean needs them, but one that drifts will leave the values
    that were learnt. ``spread`` is the root of the mean squared error.
    """

    columns: LinearColumns
    coef: np.ndarray  # (column, target)
    intercept: np.ndarray  # (target,)
    spread: np.ndarray  # (target,)
    n_counted: int  # columns whose coefficients are not 0: all, or those of steps
    by_value: bool = False  # whether layers read values in the place of differences
    optimism: float = 1.0  # by what factor errors of other sequences are larger than those of the fit

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
        columns = LinearColumns.find(sequences, scale, y, n_steps)
        sequences, y, weight = columns.used(sequences, y, weight)
        columns = columns.in_units_of(sequences, weight)
        nothing = np.zeros((columns.n_columns, y.shape[1]))
        skip = cls(columns, nothing, nothing[0], np.ones(y.shape[1]), columns.n_of_steps)
        return skip._chosen(sequences, y, weight)._solved(sequences, y, weight)

    def again(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> LinearSkip:
        """A forecast of the same columns, fitted on other sequences."""
        return self._solved(*self.columns.used(sequences, y, weight))

    def without_outliers(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> LinearSkip:
        """A forecast of the same columns in which errors beyond a bound count as errors at it (Huber, 1964)."""
        sequences, y, weight = self.columns.used(sequences, y, weight)
        skip, answer = self, self.answer(sequences)
        for _ in range(_REFITS):
            error = y - answer
            middle, spread = middle_and_spread(error, weight)
            before, bound = answer, _BOUND * spread
            skip = skip._solved(sequences, answer + middle + (error - middle).clip(-bound, bound), weight)
            answer = skip.answer(sequences)
            if np.all(np.abs(answer - before) < _ENOUGH * spread):
                break
        return skip

    def answer(self, sequences: Sequences) -> np.ndarray:
        """Linear forecasts (n, target)."""
        found = np.empty((len(sequences), len(self.intercept)))
        for rows, columns, carried in self.columns.blocks(sequences):
            found[rows] = columns @ self.coef + self.intercept + carried
        return found

    @property
    def moving(self) -> np.ndarray:
        """The channels that layers, too, measure from their last value."""
        return self.columns.own.channels[:0] if self.by_value else self.columns.own.channels

    def _solved(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> LinearSkip:
        """With the best coefficients of the columns that count."""
        coef, intercept, _, optimism = self._moments(sequences, y, weight).first(self.n_counted).solve_best()
        skip = self._with(coef, intercept)
        spread = np.sqrt(weight @ np.square(y - skip.answer(sequences)) / weight.sum())
        return replace(skip, spread=np.where(spread > 0, spread, 1.0), optimism=optimism)

    def _chosen(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> LinearSkip:
        """With last values, and values in the place of differences, where the last quarter is for them."""
        n_later = len(y) // 4
        if not len(self.columns.own.channels) or n_later < _FEWEST:
            return self
        earlier, later = slice(0, -n_later), slice(-n_later, None)
        moments = self._moments(sequences.take(earlier), y[earlier], weight[earlier])
        _, _, penalty, _ = moments.first(self.n_counted).solve_best()
        without, levelled = (self._with(*some.solve(penalty)) for some in (moments.first(self.n_counted), moments))
        losses = (
            weight[later] * np.square(y[later] - model.answer(sequences.take(later))).mean(axis=1)
            for model in (levelled, without)
        )
        chosen = levelled if surely_lower(*losses, n_errors=_SURE) else without
        return replace(chosen, by_value=chosen._leaves_values(sequences, y, weight))

    def _leaves_values(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> bool:
        """Whether what this forecast leaves of the first target of each channel is learnt better from its values."""
        every = slice(None, None, math.ceil(len(y) / MOST_ROWS))
        blocks = list(self.columns.blocks(sequences.take(every)))
        columns, carried = (np.concatenate([block[i] for block in blocks]) for i in (1, 2))
        rest = y[every] - columns @ self.coef - self.intercept - carried
        own = self.columns.own
        channels = own.channels[:MOST_COLUMNS]
        targets = [int(np.argmax(own.channel == channel)) for channel in channels]
        steps, last = np.split(columns, [self.columns.n_of_steps], axis=1)
        steps = steps.reshape(len(rest), self.columns.n_steps, -1)[:, -(MOST_COLUMNS // len(channels)) :, channels]
        differences = steps * self.columns.unit[channels]
        values = differences + last[:, None, : len(channels)]
        flat = (len(rest), -1)
        return values_tell_more(values.reshape(flat), differences.reshape(flat), rest[:, targets], weight[every])

    def _with(self, coef: np.ndarray, intercept: np.ndarray) -> LinearSkip:
        """With coefficients of the first columns; those of the others are 0."""
        padded = np.pad(coef, ((0, len(self.coef) - len(coef)), (0, 0)))
        return replace(self, coef=padded, intercept=intercept, n_counted=len(coef))

    def _moments(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> Moments:
        moments = Moments(*self.coef.shape)
        for rows, columns, carried in self.columns.blocks(sequences):
            moments.add(columns, y[rows] - carried, weight[rows])
        return moments
