"""Batches, epochs, early stopping: the only place where gradients are taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from skrnn._data.on_device import DeviceData
from skrnn._training.schedules import SCHEDULES
from skrnn._training.solvers import SGD, Adam, RMSprop, Solver

_PART = 65536  # rows whose targets are gathered and whose loss is computed at once


class Network(Protocol):
    """What training needs of a network: raw outputs of some rows, and gradients in ``grad`` of its parameters.

    ``tensors`` are the parameters and whatever else training changes. Raw outputs are of shape (batch, width), or
    (batch, step, width) for an answer at each step.
    """

    parameters: list[torch.Tensor]
    tensors: list[torch.Tensor]

    def forward(self, data: DeviceData, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor: ...

    def backward(self, slope: torch.Tensor) -> None: ...

    def clip(self, norm: float) -> None: ...

    def settle(self, data: DeviceData) -> None: ...

    def infer(self, data: DeviceData) -> torch.Tensor: ...


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


@dataclass(frozen=True)
class TrainingState:
    """Where a run stands, as plain values; with the weights it is all that is needed to go on bit by bit."""

    seed: int
    n_epochs: int = 0
    reduction: float = 1.0  # see Schedule
    solver: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingLog:
    """What happened, epoch by epoch."""

    loss_curve: tuple[float, ...]
    validation_loss_curve: tuple[float, ...]
    best_loss: float
    converged: bool


class Patience:
    """Stop when the watched loss has not fallen by more than ``tol`` for ``n_iter_no_change`` epochs in a row.

    If ``relative``, a loss below 1 must fall by that share of it only.
    """

    def __init__(self, tol: float, n_iter_no_change: int, *, relative: bool = False) -> None:
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.relative = relative
        self.best = math.inf
        self.n_stalled = 0

    def improves(self, loss: float) -> bool:
        """Take note of an epoch's loss; whether it is the lowest so far."""
        enough = self.tol * min(abs(self.best), 1.0) if self.relative else self.tol
        self.n_stalled = 0 if loss < self.best - enough else self.n_stalled + 1
        lowest = loss < self.best
        self.best = min(loss, self.best)
        return lowest

    @property
    def exhausted(self) -> bool:
        return self.n_stalled > self.n_iter_no_change

    def renew(self) -> None:
        """Count stalled epochs anew."""
        self.n_stalled = 0


