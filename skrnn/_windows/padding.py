"""Sequences of different lengths as one array, and which windows miss no step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skrnn._data.sequences import Sequences
from skrnn._validation.numbers import read_array, read_numbers, refuse_container


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
    windows = read_numbers(windows, "windows", "complete_windows")
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
        If there is no sequence, if they differ in more than their number of steps, or if one is complex or has masked
        entries.
    TypeError
        If a sequence holds times or is no array.

    Examples
    --------
    >>> from skrnn import pad_sequences
    >>> pad_sequences([[1.0, 2.0, 3.0], [4.0]])
    array([[ 1.,  2.,  3.],
           [nan, nan,  4.]])
    """
    if not isinstance(sequences, Iterator):
        refuse_container(sequences, "sequences", "pad_sequences")
    arrays = [read_array(sequence, f"sequence {i}", "pad_sequences") for i, sequence in enumerate(sequences)]
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
