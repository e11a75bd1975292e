"""Which channel of sequences holds the past of the target, and its last value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skrnn._sequences import Sequences

_SEARCHED = 4096  # sequences among which the target's own past is looked for, at most
_VALUES = 2**16  # steps among which it is looked for, at most
_COMPARED = 1024  # sequences that say by how many steps one goes on from the one before


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
        hop, n_targets = _hop(sequences), y.shape[1]
        n = min(len(y), _SEARCHED, _VALUES // hop)
        own = cls(np.full(n_targets, -1), np.zeros(n_targets), np.zeros(n_targets), sequences.n_channels)
        newest = np.arange(sequences.n_steps - hop, sequences.n_steps)
        values = sequences.base[(sequences.starts[:n, None] + newest).ravel()].astype(np.float64)
        for channel, ahead, target in _most_alike(values, y[:n], hop):
            later = values[hop - 1 + ahead :: hop, channel]
            found = _affine(later, y[: len(later), target])
            if found is not None:
                own.channel[target] = channel
                own.slope[target], own.offset[target] = found
        return own

    def level(self, sequences: Sequences, n_steps: int) -> np.ndarray:
        """The last of ``n_steps`` values (n, channel) that is not missing of the channels in question, else 0."""
        level = np.zeros((len(sequences), self.n_channels))
        last = sequences.starts + sequences.n_steps - 1
        for channel in np.unique(self.channel[self.channel >= 0]):
            column = sequences.base[:, channel]
            sought = np.arange(len(last))
            for back in range(min(n_steps, sequences.n_steps)):
                level[sought, channel] = column[last[sought] - back]
                sought = sought[np.isnan(level[sought, channel])]
                if not len(sought):
                    break
            level[sought, channel] = 0.0
        return level

    def carried(self, level: np.ndarray) -> np.ndarray:
        """The last values in the units of the targets (row, target), 0 for targets without a channel."""
        return level[:, self.channel] * self.slope + self.offset


def _hop(sequences: Sequences) -> int:
    """By how many steps most sequences go on from the one before; 1 where that is not seen."""
    last = sequences.starts[:_COMPARED] + sequences.n_steps - 1
    ends = sequences.base[last[:-1]]
    alike = [np.mean((sequences.base[last[1:] - hop] == ends).all(axis=1)) for hop in range(1, sequences.n_steps)]
    return 1 + int(np.argmax(alike)) if len(ends) and max(alike, default=0.0) > 0.5 else 1


def _most_alike(values: np.ndarray, y: np.ndarray, hop: int) -> Iterator[tuple[int, int, int]]:
    """For each target (channel, ahead, target) where they correlate most.

    Target i is compared with the value that lies ``ahead`` behind value ``hop * (i + 1) - 1`` of the channel.
    """
    n = len(y)
    if n < 4:
        return
    size = 2 * n * hop
    spread_out = np.zeros((n * hop, y.shape[1]))
    spread_out[hop - 1 :: hop] = _standardised(y)
    spectra = [np.fft.rfft(table, size, axis=0) for table in (_standardised(values), spread_out)]
    ahead = np.arange(1, n * hop // 2 + 1)
    n_pairs = n - -(-ahead // hop)
    for target in range(y.shape[1]):
        correlation = np.fft.irfft(spectra[0] * spectra[1][:, target, None].conj(), size, axis=0)[ahead]
        best, channel = np.unravel_index(np.argmax(correlation / n_pairs[:, None]), correlation.shape)
        yield int(channel), int(ahead[best]), target


def _standardised(values: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and spread 1; 0 where they are missing or constant."""
    known = ~np.isnan(values)
    n_known = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, values - np.where(known, values, 0.0).sum(axis=0) / n_known, 0.0)
    spread = np.sqrt(np.square(centred).sum(axis=0) / n_known)
    return centred / np.where(spread > 0, spread, 1.0)


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
