"""The anchor: the last known value of a target's own past, from which windows and targets are measured.

A series that drifts reaches values that no training row had; its changes stay alike. This is the idea of NLinear
(Zeng, Chen, Zhang and Xu, 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skrnn._data.sequences import Sequences, steps_in_front
from skrnn._data.units import Scale
from skrnn._model.timeline import find_past

_AT_ONCE = 2**16  # sequences that are looked up together
_MEASURED = 2**18  # numbers from which spreads are measured, at most
_MOST = 0.5  # of the sequences may be left out because their first steps are missing
_FEW = 0.1  # of the sequences may be left out because other steps are missing


@dataclass(frozen=True)
class Anchor:
    """For each target the channel that holds its past: ``target = slope * channel + offset``.

    The layers also read the values of these channels as they are, unless ``only_changes``.
    """

    channel: np.ndarray  # (target,) int; -1 for a target that never changes
    slope: np.ndarray  # (target,)
    offset: np.ndarray  # (target,)
    only_changes: bool

    @classmethod
    def find(cls, sequences: Sequences, y: np.ndarray, *, only_changes: bool) -> Anchor | None:
        """That of sequences in the order of time and their targets (n, target); None if any target has none."""
        channel, slope, offset = find_past(sequences, y)
        return cls(channel, slope, offset, only_changes) if np.any(channel >= 0) else None

    @cached_property
    def channels(self) -> np.ndarray:
        """The channels that are measured from their last value, in increasing order."""
        return np.unique(self.channel[self.channel >= 0])

    def levels(self, sequences: Sequences, otherwise: np.ndarray) -> np.ndarray:
        """The last value of each sequence (n, anchored channel) that is not missing, or else the given one."""
        levels = np.empty((len(sequences), len(self.channels)), sequences.base.dtype)
        for first in range(0, len(levels), _AT_ONCE):
            last = sequences.starts[first : first + _AT_ONCE] + sequences.n_steps - 1
            for i, channel in enumerate(self.channels):
                column = sequences.base[:, channel]
                levels[first : first + _AT_ONCE, i] = _last_known(column, last, sequences.n_steps, otherwise[i])
        return levels

    def of_targets(self, levels: np.ndarray) -> np.ndarray:
        """Levels in the units of the targets (n, target); 0 for a target that never changes."""
        place = np.searchsorted(self.channels, self.channel)
        targets: np.ndarray = levels[:, place] * self.slope
        targets += self.offset  # in place: there may be many
        return targets

    def spreads(self, sequences: Sequences, levels: np.ndarray, weight: np.ndarray, *, robust: bool) -> np.ndarray:
        """How far the steps lie from the level (anchored channel,): root of the mean square, or a robust one."""
        every = -(-len(sequences) * sequences.n_steps // _MEASURED)
        rows = sequences.starts[::every, None] + np.arange(sequences.n_steps)
        weights = np.broadcast_to(weight[::every, None], rows.shape)
        spreads = np.empty(len(self.channels))
        for i, channel in enumerate(self.channels):
            change = sequences.base[rows, channel] - levels[::every, i, None]
            spreads[i] = _around_zero(change, weights, f"Channel {channel} of X", robust=robust)
        return spreads

    def complete(self, sequences: Sequences) -> slice | np.ndarray:
        """Rows of the sequences whose changes can be learnt from.

        Those whose first steps are missing, as at the start of a series, are not among them unless they are most;
        those with holes, as long as they are few; and those without a step.
        """
        known, starts, n_steps = (
            ~np.isnan(sequences.base[:, self.channels]).any(axis=1),
            sequences.starts,
            sequences.n_steps,
        )
        n_there = np.zeros(len(known) + 1, np.int32)
        np.cumsum(known, out=n_there[1:])
        n_known = n_there[starts + n_steps] - n_there[starts]
        n_later = n_steps - steps_in_front(known, starts, n_steps)
        begun, with_holes = (n_known == n_later) & (n_later < n_steps), n_known < n_later
        left_out = (n_known == 0) & (n_known.max() > 0)
        left_out |= begun & (begun.mean() <= _MOST)
        left_out |= with_holes & (with_holes.mean() <= _FEW)
        return _as_slice(~left_out)


def _around_zero(change: np.ndarray, weight: np.ndarray, name: str, *, robust: bool) -> float:
    """Spread around 0 of the changes that are not NaN: that of these and their mirror image."""
    seen = ~np.isnan(change)
    both = np.concatenate([change[seen], -change[seen]])[:, None], np.tile(weight[seen], 2)
    measure = Scale.robust if robust else Scale.of
    return float(measure(lambda: [both], 1, change.dtype, [name]).std[0])


def _last_known(column: np.ndarray, last: np.ndarray, n_back: int, otherwise: float) -> np.ndarray:
    """The latest of ``n_back`` numbers up to each place (n,) that is not missing."""
    found = np.full(len(last), otherwise, column.dtype)
    sought = np.arange(len(last))
    for back in range(n_back):
        values = column[last[sought] - back]
        known = ~np.isnan(values)
        found[sought[known]] = values[known]
        sought = sought[~known]
        if not len(sought):
            break
    return found


def _as_slice(chosen: np.ndarray) -> slice | np.ndarray:
    """Chosen rows (n,), as a slice if they follow each other: what it takes is then not copied."""
    block = slice(int(chosen.argmax()), len(chosen) - int(chosen[::-1].argmax()))
    return block if chosen[block].all() else chosen
