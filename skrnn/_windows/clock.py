"""The clock that the times of a grid are read from: that of a zone, whose hours are put forward and back, or UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

HOUR = 3_600_000_000_000  # nanoseconds
DAY = 24 * HOUR
_NEAR = 3 * HOUR  # no clock is put forward by more, but for whole days


@dataclass(frozen=True)
class Clock:
    """Where equal steps are read.

    ``zone`` is the time zone, None for times without one and for numbers. ``even`` tells whether steps are equal in
    UTC, like every six hours of pandas, rather than on the clock on the wall. ``offset`` is the difference between
    the two for the training rows, in nanoseconds, if it is one and the same for all of them: then nothing tells which
    of the two is meant, and later rows may follow either.
    """

    zone: Any = None
    even: bool = False
    offset: int | None = None

    @classmethod
    def of(cls, zone: Any, time: np.ndarray, *, even: bool = False) -> Clock:
        """The clock of a zone, with the offset that the given times share."""
        if zone is None or not len(time):
            return cls(zone, even)
        offset = np.unique(wall_clock(time, zone) - time)
        return cls(zone, even, int(offset[0]) if len(offset) == 1 else None)

    def read(self, time: np.ndarray) -> np.ndarray:
        """Times of keys as numbers in which steps are equal: nanoseconds, of the clock on the wall if there is one."""
        if self.zone is None:
            return time
        return time + (self.offset or 0) if self.even else wall_clock(time, self.zone)

    def time(self, number: np.ndarray) -> np.ndarray:
        """The inverse of ``read``. A missing time of the day is the next one there is; of two equal ones the first."""
        import pandas as pd

        if self.zone is None:
            return number
        if self.even:
            return np.asarray(number - (self.offset or 0))
        stamps = pd.DatetimeIndex(number.astype("datetime64[ns]"))
        first = np.ones(len(stamps), dtype=bool)
        zoned = stamps.tz_localize(self.zone, ambiguous=first, nonexistent="shift_forward")
        return np.asarray(zoned.as_unit("ns").asi8)

    def other(self) -> Clock | None:
        """The other reading of the training rows; None if they tell which it is."""
        return None if self.zone is None or self.offset is None else replace(self, even=not self.even)

    def left_out(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Begin and end, on the wall, of the hour that is left out near each time; equal where there is none."""
        low, high = time - _NEAR, time + _NEAR
        old, new = (wall_clock(bound, self.zone) - bound for bound in (low, high))
        near = np.flatnonzero(new > old)
        low, high = low[near], high[near]
        while np.any(high - low > 1):
            middle = low + (high - low) // 2
            before = wall_clock(middle, self.zone) - middle == old[near]
            low, high = np.where(before, middle, low), np.where(before, high, middle)
        begin = np.zeros_like(time)
        end = begin.copy()
        begin[near], end[near] = high + old[near], high + new[near]
        return begin, end


def wall_clock(time: np.ndarray, zone: Any) -> np.ndarray:
    """Nanoseconds of UTC as nanoseconds that a clock on the wall in ``zone`` shows."""
    import pandas as pd

    if zone is None:
        return time
    stamps = pd.DatetimeIndex(pd.to_datetime(time, unit="ns", utc=True))
    return np.asarray(stamps.tz_convert(zone).tz_localize(None).as_unit("ns").asi8)
