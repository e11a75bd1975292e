"""What a fit learns, as plain values, and the two ways to use it: train on and predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import torch

from skrnn._compiled.kernels import Kernel, kernel_of
from skrnn._compiled.threads import alone, callers_threads, one_blas_thread, own_default
from skrnn._data.examples import Examples
from skrnn._data.on_device import DeviceData
from skrnn._data.sequences import Sequences, lacks_some
from skrnn._data.spec import NetworkSpec
from skrnn._data.units import Scale
from skrnn._model.linear_skip import LinearSkip
from skrnn._model.loss_contract import Loss
from skrnn._model.network import RecurrentNetwork, TorchNetwork
from skrnn._training.evidence import surely_lower
from skrnn._training.loop import (
    Plan,
    TrainingLog,
    TrainingState,
    losses,
    resolve_device,
    train,
)

if TYPE_CHECKING:
    from skrnn._compiled.network import CompiledNetwork

_BLAS_SHARES = 2**20  # multiplications


@dataclass(frozen=True)
class Outputs:
    """What a network gives before it is read as an answer."""

    raw: torch.Tensor  # (n, width) or (n, step, width)
    linear: np.ndarray | None = None  # (n, target), of the linear skip, in standardised units
    of: Sequences | None = None  # what was read


@dataclass(frozen=True)
class Model:
    """A trained network in arrays, the units it works in, and where its training stands."""

    spec: NetworkSpec
    weights: dict[str, np.ndarray]
    loss: Loss
    x_scale: Scale
    y_scale: Scale
    missing: str
    dtype: str
    training: TrainingState
    n_steps: int  # of the sequences of the first fit
    linear_skip: bool | int = False  # as it was asked for
    linear: LinearSkip | None = None  # what a linear skip starts from, where the loss has a closed form
    has_missing: bool = True  # whether some training steps lack channels and others do not; see missing="indicator"
    linear_of_all: LinearSkip | None = None  # in its place where training adds nothing: of held-out examples, too

    @property
    def n_channels(self) -> int:
        return len(self.x_scale.mean)

    @property
    def state_shapes(self) -> list[tuple[int, int]]:
        """First and last axis of each array of the state of ``step``."""
        if self.reads_windows:
            return [(self.n_steps, self.n_channels)]
        n_states = 2 if self.spec.layer.endswith("LSTM") else 1
        return [(n_states, self.spec.hidden_size)] * self.spec.num_layers

    def also_of(self, examples: Examples) -> Model:
        """The model with units of what was constant in all training data before these."""
        model, sequences = self, examples.sequences
        if not np.isfinite(self.x_scale.std).all():
            robust = bool(getattr(self.loss, "robust", False))
            scale = self.x_scale.completed(sequences.scale(examples.weight, self.missing, robust=robust))
            model = replace(model, x_scale=scale)
        return model if self.has_missing else replace(model, has_missing=lacks_some(sequences, examples.weight))

    @property
    def reads_windows(self) -> bool:
        """Whether one more step changes how the steps before it are read."""
        return self.spec.skip_steps > 0 or self.spec.segment_size > 1

    @alone
    def infer(self, sequences: Sequences, device: str) -> Outputs:
        """Outputs for some sequences."""
        place, dtype = resolve_device(device), torch_dtype(self.dtype)
        network = _network_of(self, place, len(sequences) * sequences.n_steps)
        linear = None if self.linear is None else self.linear.answer(sequences)
        return Outputs(network.infer(_on_device(self, sequences, place, dtype)), linear, sequences)

    def predict(self, outputs: Outputs) -> np.ndarray:
        """Answers in the units of y (..., target)."""
        answer = _read(self.loss.predict, outputs.raw)
        if self.linear is not None:
            answer = answer * self.linear.spread + outputs.linear
        return self.y_scale.invert(answer)

    def std(self, outputs: Outputs) -> np.ndarray:
        """Standard deviations in the units of y (..., target)."""
        return _read(self.loss.std, outputs.raw) * self._spread  # type: ignore[attr-defined]

    def quantiles(self, outputs: Outputs) -> np.ndarray:
        """Quantiles in the units of y (..., target, level)."""
        levels = _read(self.loss.quantiles, outputs.raw) * self._spread[:, None]  # type: ignore[attr-defined]
        centre = self.y_scale.mean if outputs.linear is None else self.y_scale.invert(outputs.linear)
        return levels + centre[..., None]

    def farthest(self, sequences: Sequences) -> tuple[float, int, float]:
        """How many spreads of ``fit`` the farthest value lies from the mean, its channel, and the value."""
        values = sequences.base
        with np.errstate(over="ignore"):
            distance = np.abs(values / self.x_scale.std - self.x_scale.mean / self.x_scale.std)
        row, channel = np.unravel_index(np.argmax(np.nan_to_num(distance)), distance.shape)
        return float(np.nan_to_num(distance[row, channel])), int(channel), float(values[row, channel])

    @property
    def _spread(self) -> np.ndarray:
        """One unit of the network's answers in the units of y (target,)."""
        return self.y_scale.std if self.linear is None else self.y_scale.std * self.linear.spread

    @alone
    def attention(self, sequences: Sequences, device: str) -> np.ndarray:
        """Weights of the steps (n, step)."""
        place, dtype = resolve_device(device), torch_dtype(self.dtype)
        network = _torch_network_of(self, place, len(sequences) * sequences.n_steps)
        return network.attention(_on_device(self, sequences, place, dtype)).cpu().numpy().astype(np.float64)

    @alone
    def step(
        self, values: np.ndarray, before: tuple[np.ndarray, ...] | None, device: str
    ) -> tuple[Outputs, tuple[np.ndarray, ...]]:
        """Outputs after one more step (n, channel) of each sequence, and the state then.

        The state holds the states of all layers, or the last steps if these are read anew each time.
        """
        if self.reads_windows:
            steps = np.full((self.n_steps, *values.shape), np.nan) if before is None else before[0]
            steps = np.concatenate([steps[1:], values[None]])
            return self.infer(Sequences.of(steps.transpose(1, 0, 2)), device), (steps,)
        place, dtype = resolve_device(device), torch_dtype(self.dtype)
        sequences = Sequences(values, np.arange(len(values)), 1)
        base, observed = _base(self, sequences, place, dtype)
        kernel = _kernel_of(self, place)
        if kernel is not None and self.spec.norm is None:
            from skrnn._compiled.stepping import read_step

            if len(values) > 1:
                _compiled_threads(self, len(values))
            seen = None if observed is None else observed.numpy()
            answer, states = read_step(self.spec, self.weights, kernel, base.numpy(), seen, before)
            return Outputs(torch.from_numpy(answer), of=sequences), states
        observed = torch.ones(len(values), dtype=torch.bool, device=place) if observed is None else observed
        given = None if before is None else tuple(torch.tensor(state, dtype=dtype, device=place) for state in before)
        network = TorchNetwork(RecurrentNetwork.of(self.spec, self.weights, device=place, dtype=dtype))
        raw, after = network.step(base, observed, given)
        return Outputs(raw, of=sequences), tuple(state.cpu().numpy() for state in after)


