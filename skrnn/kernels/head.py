"""The linear map behind the recurrent layers: each of its calls costs less than the three of numpy would."""

from __future__ import annotations

import numpy as np

from skrnn.kernels.blocks import fill_rows
from skrnn.kernels.jit import compiled
from skrnn.kernels.products import add_columns_times, add_product, add_rows_times, panels_of


@compiled
def linear(x, weight, bias):
    """x (batch, column) @ weight (output, column).T + bias (output,)"""
    out = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    fill_rows(out, bias)
    weights = weight.reshape(1, weight.shape[0], weight.shape[1])
    add_product(out, x, weights, panels_of(weights, x.shape[0], True), 0, True)
    return out


@compiled
def linear_back(slope, x, weight, weight_gradient, bias_gradient):
    """Add to the gradients from the derivative (batch, output) by the result; returns that by x."""
    add_columns_times(weight_gradient, slope, x)
    for i in range(slope.shape[0]):
        for j in range(slope.shape[1]):
            bias_gradient[j] += slope[i, j]
    dx = np.zeros(x.shape, x.dtype)
    add_rows_times(dx, slope, weight)
    return dx
