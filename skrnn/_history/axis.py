"""The time axis that ``fit`` learnt: of which kind the keys are, and their grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skrnn._history.grid import Grid, find_grid
from skrnn._history.keys import Keys


@dataclass(frozen=True)
class Axis:
    """Kind, time zone and grid of the training keys."""

    kind: str
    zone: str | None
    grid: Grid | None

    @classmethod
    def of(cls, keys: Keys, freq: str | float | None) -> Axis:
        """The axis of the keys of ``fit``; see ``find_grid`` for ``freq``."""
        return cls(keys.kind, keys.zone, find_grid(keys, freq))

    @property
    def freq(self) -> str | float | None:
        return None if self.grid is None else self.grid.name

    def check(self, keys: Keys, phase: np.ndarray) -> None:
        """Refuse keys of another kind, and keys that lie off the grid.

        Parameters
        ----------
        keys : Keys
            Keys of a call.
        phase : ndarray of shape (n_labels,)
            Phase of the series that are known; the first series of ``keys`` are these.
        """
        if keys.kind == "block":
            return
        if keys.kind != self.kind:
            raise ValueError(
                f"The keys of X are of kind {keys.kind!r}, but those of the training rows of kind {self.kind!r}. Give "
                "X an index like theirs; a reset_index, or a step in front, may have replaced it."
            )
        if (keys.zone is None) != (self.zone is None):
            first, second = ("X", "the training rows") if keys.zone else ("the training rows", "X")
            raise ValueError(
                f"The index of {first} has a time zone and that of {second} has none, so their times cannot be "
                "compared. Give both a zone with tz_localize, or remove it with tz_localize(None)."
            )
        if self.grid is not None:
            self._check_on_grid(self.grid, keys, phase)

    def _check_on_grid(self, grid: Grid, keys: Keys, phase: np.ndarray) -> None:
        _, row_phase = grid.positions(keys.time)
        expected = np.zeros(len(keys.labels), dtype=np.int64)
        expected[keys.series] = row_phase
        expected[: len(phase)] = phase
        off = np.flatnonzero(keys.known & ((row_phase < 0) | (row_phase != expected[keys.series])))
        if len(off):
            raise ValueError(
                f"{len(off)} rows of X lie off the time grid (freq_={grid.name!r}): "
                f"{keys.describe(off)}. Resample X to this grid, or set freq=None to take the rows before in order."
            )
