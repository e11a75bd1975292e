"""Sheets: rows of X together with rows that X does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skrnn._forecast.labels import following
from skrnn._forecast.rows import Rows


@dataclass(frozen=True)
class Sheet:
    """Rows that a model can be shown: those of X, and others between or after them."""

    frame: Any
    index: Any  # labels of the rows: series and time
    is_array: bool
    order: np.ndarray  # (m,) which row of X, or -1 for one that X does not hold
    series: np.ndarray  # (m,)

    def given(self, frame: Any = None) -> Any:
        """The rows, or others of their kind, in the form of X."""
        frame = self.frame if frame is None else frame
        return frame.to_numpy() if self.is_array else frame

    def last(self, at: np.ndarray) -> np.ndarray:
        """The last row of the series of some rows, where those of a series follow each other."""
        return np.asarray(np.searchsorted(self.series, self.series[at], side="right") - 1)

    def values(self, values: np.ndarray) -> np.ndarray:
        """Values (n, column) that belong to the rows of X, on the sheet; NaN where X holds no row."""
        return np.where(self.order[:, None] < 0, np.nan, values[self.order])


def make_sheet(rows: Rows, order: np.ndarray, times: Any, member: np.ndarray) -> Sheet:
    """Rows of X and rows that X does not hold, with their times, a pandas index of length m.

    ``order`` (m,) is that of ``Sheet``. ``member`` (m,) names for each a row of X of the same series; a row that X does
    not hold starts as a copy of it.
    """
    import pandas as pd

    layout, source = rows.layout, np.where(order < 0, member, order)
    frame = rows.frame.iloc[source]
    if layout.time_column is not None:
        frame = frame.reset_index(drop=True)
        frame.isetitem(layout.time_column, pd.Series(times, index=frame.index))
    elif layout.has_index:
        n_outer = len(rows.levels) - (layout.group_column is not None)
        frame = frame.set_axis(_index(rows.levels[:n_outer], source, times))
    return Sheet(frame, _index(rows.levels, source, times), layout.is_array, order, rows.keys.series[source])


def on_grid(rows: Rows, begin: np.ndarray) -> Sheet:
    """Rows of X step by step from a row ``begin`` (n_series,) of each series on, with NaN in those that are absent.

    A series that begins after its last row is left out.
    """
    position, orders, members, times = rows.keys.steps, [], [], []
    for first, last in zip(begin, rows.last, strict=True):
        if first > last:
            continue
        at = position[first : last + 1] - position[first]
        order = np.full(at[-1] + 1, -1)
        order[at] = np.arange(first, last + 1)
        orders.append(order)
        members.append(np.full(len(order), first))
        times.append(_times(rows, first, order))
    order, member = np.concatenate(orders), np.concatenate(members)
    sheet = make_sheet(rows, order, times[0].append(times[1:]), member)
    for column in rows.channels if np.any(order < 0) else ():
        sheet.frame.isetitem(column, sheet.frame.iloc[:, column].where(order >= 0))
    return sheet


def next_steps(sheet: Sheet, origins: np.ndarray, member: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows (n_origins, steps) after some origins, and which of them there are.

    ``member`` (n_origins,) names a row of the series of each origin, which itself may lie just before that series.
    """
    at = origins[:, None] + np.arange(1, steps + 1)
    last = sheet.last(member)[:, None]
    return np.minimum(at, last), at <= last


def _times(rows: Rows, first: int, order: np.ndarray) -> Any:
    """Labels of the rows of a series and of the steps between them."""
    held = rows.times[first : first + int(np.sum(order >= 0))]
    if len(held) == len(order):
        return held
    every = held[:1].append(following(rows, first, len(order) - 1, rows.grid))
    return every.where(order < 0, held.take(np.maximum(np.cumsum(order >= 0) - 1, 0)))


def _index(levels: list[Any], source: np.ndarray, times: Any) -> Any:
    """Labels of rows: the levels of the rows that they are copied from, and their own times."""
    import pandas as pd

    if not levels:
        return times
    outer = [level.take(source) for level in levels]
    return pd.MultiIndex.from_arrays([*outer, times], names=[*(level.name for level in levels), times.name])
