"""Summaries of the states after all steps, without autograd; the results are those of the stages of the same names."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class CompiledPooling(Protocol):
    """A summary of states, and its derivative."""

    def forward(self, states: np.ndarray, observed: np.ndarray | None) -> np.ndarray:
        """The summary (batch, column) of states (step, batch, column) at the ``observed`` steps (step, batch)."""

    def backward(self, slope: np.ndarray) -> np.ndarray:
        """Derivative by the states, from that by what ``forward`` returned."""


class CompiledMax:
    """Largest value of each column over the observed steps, or 0 without any; equal ones share the derivative."""

    def forward(self, states: np.ndarray, observed: np.ndarray | None) -> np.ndarray:
        if observed is not None:
            states = np.where(observed[:, :, None], states, -np.inf)
        self._states, self._largest = states, states.max(axis=0)
        if observed is None:
            return self._largest.copy()  # which may be changed
        return np.where(observed.any(axis=0, keepdims=True).T, self._largest, 0)

    def backward(self, slope: np.ndarray) -> np.ndarray:
        are_largest = self._states == self._largest
        are_largest &= np.isfinite(self._largest)
        return are_largest * (slope / np.maximum(are_largest.sum(axis=0, dtype=slope.dtype), 1))


class CompiledMean:
    """Mean of each column over the observed steps, or 0 without any."""

    def forward(self, states: np.ndarray, observed: np.ndarray | None) -> np.ndarray:
        self._share = np.full((len(states), 1, 1), 1 / len(states), states.dtype)
        if observed is not None:
            self._share = (observed / np.maximum(observed.sum(axis=0), 1)).astype(states.dtype)[:, :, None]
        return (states * self._share).sum(axis=0)

    def backward(self, slope: np.ndarray) -> np.ndarray:
        return slope * self._share


POOLINGS: dict[str, type[CompiledPooling]] = {"max": CompiledMax, "mean": CompiledMean}