def resolve_device(name: str) -> torch.device:
    """The device that a ``device`` parameter means; ValueError if this machine lacks it."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ValueError(
            f"device={name!r} was requested, but torch {torch.__version__} finds no CUDA device. Use device='auto' to "
            "take CUDA where there is one, or install a CUDA build of torch."
        )
    device = torch.device(name)
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise ValueError(
            f"device={name!r} was requested, but only {torch.cuda.device_count()} CUDA devices are visible."
        )
    return device


def train(
    network: Network,
    loss: LossFunction,
    data: DeviceData,
    plan: Plan,
    state: TrainingState,
    *,
    validation: DeviceData | None = None,
    report: Callable[[float, float | None], None] | None = None,
) -> tuple[TrainingLog, TrainingState]:
    """Train a network in place.

    With ``validation``, its loss is watched and the weights of its best epoch come back, those before the first epoch
    among them; otherwise the training loss is watched and the last weights stay.

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
    report : callable, optional
        Called after each epoch with the training loss and the validation loss, or None.

    Raises
    ------
    FloatingPointError
        If the loss is not finite.
    """
    solver = _make_solver(plan, network.parameters, state.solver)
    schedule = SCHEDULES[plan.learning_rate](plan.max_iter, plan.n_iter_no_change, state.reduction)
    patience = Patience(plan.tol, plan.n_iter_no_change, relative=validation is not None)
    curve: list[float] = []
    validation_curve: list[float] = []
    best: list[torch.Tensor] = []
    if validation is not None:
        network.settle(data)
        patience.improves(evaluate(network, loss, validation))
        best = _copies(network.tensors)
    while len(curve) < schedule.n_epochs and not patience.exhausted:
        solver.learning_rate = plan.learning_rate_init * schedule.factor(len(curve))
        curve.append(_run_epoch(network, loss, data, plan, solver, _seeds(state, len(curve))))
        watched = curve[-1]
        if validation is not None:
            network.settle(data)
            watched = evaluate(network, loss, validation)
            validation_curve.append(watched)
        if not math.isfinite(curve[-1] + watched):
            raise FloatingPointError(f"the loss is {watched} after epoch {state.n_epochs + len(curve)}")
        if patience.improves(watched) and validation is not None:
            best = _copies(network.tensors)
        if patience.exhausted and schedule.lower(len(curve)):
            patience.renew()
        if report is not None:
            report(curve[-1], watched if validation is not None else None)
    if validation is None:
        network.settle(data)
    with torch.no_grad():
        for tensor, value in zip(network.tensors, best, strict=False):
            tensor.copy_(value)
    converged = patience.exhausted or schedule.ends_at_rest
    log = TrainingLog(tuple(curve), tuple(validation_curve), patience.best, converged)
    return log, TrainingState(state.seed, state.n_epochs + len(curve), schedule.reduction, solver.arrays())


def _copies(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


def evaluate(network: Network, loss: LossFunction, data: DeviceData) -> float:
    """Weighted mean loss over a data set."""
    assert data.weight is not None
    return float(losses(network, loss, data).sum()) / float(data.weight.sum(dtype=torch.float64))


def losses(network: Network, loss: LossFunction, data: DeviceData) -> np.ndarray:
    """Weighted loss of each answer (n,) or (n * step,)."""
    assert data.y is not None
    assert data.weight is not None
    raw, y = network.infer(data).flatten(0, -2), data.y.flatten(0, -2)
    with torch.no_grad():
        parts = zip(raw.split(_PART), y.split(_PART), data.weight.flatten().split(_PART), strict=True)
        return torch.cat([loss(*part[:2]) * part[2] for part in parts]).cpu().numpy().astype(np.float64)


def _run_epoch(
    network: Network,
    loss: LossFunction,
    data: DeviceData,
    plan: Plan,
    solver: Solver,
    seeds: tuple[int, int],
) -> float:
    """One pass over the data; returns the mean loss of its batches, each before its own step."""
    assert data.weight is not None
    device = data.base.device
    if plan.shuffle:
        order = torch.randperm(len(data), generator=torch.Generator("cpu").manual_seed(seeds[0]), device="cpu")
    else:
        order = torch.arange(len(data), device="cpu")
    generator = torch.Generator(device).manual_seed(seeds[1])
    total = torch.zeros((), dtype=torch.float64, device=device)
    with torch.no_grad():
        n_rows = _PART // data.weight[0].numel()
        for rows in order.to(device).split(plan.batch_size * math.ceil(n_rows / plan.batch_size)):
            total += _run_batches(network, loss, data, plan, solver, rows, generator)
    return float(total / data.weight.sum(dtype=torch.float64))


def _run_batches(
    network: Network,
    loss: LossFunction,
    data: DeviceData,
    plan: Plan,
    solver: Solver,
    order: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """Some batches one after another; returns the weighted sum of their losses, each before its own step."""
    assert data.y is not None
    assert data.weight is not None
    # Taken in order at once, as the losses are computed at once: each call counts where batches are small.
    y, weight = data.y[order], data.weight[order]
    n_answers = weight[0].numel()
    shares = weight.reshape(-1, 1) / (plan.batch_size * n_answers)
    n_last = len(order) % plan.batch_size or plan.batch_size
    shares[-n_last * n_answers :] *= plan.batch_size / n_last
    y = y.flatten(0, -2)
    outputs = []
    n_at_once = plan.batch_size * n_answers
    parts = order.split(plan.batch_size), y.split(n_at_once), shares.split(n_at_once)
    for rows, targets, share in zip(*parts, strict=True):
        raw = network.forward(data, rows, generator)
        answers = raw.flatten(0, -2)
        network.backward((_slope(loss, answers, targets) * share).view_as(raw))
        if plan.clip_norm is not None:
            network.clip(plan.clip_norm)
        solver.step()
        outputs.append(answers)
    return (loss(torch.cat(outputs), y) * weight.flatten()).sum(dtype=torch.float64)


def _slope(loss: LossFunction, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Derivative of each row's loss by its raw output."""
    gradient: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = getattr(loss, "gradient", None)
    if gradient is not None:
        return gradient(raw, y)
    with torch.enable_grad():
        raw = raw.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(raw, y).sum(), raw)
    return slope


def _seeds(state: TrainingState, epoch: int) -> tuple[int, int]:
    """Seeds of an epoch for the order of the rows and for dropout: a run goes on alike wherever it was interrupted."""
    order, dropout = np.random.SeedSequence([state.seed, state.n_epochs + epoch + 1]).generate_state(2)
    return int(order), int(dropout)


def _make_solver(plan: Plan, parameters: list[torch.Tensor], state: dict[str, np.ndarray]) -> Solver:
    rates = {"learning_rate": plan.learning_rate_init, "weight_decay": plan.weight_decay}
    if plan.solver == "sgd":
        return SGD(parameters, state, momentum=plan.momentum, **rates)
    if plan.solver == "rmsprop":
        return RMSprop(parameters, state, **rates)
    return Adam(parameters, state, decoupled=plan.solver == "adamw", **rates)
