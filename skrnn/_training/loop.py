"""Batches, epochs, early stopping: the only place where gradients are taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch

from skrnn._data.on_device import DeviceData
from skrnn._data.state import DivergenceError, TrainingState
from skrnn._training.captured import Captured
from skrnn._training.course import Course, Patience, TrainingLog, Watcher
from skrnn._training.schedules import SCHEDULES, Replay, Schedule
from skrnn._training.solvers import SGD, Adam, Decay, RMSprop, Solver

_PART = 65536  # rows whose targets are gathered and whose loss is computed at once


class Network(Protocol):
    """What training needs of a network: raw outputs of some rows, and gradients in ``grad`` of its parameters.

    ``tensors`` are the parameters and whatever else training changes. Raw outputs are of shape (batch, width), or
    (batch, step, width) for an answer at each step. ``arranged`` makes tensors in the order and the shapes of the
    parameters of arrays by the names of weights, 0 for those that are not named. ``epochs``, where they are not None,
    take the place of ``forward``, ``backward``, ``clip`` and of the solver's step. ``is_torchs`` says that all layers
    are torch's own, of which it is known what they do on a device.
    """

    is_torchs: bool
    parameters: list[torch.Tensor]
    tensors: list[torch.Tensor]

    def arranged(self, arrays: Mapping[str, np.ndarray]) -> list[torch.Tensor]: ...

    def forward(self, data: DeviceData, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor: ...

    def backward(self, slope: torch.Tensor) -> None: ...

    def clip(self, norm: float) -> None: ...

    def epochs(self, data: DeviceData, loss: LossFunction, plan: Plan, solver: Solver, /) -> Epochs | None: ...

    def settle(self, data: DeviceData) -> None: ...

    def infer(self, data: DeviceData) -> torch.Tensor: ...


class Epochs(Protocol):
    """Batches that a network walks by itself; gives their raw outputs, each before its own step."""

    def run(
        self, order: torch.Tensor, y: torch.Tensor, share: torch.Tensor, generator: torch.Generator, /
    ) -> torch.Tensor: ...


class LossFunction(Protocol):
    """What training needs of a loss: one value for each row; ``gradient``, if it has one, replaces autograd."""

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True)
class Plan:
    """How to train; the words are those of the estimators' parameters."""

    solver: str
    learning_rate: str
    learning_rate_init: float
    momentum: float
    weight_decay: float
    clip_norm: float | None
    batch_size: int
    max_iter: int
    tol: float
    n_iter_no_change: int
    shuffle: bool


def train(
    network: Network,
    loss: LossFunction,
    data: DeviceData,
    plan: Plan,
    state: TrainingState,
    *,
    validation: DeviceData | None = None,
    origin: Mapping[str, np.ndarray] | None = None,
    after: TrainingLog | None = None,
    watcher: Watcher | None = None,
) -> tuple[TrainingLog, TrainingState]:
    """Train a network in place.

    With ``validation``, its loss is watched and the weights of its best epoch come back, those before the first epoch
    among them; otherwise the training loss is watched and the last weights stay. The state that is returned is that of
    the weights that stay.

    Parameters
    ----------
    network : Network
        See ``Network``.
    loss : callable
        See ``LossFunction``.
    data, validation : DeviceData
        Sequences with targets and weights.
    plan : Plan
        How to train.
    state : TrainingState
        Where to start from.
    origin : dict of ndarray, optional
        Weights to which weight decay pulls; those that are not named, to 0.
    after : TrainingLog, optional
        Another training: this one goes as far as led to its best epoch, at the same rates, see ``Replay``.
    watcher : Watcher, optional
        Who is told of each epoch, and may end training.

    Raises
    ------
    DivergenceError
        If the loss is not finite.
    """
    solver = _make_solver(plan, network, origin or {}, state.solver)
    step = _Step(network, loss, data, plan, solver)
    run, schedule = _runner(step), _make_schedule(plan, state, after)
    patience = Patience(plan.tol, plan.n_iter_no_change if after is None else schedule.n_epochs)
    network.settle(data)
    is_first = after is None and (validation is not None or not state.n_epochs)
    initial = evaluate(network, loss, data if validation is None else validation) if is_first else math.nan
    course, best, stopped = Course(initial, patience), None, False
    rates, curve, validation_curve = course.rates, course.curve, course.validation_curve
    if validation is not None:
        patience.improves(initial)
        best = _Checkpoint.of(network, solver, schedule, epoch=0)

    def now() -> TrainingState:
        if validation is None:
            network.settle(data)
        return TrainingState(state.seed, state.n_epochs + len(curve), schedule.reduction, solver.arrays())

    while len(curve) < schedule.n_epochs and not patience.exhausted and not stopped:
        if watcher is not None:
            watcher.begin_epoch()
        rates.append(schedule.factor(len(curve)))
        solver.learning_rate = plan.learning_rate_init * rates[-1]
        curve.append(_run_epoch(step, run, _seeds(state, len(curve))))
        watched = curve[-1]
        if validation is not None:
            network.settle(data)
            watched = evaluate(network, loss, validation)
            validation_curve.append(watched)
        _refuse_infinite(curve[-1] + watched, watched, state.n_epochs + len(curve))
        if patience.improves(watched) and validation is not None:
            best = _Checkpoint.of(network, solver, schedule, epoch=len(curve))
        if patience.exhausted and schedule.lower(len(curve)):
            patience.renew()
        if watcher is not None:
            stopped = watcher.end_epoch(course.log(len(curve), schedule.reduction), now)
    if best is None:
        network.settle(data)
        best = _Checkpoint.of(network, solver, schedule, epoch=len(curve))
    best.restore(network)
    converged = patience.exhausted or schedule.ends_at_rest
    log = course.log(best.epoch, best.reduction, converged=converged, stopped=stopped)
    return log, TrainingState(state.seed, state.n_epochs + len(curve), best.reduction, best.solver)


