"""A linear map on the compiled products."""

from __future__ import annotations

import numpy as np

from skrnn._compiled.kernels.head import linear, linear_back
from skrnn._compiled.kernels.products import room_for_panels
from skrnn._compiled.memory import in_lines


class CompiledLinear:
    """x @ weight.T + bias, with weight (output, column) and bias (output,)."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self._weight = weight
        self._bias = bias
        self._panels = in_lines(room_for_panels(len(weight), weight.shape[1], weight.itemsize), weight.dtype)
        self._linear = linear.of(weight.dtype)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Answers (batch, output) to x (batch, column)."""
        self._x = x
        out = np.empty((len(x), len(self._weight)), x.dtype)
        self._linear(x, self._weight, self._bias, self._panels, out)
        return out

    def backward(
        self, slope: np.ndarray, weight_gradient: np.ndarray, bias_gradient: np.ndarray, *, to_inputs: bool = True
    ) -> np.ndarray:
        """Add to the gradients from the derivative (batch, output) by what ``forward`` returned; that by its inputs."""
        dx = np.zeros(self._x.shape if to_inputs else (0, 0), slope.dtype)
        # Compiled only here: compiled epochs, in which most networks train, do without it.
        linear_back.of(slope.dtype)(slope, self._x, self._weight, weight_gradient, bias_gradient, dx)
        return dx
