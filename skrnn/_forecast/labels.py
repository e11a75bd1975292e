"""The keys that come next: how an index goes on."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrnn._forecast.rows import Rows, read_row_keys
from skrnn._history import Axis


def following(last: Any, n: int, step: Any) -> Any:
    """The next n labels of an index.

    Parameters
    ----------
    last : pandas.Index of length 1
        The label after which they come.
    n : int
        How many.
    step : str or number
        A pandas frequency, or a number of the unit of the index. Periods go on at their own frequency.

    Returns
    -------
    index : pandas.Index of length n
        Of the type, unit, time zone and name of ``last``.
    """
    import pandas as pd

    if isinstance(last, pd.PeriodIndex):
        return pd.period_range(last[0], periods=n + 1, freq=last.freq, name=last.name)[1:]
    if isinstance(last, pd.TimedeltaIndex):
        return pd.timedelta_range(last[0], periods=n + 1, freq=step, name=last.name)[1:].as_unit(last.unit)
    if isinstance(last, pd.DatetimeIndex):
        offset: Any = pd.tseries.frequencies.to_offset(step)
        if not offset.is_on_offset(last[0]):  # weeks whose rows lie on another weekday than the offset's
            offset = pd.offsets.Day(7 * offset.n)
        return pd.date_range(last[0], periods=n + 1, freq=offset, name=last.name)[1:].as_unit(last.unit)
    first = last[0]
    if isinstance(last, pd.RangeIndex):
        return pd.RangeIndex(first + step, first + step * (n + 1), step, name=last.name)
    numbers = first + step * np.arange(1, n + 1)
    keeps_type = last.dtype.kind == "f" or (last.dtype.kind in "iu" and numbers.dtype.kind in "iu")
    return pd.Index(numbers, name=last.name, dtype=last.dtype if keeps_type else None)


def step_of(rows: Rows, *, find: bool) -> Any:
    """The step at which the times of some rows go on; None if it cannot be told.

    Parameters
    ----------
    rows : Rows
        Rows of X.
    find : bool
        Whether dates without a grid and without a frequency of their own may be searched for one.
    """
    import pandas as pd

    times = rows.times
    if rows.grid is not None:
        return rows.grid.name
    if isinstance(times, pd.PeriodIndex):
        return times.freq
    if isinstance(times, pd.RangeIndex):
        return abs(times.step)
    own = getattr(times, "freq", None)
    if own is not None and own.n > 0:
        return own
    keys = rows.keys if rows.keys.kind != "block" else read_row_keys(rows.frame, rows.layout)
    return Axis.of(keys, "auto").freq if find or keys.kind == "number" else None
