"""What a fit learns, as plain values, and how it answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from skrnn._compiled.threads import alone
from skrnn._data.examples import Examples
from skrnn._data.on_device import DeviceData
from skrnn._data.sequences import Sequences
from skrnn._data.spec import NetworkSpec
from skrnn._data.state import TrainingState
from skrnn._model.anchor import Levels
from skrnn._model.engine import (
    network_of,
    resolve_device,
    torch_dtype,
    torch_network_of,
)
from skrnn._model.loss_contract import Loss, is_robust, moves_with_y, outputs_of_answers
from skrnn._model.network import RecurrentNetwork, TorchNetwork
from skrnn._model.outputs import Outputs
from skrnn._model.units import Units

if TYPE_CHECKING:
    from skrnn._compiled.network import CompiledNetwork

_Reader = TypeVar("_Reader")


class Idle:
    """What has read single steps and may do so again, each for one thread at a time; copies and pickles hold none."""

    def __init__(self) -> None:
        self._those: deque[Any] = deque()

    def __reduce__(self) -> tuple[type[Idle], tuple[()]]:
        return Idle, ()

    def take(self, make: Callable[[], _Reader]) -> _Reader:
        """One that nobody uses, or a new one."""
        try:
            return self._those.pop()
        except IndexError:
            return make()

    def give_back(self, reader: Any) -> None:
        self._those.append(reader)


@dataclass(frozen=True)
class Model:
    """A trained network in arrays, the units it works in, and where its training stands."""

    spec: NetworkSpec
    weights: dict[str, np.ndarray]
    first_weights: dict[str, np.ndarray]  # of the linear map and the bias, to which weight decay pulls
    loss: Loss
    units: Units
    dtype: str
    training: TrainingState
    n_steps: int  # of the sequences of the first fit
    asked: Mapping[str, Any]  # the parameters that shape it
    idle: Idle = field(default_factory=Idle, init=False, repr=False, compare=False)

    @property
    def n_parameters(self) -> int:
        network = RecurrentNetwork(self.spec, device=torch.device("meta"), dtype=torch_dtype(self.dtype))
        return sum(parameter.numel() for parameter in network.parameters())

    @property
    def uses_recurrence(self) -> bool:
        """Whether the recurrent layers take part in the answers."""
        return bool(np.any(self.weights["head.weight"]))

    @property
    def state_shapes(self) -> list[tuple[int, int]]:
        """First and last axis of each array of the state of ``step``."""
        if self.reads_windows:
            return [(self.n_steps, self.units.n_channels)]
        n_states = 2 if self.spec.layer.endswith("LSTM") else 1
        return [(n_states, self.spec.hidden_size)] * self.spec.num_layers

    @property
    def reads_windows(self) -> bool:
        """Whether an answer after one more step needs the steps before it, not only the states then."""
        return self.spec.reads_windows or self.units.anchor is not None

    def also_of(self, examples: Examples, *, dropout: float) -> Model:
        """The model with units of what was constant in all training data before these, and another dropout."""
        units = self.units.also_of(examples, robust=is_robust(self.loss))
        return replace(self, units=units, spec=replace(self.spec, dropout=dropout))

    def linear_alone(self) -> Model:
        """The model without what the recurrent layers add."""
        return replace(self, weights={**self.weights, "head.weight": np.zeros_like(self.weights["head.weight"])})

    def linear_part(self) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (output, step, channel) and intercepts (output,) of the linear part in the units of X and y.

        Outputs are the answers where these move with y, those of several quantiles side by side; else those of the
        network.
        """
        weights, bias = (self.weights[name].astype(np.float64) for name in ("linear.weight", "head.bias"))
        coef = weights.reshape(len(bias), self.spec.linear_steps, -1)[:, :, : self.units.n_channels]
        outputs = None
        if moves_with_y(self.loss):
            outputs = outputs_of_answers(self.loss, len(bias), len(self.units.y.std))
        return self.units.linear_part(coef, bias, outputs)

    @alone
    def infer(self, sequences: Sequences, device: str) -> Outputs:
        """Outputs for some sequences."""
        place, dtype = resolve_device(device), torch_dtype(self.dtype)
        network = network_of(self.spec, self.weights, place, dtype, len(sequences) * sequences.n_steps)
        return self.answers(network, sequences, place, dtype)

    @alone
    def attention(self, sequences: Sequences, device: str) -> np.ndarray:
        """Weights of the steps (n, step)."""
        place, dtype = resolve_device(device), torch_dtype(self.dtype)
        network = torch_network_of(self.spec, self.weights, place, dtype, len(sequences) * sequences.n_steps)
        data = self.on_device(sequences, place, dtype, self.units.levels(sequences))
        return network.attention(data).cpu().numpy().astype(np.float64)

    def answers(
        self, network: CompiledNetwork | TorchNetwork, sequences: Sequences, device: torch.device, dtype: torch.dtype
    ) -> Outputs:
        """Outputs of a network of this model for some sequences."""
        levels = self.units.levels(sequences)
        return self.outputs(network.infer(self.on_device(sequences, device, dtype, levels)), sequences, levels)

    def outputs(self, raw: torch.Tensor, sequences: Sequences, levels: Levels | None = None) -> Outputs:
        scale = self.units.of_targets(levels)
        return Outputs(raw, sequences, self.loss, scale.std, scale.mean)

    def on_device(
        self, sequences: Sequences, device: torch.device, dtype: torch.dtype, levels: Levels | None
    ) -> DeviceData:
        return self.units.on_device(sequences, device, dtype, levels=levels, segment_size=self.spec.segment_size)
