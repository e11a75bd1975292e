"""The network: stacked recurrent layers that skip unobserved steps, and a linear head on their states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec, dropout_mask
from skrnn._model.stages import (
    NORMS,
    POOLINGS,
    AttentionPooling,
    BatchNorm,
    LinearMap,
    draw,
    take_memory,
)

_CHUNK = 2**22  # numbers that one chunk of inference may hold in a layer's states


class RecurrentLayer(nn.Module):
    """One layer in one or both directions; a step that is not observed leaves the state as it is.

    ``read`` computes the states; another function may take its place, see ``read_by_torch``.
    """

    def __init__(self, make_direction: Callable[[], nn.Module], n_directions: int) -> None:
        super().__init__()
        self.directions = nn.ModuleList([make_direction() for _ in range(n_directions)])
        self.read = read_by_torch

    def forward(self, x: torch.Tensor, observed: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Read sequences.

        Parameters
        ----------
        x : Tensor of shape (batch, step, channel)
            Input, without NaN.
        observed : Tensor of shape (batch, step), bool, or None
            Steps that are read; None for all.

        Returns
        -------
        states : Tensor of shape (batch, step, hidden * directions)
            State after each step.
        last : Tensor of shape (batch, hidden * directions)
            State of each direction after all its steps; for the backward one this is the state at step 0.
        """
        states = self.read(self.directions, x, observed)
        if len(self.directions) == 1:
            return states, states[:, -1]
        forward, backward = states.chunk(2, dim=2)
        return states, torch.cat([forward[:, -1], backward[:, 0]], dim=1)

    def step(
        self, x: torch.Tensor, observed: torch.Tensor, before: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Read one more step of each sequence, forwards.

        Parameters
        ----------
        x : Tensor of shape (batch, channel)
            Input, without NaN.
        observed : Tensor of shape (batch,), bool
            Sequences whose step is read.
        before : Tensor of shape (state, batch, hidden), or None
            All states of the layer so far; None where sequences start.

        Returns
        -------
        output : Tensor of shape (batch, hidden)
            State that the layer above reads.
        after : Tensor of shape (state, batch, hidden)
            All states.
        """
        given = [] if before is None else [before[:1] if len(before) == 1 else tuple(before[:, None])]
        _, after = self.directions[0](x[:, None], *given)
        after = torch.cat(after) if isinstance(after, tuple) else after
        before = torch.zeros_like(after) if before is None else before
        after = torch.where(observed[:, None], after, before)
        return after[0], after


class RecurrentNetwork(nn.Module):
    """Recurrent layers and a linear head: (batch, step, channel) -> (batch, width)."""

    def __init__(self, spec: NetworkSpec, *, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        module, _, name = spec.layer.rpartition(".")
        layer_class = getattr(import_module(module), name)
        n_directions = 1 + spec.bidirectional
        summary = spec.hidden_size * n_directions

        def make(input_size: int) -> RecurrentLayer:
            # Built without memory: torch's constructors would draw from its global generator.
            return RecurrentLayer(
                lambda: layer_class(
                    input_size, spec.hidden_size, batch_first=True, device="meta", dtype=dtype, **dict(spec.options)
                ),
                n_directions,
            )

        n_inputs = spec.input_size * spec.segment_size
        self.layers = nn.ModuleList([make(n_inputs if i == 0 else summary) for i in range(spec.num_layers)])
        self.head = nn.Linear(summary, spec.width, device="meta", dtype=dtype)
        norm = NORMS[spec.norm]
        self.norms = nn.ModuleList([norm(summary, device="meta", dtype=dtype) for _ in self.layers])
        self.pooling = POOLINGS[spec.pooling](summary, device="meta", dtype=dtype)
        self.linear = None
        if spec.linear_steps:
            self.linear = LinearMap(spec.linear_steps, spec.linear_size, spec.width, device="meta", dtype=dtype)
        self.segment_size = spec.segment_size
        self.return_sequences = spec.return_sequences
        self.dropout = spec.dropout
        self.hidden_size = spec.hidden_size
        take_memory(self, device)

    def forward(
        self, x: torch.Tensor, observed: torch.Tensor | None = None, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Raw output (batch, width) or (batch, step, width); ``generator`` draws the dropout masks while training."""
        segments, seen = self._segments(x, observed)
        states, last = self.read(segments, seen, generator)
        if self.return_sequences:
            return self._answer(states, seen, generator)
        answer = self._answer(self.pooling(states, last, seen), None, generator)
        return answer if self.linear is None else answer + self.linear(x, observed)

    def read(
        self, x: torch.Tensor, observed: torch.Tensor | None = None, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States of the last layer, see ``RecurrentLayer.forward``."""
        states = x
        for i, layer in enumerate(self.layers):
            if i:
                states = self._drop(self.norms[i - 1](states, observed), generator)
            states, last = layer(states, observed)
        return states, last

    def measured(self, x: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        """Raw output without dropout, whether or not this is training: norms take their statistics."""
        rate, self.dropout = self.dropout, 0.0
        try:
            return self(x, observed)
        finally:
            self.dropout = rate

    def step(
        self, x: torch.Tensor, observed: torch.Tensor, before: tuple[torch.Tensor, ...] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Raw output (batch, width) after one more step of each sequence, and the states of all layers then.

        Only of networks without a linear map that read step by step.
        """
        after = []
        for i, layer in enumerate(self.layers):
            x = x if i == 0 else self.norms[i - 1](x, None)
            assert isinstance(layer, RecurrentLayer)
            x, states = layer.step(x, observed, None if before is None else before[i])
            after.append(states)
        return self._answer(x, None, None), tuple(after)

    def attention(self, x: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        """Weights of the steps, or segments (batch, step)."""
        assert isinstance(self.pooling, AttentionPooling)
        x, observed = self._segments(x, observed)
        return self.pooling.weights(self.read(x, observed)[0], observed)

    @classmethod
    def of(
        cls, spec: NetworkSpec, arrays: dict[str, np.ndarray], *, device: torch.device, dtype: torch.dtype
    ) -> RecurrentNetwork:
        """A network with the weights of ``arrays``."""
        network = cls(spec, device=device, dtype=dtype)
        # Copied: the arrays may be read-only, for instance mapped from a file.
        network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in arrays.items()})
        for module in network.layers.modules():
            if isinstance(module, nn.RNNBase):
                module.flatten_parameters()  # cuDNN would copy them in each call
        return network

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as arrays of their own."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights from +-1/sqrt(fan-in).

        In recurrent layers the fan-in is the hidden size, as in torch. Beside a linear map it is for inputs at most
        four times their number: with smaller weights, units that read few inputs barely leave the straight part of
        their curve, and nothing linear is left to be learnt.
        """
        for name, parameter in self.layers.named_parameters():
            fan_in = self.hidden_size
            if self.linear is not None and "weight_ih" in name:
                fan_in = min(fan_in, 4 * parameter.shape[-1])
            draw(parameter, fan_in, generator)
        for stage in (*self.norms, self.pooling):
            stage.initialize(generator)
        # What the layers learn is added to a linear answer, or a constant: it starts at nothing.
        self.head.weight.zero_()
        self.head.bias.zero_()
        if self.linear is not None:
            self.linear.weight.zero_()

    def _segments(self, x: torch.Tensor, observed: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The steps of each segment side by side, and which segments have an observed step."""
        if self.segment_size == 1:
            return x, observed
        shape = len(x), x.shape[1] // self.segment_size, -1
        return x.reshape(shape), None if observed is None else observed.reshape(shape).any(2)

    def _answer(
        self, states: torch.Tensor, observed: torch.Tensor | None, generator: torch.Generator | None
    ) -> torch.Tensor:
        """The head on states (..., column)."""
        answer: torch.Tensor = self.head(self._drop(self.norms[-1](states, observed), generator))
        return answer

    def _drop(self, x: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        if not self.training or not self.dropout:
            return x
        return x * dropout_mask(x, self.dropout, generator)


class TorchNetwork:
    """A network whose gradients are autograd's.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    """

    def __init__(self, network: RecurrentNetwork) -> None:
        self._network = network
        layers = [layer for each in network.layers for layer in each.directions]  # type: ignore[union-attr]
        self.is_torchs = all(type(layer) in (nn.GRU, nn.LSTM, nn.RNN) for layer in layers)
        self.parameters: list[torch.Tensor] = list(network.parameters())
        self.tensors: list[torch.Tensor] = list(network.state_dict().values())

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as arrays of their own."""
        return self._network.arrays()

    def arranged(self, arrays: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
        """Arrays in the order of the parameters, 0 for those that are not named."""
        return [
            torch.from_numpy(arrays[name].copy()).to(like) if name in arrays else torch.zeros_like(like)
            for name, like in self._network.named_parameters()
        ]

    def forward(self, data: DeviceData, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Raw output while training, as of ``RecurrentNetwork``; ``generator`` draws the dropout masks."""
        with torch.enable_grad():
            self._raw: torch.Tensor = self._network.train()(*data.take(rows), generator)
        return self._raw.detach()

    def backward(self, slope: torch.Tensor) -> None:
        """Gradients from the derivative of the loss by what ``forward`` returned."""
        self._network.zero_grad()
        self._raw.backward(slope)
        # Solvers that divide by the size of a gradient would make full steps of rounding.
        bias, rounding = self._network.head.bias.grad, torch.finfo(slope.dtype).eps
        assert bias is not None
        bias.masked_fill_(bias.abs() <= rounding * (1 + slope.flatten(0, -2).abs().sum(0)), 0.0)

    def clip(self, norm: float) -> None:
        """Shorten the gradient to a norm if it is longer."""
        nn.utils.clip_grad_norm_(self.parameters, norm)

    def settle(self, data: DeviceData) -> None:
        """Measure on training data what prediction takes for given."""
        norms = [norm for norm in self._network.norms if isinstance(norm, BatchNorm)]
        if norms:
            for norm in norms:
                norm.forget()
            self._in_chunks(self._network.train().measured, data, least=2)

    def epochs(self, *_: object) -> None:
        """None: batch after batch is read by ``forward``."""

    def infer(self, data: DeviceData) -> torch.Tensor:
        """Raw output (n, width) or (n, step, width)."""
        return self._in_chunks(self._network.eval(), data)

    def attention(self, data: DeviceData) -> torch.Tensor:
        """Weights of the steps (n, step)."""
        return self._in_chunks(self._network.eval().attention, data)

    def step(
        self, x: torch.Tensor, observed: torch.Tensor, before: tuple[torch.Tensor, ...] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """See ``RecurrentNetwork.step``."""
        with torch.no_grad():
            return self._network.eval().step(x, observed, before)

    def _in_chunks(self, read: Callable[..., torch.Tensor], data: DeviceData, least: int = 1) -> torch.Tensor:
        """What is read of all sequences, so many at once as memory allows, but never fewer than ``least``."""
        widest = max(parameter.shape[0] for parameter in self.parameters)
        size = max(least, _CHUNK // (data.n_steps * widest))
        bounds = [*range(0, max(len(data) - least, 0) + 1, size), len(data)]
        with torch.no_grad():
            return torch.cat([read(*data.take(slice(*both))) for both in pairwise(bounds)])


def read_by_torch(directions: nn.ModuleList, x: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
    """States (batch, step, hidden * directions) of a layer, computed by torch's layers; see ``RecurrentLayer``."""
    runs = [_read(layer, x, observed, backward=bool(i)) for i, layer in enumerate(directions)]
    return runs[0] if len(runs) == 1 else torch.cat(runs, dim=2)


def _read(layer: nn.Module, x: torch.Tensor, observed: torch.Tensor | None, *, backward: bool) -> torch.Tensor:
    """States (batch, step, hidden) of one direction."""
    if backward:
        return _read(layer, x.flip(1), None if observed is None else observed.flip(1), backward=False).flip(1)
    if observed is None:
        return layer(x)[0]
    # The observed steps move to the front, the layer reads those, and each step gets the state after the last of them.
    # None of this waits for the device, or adds in an order that may change: no number of observed steps is asked for.
    n_steps, count = x.shape[1], observed.cumsum(1)  # (batch, step)
    place = (count - 1).masked_fill(~observed, n_steps)
    front = x.new_zeros(len(x), n_steps + 1, x.shape[2])
    states, _ = layer(front.scatter(1, place[:, :, None].expand_as(x), x)[:, :n_steps])
    states = torch.cat([states.new_zeros(len(x), 1, states.shape[2]), states], dim=1)
    return states[torch.arange(len(x), device=x.device)[:, None], count]