@dataclass(frozen=True)
class _Checkpoint:
    """The weights after an epoch, and the state of the solver and of the schedule then."""

    epoch: int
    tensors: list[torch.Tensor]
    solver: dict[str, np.ndarray]
    reduction: float

    @classmethod
    def of(cls, network: Network, solver: Solver, schedule: Schedule, *, epoch: int) -> _Checkpoint:
        tensors = [tensor.detach().clone() for tensor in network.tensors]
        return cls(epoch, tensors, solver.arrays(), schedule.reduction)

    @torch.no_grad()
    def restore(self, network: Network) -> None:
        for tensor, value in zip(network.tensors, self.tensors, strict=True):
            tensor.copy_(value)


def evaluate(network: Network, loss: LossFunction, data: DeviceData) -> float:
    """Weighted mean loss over a data set."""
    assert data.y is not None
    assert data.weight is not None
    raw, y, weight = network.infer(data).flatten(0, -2), data.y.flatten(0, -2), data.weight.flatten()
    with torch.no_grad():
        parts = zip(raw.split(_PART), y.split(_PART), weight.split(_PART), strict=True)
        total = sum(float((loss(*part[:2]) * part[2]).sum(dtype=torch.float64)) for part in parts)
    return total / float(_sum(weight))


def _sum(weights: torch.Tensor) -> torch.Tensor:
    """A sum in double precision, in parts, since torch makes a copy of what it adds up."""
    return torch.stack([part.sum(dtype=torch.float64) for part in weights.flatten().split(_PART)]).sum()


