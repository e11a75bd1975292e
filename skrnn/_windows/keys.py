"""The key of a row: the series it belongs to and its time, as integers or floats that sort and subtract."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_COLUMN_HELP = (
    'Convert the column first, for instance X["time"] = pandas.to_datetime(X["time"]), with utc=True for times of '
    "several zones."
)
_INDEX_HELP = (
    "Use a pandas index of numbers, datetimes, timedeltas or periods, or name a column of X with time_column. "
    "pandas.to_datetime converts text and dates, with utc=True also times of several zones."
)


@dataclass(frozen=True)
class _NoTime:
    """Label of the series that a row without a time makes up alone."""

    row: int


@dataclass(frozen=True)
class Keys:
    """Keys of n rows.

    ``time`` holds int64 or float64 numbers of the unit that ``kind`` tells ("number", "datetime" and
    "timedelta" in nanoseconds, "period[...]" in ordinals). ``series`` are positions in ``labels``.
    ``known`` is False where a row came without a time. Rows of a series that lie in one place of the grid are the same.
    """

    time: np.ndarray  # (n,)
    series: np.ndarray  # (n,) int32
    labels: tuple[Hashable, ...]
    kind: str
    known: np.ndarray  # (n,) bool
    zone: Any = None  # the tzinfo of datetimes
    freq: Any = None  # the pandas offset of the index itself
    exact: bool = True  # equal keys stand for equal rows
    position: np.ndarray | None = None  # (n,) steps on the time grid, where ``Axis.placed`` has found one
    phase: np.ndarray | None = None  # (n,) offset of each row's series from the grid

    def __len__(self) -> int:
        return len(self.time)

    @property
    def place(self) -> np.ndarray:
        """What tells the rows of a series apart: the position on the grid, without one the time (n,)."""
        return self.time if self.position is None else self.position

    @property
    def steps(self) -> np.ndarray:
        """The position on the grid, without one the rank within the series (n,), of distinct keys in their order."""
        if self.position is not None:
            return self.position
        return np.arange(len(self)) - np.searchsorted(self.series, self.series)

    def take(self, rows: Any) -> Keys:
        """Keys of some rows."""
        parts = ("time", "series", "known", "position", "phase")
        return replace(self, **{name: part[rows] for name in parts if (part := getattr(self, name)) is not None})

    def isolated(self) -> Keys:
        """The same keys, where each row without a time is a series of its own: no history, in no other window."""
        lost = np.flatnonzero(~self.known)
        if not len(lost):
            return self
        series = self.series.copy()
        series[lost] = len(self.labels) + np.arange(len(lost))
        return replace(self, series=series, labels=(*self.labels, *(_NoTime(int(row)) for row in lost)))

    def describe(self, rows: np.ndarray, most: int = 3) -> str:
        """The keys of some rows, as the user wrote them."""
        shown = [self._show(int(row)) for row in rows[:most]]
        return ", ".join(shown) + (", ..." if len(rows) > most else "")

    def time_in_words(self, row: int) -> str:
        """The time of a row, as the user wrote it."""
        import pandas as pd

        time: Any = self.time[row]
        if self.kind == "datetime":
            time = pd.Timestamp(int(time), tz="UTC").tz_convert(self.zone) if self.zone else pd.Timestamp(int(time))
        elif self.kind == "timedelta":
            time = pd.Timedelta(int(time))
        elif self.kind.startswith("period"):
            time = pd.Period(ordinal=int(time), freq=self.kind[7:-1])
        return str(time)

    def _show(self, row: int) -> str:
        time, label = self.time_in_words(row), self.labels[self.series[row]]
        return time if label == () else f"{label}: {time}"


def block_keys(n_rows: int, groups: Any = None) -> Keys:
    """Keys of rows that carry no time: each series is one consecutive block in the order of its rows."""
    series, labels = _factorize(groups, n_rows)
    time = np.arange(n_rows)
    if len(labels) > 1:
        order = np.argsort(series, kind="stable")
        first = np.searchsorted(series[order], np.arange(len(labels)))
        time = np.empty(n_rows, dtype=np.int64)
        time[order] = np.arange(n_rows) - first[series[order]]
    return Keys(time, series, labels, "block", np.ones(n_rows, dtype=bool))


def read_keys(index: Any, times: Any = None, groups: Any = None, *, exact: bool = True) -> Keys | None:
    """Read the key of each row.

    Parameters
    ----------
    index : pandas.Index or None
        Index of the rows; None for a bare array.
    times : array-like or None
        Column of X that holds the time. It takes the place of the index.
    groups : array-like or None
        Column of X that names the series.
    exact : bool
        Whether equal keys are the same moment, so that they must stand for equal rows. In a bare array they may have
        been rounded.

    Returns
    -------
    keys : Keys or None
        None if there is neither an index nor a time column.
    """
    import pandas as pd

    if times is not None:
        time_index = plain_index(times)
    elif index is None:
        return None
    elif isinstance(index, pd.MultiIndex):
        _check_levels(index)
        time_index = plain_index(index.get_level_values(-1))
        outer = index.droplevel(-1)
        groups = outer if groups is None else list(zip(outer, groups, strict=True))
    else:
        time_index = plain_index(index)
    keys = _time_keys(time_index, where="index" if times is None else "time_column")
    series, labels = _factorize(groups, len(keys))
    return replace(keys, series=series, labels=labels, exact=exact)


def plain_index(times: Any) -> Any:
    """Times as an index of pandas' own types, where those of pyarrow stand for the same."""
    import pandas as pd

    index = pd.Index(times)
    if isinstance(index.dtype, pd.ArrowDtype) and index.dtype.kind in "mM":
        return (pd.DatetimeIndex if index.dtype.kind == "M" else pd.TimedeltaIndex)(index)
    return index


