"""The network: stacked recurrent layers that skip unobserved steps, and a linear head on their summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import torch
from torch import nn

from skrnn._batch import Batch

_CHUNK = 2**22  # numbers that one chunk of inference may hold in a layer's states


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is built from.

    ``layer`` is the dotted path of a class that keeps the calling convention of ``torch.nn.GRU``: built as
    ``Layer(input_size, hidden_size, batch_first=True, **options)``, called as ``states, last = layer(x)`` with x
    of shape (batch, step, channel).
    """

    layer: str
    input_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    dropout: float
    width: int
    options: tuple[tuple[str, str], ...] = ()


class RecurrentLayer(nn.Module):
    """One layer in one or both directions; a step that is not observed leaves the state as it is."""

    def __init__(self, make_direction: Callable[[], nn.Module], n_directions: int) -> None:
        super().__init__()
        self.directions = nn.ModuleList([make_direction() for _ in range(n_directions)])

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
        runs = [_read(layer, x, observed, backward=bool(i)) for i, layer in enumerate(self.directions)]
        return torch.cat([states for states, _ in runs], dim=2), torch.cat([last for _, last in runs], dim=1)


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

        self.layers = nn.ModuleList([make(spec.input_size if i == 0 else summary) for i in range(spec.num_layers)])
        self.head = nn.Linear(summary, spec.width, device="meta", dtype=dtype)
        self.dropout = spec.dropout
        self.hidden_size = spec.hidden_size
        self.to_empty(device=device)

    def forward(
        self, x: torch.Tensor, observed: torch.Tensor | None = None, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Raw output of each sequence; ``generator`` draws the dropout masks while training."""
        states = x
        for i, layer in enumerate(self.layers):
            states = states if i == 0 else self._drop(states, generator)
            states, last = layer(states, observed)
        output: torch.Tensor = self.head(self._drop(last, generator))
        return output

    @classmethod
    def of(
        cls, spec: NetworkSpec, arrays: dict[str, np.ndarray], *, device: torch.device, dtype: torch.dtype
    ) -> RecurrentNetwork:
        """A network with the weights of ``arrays``."""
        network = cls(spec, device=device, dtype=dtype)
        # Copied: the arrays may be read-only, for instance mapped from a file.
        network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in arrays.items()})
        return network

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as arrays of their own."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights uniformly from +-1/sqrt(fan-in), fan-in being the hidden size in recurrent layers."""
        for part, fan_in in ((self.layers, self.hidden_size), (self.head, self.head.in_features)):
            for parameter in part.parameters():
                # Drawn on the CPU in double precision: every device and precision starts from the same weights.
                draws = torch.empty(parameter.shape, dtype=torch.float64, device="cpu")
                parameter.copy_(draws.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator))

    def _drop(self, x: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        if not self.training or not self.dropout:
            return x
        return x * dropout_mask(x, self.dropout, generator)


def dropout_mask(x: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
    """Factors for ``x`` that keep its mean: 0 for a share ``rate`` of the numbers."""
    # torch's dropout takes no generator.
    kept = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    return kept.bernoulli_(1 - rate, generator=generator).div_(1 - rate)


class TorchNetwork:
    """A network whose gradients are autograd's.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    """

    def __init__(self, network: RecurrentNetwork) -> None:
        self._network = network
        self.parameters: list[torch.Tensor] = list(network.parameters())

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as arrays of their own."""
        return self._network.arrays()

    def forward(self, data: Batch, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Raw output (batch, width) while training; ``generator`` draws the dropout masks."""
        with torch.enable_grad():
            self._raw: torch.Tensor = self._network.train()(*data.take(rows), generator)
        return self._raw.detach()

    def backward(self, slope: torch.Tensor) -> None:
        """Gradients from the derivative of the loss by what ``forward`` returned."""
        self._network.zero_grad()
        self._raw.backward(slope)

    def clip(self, norm: float) -> None:
        """Shorten the gradient to a norm if it is longer."""
        nn.utils.clip_grad_norm_(self.parameters, norm)

    def infer(self, data: Batch) -> torch.Tensor:
        """Raw output (n, width)."""
        self._network.eval()
        widest = max(parameter.shape[0] for parameter in self.parameters)
        size = max(1, _CHUNK // (data.n_steps * widest))
        with torch.inference_mode():
            return torch.cat([self._network(*data.take(slice(i, i + size))) for i in range(0, len(data), size)])


def _read(
    layer: nn.Module, x: torch.Tensor, observed: torch.Tensor | None, *, backward: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run one direction; see ``RecurrentLayer.forward``."""
    if backward:
        states, last = _read(layer, x.flip(1), None if observed is None else observed.flip(1), backward=False)
        return states.flip(1), last
    if observed is None:
        states, _ = layer(x)
        return states, states[:, -1]
    # The observed steps move to the front, the layer reads those, and each step gets the state after the last of them.
    count = observed.cumsum(1)  # (batch, step)
    longest = max(int(count[:, -1].max()), 1)
    place = torch.where(observed, count - 1, longest)
    front = x.new_zeros(len(x), longest + 1, x.shape[2])
    front = front.scatter(1, place[:, :, None].expand_as(x), x)[:, :longest]
    states, _ = layer(front)
    states = torch.cat([states.new_zeros(len(x), 1, states.shape[2]), states], dim=1)
    states = states.gather(1, count[:, :, None].expand(-1, -1, states.shape[2]))
    return states, states[:, -1]
