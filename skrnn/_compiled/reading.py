"""One compiled layer among torch's operations, for networks with norms, pooling or an answer at each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.utils import parameters_to_vector

from skrnn._compiled.inputs import Inputs
from skrnn._compiled.kernels import Kernel
from skrnn._compiled.layer import CompiledLayer


class CompiledReading:
    """Takes the place of ``read_by_torch`` in one layer; its gradients enter autograd.

    No more than ``n_threads`` share a batch.
    """

    def __init__(self, kernel: Kernel, hidden_size: int, n_threads: int) -> None:
        self._kernel = kernel
        self._hidden_size = hidden_size
        self._n_threads = n_threads
        self._layer: CompiledLayer | None = None

    def __call__(self, directions: nn.ModuleList, x: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        """States (batch, step, hidden * directions)."""
        weights = torch.stack([parameters_to_vector(direction.parameters()) for direction in directions])
        states: torch.Tensor = _Reading.apply(x, weights, observed, self)
        return states

    def forward(self, x: torch.Tensor, weights: torch.Tensor, observed: torch.Tensor | None, keep: bool) -> np.ndarray:
        """States (step, batch, hidden * directions)."""
        if self._layer is None:
            self._weights = np.empty(weights.shape, weights.numpy().dtype)
            self._gradient = np.zeros_like(self._weights)
            self._layer = CompiledLayer(self._kernel, self._hidden_size, self._weights, self._gradient)
        self._weights[...] = weights.numpy()
        batch, n_steps, n_channels = x.shape
        seen = None if observed is None else observed.reshape(-1, 1).numpy()
        inputs = Inputs(
            x.reshape(-1, n_channels).contiguous().numpy(), seen, np.arange(batch, dtype=np.int64) * n_steps, 1, n_steps
        )
        n_shares = inputs.n_shares(self._weights.size, self._n_threads)
        return self._layer.forward(inputs, n_shares, every_step=True, keep=keep)

    def backward(self, slope: np.ndarray, *, to_inputs: bool) -> tuple[np.ndarray | None, np.ndarray]:
        """Derivatives by the inputs (step, batch, channel) and by the weights, after ``forward``."""
        assert self._layer is not None
        self._gradient[...] = 0
        return self._layer.backward(slope, to_inputs=to_inputs), self._gradient.copy()


class _Reading(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weights: torch.Tensor, observed: torch.Tensor | None, reading: CompiledReading
    ) -> torch.Tensor:
        ctx.reading = reading
        return torch.from_numpy(reading.forward(x, weights, observed, ctx.needs_input_grad[1])).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        slope = slopes[0].transpose(0, 1).numpy()
        by_inputs, by_weights = ctx.reading.backward(slope, to_inputs=ctx.needs_input_grad[0])
        x = None if by_inputs is None else torch.from_numpy(by_inputs).transpose(0, 1)
        return x, torch.from_numpy(by_weights), None, None
