"""Recurrent layers and a linear head with all weights in one vector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from skrnn._compiled.epochs import Epochs, Plan, Solver
from skrnn._compiled.inputs import Inputs
from skrnn._compiled.kernels import Kernel
from skrnn._compiled.layer import CompiledLayer
from skrnn._compiled.linear import CompiledLinear
from skrnn._compiled.linear_map import CompiledMap
from skrnn._compiled.pooling import POOLINGS
from skrnn._compiled.tables import Parts
from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec, dropout_mask

_AT_ONCE = 2**15  # numbers in one step of a layer that a thread infers together
_HELD = 2**20  # numbers in all steps of it, beyond what 256 sequences need


class CompiledNetwork:
    """Recurrent layers and a linear head with gradients in closed form.

    ``arrays`` are the weights, in the names and the order of ``RecurrentNetwork.arrays``. No more than ``n_threads``
    share a batch.
    """

    is_torchs = False

    def __init__(self, spec: NetworkSpec, arrays: dict[str, np.ndarray], kernel: Kernel, n_threads: int) -> None:
        self._spec = spec
        self.n_threads = n_threads
        flat = np.concatenate([array.ravel() for array in arrays.values()])
        self._gradient = np.zeros_like(flat)
        self._arrays, gradients = _split(flat, arrays), _split(self._gradient, arrays)
        self._head = CompiledLinear(self._arrays["head.weight"], self._arrays["head.bias"])
        self._pooling = None if spec.pooling == "last" else POOLINGS[spec.pooling]()
        self._head_gradient = gradients["head.weight"], gradients["head.bias"]
        self._linear = None
        if spec.linear_steps:
            self._linear = CompiledMap(spec.linear_steps, self._arrays["linear.weight"], gradients["linear.weight"])
        self._layers, first = [], 0
        for i in range(spec.num_layers):
            last = first + sum(array.size for name, array in arrays.items() if name.startswith(f"layers.{i}."))
            parts = (vector[first:last].reshape(1 + spec.bidirectional, -1) for vector in (flat, self._gradient))
            self._layers.append(CompiledLayer(kernel, spec.hidden_size, *parts))
            first = last
        self._kernel, self._flat = kernel, flat
        self._epochs: Epochs | None = None
        vector = torch.from_numpy(flat)
        vector.grad = torch.from_numpy(self._gradient)
        self.parameters: list[torch.Tensor] = [vector]
        self.tensors = self.parameters

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as arrays of their own."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def arranged(self, arrays: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
        """Arrays in the order of the parameters, 0 for those that are not named."""
        parts = [arrays.get(name, np.zeros_like(array)).ravel() for name, array in self._arrays.items()]
        return [torch.from_numpy(np.concatenate(parts))]

    def settle(self, data: DeviceData) -> None:
        """Nothing but weights is learnt."""

    def forward(self, data: DeviceData, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Raw output (batch, width) while training; ``generator`` draws the dropout masks."""
        self._masks: list[np.ndarray | None] = []
        raw = self._head.forward(self._summary(self._inputs(data, rows.numpy()), generator))
        if self._linear is not None:
            raw += self._linear.forward(data, rows.numpy())
        return torch.from_numpy(raw)

    def backward(self, slope: torch.Tensor) -> None:
        """Gradients from the derivative of the loss by what ``forward`` returned."""
        self._gradient[...] = 0
        by_answer = np.ascontiguousarray(slope.numpy())
        mine: Any = self._head.backward(by_answer, *self._head_gradient)
        if self._linear is not None:
            self._linear.backward(by_answer)
        for layer, mask in zip(reversed(self._layers), reversed(self._masks), strict=True):
            if mask is not None:
                mine *= mask
            if self._pooling is not None and layer is self._layers[-1]:
                mine = self._pooling.backward(mine)
            mine = layer.backward(mine, to_inputs=layer is not self._layers[0])

    def clip(self, norm: float) -> None:
        """Shorten the gradient to a norm if it is longer."""
        length = math.sqrt(np.dot(self._gradient, self._gradient))
        if not length <= norm:
            self._gradient *= norm / (length + 1e-6)

    def epochs(self, data: DeviceData, loss: object, plan: Plan, solver: Solver, /) -> Epochs | None:
        """Training in compiled code where all that it needs is compiled: a loss tells which function is its slope.

        Kept for further calls with the same.
        """
        compiled = getattr(getattr(loss, "gradient", None), "compiled", None)
        if compiled is None:
            return None
        if self._epochs is not None and self._epochs.are_of(data, loss, plan, solver):
            return self._epochs
        begins: dict[str, int] = {}
        for name, array in self._arrays.items():
            begin = (array.ctypes.data - self._flat.ctypes.data) // array.itemsize
            begins.setdefault(name.rpartition(".")[0] if name.startswith("layers.") else name, begin)
        parts = Parts(self._spec, self._kernel, self._flat, begins)
        self._epochs = Epochs(parts, data, loss, plan, solver, compiled(loss), self.n_threads)
        return self._epochs

    def infer(self, data: DeviceData) -> torch.Tensor:
        """Raw output (n, width)."""
        held = data.n_steps * (data.base.shape[1] + self._spec.hidden_size)
        at_once = self.n_threads * max(1, min(_AT_ONCE // self._spec.hidden_size, max(_HELD // held, 256)))
        parts = [slice(first, first + at_once) for first in range(0, len(data), at_once)]
        raw = np.concatenate([self._head.forward(self._summary(self._inputs(data, rows), None)) for rows in parts])
        if self._linear is not None:
            self._linear.infer(data, raw)
        return torch.from_numpy(raw)

    def _inputs(self, data: DeviceData, rows: np.ndarray | slice) -> Inputs:
        """Some sequences as the first layer reads them: in segments, which are overlapping rows of the base."""
        base, size = data.base.numpy(), self._spec.segment_size
        observed = data.segments_observed
        seen = None if observed is None else observed.numpy()[:, None]
        level, factor = (
            None if some is None else np.tile(some.numpy(), size) if size > 1 else some.numpy()
            for some in (data.levels(rows), data.factors(rows))
        )
        return Inputs(base, seen, data.starts.numpy()[rows], size, data.n_steps // size, level, size, factor)

    def _summary(self, inputs: Inputs, generator: torch.Generator | None) -> np.ndarray:
        """What the head reads (batch, hidden * directions) of the last layer's states; a generator means training."""
        training, n_shares = generator is not None, inputs.n_shares(self._gradient.size, self.n_threads)
        for layer in self._layers[:-1]:
            states = layer.forward(inputs, n_shares, every_step=True, keep=training)
            inputs = inputs.with_values(self._drop(states, generator))
        states = self._layers[-1].forward(inputs, n_shares, every_step=self._pooling is not None, keep=training)
        if self._pooling is not None:
            observed = None if inputs.observed is None else inputs.take_observed(slice(None)).view(bool)
            states = self._pooling.forward(states, observed)
        return self._drop(states, generator)

    def _drop(self, states: np.ndarray, generator: torch.Generator | None) -> np.ndarray:
        """Dropout on states (step, batch, column) or (batch, column), in place."""
        if generator is None:
            return states
        mask = None
        if self._spec.dropout:
            # Drawn sequence by sequence, as for torch's layers.
            like = torch.from_numpy(states.swapaxes(0, -2))
            mask = dropout_mask(like, self._spec.dropout, generator).numpy().swapaxes(0, -2)
            states *= mask
        self._masks.append(mask)
        return states


def _split(flat: np.ndarray, like: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Views of a vector in the shapes of other arrays."""
    parts, first = {}, 0
    for name, array in like.items():
        parts[name] = flat[first : first + array.size].reshape(array.shape)
        first += array.size
    return parts
