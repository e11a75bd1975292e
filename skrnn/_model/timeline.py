"""Which channel of sequences holds the past of the target: the one in which later sequences hold earlier targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skrnn._data.sequences import Sequences

_SEARCHED = 4096  # sequences among which the target's own past is looked for, at most
_COMPARED = 16  # steps by which it is told that a sequence goes on from the one before
_MOST = 0.8  # of the values
_TRIED = 8  # values: a channel that holds none of these does not hold most of all
_VALUES = 2**16  # steps among which it is looked for, at most


def find_past(
    sequences: Sequences, y: np.ndarray, *, rounding: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each target the channel of which later sequences hold it as a value, and ``target = slope * it + offset``.

    Sequences in the order of time are needed, of one series or one series after another, each some steps further than
    the one before; or of several series in turn, each of them one step further than its last one. Channels are found
    for all targets that vary or for none: -1 then, and for a target that does not vary. Errors up to ``rounding`` are
    alike: the nearest pairs may be those of a series so small that they do not tell the slope.
    """
    channel, (slope, offset) = np.full(y.shape[1], -1), np.zeros((2, y.shape[1]))
    timeline = _Timeline.of(sequences)
    y = y[: len(timeline.place)]
    for column, ahead, target in timeline.most_alike(y):
        line = _affine(timeline.later(ahead)[:, column], y[:, target], rounding)
        if line is not None:
            channel[target], slope[target], offset[target] = column, *line
    if np.any((channel == -1) & (np.ptp(y, axis=0) > 0)):
        channel[:], slope[:], offset[:] = -1, 0, 0
    return channel, slope, offset


