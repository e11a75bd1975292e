"""The linear map of columns with the least loss, for losses without a closed form."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, cg

from skrnn._training.loop import LossFunction

_NEWTON_STEPS = 5
_DAMPING = 1e-6
_FEW = 1000  # rows that may be one batch


def fit_linear(
    columns: torch.Tensor, loss: LossFunction, y: torch.Tensor, weight: torch.Tensor, width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (width, column) and biases (width,) of the linear map with the least loss.

    The weighted mean of the losses times the number of different rows, plus half of the sum of the squared weights of
    the map, is minimised. For log loss and rows that all differ, this is the logistic regression of scikit-learn with
    sample weights of mean 1. The scale of the sample weights so means nothing, and a row that comes twice is a row of
    twice the weight. L-BFGS comes near; with few rows, Newton steps come as near as rounding allows. Solvers that
    divide by the size of the gradient would else begin by following what is left of it. With many rows, the gradients
    of batches are far from zero anyway.
    """
    n_different = len({row.tobytes() for row in torch.hstack([columns, y]).numpy()})
    weight = weight * (n_different / weight.sum())
    found = columns.new_zeros(width, columns.shape[1] + 1).requires_grad_()

    def objective() -> torch.Tensor:
        raw = columns @ found[:, :-1].T + found[:, -1]
        return (loss(raw, y) * weight).sum() + 0.5 * found[:, :-1].square().sum()

    solver = torch.optim.LBFGS([found], max_iter=300, tolerance_grad=1e-6 * n_different, line_search_fn="strong_wolfe")

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
    matrix, bias = best[:, :-1], best[:, -1]
    raw = columns @ matrix.T + bias
    if torch.allclose(loss(raw + 1, y), loss(raw, y)):  # biases of classes, of which only the differences are found
        bias = bias - bias.mean()
    return matrix, bias


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
