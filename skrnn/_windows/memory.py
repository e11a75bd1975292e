"""What ``fit`` learns of its rows, as one value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrnn._windows.axis import Axis
from skrnn._windows.keys import Keys
from skrnn._windows.lookup import Lookup, look_up
from skrnn._windows.static import Static
from skrnn._windows.store import History, distinct_rows
from skrnn._windows.table import Columns

ELAPSED = "elapsed"  # the name of that channel


@dataclass(frozen=True)
class WindowMemory:
    """Which columns mean what, how windows are cut, the time axis, and the rows that are remembered."""

    columns: Columns
    window_size: int
    horizon: int
    flatten: bool
    keeps: str  # "all", "tail" or "none"
    axis: Axis
    history: History
    max_gap: int | float | None = None  # in the unit of the places of rows
    elapsed: int | None = None  # of how many places a unit of the channel of elapsed time is

    @property
    def reach(self) -> int:
        """How many rows of the past the window of the next row needs."""
        return self.window_size - 1 + max(self.horizon, int(self.elapsed is not None))

    @property
    def known(self) -> np.ndarray:
        """Which channels of the windows are known in advance."""
        return self.columns.future if self.elapsed is None else np.append(self.columns.future, True)

    @property
    def observed(self) -> np.ndarray:
        """Which channels of the windows hold what was observed: neither known in advance nor of one value."""
        return ~(self.columns.given if self.elapsed is None else np.append(self.columns.given, True))

    @property
    def static(self) -> Static | None:
        """The channels that hold one value for each series; None if there are none."""
        columns = self.columns
        if columns.static is None:
            return None
        return Static(np.flatnonzero(columns.static), columns.channel_names[columns.static])

    def names(self, of_columns: Iterable[Any]) -> list[Any]:
        """Names of the channels of the windows, from those of the columns that are channels."""
        return [*of_columns, *([] if self.elapsed is None else [ELAPSED])]

    def remembering(self, keys: Keys, values: np.ndarray) -> WindowMemory:
        """The same with more rows in the history, as far as it is kept."""
        keys = self._placed(keys, self.history)
        rows, _ = distinct_rows(keys, values)
        extended = self.history.extended(keys, values, rows)
        if self.static is not None:
            holds = np.zeros(len(extended), dtype=bool)
            self.static.filled(extended.values, extended.series, keys, holds)  # which checks them
        if self.keeps == "none" or keys.kind == "block":
            return self
        return replace(self, history=extended.tail(self.reach) if self.keeps == "tail" else extended)

    def look_up(self, keys: Keys, values: np.ndarray, *, alone: bool = False) -> Lookup:
        """Windows (n, step, channel) of the rows of a call, in these rows and, unless ``alone``, in the history."""
        alone = alone or keys.kind == "block"
        history = History.empty(values.shape[1]) if alone else self.history
        keys = self._placed(keys, history)
        return look_up(
            keys,
            values,
            history,
            window_size=self.window_size,
            horizon=self.horizon,
            future=self.columns.future,
            max_gap=self.max_gap,
            elapsed=self.elapsed,
            static=self.static,
        )

    def placed(self, keys: Keys) -> Keys:
        """The keys of the rows of a call on the time axis."""
        return keys if keys.kind == "block" else self._placed(keys, self.history)

    def _placed(self, keys: Keys, history: History) -> Keys:
        """The keys on the time axis, their series numbered as in a history."""
        return self.axis.placed(history.numbered(keys), history.phase)
