"""The keys that come next: how an index goes on."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from skrnn._forecast.rows import Rows, read_row_keys
from skrnn._windows.axis import Axis
from skrnn._windows.grid import Grid


def following(rows: Rows, row: int, n: int, step: Any) -> Any:
    """The labels of the n steps after a row, an index of the type, unit, time zone and name of that of the rows.

    ``step`` is the grid of times, or a step in the unit of the index. Periods go on at their own frequency.
    """
    import pandas as pd

    last = rows.times[row : row + 1]
    if isinstance(last, pd.PeriodIndex):
        return pd.period_range(last[0], periods=n + 1, freq=last.freq, name=last.name)[1:]
    if isinstance(last, pd.DatetimeIndex | pd.TimedeltaIndex):
        time = int(last.as_unit("ns").asi8[0])
        phase = rows.keys.phase[row] if rows.keys.phase is not None else step.phase_of(time)
        return _dates(step.following(time, phase, n), last, step.name)
    first, step = last[0], step.name if isinstance(step, Grid) else step
    if isinstance(last, pd.RangeIndex):
        return pd.RangeIndex(first + step, first + step * (n + 1), step, name=last.name)
    numbers = first + step * np.arange(1, n + 1)
    keeps_type = last.dtype.kind == "f" or (last.dtype.kind in "iu" and numbers.dtype.kind in "iu")
    return pd.Index(numbers, name=last.name, dtype=last.dtype if keeps_type else None)


def _dates(times: np.ndarray, like: Any, freq: Any) -> Any:
    """Nanoseconds as an index of the kind of another, with its frequency where pandas grants it."""
    import pandas as pd

    if isinstance(like, pd.TimedeltaIndex):
        index: Any = pd.TimedeltaIndex(times.astype("timedelta64[ns]"))
    else:
        index = pd.DatetimeIndex(times.astype("datetime64[ns]"))
        if like.tz is not None:
            index = index.tz_localize("UTC").tz_convert(like.tz)
    index = index.as_unit(like.unit).rename(like.name)
    with suppress(ValueError, TypeError):  # pandas does not call steps across a change of the clock regular
        index.freq = freq
    return index


def step_of(rows: Rows, *, find: bool) -> Any:
    """The grid on which the times of some rows go on, or their step; None if it cannot be told.

    ``find`` tells whether dates without a grid and without a frequency of their own may be searched for one.
    """
    import pandas as pd

    times = rows.times
    if rows.grid is not None:
        return rows.grid
    if isinstance(times, pd.PeriodIndex):
        return times.freq
    if isinstance(times, pd.RangeIndex):
        return abs(times.step)
    keys = rows.keys if rows.keys.kind != "block" else read_row_keys(rows.frame, rows.layout)
    told = find or keys.kind == "number" or getattr(times, "freq", None) is not None
    return Axis.of(keys, "auto").grid if told else None
