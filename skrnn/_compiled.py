"""The network on the CPU's compiled time loops: the weights and results of ``_network``, without autograd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from skrnn._batch import Batch
from skrnn._network import NetworkSpec, dropout_mask
from skrnn._threads import share
from skrnn.kernels import Kernel
from skrnn.kernels.blocks import gather

_WORTH_SHARING = 2**20  # multiplications below which a second thread costs more than it saves
_AT_ONCE = 2**15  # numbers in one step of a layer that a thread infers together

Weights = tuple[np.ndarray, ...]  # w_ih, w_hh, b_ih, b_hh of one direction, as in ``skrnn.kernels``


@dataclass(frozen=True)
class Inputs:
    """Inputs of a layer as rows of tables: step t of sequence i is row starts[i] + t * stride."""

    values: np.ndarray  # (row, channel)
    observed: np.ndarray | None  # (row, 1); None where all are
    starts: np.ndarray  # (batch,) int64
    stride: int
    n_steps: int

    @classmethod
    def of(cls, data: Batch, rows: torch.Tensor | slice) -> Inputs:
        """Some sequences of a data set."""
        observed = None if data.observed is None else data.observed.numpy()[:, None]
        return cls(data.base.numpy(), observed, data.starts[rows].numpy(), 1, data.n_steps)

    def followed_by(self, states: np.ndarray) -> Inputs:
        """The states of a layer (step, batch, column) in the place of the values."""
        n_steps, batch, width = states.shape
        observed = self.take_observed(slice(None)) if self.observed is not None else None
        return Inputs(
            states.reshape(-1, width),
            None if observed is None else observed.reshape(-1, 1),
            np.arange(batch),
            batch,
            n_steps,
        )

    def take_observed(self, part: slice) -> np.ndarray:
        """Which steps are observed (step, batch) in a part of the batch; empty where all are."""
        if self.observed is None:
            return np.empty((0, 0), dtype=bool)
        starts = self.starts[part]
        observed = np.empty((self.n_steps, len(starts), 1), dtype=bool)
        gather(self.observed, starts, self.stride, observed)
        return observed[:, :, 0]


class CompiledLayer:
    """One layer in one or both directions, whose batch is divided among threads."""

    def __init__(self, kernel: Kernel, weights: list[Weights], gradients: list[Weights]) -> None:
        self._kernel = kernel
        self._weights = weights
        self._gradients = gradients
        self._shares: list[_Share] = []

    def forward(self, inputs: Inputs, n_shares: int, *, every_step: bool, keep: bool) -> np.ndarray:
        """Read sequences.

        Parameters
        ----------
        inputs : Inputs
            What is read.
        n_shares : int
            Number of threads.
        every_step : bool
            Whether the states after each step are wanted, or only those after all.
        keep : bool
            Whether ``backward`` will follow.

        Returns
        -------
        states : ndarray of shape (step, batch, hidden * directions) or (batch, hidden * directions)
            New array.
        """
        batch, hidden = len(inputs.starts), self._weights[0][1].shape[2]
        width = hidden * len(self._weights)
        states = np.empty((inputs.n_steps, batch, width) if every_step else (batch, width), self._weights[0][0].dtype)
        self._parts = _parts(batch, n_shares)
        while len(self._shares) < n_shares:
            self._shares.append(self._make_share())

        def read(i: int) -> None:
            self._shares[i].forward(inputs, self._parts[i], keep)
            self._shares[i].copy_states(states[..., self._parts[i], :], every_step)

        share(read, n_shares)
        return states

    def backward(self, slope: np.ndarray, *, inputs_too: bool) -> np.ndarray | None:
        """Write the gradients of the weights, after ``forward``.

        Parameters
        ----------
        slope : ndarray
            Derivative of the loss by what ``forward`` returned.
        inputs_too : bool
            Whether the derivative by the inputs is wanted.

        Returns
        -------
        slope : ndarray of shape (step, batch, channel) or None
            The derivative by the inputs.
        """
        n_shares, first = len(self._parts), self._shares[0]
        dx = np.empty((len(first.x), self._parts[-1].stop, first.x.shape[2]), first.x.dtype) if inputs_too else None

        def read_back(i: int) -> None:
            part = self._shares[i].backward(slope[..., self._parts[i], :], inputs_too)
            if dx is not None:
                dx[:, self._parts[i]] = part

        share(read_back, n_shares)
        for other in self._shares[1:n_shares]:
            for gradients, more in zip(self._gradients, other.gradients, strict=True):
                for gradient, addend in zip(gradients, more, strict=True):
                    gradient += addend
        return dx

    def _make_share(self) -> _Share:
        """The first share writes into the network's gradients, others into their own."""
        gradients = self._gradients
        if self._shares:
            gradients = [tuple(np.empty_like(array) for array in arrays) for arrays in gradients]
        return _Share(self._kernel, self._weights, gradients)


