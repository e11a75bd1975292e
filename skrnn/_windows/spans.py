"""Spans of time in the unit of an axis: steps of its grid, or without one the numbers that its keys are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import numpy as np

from skrnn._validation import plain
from skrnn._windows.axis import Axis
from skrnn._windows.clock import DAY
from skrnn._windows.grid import MONTHS, TOLERANCE, OffsetGrid
from skrnn._windows.memory import ELAPSED

_ROUNDING = 1e-9  # of a distance


def plain_span(span: Any) -> Any:
    """A parameter as Python's own type; NumPy takes its spans of time for whole numbers."""
    return span if isinstance(span, np.timedelta64) else plain(span)


def whole_steps(span: Any, axis: Axis, parameter: str) -> int:
    """How many steps of the grid a span is, which must be a whole number; a whole number already is one.

    Raises
    ------
    ValueError
        If there is no grid, or if the span is no whole number of its steps.
    """
    if isinstance(span, int):
        return span
    if axis.grid is None:
        raise ValueError(
            f"{parameter}={span!r} is a span of time, which needs a time grid, but the rows of X lie on none "
            f"(freq_=None). Give {parameter} as a number of rows, or set freq."
        )
    steps = _in_steps(span, axis, parameter)
    if abs(steps - round(steps)) > TOLERANCE or round(steps) < 1:
        raise ValueError(
            f"{parameter}={span!r} is {steps:.6g} steps of the time grid (freq_={axis.freq!r}), but must be a whole "
            "number of them, at least one."
        )
    return round(steps)


def longest_gap(span: Any, axis: Axis, parameter: str) -> int | float | None:
    """The longest distance between neighbours, in the unit of the places of rows; None for None.

    Raises
    ------
    ValueError
        If the rows have no times, or if the span is shorter than a step of the grid.
    """
    if span is None:
        return None
    if axis.kind == "block":
        raise ValueError(
            f"{parameter}={span!r} needs the times of the rows, but X carries no key. Pass a data frame whose index is "
            "the time, or name a time_column."
        )
    if axis.grid is None:
        return _length(span, axis, parameter)
    steps = _in_steps(span, axis, parameter) + TOLERANCE
    if steps < 1:
        raise ValueError(
            f"{parameter}={span!r} is shorter than a step of the time grid (freq_={axis.freq!r}), so that every window "
            "would end at its newest step."
        )
    return int(steps)


def unit_of_elapsed(axis: Axis, labels: Sequence[Any]) -> int:
    """How many units of places make one of the channel of elapsed time: seconds of dates, or what keys count.

    Raises
    ------
    ValueError
        If rows have no times or lie on a grid, or if one of the ``labels`` of columns is the name of this channel.
    """
    if axis.kind == "block":
        raise ValueError(
            "elapsed=True needs the times of the rows, but X carries no key. Pass a data frame whose index is the "
            "time, or name a time_column."
        )
    if axis.grid is not None:
        raise ValueError(
            f"elapsed=True is for rows that are taken in order, but those of X lie on a time grid "
            f"(freq_={axis.freq!r}): its steps are of one length. Set freq=None, or leave elapsed out."
        )
    if ELAPSED in labels:
        raise ValueError(f"elapsed=True adds a channel named {ELAPSED!r}, but X has a column of this name. Rename it.")
    return 10**9 if axis.kind in ("datetime", "timedelta") else 1


def _in_steps(span: Any, axis: Axis, parameter: str) -> float:
    """How many steps of the grid a span is."""
    assert axis.grid is not None
    read = _read(span, axis.kind, parameter)
    if axis.kind == "number":
        return float(read / axis.grid.step)
    step = _amount(axis.grid.offset) if isinstance(axis.grid, OffsetGrid) else _unit(axis.kind, axis.grid.step)
    asked = _amount(read)
    if asked is None or step is None or asked[0] != step[0]:
        raise ValueError(
            f"{parameter}={span!r} cannot be counted in steps of the time grid (freq_={axis.freq!r}). Give a span of "
            'its own steps, such as "5B" for business days or "3MS" for months'
            + (", or the number of steps." if parameter == "window_size" else ", or set freq=None.")
        )
    return float(asked[1] / step[1])


def _length(span: Any, axis: Axis, parameter: str) -> int | float:
    """A span in the unit of the keys."""
    read = _read(span, axis.kind, parameter)
    if axis.kind == "number":
        return read if isinstance(read, int) else read * (1 + _ROUNDING)
    asked = _amount(read)
    unit = _unit(axis.kind)
    if asked is None or unit is None or asked[0] != unit[0]:
        raise ValueError(f"{parameter}={span!r} is no span of time that keys of kind {axis.kind!r} can be measured in.")
    return asked[1] / unit[1]


def _read(span: Any, kind: str, parameter: str) -> Any:
    """A span as a number, where keys are numbers, else as a pandas offset."""
    is_number = isinstance(span, int | float)
    if (kind == "number") != is_number:
        needed = "a number" if kind == "number" else 'a span of time such as "3h"'
        raise ValueError(f"{parameter}={span!r} must be {needed}, as the keys of X are of kind {kind!r}.")
    if is_number:
        return span
    try:
        return _offset(span, kind)
    except (TypeError, ValueError):
        raise ValueError(f'{parameter}={span!r} is no span of time such as "3h", "7D" or "1h30min".') from None


def _offset(span: Any, kind: str) -> Any:
    """A text, a timedelta or an offset as a pandas offset."""
    import pandas as pd

    if isinstance(span, timedelta | np.timedelta64):
        return pd.tseries.frequencies.to_offset(pd.Timedelta(span))
    if isinstance(span, str) and kind.startswith("period"):
        with suppress(ValueError):  # "M" is a period, "ME" its end
            return pd.Period("2000", freq=span).freq
    try:
        return pd.tseries.frequencies.to_offset(span)
    except ValueError:
        return pd.tseries.frequencies.to_offset(pd.Timedelta(span))  # "1 day"


def _unit(kind: str, n: float = 1) -> tuple[str, float] | None:
    """What n of the numbers count that keys are: nanoseconds, or the periods of which theirs are made."""
    if not kind.startswith("period"):
        return "time", n
    offset = _offset(kind[7:-1], kind)
    amount = _amount(offset)
    return None if amount is None else (amount[0], amount[1] / offset.n * n)


def _amount(offset: Any) -> tuple[str, float] | None:
    """What an offset counts, and how many of them it is; None if its steps cannot be compared with others."""
    import pandas as pd

    if isinstance(offset, pd.offsets.Tick):
        return "time", pd.Timedelta(offset).as_unit("ns").value
    if isinstance(offset, pd.offsets.Day | pd.offsets.Week):
        return "time", offset.n * DAY * (7 if isinstance(offset, pd.offsets.Week) else 1)
    if isinstance(offset, pd.offsets.BusinessDay):  # CustomBusinessDay is one
        return "business days", offset.n
    if isinstance(offset, pd.offsets.BusinessHour):
        return "opening hours", offset.n
    months = MONTHS.get(type(offset.base).__name__)
    return None if months is None else ("months", months * offset.n)