def channel_with_values(sequences: Sequences, y: np.ndarray) -> int | None:
    """A channel that holds most values of the targets (n, target) somewhere, whatever their order."""
    values = np.unique(y[~np.isnan(y)])
    if len(values) <= y.size / 2:  # values that come often are found by chance
        return None
    some = values[:: -(-len(values) // _TRIED)]
    places = [np.flatnonzero(sequences.base == value) for value in some]
    holds_some = np.isin(np.arange(sequences.n_channels), np.concatenate(places) % sequences.n_channels)
    shares = [
        np.isin(values, column).mean() if may else 0.0 for column, may in zip(sequences.base.T, holds_some, strict=True)
    ]
    return int(np.argmax(shares)) if max(shares) > _MOST else None


def ends_with(sequences: Sequences, channel: int, y: np.ndarray) -> bool:
    """Whether the last steps of a channel are most of the values of a target (n, target) of the same sequences."""
    last = sequences.base[sequences.starts + sequences.n_steps - 1, channel]
    return bool((last[:, None] == y).mean(axis=0).max() > _MOST)


@dataclass(frozen=True)
class _Timeline:
    """The steps with which sequences end one after another, series behind series with a gap of NaN between them."""

    values: np.ndarray  # (place, channel)
    place: np.ndarray  # (n,), of the last step of each sequence
    hop: int  # by how many steps most sequences go on from the one before
    goes_on: np.ndarray  # (n - 1,), which of them do
    lengths: np.ndarray  # (series,), from the first to the last sequence of each, in hops

    @classmethod
    def of(cls, sequences: Sequences) -> _Timeline:
        hop, n_steps = _hops(sequences)
        n_steps = n_steps[: min(_SEARCHED, _VALUES // hop) - 1]
        series = np.concatenate([[0], np.cumsum(n_steps == 0)])
        covered = np.concatenate([[0], np.cumsum(n_steps)])
        lengths = np.array([np.ptp(covered[series == i]) // hop + 1 for i in range(series[-1] + 1)])
        gap = hop * (len(series) // len(lengths)) if len(lengths) > 1 else 0
        place = hop - 1 + covered + (gap + hop) * series
        values = np.full((place[-1] + 1, sequences.n_channels), np.nan)
        last = sequences.starts[: len(place)] + sequences.n_steps - 1
        for back in range(int(max(n_steps.max(initial=1), hop)) - 1, -1, -1):
            rows = np.concatenate([[back < hop], (n_steps > back) | ((n_steps == 0) & (back < hop))])
            values[place[rows] - back] = sequences.base[last[rows] - back]
        return cls(values, place, hop, n_steps == hop, lengths)

    def later(self, ahead: int) -> np.ndarray:
        """The values (n, channel) that lie some places behind the last steps of the sequences."""
        at = self.place + ahead
        found = np.full((len(at), self.values.shape[1]), np.nan)
        known = at < len(self.values)
        found[known] = self.values[at[known]]
        return found

    def most_alike(self, y: np.ndarray) -> Iterator[tuple[int, int, int]]:
        """For each target (channel, ahead, target) where target and later values most often rise and fall together.

        Only ``ahead`` that most sequences have in their series are looked at.
        """
        rows_ahead = np.arange(1, self.lengths.max() + 1)
        n_pairs = np.maximum(self.lengths - rows_ahead[:, None], 0).sum(axis=1).repeat(self.hop)
        ahead = np.arange(1, self.hop * np.sum(n_pairs[:: self.hop] >= max(len(y) / 2, 3)) + 1)
        if not len(ahead):
            return
        size = len(self.values) + len(ahead)
        values, signs = np.zeros_like(self.values), np.zeros((len(self.values), y.shape[1]))
        values[: -self.hop] = np.nan_to_num(np.sign(self.values[self.hop :] - self.values[: -self.hop]))
        signs[self.place[:-1][self.goes_on]] = np.sign(np.diff(y, axis=0)[self.goes_on])
        spectra = [np.fft.rfft(table, size, axis=0) for table in (values, signs)]
        for target in range(y.shape[1]):
            agreement = np.fft.irfft(spectra[0] * spectra[1][:, target, None].conj(), size, axis=0)[ahead]
            best, channel = np.unravel_index(np.argmax(agreement / n_pairs[ahead - 1, None]), agreement.shape)
            yield int(channel), int(ahead[best]), target


def _hops(sequences: Sequences) -> tuple[int, np.ndarray]:
    """By how many steps most sequences go on from the one before, and by how many each does (n - 1,), 0 for not at all.

    Where most do not, all are taken as going on by one step.
    """
    last = sequences.starts[:_SEARCHED] + sequences.n_steps - 1
    n_steps = np.zeros(len(last) - 1, dtype=int)
    likely, most = 1, 0.5
    tell = ~np.isnan(sequences.base[last[:-1]]).all(axis=1)
    for hop in range(1, sequences.n_steps if tell.any() else 1):
        alike = _alike(sequences.base, last[:-1], last[1:] - hop)
        if alike[tell].mean() > most:
            likely, most, n_steps = hop, alike[tell].mean(), np.where(alike, hop, 0)
    if most == 0.5:
        return 1, np.ones_like(n_steps)
    for hop in range(1, sequences.n_steps):
        pairs = np.flatnonzero(n_steps == 0)
        same = np.ones(len(pairs), dtype=bool)
        for back in range(min(sequences.n_steps - hop, _COMPARED)):
            same &= _alike(sequences.base, last[:-1][pairs] - back, last[1:][pairs] - hop - back)
        n_steps[pairs[same & tell[pairs]]] = hop
    return likely, n_steps


def _alike(base: np.ndarray, some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which rows of a table hold the same values, or lack the same."""
    a, b = base[some], base[others]
    return ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)


def _affine(x: np.ndarray, y: np.ndarray, rounding: float) -> tuple[float, float] | None:
    """Slope and offset if most pairs lie on one rising line, up to rounding."""
    known = ~np.isnan(x)
    x, y = x[known], y[known]
    if len(x) < 4:
        return None
    exponent = np.frexp(np.ptp(x))[1]  # in units of a power of two, squares stay in the range of floats
    x = np.ldexp(x, -exponent)
    near = np.ones(len(x), dtype=bool)
    slope = offset = 0.0
    for _ in range(20):  # least squares on the nearer half: the others belong to another series
        if np.ptp(x[near]) == 0:
            return None
        slope = float(np.cov(x[near], y[near])[0, 1] / np.var(x[near], ddof=1))
        offset = float(y[near].mean() - slope * x[near].mean())
        error = np.abs(slope * x + offset - y)
        near = error <= max(np.median(error), rounding)
    exact = np.median(error) <= 1e-4 * np.std(y[near])  # not of all: one target far out would hide the errors
    return (float(np.ldexp(slope, -exponent)), offset) if exact and slope > 0 else None
