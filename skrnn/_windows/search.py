"""Which grid the keys of ``fit`` lie on: the one that is given, that of the index, or the one that is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from skrnn._windows.clock import DAY, HOUR, Clock, wall_clock
from skrnn._windows.grid import TOLERANCE, CalendarGrid, Grid, OpeningGrid, StepGrid, WalkGrid, around_zero
from skrnn._windows.keys import Keys

_SPANS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds")
_FILLED = 0.5  # of a grid that is found
_UNITS = (*(10**k for k in range(1, 10)), 60_000_000_000, 600_000_000_000, HOUR)  # to which times may be rounded
_WEEKDAYS = np.array(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
_TELLING = 3  # weeks, or days, in which what never holds a row is taken for closed
_OPEN_SHARE = 0.9  # of opening hours or days that must hold rows


def find_grid(keys: Keys, freq: Any) -> Grid | None:
    """Find the grid of the keys of ``fit``.

    Parameters
    ----------
    keys : Keys
        Keys of the training rows.
    freq : {"auto"}, str, number, offset or None
        A pandas frequency or offset, a number of the key's unit, or how to find it: "auto" takes the index's own
        frequency, else a calendar (business days, months) or one step that all rows share, if at least half of
        that grid is filled. Times may miss their grid by a hundredth of a step.

    Returns
    -------
    grid : Grid or None
        None if there is no regular grid.
    """
    if freq is None or keys.kind == "block":
        return None
    step = _given_step(keys, freq)
    if step is not None:
        return _grid_of_step(keys, step, own=isinstance(freq, str) and freq == "auto")
    keys = keys.take(keys.known)
    candidates = (grid for telling in _roundings(_telling(keys)) for grid in _candidates(telling))
    return next((grid for grid in chain(candidates, _mean_step(keys)) if _fill(grid, keys) >= _FILLED), None)


def _given_step(keys: Keys, freq: Any) -> Any:
    """The step that the user or the index tells, as a number or a pandas offset; None if neither does."""
    if isinstance(freq, str) and freq == "auto":
        backwards = keys.freq is not None and not _goes_forward(keys.freq)  # an index from the newest row to the oldest
        return -1 * keys.freq if backwards else keys.freq
    is_number = isinstance(freq, int | float | np.number)
    if keys.kind == "number":
        if not is_number:
            raise ValueError(f"freq={freq!r} needs an index of datetimes or timedeltas, but the keys of X are numbers.")
        return freq
    if is_number:
        raise ValueError(f"freq={freq!r} needs keys that are numbers, but the keys of X are of kind {keys.kind!r}.")
    if keys.kind.startswith("period"):
        if freq != keys.kind[7:-1] and freq != keys.freq:
            raise ValueError(f"freq={freq!r} differs from the frequency of the period index, {keys.kind[7:-1]!r}.")
        return keys.freq
    import pandas as pd

    try:
        offset = pd.tseries.frequencies.to_offset(freq)
    except ValueError as error:
        raise ValueError(f"freq={freq!r} is not a pandas frequency such as 'h', '15min', 'D', 'B' or 'MS'.") from error
    if not _goes_forward(offset):
        raise ValueError(f"freq={freq!r} must go forward in time.")
    if keys.kind == "timedelta" and not isinstance(offset, pd.offsets.Tick | pd.offsets.Day):
        raise ValueError(f"freq={freq!r} is no span of time, which an index of timedeltas needs.")
    return offset


def _goes_forward(offset: Any) -> bool:
    """Whether an offset leads to later times; ``DateOffset(days=-1)`` does not, although its n is 1."""
    import pandas as pd

    time = pd.Timestamp("2024-01-01")
    return bool(offset.n > 0 and time + offset > time)


def _grid_of_step(keys: Keys, step: Any, *, own: bool) -> Grid:
    """Grid of a number or of a pandas offset, which may be the index's own."""
    import pandas as pd

    if isinstance(step, int | float | np.number):
        number = int(step) if float(step).is_integer() else float(step)
        whole = keys.time.dtype.kind == "i" and isinstance(number, int)
        return StepGrid(number, number, Clock(), 0 if whole else _first(keys, keys.time))
    if keys.kind.startswith("period"):
        return StepGrid(keys.kind[7:-1], step.n, Clock())
    if isinstance(step, pd.offsets.Tick):
        return _step_grid(keys, step, pd.Timedelta(step).as_unit("ns").value, even=own)
    if isinstance(step, pd.offsets.Day | pd.offsets.Week):
        return _step_grid(keys, step, step.n * DAY * (7 if isinstance(step, pd.offsets.Week) else 1))
    wall = wall_clock(keys.time, keys.zone)
    clock = Clock.of(keys.zone, keys.time[keys.known])
    if isinstance(step, pd.offsets.BusinessHour):  # CustomBusinessHour is one
        return OpeningGrid(_name(step), step.n * HOUR, clock, step)
    if type(step) is not pd.DateOffset:
        return CalendarGrid(_name(step), step.n * DAY, clock, step, _first(keys, wall))
    spans = {unit: number for unit, number in step.kwds.items() if unit in _SPANS}
    if len(spans) < len(step.kwds):
        return WalkGrid(_name(step), DAY, clock, step, _first(keys, wall))
    return StepGrid(_name(step), step.n * pd.Timedelta(**spans).as_unit("ns").value, clock)


