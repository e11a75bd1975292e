"""Untrained models: the units of the examples, first weights, and what is linear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from skrnn._compiled.threads import alone, one_blas_thread
from skrnn._data.examples import Examples
from skrnn._data.robust import weighted_quantiles
from skrnn._data.sequences import Sequences, lacks_some
from skrnn._data.spec import NetworkSpec
from skrnn._data.units import Scale
from skrnn._model.linear_map import fit_linear
from skrnn._model.linear_skip import LinearSkip, steps_read
from skrnn._model.loss_contract import FunctionLoss, Loss, check_loss
from skrnn._model.model import Model, known, labelled, labels, torch_dtype
from skrnn._model.network import RecurrentNetwork
from skrnn._training.loop import TrainingState, resolve_device

_FAR = 10.0  # spreads from the middle, where doubts begin
_LARGEST = 1000.0  # spreads of a target from the middle that a first linear forecast may see
_MOST_COUNTED = 2**40  # rows that weights may stand for
_TRIED = 10_000  # targets on which a loss is tried
_MOST_NUMBERS = 2**22  # in the columns from which a linear map is learnt


@alone
def start(
    spec: NetworkSpec,
    loss: Loss,
    examples: Examples,
    whole: Examples,
    *,
    missing: str,
    linear_skip: bool | int,
    seed: int,
    dtype: str,
    device: str,
) -> Model:
    """An untrained model in the units of the examples; "auto" precision is theirs on the CPU, single on CUDA.

    With a linear skip, the network's own part of the answers starts at zero. ``whole`` are the examples and those that
    are held out from them.
    """
    if dtype == "auto":
        dtype = examples.sequences.base.dtype.name if resolve_device(device).type == "cpu" else "float32"
    y_scale = _target_scale(loss, examples)
    loss = _tried(loss, spec.width, examples, y_scale)
    model = Model(
        spec=spec,
        weights={},
        loss=loss,
        x_scale=examples.sequences.scale(examples.weight, missing, robust=_is_robust(loss)),
        y_scale=y_scale,
        missing=missing,
        dtype=dtype,
        training=TrainingState(seed),
        n_steps=examples.sequences.n_steps,
        linear_skip=linear_skip,
        has_missing=missing != "indicator" or lacks_some(examples.sequences, examples.weight),
    )
    if linear_skip is not False and not spec.return_sequences:
        n_steps = steps_read(linear_skip, examples.sequences)
        model = replace(model, spec=replace(spec, skip_steps=n_steps))
        if _moves_with_y(loss):
            model = _with_linear(model, examples, whole)
    network = RecurrentNetwork(model.spec, device=torch.device("cpu"), dtype=torch_dtype(dtype))
    network.initialize(torch.Generator("cpu").manual_seed(int(np.random.SeedSequence([seed, 0]).generate_state(1)[0])))
    model = replace(model, weights=network.arrays())
    if model.spec.skip_steps and model.linear is None:
        return replace(model, weights={**model.weights, **_linear_start(model, examples)})
    if _moves_with_y(loss):
        return replace(model, weights={**model.weights, **_constant_start(model, examples)})
    return model


def _tried(loss: Loss, width: int, examples: Examples, y_scale: Scale) -> Loss:
    """The loss, in the units of the targets if it is told them; it was tried on some of these."""
    y, weight = examples.y.reshape(-1, examples.y.shape[-1]), examples.answer_weight().ravel()
    used = np.flatnonzero(weight > 0)[:_TRIED]
    scaled = torch.from_numpy(y_scale.apply(y[used], np.float64))
    if isinstance(loss, FunctionLoss):
        loss = loss.in_units_of_y(y_scale.mean, y_scale.std)
    check_loss(loss, width, scaled)
    return loss.in_unit_of(scaled, torch.from_numpy(weight[used])) if isinstance(loss, FunctionLoss) else loss


def _linear_start(model: Model, examples: Examples) -> dict[str, np.ndarray]:
    """Weights of the linear skip and of the head with which the answers are linear and the loss is least."""
    every = max(1, int(len(examples) / max(_MOST_NUMBERS / model.weights["skip.weight"].shape[1], 100)))
    some = examples.take(slice(None, None, every))
    place = torch.device("cpu")
    data = labelled(model, some, place, torch.float64)
    skip = RecurrentNetwork.of(model.spec, model.weights, device=place, dtype=torch.float64).skip
    assert skip is not None
    columns = skip.columns(*data.take(slice(None))).detach()
    assert data.y is not None
    assert data.weight is not None
    matrix, bias = fit_linear(columns, model.loss, data.y, data.weight, model.spec.width)
    dtype = model.weights["skip.weight"].dtype
    return {"skip.weight": matrix.numpy().astype(dtype), "head.bias": bias.numpy().astype(dtype)}


def _constant_start(model: Model, examples: Examples) -> dict[str, np.ndarray]:
    """Biases of the head with which the loss of what a linear forecast leaves is least."""
    targets, weights = (torch.from_numpy(numbers) for numbers in labels(model, known(model, examples)))
    y, weight = targets.flatten(0, -2), weights.flatten()
    y, weight = y[weight > 0], weight[weight > 0]
    if model.linear is not None:
        centre = weight @ y / weight.sum()
        if _is_robust(model.loss):
            centre = torch.from_numpy(weighted_quantiles(y.numpy(), weight.numpy(), (0.5,))[0])
        y = centre + (y - centre) * model.linear.optimism
    constant = getattr(model.loss, "constant", None)
    if constant is not None:
        bias = constant(y, weight)
    else:
        _, bias = fit_linear(y.new_zeros(len(y), 0), model.loss, y, weight, model.spec.width)
    return {"head.bias": bias.numpy().astype(model.weights["head.bias"].dtype)}


def _is_robust(loss: Loss) -> bool:
    return bool(getattr(loss, "robust", False))


def _moves_with_y(loss: Loss) -> bool:
    """Whether adding a number to y adds it to the answers."""
    return loss.equivariant and getattr(loss, "domain", "real") == "real"


def _with_linear(model: Model, examples: Examples, whole: Examples) -> Model:
    """The model with linear forecasts, in its units; the newest examples, too, tell what they read."""
    robust = _is_robust(model.loss)

    def fitted(some: Examples, like: LinearSkip | None = None) -> LinearSkip:
        sequences, y, weight = some.sequences, model.y_scale.apply(some.y, np.float64), _as_counts(some.weight)
        if robust:
            y, weight = y.clip(-_LARGEST, _LARGEST), weight * _trust(sequences, model.x_scale, model.spec.skip_steps)
        if like is None:
            linear = LinearSkip.fit(sequences, model.x_scale, y, weight, model.spec.skip_steps)
        else:
            linear = like.again(sequences, y, weight)
        return linear.without_outliers(sequences, y, weight) if robust else linear

    one_blas_thread()
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            of_all = fitted(whole)
            linear = of_all if whole is examples else fitted(examples, of_all)
    except FloatingPointError:
        distance, channel, value = model.farthest(whole.sequences)
        raise ValueError(
            f"Channel {channel} of X holds {value:.4g}, {distance:.4g} standard deviations from the mean of the steps "
            "that are read: too far for a linear forecast. Check that value, or set linear_skip=False."
        ) from None
    return replace(model, linear=linear, linear_of_all=of_all)


def _trust(sequences: Sequences, scale: Scale, n_steps: int) -> np.ndarray:
    """Factors (n,) on the weights of sequences: hardly anything where a value lies far outside the others."""
    size = np.nan_to_num(np.abs(scale.apply(sequences.base, np.float64))).max(axis=1)
    n_read = min(n_steps, sequences.n_steps)
    largest = np.lib.stride_tricks.sliding_window_view(size, n_read).max(axis=1)
    last = sequences.starts + sequences.n_steps - n_read
    return np.asarray(np.minimum(_FAR / np.maximum(largest[last], _FAR), 1) ** 4)


def _as_counts(weight: np.ndarray) -> np.ndarray:
    """Weights that say how many equal rows each row is: multiples of the least weight, else those of mean 1."""
    multiples = weight / weight.min()
    counts = np.rint(multiples)
    whole = np.allclose(multiples, counts, rtol=1e-12, atol=0) and counts.sum() < _MOST_COUNTED
    return np.asarray(counts if whole else weight / weight.mean())


def _target_scale(loss: Loss, examples: Examples) -> Scale:
    """The units in which a loss reads targets."""
    n_targets = examples.y.shape[-1]
    if not loss.equivariant and not isinstance(loss, FunctionLoss):
        return Scale.identity(n_targets)
    y, weight = examples.y.reshape(-1, n_targets), examples.answer_weight().ravel()
    if getattr(loss, "domain", "real") == "non-negative":
        with np.errstate(over="ignore"):
            mean = weight @ y / weight.sum()
        if not np.all(np.isfinite(mean)):
            raise ValueError("y contains values too large to compute their mean. Rescale them.")
        return Scale(np.zeros(n_targets), np.where(mean > 0, mean, 1.0))
    measure = Scale.robust if _is_robust(loss) else Scale.of
    return measure(lambda: [(y, weight)], n_targets, y.dtype, [f"Output {i} of y" for i in range(n_targets)])
