"""What a linear forecast reads: the last steps side by side, measured from the last value of the target's own past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from skrnn._data.sequences import Sequences
from skrnn._data.units import Scale
from skrnn._model.own_past import OwnPast

_AT_ONCE = 2**18  # numbers in a block of rows
_LARGEST_WORK = 2e10  # multiplications, beyond which not all rows are used
_FEW = 0.1  # of the sequences may be left out because steps are missing


@dataclass(frozen=True)
class LinearColumns:
    """The standardised channels of the last steps, oldest first, and behind them last values.

    A channel that holds the past of a target is measured from its last value, in units of its own. What is missing
    counts as the mean of what is there in the same sequence. Steps of NaN behind a sequence are no part of it.
    """

    scale: Scale  # of the channels
    n_steps: int
    own: OwnPast
    unit: np.ndarray  # (channel,) what a channel that is measured from its last value is divided by, else 1

    @classmethod
    def find(cls, sequences: Sequences, scale: Scale, y: np.ndarray, n_steps: int) -> LinearColumns:
        """Those of some sequences and their standardised targets (n, target), in no units yet."""
        return cls(scale, n_steps, OwnPast.find(sequences, y), np.ones(sequences.n_channels))

    @property
    def n_of_steps(self) -> int:
        """How many columns are steps."""
        return self.n_steps * len(self.unit)

    @property
    def n_columns(self) -> int:
        return self.n_of_steps + len(self.own.channels)

    def known(self, sequences: Sequences) -> slice | np.ndarray:
        """Rows of the sequences that tell where they stand, in the channels that hold the past of targets.

        Those in which steps are missing, as at the start of a series, are not counted among them as long as they are
        few; else those in which all are.
        """
        n_read = min(self.n_steps, sequences.n_steps)
        n_there = np.zeros(len(sequences.base) + 1, np.int32)
        np.cumsum(~np.isnan(sequences.base[:, self.own.channels]).any(axis=1), out=n_there[1:])
        place = sequences.starts + sequences.n_steps
        n_known = n_there[place]
        place -= n_read
        n_known -= n_there[place]
        if np.mean(n_known < n_read) <= _FEW:
            return _as_slice(n_known == n_read)
        return _as_slice((n_known > 0) | (n_known.max() == 0))

    def used(self, sequences: Sequences, y: np.ndarray, weight: np.ndarray) -> tuple[Sequences, np.ndarray, np.ndarray]:
        """What a linear forecast is fitted on: known, and no more than is worth the work."""
        known = self.known(sequences)
        sequences, y, weight = sequences.take(known), y[known], weight[known]
        some = slice(None, None, _stride(len(y), self.n_of_steps))
        return sequences.take(some), y[some], weight[some]

    def in_units_of(self, sequences: Sequences, weight: np.ndarray) -> LinearColumns:
        """Channels that are measured from their last value are divided by the root of their mean square."""
        total = np.zeros(len(self.unit))
        for rows, columns, _ in self.blocks(sequences):
            steps = columns[:, : self.n_of_steps].reshape(len(columns), self.n_steps, -1)
            total += weight[rows] @ np.square(steps).mean(axis=1)
        spread = np.sqrt(total / weight.sum())
        moved = np.isin(np.arange(len(spread)), self.own.channels) & (spread > 0)
        return replace(self, unit=np.where(moved, spread, 1.0))

    def level(self, sequences: Sequences) -> np.ndarray:
        """From what the standardised channels of each sequence are measured (n, channel), in their units."""
        return self._in_units(self.own.level(sequences, self.n_steps, self.scale.mean))

    def blocks(self, sequences: Sequences) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Blocks of rows, their columns and what targets are measured from (row, target)."""
        n_read = min(self.n_steps, sequences.n_steps)
        n_at_once = max(_AT_ONCE // (n_read * sequences.n_channels), 1)
        behind = sequences.n_behind()[:, None]
        for first in range(0, len(sequences), n_at_once):
            rows = slice(first, first + n_at_once)
            steps = np.arange(sequences.n_steps - n_read, sequences.n_steps) - behind[rows]
            values = sequences.base[sequences.starts[rows, None] + np.maximum(steps, 0)]  # (row, step, channel)
            values = (values - self.scale.mean) / (self.scale.std * self.unit)
            values[steps < 0] = np.nan
            level = self.own.level(sequences.take(rows), self.n_steps, self.scale.mean)
            carried = self.own.carried(level)
            columns = np.full((len(values), self.n_steps, sequences.n_channels), np.nan)
            np.subtract(values, self._in_units(level)[:, None], out=columns[:, self.n_steps - n_read :])
            steps_side_by_side = _with_means(columns).reshape(len(values), -1)
            yield rows, np.hstack([steps_side_by_side, (level * self.unit)[:, self.own.channels]]), carried

    def _in_units(self, level: np.ndarray) -> np.ndarray:
        """Levels (n, channel) as standardised, in place."""
        for channel in self.own.channels:
            level[:, channel] -= self.scale.mean[channel]
            level[:, channel] /= self.scale.std[channel] * self.unit[channel]
        return level


def _as_slice(chosen: np.ndarray) -> slice | np.ndarray:
    """Chosen rows (n,), as a slice if they follow each other: what it takes is then not copied."""
    block = slice(int(chosen.argmax()), len(chosen) - int(chosen[::-1].argmax()))
    return block if chosen[block].all() else chosen


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
