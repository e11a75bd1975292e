"""From examples to a model: units and anchor, first weights, training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import torch

from skrnn._compiled.threads import alone, one_blas_thread
from skrnn._data.examples import Examples, Split
from skrnn._data.on_device import DeviceData
from skrnn._data.robust import middle_and_spread
from skrnn._data.sequences import Sequences, longest, with_their_rows
from skrnn._data.state import DivergenceError, TrainingState
from skrnn._data.units import Scale
from skrnn._estimators.mixing import mixed, share_of_network
from skrnn._estimators.start import Start, tried, units_of
from skrnn._estimators.watching import OfModel, Until
from skrnn._model.anchor import Levels
from skrnn._model.engine import network_of, resolve_device, torch_dtype
from skrnn._model.linear import ROUNDING, Blocks, LinearAnswer, fit_least_loss, fit_ridge, fit_robust_ridge
from skrnn._model.loss_contract import Loss, is_robust, moves_with_y, outputs_of_answers
from skrnn._model.model import Model
from skrnn._model.network import RecurrentNetwork
from skrnn._model.stages import LinearMap
from skrnn._model.timeline import channel_with_values, ends_with
from skrnn._model.units import Units
from skrnn._training.course import TrainingLog, Watcher
from skrnn._training.loop import Plan, evaluate, train

_FOLDS = 4  # of the examples, in the order in which they came
_MOST_COLUMNS = 2500  # of a linear map
_MOST_NUMBERS = 2**22  # in the columns from which a map is searched for
_MOST_WORK = 2e10  # multiplications of the ridge regression, beyond which not all rows are used
_AT_ONCE = 2**18  # numbers in a block of columns


def fit(
    start: Start,
    split: Split,
    plan: Plan,
    *,
    to_start_from: Callable[[Examples], Examples],
    corrected: bool = False,
    watcher: Watcher | None = None,
) -> tuple[Model, TrainingLog]:
    """A new model that was trained; its first weights are those that suit what ``to_start_from`` makes of examples.

    Where training is repeated on all examples, units and first weights are those of all in both trainings: a number of
    epochs that suits one start need not suit another. ``corrected`` asks for spreads that hold for other examples, see
    ``_corrected``. With ``linear_skip="auto"``, a network without a linear map is trained; where examples are held out,
    the linear start stands beside it, see ``mixing``.
    """
    auto = start.asked["linear_skip"] == "auto"
    beside, start = replace(start, linear=True), start.of_network
    first = untrained(start, to_start_from(split.last))
    model, log = train_on(first, split.train, plan, held_out=split.held_out, device=start.device, watcher=watcher)
    share = 1.0
    if auto and split.held_out is not None and not start.spec.return_sequences:
        linear = untrained(beside, split.train, units=first.units, rescale=False)
        loss_of, n_held_out = partial(_loss_of, split.held_out, start.device), len(split.held_out)
        share, log = share_of_network(model, log, linear, loss_of, n_held_out)
        model = mixed(model, linear, share) if share < 1 else model
    after = None if split.everything is None else log
    until = Until(len(log.loss_curve)) if log.stopped and after is None else None

    def anew(examples: Examples, first: Model | None = None) -> Model:
        """A model that is trained as this one was, on other examples."""
        first = untrained(start, examples) if first is None else first
        model, _ = train_on(first, examples, plan, after=after, device=start.device, watcher=until)
        return mixed(model, untrained(beside, examples, rescale=False), share) if share < 1 else model

    if split.everything is not None:
        model = anew(split.everything, first)
    return (_corrected(model, split.last, anew, start.device) if corrected else model), log


@alone
def _corrected(model: Model, examples: Examples, anew: Callable[[Examples], Model], device: str) -> Model:
    """The model with a constant added to its outputs, if its loss tells a spread: training makes that too small.

    The constant is the best for networks that were trained ``anew`` without the examples that they answer.
    """
    if not hasattr(model.loss, "correction"):
        return model
    parts: list[tuple[torch.Tensor, ...]] = []
    order = np.arange(len(examples))
    for rows in np.array_split(order, _FOLDS):
        twin = anew(examples.take(np.setdiff1d(order, rows)))
        answered = learnt_from(twin, examples.take(rows))
        data = labelled(twin, answered, torch.device("cpu"), torch.float64)
        raw = twin.infer(answered.sequences, device).raw.to(device="cpu", dtype=torch.float64)
        assert data.y is not None
        assert data.weight is not None
        parts.append((raw.flatten(0, -2), data.y.flatten(0, -2), data.weight.flatten()))
    added = model.loss.correction(*(torch.cat(some) for some in zip(*parts, strict=True))).numpy()
    bias = model.weights["head.bias"]
    return replace(model, weights={**model.weights, "head.bias": bias + added.astype(bias.dtype)})


@alone
def _loss_of(examples: Examples, device: str, model: Model) -> float:
    """The loss of a model on some examples."""
    place, dtype = resolve_device(device), torch_dtype(model.dtype)
    data = labelled(model, learnt_from(model, examples), place, dtype)
    return evaluate(network_of(model.spec, model.weights, place, dtype, len(data) * data.n_steps), model.loss, data)


@alone
def untrained(start: Start, examples: Examples, *, units: Units | None = None, rescale: bool = True) -> Model:
    """A model that answers linearly, or with ``linear_skip=False`` a constant; ``units`` are by default the examples'.

    Where the loss has units, they are those of the errors of the linear answer, or without ``rescale`` those of a model
    that answers a constant.
    """
    asked, dtype = start.asked, start.dtype
    if dtype == "auto":  # precision of the examples on the CPU, single on CUDA
        on_cpu = resolve_device(start.device).type == "cpu"
        dtype = examples.sequences.base.dtype.name if on_cpu else "float32"
    units = units or units_of(start, examples)
    loss = tried(start.loss, start.spec.width, examples, units.y)
    n_linear, n_inputs = units.n_inputs
    n_steps = 0 if start.spec.return_sequences else _linear_steps(start.linear, examples.sequences)
    spec = replace(start.spec, input_size=n_inputs, linear_steps=n_steps, linear_size=n_linear if n_steps else 0)
    network = RecurrentNetwork(spec, device=torch.device("cpu"), dtype=torch_dtype(dtype))
    seed = int(np.random.SeedSequence([start.seed, 0]).generate_state(1)[0])
    network.initialize(torch.Generator("cpu").manual_seed(seed))
    weights = network.arrays()
    model = Model(
        spec=spec,
        weights=weights,
        first_weights={},
        loss=loss,
        units=units,
        dtype=dtype,
        training=TrainingState(start.seed),
        n_steps=examples.sequences.n_steps,
        asked=asked,
    )
    model, first = _first_weights(model, learnt_from(model, examples), rescale=rescale)
    first = {name: value.astype(weights[name].dtype) for name, value in first.items()}
    return replace(model, weights={**weights, **first}, first_weights=first)


@alone
def train_on(
    model: Model,
    examples: Examples,
    plan: Plan,
    *,
    device: str,
    held_out: Examples | None = None,
    after: TrainingLog | None = None,
    watcher: Watcher | None = None,
) -> tuple[Model, TrainingLog]:
    """Train a model further, from where it stands; the model that comes in stays as it is.

    ``after`` is another training, which is repeated up to its best epoch with these examples. ``watcher`` is told of
    the model, not of its state, after each epoch.
    """
    place, dtype = resolve_device(device), torch_dtype(model.dtype)
    examples = learnt_from(model, examples)
    if model.spec.norm == "batch" and min(plan.batch_size, len(examples)) > 1:
        # A last batch of one would have no spread.
        size = next(size for size in count(plan.batch_size) if len(examples) % size != 1)
        plan = replace(plan, batch_size=size)
    data, watched = labelled(model, examples, place, dtype), None
    if held_out is not None:
        held_out = learnt_from(model, held_out)
        same = held_out.sequences.base is examples.sequences.base
        watched = labelled(model, held_out, place, dtype, data if same else None)
    network = network_of(model.spec, model.weights, place, dtype, len(examples) * examples.sequences.n_steps)
    log, state = train(
        network,
        model.loss,
        data,
        plan,
        model.training,
        validation=watched,
        watcher=None if watcher is None else OfModel(model, network.arrays, watcher),
        after=after,
        origin=model.first_weights,
    )
    if not all(np.isfinite(array).all() for array in network.arrays().values()):
        raise DivergenceError("the weights are not finite after the last step")
    return replace(model, training=state, weights=network.arrays()), log


def learnt_from(model: Model, examples: Examples) -> Examples:
    """The examples from which can be learnt: with an anchor, those whose steps are known."""
    anchor = model.units.anchor
    return examples if anchor is None else examples.take(anchor.complete(examples.sequences))


def n_left_out(model: Model, examples: Examples) -> int:
    """How many examples are not learnt from though steps are missing elsewhere than in front, as at a series' start."""
    anchor = model.units.anchor
    if anchor is None:
        return 0
    left_out = np.ones(len(examples), dtype=bool)
    left_out[anchor.complete(examples.sequences)] = False
    sequences = examples.sequences.take(left_out)
    lacking = np.isnan(sequences.base[:, anchor.channels]).any(axis=1)
    rows = sequences.starts[:, None] + np.arange(sequences.n_steps)
    return int((np.diff(lacking[rows].astype(np.int8), axis=1) > 0).any(axis=1).sum())