@alone
def _read(reading: Callable[[torch.Tensor], torch.Tensor], raw: torch.Tensor) -> np.ndarray:
    """Apply a reading of a loss, which takes rows (n, width), to raw outputs (..., width)."""
    with torch.no_grad():
        answer = reading(raw.flatten(0, -2)).cpu().numpy().astype(np.float64)
    return answer.reshape(*raw.shape[:-1], *answer.shape[1:])


@alone
def train_on(
    model: Model,
    examples: Examples,
    plan: Plan,
    *,
    held_out: Examples | None,
    device: str,
    report: Callable[[float, float | None], None] | None = None,
) -> tuple[Model, TrainingLog]:
    """Train a model further, from where it stands; the model that comes in stays as it is.

    A linear forecast remains alone if examples are held out and what was trained on it is not surely better on these.
    Examples that do not tell where they stand are left out.
    """
    place, dtype = resolve_device(device), torch_dtype(model.dtype)
    examples, held_out = known(model, examples), held_out and known(model, held_out)
    if model.spec.norm == "batch" and min(plan.batch_size, len(examples)) > 1:
        # A last batch of one would have no spread.
        size = next(size for size in count(plan.batch_size) if len(examples) % size != 1)
        plan = replace(plan, batch_size=size)
    linear_of_all = model.linear_of_all
    network = _network_of(model, place, len(examples) * examples.sequences.n_steps)
    data = labelled(model, examples, place, dtype)
    watched = None
    if held_out is not None:
        same = held_out.sequences.base is examples.sequences.base
        watched = labelled(model, held_out, place, dtype, data if same else None)
    before = None
    if watched is not None and model.linear is not None and model.training.n_epochs == 0:
        before = losses(network, model.loss, watched)
    log, training = train(network, model.loss, data, plan, model.training, validation=watched, report=report)
    if not all(np.isfinite(array).all() for array in network.arrays().values()):
        raise FloatingPointError("the weights are not finite after the last step")
    model = replace(model, training=training, linear_of_all=None)
    if watched is None or before is None or surely_lower(losses(network, model.loss, watched), before):
        return replace(model, weights=network.arrays()), log
    return replace(model, linear=linear_of_all), replace(log, best_loss=float(before.mean()))


def known(model: Model, examples: Examples) -> Examples:
    """The examples that tell where they stand, see ``LinearColumns``."""
    if model.linear is None:
        return examples
    return examples.take(model.linear.columns.known(examples.sequences))


