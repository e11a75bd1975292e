"""The anchor: the last known value of a target's own past, from which windows and targets are measured.

A series that drifts reaches values that no training row had; its changes stay alike. This is the idea of NLinear
(Zeng, Chen, Zhang and Xu, 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skrnn._data.sequences import MOST_AT_THE_START, Sequences, steps_in_front
from skrnn._data.units import Scale
from skrnn._model.timeline import find_past

_AT_ONCE = 2**16  # sequences that are looked up together
_NUMBERS = 2**18  # that are looked at together
_MEASURED = 2**18  # numbers from which spreads are measured, at most
_ROUNDING = 1e-12  # of a target of variance 1
_FEW = 0.1  # of the sequences may be left out because other steps are missing


@dataclass(frozen=True)
class Levels:
    """From what sequences are measured, and in which units of their own, if in any."""

    values: np.ndarray  # (n, anchored channel)
    sizes: np.ndarray | None = None  # (n, anchored channel); 0 where a sequence does not tell its own

    def take(self, rows: slice) -> Levels:
        """Those of some of the sequences."""
        return Levels(self.values[rows], None if self.sizes is None else self.sizes[rows])


@dataclass(frozen=True)
class Anchor:
    """For each target the channel that holds its past: ``target = slope * channel + offset``.

    The layers also read the values of these channels as they are, unless ``only_changes``. With ``scaling``, changes
    are in units of the size of what a sequence holds of the target's past: the mean of its absolute values, or its
    standard deviation (Salinas, Flunkert, Gasthaus and Januschowski, 2020, divide by the former).
    """

    channel: np.ndarray  # (target,) int; -1 for a target that never changes
    slope: np.ndarray  # (target,)
    offset: np.ndarray  # (target,)
    only_changes: bool
    scaling: str | None = None  # "mean" or "std"

    @classmethod
    def find(
        cls, sequences: Sequences, y: np.ndarray, *, only_changes: bool, scaling: str | None = None
    ) -> Anchor | None:
        """That of sequences in the order of time and their targets (n, target); None if any target has none."""
        channel, slope, offset = find_past(sequences, y, rounding=0.0 if scaling is None else _ROUNDING)
        return cls(channel, slope, offset, only_changes, scaling) if np.any(channel >= 0) else None

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

    def sizes(self, sequences: Sequences, otherwise: np.ndarray) -> np.ndarray:
        """The size of each sequence (n, anchored channel), that of a target of slope 1; 0 where it tells none.

        Where nothing is known of a channel, it is the given one.
        """
        sizes = np.empty((len(sequences), len(self.channels)))
        n_rows = max(_NUMBERS // sequences.n_steps, 1)
        for first in range(0, len(sizes), n_rows):
            rows = sequences.starts[first : first + n_rows, None] + np.arange(sequences.n_steps)
            for i, target in enumerate(self._targets):
                values, shift = sequences.base[rows, self.channels[i]], self.offset[target] / self.slope[target]
                sizes[first : first + n_rows, i] = _size(values, shift, otherwise[i], around=self.scaling == "std")
        return sizes

    def by_values(self, values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Derivatives of the sizes of sequences (n, step, anchored channel) by these values; 0 where they are NaN."""
        known = ~np.isnan(values)
        n = np.maximum(known.sum(axis=1, keepdims=True), 1)
        if self.scaling == "std":
            apart = values - np.where(known, values, 0).sum(axis=1, keepdims=True) / n
            slopes = divided(apart, n * sizes[:, None])
        else:
            slopes = np.sign(values + self.offset[self._targets] / self.slopes) / n
        return np.where(known & (sizes > 0)[:, None], slopes, 0)

    @cached_property
    def slopes(self) -> np.ndarray:
        """The slope of the first target of each anchored channel."""
        return self.slope[self._targets]

    @cached_property
    def _targets(self) -> np.ndarray:
        """The first target of each anchored channel."""
        return (self.channel == self.channels[:, None]).argmax(axis=1)

    def of_targets(self, levels: np.ndarray) -> np.ndarray:
        """Levels in the units of the targets (n, target); 0 for a target that never changes."""
        targets: np.ndarray = levels[:, self._places] * self.slope
        targets += self.offset  # in place: there may be many
        return targets

    def sizes_of_targets(self, sizes: np.ndarray) -> np.ndarray:
        """Sizes in the units of the targets (n, target); 1 for a target that never changes."""
        return np.where(self.channel >= 0, sizes[:, self._places] * self.slope, 1.0)

    @cached_property
    def _places(self) -> np.ndarray:
        """The place of each target's channel among the anchored ones."""
        return np.searchsorted(self.channels, self.channel)

    def spreads(self, sequences: Sequences, levels: Levels, weight: np.ndarray, *, robust: bool) -> np.ndarray:
        """How far the steps lie from the level (anchored channel,): root of the mean square, or a robust one."""
        every = -(-len(sequences) * sequences.n_steps // _MEASURED)
        rows = sequences.starts[::every, None] + np.arange(sequences.n_steps)
        weights = np.broadcast_to(weight[::every, None], rows.shape)
        spreads = np.empty(len(self.channels))
        for i, channel in enumerate(self.channels):
            change = sequences.base[rows, channel] - levels.values[::every, i, None]
            if levels.sizes is not None:
                change = divided(change, levels.sizes[::every, i, None])
            spreads[i] = _around_zero(change, weights, f"Channel {channel} of X", robust=robust)
        return spreads

    def complete(self, sequences: Sequences) -> slice | np.ndarray:
        """Rows of the sequences whose changes can be learnt from.

        Those whose first steps are missing, as at the start of a series, are not among them unless they are most;
        those with holes, as long as they are few; and those without a step. With ``scaling``, neither are those that
        tell no size, as long as others do.
        """
        starts, n_steps = sequences.starts, sequences.n_steps
        known = ~np.isnan(sequences.base[:, self.channels]).any(axis=1)
        n_there = np.zeros(len(known) + 1, np.int32)
        np.cumsum(known, out=n_there[1:])
        n_known = n_there[starts + n_steps] - n_there[starts]
        n_later = n_steps - steps_in_front(known, starts, n_steps)
        begun, with_holes = (n_known == n_later) & (n_later < n_steps), n_known < n_later
        left_out = (n_known == 0) & (n_known.max() > 0)
        left_out |= begun & (begun.mean() <= MOST_AT_THE_START)
        left_out |= with_holes & (with_holes.mean() <= _FEW)
        if self.scaling is not None:
            told = ~left_out & (self.sizes(sequences, np.zeros(len(self.channels))) > 0).all(axis=1)
            left_out = ~told if told.any() else left_out
        return _as_slice(~left_out)


def _around_zero(change: np.ndarray, weight: np.ndarray, name: str, *, robust: bool) -> float:
    """Spread around 0 of the changes that are not NaN: that of these and their mirror image."""
    seen = ~np.isnan(change)
    both = np.concatenate([change[seen], -change[seen]])[:, None], np.tile(weight[seen], 2)
    measure = Scale.robust if robust else Scale.of
    return float(measure(lambda: [both], 1, change.dtype, [name]).std[0])


def divided(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Values in units of sizes; 0 where these are 0."""
    shape = np.broadcast_shapes(values.shape, sizes.shape)
    return np.divide(values, sizes, out=np.zeros(shape), where=sizes > 0)


def _size(values: np.ndarray, shift: float, otherwise: float, *, around: bool) -> np.ndarray:
    """Mean of the absolute values (n, step) after a shift, or their standard deviation, without NaN (n,)."""
    known = ~np.isnan(values)
    n_known = known.sum(axis=1)
    read = np.where(known, values, 0).astype(np.float64)
    largest = np.abs(read).max(axis=1)
    unit = np.where(largest > 0, largest, 1.0)  # in which squares stay in the range of floats
    read = read / unit[:, None]
    n = np.maximum(n_known, 1)
    if around:
        apart = np.where(known, read - (read.sum(axis=1) / n)[:, None], 0)
        sizes = np.sqrt(np.square(apart).sum(axis=1) / n)
    else:
        sizes = np.where(known, np.abs(read + (shift / unit)[:, None]), 0).sum(axis=1) / n
    sizes[sizes <= 10 * np.finfo(values.dtype).eps] = 0  # rounding
    return np.where(n_known > 0, sizes * unit, otherwise)


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
