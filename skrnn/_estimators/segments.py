"""How many steps the layers read at a time: what ``segment_size="auto"`` means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import gcd

from skrnn._data.examples import Examples, Split
from skrnn._data.state import DivergenceError
from skrnn._estimators.fitting import train_on, untrained
from skrnn._estimators.start import Start
from skrnn._estimators.watching import Until
from skrnn._training.loop import Plan

_N_SEGMENTS = 3  # what acts some ten steps later is then at most two states away
_N_EPOCHS = 30  # of a trial
_LEAST_EPOCHS = 4  # that a training may have for one of a trial


def with_segments(start: Start, split: Split, plan: Plan, to_start_from: Callable[[Examples], Examples]) -> Start:
    """A start in which it is known how many steps are read at a time: one, or with "auto" perhaps a third of them.

    A network of either kind is trained for some epochs, and the lower loss of the held-out samples decides. The trials
    are trainings as the one to come, cut short.
    """
    if start.asked["segment_size"] != "auto" or start.spec.return_sequences or split.held_out is None:
        return start
    n_epochs = min(_N_EPOCHS, plan.max_iter // _LEAST_EPOCHS)
    size = _coarse(gcd(split.train.sequences.n_steps, split.held_out.sequences.n_steps))
    if size == 1 or not n_epochs:
        return start
    coarse = replace(start, spec=replace(start.spec, segment_size=size))

    def loss_of(some: Start) -> float:
        first = untrained(some.of_network, to_start_from(split.last))
        watcher = Until(n_epochs)
        try:
            _, log = train_on(
                first, split.train, plan, held_out=split.held_out, device=start.device, watcher=watcher
            )
        except DivergenceError:
            return float("inf")
        return log.best_loss

    return min(start, coarse, key=loss_of)


def _coarse(n_steps: int) -> int:
    """The largest part of some steps of which there are whole ones, ``_N_SEGMENTS`` at least."""
    return next((size for size in range(n_steps // _N_SEGMENTS, 1, -1) if n_steps % size == 0), 1)
