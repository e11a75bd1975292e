"""Sequences with their targets and weights, and which of them are held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skrnn._data.sequences import Sequences, in_whole_segments


@dataclass(frozen=True)
class Examples:
    """Sequences with their targets and weights."""

    sequences: Sequences
    y: np.ndarray  # (n, target), or (n, step, target) for an answer at each step
    weight: np.ndarray  # (n,)
    step_weight: np.ndarray | None = None  # (n, step) for an answer at each step; 0 where it does not count

    def take(self, rows: np.ndarray | slice) -> Examples:
        step_weight = None if self.step_weight is None else self.step_weight[rows]
        return Examples(self.sequences.take(rows), self.y[rows], self.weight[rows], step_weight)

    def answer_weight(self) -> np.ndarray:
        """Weight of each answer (n,) or (n, step)."""
        return self.weight if self.step_weight is None else self.weight[:, None] * self.step_weight

    def weighted(self, factors: np.ndarray) -> Examples:
        """The same examples with a factor on the weight of each answer (n,) or (n, step)."""
        if self.step_weight is None:
            return replace(self, weight=self.weight * factors)
        return replace(self, step_weight=self.step_weight * factors)

    def hold_out(self, fraction: float, *, gap: int) -> tuple[Examples, Examples]:
        """The earlier examples, and the last ones to be watched; ``gap`` examples between them are left out."""
        n_samples = len(self)
        n_held_out = math.ceil(fraction * n_samples)
        n_train = n_samples - n_held_out - gap
        if n_train < 1:
            raise _nothing_left(n_samples, n_held_out, fraction)
        return self.take(slice(0, n_train)), self.take(slice(n_samples - n_held_out, None))

    def hold_out_of_each(self, labels: np.ndarray, fraction: float) -> tuple[Examples, Examples]:
        """The earlier examples of each label, and the last ones to be watched; one of each stays in training."""
        held_out = np.zeros(len(self), dtype=bool)
        for label in np.unique(labels):
            rows = np.flatnonzero(labels == label)
            n_held_out = min(math.ceil(fraction * len(rows)), len(rows) - 1)
            held_out[rows[len(rows) - n_held_out :]] = True
        if not held_out.any():
            raise _nothing_left(len(self), len(self), fraction)
        return self.take(~held_out), self.take(held_out)

    def __len__(self) -> int:
        return len(self.weight)


class Split(NamedTuple):
    """What is trained on, what is watched meanwhile, and on what it is trained anew for as many epochs as were best."""

    train: Examples
    held_out: Examples | None = None
    everything: Examples | None = None

    @property
    def last(self) -> Examples:
        """From what the weights that stay are learnt."""
        return self.train if self.everything is None else self.everything

    def in_segments(self, segment_size: int) -> Split:
        """The same, with missing steps in front of sequences that do not make whole segments."""
        return self._replace(
            **{
                name: replace(some, sequences=in_whole_segments(some.sequences, segment_size))
                for name, some in self._asdict().items()
                if some is not None
            }
        )


def _nothing_left(n_samples: int, n_held_out: int, fraction: float) -> ValueError:
    return ValueError(
        f"Early stopping leaves no sample to train on: of n_samples = {n_samples}, {n_held_out} are held "
        f"out (validation_fraction={fraction}). Lower validation_fraction, or pass X_val and y_val."
    )
