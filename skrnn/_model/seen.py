"""How far what was learnt from reaches: nothing is known of values and changes far beyond."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skrnn._data.sequences import Sequences, extremes
from skrnn._model.anchor import Levels, divided

_FARTHER = 2.0  # than the changes that were seen may others be


@dataclass(frozen=True)
class Seen:
    """Of anchored channels the lowest and the highest value, and the farthest change from the level of a sequence."""

    lowest: np.ndarray  # (anchored channel,)
    highest: np.ndarray  # (anchored channel,)
    farthest: np.ndarray  # (anchored channel,), in units of the sizes of sequences if these have any

    @classmethod
    def of(cls, sequences: Sequences, channels: np.ndarray, levels: Levels) -> Seen:
        """What is seen of these channels in sequences."""
        lowest, highest = extremes(sequences, channels)
        changes = np.fmax(highest - levels.values, levels.values - lowest)
        changes = changes if levels.sizes is None else divided(changes, levels.sizes)
        return cls(
            np.fmin.reduce(lowest, initial=np.nan),
            np.fmax.reduce(highest, initial=np.nan),
            np.fmax.reduce(changes, initial=0.0),
        )

    def with_more(self, other: Seen) -> Seen:
        """What is seen here or there."""
        return Seen(
            np.fmin(self.lowest, other.lowest),
            np.fmax(self.highest, other.highest),
            np.fmax(self.farthest, other.farthest),
        )

    def within_reach(self, sequences: Sequences, channels: np.ndarray, levels: Levels) -> Sequences:
        """Sequences whose changes are at most twice the farthest: where they are more, as if they were so.

        Without any, the same sequences. Others get rows of their own behind those of the base.
        """
        reach = _FARTHER * self.farthest * (1.0 if levels.sizes is None else levels.sizes)
        low, high = levels.values - reach, levels.values + reach
        lowest, highest = extremes(sequences, channels)
        beyond = np.flatnonzero(((lowest < low) | (highest > high)).any(axis=1))
        if not len(beyond):
            return sequences
        steps = sequences.base[sequences.starts[beyond, None] + np.arange(sequences.n_steps)]  # (beyond, step, channel)
        steps[..., channels] = np.clip(steps[..., channels], low[beyond, None], high[beyond, None])
        starts = sequences.starts.copy()
        starts[beyond] = len(sequences.base) + np.arange(len(beyond)) * sequences.n_steps
        base = np.concatenate([sequences.base, steps.reshape(-1, sequences.n_channels)])
        return replace(sequences, base=base, starts=starts)

    def nearest(self, values: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest values (..., anchored channel) that were seen, and how many ``std`` others lie beyond."""
        nearest = np.clip(values, self.lowest, self.highest)
        with np.errstate(over="ignore"):
            return nearest, (values - nearest) / std


EVERYTHING = Seen(np.array(-np.inf), np.array(np.inf), np.array(np.inf))