def _step_grid(keys: Keys, offset: Any, step: int, *, even: bool = False) -> StepGrid:
    """Grid of a span of time, on the clock that the keys tell.

    Where the keys hold a change of the clock, they tell by themselves. Else days and parts of a day are those of the
    clock on the wall, but for parts counted from midnight in UTC, and for those of the index's own frequency.
    """
    name, daily, keys = _name(offset), step % DAY == 0, keys.take(keys.known)
    if keys.zone is None or not len(keys) or not (daily or (step > HOUR and DAY % step == 0)):
        return StepGrid(name, step, Clock())
    whole = [
        np.abs(around_zero(time, step)) <= TOLERANCE * step for time in (keys.time, wall_clock(keys.time, keys.zone))
    ]
    even = even or (not daily and bool(np.mean(whole[0]) > 0.5 > np.mean(whole[1])))
    grid = StepGrid(name, step, Clock.of(keys.zone, keys.time, even=even))
    other = replace(grid, clock=Clock(keys.zone, not even))
    return other if grid.clock.offset is None and not _fill(grid, keys) and _fill(other, keys) else grid


def _telling(keys: Keys) -> Keys:
    """The rows without those near an hour that a clock leaves out, which may lie beside their grid."""
    if keys.zone is None:
        return keys
    begin, end = Clock(keys.zone).left_out(keys.time)
    return keys.take(begin == end)


