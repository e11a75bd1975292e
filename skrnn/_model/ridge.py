"""Ridge regression in closed form, from sums of products.

The penalty is the one with the least generalised cross-validation error (Golub, Heath and Wahba, 1979).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve

_PENALTIES = 10.0 ** np.arange(-7, 2.1, 0.5)  # for each sample, of standardised columns


class Moments:
    """Weighted sums of products of columns and targets."""

    def __init__(self, n_columns: int, n_targets: int) -> None:
        self._columns = np.zeros((n_columns, n_columns))
        self._both = np.zeros((n_columns, n_targets))
        self._targets = 0.0
        self._mean = np.zeros(n_columns)
        self._target_mean = np.zeros(n_targets)
        self._weight = 0.0
        self._n_rows = 0

    def add(self, columns: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        """Take some rows into account."""
        weighted = columns * weight[:, None]
        self._columns += weighted.T @ columns
        self._both += weighted.T @ y
        self._targets += float(weight @ np.square(y).sum(axis=1))
        self._mean += weighted.sum(axis=0)
        self._target_mean += weight @ y
        self._weight += float(weight.sum())
        self._n_rows += len(y)

    def first(self, n_columns: int) -> Moments:
        """Those of the first columns alone."""
        some = Moments(n_columns, self._both.shape[1])
        some._columns, some._both = self._columns[:n_columns, :n_columns], self._both[:n_columns]
        some._mean, some._target_mean, some._targets = self._mean[:n_columns], self._target_mean, self._targets
        some._weight, some._n_rows = self._weight, self._n_rows
        return some

    def solve(self, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (column, target) and intercepts of the ridge regression with a penalty for each sample."""
        gram, both, _ = self._centred()
        gram[np.diag_indices_from(gram)] += penalty * self._weight
        return self._with_intercept(solve(gram, both, assume_a="pos"))

    def solve_best(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Coefficients, intercepts and the penalty of the ridge regression with the best penalty.

        And by what factor errors of other rows are then larger than those of these rows, as cross-validation has it.
        """
        gram, both, total = self._centred()
        values, vectors = np.linalg.eigh(gram)
        both = vectors.T @ both
        # Directions in which the columns vary by no more than rounding tell nothing: the penalties are too small to
        # hold what rounding leaves there.
        nothing = values <= len(values) * np.finfo(values.dtype).eps * values.max(initial=0.0)
        values[nothing], both[nothing] = 0.0, 0.0
        n = max(self._weight, self._n_rows)
        best, least, optimism = _PENALTIES[-1], np.inf, 1.0
        for penalty in _PENALTIES:
            shrunk = 1 / (values + penalty * self._weight)
            rest = total - float(np.square(both).sum(axis=1) @ ((values + 2 * penalty * self._weight) * shrunk**2))
            freedom = n - 1 - values @ shrunk
            # With hardly any freedom left, or an error within rounding, the quotient is noise.
            if freedom > 0.02 * n and max(rest, 1e-12 * total) / freedom**2 < least:
                best, least, optimism = penalty, max(rest, 1e-12 * total) / freedom**2, float(n / freedom)
        return *self._with_intercept(vectors @ (both / (values + best * self._weight)[:, None])), best, optimism

    def _centred(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Products of the columns, of columns and targets, and of the targets, all around their means.

        Raises
        ------
        FloatingPointError
            If they are not finite.
        """
        mean, target_mean = self._mean / self._weight, self._target_mean / self._weight
        gram = self._columns - self._weight * np.outer(mean, mean)
        both = self._both - self._weight * np.outer(mean, target_mean)
        total = self._targets - self._weight * float(target_mean @ target_mean)
        if not (np.isfinite(gram).all() and np.isfinite(both).all() and np.isfinite(total)):
            raise FloatingPointError("sums of squares of standardised values are not finite")
        return gram, both, total

    def _with_intercept(self, coef: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return coef, self._target_mean / self._weight - self._mean / self._weight @ coef
