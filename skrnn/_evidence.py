"""Whether one forecast is better than another beyond doubt.

Losses of neighbouring rows go together: what counts is the means of ten blocks of rows in the order of time.
"""

from __future__ import annotations

import numpy as np

_BLOCKS = 10


def surely_lower(after: np.ndarray, before: np.ndarray) -> bool:
    """Whether losses (n,) fell by more than two standard errors of the blocks."""
    falls = _falls(after, before)
    error = falls.std(ddof=1) / len(falls) ** 0.5 if len(falls) > 1 else 0.0
    return bool(falls.mean() > 2 * error)


def lower_throughout(after: np.ndarray, before: np.ndarray) -> bool:
    """Whether losses (n,) fell in all blocks."""
    return bool(np.all(_falls(after, before) > 0))


def _falls(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """By how much the mean of each block fell."""
    return np.array([block.mean() for block in np.array_split(before - after, min(_BLOCKS, len(before)))])