def _network_of(model: Model, device: torch.device, n_rows: int) -> CompiledNetwork | TorchNetwork:
    """The network in closed form where it serves, else one with autograd."""
    kernel = _kernel_of(model, device)
    if kernel is None or not model.spec.is_plain:
        return _torch_network_of(model, device, n_rows)
    from skrnn._compiled.network import CompiledNetwork

    return CompiledNetwork(model.spec, model.weights, kernel, _compiled_threads(model, n_rows))


def _torch_network_of(model: Model, device: torch.device, n_rows: int) -> TorchNetwork:
    """The network with autograd; its layers are compiled where they can be."""
    own_default(device)
    network = RecurrentNetwork.of(model.spec, model.weights, device=device, dtype=torch_dtype(model.dtype))
    kernel = _kernel_of(model, device)
    if kernel is not None:
        from skrnn._compiled.reading import CompiledReading

        n_threads = _compiled_threads(model, n_rows)
        for layer in network.layers:
            layer.read = CompiledReading(kernel, model.spec.hidden_size, n_threads)  # type: ignore[assignment]
    return TorchNetwork(network)


def _kernel_of(model: Model, device: torch.device) -> Kernel | None:
    return kernel_of(model.spec.layer, model.spec.options) if device.type == "cpu" else None


def _compiled_threads(model: Model, n_rows: int) -> int:
    """The number of threads for compiled loops, which then have BLAS for themselves where it would share their work."""
    if n_rows * sum(array.size for array in model.weights.values()) >= _BLAS_SHARES:
        one_blas_thread()
    np.seterr(over="ignore", invalid="ignore")  # as in torch, overflow goes on as infinity without a word
    return callers_threads()


def torch_dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def labels(model: Model, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Standardised targets, less what a linear forecast answers, and weights of mean 1, in double precision."""
    targets = model.y_scale.apply(examples.y.reshape(-1, examples.y.shape[-1]), np.float64, "output {} of y")
    if model.linear is not None:
        targets -= model.linear.answer(examples.sequences)
        targets /= model.linear.spread
    answer_weight = examples.answer_weight()
    return targets.reshape(examples.y.shape), answer_weight / answer_weight.mean()


def labelled(
    model: Model, examples: Examples, device: torch.device, dtype: torch.dtype, like: DeviceData | None = None
) -> DeviceData:
    """Standardised examples on a device, see ``labels``. ``like`` are others from the same base."""
    y, weight = (torch.from_numpy(numbers).to(device=device, dtype=dtype) for numbers in labels(model, examples))
    if not torch.isfinite(y).all():
        raise ValueError(
            f"y (or y_val) reaches {np.abs(examples.y).max():.4g}, too far from its mean in fit for {model.dtype}, in "
            "which the network computes. Check that value, or fit with dtype='float64'."
        )
    return replace(_on_device(model, examples.sequences, device, dtype, like), y=y, weight=weight)


def _on_device(
    model: Model, sequences: Sequences, device: torch.device, dtype: torch.dtype, like: DeviceData | None = None
) -> DeviceData:
    """Standardised sequences on a device, as the model reads missing values; ``like`` are others from the same base."""
    level = _level(model, sequences)
    base, observed = _base(model, sequences, device, dtype) if like is None else (like.base, like.observed)
    return DeviceData(
        base=base,
        level=None if level is None else torch.from_numpy(level).to(device=device, dtype=dtype),
        levelled=() if model.linear is None else tuple(model.linear.moving.tolist()),
        observed=observed,
        starts=torch.from_numpy(sequences.starts).to(device),
        n_steps=sequences.n_steps,
        segment_size=model.spec.segment_size,
    )


def _base(
    model: Model, sequences: Sequences, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Standardised rows of the base, and which of them are observed, or None for all."""
    base = model.x_scale.apply(sequences.base, np.float64 if dtype == torch.float64 else np.float32)
    if model.linear is not None:
        moving = model.linear.moving
        base[:, moving] /= model.linear.columns.unit[moving].astype(base.dtype)
    observed = sequences.observed(model.missing)
    complete = bool(observed.all())
    if model.missing == "indicator":
        lacking = np.isnan(base)
        base[lacking] = 0.0
        some = lacking.any(axis=1, keepdims=True) & model.has_missing
        base = np.concatenate([base, some], axis=1, dtype=base.dtype)
    elif not complete:
        base[~observed] = 0.0
    return torch.from_numpy(base).to(device), None if complete else torch.from_numpy(observed).to(device)


def _level(model: Model, sequences: Sequences) -> np.ndarray | None:
    """From what some channels of each sequence are measured (n, levelled), in the units of the base; None for none."""
    if model.linear is None or not len(model.linear.moving):
        return None
    return model.linear.columns.level(sequences)[:, model.linear.moving]