def _check_levels(index: Any) -> None:
    """In a MultiIndex the last level is the time."""
    dated = [level.dtype.kind in "mM" or str(level.dtype).startswith(("period", "datetime")) for level in index.levels]
    if any(dated) and not dated[-1]:
        level = dated.index(True)
        raise ValueError(
            f"The last level of a MultiIndex must be the time and the levels before it name the series, but level "
            f"{level} ({index.names[level]!r}) holds dates and the last ({index.names[-1]!r}) does not. "
            f"Reorder them with X.swaplevel({level}, -1)."
        )


def _time_keys(index: Any, where: str) -> Keys:
    """Keys of one series from an index of times."""
    import pandas as pd

    n_rows = len(index)
    series = np.zeros(n_rows, dtype=np.int32)
    freq = getattr(index, "freq", None)
    zone = getattr(index, "tz", None)
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        try:
            time, known = index.as_unit("ns").asi8, ~np.asarray(index.isna())
        except pd.errors.OutOfBoundsDatetime as error:
            raise ValueError(
                f"The {where} of X holds times that nanoseconds cannot tell ({error}). Use a PeriodIndex."
            ) from None
        kind = "datetime" if isinstance(index, pd.DatetimeIndex) else "timedelta"
    elif isinstance(index, pd.PeriodIndex):
        time, known, kind = index.asi8, ~np.asarray(index.isna()), f"period[{index.freqstr}]"
    elif index.dtype.kind in "iuf" or index.inferred_type in ("integer", "floating", "mixed-integer-float"):
        inexact = index.dtype.kind == "O" or index.hasnans
        time, known = _numbers(index.to_numpy(np.float64, na_value=np.nan) if inexact else index.to_numpy())
        kind = "number"
    else:
        raise TypeError(
            f"The {where} of X holds values of type {index.inferred_type!r} ({index[0]!r}, ...), which have no "
            f"distance in time. {_INDEX_HELP if where == 'index' else _COLUMN_HELP}"
        )
    time = time if known.all() else np.where(known, time, 0)
    return Keys(time, series, ((),), kind, known, zone, freq)


def _numbers(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers as int64 where all are whole, else as float64; and which of them are finite."""
    if time.dtype.kind in "iu":
        return time.astype(np.int64), np.ones(len(time), dtype=bool)
    time = time.astype(np.float64)
    known = np.isfinite(time)
    whole = np.where(known, time, 0.0)
    if np.all(np.abs(whole) < 2.0**53) and np.array_equal(whole, np.floor(whole)):
        time = whole.astype(np.int64)
    return time, known


def _factorize(groups: Any, n_rows: int) -> tuple[np.ndarray, tuple[Hashable, ...]]:
    """Number the series in the order of their first rows."""
    import pandas as pd

    if groups is None:
        return np.zeros(n_rows, dtype=np.int32), ((),)
    codes, labels = pd.factorize(pd.Index(groups), use_na_sentinel=False)
    return codes.astype(np.int32), tuple(_plain(label) for label in labels.tolist())


def _plain(label: Any) -> Hashable:
    """A label that equals itself in another process: NaN does not."""
    if isinstance(label, tuple):
        return tuple(_plain(part) for part in label)
    return None if label != label else label
