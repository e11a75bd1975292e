"""Time grids: from times to whole positions, so that a step is found by arithmetic and a hole keeps its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import add
from typing import Any

import numpy as np

from skrnn._windows.clock import DAY, HOUR, Clock

TOLERANCE = 0.01  # of one step
_BEFORE_ALL = np.datetime64(-110_000, "D")  # before the first day that nanoseconds can tell
_ROUND = (DAY, HOUR, HOUR // 60, *(10**k for k in range(10, 0, -1)))
MONTHS = {  # pandas offsets that are whole months, and how many
    f"{prefix}{name}{end}": months
    for name, months, prefixes in (
        ("Month", 1, ("", "Business", "CustomBusiness")),
        ("Quarter", 3, ("", "B")),
        ("Year", 12, ("", "B")),
    )
    for prefix in prefixes
    for end in ("Begin", "End")
}


@dataclass(frozen=True)
class Grid(ABC):
    """A regular grid of times.

    A grid measures times in a way in which its steps are all ``step`` long. The rows of one series lie on it if
    their measures leave the same remainder, the phase of the series, up to a hundredth of a step.
    """

    name: Any  # what ``freq_`` shows: a pandas frequency, a number or a pandas offset
    step: int | float
    clock: Clock

    @property
    def tolerance(self) -> float:
        """How far a time may lie from its step: a hundredth of it, but no more than an hour."""
        return min(TOLERANCE * self.step, HOUR)

    @abstractmethod
    def _measure(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray | bool]:
        """Measure of what the clock shows, and whether the grid has steps there."""

    @abstractmethod
    def _steps_after(self, number: np.ndarray, n: int) -> np.ndarray:
        """What the clock shows at the next n steps."""

    def phases(self, time: np.ndarray, series: np.ndarray, n_series: int) -> np.ndarray:
        """The phase of each series: the roundest one to which its rows are close."""
        measure, _ = self._measure(self.clock.read(time))
        rest = measure % self.step
        phase = np.zeros(n_series, dtype=rest.dtype)
        phase[series] = rest
        apart = around_zero(rest - phase[series], self.step)
        if np.any(apart != 0):
            order = np.argsort(series, kind="stable")
            labels, begin = np.unique(series[order], return_index=True)
            for label, rows in zip(labels, np.split(order, begin[1:]), strict=True):
                phase[label] = self._roundest(phase[label], apart[rows])
        return phase

    def phase_of(self, time: int) -> Any:
        """The phase of a series of one row."""
        return self.phases(np.array([time]), np.zeros(1, dtype=np.int32), 1)[0]

    def place(self, time: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position of each time on the grid of its phase, and whether it lies there.

        On a clock on the wall, a time of the day that is missing when the clock is put forward is looked for within
        as much time around it as is missing, at least an hour. Where ``fit`` has seen no change of the clock, steps
        that are equal in UTC are taken as well.
        """
        position, fits = self._place(self.clock, time, phase)
        rest, other = np.flatnonzero(~fits), self.clock.other()
        if len(rest) and other is not None:
            position[rest], fits[rest] = self._place(other, time[rest], phase[rest])
        return position, fits

    def following(self, time: int, phase: Any, n: int) -> np.ndarray:
        """The times of the next n steps."""
        at, phases = np.array([time]), np.array([phase])
        other = self.clock.other()
        clock = self.clock if other is None or self._place(self.clock, at, phases)[1] else other
        position, _ = self._place(clock, at, phases)
        number = clock.read(at)
        exact = number + (phases + position * self.step - self._measure(number)[0])
        return clock.time(self._steps_after(exact, n))

    def _place(self, clock: Clock, time: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions, and whether the times lie there, by one clock."""
        position, fits = self._nearest(clock, time, phase)
        rest = np.flatnonzero(~fits)
        if len(rest) and clock.zone is not None and not clock.even:
            position[rest], fits[rest] = self._missing(clock, time[rest], phase[rest])
        return position, fits

    def _nearest(self, clock: Clock, time: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest position, and whether it is near enough, by one clock."""
        measure, on = self._measure(clock.read(time))
        measure = measure - phase
        position, rest = np.divmod(measure, self.step)
        del measure  # of all rows, as what follows
        up = 2 * rest > self.step
        np.subtract(self.step, rest, out=rest, where=up)  # the distance from the nearest position
        position = position.astype(np.int64, copy=False)
        position += up
        return position, on & (rest <= self.tolerance)

    def _missing(self, clock: Clock, time: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of times in place of one that the clock on the wall leaves out, and whether there is one."""
        begin, end = clock.left_out(time)
        (low, on), (high, _), (measure, _) = (self._measure(number) for number in (begin, end, clock.read(time)))
        position = -((phase - low) // self.step)
        point = phase + position * self.step
        # pandas shifts by up to an hour where half an hour is left out
        fits = (point < high) & (np.abs(measure - point) <= np.maximum(end - begin, HOUR)) & on
        return position.astype(np.int64), fits

    def _roundest(self, phase: Any, apart: np.ndarray) -> Any:
        """The phase near the middle of some rows, which lie ``apart`` from the given one."""
        width = self.tolerance
        near = apart[np.abs(apart - np.sort(apart)[len(apart) // 2]) <= width]
        low, high = max(near.min(), near.max() - width), min(near.max(), near.min() + width)
        if apart.dtype.kind == "f":
            return phase + min(max(0, low), high)
        low, high = phase + int(np.ceil(low)), phase + int(np.floor(high))
        return next((high // unit * unit for unit in _ROUND if high // unit * unit >= low), high) % self.step


@dataclass(frozen=True)
class StepGrid(Grid):
    """Equal steps: a number, a span of time, or days and hours of the clock on the wall."""

    origin: int | float = 0

    def _measure(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray | bool]:
        return number - self.origin, True

    def _steps_after(self, number: np.ndarray, n: int) -> np.ndarray:
        steps = self.step * np.arange(1, n + 1)
        return number + (steps if number.dtype.kind == "f" else np.rint(steps).astype(np.int64))


@dataclass(frozen=True)
class OffsetGrid(Grid):
    """Steps of a pandas offset."""

    offset: Any

    def _steps_after(self, number: np.ndarray, n: int) -> np.ndarray:
        import pandas as pd

        stamps = accumulate(repeat(self.offset, n), add, initial=pd.Timestamp(int(number[0])))
        return np.array([stamp.value for stamp in stamps])[1:]  # date_range may stop too early


@dataclass(frozen=True)
class CalendarGrid(OffsetGrid):
    """Dates that do not lie equally far apart: business days, months, quarters, years, others."""

    origin: int  # nanoseconds on the wall clock, a first time

    def _measure(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray | bool]:
        measure, on = self._measure_in(number // DAY, number)
        rest = np.flatnonzero(~on)
        if len(rest):  # just before midnight, of the next day
            day = (number[rest] + int(TOLERANCE * DAY)) // DAY
            measure[rest], on[rest] = self._measure_in(day, number[rest])
        return measure, on

    def _measure_in(self, day: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The measure of times, counted from given days, and whether these belong to the calendar."""
        dates, where = np.unique(day, return_inverse=True)
        ordinal, on = self._ordinals(dates.astype("datetime64[D]"))
        return ordinal[where] * DAY + (number - day * DAY), on[where]

    def _ordinals(self, dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number of each date in the calendar, and whether it belongs to it."""
        import pandas as pd

        base = self.offset.base
        if isinstance(base, pd.offsets.BusinessDay):
            calendar = getattr(base, "calendar", None) or np.busdaycalendar()
            ordinal = np.busday_count(_BEFORE_ALL, dates, busdaycal=calendar)
            return ordinal, np.is_busday(dates, busdaycal=calendar)
        stamps = pd.DatetimeIndex(dates.astype("datetime64[ns]"))
        if months := MONTHS.get(type(base).__name__):
            month = dates.astype("datetime64[M]")
            if hasattr(base, "calendar"):  # of a custom month, which is slow to ask
                at_end = type(base).__name__.endswith("End")
                first = (month + at_end).astype("datetime64[D]")
                on = np.busday_offset(first, -int(at_end), roll="forward", busdaycal=base.calendar) == dates
            else:
                on = np.array([base.is_on_offset(stamp) for stamp in stamps], dtype=bool)
            return month.astype(np.int64) // months, on
        origin = pd.Timestamp(self.origin).normalize()
        days = pd.date_range(min(origin, stamps[0]), max(origin, stamps[-1]), freq=base).to_numpy()
        days = days.astype("datetime64[D]")
        ordinal = np.searchsorted(days, dates)
        on = np.append(days, np.datetime64("NaT"))[ordinal] == dates
        return ordinal - np.searchsorted(days, origin.to_datetime64().astype("datetime64[D]")), on


@dataclass(frozen=True)
class OpeningGrid(OffsetGrid):
    """Equal steps of opening hours: those of a pandas ``BusinessHour`` or ``CustomBusinessHour``."""

    def _measure(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray | bool]:
        opens, closes = (np.array([_of_day(time) for time in of]) for of in (self.offset.start, self.offset.end))
        length = (closes - opens) % DAY
        calendar = getattr(self.offset, "calendar", None) or np.busdaycalendar()
        slack = int(TOLERANCE * self.step)
        day, within = np.divmod(number - opens[0] + slack, DAY)  # an opening after midnight is one of the day before
        dates, where = np.unique(day, return_inverse=True)
        dates = dates.astype("datetime64[D]")
        ordinal = np.busday_count(_BEFORE_ALL, dates, busdaycal=calendar)[where]
        on = np.is_busday(dates, busdaycal=calendar)[where]
        since = within[:, None] - (opens - opens[0])  # (time, opening)
        open_time = np.where(on, np.clip(since - slack, 0, length).sum(axis=1), 0)
        on &= np.any((since >= 0) & (since - slack < length), axis=1)
        return ordinal * length.sum() + open_time, on


@dataclass(frozen=True)
class WalkGrid(OffsetGrid):
    """Steps of which each depends on the one before: the same day of each month, say."""

    origin: int  # nanoseconds on the wall clock, a first time

    def _measure(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray | bool]:
        import pandas as pd

        start = pd.Timestamp(self.origin)
        before, after = [start - self.offset], [start]
        while before[-1].value > number.min(initial=self.origin):
            before.append(start - (len(before) + 1) * self.offset)
        while after[-1].value <= number.max(initial=self.origin):
            after.append(after[-1] + self.offset)
        points = pd.DatetimeIndex([*before[::-1], *after]).as_unit("ns").asi8
        right = np.searchsorted(points, number, side="right")
        nearest = right - (number - points[right - 1] < points[right] - number)
        apart = np.clip(number - points[nearest], -DAY // 4, DAY // 4)
        return (nearest - len(before)) * DAY + apart, True


def _of_day(time: Any) -> int:
    """Nanoseconds since midnight."""
    return int(((time.hour * 60 + time.minute) * 60 + time.second) * 1_000_000_000)


def around_zero(distance: np.ndarray, step: float) -> np.ndarray:
    """What is left of distances without whole steps, in -step / 2 ... step / 2."""
    rest = distance % step
    return np.where(2 * rest > step, rest - step, rest)
