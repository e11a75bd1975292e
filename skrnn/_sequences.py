"""Sequences as one base array and row numbers, and what is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_BLOCK = 65536  # rows
_SCALED_AT_ONCE = 2048  # rows


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

    def scale(self, weight: np.ndarray, missing: str = "skip") -> Scale:
        """Weighted mean and spread of each channel over the observed steps of all sequences."""
        if missing == "skip":
            return self._scale(weight, slice(None))
        # Each channel over its own values: a step may be read though other channels are missing.
        scales = [self._scale(weight, slice(i, i + 1)) for i in range(self.n_channels)]
        return Scale(*(np.concatenate(parts) for parts in zip(*((s.mean, s.std) for s in scales), strict=True)))

    def _scale(self, weight: np.ndarray, channels: slice) -> Scale:
        """Scale of some channels over the steps where none of them is NaN."""

        def complete_steps() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for rows, uses in self.steps(weight):
                values = rows[:, channels]
                complete = _complete(values)
                yield (values, uses) if complete.all() else (values[complete], uses[complete])

        return Scale.of(complete_steps, self.base[:0, channels].shape[1], self.base.dtype)

    def _blocks(self) -> Iterator[slice]:
        return (slice(first, first + _BLOCK) for first in range(0, len(self.base), _BLOCK))


def _complete(values: np.ndarray) -> np.ndarray:
    """Rows without NaN; by columns, since numpy reduces short rows slowly."""
    complete = np.ones(len(values), dtype=bool)
    for column in values.T:
        complete &= ~np.isnan(column)
    return complete


def _begun(values: np.ndarray) -> np.ndarray:
    """Rows that are not all NaN."""
    return ~np.isnan(values).all(axis=1)


def steps_behind(observed: np.ndarray, starts: np.ndarray, n_steps: int) -> np.ndarray:
    """How many steps stand behind the last observed one of each sequence (n,); 0 where none is observed.

    ``observed`` (row,) are the rows of the base that are read.
    """
    latest = np.maximum.accumulate(np.where(observed, np.arange(len(observed)), -n_steps))
    behind = starts + n_steps - 1 - latest[starts + n_steps - 1]
    return np.where(behind < n_steps, behind, 0)


def longest(sequences: Sequences) -> int:
    """Steps of the longest sequence, without the NaN in front of it and behind it."""
    read, starts, n_steps = sequences.observed("indicator"), sequences.starts, sequences.n_steps
    in_front = steps_behind(read[::-1], len(read) - starts - n_steps, n_steps)
    holds_any = read[starts] | (in_front > 0)
    return int(np.max((n_steps - in_front - sequences.n_behind()) * holds_any))


def _sliding_sum(values: np.ndarray, length: int) -> np.ndarray:
    """Sums of ``length`` consecutive values."""
    total = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(total[length:] - total[:-length])


def complete_windows(windows: Any) -> np.ndarray:
    """Mask of the windows that miss no step.

    Parameters
    ----------
    windows : array-like of shape (n, window_size, n_channels) or (n, window_size * n_channels)
        Output of ``SlidingWindowTransformer``.

    Returns
    -------
    complete : ndarray of shape (n,)
        True where no step of the window contains NaN: all of its steps are read by the networks. Use it as
        ``sample_weight`` to leave the others out.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import SlidingWindowTransformer, complete_windows
    >>> windows = SlidingWindowTransformer(3).fit_transform(np.arange(5.0)[:, None])
    >>> complete_windows(windows)
    array([False, False,  True,  True,  True])
    """
    windows = np.asarray(windows)
    if windows.ndim not in (2, 3):
        raise ValueError(f"windows must be an array of two or three dimensions, got {windows.ndim}.")
    if windows.ndim == 2:
        return ~np.isnan(windows).any(axis=1)
    sequences = Sequences.of(windows)
    missing = np.concatenate([[0], np.cumsum(~sequences.observed())])
    return np.asarray(missing[sequences.starts + sequences.n_steps] == missing[sequences.starts])


def pad_sequences(sequences: Any) -> np.ndarray:
    """Put sequences of different lengths into one array, with NaN in front of the shorter ones.

    The networks skip steps of NaN, so that a padded sequence is the same to them as the sequence itself. Targets with
    one value for each step, for ``return_sequences=True``, are padded alike.

    Parameters
    ----------
    sequences : sequence of array-likes of shape (n_steps_i, n_channels) or (n_steps_i,)
        Sequences, oldest step first. The number of steps may differ, the number of channels may not.

    Returns
    -------
    padded : ndarray of shape (n, n_steps, n_channels) or (n, n_steps)
        ``n_steps`` is that of the longest sequence. float32 if all sequences are, object if a sequence holds something
        else than numbers, else float64.

    Raises
    ------
    ValueError
        If there is no sequence, or if they differ in more than their number of steps.

    Examples
    --------
    >>> from skrnn import pad_sequences
    >>> pad_sequences([[1.0, 2.0, 3.0], [4.0]])
    array([[ 1.,  2.,  3.],
           [nan, nan,  4.]])
    """
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays:
        raise ValueError("sequences is empty; at least one sequence is needed.")
    for i, array in enumerate(arrays):
        if array.ndim not in (1, 2) or array.shape[1:] != arrays[0].shape[1:]:
            first = f", the first {arrays[0].shape}" if i else ""
            raise ValueError(
                f"Sequences must have shape (n_steps,) or (n_steps, n_channels) and as many channels as the others; "
                f"sequence {i} has shape {array.shape}{first}."
            )
    dtype = np.result_type(*arrays) if all(array.dtype.kind in "fiub" for array in arrays) else np.dtype(object)
    if dtype not in (np.float32, np.dtype(object)):
        dtype = np.dtype(np.float64)
    padded = np.full((len(arrays), max(map(len, arrays)), *arrays[0].shape[1:]), np.nan, dtype=dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[len(row) - len(array) :] = array
    return padded


def flat_windows(windows: np.ndarray) -> np.ndarray:
    """Each window in one row, oldest step first; a view stays a view.

    Parameters
    ----------
    windows : ndarray of shape (n, n_steps, n_channels)
        Windows.

    Returns
    -------
    table : ndarray of shape (n, n_steps * n_channels)
        Read-only.
    """
    n, n_steps, n_channels = windows.shape
    if not windows[:1].flags.c_contiguous:
        windows = np.ascontiguousarray(windows)
    strides = (windows.strides[0], windows.itemsize)
    return np.lib.stride_tricks.as_strided(windows, (n, n_steps * n_channels), strides, writeable=False)


@dataclass(frozen=True)
class Scale:
    """Affine map to zero mean and unit variance, channel by channel."""

    mean: np.ndarray  # (channel,)
    std: np.ndarray  # (channel,)

    @classmethod
    def of(cls, parts: Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]], n_columns: int, dtype: np.dtype) -> Scale:
        """Weighted mean and standard deviation; a column without spread keeps its unit.

        Parameters
        ----------
        parts : callable
            Gives pairs of values of shape (n, n_columns) and weights of shape (n,), the same ones each time.
        n_columns : int
            Number of columns.
        dtype : dtype
            Precision of the values, below which there is no spread.

        Raises
        ------
        ValueError
            If the squares of the values are too large for double precision.
        """
        total, first, second = 0.0, np.zeros(n_columns), np.zeros(n_columns)
        for values, weight in parts():
            total += weight.sum()
            first += weight @ values
        if not total:
            return cls.identity(n_columns)
        mean = first / total
        with np.errstate(over="ignore"):
            for values, weight in parts():
                second += weight @ (values - mean) ** 2
        std = np.sqrt(second / total)
        if not np.all(np.isfinite(std)):
            raise ValueError("X or y contains values too large to compute their standard deviation. Rescale them.")
        std[std <= 10 * np.finfo(dtype).eps * np.abs(mean)] = 1.0
        return cls(mean, std)

    @classmethod
    def identity(cls, n_columns: int) -> Scale:
        return cls(np.zeros(n_columns), np.ones(n_columns))

    def apply(self, values: np.ndarray, dtype: type[np.floating]) -> np.ndarray:
        """Standardised values as a new array of ``dtype``, computed in double precision."""
        scaled = np.empty(values.shape, dtype=dtype)
        # In blocks that stay in the cache, with means and deviations of the same shape: numpy is slow on short rows.
        n_rows = min(len(values), _SCALED_AT_ONCE)
        mean, std = (np.tile(row, (n_rows, 1)) if n_rows > 1 else row[None] for row in (self.mean, self.std))
        for first in range(0, len(values), _SCALED_AT_ONCE):
            block = values[first : first + _SCALED_AT_ONCE]
            scaled[first : first + len(block)] = (block - mean[: len(block)]) / std[: len(block)]
        return scaled

    def invert(self, values: np.ndarray) -> np.ndarray:
        return values * self.std + self.mean
