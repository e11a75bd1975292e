"""Column names of unrolled windows: ``load@t-2`` is the channel "load" two steps before its row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_MARK = "@t"


def lag_names(channels: Sequence[str], window_size: int, horizon: int, future: np.ndarray) -> np.ndarray:
    """Names of the columns of an unrolled window, oldest step first.

    Parameters
    ----------
    channels : sequence of str
        Names of the channels.
    window_size, horizon : int
        Steps of a window, and how many steps before its row it ends.
    future : ndarray of shape (n_channels,)
        True for the channels that are read at the row's own moment.
    """
    names = []
    for age in reversed(range(window_size)):
        for channel, known in zip(channels, future, strict=True):
            lag = age if known else age + horizon
            names.append(f"{channel}{_MARK}-{lag}" if lag else f"{channel}{_MARK}")
    return np.array(names, dtype=object)


def channels_in_names(names: Any) -> int | None:
    """Number of channels of the unrolled windows whose columns have these names; None if they are no such names."""
    parts = [str(name).rpartition(_MARK) for name in (() if names is None else names)]
    if not parts or not all(mark and (lag == "" or (lag[0] == "-" and lag[1:].isdigit())) for _, mark, lag in parts):
        return None
    channels = [channel for channel, _, _ in parts]
    n_channels = len(set(channels))
    return n_channels if channels == channels[:n_channels] * (len(channels) // n_channels) else None