class _Share:
    """One thread's part of a batch in one layer. Its arrays are kept from batch to batch: fresh memory is slow."""

    def __init__(self, kernel: Kernel, weights: list[Weights], gradients: list[Weights]) -> None:
        self.kernel = kernel
        self.weights = weights
        self.gradients = gradients
        self._memory: dict[str, np.ndarray] = {}
        self._shape: tuple[int, ...] = ()

    def forward(self, inputs: Inputs, part: slice, keep: bool) -> None:
        starts = inputs.starts[part]
        self._lay_out(inputs.n_steps, len(starts), keep)
        gather(inputs.values, starts, inputs.stride, self.x)
        self.observed = inputs.take_observed(part)
        for i, weights in enumerate(self.weights):
            arrays = self.gates[i], self.states[i]
            self.kernel.forward(self.x, self.observed, *weights, *arrays, self.size, bool(i))

    def copy_states(self, out: np.ndarray, every_step: bool) -> None:
        """Copy the states after each step, or after all of them, side by side (..., batch, hidden * directions)."""
        for i, states in enumerate(self.states):
            out[..., self._columns(i)] = states[0, 1:-1] if every_step else states[0, 1 if i else -2]

    def backward(self, slope: np.ndarray, inputs_too: bool) -> np.ndarray:
        """Write the gradients; returns the derivative by the inputs, or an empty array."""
        dx = self._array("dx", *self.x.shape) if inputs_too else self._array("none", 0, 0, 0)
        dx[:] = 0
        for i, (weights, gradients) in enumerate(zip(self.weights, self.gradients, strict=True)):
            for gradient in gradients:
                gradient[:] = 0
            mine = np.ascontiguousarray(slope[..., self._columns(i)])
            self.work[:] = 0
            if mine.ndim == 2:
                self.work[0] = mine
                mine = self._array("none", 0, 0, 0)
            arrays = self.gates[i], self.states[i], mine, self.work
            self.kernel.backward(
                self.x, self.observed, *weights[:2], *arrays, *gradients, dx, self.size, bool(i)
            )
        return dx

    def _columns(self, direction: int) -> slice:
        hidden = self.states.shape[-1]
        return slice(direction * hidden, (direction + 1) * hidden)

    def _lay_out(self, n_steps: int, batch: int, keep: bool) -> None:
        if self._shape == (n_steps, batch, keep):
            return
        self._shape = (n_steps, batch, keep)
        kernel, n_directions = self.kernel, len(self.weights)
        _, hidden, n_channels = self.weights[0][0].shape
        self.size = kernel.steps_per_block(n_steps, batch, hidden)
        n_kept = n_steps if keep else self.size
        self.x = self._array("x", n_steps, batch, n_channels)
        self.gates = self._array("gates", n_directions, kernel.n_gates, n_kept, batch, hidden)
        self.states = self._array("states", n_directions, kernel.n_states, n_steps + 2, batch, hidden)
        self.states[:, :, [0, -1]] = 0
        self.work = self._array("work", 2 * kernel.n_states, batch, hidden)

    def _array(self, name: str, *shape: int) -> np.ndarray:
        """An array on memory of its own, which is kept; its content is arbitrary."""
        size = int(np.prod(shape))
        if name not in self._memory or self._memory[name].size < size:
            self._memory[name] = np.empty(size, self.weights[0][0].dtype)
        return self._memory[name][:size].reshape(shape)


