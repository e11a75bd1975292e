"""The time grid: from keys to whole positions, so that a step is found by arithmetic and a hole keeps its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skrnn._history.keys import Keys, wall_clock

_DAY = 86_400_000_000_000  # nanoseconds
_FLOAT_TOLERANCE = 0.01  # of one step
_MONTHS = {  # pandas offsets that are whole months, and how many
    f"{prefix}{name}{end}": months
    for name, months, prefixes in (
        ("Month", 1, ("", "Business")),
        ("Quarter", 3, ("", "B")),
        ("Year", 12, ("", "B")),
    )
    for prefix in prefixes
    for end in ("Begin", "End")
}


class Grid(Protocol):
    """Places of keys on a regular grid."""

    @property
    def name(self) -> str | float: ...

    def positions(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position of each time, and its phase: rows of one series lie on the grid if their phases are equal.

        The phase is -1 where a time lies on no grid of this kind.
        """


@dataclass(frozen=True)
class StepGrid:
    """Equal steps: a number, a time span or, with a zone, whole days on the wall clock of that zone."""

    name: str | float
    step: int | float
    origin: float | None = None  # of times that are no whole numbers
    zone: str | None = None

    def positions(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.origin is None:
            position, phase = np.divmod(wall_clock(time, self.zone), self.step)
            whole = phase == np.floor(phase)
        else:
            ratio = (time - self.origin) / self.step
            position, phase = np.rint(ratio), np.zeros(len(time))
            whole = np.abs(ratio - position) <= _FLOAT_TOLERANCE
        return position.astype(np.int64, copy=False), np.where(whole, phase, -1).astype(np.int64, copy=False)


@dataclass(frozen=True)
class CalendarGrid:
    """Steps of a pandas offset that are not of equal length: business days, months, quarters, years, others."""

    name: str
    origin: int  # nanoseconds on the wall clock, on the offset
    zone: str | None = None

    def positions(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from pandas.tseries.frequencies import to_offset

        offset: Any = to_offset(self.name)
        ordinal, on_offset, within = self._ordinals(wall_clock(time, self.zone), offset.base)
        position, phase = np.divmod(ordinal, offset.n)
        return position, np.where(on_offset, phase * _DAY + within, -1)

    def _ordinals(self, wall: np.ndarray, base: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Number of each time in the calendar, whether it lies on the offset, and the time of day."""
        import pandas as pd

        within = wall % _DAY
        days = wall.astype("datetime64[ns]").astype("datetime64[D]")
        if type(base) is pd.offsets.BusinessDay:
            return np.busday_count(np.datetime64(0, "D"), days), np.is_busday(days), within
        if months := _MONTHS.get(type(base).__name__):
            day, where = np.unique(days, return_inverse=True)
            on_offset = np.array([base.is_on_offset(stamp) for stamp in pd.DatetimeIndex(day)], dtype=bool)
            return days.astype("datetime64[M]").astype(np.int64) // months, on_offset[where], within
        ends = pd.to_datetime([min(self.origin, wall.min()), max(self.origin, wall.max())], unit="ns")
        known = pd.date_range(ends[0], ends[1], freq=base).as_unit("ns").asi8
        ordinal = np.searchsorted(known, wall)
        on_offset = known[np.minimum(ordinal, len(known) - 1)] == wall
        return ordinal - np.searchsorted(known, self.origin), on_offset, np.zeros_like(wall)


def find_grid(keys: Keys, freq: str | float | None) -> Grid | None:
    """Find the grid of the keys of ``fit``.

    Parameters
    ----------
    keys : Keys
        Keys of the training rows.
    freq : {"auto"}, str, number or None
        A pandas offset, a number of the key's unit, or how to find it: "auto" takes the index's own
        frequency, else a calendar (business days, months) or one step that all rows share, if at least half of
        that grid is filled.

    Returns
    -------
    grid : Grid or None
        None if there is no regular grid.
    """
    if freq is None or keys.kind == "block":
        return None
    step = _given_step(keys, freq)
    if step is not None:
        return _grid_of_step(keys, step)
    for grid in _candidates(keys):
        position, phase = grid.positions(keys.time)
        if _is_filled(keys, position, phase):
            return grid
    return None


def _given_step(keys: Keys, freq: str | float) -> Any:
    """The step that the user or the index tells, as a number or a pandas offset; None if neither does."""
    if isinstance(freq, str) and freq == "auto":
        backwards = keys.freq is not None and keys.freq.n < 0  # an index from the newest to the oldest row
        return -1 * keys.freq if backwards else keys.freq
    if keys.kind == "number":
        if isinstance(freq, str):
            raise ValueError(f"freq={freq!r} needs an index of datetimes or timedeltas, but the keys of X are numbers.")
        return freq
    if not isinstance(freq, str):
        raise ValueError(f"freq={freq!r} needs keys that are numbers, but the keys of X are of kind {keys.kind!r}.")
    import pandas as pd

    if keys.kind.startswith("period"):
        if freq != keys.kind[7:-1]:
            raise ValueError(f"freq={freq!r} differs from the frequency of the period index, {keys.kind[7:-1]!r}.")
        return keys.freq
    try:
        offset = pd.tseries.frequencies.to_offset(freq)
    except ValueError as error:
        raise ValueError(f"freq={freq!r} is not a pandas frequency such as 'h', '15min', 'D', 'B' or 'MS'.") from error
    if offset.n < 1:
        raise ValueError(f"freq={freq!r} must go forward in time.")
    if keys.kind == "timedelta" and not isinstance(offset, pd.offsets.Tick | pd.offsets.Day):
        raise ValueError(f"freq={freq!r} is no span of time, which an index of timedeltas needs.")
    return offset


def _grid_of_step(keys: Keys, step: Any) -> Grid:
    """Grid of a number or of a pandas offset."""
    import pandas as pd

    if isinstance(step, int | float | np.number):
        number = int(step) if float(step).is_integer() else float(step)
        whole = keys.time.dtype.kind == "i" and isinstance(number, int)
        origin = None if whole else float(keys.time[keys.known].min() if keys.known.any() else 0)
        return StepGrid(number, number, origin)
    if keys.kind.startswith("period"):
        return StepGrid(keys.kind[7:-1], step.n)
    if isinstance(step, pd.offsets.Day | pd.offsets.Week):
        days = step.n * (7 if isinstance(step, pd.offsets.Week) else 1)
        return StepGrid(step.freqstr, days * _DAY, zone=keys.zone)
    if isinstance(step, pd.offsets.Tick):
        return StepGrid(step.freqstr, pd.Timedelta(step).as_unit("ns").value)
    wall = wall_clock(keys.time, keys.zone)
    return CalendarGrid(step.freqstr, int(wall[keys.known].min()) if keys.known.any() else 0, keys.zone)


def _candidates(keys: Keys) -> Iterator[Grid]:
    """Grids that the keys may lie on, the most telling first."""
    if keys.kind == "datetime":
        yield from _calendars(keys)
    spacing = _spacings(keys, keys.time)
    if not len(spacing):
        return
    if spacing.dtype.kind == "i":
        step = int(np.gcd.reduce(spacing))
        yield StepGrid(_step_name(keys, step), step)
    else:
        shortest = spacing.min()
        step = spacing.sum() / np.rint(spacing / shortest).sum()
        yield StepGrid(float(step), float(step), float(keys.time[keys.known].min()))


def _calendars(keys: Keys) -> Iterator[Grid]:
    """Months, business days and days on the wall clock, where all rows fit."""
    import pandas as pd

    wall = wall_clock(keys.time, keys.zone)
    spacing = _spacings(keys, wall)
    if not len(spacing) or np.any(spacing % _DAY):
        return
    days = pd.DatetimeIndex(np.unique(wall[keys.known] // _DAY * _DAY).astype("datetime64[ns]"))
    origin = int(wall[keys.known].min())
    if spacing.min() >= 28 * _DAY:
        month = days.year.to_numpy() * 12 + days.month.to_numpy()
        step = max(int(np.gcd.reduce(np.diff(month))), 1)
        for name in ("MS", "ME", "BMS", "BME"):
            offset = pd.tseries.frequencies.to_offset(name)
            if all(offset.is_on_offset(day) for day in days):
                yield CalendarGrid(name if step == 1 else f"{step}{name}", origin, keys.zone)
    dates = days.to_numpy().astype("datetime64[D]")
    step = int(np.gcd.reduce(spacing))
    if spacing.min() < spacing.max() and step % (7 * _DAY) and np.is_busday(dates).all():
        n_days = int(np.gcd.reduce(np.diff(np.busday_count(np.datetime64(0, "D"), dates))))
        yield CalendarGrid("B" if n_days == 1 else f"{n_days}B", origin, keys.zone)
    weekly = step == 7 * _DAY
    offset = pd.offsets.Week(weekday=days[0].weekday()) if weekly else pd.offsets.Day(step // _DAY)
    yield StepGrid(offset.freqstr, step, zone=keys.zone)


def _step_name(keys: Keys, step: int) -> str | int:
    """A step as pandas writes it."""
    import pandas as pd

    if keys.kind in ("datetime", "timedelta"):
        return str(pd.tseries.frequencies.to_offset(pd.Timedelta(step, unit="ns")).freqstr)
    return step


def _spacings(keys: Keys, time: np.ndarray) -> np.ndarray:
    """Distances between consecutive distinct times of each series."""
    series, time = keys.series[keys.known], time[keys.known]
    if len(keys.labels) > 1 or np.any(time[1:] < time[:-1]):
        order = np.lexsort((time, series))
        series, time = series[order], time[order]
    spacing = np.diff(time)
    return spacing[(spacing > 0) & (series[1:] == series[:-1])]


def _is_filled(keys: Keys, position: np.ndarray, phase: np.ndarray) -> bool:
    """Whether all rows lie on the grid and fill at least half of it."""
    series, phase = keys.series[keys.known], phase[keys.known]
    of_series = np.zeros(len(keys.labels), dtype=phase.dtype)
    of_series[series] = phase
    if np.any((phase < 0) | (phase != of_series[series])):
        return False
    spacing = _spacings(keys, position)
    n_series = len(np.unique(series))
    n_distinct = len(spacing) + n_series
    return 2 * n_distinct >= int(spacing.sum()) + n_series
