"""How answers move with each number that a model reads."""

from __future__ import annotations

import numpy as np
import torch

from skrnn._compiled.threads import alone
from skrnn._data.sequences import Sequences, with_their_rows
from skrnn._model.anchor import Levels, divided
from skrnn._model.engine import torch_dtype
from skrnn._model.model import Model
from skrnn._model.network import RecurrentNetwork
from skrnn._model.units import Units

_AT_ONCE = 256  # sequences
_CPU = torch.device("cpu")  # layers on CUDA give gradients only while training


@alone
def slopes(model: Model, sequences: Sequences, *, of_answers: bool) -> np.ndarray:
    """Derivatives (n, output, step, channel) by the values of X, 0 where these are NaN.

    Parameters
    ----------
    model : Model
        A model with one answer for each sequence.
    sequences : Sequences
        Sequences in the units of X.
    of_answers : bool
        Whether of the answers in the units of y, or of the raw outputs.
    """
    dtype = torch_dtype(model.dtype)
    network = RecurrentNetwork.of(model.spec, model.weights, device=_CPU, dtype=dtype)
    network.eval().requires_grad_(False)
    levels = model.units.levels(sequences)
    data = model.on_device(sequences, _CPU, dtype, levels)
    found = []
    for first in range(0, len(sequences), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        x, seen = data.take(rows)
        x = x.detach().clone().requires_grad_()
        raw = network(x, seen)
        outputs = model.loss.predict(raw) if of_answers else raw
        by_inputs = [torch.autograd.grad(output.sum(), x, retain_graph=True)[0] for output in outputs.unbind(1)]
        slopes = torch.stack(by_inputs, 1).numpy().astype(np.float64)  # (batch, output, step, input)
        answers = outputs.detach().numpy()
        some = with_their_rows(sequences.take(rows))
        found.append(_by_values(slopes, answers, model.units, some, of_answers=of_answers))
    return np.concatenate(found)


def _by_values(
    slopes: np.ndarray, answers: np.ndarray, units: Units, sequences: Sequences, *, of_answers: bool
) -> np.ndarray:
    """Derivatives by what the network reads, as those by the values of X; ``answers`` are those of the loss."""
    values, levels = _steps(sequences), units.levels(sequences)
    known = ~np.isnan(values)
    scaled = slopes * (units.of_targets(levels).std[..., None, None] if of_answers else 1.0)
    by_channel = scaled[..., : units.n_channels] / units.x.std
    found = by_channel * known[:, None]
    anchor = units.anchor
    if anchor is None or levels is None:
        return found
    # Where changes are beyond reach, as far from the level as they may be is read: the level alone moves that.
    read = _steps(units.seen.within_reach(sequences, anchor.channels, levels))
    beyond = known & (read != values)
    by_channel[np.broadcast_to(beyond[:, None], by_channel.shape)] = 0.0
    found[np.broadcast_to(beyond[:, None], found.shape)] = 0.0
    by_values = np.zeros_like(by_channel)  # of layers that read them as they are
    if levels.sizes is not None:
        own = anchor.channels
        by_channel[..., own] = divided(found[..., own], levels.sizes[:, None, None])  # what is missing is as the level
        by_size = _by_size(by_channel[..., own], values[..., own] - levels.values[:, None], answers, units, levels)
        found[..., own] = by_channel[..., own] + by_size * anchor.by_values(values[..., own], levels.sizes)[:, None]
    if units.values is not None:
        slope = _of_values_as_they_are(units, read[..., anchor.channels])[:, None]
        by_values[..., anchor.channels] = scaled[..., units.n_inputs[0] :] * slope
        found += by_values * ~beyond[:, None]
    for channel in anchor.channels:
        rows = np.flatnonzero(known[..., channel].any(axis=1))
        last = values.shape[1] - 1 - known[rows, ::-1, channel].argmax(axis=1)
        by_level = (by_values * beyond[:, None] - by_channel)[rows, ..., channel].sum(axis=2)  # (row, output)
        if of_answers:
            by_level = by_level + np.where(anchor.channel == channel, anchor.slope, 0.0)
        for output in range(found.shape[1]):
            found[rows, output, last, channel] += by_level[:, output]
    return found


def _steps(sequences: Sequences) -> np.ndarray:
    """The steps of sequences (n, step, channel)."""
    return sequences.base[sequences.starts[:, None] + np.arange(sequences.n_steps)]


def _by_size(
    by_channel: np.ndarray, changes: np.ndarray, answers: np.ndarray, units: Units, levels: Levels
) -> np.ndarray:
    """Derivatives (batch, output, 1, anchored channel) by the sizes of sequences, which divide and multiply."""
    anchor = units.anchor
    assert anchor is not None
    assert levels.sizes is not None
    dividing = -divided((by_channel * np.nan_to_num(changes)[:, None]).sum(axis=2), levels.sizes[:, None])
    slopes = np.where(anchor.channel[:, None] == anchor.channels, anchor.slope[:, None], 0)  # (output, channel)
    return np.asarray(dividing + units.y.invert(answers)[..., None] * slopes)[:, :, None]


def _of_values_as_they_are(units: Units, values: np.ndarray) -> np.ndarray:
    """Derivatives of what layers read of anchored channels beside the changes, see ``Units.values``."""
    assert units.values is not None
    std = units.values.std
    nearest, beyond = units.seen.nearest(values, std)
    fading = -np.sign(beyond) * (nearest - units.values.mean) / std**2 * (np.abs(beyond) < 1)
    return np.nan_to_num(np.where(beyond == 0, 1 / std, fading))