def channel_out_of_order(model: Model, examples: Examples) -> tuple[int, bool] | None:
    """A channel that holds the values of y, though not as the past of the samples in the order in which they came.

    And whether it holds them as the last step of the same samples.
    """
    if model.units.anchor is not None or model.asked.get("anchor") != "auto":
        return None
    if not model.spec.linear_steps or not moves_with_y(model.loss):
        return None
    channel = channel_with_values(examples.sequences, examples.y)
    return None if channel is None else (channel, ends_with(examples.sequences, channel, examples.y))


def labelled(
    model: Model, examples: Examples, device: torch.device, dtype: torch.dtype, like: DeviceData | None = None
) -> DeviceData:
    """Examples on a device in the units of the network, with weights of mean 1; ``like`` has the same base."""
    sequences, weight = examples.sequences, examples.answer_weight()
    levels, number = model.units.levels(sequences), np.float64 if dtype == torch.float64 else np.float32
    weights = np.empty(weight.shape, number)
    np.divide(weight, weight.mean(), out=weights, casting="same_kind")
    targets = _targets(model, examples.y, levels, number)
    y, weight_of = (torch.from_numpy(some).to(device=device) for some in (targets, weights))
    if not torch.isfinite(y).all():
        raise ValueError(
            f"y (or y_val) reaches {np.abs(examples.y).max():.4g}, too far from its mean in fit for {model.dtype}, in "
            "which the network computes. Check that value, or fit with dtype='float64'."
        )
    size = model.spec.segment_size
    data = model.units.on_device(sequences, device, dtype, levels=levels, segment_size=size, like=like)
    return replace(data, y=y, weight=weight_of)


