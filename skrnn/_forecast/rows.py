"""The rows of X by series and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrnn._forecast.parts import Parts
from skrnn._validation.numbers import read_array
from skrnn._windows.axis import Axis
from skrnn._windows.keys import Keys, block_keys, plain_index, read_keys
from skrnn._windows.store import distinct_rows
from skrnn._windows.table import Table


@dataclass(frozen=True)
class Layout:
    """Where a table keeps its keys."""

    is_array: bool
    has_index: bool
    time_column: int | None
    group_column: int | None

    @property
    def has_times(self) -> bool:
        return self.has_index or self.time_column is not None

    @property
    def key_columns(self) -> list[int]:
        return [column for column in (self.time_column, self.group_column) if column is not None]

    def labels(self, frame: Any) -> tuple[Any, list[Any]]:
        """The times of the rows of a frame, counted where they have none, and the levels that name their series."""
        import pandas as pd

        times, levels = frame.index, []
        if self.time_column is not None:
            times = frame.iloc[:, self.time_column]
        elif isinstance(times, pd.MultiIndex):
            levels = [times.get_level_values(i) for i in range(times.nlevels - 1)]
            times = times.get_level_values(-1)
        if self.group_column is not None:
            levels.append(pd.Index(frame.iloc[:, self.group_column]))
        return plain_index(times), levels


@dataclass(frozen=True)
class Rows:
    """Rows of X with distinct keys, sorted by series, then time; series are numbered in the order of X."""

    frame: Any  # pandas; the columns of an array are named by their positions
    layout: Layout
    keys: Keys
    times: Any  # pandas index of the n rows
    levels: list[Any]  # indexes of the n rows
    grid: Any  # the time grid; None for the rows in order
    source: np.ndarray  # (n,) which row of X

    @property
    def last(self) -> np.ndarray:
        """The last row of each series (n_series,)."""
        return np.append(np.flatnonzero(np.diff(self.keys.series)), len(self.keys) - 1)

    @property
    def first(self) -> np.ndarray:
        """The first row of each series (n_series,)."""
        return np.append(0, self.last[:-1] + 1)

    @property
    def channels(self) -> list[int]:
        """Positions of the columns that are no keys."""
        return [i for i in range(self.frame.shape[1]) if i not in self.layout.key_columns]

    def names(self, columns: Sequence[int] | np.ndarray) -> str:
        return ", ".join(repr(self.frame.columns[i]) for i in columns)

    def values(self, columns: Sequence[int]) -> np.ndarray:
        """Columns as floats (n, column)."""
        frame = self.frame.iloc[:, list(columns)]
        frame = frame.where(frame.notna(), np.nan)  # also pandas.NA among objects
        return np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))


def read_table(X: Any, name: str = "X") -> tuple[Any, bool, bool]:
    """A table as a pandas frame, whether it is an array, and whether it has an index."""
    import pandas as pd

    table = Table.of_frame(X, name)
    if table is not None:
        return table.X, False, table.index is not None
    if hasattr(X, "to_frame"):
        raise ValueError(f"{name} must be a table of two dimensions, got a {type(X).__name__}. Pass {name}.to_frame().")
    values = read_array(X, name, "forecast")
    if values.ndim != 2:
        what = f"an array of {values.ndim}" if values.ndim else type(X).__name__
        raise ValueError(f"{name} must be a table of two dimensions, got {what}.")
    return pd.DataFrame(values), True, False


def read_rows(X: Any, parts: Parts) -> Rows:
    """Rows of X as the window step of a fitted model will see them."""
    import pandas as pd

    frame, is_array, has_index = read_table(X)
    layout = Layout(is_array, has_index, *_key_columns(frame, is_array, parts))
    axis, history = parts.memory.axis, parts.memory.history
    if axis.kind != "block" and layout.has_times:
        keys = read_row_keys(frame, layout)
        placed = axis.placed(history.numbered(keys), history.phase)
        keys = replace(keys, position=placed.position, phase=placed.phase)
        return sort_rows(frame, layout, keys, axis)
    if isinstance(frame.index, pd.MultiIndex):
        raise ValueError(
            "The window step has seen no index, so that it cannot tell the series of X apart: a step in front "
            'returned arrays. Keep the index with pipeline.set_output(transform="pandas"), and fit again.'
        )
    return sort_rows(frame, layout, block_keys(len(frame), joined(layout.labels(frame)[1])), None)


def read_row_keys(frame: Any, layout: Layout) -> Keys:
    """Keys of rows, all of which must have a time."""
    if not layout.has_times:
        return block_keys(len(frame), joined(layout.labels(frame)[1]))
    columns = (None if i is None else frame.iloc[:, i] for i in (layout.time_column, layout.group_column))
    keys = read_keys(frame.index, *columns)  # names series as the window step does
    assert keys is not None
    if not keys.known.all():
        raise ValueError(f"{int(np.sum(~keys.known))} rows of X have no time, so that nothing can follow them.")
    return keys


def sort_rows(frame: Any, layout: Layout, keys: Keys, axis: Axis | None) -> Rows:
    """Rows in their order, equal rows once."""
    if not len(frame):
        raise ValueError("X holds no rows (n_samples=0). Pass the last rows that were observed.")
    numbers = frame.select_dtypes("number", exclude="timedelta").to_numpy(dtype=np.float64, na_value=np.nan)
    order, _ = distinct_rows(keys, numbers)
    source = np.arange(len(frame))[order]
    if not isinstance(order, slice):
        frame, keys = frame.iloc[order], keys.take(order)
    times, levels = layout.labels(frame)
    return Rows(frame, layout, keys, times, levels, None if axis is None else axis.grid, source)


def joined(levels: list[Any]) -> Any:
    """The levels that name a series as one label for each row."""
    if len(levels) > 1:
        return list(zip(*levels, strict=True))
    return levels[0] if levels else None


def _key_columns(frame: Any, is_array: bool, parts: Parts) -> tuple[int | None, int | None]:
    """Positions of time_column and group_column in X, before the steps in front."""
    columns = parts.memory.columns
    if columns.labels is None and parts.front and columns.key_columns:
        raise ValueError(
            "time_column and group_column count the columns that come out of the steps in front, so that they cannot "
            'be found in X. Name them, with pipeline.set_output(transform="pandas").'
        )
    table = Table(frame)
    if not parts.front:
        return columns.keys if is_array else columns.places(table)
    time, group = (None if i is None or columns.labels is None else columns.labels[i] for i in columns.keys)
    return table.position(time, "time_column"), table.position(group, "group_column")
