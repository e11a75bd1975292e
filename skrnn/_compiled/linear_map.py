"""The linear map of the last steps on the compiled products."""

from __future__ import annotations

import numpy as np

from skrnn._compiled.linear import CompiledLinear
from skrnn._data.on_device import DeviceData

_AT_ONCE = 2**18  # numbers that are read together


class CompiledMap:
    """Linear map of the last ``n_steps`` steps, see ``LinearMap``.

    ``weight`` has the shape (width, n_steps * channel), as has ``gradient``, where ``backward`` adds the derivatives.
    """

    def __init__(self, n_steps: int, weight: np.ndarray, gradient: np.ndarray) -> None:
        self._n_steps = n_steps
        self._n_columns = weight.shape[1]
        self._map = CompiledLinear(weight, np.zeros(len(weight), weight.dtype))
        self._gradient = gradient, np.zeros(len(weight), weight.dtype)

    def forward(self, data: DeviceData, rows: np.ndarray | slice) -> np.ndarray:
        """Answers (batch, width)."""
        return self._map.forward(_columns(data, rows, self._n_steps))

    def infer(self, data: DeviceData, raw: np.ndarray) -> None:
        """Add the answers to all sequences to raw outputs (n, width)."""
        at_once = max(1, _AT_ONCE // self._n_columns)
        for first in range(0, len(data), at_once):
            rows = slice(first, first + at_once)
            raw[rows] += self.forward(data, rows)

    def backward(self, slope: np.ndarray) -> None:
        """Add to the gradient from the derivative of the loss by the answers."""
        self._map.backward(slope, *self._gradient, to_inputs=False)


def _columns(data: DeviceData, rows: np.ndarray | slice, n_steps: int) -> np.ndarray:
    """The last steps (batch, step * channel), measured from the level, with means where they are not observed.

    The last step of a sequence is its last observed one.
    """
    whole, starts, n_read = data.base.numpy(), data.starts.numpy()[rows], min(n_steps, data.n_steps)
    base = whole[:, : data.n_linear]
    n_channels, n_before = base.shape[1], data.n_steps - n_read
    if data.observed is None or data.n_behind is None:
        shape, strides = (len(base) - n_read + 1, n_read, n_channels), (base.strides[0], *base.strides)
        unrolled: np.ndarray = np.ndarray(shape, base.dtype, whole, 0, strides)
        steps, seen = np.ascontiguousarray(unrolled[starts + n_before]), np.ones((1, n_read, 1), dtype=bool)
    else:
        place = np.arange(n_before, data.n_steps) - data.n_behind[rows, None]
        row = starts[:, None] + np.maximum(place, 0)
        steps, seen = base[row], (data.observed.numpy()[row] & (place >= 0))[:, :, None]
    levels, factors = data.levels(rows), data.factors(rows)
    if levels is not None:
        steps -= levels.numpy()[:, None, :n_channels]
    if factors is not None:
        steps *= factors.numpy()[:, None, :n_channels]
        steps[np.isnan(steps)] = 0
    if data.observed is None and n_read == n_steps:
        return steps.reshape(len(steps), -1)
    columns = np.empty((len(steps), n_steps, n_channels), base.dtype)
    columns[...] = ((steps * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))[:, None]
    np.copyto(columns[:, n_steps - n_read :], steps, where=seen)
    return columns.reshape(len(columns), -1)
