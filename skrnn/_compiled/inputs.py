"""Where a layer finds what it reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skrnn._compiled.kernels.blocks import gather

_ALL = np.empty((0, 0), np.uint8)
_WORTH_SHARING = 2**20  # multiplications below which a second thread costs more than it saves


class Inputs(NamedTuple):
    """Inputs of a layer as rows of tables: step t of sequence i is row ``starts[i] + t * stride``.

    With a stride of 1 these are windows of a base array, with one of the batch's size a (step, batch, channel) array.
    """

    values: np.ndarray  # (row, channel), C-contiguous
    observed: np.ndarray | None  # (row, 1) bool, None where all are
    starts: np.ndarray  # (batch,) int64
    stride: int
    n_steps: int
    level: np.ndarray | None = None  # (batch, width), which is taken off the values
    n_together: int = 1  # rows that make one step
    factor: np.ndarray | None = None  # (batch, width), by which they are multiplied then; NaN counts as 0

    @property
    def width(self) -> int:
        """How many numbers make one step."""
        return self.values.shape[1] * self.n_together

    @property
    def n_numbers(self) -> int:
        """How many numbers are read."""
        return len(self.starts) * self.n_steps * self.width

    def n_shares(self, n_weights: int, n_threads: int) -> int:
        """Into how many shares a network of ``n_weights`` divides its work on these."""
        n_sequences = len(self.starts)
        n_multiplications = n_sequences * self.n_steps * n_weights
        return max(1, min(n_threads, n_sequences, n_multiplications // _WORTH_SHARING))

    def take_observed(self, part: slice) -> np.ndarray:
        """Which steps are observed (step, batch), as 0 or 1, in a part of the batch; an empty array where all are."""
        if self.observed is None:
            return _ALL
        starts = self.starts[part]
        observed = np.empty((self.n_steps, len(starts), 1), np.uint8)
        gather.of(observed.dtype)(self.observed.view(np.uint8), starts, self.stride, observed)
        return observed[:, :, 0]

    def with_values(self, states: np.ndarray) -> Inputs:
        """The same steps with the states (step, batch, column) of a layer as values."""
        n_steps, batch, width = states.shape
        observed = None if self.observed is None else self.take_observed(slice(None)).view(bool).reshape(-1, 1)
        return Inputs(states.reshape(-1, width), observed, np.arange(batch, dtype=np.int64), batch, n_steps)
