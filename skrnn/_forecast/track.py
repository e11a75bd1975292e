"""Rows of X on their time grid, from which forecasts of the past start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skrnn._forecast.labels import following
from skrnn._forecast.rows import Rows, Sheet, make_sheet


@dataclass(frozen=True)
class Track:
    """A sheet in which the rows of a series follow each other step by step."""

    sheet: Sheet
    order: np.ndarray  # (m,) which row of X, or -1 for a step that X does not hold
    series: np.ndarray  # (m,)

    def last(self, at: np.ndarray) -> np.ndarray:
        """The last row of the series of some rows."""
        return np.asarray(np.searchsorted(self.series, self.series[at], side="right") - 1)

    def values(self, values: np.ndarray) -> np.ndarray:
        """Values (n, column) that belong to the rows of X, on the sheet; NaN where X holds no row."""
        return np.where(self.order[:, None] < 0, np.nan, values[self.order])


def on_grid(rows: Rows, begin: np.ndarray, stop: np.ndarray | None = None) -> Track:
    """Rows of X from some row of each series on, with a row of NaN for each step that is absent.

    Parameters
    ----------
    rows : Rows
        Rows of X.
    begin : ndarray of shape (n_series,)
        The first row of each series; a series that begins after its last row is left out.
    stop : ndarray of shape (n_series,), default=None
        The last row of each series; the last one of X if None.
    """
    stop = rows.last if stop is None else np.minimum(stop, rows.last)
    position, orders, members, times = rows.position, [], [], []
    for first, last in zip(begin, stop, strict=True):
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
    if np.any(order < 0):
        _clear(sheet.frame, rows.channels, order < 0)
    return Track(sheet, order, rows.keys.series[member])


def next_steps(track: Track, origins: np.ndarray, first: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows (n_origins, steps) after some origins, and which of them there are.

    Parameters
    ----------
    track : Track
        Rows.
    origins : ndarray of shape (n_origins,)
        Rows of the track; one less than the first row of a series for an origin just before it.
    first : ndarray of shape (n_origins,)
        A row of the series of each origin.
    steps : int
        How many.
    """
    at = origins[:, None] + np.arange(1, steps + 1)
    last = track.last(first)[:, None]
    return np.minimum(at, last), at <= last


def _times(rows: Rows, first: int, order: np.ndarray) -> Any:
    """Labels of the rows of a series and of the steps between them."""
    held = rows.times[first : first + int(np.sum(order >= 0))]
    if len(held) == len(order):
        return held
    every = held[:1].append(following(rows, first, len(order) - 1, rows.grid))
    return every.where(order < 0, held.take(np.maximum(np.cumsum(order >= 0) - 1, 0)))


def _clear(frame: Any, columns: Sequence[int], absent: np.ndarray) -> None:
    """Nothing is known of the steps that are absent."""
    for column in columns:
        frame.isetitem(column, frame.iloc[:, column].where(~absent))
