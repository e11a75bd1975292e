"""Whole epochs in compiled code: Python is entered once for many batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
import torch

from skrnn._compiled.kernels import places, slopes, updates
from skrnn._compiled.kernels.epoch import epoch
from skrnn._compiled.kernels.meeting import APART
from skrnn._compiled.tables import NOTHING, Parts, Tables, enter
from skrnn._compiled.threads import share
from skrnn._data.on_device import DeviceData
from skrnn._data.spec import dropout_mask

_AT_ONCE = 2**32  # multiplications between two looks for an interrupt
_MASKED = 2**22  # factors of dropout that are drawn together
_WORTH_SHARING = 2**18  # multiplications below which a second thread costs more than it saves


class Plan(Protocol):
    """How to train; see ``skrnn._training.loop``."""

    @property
    def batch_size(self) -> int: ...

    @property
    def clip_norm(self) -> float | None: ...


class Decay(Protocol):
    """What pulls weights to an origin."""

    rate: float
    origin: list[torch.Tensor]
    decoupled: bool


class Solver(Protocol):
    """What changes the weights; see ``skrnn._training.solvers``."""

    rule: str
    learning_rate: float
    momentum: float
    n_steps: int

    @property
    def decay(self) -> Decay: ...

    def vectors(self) -> list[torch.Tensor]:
        """Its own numbers, one of each kind for a weight."""


class Epochs:
    """Training of a network on some data, batch after batch, on memory that is kept.

    Parameters
    ----------
    parts : Parts
        The network.
    data : DeviceData
        What is learnt from.
    loss : object
        The loss.
    plan : Plan
        How to train.
    solver : Solver
        What changes the weights.
    slope : tuple of (name, parameters)
        The derivative of the loss, see ``kernels.slopes``.
    n_threads : int
        No more threads than this share a batch.
    """

    def __init__(
        self,
        parts: Parts,
        data: DeviceData,
        loss: object,
        plan: Plan,
        solver: Solver,
        slope: tuple[str, tuple[float, ...]],
        n_threads: int,
    ) -> None:
        self._made_of = data, loss, plan, solver
        self._parts, self.solver, dtype = parts, solver, parts.flat.dtype
        self._norm = math.inf if plan.clip_norm is None else plan.clip_norm
        self._n_read = data.n_steps // parts.spec.segment_size
        self._batch = min(plan.batch_size, len(data))
        n_multiplications = self._batch * self._n_read * parts.flat.size
        self._n_shares = max(1, min(n_threads, self._batch, n_multiplications // _WORTH_SHARING))
        self._n_masked = ((parts.spec.num_layers - 1) * self._n_read + 1) * parts.n_masked
        n_batches = min(_AT_ONCE // n_multiplications, _MASKED // max(1, self._batch * self._n_masked))
        self._at_once = self._batch * max(1, n_batches)
        self._tables = Tables(parts, data, self._batch, self._n_shares)
        name, parameters = slope
        pull = updates.decay_weights if solver.decay.decoupled else updates.decay_gradient
        self._tables.enter(
            {
                places.N_MASKED: self._n_masked,
                places.SLOPE: getattr(slopes, name).of(dtype).address,
                places.PARAMETERS: np.array(parameters, dtype),
                places.UPDATE: getattr(updates, solver.rule).of(dtype).address,
                places.PULL: pull.of(dtype).address if solver.decay.rate else 0,
            }
        )
        self._epoch = epoch.of(dtype)

    def are_of(self, *given: object) -> bool:
        """Whether they were made for these data, loss, plan and solver."""
        return all(mine is other for mine, other in zip(self._made_of, given, strict=True))

    def run(
        self, order: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, generator: torch.Generator, /
    ) -> torch.Tensor:
        """Train once on sequences in an order.

        Parameters
        ----------
        order : tensor of shape (n,)
            Numbers of the sequences.
        y : tensor of shape (n, target)
            Their targets.
        weight : tensor of shape (n, 1)
            Factors on the derivatives of their losses.
        generator : Generator
            Draws dropout's factors.

        Returns
        -------
        raw : tensor of shape (n, width)
            Raw outputs, of each batch before its step.
        """
        raw = torch.empty(len(order), self._parts.spec.width, dtype=y.dtype)
        arrays = [np.ascontiguousarray(some.numpy()) for some in (order, y, weight, raw)]
        for first in range(0, len(order), self._at_once):
            self._walk([array[first : first + self._at_once] for array in arrays], generator)
        return raw

    def _walk(self, arrays: list[np.ndarray], generator: torch.Generator) -> None:
        """Some batches in one call, with their part of the order, the targets, their weights and the raw outputs."""
        order, y, weight, raw = arrays
        solver, table = self.solver, self._tables.table.copy()
        first, second, *_ = *solver.vectors(), *[torch.zeros_like(solver.decay.origin[0])] * 2
        rates = np.array([solver.learning_rate, solver.momentum, solver.decay.rate, self._norm])
        kept = enter(
            table,
            {
                places.ORDER: order,
                places.TARGETS: y,
                places.WEIGHT: weight,
                places.RAW: raw,
                places.MASKS: self._masks(len(order), generator),
                places.FIRST: first.numpy(),
                places.SECOND: second.numpy(),
                places.ORIGIN: solver.decay.origin[0].numpy(),
                places.RATES: rates,
                places.N_ROWS: len(order),
                places.N_DONE: solver.n_steps,
            },
        )
        turns = np.zeros(APART * (1 + self._n_shares), np.int64)
        # Threads that have begun go on after an interrupt: what they use is kept by what they do.
        share(partial(_compute, self._epoch, self._tables, kept, table, turns), self._n_shares)
        solver.n_steps += -(-len(order) // self._batch)

    def _masks(self, n: int, generator: torch.Generator) -> np.ndarray:
        """Dropout's factors for the batches of n sequences, in the order in which layers use them."""
        spec = self._parts.spec
        if not spec.dropout:
            return NOTHING
        masks = np.empty((n, self._n_masked), self._parts.flat.dtype)
        for first in range(0, n, self._batch):
            batch = masks[first : first + self._batch]
            shapes = [(len(batch), self._n_read, self._parts.both)] * (spec.num_layers - 1)
            drawn = [
                dropout_mask(torch.empty(shape, dtype=torch.from_numpy(batch).dtype), spec.dropout, generator)
                for shape in (*shapes, (len(batch), self._parts.both))
            ]
            np.concatenate([mask.numpy().ravel() for mask in drawn], out=batch.reshape(-1))
        return masks


def _compute(
    epoch: Callable[..., None], tables: Tables, _: list[np.ndarray], table: np.ndarray, turns: np.ndarray, i: int
) -> None:
    """What the i-th thread does."""
    epoch(table, tables.rows.ravel(), turns, i)
