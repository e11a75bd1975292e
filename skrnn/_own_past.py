"""Which channel of sequences holds the past of the target, and its last value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skrnn._sequences import Sequences

_SEARCHED = 4096  # sequences among which the target's own past is looked for, at most
_LEVELS = 2**16  # sequences whose levels are looked up together
_VALUES = 2**16  # steps among which it is looked for, at most


@dataclass(frozen=True)
class OwnPast:
    """For each target the channel that holds its own past, and ``target = slope * channel + offset``."""

    channel: np.ndarray  # (target,) int; -1 where there is none
    slope: np.ndarray
    offset: np.ndarray
    n_channels: int

    @classmethod
    def find(cls, sequences: Sequences, y: np.ndarray) -> OwnPast:
        """Look for targets that later sequences hold as values of a channel.

        Sequences in the order of time are needed, of one series or one series after another, each some steps further
        than the one before; or of several series in turn, each of them one step further than its last one.
        """
        n_targets = y.shape[1]
        own = cls(np.full(n_targets, -1), np.zeros(n_targets), np.zeros(n_targets), sequences.n_channels)
        timeline = _Timeline.of(sequences)
        y = y[: len(timeline.place)]
        for channel, ahead, target in timeline.most_alike(y):
            found = _affine(timeline.later(ahead)[:, channel], y[:, target])
            if found is not None:
                own.channel[target] = channel
                own.slope[target], own.offset[target] = found
        return own

    @property
    def channels(self) -> np.ndarray:
        """The channels in question."""
        return np.unique(self.channel[self.channel >= 0])

    def level(self, sequences: Sequences, n_steps: int, mean: np.ndarray) -> np.ndarray:
        """The last of ``n_steps`` values (n, channel) that is not missing, or the mean; 0 for other channels."""
        level = np.zeros((len(sequences), self.n_channels), sequences.base.dtype)
        n_back = min(n_steps, sequences.n_steps)
        for first in range(0, len(level), _LEVELS):
            part = level[first : first + _LEVELS]
            last = sequences.starts[first : first + _LEVELS] + sequences.n_steps - 1
            for channel in self.channels:
                part[:, channel] = _last_known(sequences.base[:, channel], last, n_back, mean[channel])
        return level

    def carried(self, level: np.ndarray) -> np.ndarray:
        """The last values in the units of the targets (row, target), 0 for targets without a channel."""
        return level[:, self.channel] * self.slope + self.offset


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


@dataclass(frozen=True)
class _Timeline:
    """The steps with which sequences end one after another, series behind series with a gap of NaN between them."""

    values: np.ndarray  # (place, channel)
    place: np.ndarray  # (n,), of the last step of each sequence
    hop: int  # by how many steps most sequences go on from the one before
    lengths: np.ndarray  # (series,) number of sequences of each

    @classmethod
    def of(cls, sequences: Sequences) -> _Timeline:
        hop, goes_on = _hop(sequences)
        n = min(len(sequences), _SEARCHED, _VALUES // hop)
        series = np.concatenate([[0], np.cumsum(~goes_on)])[:n]
        lengths = np.bincount(series)
        gap = hop * (n // len(lengths)) if len(lengths) > 1 else 0
        place = hop * (np.arange(n) + 1) - 1 + gap * series
        values = np.full((place[-1] + 1, sequences.n_channels), np.nan)
        newest = np.arange(1 - hop, 1)
        last = sequences.starts[:n, None] + sequences.n_steps - 1
        values[place[:, None] + newest] = sequences.base[last + newest]
        return cls(values, place, hop, lengths)

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
        signs[self.place[:-1]] = np.sign(np.diff(y, axis=0))
        spectra = [np.fft.rfft(table, size, axis=0) for table in (values, signs)]
        for target in range(y.shape[1]):
            agreement = np.fft.irfft(spectra[0] * spectra[1][:, target, None].conj(), size, axis=0)[ahead]
            best, channel = np.unravel_index(np.argmax(agreement / n_pairs[ahead - 1, None]), agreement.shape)
            yield int(channel), int(ahead[best]), target


def _hop(sequences: Sequences) -> tuple[int, np.ndarray]:
    """By how many steps most sequences go on from the one before, and which of them do (n - 1,).

    Where most do not, they are taken as going on by one step.
    """
    last = sequences.starts[:_SEARCHED] + sequences.n_steps - 1
    ends = sequences.base[last[:-1]]
    best, most = 1, np.ones(len(ends), dtype=bool)
    share = 0.5
    for hop in range(1, sequences.n_steps):
        alike = (sequences.base[last[1:] - hop] == ends).all(axis=1)
        if len(alike) and alike.mean() > share:
            best, most, share = hop, alike, alike.mean()
    return best, most


def _affine(x: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    """Slope and offset if most pairs lie on one rising line, up to rounding."""
    known = ~np.isnan(x)
    x, y = x[known], y[known]
    near = np.ones(len(x), dtype=bool)
    slope = offset = 0.0
    for _ in range(20):  # least squares on the nearer half: the others belong to another series
        if len(x) < 4 or np.ptp(x[near]) == 0:
            return None
        slope = float(np.cov(x[near], y[near])[0, 1] / np.var(x[near], ddof=1))
        offset = float(y[near].mean() - slope * x[near].mean())
        error = np.abs(slope * x + offset - y)
        near = error <= np.median(error)
    exact = np.median(error) <= 1e-4 * np.std(y)
    return (slope, offset) if exact and slope > 0 else None
