"""Sequences as one base array and row numbers, and what is measured on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from skrnn._data.units import Scale

_BLOCK = 65536  # rows
MOST_AT_THE_START = 0.5  # of the sequences may be left out of training because their first steps are missing


@dataclass(frozen=True)
class Sequences:
    """n sequences of equal length: sequence i is ``base[starts[i] : starts[i] + n_steps]``.

    Windows of one series share their rows, so that the base is ``n_steps`` times smaller than the windows.
    A dense array is its own base.
    """

    base: np.ndarray  # (row, channel)
    starts: np.ndarray  # (n,) int64
    n_steps: int

    @classmethod
    def of(cls, X: np.ndarray) -> Sequences:
        """Recognise a view of overlapping windows by its strides: one window starts a whole number of rows on.

        Parameters
        ----------
        X : ndarray of shape (n, n_steps, n_channels)
            Windows. Nothing of this size is allocated unless X lies in memory in another order.
        """
        n, n_steps, n_channels = X.shape
        if n == 1 or n_steps == 1:  # the stride of an axis of length 1 means nothing
            return cls(X.reshape(-1, n_channels), np.arange(n), n_steps)
        hop, rest = divmod(X.strides[0], X.strides[1]) if X.strides[1] > 0 else (0, 0)
        if rest or not 0 < hop <= n_steps:
            X, hop = np.ascontiguousarray(X), n_steps
        shape = ((n - 1) * hop + n_steps, n_channels)
        base = np.lib.stride_tricks.as_strided(X, shape, X.strides[1:], writeable=False)
        return cls(base, np.arange(n) * hop, n_steps)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def n_channels(self) -> int:
        return int(self.base.shape[1])

    def take(self, rows: np.ndarray | slice) -> Sequences:
        """Some of the sequences."""
        return replace(self, starts=self.starts[rows])

    def with_base(self, base: np.ndarray) -> Sequences:
        """The same sequences of other values, for instance scaled ones."""
        return replace(self, base=base)

    def observed(self, missing: str = "skip") -> np.ndarray:
        """Rows of the base that are read: those without NaN, or with "indicator" those that are not all NaN."""
        read = _complete if missing == "skip" else _begun
        if len(self.base) <= _BLOCK:
            return read(self.base)
        return np.concatenate([read(self.base[rows]) for rows in self._blocks()])

    def observed_steps(self, missing: str) -> np.ndarray:
        """Steps of each sequence that are read (n, step)."""
        rows = self.starts[:, None] + np.arange(self.n_steps)
        return self.observed(missing)[rows]

    def n_behind(self) -> np.ndarray:
        """How many steps of NaN stand behind the last other step of each sequence (n,)."""
        return steps_behind(self.observed("indicator"), self.starts, self.n_steps)

    def steps(self, weight: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows of the base that are steps, and how often: each sequence counts with its weight.

        They come in blocks, so that what is computed from them needs little memory.
        """
        for rows in self._blocks():
            stop = min(rows.stop, len(self.base))
            origin = rows.start - self.n_steps + 1  # sequences that start here reach the block
            first, last = np.searchsorted(self.starts, [origin, stop])
            begun = self.starts[first:last] - origin
            counts, uses = (
                _sliding_sum(np.bincount(begun, weights=w, minlength=stop - origin), self.n_steps)
                for w in (None, weight[first:last])
            )
            used = counts > 0
            yield (self.base[rows], uses) if used.all() else (self.base[rows][used], uses[used])

    def scale(self, weight: np.ndarray, missing: str = "skip", *, robust: bool = False) -> Scale:
        """Weighted mean and spread of each channel over the observed steps of all sequences, see ``Scale``."""
        if missing == "skip" and any(_complete(rows).any() for rows, _ in self.steps(weight)):
            return self._scale(weight, slice(None), robust)
        # Each channel over its own values: a step may be read though other channels are missing, or none is complete.
        scales = [self._scale(weight, slice(i, i + 1), robust) for i in range(self.n_channels)]
        return Scale(*(np.concatenate(parts) for parts in zip(*((s.mean, s.std) for s in scales), strict=True)))

    def _scale(self, weight: np.ndarray, channels: slice, robust: bool) -> Scale:
        """Scale of some channels over the steps where none of them is NaN."""

        def complete_steps() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for rows, uses in self.steps(weight):
                values = rows[:, channels]
                complete = _complete(values)
                yield (values, uses) if complete.all() else (values[complete], uses[complete])

        numbers, measure = range(self.n_channels)[channels], Scale.robust if robust else Scale.of
        names = [f"Channel {i} of X" for i in numbers]
        # Weights of a channel that taught nothing stay as they were drawn: it counts for nothing when it changes later.
        return measure(complete_steps, len(numbers), self.base.dtype, names, constant=np.inf)

    def _blocks(self) -> Iterator[slice]:
        return (slice(first, first + _BLOCK) for first in range(0, len(self.base), _BLOCK))


