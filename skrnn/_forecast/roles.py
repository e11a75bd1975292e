"""Which columns of X are targets, which are known in advance, and what a forecast may not read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skrnn._forecast.parts import Parts
from skrnn._forecast.rows import Layout, Rows
from skrnn._forecast.sheet import Sheet
from skrnn._windows.table import Table


def named_targets(target: Any, frame: Any, layout: Layout) -> list[int] | None:
    """Positions of the columns of X that the user names as targets; None if there are none."""
    if target is None:
        return None
    places = Table(frame).positions(target, "target")
    keys = [place for place in places if place in layout.key_columns]
    if keys or not places or len(set(places)) < len(places):
        raise ValueError(f"target={target!r} must name one or several distinct columns of X that are no keys.")
    return places


def known_columns(parts: Parts, rows: Rows, future: Any) -> list[int]:
    """Positions of the columns of X that are known in advance: those that ``future`` names, else the window step.

    Of those that the window step names, the ones that steps in front make are no columns of X; see
    ``check_known_in_advance`` for what they are made of.
    """
    table, columns = Table(rows.frame), parts.memory.columns
    if future is not None:
        return table.positions(future, "future")
    if not columns.future.any():
        return []
    if columns.labels is None and parts.front and not rows.layout.is_array:
        raise ValueError(
            "future_columns counts the columns that come out of the steps in front. Name with future the columns of X "
            "that are known in advance."
        )
    names = columns.channels if columns.labels is None else columns.channel_names
    return [place for name in names[columns.future] if (place := table.find(name)) is not None]


def infer_targets(named: list[int] | None, rows: Rows, given: Sequence[int]) -> list[int] | None:
    """The targets that are named, else the only column that is not known in advance; None if there are several."""
    others = [i for i in rows.channels if i not in given]
    return named if named is not None or len(others) != 1 else others


def check_fed_back(rows: Rows, parts: Parts, steps: int, targets: Sequence[int] | None, given: Sequence[int]) -> None:
    """Refuse what would have to be invented: columns that are neither targets nor ``given`` in advance."""
    lacking = [i for i in rows.channels if i not in given]
    if lacking and not parts.horizon:
        raise ValueError(
            f"With horizon=0 a row is predicted from its own values, so that future must hold all columns of X, "
            f"but it lacks {rows.names(lacking)}. To forecast from the past alone, use horizon >= 1."
        )
    if steps <= parts.horizon or not parts.horizon:
        return
    lacking = [i for i in lacking if i not in (targets or ())]
    if is_classifier(parts.back):
        raise ValueError(
            f"Steps beyond the horizon ({steps} > {parts.horizon}) read earlier predictions as numbers, which labels "
            f"are not. Forecast no more than {parts.horizon} steps of a classifier, or raise horizon."
        )
    if targets is None:
        raise ValueError(
            f"Steps beyond the horizon ({steps} > {parts.horizon}) read earlier predictions as rows of X, so that the "
            f"column of X whose value y is must be named with target. Candidates: {rows.names(lacking) or 'none'}."
        )
    if lacking:
        raise ValueError(
            f"Steps beyond the horizon ({steps} > {parts.horizon}) read values of {rows.names(lacking)} that nobody "
            "knows yet. Pass them in future if they are known in advance, name them in target if the model predicts "
            f"them, leave them out of X, or forecast no more than {parts.horizon} steps."
        )


def check_known_in_advance(parts: Parts, rows: Rows, sheet: Sheet, given: Sequence[int]) -> None:
    """Refuse channels that are taken for known in advance, but change with columns that are not."""
    known = parts.memory.columns.future
    if not known.any():
        return
    unknown = [i for i in rows.channels if i not in given]
    changed = _changed(parts, rows, sheet.frame.iloc[-8:], unknown)[known]
    if changed.any():
        names = ", ".join(repr(str(name)) for name in parts.memory.columns.channel_names[known][changed])
        raise ValueError(
            f"future_columns of the window step names {names}, whose values at the rows to be forecast are needed but "
            "not given. Say with future what is known in advance of the columns of X that they are made of; a column "
            "that holds or follows from the target cannot be one of them."
        )


def carried_columns(parts: Parts, rows: Rows, known: Sequence[int]) -> list[int]:
    """Positions of the columns of X that a forecast carries on: with them static channels change, and no others.

    These are static columns themselves, and what steps in front make them of. The columns that are ``known`` in
    advance are left out.
    """
    static = parts.memory.columns.static
    if static is None:
        return []
    carried = []
    for i in (i for i in rows.channels if i not in known):
        changed = _changed(parts, rows, rows.frame.iloc[-8:], [i])
        if changed[static].any() and not changed[~static].any():
            carried.append(i)
    return carried


def _changed(parts: Parts, rows: Rows, frame: Any, columns: Sequence[int]) -> np.ndarray:
    """Which channels of some rows change if columns of them hold other values (channel,)."""
    frame, other = frame.copy(), frame.copy()
    for i in columns:
        column = frame.iloc[:, i]
        if column.dtype.kind in "iuf":
            frame.isetitem(i, column.fillna(0.0))
            other.isetitem(i, 2.0 * column.fillna(0.0) + 1.0)
        else:
            other.isetitem(i, _others(rows.frame.iloc[:, i], column))
    first, second = (parts.channels(some.to_numpy() if rows.layout.is_array else some) for some in (frame, other))
    return np.any((first != second) & ~(np.isnan(first) & np.isnan(second)), axis=0)


def _others(every: Any, column: Any) -> Any:
    """For each value of a column the next one of all that it has."""
    values = every.dropna().drop_duplicates().reset_index(drop=True)
    if not len(values):
        return column
    next_ = {value: i + 1 for i, value in enumerate(values)}
    return values.take([next_.get(value, 0) % len(values) for value in column]).set_axis(column.index)


def check_last_rows(rows: Rows, targets: Sequence[int] | None, given: Sequence[int]) -> None:
    """Refuse series that end with rows of which nothing was observed."""
    columns = list(targets) if targets else [i for i in rows.channels if i not in given]
    missing = rows.frame.iloc[rows.last, columns].isna().to_numpy()
    empty = np.flatnonzero(missing.any(axis=1) if targets else missing.all(axis=1) & bool(columns))
    if len(empty):
        raise ValueError(
            f"The last rows of X ({rows.keys.describe(rows.last[empty])}) hold NaN in {rows.names(columns)}: they have "
            "not been observed. Leave such rows out of X, also those to be forecast; what is known of them goes into "
            "future."
        )
