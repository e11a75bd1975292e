"""The time axis that ``fit`` learnt: of which kind the keys are, and their grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrnn._windows.grid import Grid
from skrnn._windows.keys import Keys
from skrnn._windows.search import find_grid


@dataclass(frozen=True)
class Axis:
    """Kind, time zone and grid of the training keys."""

    kind: str
    zone: Any
    grid: Grid | None

    @classmethod
    def of(cls, keys: Keys, freq: Any) -> Axis:
        """The axis of the keys of ``fit``; see ``find_grid`` for ``freq``."""
        return cls(keys.kind, keys.zone, find_grid(keys, freq))

    @property
    def freq(self) -> Any:
        return None if self.grid is None else self.grid.name

    def placed(self, keys: Keys, phase: np.ndarray | None = None) -> Keys:
        """The keys of a call with their places on the grid.

        ``phase`` (n_labels,) is that of the series that are known; the first series of ``keys`` are these.

        Raises
        ------
        ValueError
            If the keys are of another kind than those of ``fit``, or lie off the grid.
        """
        if keys.kind == "block":
            return keys
        self._check_kind(keys)
        grid = self.grid
        if grid is None:
            return keys
        phases = np.zeros(0, dtype=np.int64) if phase is None else phase
        new = keys.series >= len(phases)
        if new.any():
            all_phases = grid.phases(keys.time[new], keys.series[new], len(keys.labels))
            phases = np.append(phases, all_phases[len(phases) :])
        one = len(phases) == 1
        of_row = np.broadcast_to(phases, keys.series.shape) if one else phases[keys.series]
        position, fits = grid.place(keys.time, of_row)
        off = np.flatnonzero(keys.known & ~fits)
        if len(off):
            raise ValueError(
                f"{len(off)} rows of X lie off the time grid (freq_={grid.name!r}): "
                f"{keys.describe(off)}. Resample X to this grid, or set freq=None to take the rows before in order."
            )
        return replace(keys, position=position, phase=of_row)

    def _check_kind(self, keys: Keys) -> None:
        if keys.kind != self.kind:
            raise ValueError(
                f"The keys of X are of kind {keys.kind!r}, but those of the training rows of kind {self.kind!r}. Give "
                "X an index like theirs; a reset_index, or a step in front, may have replaced it."
            )
        if (keys.zone is None) != (self.zone is None):
            first, second = ("the training rows", "X") if keys.zone is None else ("X", "the training rows")
            raise ValueError(
                f"The index of {first} has a time zone and that of {second} has none, so their times cannot be "
                "compared. Give both a zone with tz_localize, or remove it with tz_localize(None)."
            )
