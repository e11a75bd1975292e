"""Windows of rows: the steps before each row, found in the history and in the rows of the call."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from skrnn._windows.keys import Keys
from skrnn._windows.static import Static
from skrnn._windows.store import History, Rows, distinct_rows, same_rows

_BLOCK = 4096  # windows that are gathered at a time


@dataclass(frozen=True)
class Lookup:
    """What the rows of one call find.

    ``windows`` is a read-only view of the padded rows where the call is one ordered series without holes.
    """

    windows: np.ndarray  # (n, step, channel)
    n_missing: np.ndarray  # (n,) steps of each window that no row holds
    stale: np.ndarray  # (n,) bool: the newest step is later than every row of the series that holds a value
    unseen: np.ndarray  # (n,) bool: the history holds nothing of the row's series
    n_changed: int  # keys whose remembered row holds other values than the call's
    contradicted: tuple[Hashable, ...]  # series whose history was ignored since most shared rows differ
    on_grid: bool  # whether steps are those of a time grid, not the rows in order
    n_seen: np.ndarray  # (n,) how many of the newest steps lie behind the last gap that is too long
    cut: np.ndarray  # (n,) bool: the window would hold rows from before that gap


@dataclass(frozen=True)
class _Known:
    """Rows of history and call with distinct keys, sorted by series, then position."""

    series: np.ndarray  # (m,)
    codes: np.ndarray  # (m,) series and position as one number
    place: np.ndarray  # (m,) the position on the grid, without one the time
    values: np.ndarray  # (m, channel)


_Parts = list[tuple[np.ndarray, np.ndarray | slice]]  # of windows: codes (n,) of the first step, and channels


def look_up(
    keys: Keys,
    values: np.ndarray,
    history: History,
    *,
    window_size: int,
    horizon: int,
    future: np.ndarray,
    max_gap: int | float | None = None,
    elapsed: int | None = None,
    static: Static | None = None,
) -> Lookup:
    """Windows of all rows of a call.

    The window of a row at position p holds the positions p - horizon - window_size + 1 ... p - horizon of its
    series; the ``future`` channels are read ``horizon`` positions later. Without a grid a position is the rank of a
    row among the rows of its series.

    The keys are placed on the grid and their series numbered as in ``history``, which may be empty. ``future``
    (n_channels,) is True for the channels that are known in advance. Rows that lie before a gap in their series of
    more than ``max_gap``, in units of places, are not seen; see ``_seen_from``.
    With ``elapsed``, a last channel holds the time between a row and the one ``horizon`` rows before, at least one, in
    units of so many places. It is known in advance. Missing values of ``static`` channels are those of the series.
    """
    rows, slot = distinct_rows(keys, values)
    reach = horizon + window_size - 1
    past = _within_reach(history, keys, reach)
    past, n_changed, contradicted = _without_shared(past, keys, values, rows, static)
    known, rank = _merge(past, keys, values, rows, reach)
    start = known.codes[rank[slot]] - reach
    given = future.copy()
    if static is not None:
        given[static.channels] = True
        known = replace(known, values=static.filled(known.values, known.series, keys, _valued(known.values, given)))
    ahead = future if elapsed is None else np.append(future, True)
    parts: _Parts = [(start, slice(None))]
    if ahead.any():
        parts = [(start, np.flatnonzero(~ahead)), (start + horizon, np.flatnonzero(ahead))]
    seen, cut = start, np.zeros(len(start), dtype=bool)
    if max_gap is not None:
        valued = slice(None) if keys.position is None else _valued(known.values, given)
        seen = _seen_from(known, rank[slot], keys.series, start + window_size - 1, max_gap, valued)
        cut = _count(known.codes, start, seen) > 0
    whole = not cut.any()
    shown = known if elapsed is None else replace(known, values=_with_elapsed(known, horizon, elapsed))
    windows = (
        _view(shown, parts, window_size)
        if whole and bool(np.all(np.diff(start) == 1))
        else _dense(shown, parts, window_size, None if whole else seen)
    )
    n_missing = np.zeros(len(start), dtype=np.int64)
    for first, _ in parts:
        stop = first + window_size
        held = _count(known.codes, first if whole else np.clip(seen, first, stop), stop)
        np.maximum(n_missing, window_size - held, out=n_missing)
    stale = start + window_size - 1 > _newest(known, given, len(keys.labels))[keys.series]
    unseen = (keys.series >= len(history.labels)) & (len(history) > 0)
    n_seen = np.clip(start + window_size - seen, 0, window_size)
    return Lookup(windows, n_missing, stale, unseen, n_changed, contradicted, keys.position is not None, n_seen, cut)


def _within_reach(history: History, keys: Keys, reach: int) -> History:
    """The remembered rows that the windows of a call may need."""
    if keys.position is not None and len(history.labels) == 1 and len(history):
        oldest = keys.position[keys.known].min(initial=np.iinfo(np.int64).max) - reach
        return history.take(slice(int(np.searchsorted(history.place, oldest)), None))
    called = np.zeros(max(len(history.labels), len(keys.labels)), dtype=bool)
    called[keys.series] = True
    needed = called[history.series]
    return history if needed.all() else history.take(np.flatnonzero(needed))


def _without_shared(
    past: History, keys: Keys, values: np.ndarray, rows: Rows, static: Static | None
) -> tuple[History, int, tuple[Hashable, ...]]:
    """History without the keys of the call, and without series whose shared rows mostly hold other values."""
    if not len(past):
        return past, 0, ()
    n_past = len(past)
    row = np.arange(len(keys))[rows]
    place = np.concatenate([past.place, keys.place[row]])
    series = np.concatenate([past.series, keys.series[row]])
    order = np.lexsort((place, series))
    repeats = np.flatnonzero((np.diff(place[order]) == 0) & (np.diff(series[order]) == 0))
    if not len(repeats):
        return past, 0, ()
    old, new = order[repeats], row[order[repeats + 1] - n_past]
    compared = slice(None) if static is None else np.delete(np.arange(values.shape[1]), static.channels)
    differs = ~same_rows(past.values[old][:, compared], values[new][:, compared])
    telling = ~np.all(np.isnan(values[new]), axis=1)
    n_labels = len(keys.labels)
    n_shared = np.bincount(past.series[old[telling]], minlength=n_labels)
    n_differs = np.bincount(past.series[old[telling & differs]], minlength=n_labels)
    contradicted = 2 * n_differs > n_shared
    keep = ~contradicted[past.series]
    keep[old] = False
    n_changed = int(np.sum(differs & ~contradicted[past.series[old]]))
    labels = tuple(keys.labels[i] for i in np.flatnonzero(contradicted))
    return past.take(np.flatnonzero(keep)), n_changed, labels


def _merge(past: History, keys: Keys, values: np.ndarray, rows: Rows, reach: int) -> tuple[_Known, np.ndarray]:
    """All known rows, and the place of each of ``rows`` among them."""
    place, series, values = keys.place[rows], keys.series[rows], values[rows]
    rank = np.arange(len(place))
    if len(past):
        place, series = np.concatenate([past.place, place]), np.concatenate([past.series, series])
        order = np.lexsort((place, series))
        place, series = place[order], series[order]
        values = np.concatenate([past.values.astype(values.dtype, copy=False), values])[order]
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        rank = rank[len(past) :]
    distance = place
    if keys.position is None:
        place = np.arange(len(series)) - np.searchsorted(series, series)
    low = int(place.min()) - reach
    span = int(place.max()) - low + reach + 2
    if (int(series.max()) + 1) * span > np.iinfo(np.int64).max:
        raise ValueError("The keys of X lie too far apart for the time grid; set freq=None.")
    return _Known(series, series.astype(np.int64) * span + (place - low), distance, values), rank


def _newest(known: _Known, given: np.ndarray, n_series: int) -> np.ndarray:
    """Code of the last row of each series that holds a value which was not known in advance."""
    newest = np.full(n_series, np.iinfo(np.int64).min)
    ends = np.append(np.flatnonzero(np.diff(known.series)), len(known.series) - 1)
    rows = ends
    if not _valued(known.values[ends], given).all():
        rows = np.flatnonzero(_valued(known.values, given))
    newest[known.series[rows]] = known.codes[rows]
    return newest


def _valued(values: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Which rows hold a value that was observed: in a channel that is not given, if there are such."""
    past = values if given.all() or not given.any() else values[:, ~given]
    return ~np.isnan(past).all(axis=1)


