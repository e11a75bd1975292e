"""Sequences on a device, as one base array and the rows where they start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from skrnn._data.sequences import steps_behind


@dataclass(frozen=True)
class DeviceData:
    """Sequences with their targets and weights: sequence i is ``base[starts[i] : starts[i] + n_steps]``."""

    base: torch.Tensor  # (row, channel), without NaN but for channels with a factor
    observed: torch.Tensor | None  # (row,), None where all are
    starts: torch.Tensor  # (n,)
    n_steps: int
    y: torch.Tensor | None = None  # (n, target), or (n, step, target) for an answer at each step
    weight: torch.Tensor | None = None  # (n,) or (n, step)
    level: torch.Tensor | None = None  # (n, levelled), from which these channels of a sequence are measured
    levelled: tuple[int, ...] = ()
    segment_size: int = 1
    n_linear: int | None = None  # so many of the first columns are read by the linear map; None for all
    factor: torch.Tensor | None = None  # (n, levelled), by which these channels are multiplied then; NaN counts as 0

    @cached_property
    def segments_observed(self) -> torch.Tensor | None:
        """Rows with which a segment begins that has an observed step (row,); None where all are."""
        if self.observed is None or self.segment_size == 1:
            return self.observed
        return self.observed.unfold(0, self.segment_size, 1).any(1)

    @cached_property
    def n_behind(self) -> np.ndarray | None:
        """How many steps stand behind the last observed one of each sequence (n,); None where all are observed."""
        if self.observed is None:
            return None
        return steps_behind(self.observed.numpy(), self.starts.numpy(), self.n_steps)

    def __len__(self) -> int:
        return len(self.starts)

    def levels(self, rows: torch.Tensor | np.ndarray | slice) -> torch.Tensor | None:
        """From what all channels of some sequences are measured (batch, channel); None for 0."""
        return None if self.level is None else self._of_all_channels(self.level[rows], 0)

    def factors(self, rows: torch.Tensor | np.ndarray | slice) -> torch.Tensor | None:
        """By what all channels of some sequences are multiplied (batch, channel); None for 1."""
        return None if self.factor is None else self._of_all_channels(self.factor[rows], 1)

    def _of_all_channels(self, some: torch.Tensor, other: float) -> torch.Tensor:
        """What is told of the levelled channels (batch, levelled), and another number for the others."""
        found = some.new_full((len(some), self.base.shape[1]), other)
        for i, channel in enumerate(self.levelled):  # an index of all takes ten times as long
            found[:, channel] = some[:, i]
        return found

    def take(self, rows: torch.Tensor | slice) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Some sequences (batch, step, channel), and which of their steps are observed (batch, step)."""
        starts = self.starts[rows]
        x = self.base.unfold(0, self.n_steps, 1).index_select(0, starts).transpose(1, 2)
        level = self.levels(rows)
        if level is not None:
            x = x - level[:, None]
        factor = self.factors(rows)
        if factor is not None:
            x = x * factor[:, None]
            x = torch.where(x.isnan(), 0, x)
        if self.observed is None:
            return x, None
        return x, self.observed.unfold(0, self.n_steps, 1).index_select(0, starts)
