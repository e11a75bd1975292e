"""How many steps the layers read at a time: what ``segment_size="auto"`` means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from skrnn._data.examples import Examples, Split
from skrnn._data.sequences import Sequences, overlap
from skrnn._data.state import DivergenceError
from skrnn._estimators.fitting import train_on, untrained
from skrnn._estimators.start import Start
from skrnn._estimators.watching import Until
from skrnn._training.loop import Plan

_LARGEST = 12  # steps
_FEWEST = 3  # segments
_MOST_EPOCHS, _LEAST_EPOCHS = 30, 10  # of a trial
_SHARE = 4  # epochs that a training may have for each of a trial


def with_segments(start: Start, split: Split, plan: Plan, to_start_from: Callable[[Examples], Examples]) -> Start:
    """A start in which it is known how many steps are read at a time: with "auto" one, or a dozen or less.

    A network of either kind is trained for some epochs, and the lower loss of the held-out samples decides. The trials
    are trainings as the one to come, cut short.
    """
    if start.asked["segment_size"] != "auto" or start.spec.return_sequences or split.held_out is None:
        return start
    n_epochs = min(_MOST_EPOCHS, plan.max_iter // _SHARE)
    size = several(split.train.sequences)
    if size == 1 or n_epochs < _LEAST_EPOCHS:
        return start
    coarse = replace(start, spec=replace(start.spec, segment_size=size))

    def loss_of(some: Start) -> float:
        parts = split.in_segments(some.spec.segment_size)
        first = untrained(some.of_network, to_start_from(parts.last))
        told = Until(n_epochs)
        try:
            _, log = train_on(first, parts.train, plan, held_out=parts.held_out, device=start.device, watcher=told)
        except DivergenceError:
            return float("inf")
        return log.best_loss

    return min(start, coarse, key=loss_of)


def several(sequences: Sequences) -> int:
    """How many steps make a segment if not one; of the sizes that suit, the one that most nearly divides the steps.

    Sequences that overlap are windows, which would be copied if steps were put in front of them.
    """
    n_steps = sequences.n_steps
    largest = min(_LARGEST, n_steps // _FEWEST)
    sizes = range(largest, max(largest // 2, 2) - 1, -1)
    size = min(sizes, key=lambda size: -n_steps % size, default=1)
    return 1 if n_steps % size and overlap(sequences) else size
