"""The rows that ``fit`` remembers, by series and time."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from skrnn._windows.clock import DAY, HOUR
from skrnn._windows.keys import Keys

Rows = np.ndarray | slice

_NO_ROWS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class History:
    """Rows with distinct keys, sorted by series, then place.

    ``place`` is the position on the grid, without one the time. ``phase`` (one number per series) is the offset of its
    rows from the grid; empty where there is no grid.
    """

    labels: tuple[Hashable, ...]
    series: np.ndarray  # (n,) positions in labels
    place: np.ndarray  # (n,)
    phase: np.ndarray  # (n_labels,) or (0,)
    values: np.ndarray  # (n, channel)

    @classmethod
    def empty(cls, n_channels: int) -> History:
        return cls((), _NO_ROWS, _NO_ROWS, _NO_ROWS, np.zeros((0, n_channels)))

    def __len__(self) -> int:
        return len(self.place)

    def numbered(self, keys: Keys) -> Keys:
        """Keys whose series are numbered as in this history, new series after those."""
        if keys.labels == self.labels:
            return keys
        number = {label: i for i, label in enumerate(self.labels)}
        for label in keys.labels:
            number.setdefault(label, len(number))
        series = np.array([number[label] for label in keys.labels], dtype=np.int32)[keys.series]
        return replace(keys, series=series, labels=tuple(number))

    def extended(self, keys: Keys, values: np.ndarray, rows: Rows) -> History:
        """This history with new ``rows`` of distinct keys; a row takes the place of an old one of the same key.

        The keys are placed and their series numbered as in this history; rows are sorted by series, then place.
        """
        if not keys.known.all():
            rows = np.arange(len(keys))[rows]
            rows = rows[keys.known[rows]]
        series, place, values = keys.series[rows], keys.place[rows], values[rows]
        labels = keys.labels[: int(series.max(initial=len(self.labels) - 1)) + 1]
        phase = self.phase
        if keys.phase is not None:
            phase = np.append(self.phase, np.zeros(len(labels) - len(self.phase), dtype=keys.phase.dtype))
            phase[series] = keys.phase[rows]
        if len(self):
            series, place = np.concatenate([self.series, series]), np.concatenate([self.place, place])
            order = np.lexsort((place, series))
            last = np.ones(len(order), dtype=bool)
            last[:-1] = (np.diff(series[order]) != 0) | (np.diff(place[order]) != 0)
            order = order[last]
            series, place, values = series[order], place[order], np.concatenate([self.values, values])[order]
        if values.base is not None:  # a view of the caller's rows
            values = values.copy()
        return History(labels, series, place, phase, values)

    def take(self, rows: np.ndarray | slice) -> History:
        """Some rows, in the same order."""
        return replace(self, series=self.series[rows], place=self.place[rows], values=self.values[rows])

    def tail(self, n_rows: int) -> History:
        """The last ``n_rows`` rows of each series."""
        end = np.searchsorted(self.series, np.arange(len(self.labels)), side="right")
        return self.take(np.flatnonzero(np.arange(len(self)) >= end[self.series] - n_rows))


def distinct_rows(keys: Keys, values: np.ndarray) -> tuple[Rows, Rows]:
    """Sort the rows of one call by series and place, equal keys once.

    Returns
    -------
    rows : ndarray of int, or the slice of all rows
        The first row of each distinct key, sorted by series and place.
    slot : ndarray of shape (n,), or the slice of all rows
        For each row of the call, which of ``rows`` holds its key.

    Raises
    ------
    ValueError
        If rows of one key hold different values. In a bare array, whose times may be rounded, this is a warning.
    """
    everything, place = slice(None), keys.place
    if bool(np.all(keys.series == keys.series[0])) and bool(np.all(place[1:] > place[:-1])):
        return everything, everything
    order = np.lexsort((place, keys.series))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(place[order]) != 0) | (np.diff(keys.series[order]) != 0)
    rows = order[fresh]
    slot = np.empty(len(order), dtype=np.int64)
    slot[order] = np.cumsum(fresh) - 1
    repeats = order[~fresh]
    clashes = np.sort(repeats[~same_rows(values[repeats], values[rows[slot[repeats]]])])
    if len(clashes):
        message = f"X holds different values under the same key ({keys.describe(clashes)})."
        if keys.exact:
            raise ValueError(
                f"{message} If its rows belong to several series, name the column that tells them apart with "
                f"group_column, or use a MultiIndex whose last level is the time.{_clock_help(keys, clashes)}"
            )
        warnings.warn(f"{message} The first row of each counts.", UserWarning, stacklevel=2)
    return rows, slot


def _clock_help(keys: Keys, clashes: np.ndarray) -> str:
    """What to do about the hour that a clock shows twice when summer time ends."""
    early = keys.time[clashes] % DAY < 4 * HOUR
    if keys.kind != "datetime" or keys.zone is not None or not early.all():
        return ""
    return (
        " If a clock shows this hour twice since summer time ends, give the times their zone: "
        'X.index.tz_localize("Europe/Berlin", ambiguous="infer") tells the two hours apart.'
    )


def same_rows(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rows that are equal up to the rounding of single precision; NaN equals NaN."""
    same = np.all((first == second) | (np.isnan(first) & np.isnan(second)), axis=1)
    others = np.flatnonzero(~same)
    same[others] = np.all(np.isclose(first[others], second[others], rtol=1e-6, atol=0.0, equal_nan=True), axis=1)
    return same