def _seen_from(
    known: _Known, at: np.ndarray, series: np.ndarray, end: np.ndarray, max_gap: int | float, valued: Rows
) -> np.ndarray:
    """The code of the oldest row that the window of each row may hold (n,).

    Windows start anew after a gap: nothing up to the last row before it is seen. On a grid, gaps lie between
    ``valued`` rows (m,), and between the last of them and the code ``end`` (n,) of the newest step. Without one they
    lie between any two rows up to the row itself, the known row ``at`` (n,), which is of ``series`` (n,).
    """
    codes, place, series_of = known.codes[valued], known.place[valued], known.series[valued]
    if not len(codes):
        return np.full(len(end), known.codes[0])
    other = np.diff(series_of) != 0
    starts_anew = np.append(True, other | (np.diff(place) > max_gap))
    begin = np.flatnonzero(starts_anew)
    first = np.append(True, other)[begin]  # of its series: no gap lies before it
    seen = np.where(first, known.codes[0], codes[begin - 1] + 1)[np.cumsum(starts_anew) - 1]
    if isinstance(valued, slice):
        return np.asarray(seen[at])
    newest = np.maximum(np.searchsorted(codes, end, side="right") - 1, 0)
    none = (codes[newest] > end) | (series_of[newest] != series)  # that a gap could follow
    near = end - codes[newest] <= max_gap
    return np.where(none, known.codes[0], np.where(near, seen[newest], codes[newest] + 1))


