"""Rows of X up to an origin, and what a fitted pipeline forecasts from there."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrnn._displays.models import uncalibrated
from skrnn._forecast import forecast
from skrnn._forecast.parts import Parts, take_apart
from skrnn._forecast.roles import known_columns
from skrnn._forecast.rows import Rows, read_rows
from skrnn._validation import read_numbers


def forecast_from(
    model: Any,
    X: Any,
    y: Any,
    *,
    steps: int,
    origin: Any,
    target: Any,
    future: Any,
    confidence_level: float | None,
    caller: str,
) -> tuple[Any, Any, Any]:
    """What the model forecasts, y up to the origin and y after it, as frames with an index of series and time."""
    parts = take_apart(uncalibrated(model), caller)
    rows = read_rows(X, parts)
    values = read_numbers(y, "y", caller).astype(np.float64)
    values = values.reshape(len(values), -1)
    if len(values) != len(X):
        raise ValueError(f"X and y must have as many rows; got {len(X)} and {len(values)}.")
    after = _after(rows, steps, origin)
    known = _known(parts, rows, after, steps, future)
    past = np.sort(rows.source[~after])
    X_past = X.iloc[past] if hasattr(X, "iloc") else X[past] if hasattr(X, "get_column") else np.asarray(X)[past]
    table = forecast(model, X_past, steps, target=target, future=known, confidence_level=confidence_level)
    n_outputs = values.shape[1]
    names = list(table.columns)[:: 1 if confidence_level is None else 3]
    if len(names) != n_outputs:
        raise ValueError(f"The model predicts {len(names)} outputs, but y has {n_outputs}.")
    truth = _indexed(rows, values[rows.source], names)
    if not rows.layout.has_times:
        table = _going_on(table, rows, after)
    ahead = truth[after]
    return table, truth[~after], ahead[ahead.index.isin(table.index)]


def _after(rows: Rows, steps: int, origin: Any) -> np.ndarray:
    """Which rows are later than the origin (n,)."""
    time = rows.keys.time
    if origin is None:
        times = np.unique(time)
        if len(times) <= steps:
            raise ValueError(f"X holds {len(times)} times; for a forecast of {steps} steps it needs more.")
        return np.asarray(time > times[-steps - 1])
    known = np.asarray((rows.times if rows.layout.has_times else time) <= origin)
    if not known.any():
        raise ValueError(f"X holds no row up to origin={origin!r}.")
    return np.asarray(time > time[known].max())


def _known(parts: Parts, rows: Rows, after: np.ndarray, steps: int, future: Any) -> Any:
    """The rows after the origin with the columns that are known in advance, in the form that ``forecast`` takes."""
    columns = known_columns(parts, rows, future)
    if not columns:
        return None
    later = np.flatnonzero(after)
    series = rows.keys.series[later]
    later = later[np.arange(len(later)) - np.searchsorted(series, series) < steps]
    frame = rows.frame.iloc[later]
    if not rows.layout.is_array:
        return frame.iloc[:, sorted({*columns, *rows.layout.key_columns})]
    values = frame.to_numpy(dtype=np.float64, copy=True)
    hidden = [i for i in range(values.shape[1]) if i not in {*columns, *rows.layout.key_columns}]
    values[:, hidden] = np.nan
    return values


def _indexed(rows: Rows, values: np.ndarray, names: list[Any]) -> Any:
    """Values (n, output) of the rows by series and time; rows without times are counted within their series."""
    import pandas as pd

    times = rows.times if rows.layout.has_times else pd.Index(rows.keys.time)
    index = times
    if rows.levels:
        index = pd.MultiIndex.from_arrays([*rows.levels, times])
    frame = pd.DataFrame(dict(enumerate(values.T)), index=index)
    return frame.set_axis(pd.Index(names, tupleize_cols=False), axis=1)


def _going_on(table: Any, rows: Rows, after: np.ndarray) -> Any:
    """A forecast whose rows are counted from 0, counted from the end of what was known of their series."""
    import pandas as pd

    n_known = np.bincount(rows.keys.series[~after])
    n_known = n_known[n_known > 0]
    steps = len(table) // len(n_known)
    times = (n_known[:, None] + np.arange(steps)).ravel()
    if not isinstance(table.index, pd.MultiIndex):
        return table.set_axis(pd.Index(times), axis=0)
    outer = [table.index.get_level_values(i) for i in range(table.index.nlevels - 1)]
    return table.set_axis(pd.MultiIndex.from_arrays([*outer, times]), axis=0)
