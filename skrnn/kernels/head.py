"""The linear map behind the recurrent layers: each of its calls costs less than the three of numpy would."""

from __future__ import annotations

import numpy as np

from skrnn.kernels.blocks import fill_rows
from skrnn.kernels.jit import compiled
from skrnn.kernels.products import add_columns_times, add_rows_times, transposed


@compiled
def linear(x, weight, bias):
    """x (batch, column) @ weight (output, column).T + bias (output,)"""
    out = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    fill_rows(out, bias)
    turned = transposed(weight.reshape(1, weight.shape[0], weight.shape[1]))[0]
    add_rows_times(out, x, turned)
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