def _roundings(keys: Keys) -> Iterator[Keys]:
    """The keys as they are, and with times rounded by no more than a hundredth of the shortest distance."""
    yield keys
    spacing = _spacings(keys, keys.time)
    if not len(spacing) or spacing.dtype.kind == "f" or keys.kind.startswith("period"):
        return
    for unit in _UNITS:
        if unit > 2 * TOLERANCE * spacing.min():
            return
        rounded = (keys.time + unit // 2) // unit * unit
        if np.any(rounded != keys.time):
            yield replace(keys, time=rounded)


def _candidates(keys: Keys) -> Iterator[Grid]:
    """Grids of times that are exact, the most telling first."""
    spacing = _spacings(keys, keys.time)
    if not len(spacing) or spacing.dtype.kind == "f":
        return
    step = int(np.gcd.reduce(spacing))
    if keys.kind == "datetime":
        wall = wall_clock(keys.time, keys.zone)
        on_wall = _spacings(keys, wall)
        wall_step = int(np.gcd.reduce(on_wall))
        if wall_step and wall_step % DAY == 0:
            yield from _calendars(keys, wall, on_wall, wall_step)
        if wall_step > step and DAY % wall_step == 0:
            step = wall_step
        yield from _opening_hours(keys, wall, step)
    if _may_be_filled(keys, spacing, step):
        if keys.kind in ("datetime", "timedelta"):
            yield _step_grid(keys, _offset_of(step), step)
        else:
            yield StepGrid(step, step, Clock())


def _mean_step(keys: Keys) -> Iterator[Grid]:
    """The grid of floats, and of times that a step of no whole number was rounded to."""
    spacing = _spacings(keys, keys.time)
    if not len(spacing) or keys.kind.startswith("period"):
        return
    regular = spacing[spacing < 1.5 * spacing.min()].mean()
    step = float(spacing.sum() / np.rint(spacing / regular).sum())
    if _may_be_filled(keys, spacing, step) and (keys.kind == "number" or step < DAY):
        name = step if keys.kind == "number" else _name(_offset_of(round(step)))
        yield StepGrid(name, step, Clock(), _first(keys, keys.time))


def _calendars(keys: Keys, wall: np.ndarray, spacing: np.ndarray, step: int) -> Iterator[Grid]:
    """Months, business days and days on the wall clock, where all rows fit."""
    import pandas as pd

    offset: Any
    days = pd.DatetimeIndex(np.unique(wall // DAY * DAY).astype("datetime64[ns]"))
    if spacing.min() >= 28 * DAY:
        month = days.year.to_numpy() * 12 + days.month.to_numpy()
        n_months = max(int(np.gcd.reduce(np.diff(month))), 1)
        for name in ("MS", "ME", "BMS", "BME"):
            offset = pd.tseries.frequencies.to_offset(name)
            if all(offset.is_on_offset(day) for day in days):
                yield _grid_of_step(keys, n_months * offset, own=False)
    dates = days.to_numpy().astype("datetime64[D]")
    if step == DAY:
        weekdays = _open_weekdays(keys, wall)
        if 1 < len(weekdays) < 7 and _are_open(keys, wall, weekdays, 1) and weekdays.tolist() != list(range(5)):
            yield _grid_of_step(keys, pd.offsets.CustomBusinessDay(weekmask=_mask(weekdays)), own=False)
    if spacing.min() < spacing.max() and step % (7 * DAY) and np.is_busday(dates).all():
        n_days = int(np.gcd.reduce(np.diff(np.busday_count(np.datetime64(0, "D"), dates))))
        yield _grid_of_step(keys, pd.offsets.BusinessDay(n_days), own=False)
    weekly = step == 7 * DAY
    offset = pd.offsets.Week(weekday=days[0].weekday()) if weekly else pd.offsets.Day(step // DAY)
    yield _step_grid(keys, offset, step)


def _opening_hours(keys: Keys, wall: np.ndarray, step: int) -> Iterator[Grid]:
    """Whole hours of the day, and days of the week, outside of which no row lies."""
    import pandas as pd

    within = wall % DAY
    first, n_steps = int(within.min()), int((within.max() - within.min()) // step) + 1
    night = keys.zone is not None and first < 4 * HOUR  # in which the clock changes
    if step % HOUR or DAY % step or n_steps * step >= DAY or first % (HOUR // 60) or night:
        return
    weekdays = _open_weekdays(keys, wall)
    if len(np.unique(wall // DAY)) >= _TELLING and _are_open(keys, wall, weekdays, n_steps):
        start, end = (f"{at // HOUR % 24:02}:{at % HOUR // (HOUR // 60):02}" for at in (first, first + n_steps * step))
        offset: Any = pd.offsets.CustomBusinessHour
        offset = offset(step // HOUR, start=start, end=end, weekmask=_mask(weekdays))
        yield _grid_of_step(keys, offset, own=False)


def _open_weekdays(keys: Keys, wall: np.ndarray) -> np.ndarray:
    """The days of the week that hold rows, from Monday = 0; all of them if the weeks are too few to tell."""
    first, last = _ends(keys, wall // DAY)
    return np.unique((wall // DAY + 3) % 7) if np.sum((last - first + 1) // 7) >= _TELLING else np.arange(7)


def _are_open(keys: Keys, wall: np.ndarray, weekdays: np.ndarray, n_steps: int) -> bool:
    """Whether nearly all steps of the days of the week hold rows."""
    first, last = _ends(keys, wall // DAY)
    dates = np.busday_count(first.astype("datetime64[D]"), (last + 1).astype("datetime64[D]"), weekmask=_mask(weekdays))
    return bool(len(_spacings(keys, wall)) + len(first) >= _OPEN_SHARE * n_steps * dates.sum())


def _mask(weekdays: np.ndarray) -> str:
    """Days of the week as numpy and pandas write them."""
    return " ".join(_WEEKDAYS[weekdays])


def _ends(keys: Keys, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last time of each series that has rows."""
    order = np.lexsort((time, keys.series))
    begin = np.flatnonzero(np.diff(keys.series[order], prepend=-1))
    return time[order[begin]], time[order[np.append(begin[1:], len(order)) - 1]]


def _spacings(keys: Keys, time: np.ndarray) -> np.ndarray:
    """Distances between consecutive distinct times of each series."""
    series = keys.series
    if len(keys.labels) > 1 or np.any(time[1:] < time[:-1]):
        order = np.lexsort((time, series))
        series, time = series[order], time[order]
    spacing = np.diff(time)
    return np.asarray(spacing[(spacing > 0) & (series[1:] == series[:-1])])


def _may_be_filled(keys: Keys, spacing: np.ndarray, step: float) -> bool:
    """Whether a step leaves enough of its grid filled; cheaper than ``_fill``."""
    return bool(spacing.sum() / step * _FILLED <= len(spacing) + len(keys.labels))


def _fill(grid: Grid, keys: Keys) -> float:
    """Share of the grid that is filled; 0 if rows lie off the grid or in one place."""
    phase = grid.phases(keys.time, keys.series, len(keys.labels))
    position, fits = grid.place(keys.time, phase[keys.series])
    spacing = _spacings(keys, position)
    if not fits.all() or len(spacing) < len(_spacings(keys, keys.time)):
        return 0.0
    n_series = len(np.unique(keys.series))
    return float((len(spacing) + n_series) / (spacing.sum() + n_series))


def _first(keys: Keys, time: np.ndarray) -> Any:
    """The first known time, as a plain number."""
    return time[keys.known].min().item() if keys.known.any() else 0


def _offset_of(step: int) -> Any:
    """A span in nanoseconds as a pandas offset."""
    import pandas as pd

    return pd.tseries.frequencies.to_offset(pd.Timedelta(step, unit="ns"))


def _name(offset: Any) -> Any:
    """What pandas writes for an offset, or the offset itself if that does not say all of it."""
    from pandas.tseries.frequencies import to_offset

    try:
        return offset.freqstr if to_offset(offset.freqstr) == offset else offset
    except ValueError:
        return offset