class _Step:
    """What training does with a batch, in turn; none of it waits for a device. Gives answers (answer, width)."""

    def __init__(self, network: Network, loss: LossFunction, data: DeviceData, plan: Plan, solver: Solver) -> None:
        self.network, self.loss, self.data, self.plan, self.solver = network, loss, data, plan, solver
        self.generator = torch.Generator(data.base.device)

    def __call__(self, rows: torch.Tensor, y: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        raw = self.network.forward(self.data, rows, self.generator)
        answers = raw.flatten(0, -2)
        self.network.backward((_slope(self.loss, answers, y) * share).view_as(raw))
        if self.plan.clip_norm is not None:
            self.network.clip(self.plan.clip_norm)
        self.solver.step()
        return answers


def _runner(step: _Step) -> Callable[..., torch.Tensor]:
    """What trains on rows, their targets and shares, and gives raw outputs, see ``Captured.run``.

    A loss or a layer of a user may do what cannot be captured, and a capture that fails leaves traces in torch.
    """
    device, gradient = step.data.base.device, getattr(step.loss, "gradient", None)
    if device.type == "cuda" and step.network.is_torchs and hasattr(gradient, "compiled"):
        step.solver.record()
        return Captured(step, min(step.plan.batch_size, len(step.data))).run
    return partial(_run_in_turn, step)


def _run_in_turn(step: _Step, order: torch.Tensor, y: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    n_at_once = step.plan.batch_size * (len(y) // len(order))
    parts = zip(order.split(step.plan.batch_size), y.split(n_at_once), share.split(n_at_once), strict=True)
    return torch.cat([step(*part) for part in parts])


def _run_epoch(step: _Step, run: Callable[..., torch.Tensor], seeds: tuple[int, int]) -> float:
    """One pass over the data; returns the mean loss of its batches, each before its own step."""
    data, batch_size = step.data, step.plan.batch_size
    assert data.weight is not None
    device = data.base.device
    if step.plan.shuffle:
        order = torch.randperm(len(data), generator=torch.Generator("cpu").manual_seed(seeds[0]), device="cpu")
    else:
        order = torch.arange(len(data), device="cpu")
    step.generator.manual_seed(seeds[1])
    total = torch.zeros((), dtype=torch.float64, device=device)
    with torch.no_grad():
        n_rows = _PART // data.weight[0].numel()
        for rows in order.to(device).split(batch_size * math.ceil(n_rows / batch_size)):
            total += _run_batches(step, run, rows)
    return float(total / _sum(data.weight))


def _run_batches(step: _Step, run: Callable[..., torch.Tensor], order: torch.Tensor) -> torch.Tensor:
    """Some batches one after another; returns the weighted sum of their losses, each before its own step."""
    data, batch_size = step.data, step.plan.batch_size
    assert data.y is not None
    assert data.weight is not None
    # Taken in order at once, as the losses are computed at once: each call counts where batches are small.
    y, weight = data.y[order], data.weight[order]
    n_answers = weight[0].numel()
    shares = weight.reshape(-1, 1) / (batch_size * n_answers)
    n_last = len(order) % batch_size or batch_size
    shares[-n_last * n_answers :] *= batch_size / n_last
    y = y.flatten(0, -2)
    epochs = step.network.epochs(data, step.loss, step.plan, step.solver)
    raw = run(order, y, shares) if epochs is None else epochs.run(order, y, shares, step.generator)
    return (step.loss(raw, y) * weight.flatten()).sum(dtype=torch.float64)


def _slope(loss: LossFunction, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Derivative of each row's loss by its raw output."""
    gradient: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = getattr(loss, "gradient", None)
    if gradient is not None:
        return gradient(raw, y)
    with torch.enable_grad():
        raw = raw.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(raw, y).sum(), raw)
    return slope


def _refuse_infinite(losses: float, watched: float, epoch: int) -> None:
    if not math.isfinite(losses):
        raise DivergenceError(f"the loss is {watched} after epoch {epoch}")


def _make_schedule(plan: Plan, state: TrainingState, after: TrainingLog | None) -> Schedule:
    """That of a plan, or the rates up to the best epoch of another training."""
    kind = SCHEDULES[plan.learning_rate]
    if after is None:
        return kind(plan.max_iter, plan.n_iter_no_change, state.reduction)
    return Replay.of(after.rates[: after.best_epoch], after.reduction, to_rest=kind.ends_at_rest)


def _seeds(state: TrainingState, epoch: int) -> tuple[int, int]:
    """Seeds of an epoch for the order of the rows and for dropout: a run goes on alike wherever it was interrupted."""
    order, dropout = np.random.SeedSequence([state.seed, state.n_epochs + epoch + 1]).generate_state(2)
    return int(order), int(dropout)


def _make_solver(
    plan: Plan, network: Network, origin: Mapping[str, np.ndarray], state: dict[str, np.ndarray]
) -> Solver:
    decay = Decay(plan.weight_decay, network.arranged(origin), decoupled=plan.solver == "adamw")
    given = network.parameters, state, decay, plan.learning_rate_init
    if plan.solver == "sgd":
        return SGD(*given, momentum=plan.momentum)
    return RMSprop(*given) if plan.solver == "rmsprop" else Adam(*given)
