"""Values by series and time, in the form that they are drawn in."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np


def as_frame(values: Any, name: str, *, like: Any = None, start: int = 0) -> Any:
    """Values of shape (n,) or (n, output) as a pandas frame; those of an array get the index of ``like``, or numbers.

    Raises
    ------
    ValueError
        If an array has another length than ``like``, or more than two dimensions.
    """
    import pandas as pd

    if isinstance(values, pd.Series):
        return values.to_frame("" if values.name is None else values.name)
    if isinstance(values, pd.DataFrame):
        return values
    array = np.asarray(values, dtype=float)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have shape (n,) or (n, n_outputs), got {array.shape}.")
    array = array.reshape(len(array), -1)
    if like is None:
        frame = pd.DataFrame(array, index=pd.RangeIndex(start, start + len(array)))
        return frame.set_axis([""], axis=1) if array.shape[1] == 1 else frame
    if array.shape != like.shape:
        raise ValueError(
            f"{name} has shape {array.shape}, but the predictions have shape {like.shape}. Pass as many values, or a "
            "pandas object with an index."
        )
    return like.copy() if len(array) == 0 else type(like)(array, index=like.index, columns=like.columns)


def by_series(frame: Any) -> dict[Hashable, Any]:
    """A frame for each series, whose index is the time; an index of one level is one series, ``()``."""
    import pandas as pd

    if not isinstance(frame.index, pd.MultiIndex):
        return {(): frame.sort_index()}
    outer = list(range(frame.index.nlevels - 1))
    groups = frame.groupby(level=outer if len(outer) > 1 else outer[0], sort=False)
    return {label: part.droplevel(outer).sort_index() for label, part in groups}


def places(times: Any) -> np.ndarray:
    """The times of a pandas index as numbers or dates that are drawn; durations in hours, dates by the wall clock."""
    import pandas as pd

    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    if isinstance(times, pd.TimedeltaIndex):
        return np.asarray(times.total_seconds() / 3600)
    if isinstance(times, pd.DatetimeIndex) and times.tz is not None:
        times = times.tz_localize(None)
    return np.asarray(times.to_numpy())


def place_of(time: Any, times: Any) -> Any:
    """The place of one time, of the kind of those of a pandas index."""
    import pandas as pd

    if isinstance(times, pd.PeriodIndex):
        return places(pd.PeriodIndex([time], freq=times.freq))[0]
    if isinstance(times, pd.DatetimeIndex | pd.TimedeltaIndex):
        return places(pd.Index([time], dtype=times.dtype))[0]
    return time


def time_name(times: Any) -> str:
    """What an axis of times is called."""
    import pandas as pd

    name = times.name
    if isinstance(times, pd.TimedeltaIndex):
        return f"{'time' if name is None else name} (hours)"
    if name is not None:
        return str(name)
    return "time" if isinstance(times, pd.DatetimeIndex | pd.PeriodIndex) else "row"


def title_of(label: Hashable, output: Hashable = "") -> str:
    """The name of a series, or of an output of it, in a title."""
    parts = [*(label if isinstance(label, tuple) else (label,)), output]
    return ", ".join(str(part) for part in parts if str(part))


def short_dates(ax: Any) -> None:
    """Dates on an axis that do not run into each other."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    if isinstance(ax.xaxis.get_major_locator(), AutoDateLocator):
        locator = AutoDateLocator(minticks=3, maxticks=7)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