class CompiledNetwork:
    """Recurrent layers and a linear head, with all weights in one vector and gradients in closed form.

    Parameters
    ----------
    spec : NetworkSpec
        What the network is built from.
    arrays : dict of ndarray
        Its weights, in the names and the order of ``RecurrentNetwork.state_dict``.
    kernel : Kernel
        The loops of its layers.
    n_threads : int
        Largest number of threads to share a batch.
    """

    def __init__(self, spec: NetworkSpec, arrays: dict[str, np.ndarray], kernel: Kernel, n_threads: int) -> None:
        self._spec = spec
        self._n_threads = n_threads
        flat = np.concatenate([array.ravel() for array in arrays.values()])
        gradient = np.zeros_like(flat)
        self._arrays, gradients = _split(flat, arrays), _split(gradient, arrays)
        self._head = torch.from_numpy(self._arrays["head.weight"]), torch.from_numpy(self._arrays["head.bias"])
        self._head_gradient = torch.from_numpy(gradients["head.weight"]), torch.from_numpy(gradients["head.bias"])
        self._layers = [
            CompiledLayer(kernel, self._directions(self._arrays, i), self._directions(gradients, i))
            for i in range(spec.num_layers)
        ]
        vector = torch.from_numpy(flat)
        vector.grad = torch.from_numpy(gradient)
        self.parameters = [vector]

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as arrays of their own."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def forward(self, data: Batch, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Raw output (batch, width) while training; ``generator`` draws the dropout masks."""
        inputs = Inputs.of(data, rows)
        n_shares = self._n_shares(len(inputs.starts), inputs.n_steps)
        self._masks: list[np.ndarray | None] = []
        for layer in self._layers:
            is_top = layer is self._layers[-1]
            states = layer.forward(inputs, n_shares, every_step=not is_top, keep=True)
            self._masks.append(self._mask(states, generator))
            if self._masks[-1] is not None:
                states *= self._masks[-1]
            if not is_top:
                inputs = inputs.followed_by(states)
        self._summary = torch.from_numpy(states)
        return self._output(self._summary)

    def backward(self, slope: torch.Tensor) -> None:
        """Gradients from the derivative of the loss by what ``forward`` returned."""
        weight, bias = self._head_gradient
        torch.mm(slope.t(), self._summary, out=weight)
        torch.sum(slope, dim=0, out=bias)
        mine: np.ndarray | None = (slope @ self._head[0]).numpy()
        for layer, mask in zip(reversed(self._layers), reversed(self._masks), strict=True):
            assert mine is not None
            if mask is not None:
                mine *= mask
            mine = layer.backward(mine, inputs_too=layer is not self._layers[0])

    def infer(self, data: Batch) -> torch.Tensor:
        """Raw output (n, width)."""
        at_once = self._n_threads * max(1, _AT_ONCE // self._spec.hidden_size)
        return torch.cat([self._infer(data, slice(i, i + at_once)) for i in range(0, len(data), at_once)])

    def _infer(self, data: Batch, rows: slice) -> torch.Tensor:
        inputs = Inputs.of(data, rows)
        n_shares = self._n_shares(len(inputs.starts), inputs.n_steps)
        for layer in self._layers:
            is_top = layer is self._layers[-1]
            states = layer.forward(inputs, n_shares, every_step=not is_top, keep=False)
            if not is_top:
                inputs = inputs.followed_by(states)
        return self._output(torch.from_numpy(states))

    def _output(self, summary: torch.Tensor) -> torch.Tensor:
        weight, bias = self._head
        return torch.addmm(bias, summary, weight.t())

    def _mask(self, states: np.ndarray, generator: torch.Generator) -> np.ndarray | None:
        """Dropout factors for states (step, batch, column) or (batch, column)."""
        if not self._spec.dropout:
            return None
        # Drawn in the order of the torch layers, sequence by sequence.
        like = torch.from_numpy(np.moveaxis(states, -2, 0))
        return np.moveaxis(dropout_mask(like, self._spec.dropout, generator).numpy(), 0, -2)

    def _n_shares(self, batch: int, n_steps: int) -> int:
        n_multiplications = batch * n_steps * self.parameters[0].numel()
        return max(1, min(self._n_threads, batch, n_multiplications // _WORTH_SHARING))

    def _directions(self, arrays: dict[str, np.ndarray], layer: int) -> list[Weights]:
        """Weights of one layer by direction, each with an axis for the gates."""
        found = []
        for i in range(1 + self._spec.bidirectional):
            mine = [array for name, array in arrays.items() if name.startswith(f"layers.{layer}.directions.{i}.")]
            found.append(tuple(array.reshape(-1, self._spec.hidden_size, *array.shape[1:]) for array in mine))
        return found


def _split(flat: np.ndarray, like: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Views of a vector in the shapes of other arrays."""
    ends = np.cumsum([array.size for array in like.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(like[name].shape) for name, part in zip(like, parts, strict=True)}


def _parts(n: int, n_parts: int) -> list[slice]:
    """Contiguous parts of a batch, as equal as can be."""
    ends = [n * i // n_parts for i in range(n_parts + 1)]
    return [slice(first, last) for first, last in zip(ends, ends[1:], strict=False)]
