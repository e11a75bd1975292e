"""Linear maps with the least loss: ridge regression in closed form, and others by search.

The penalty of the ridge regression is the one with the least error of rows that are left out one at a time, which
follows from the errors of the fit and the leverages of the rows (Allen, 1974). A few rows that are unlike all others,
as after a shift of the level, then do not bend the answer as far as they could. Of few rows, of which copies would tell
each other, the leverages count as their mean: generalised cross-validation (Golub, Heath and Wahba, 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, cg

from skrnn._data.robust import middle_and_spread
from skrnn._data.state import DivergenceError

ROUNDING = 1e-6  # of the spread of targets: smaller errors are rounding
_PENALTIES = 10.0 ** np.arange(-7, 2.1, 0.5)  # for each sample, of standardised columns
_MOST_COUNTED = 2**40  # rows that weights may stand for
_FAR = 10.0  # spreads from the middle, where doubts begin
_LARGEST = 1000.0  # spreads of a target from the middle that a robust regression may see
_REFITS = 10
_BOUND = 1.345  # spreads: 95 % of the efficiency of least squares where errors are normal
_ENOUGH = 0.02  # spreads
_NEWTON_STEPS = 5
_SEVERAL = 40  # rows
_ROUNDED = 1e-8  # what is left of a row beside its leverage
_DAMPING = 1e-6
_CURVATURE = 0.25  # of a loss, by and large: the most that log loss has
_FEW = 1000  # rows that may be one batch
_NOT_FINITE = "sums of squares of standardised values are not finite"

# Some rows at a time, and their columns (row, column).
Blocks = Callable[[], Iterable[tuple[slice, np.ndarray]]]


@dataclass(frozen=True)
class LinearAnswer:
    """Answers ``columns @ coef + intercept``."""

    coef: np.ndarray  # (column, target)
    intercept: np.ndarray  # (target,)
    optimism: float  # by what factor errors of other rows are larger than those of the fit

    def to(self, blocks: Blocks, n: int) -> np.ndarray:
        """Answers (n, target)."""
        answers = np.empty((n, len(self.intercept)))
        for rows, columns in blocks():
            answers[rows] = columns @ self.coef + self.intercept
        return answers


def fit_ridge(blocks: Blocks, y: np.ndarray, weight: np.ndarray) -> LinearAnswer:
    """Ridge regression of targets (n, target) on columns; an integer weight (n,) counts like so many equal rows.

    Raises
    ------
    DivergenceError
        If sums of squares are not finite.
    """
    moments, counts = _Moments(y.shape[1]), _as_counts(weight)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for rows, columns in blocks():
            moments.add(columns, y[rows], counts[rows])
        path = moments.path()
        for rows, columns in blocks():
            path.add(columns, y[rows], counts[rows])
        return path.best()


def fit_robust_ridge(blocks: Blocks, y: np.ndarray, weight: np.ndarray) -> LinearAnswer:
    """Ridge regression in which errors beyond a bound count as errors at it (Huber, 1964), and rows far out hardly."""
    y, weight = y.clip(-_LARGEST, _LARGEST), weight.copy()
    for rows, columns in blocks():
        weight[rows] *= (_FAR / np.maximum(np.abs(columns).max(axis=1, initial=0.0), _FAR)) ** 4
    found = fit_ridge(blocks, y, weight)
    answer = found.to(blocks, len(y))
    for _ in range(_REFITS):
        error, before = y - answer, answer
        middle, spread = middle_and_spread(error, weight)
        bound = _BOUND * spread
        found = fit_ridge(blocks, answer + middle + (error - middle).clip(-bound, bound), weight)
        answer = found.to(blocks, len(y))
        if np.all(np.abs(answer - before) < _ENOUGH * spread):
            break
    return found


def _as_counts(weight: np.ndarray) -> np.ndarray:
    """Weights that say how many equal rows each row is: multiples of the least weight, else those of mean 1."""
    multiples = weight / weight.min()
    counts = np.rint(multiples)
    whole = np.allclose(multiples, counts, rtol=1e-12, atol=0) and counts.sum() < _MOST_COUNTED
    return np.asarray(counts if whole else weight / weight.mean())


class _Moments:
    """Weighted sums of products of columns and targets."""

    def __init__(self, n_targets: int) -> None:
        self._columns: np.ndarray | float = 0.0  # (column, column), from the first rows on
        self._both: np.ndarray | float = 0.0
        self._mean: np.ndarray | float = 0.0
        self._targets = 0.0
        self._target_mean = np.zeros(n_targets)
        self._weight = 0.0
        self._n_rows = 0

    def add(self, columns: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        """Take some rows into account."""
        weighted, rooted = columns * weight[:, None], columns * np.sqrt(weight)[:, None]
        self._columns = self._columns + rooted.T @ rooted  # of one matrix, half as much to compute
        self._both = self._both + weighted.T @ y
        self._mean = self._mean + weighted.sum(axis=0)
        self._targets += float(weight @ np.square(y).sum(axis=1))
        self._target_mean += weight @ y
        self._weight += float(weight.sum())
        self._n_rows += len(y)

    def path(self) -> _Path:
        """The ridge regressions with all penalties."""
        mean, target_mean = np.asarray(self._mean) / self._weight, self._target_mean / self._weight
        gram = self._columns - self._weight * np.outer(mean, mean)
        both = self._both - self._weight * np.outer(mean, target_mean)
        total = self._targets - self._weight * float(target_mean @ target_mean)
        if not (np.isfinite(gram).all() and np.isfinite(both).all() and np.isfinite(total)):
            raise DivergenceError(_NOT_FINITE)
        values, vectors = np.linalg.eigh(gram)
        both = vectors.T @ both
        # Directions in which the columns vary by no more than rounding tell nothing: the penalties are too small to
        # hold what rounding leaves there.
        nothing = values <= len(values) * np.finfo(values.dtype).eps * values.max(initial=0.0)
        values[nothing], both[nothing] = 0.0, 0.0
        n = max(self._weight, self._n_rows)
        return _Path(mean, target_mean, vectors, both, values, self._weight, n, total)


class _Path:
    """Ridge regressions with all penalties, and their errors of rows that are left out one at a time."""

    def __init__(
        self,
        mean: np.ndarray,
        target_mean: np.ndarray,
        vectors: np.ndarray,
        both: np.ndarray,
        values: np.ndarray,
        weight: float,
        n: float,
        total: float,
    ) -> None:
        self._mean, self._target_mean, self._vectors, self._weight = mean, target_mean, vectors, weight
        self._shrunk = 1 / (values + _PENALTIES[:, None] * weight)  # (penalty, direction)
        self._coefs = self._shrunk[:, :, None] * both  # (penalty, direction, target)
        self._side_by_side = self._coefs.swapaxes(0, 1).reshape(len(values), -1)  # (direction, penalty * target)
        self._n, self._freedom = n, n - 1 - self._shrunk @ values
        # With an error within rounding, or hardly any freedom left, the errors of rows left out are noise.
        self._least = total * np.square(ROUNDING * n / self._freedom)
        self._alone = n >= _SEVERAL
        self._errors = np.zeros(len(_PENALTIES))

    def add(self, columns: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        """Take the errors of some rows into account."""
        along, y = (columns - self._mean) @ self._vectors, y - self._target_mean
        if self._alone:
            leverage = 1 / self._weight + np.square(along) @ self._shrunk.T  # (row, penalty)
            left = np.maximum(1 - np.minimum(weight, 1)[:, None] * leverage, _ROUNDED)
        else:
            left = np.broadcast_to(self._freedom / self._n, (len(y), len(_PENALTIES)))
        errors = y[:, None] - (along @ self._side_by_side).reshape(len(y), len(_PENALTIES), -1)
        self._errors += weight @ (np.square(errors).sum(axis=2) / np.square(left))

    def best(self) -> LinearAnswer:
        """The ridge regression with the least error of rows that are left out."""
        errors = np.where(self._freedom > 0.02 * self._n, np.fmax(self._errors, self._least), np.inf)
        best = int(errors.argmin()) if np.isfinite(errors).any() else len(errors) - 1
        optimism = float(self._n / self._freedom[best]) if np.isfinite(errors[best]) else 1.0
        coef = self._vectors @ self._coefs[best]
        return LinearAnswer(coef, self._target_mean - self._mean @ coef, optimism)


def fit_least_loss(
    columns: torch.Tensor,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    y: torch.Tensor,
    weight: torch.Tensor,
    width: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (width, column) and biases (width,) of the linear map with the least loss.

    The weighted mean of the losses times the number of different rows, plus half of the sum of the squared weights of
    the map, is minimised. For log loss and rows that all differ, this is the logistic regression of scikit-learn with
    sample weights of mean 1. The scale of the sample weights so means nothing, and a row that comes twice is a row of
    twice the weight. L-BFGS comes near; with few rows, Newton steps come as near as rounding allows. Solvers that
    divide by the size of the gradient would else begin by following what is left of it. With many rows, the gradients
    of batches are far from zero anyway. The search is for what a triangular matrix turns into the map, so that the
    curvature is about the same in all directions.
    """
    n_different = len({row.tobytes() for row in torch.hstack([columns, y]).numpy()})
    weight = weight * (n_different / weight.sum())
    root = _root(columns, weight)
    found = columns.new_zeros(width, columns.shape[1] + 1).requires_grad_()

    def read(found: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        matrix = torch.linalg.solve_triangular(root, found[:, :-1], upper=False, left=False)
        return matrix, found[:, -1] / (_CURVATURE * n_different) ** 0.5

    def objective() -> torch.Tensor:
        matrix, bias = read(found)
        return (loss(columns @ matrix.T + bias, y) * weight).sum() + 0.5 * matrix.square().sum()

    solver = torch.optim.LBFGS(
        [found], max_iter=300, tolerance_grad=1e-6 * n_different**0.5, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        total = objective()
        total.backward()
        return total

    solver.step(closure)
    best, least = found.detach().clone(), np.inf
    for _ in range(_NEWTON_STEPS if n_different <= _FEW else 0):
        (slope,) = torch.autograd.grad(objective(), found, create_graph=True)
        steepest = float(slope.detach().abs().max())
        if not steepest < least:  # rounding, or a loss that is not smooth
            break
        best, least = found.detach().clone(), steepest
        with torch.no_grad():
            found -= _newton_step(slope, found)
    matrix, bias = read(best)
    raw = columns @ matrix.T + bias
    if torch.allclose(loss(raw + 1, y), loss(raw, y)):  # biases of classes, of which only the differences are found
        bias = bias - bias.mean()
    return matrix, bias


def _root(columns: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The lower triangle whose square is the curvature of a penalised loss of a linear map, by and large."""
    curvature = _CURVATURE * (columns.T * weight) @ columns
    if not torch.isfinite(curvature).all():
        raise DivergenceError(_NOT_FINITE)
    curvature.diagonal().add_(1)
    root: torch.Tensor = torch.linalg.cholesky(curvature)
    return root


def _newton_step(slope: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """The inverse of the Hessian times the slope, by conjugate gradients."""

    def times_hessian(vector: np.ndarray) -> np.ndarray:
        direction = torch.from_numpy(np.ascontiguousarray(vector)).view_as(at)
        (product,) = torch.autograd.grad(slope, at, direction, retain_graph=True)
        # A number added to the biases of all classes changes nothing; without this, rounding would grow there.
        return (product + _DAMPING * direction).flatten().numpy()

    hessian = LinearOperator((at.numel(), at.numel()), matvec=times_hessian, dtype=np.float64)
    step, _ = cg(hessian, slope.detach().flatten().numpy(), rtol=1e-8, maxiter=200)
    return torch.from_numpy(step).view_as(at)