def _with_elapsed(known: _Known, horizon: int, unit: int) -> np.ndarray:
    """Values of the known rows (m, channel + 1) with the time since the row ``horizon`` rows before, at least one.

    With ``horizon`` the rows of a series that have no such row are read by no window that holds a value there. Without
    it the first row of a series is one, with a time of 0.
    """
    lag = max(horizon, 1)
    time = np.full(len(known.place), np.nan if horizon else 0.0)
    same = known.series[lag:] == known.series[:-lag]
    time[lag:][same] = (known.place[lag:] - known.place[:-lag])[same] / unit
    return np.column_stack([known.values, time.astype(known.values.dtype)])


def _count(codes: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """How many of the sorted codes lie in each start ... stop - 1."""
    first, last = codes[0], codes[-1]
    if last - first == len(codes) - 1:
        found = np.minimum(stop, last + 1)
        found -= np.maximum(start, first)
        return np.maximum(found, 0, out=found)
    return np.maximum(np.searchsorted(codes, stop) - np.searchsorted(codes, start), 0)


def _view(known: _Known, parts: _Parts, window_size: int) -> np.ndarray:
    """Windows of consecutive positions as a view of the rows, padded with NaN."""
    codes, values = known.codes, known.values
    n_windows, n_channels = len(parts[0][0]), values.shape[1]
    base = np.full((n_windows + window_size - 1, n_channels), np.nan, dtype=values.dtype)
    for start, channels in parts:
        first = int(start[0])
        begin, end = np.searchsorted(codes, [first, first + len(base)])
        place: np.ndarray | slice = codes[begin:end] - first
        if end > begin and codes[end - 1] - codes[begin] == end - begin - 1:
            place = slice(int(codes[begin]) - first, int(codes[end - 1]) - first + 1)
        if isinstance(channels, slice) or isinstance(place, slice):
            base[place, channels] = values[begin:end, channels]
        else:
            base[place[:, None], channels] = values[begin:end, channels]
    step, channel = base.strides
    shape = (n_windows, window_size, n_channels)
    return np.lib.stride_tricks.as_strided(base, shape, (step, step, channel), writeable=False)


def _dense(known: _Known, parts: _Parts, window_size: int, seen: np.ndarray | None) -> np.ndarray:
    """Windows of any positions as an array of their own; ``seen`` (n,) is the code of the oldest row that each sees."""
    n_windows, n_channels = len(parts[0][0]), known.values.shape[1]
    windows = np.empty((n_windows, window_size, n_channels), dtype=known.values.dtype)
    for start, channels in parts:
        columns = np.ascontiguousarray(known.values[:, channels])
        for first in range(0, n_windows, _BLOCK):
            block = slice(first, first + _BLOCK)
            windows[block, :, channels] = _gather(known.codes, columns, start[block], window_size)
        if seen is not None:
            unseen = np.arange(window_size) < (seen - start)[:, None]
            windows[:, :, channels] = np.where(unseen[:, :, None], np.nan, windows[:, :, channels])
    windows.flags.writeable = False
    return windows


def _gather(codes: np.ndarray, values: np.ndarray, start: np.ndarray, window_size: int) -> np.ndarray:
    """Windows (n, step, channel) of some starts; NaN where no row holds a step."""
    first = np.searchsorted(codes, start)
    count = np.searchsorted(codes, start + window_size) - first
    windows = np.full((len(start), window_size, values.shape[1]), np.nan, dtype=values.dtype)
    whole = count == window_size
    if whole.any():
        width = values.shape[1]
        runs = np.lib.stride_tricks.as_strided(
            values,
            (len(values) - window_size + 1, window_size * width),
            (width * values.itemsize, values.itemsize),
            writeable=False,
        )
        windows.reshape(len(start), -1)[whole] = runs[first[whole]]
    partial = np.flatnonzero(~whole)
    window = np.repeat(partial, count[partial])
    within = np.arange(len(window)) - np.repeat(np.cumsum(count[partial]) - count[partial], count[partial])
    row = first[window] + within
    windows[window, codes[row] - start[window]] = values[row]
    return windows
