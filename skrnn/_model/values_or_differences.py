"""Whether the past of a target is read better as values or as differences from the last one.

Differences suit a series that drifts: the levels that it will reach were not learnt. Values suit one whose next step
depends on where it stands, and not in a straight line. Trees, which learn both fast, show which it is.
"""

from __future__ import annotations

import numpy as np

from skrnn._training.evidence import surely_lower

MOST_ROWS = 4096
MOST_COLUMNS = 32


def values_tell_more(values: np.ndarray, differences: np.ndarray, rest: np.ndarray, weight: np.ndarray) -> bool:
    """Whether the last quarter is surely forecast better from values than from differences, or not at all.

    Parameters
    ----------
    values, differences : ndarray of shape (n, column)
        What may be read, in the order of time.
    rest : ndarray of shape (n, target)
        What is to be forecast: the errors of a linear forecast.
    weight : ndarray of shape (n,)
        Positive weights.
    """
    from sklearn.ensemble import ExtraTreesRegressor  # takes long to import, and few fits need it

    earlier, later = slice(0, -(len(rest) // 4)), slice(-(len(rest) // 4), None)

    def losses(columns: np.ndarray) -> np.ndarray:
        trees = ExtraTreesRegressor(30, min_samples_leaf=5, max_features=0.7, random_state=0)
        target = rest[earlier] if rest.shape[1] > 1 else rest[earlier, 0]
        answers = trees.fit(columns[earlier], target, weight[earlier]).predict(columns[later])
        return weighted(rest[later] - answers.reshape(-1, rest.shape[1]))

    def weighted(error: np.ndarray) -> np.ndarray:
        return weight[later] * np.square(error).mean(axis=1)

    return surely_lower(losses(values), min(losses(differences), weighted(rest[later]), key=np.mean), n_errors=1)
