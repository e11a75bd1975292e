"""The linear map behind the recurrent layers: a call costs less than the three of numpy would."""

from __future__ import annotations

import numpy as np

from skrnn._compiled.kernels.blocks import copy
from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Array1, Array2, entry
from skrnn._compiled.kernels.products import add_columns_times, add_product, add_rows_times, lay_panels

ROUNDING_OF_SINGLE, ROUNDING_OF_DOUBLE = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)


@entry
def linear(x: Array2, weight: Array2, bias: Array1, panels: Array1, out: Array2) -> None:
    """out (batch, output) = x (batch, column) @ weight (output, column).T + bias (output,), with room for panels"""
    (m, k), n = x.shape, weight.shape[0]
    if m > 0:
        copy(at(out, (m - 1) * n), bias, n)
        lay_panels(panels, weight, 1, m, n, k, 1)
        add_product(out, x, weight, panels, 0, m, n, k, 1, 1)


@entry
def linear_back(
    slope: Array2, x: Array2, weight: Array2, weight_gradient: Array2, bias_gradient: Array1, dx: Array2
) -> None:
    """Add to the gradients, and to ``dx`` if it has numbers, from the derivative (batch, output) by the result.

    A sum that is no more than its own rounding counts as 0: of it, solvers that divide by the size of the gradient
    would make full steps.
    """
    (m, n), k = slope.shape, x.shape[1]
    rounding = ROUNDING_OF_SINGLE if slope.itemsize == 4 else ROUNDING_OF_DOUBLE
    add_columns_times(weight_gradient, slope, x, n, k, m)
    for j in range(n):
        total, size = slope.dtype.type(0), slope.dtype.type(1)
        for i in range(m):
            total += slope[i, j]
            size += abs(slope[i, j])
        if abs(total) > rounding * size:
            bias_gradient[j] += total
    if dx.size:
        add_rows_times(dx, slope, weight, m, k, n)
