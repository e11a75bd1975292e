"""One more step of each sequence: what a trained network answers then, and the state from which it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from skrnn._compiled.threads import alone
from skrnn._data.sequences import Sequences
from skrnn._model.engine import compiled_threads, kernel_for, network_of, resolve_device, torch_dtype
from skrnn._model.model import Model
from skrnn._model.network import RecurrentNetwork, TorchNetwork
from skrnn._model.outputs import Outputs

_Reading = TypeVar("_Reading")
_States = tuple[np.ndarray, ...]


@alone
def step(
    model: Model, values: np.ndarray, before: _States | None, device: str, read: Callable[[Outputs], _Reading]
) -> tuple[_Reading, Outputs, _States]:
    """Read one more step (n, channel) of each sequence.

    Returns what ``read`` gives of the outputs, these, and the state then: the states of all layers, or the last steps
    if these are read anew each time.
    """
    place, dtype = resolve_device(device), torch_dtype(model.dtype)
    after: _States
    if model.reads_windows:
        outputs, after = _read_window(model, values, before, place, dtype)
    else:
        outputs, after = _read_step(model, values, before, place, dtype)
    return read(outputs), outputs, after


def _read_window(
    model: Model, values: np.ndarray, before: _States | None, place: torch.device, dtype: torch.dtype
) -> tuple[Outputs, _States]:
    """Outputs and the last steps (step, n, channel)."""
    steps = np.full((model.n_steps, *values.shape), np.nan) if before is None else before[0]
    steps = np.concatenate([steps[1:], values[None]])
    sequences = Sequences.of(steps.transpose(1, 0, 2))
    n_rows, kernel = len(values) * model.n_steps, kernel_for(model.spec, place)
    if kernel is None or not model.spec.is_plain:
        outputs = model.answers(network_of(model.spec, model.weights, place, dtype, n_rows), sequences, place, dtype)
        return (replace(outputs, raw=outputs.raw[:, -1]) if model.spec.return_sequences else outputs), (steps,)
    from skrnn._compiled.network import CompiledNetwork

    n_threads = compiled_threads(model.weights, n_rows)
    reader = model.idle.take(lambda: CompiledNetwork(model.spec, model.weights, kernel, n_threads))
    reader.n_threads = n_threads
    outputs = model.answers(reader, sequences, place, dtype)
    model.idle.give_back(reader)
    return outputs, (steps,)


def _read_step(
    model: Model, values: np.ndarray, before: _States | None, place: torch.device, dtype: torch.dtype
) -> tuple[Outputs, _States]:
    """Outputs and the states of all layers."""
    sequences = Sequences(values, np.arange(len(values)), 1)
    rows, seen = model.units.rows(sequences, np.float64 if dtype == torch.float64 else np.float32)
    kernel = kernel_for(model.spec, place)
    if kernel is not None and model.spec.norm is None:
        from skrnn._compiled.stepping import Steps

        if len(values) > 1:
            compiled_threads(model.weights, len(values))
        steps = model.idle.take(lambda: Steps(model.spec, model.weights, kernel))
        answer, states = steps.read(rows, seen, before)
        model.idle.give_back(steps)
        return model.outputs(torch.from_numpy(answer), sequences), states
    observed = torch.from_numpy(np.ones(len(values), dtype=bool) if seen is None else seen).to(place)
    given = None if before is None else tuple(torch.tensor(state, dtype=dtype, device=place) for state in before)
    network = TorchNetwork(RecurrentNetwork.of(model.spec, model.weights, device=place, dtype=dtype))
    raw, after = network.step(torch.from_numpy(rows).to(place), observed, given)
    return model.outputs(raw, sequences), tuple(state.cpu().numpy() for state in after)
