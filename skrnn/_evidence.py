"""Whether one forecast is better than another beyond doubt."""

from __future__ import annotations

import numpy as np

_BLOCKS = 10


def surely_lower(after: np.ndarray, before: np.ndarray) -> bool:
    """Whether losses (n,) of rows in the order of time fell by more than two standard errors.

    Losses of neighbouring rows go together: the error is that of the mean of ten blocks.
    """
    falls = np.array([block.mean() for block in np.array_split(before - after, min(_BLOCKS, len(before)))])
    error = falls.std(ddof=1) / len(falls) ** 0.5 if len(falls) > 1 else 0.0
    return bool(falls.mean() > 2 * error)