def extremes(sequences: Sequences, channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value of some channels in each sequence (n, channel), NaN where none is known."""
    values = sequences.base[:, channels]
    lowest, highest = (_sliding(reduce, values, sequences.n_steps) for reduce in (np.fmin, np.fmax))
    return lowest[sequences.starts], highest[sequences.starts]


def _sliding(reduce: np.ufunc, values: np.ndarray, n_steps: int) -> np.ndarray:
    """What ``reduce`` gives of as many rows from each one on, from twice as many each time."""
    size = 1
    while size < n_steps:
        more = min(size, n_steps - size)
        values, size = reduce(values[:-more], values[more:]), size + more
    return values


def _complete(values: np.ndarray) -> np.ndarray:
    """Rows without NaN; many by columns, since numpy reduces short rows slowly."""
    if len(values) < values.shape[1]:
        return ~np.isnan(values).any(axis=1)
    complete = np.ones(len(values), dtype=bool)
    for column in values.T:
        complete &= ~np.isnan(column)
    return complete


def _begun(values: np.ndarray) -> np.ndarray:
    """Rows that are not all NaN."""
    return ~np.isnan(values).all(axis=1)


def with_their_rows(sequences: Sequences) -> Sequences:
    """The same sequences with no more of the base than they lie in."""
    starts = sequences.starts
    first, last = starts.min(), starts.max() + sequences.n_steps
    return replace(sequences, base=sequences.base[first:last], starts=starts - first)


def overlap(sequences: Sequences) -> bool:
    """Whether some of the sequences share steps, as windows of a series do."""
    return bool(np.any(np.diff(np.sort(sequences.starts)) < sequences.n_steps))


def in_whole_segments(sequences: Sequences, segment_size: int) -> Sequences:
    """The same sequences after as many missing steps as make whole segments."""
    n_before = -sequences.n_steps % segment_size
    if not n_before:
        return sequences
    steps = sequences.base[sequences.starts[:, None] + np.arange(sequences.n_steps)]  # (sequence, step, channel)
    return Sequences.of(np.pad(steps, ((0, 0), (n_before, 0), (0, 0)), constant_values=np.nan))


def lacks_some(sequences: Sequences, weight: np.ndarray) -> bool:
    """Whether some steps that are read lack channels, and others do not."""
    lacking = [~_complete(rows[_begun(rows)]) for rows, _ in sequences.steps(weight)]
    return any(some.any() for some in lacking) and not all(some.all() for some in lacking)


def steps_behind(observed: np.ndarray, starts: np.ndarray, n_steps: int) -> np.ndarray:
    """How many steps stand behind the last observed one of each sequence (n,); 0 where none is observed.

    ``observed`` (row,) are the rows of the base that are read.
    """
    last = starts + (n_steps - 1)
    if observed[last].all():
        return np.zeros(len(starts), dtype=np.int32)
    latest = np.arange(len(observed), dtype=np.int32)  # the last observed row up to each
    latest[~observed] = -n_steps
    np.maximum.accumulate(latest, out=latest)
    behind = (last - latest[last]).astype(np.int32)
    behind[behind >= n_steps] = 0
    return behind


def steps_in_front(observed: np.ndarray, starts: np.ndarray, n_steps: int) -> np.ndarray:
    """How many steps stand in front of the first observed one, as ``steps_behind``."""
    return steps_behind(observed[::-1], len(observed) - starts - n_steps, n_steps)


def at_the_start(sequences: Sequences, missing: str) -> np.ndarray:
    """Which sequences are windows at the start of a series, whose first steps are missing (n,).

    The next sequence holds the same steps, without the first. A window that starts with a gap further on differs: the
    one before it holds the step in front of the gap.
    """
    lacking = ~sequences.observed(missing)[sequences.starts]
    if sequences.n_steps == 1 or not lacking.any():
        return np.zeros(len(sequences), dtype=bool)
    asked = np.flatnonzero(lacking[1:] | lacking[:-1])
    goes_on = np.zeros(len(sequences), dtype=bool)
    n_at_once = max(_BLOCK // sequences.n_steps, 1)
    for first in range(0, len(asked), n_at_once):
        some = asked[first : first + n_at_once]
        goes_on[some] = _goes_on(sequences, some)
    continues = np.concatenate([[False], goes_on[:-1]])
    begun = lacking & ~continues  # with a step that is missing, and none before it
    latest = np.maximum.accumulate(np.where(begun | ~lacking, np.arange(len(lacking)), 0))
    return np.asarray(lacking & (goes_on | continues) & begun[latest])


def _goes_on(sequences: Sequences, some: np.ndarray) -> np.ndarray:
    """Which of some sequences the next one continues by one step (some,)."""
    first, second = sequences.starts[some] + 1, sequences.starts[some + 1]
    steps = np.arange(sequences.n_steps - 1)
    same = first == second
    a, b = (sequences.base[starts[~same, None] + steps] for starts in (first, second))
    same[~same] = ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=(1, 2))
    return np.asarray(same)


def longest(sequences: Sequences) -> int:
    """Steps of the longest sequence, without the NaN in front of it and behind it."""
    read, starts, n_steps = sequences.observed("indicator"), sequences.starts, sequences.n_steps
    if read.all():
        return n_steps
    in_front = steps_in_front(read, starts, n_steps)
    holds_any = read[starts] | (in_front > 0)
    return int(np.max((n_steps - in_front - sequences.n_behind()) * holds_any))


def _sliding_sum(values: np.ndarray, length: int) -> np.ndarray:
    """Sums of ``length`` consecutive values."""
    total = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(total[length:] - total[:-length])


def flat_windows(windows: np.ndarray) -> np.ndarray:
    """Windows (n, step, channel) as rows (n, step * channel), oldest step first, read-only; a view stays a view."""
    n, n_steps, n_channels = windows.shape
    if not windows[:1].flags.c_contiguous:
        windows = np.ascontiguousarray(windows)
    strides = (windows.strides[0], windows.itemsize)
    return np.lib.stride_tricks.as_strided(windows, (n, n_steps * n_channels), strides, writeable=False)
