"""How a training goes: its log, when it is worth no more epochs, and who is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class TrainingLog:
    """What happened, epoch by epoch."""

    loss_curve: tuple[float, ...]
    validation_loss_curve: tuple[float, ...]
    initial_loss: float  # watched, before the first epoch
    best_loss: float  # of the weights that stay
    best_epoch: int  # after which they were reached; 0 is before the first
    converged: bool
    stopped: bool  # by who watched
    rates: tuple[float, ...]  # factors on the first rate
    reduction: float  # see Schedule; of the weights that stay


@dataclass(frozen=True)
class Course:
    """A training so far."""

    initial_loss: float
    patience: Patience
    curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def log(self, best_epoch: int, reduction: float, *, converged: bool = False, stopped: bool = False) -> TrainingLog:
        return TrainingLog(
            loss_curve=tuple(self.curve),
            validation_loss_curve=tuple(self.validation_curve),
            initial_loss=self.initial_loss,
            best_loss=self.patience.best,
            best_epoch=best_epoch,
            converged=converged,
            stopped=stopped,
            rates=tuple(self.rates),
            reduction=reduction,
        )


class Patience:
    """Stop when the watched loss has not fallen by a share ``tol`` of it for ``n_iter_no_change`` epochs in a row.

    Of losses above 1, which is about the loss that training begins with, it is ``tol``.
    """

    def __init__(self, tol: float, n_iter_no_change: int) -> None:
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.best = math.inf
        self.n_stalled = 0

    def improves(self, loss: float) -> bool:
        """Take note of an epoch's loss; whether it is the lowest so far."""
        self.n_stalled = 0 if loss < self.best - self.tol * min(abs(self.best), 1.0) else self.n_stalled + 1
        lowest = loss < self.best
        self.best = min(loss, self.best)
        return lowest

    @property
    def exhausted(self) -> bool:
        return self.n_stalled > self.n_iter_no_change

    def renew(self) -> None:
        """Count stalled epochs anew."""
        self.n_stalled = 0


class Watcher(Protocol):
    """Who is told of each epoch of a training."""

    def begin_epoch(self) -> None: ...

    def end_epoch(self, log: TrainingLog, state: Callable[[], Any], /) -> bool:
        """Take note of the training so far, as if it ended here; whether it is to end.

        ``state``, called at once, gives the state then, and makes the network ready to answer.
        """
