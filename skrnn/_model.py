"""What a fit learns, as plain values, and the two ways to use it: train on and predict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from skrnn._batch import Batch
from skrnn._losses import Loss
from skrnn._network import NetworkSpec, RecurrentNetwork, TorchNetwork
from skrnn._sequences import Scale, Sequences
from skrnn._threads import own_threads, suited_threads
from skrnn._training import Plan, TrainingLog, TrainingState, own_modes, resolve_device, train
from skrnn.kernels import kernel_of

if TYPE_CHECKING:
    from skrnn._compiled import CompiledNetwork


@dataclass(frozen=True)
class Examples:
    """Sequences with their targets and weights."""

    sequences: Sequences
    y: np.ndarray  # (n, target)
    weight: np.ndarray  # (n,)

    def take(self, rows: np.ndarray | slice) -> Examples:
        return Examples(self.sequences.take(rows), self.y[rows], self.weight[rows])

    def hold_out(self, fraction: float) -> tuple[Examples, Examples]:
        """The earlier examples, and the last ones to be watched.

        With k targets in a row the k - 1 rows before the held-out ones are left out: their targets may lie among those.
        """
        n_samples, n_targets = self.y.shape
        n_held_out = math.ceil(fraction * n_samples)
        n_train = n_samples - n_held_out - (n_targets - 1)
        if n_train < 1:
            raise ValueError(
                f"early_stopping=True leaves no sample to train on: of n_samples = {n_samples}, {n_held_out} are held "
                f"out (validation_fraction={fraction}). Lower validation_fraction, or pass X_val and y_val."
            )
        return self.take(slice(0, n_train)), self.take(slice(n_samples - n_held_out, None))

    def __len__(self) -> int:
        return len(self.weight)


@dataclass(frozen=True)
class Model:
    """A trained network in arrays, the units it works in, and where its training stands."""

    spec: NetworkSpec
    weights: dict[str, np.ndarray]
    loss: Loss
    x_scale: Scale
    y_scale: Scale
    dtype: str
    training: TrainingState

    def predict(self, sequences: Sequences, device: str) -> np.ndarray:
        """Answers in the units of y (n, target)."""
        place, dtype = resolve_device(device), _torch_dtype(self.dtype)
        with _network_of(self, place, len(sequences), len(sequences) * sequences.n_steps) as network:
            answer = self.loss.predict(network.infer(_batch(sequences, self.x_scale, place, dtype)))
        return self.y_scale.invert(answer.cpu().numpy().astype(np.float64))


def start(spec: NetworkSpec, loss: Loss, examples: Examples, *, seed: int, dtype: str, device: str) -> Model:
    """An untrained model in the units of the examples; "auto" precision is theirs on the CPU, single on CUDA."""
    if dtype == "auto":
        dtype = examples.sequences.base.dtype.name if resolve_device(device).type == "cpu" else "float32"
    network = RecurrentNetwork(spec, device=torch.device("cpu"), dtype=_torch_dtype(dtype))
    network.initialize(torch.Generator("cpu").manual_seed(int(np.random.SeedSequence([seed, 0]).generate_state(1)[0])))
    y_scale = Scale.identity(examples.y.shape[1])
    if loss.equivariant:
        y_scale = Scale.of(lambda: [(examples.y, examples.weight)], examples.y.shape[1], examples.y.dtype)
    return Model(
        spec=spec,
        weights=network.arrays(),
        loss=loss,
        x_scale=examples.sequences.scale(examples.weight),
        y_scale=y_scale,
        dtype=dtype,
        training=TrainingState(seed),
    )


def train_on(
    model: Model,
    examples: Examples,
    plan: Plan,
    *,
    held_out: Examples | None,
    device: str,
    report: Callable[[float, float | None], None] | None = None,
) -> tuple[Model, TrainingLog]:
    """Train a model further, from where it stands; the model that comes in stays as it is."""
    place, dtype = resolve_device(device), _torch_dtype(model.dtype)
    with _network_of(model, place, plan.batch_size, len(examples) * examples.sequences.n_steps) as network:
        data = _labelled(model, examples, place, dtype)
        watched = None if held_out is None else _labelled(model, held_out, place, dtype)
        log, training = train(network, model.loss, data, plan, model.training, validation=watched, report=report)
        return replace(model, weights=network.arrays(), training=training), log


@contextmanager
def _network_of(
    model: Model, device: torch.device, n_at_once: int, n_rows: int
) -> Iterator[CompiledNetwork | TorchNetwork]:
    """The network on the compiled loops where they serve, else on torch's layers, with threads that suit it."""
    kernel = kernel_of(model.spec.layer, model.spec.options) if device.type == "cpu" else None
    with own_modes(device):
        if kernel is not None:
            from skrnn._compiled import CompiledNetwork

            # As torch does, overflow goes on as infinity without a word; training looks at its loss.
            n_weights = sum(array.size for array in model.weights.values())
            with own_threads(n_rows * n_weights) as n_threads, np.errstate(over="ignore", invalid="ignore"):
                yield CompiledNetwork(model.spec, model.weights, kernel, n_threads)
        else:
            with suited_threads(n_at_once * model.spec.hidden_size):
                dtype = _torch_dtype(model.dtype)
                yield TorchNetwork(RecurrentNetwork.of(model.spec, model.weights, device=device, dtype=dtype))


def _torch_dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _labelled(model: Model, examples: Examples, device: torch.device, dtype: torch.dtype) -> Batch:
    """Standardised examples on a device; weights have mean 1."""
    y = torch.from_numpy(model.y_scale.apply(examples.y, np.float64))
    weight = torch.from_numpy(examples.weight / examples.weight.mean())
    data = _batch(examples.sequences, model.x_scale, device, dtype)
    return replace(data, y=y.to(device=device, dtype=dtype), weight=weight.to(device=device, dtype=dtype))


def _batch(sequences: Sequences, scale: Scale, device: torch.device, dtype: torch.dtype) -> Batch:
    """Standardised sequences on a device; NaN becomes 0 in rows that are not observed."""
    base = scale.apply(sequences.base, np.float64 if dtype == torch.float64 else np.float32)
    observed = sequences.observed()
    complete = bool(observed.all())
    if not complete:
        base[~observed] = 0.0
    return Batch(
        base=torch.from_numpy(base).to(device),
        observed=None if complete else torch.from_numpy(observed).to(device),
        starts=torch.from_numpy(sequences.starts).to(device),
        n_steps=sequences.n_steps,
    )
