"""Memory for the compiled loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

LINE = 64  # bytes of a line of the cache


def in_lines(size: int, dtype: DTypeLike) -> np.ndarray:
    """Room for so many numbers that begins with a line of the cache.

    numpy's own large arrays begin within one: half of the vectors of a loop would lie in two lines, and take twice as
    long.
    """
    dtype = np.dtype(dtype)
    room = np.empty(size + LINE // dtype.itemsize, dtype)
    first = -room.ctypes.data % LINE // dtype.itemsize
    return room[first : first + size]
