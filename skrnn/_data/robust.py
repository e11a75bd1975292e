"""Statistics that a few values, however large, move little."""

from __future__ import annotations

import numpy as np

# Central shares of the values, and how many standard deviations wide they are in a normal distribution.
_RANGES = ((0.5, 1.3490), (0.9, 3.2897))


def weighted_quantiles(values: np.ndarray, weight: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Quantiles (level, column) of values (n, column); an integer weight (n,) counts like so many equal rows.

    Where a level lies between two values, their mean: so that quantiles of negative values are negative ones.
    """
    order = np.argsort(values, axis=0)
    share = np.cumsum(weight[order], axis=0) / weight.sum()
    found = np.empty((len(levels), values.shape[1]))
    for i, level in enumerate(levels):
        for column in range(values.shape[1]):
            places = [np.searchsorted(share[:, column], level + sign * 1e-12) for sign in (-1, 1)]
            some = order[np.minimum(places, len(order) - 1), column]
            found[i, column] = 0.5 * values[some[0], column] + 0.5 * values[some[1], column]
    return found


def middle_and_spread(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians and spreads (column,) of values (n, column), in normal distributions the standard deviation.

    The spread is the width of the central half of the values; where it is 0, that of the central nine tenths, and
    else the standard deviation.
    """
    middle = weighted_quantiles(values, weight, (0.5,))[0]
    spread = np.zeros(values.shape[1])
    for share, width in _RANGES:
        low, high = weighted_quantiles(values, weight, (0.5 - share / 2, 0.5 + share / 2))
        spread = np.where(spread > 0, spread, high / width - low / width)
    with np.errstate(over="ignore"):
        around = np.sqrt(weight @ np.square(values - middle) / weight.sum())
    return middle, np.where(spread > 0, spread, around)