def _targets(model: Model, y: np.ndarray, levels: Levels | None, dtype: type[np.floating]) -> np.ndarray:
    """Targets in the units of the network, infinite beyond the precision; in parts, since they need several copies."""
    targets = np.empty(y.shape, dtype)
    with np.errstate(over="ignore"):
        for first in range(0, len(y), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            targets[rows] = model.units.targets(y[rows], None if levels is None else levels.take(rows))
    return targets


def _linear_steps(linear_skip: bool | int, sequences: Sequences) -> int:
    """How many of the last steps the linear map reads: those of the longest sequence, fewer of many channels."""
    if linear_skip is False:
        return 0
    asked = longest(sequences)
    asked = asked if linear_skip is True else min(int(linear_skip), asked)
    return max(min(asked, _MOST_COLUMNS // sequences.n_channels), 1)


def _first_weights(model: Model, examples: Examples, *, rescale: bool) -> tuple[Model, dict[str, np.ndarray]]:
    """The linear map and the bias with which the loss is least, and the model in units of the errors then."""
    loss, width, moves = model.loss, model.spec.width, moves_with_y(model.loss)
    y = _targets(model, examples.y, model.units.levels(examples.sequences), np.float64)
    outputs = outputs_of_answers(loss, width, y.shape[-1]) if moves else None
    if not model.spec.linear_steps or (moves and outputs is None):
        return model, {"head.bias": _constants(loss, y, examples.answer_weight(), width)}
    if outputs is None:
        return model, _least_loss(model, examples)
    linear, rest = _ridge(model, examples, y)
    spread = _spread(rest, examples.weight, robust=is_robust(model.loss)) if rescale else np.ones(y.shape[-1])
    # With errors hardly above what the precision tells from the answers, the network would learn rounding, which
    # solvers that divide by the size of the gradient take for as much as any other.
    spread = np.maximum(spread, max(ROUNDING, float(np.finfo(model.dtype).eps) ** 0.5))
    units = replace(model.units, y=Scale(model.units.y.mean, model.units.y.std * spread))
    rest *= linear.optimism / spread
    bias = _constants(loss, rest, examples.weight, width)
    bias += outputs.T @ (linear.intercept / spread)
    return replace(model, units=units), {"linear.weight": outputs.T @ (linear.coef / spread).T, "head.bias": bias}


def _ridge(model: Model, examples: Examples, y: np.ndarray) -> tuple[LinearAnswer, np.ndarray]:
    """The ridge regression of targets (n, target) on what the linear map reads, and what it leaves (n, target)."""
    blocks = _blocks(model, examples.sequences)
    n_columns = model.spec.linear_steps * model.spec.linear_size
    enough = max(_MOST_WORK / n_columns**2, 10 * n_columns)
    some = slice(None, None, max(1, int(len(examples) / enough)))
    fit = fit_robust_ridge if is_robust(model.loss) else fit_ridge
    one_blas_thread()
    linear = fit(_blocks(model, examples.sequences.take(some)), y[some], examples.weight[some])
    rest = linear.to(blocks, len(y))
    return linear, np.subtract(y, rest, out=rest)


def _blocks(model: Model, sequences: Sequences) -> Blocks:
    """What the linear map of a model reads of sequences, some rows at a time, in double precision."""
    cpu = torch.device("cpu")
    linear = LinearMap(model.spec.linear_steps, model.spec.linear_size, 0, device=cpu)
    n_at_once = max(_AT_ONCE // (model.spec.linear_steps * model.spec.linear_size), 1)

    def blocks() -> Iterator[tuple[slice, np.ndarray]]:
        for first in range(0, len(sequences), n_at_once):
            rows = slice(first, first + n_at_once)
            some = with_their_rows(sequences.take(rows))
            data = model.units.on_device(some, cpu, torch.float64, levels=model.units.levels(some))
            yield rows, linear.columns(*data.take(slice(None))).numpy()

    return blocks


def _least_loss(model: Model, examples: Examples) -> dict[str, np.ndarray]:
    """The linear map and the bias with the least loss, where there is no closed form."""
    n_columns = model.spec.linear_steps * model.spec.linear_size
    some = examples.take(slice(None, None, max(1, int(len(examples) / max(_MOST_NUMBERS / n_columns, 100)))))
    data = labelled(model, some, torch.device("cpu"), torch.float64)
    assert data.y is not None
    assert data.weight is not None
    columns = np.concatenate([columns for _, columns in _blocks(model, some.sequences)()])
    matrix, bias = fit_least_loss(torch.from_numpy(columns), model.loss, data.y, data.weight, model.spec.width)
    return {"linear.weight": matrix.numpy(), "head.bias": bias.numpy()}


def _constants(loss: Loss, y: np.ndarray, weight: np.ndarray, width: int) -> np.ndarray:
    """Outputs (width,) that are the same for all targets (..., target), with the least loss where that is known."""
    targets, weights = (torch.from_numpy(some) for some in (y.reshape(-1, y.shape[-1]), weight.ravel()))
    if not torch.all(weights > 0):
        targets, weights = targets[weights > 0], weights[weights > 0]
    constant = getattr(loss, "constant", None)
    if constant is not None:
        found: torch.Tensor = constant(targets, weights)
    elif moves_with_y(loss):
        _, found = fit_least_loss(targets.new_zeros(len(targets), 0), loss, targets, weights, width)
    else:
        found = targets.new_zeros(width)
    return found.numpy()


def _spread(errors: np.ndarray, weight: np.ndarray, *, robust: bool) -> np.ndarray:
    """Root of the mean square of errors (n, target), or a robust spread; 1 where there are none."""
    if robust:
        both = np.concatenate([errors, -errors])  # a spread around 0
        spread = middle_and_spread(both, np.concatenate([weight, weight]))[1]
    else:
        spread = np.sqrt(weight @ np.square(errors) / weight.sum())
    return np.asarray(np.where(spread > 0, spread, 1.0))
