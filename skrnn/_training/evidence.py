"""Whether one forecast is better than another beyond doubt.

Losses of neighbouring rows go together: what counts is the means of ten blocks of rows in the order of time.
"""

from __future__ import annotations

import numpy as np

_BLOCKS = 10


def surely_lower(after: np.ndarray, before: np.ndarray, *, n_errors: float = 2) -> bool:
    """Whether losses (n,) fell by more than some standard errors of the blocks."""
    falls = np.array([block.mean() for block in np.array_split(before - after, min(_BLOCKS, len(before)))])
    error = falls.std(ddof=1) / len(falls) ** 0.5 if len(falls) > 1 else 0.0
    return bool(falls.mean() > n_errors * error)
