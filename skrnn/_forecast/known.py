"""What is known in advance: the rows of ``future`` that belong to the rows to be forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrnn._forecast.labels import following
from skrnn._forecast.rows import Layout, Rows, read_row_keys, read_table
from skrnn._forecast.sheet import make_sheet
from skrnn._windows.keys import Keys, block_keys
from skrnn._windows.table import Table, in_words


@dataclass(frozen=True)
class Future:
    """The table of future values; ``columns`` gives the place in X of each of its columns that X has."""

    frame: Any
    columns: dict[int, int]  # position in X: position here
    keys: Keys
    times: Any  # pandas index; None where the rows count by their order
    common: bool  # whether it holds for all series alike


def read_future(future: Any, rows: Rows, targets: Sequence[int] | None) -> Future | None:
    """Read the future values as the user passed them; ``targets`` are the target columns of X, if they are named."""
    if future is None:
        return None
    if getattr(future, "ndim", 2) == 1 and hasattr(future, "to_frame"):
        if future.name is None and not rows.layout.is_array:
            raise ValueError("future is a Series without a name; give it that of a column of X.")
        future = future.to_frame()
    elif not hasattr(future, "columns") and np.ndim(future) == 1:
        future = np.asarray(future)[:, None]
        if future.dtype.kind == "U":
            raise ValueError("future holds names, not values. Pass a data frame that holds values of these columns.")
    frame, is_array, has_index = read_table(future, "future")
    columns = _columns_of_array(frame, rows, targets) if is_array or rows.layout.is_array else _columns(frame, rows)
    time_column, group_column = (
        columns.pop(column, None) if column is not None else None
        for column in (rows.layout.time_column, rows.layout.group_column)
    )
    if rows.layout.time_column is not None and time_column is None and not is_array:
        raise ValueError(f"future lacks the time_column {rows.names([rows.layout.time_column])} of X.")
    has_index = has_index and rows.layout.has_index
    layout = Layout(is_array, has_index, time_column, group_column)
    times, levels = layout.labels(frame)
    return Future(frame, columns, read_row_keys(frame, layout), times if layout.has_times else None, not levels)


def next_times(rows: Rows, future: Future | None, step: Any, steps: int) -> list[Any]:
    """The times of the rows to be forecast, an index for each series."""
    import pandas as pd

    if not rows.layout.has_times:
        return [pd.RangeIndex(steps)] * len(rows.last)
    if step is not None:
        return [following(rows, last, steps, step) for last in rows.last]
    if future is None or future.times is None:
        raise ValueError(
            "The rows of X lie on no regular time grid, so that the times of the next ones cannot be told. Set freq of "
            "the SlidingWindowTransformer, or pass future, a data frame whose index holds the times."
        )
    found = []
    keys = rows.keys if rows.keys.kind != "block" else read_row_keys(rows.frame, rows.layout)
    for last in rows.last:
        belongs = [future.common or label == keys.labels[keys.series[last]] for label in future.keys.labels]
        of_series = np.array(belongs, dtype=bool)[future.keys.series]
        later = np.flatnonzero(of_series & (future.keys.time > keys.time[last]))
        later = later[np.argsort(future.keys.time[later], kind="stable")][:steps]
        if len(later) < steps:
            raise ValueError(
                f"future holds {len(later)} rows after the last row of X ({keys.describe(np.array([last]))}); "
                f"steps={steps} needs as many."
            )
        found.append(future.times.take(later))
    return found


def align(rows: Rows, future: Future, times: list[Any], ignored: Sequence[int]) -> dict[int, Any]:
    """Future values of columns of X for the rows to be forecast, series by series; some columns are ignored.

    Returns
    -------
    columns : dict
        Position of a column of X and its values, a pandas Series of length n_series * steps. Columns of which
        nothing is known are left out.
    """
    steps = len(times[0])
    member = rows.last.repeat(steps)
    all_times = times[0].append(times[1:])
    if future.times is None:
        _check_length(future, len(rows.last), steps)
        keys = block_keys(len(member), rows.keys.series[member])
        keys = replace(keys, labels=tuple(rows.keys.labels[i] for i in rows.keys.series[rows.last]))
    else:
        sheet = make_sheet(rows, np.full(len(member), -1), all_times, member)
        keys = read_row_keys(sheet.frame, rows.layout)
    by_order = future.times is None and future.common and len(rows.last) > 1
    found = np.arange(len(member)) if by_order else _find(future, keys, rows)
    if np.any(found < 0):
        missing = np.flatnonzero(found < 0)
        what = (
            f"{len(future.frame)} rows for {steps} steps"
            if future.times is None
            else f"no row for {len(missing)} of the keys to be forecast ({keys.describe(missing)})"
        )
        raise ValueError(f"future holds {what}.")
    columns = {}
    for place, column in future.columns.items():
        values = future.frame.iloc[found, column].reset_index(drop=True)
        n_missing = int(values.isna().sum())
        if place in ignored or n_missing == len(values):
            continue
        if n_missing:
            empty = np.flatnonzero(values.isna())
            raise ValueError(
                f"Column {rows.names([place])} of future is NaN in {n_missing} of the {len(values)} rows to be "
                f"forecast ({keys.describe(empty)}). Fill it."
            )
        columns[place] = _like(rows.frame.iloc[:, place], values)
    return columns


def _check_length(future: Future, n_series: int, steps: int) -> None:
    """Rows that say nothing of their series must be those of all series, one after another."""
    if future.common and n_series > 1 and len(future.frame) != n_series * steps:
        raise ValueError(
            f"future holds {len(future.frame)} rows without keys; for {n_series} series and {steps} steps it must hold "
            f"{n_series * steps}, series after series in the order of the result, or be a data frame with keys."
        )


def _find(future: Future, keys: Keys, rows: Rows) -> np.ndarray:
    """The row of ``future`` for each key; -1 where there is none."""
    import pandas as pd

    if future.times is not None and (
        future.keys.kind != keys.kind or (future.keys.zone is None) != (keys.zone is None)
    ):
        kinds = [f"{k.kind}{'' if k.zone is None else ' with a time zone'}" for k in (future.keys, keys)]
        raise ValueError(f"The keys of future are of kind {kinds[0]}, but those of X of kind {kinds[1]}.")
    number = {label: i for i, label in enumerate(future.keys.labels)}
    labels = [0 if future.common else number.get(label, -1) for label in keys.labels]
    place, wanted, usable = _places(future, keys, rows)
    held = pd.MultiIndex.from_arrays([future.keys.series[usable], place])
    repeated = usable[held.duplicated()]
    if len(repeated):
        raise ValueError(f"future holds several rows under the same key ({future.keys.describe(repeated)}).")
    at = held.get_indexer(pd.MultiIndex.from_arrays([np.asarray(labels, dtype=np.int64)[keys.series], wanted]))
    return np.where(at < 0, -1, usable[at]) if len(usable) else at


def _places(future: Future, keys: Keys, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is equal in rows of ``future`` and in the rows to be forecast, and which rows of ``future`` these are.

    On a grid these are positions, since times may miss it a little. Rows beside it are of no use.
    """
    every = np.arange(len(future.keys))
    if rows.grid is None or rows.keys.phase is None or future.times is None:
        return future.keys.time, keys.time, every
    phase = dict(zip((rows.keys.labels[i] for i in rows.keys.series), rows.keys.phase, strict=True))
    if future.common and len(set(phase.values())) > 1:
        return future.keys.time, keys.time, every
    shared = next(iter(phase.values()))
    phases = np.array([phase.get(label, shared) for label in future.keys.labels])
    position, fits = rows.grid.place(future.keys.time, phases[future.keys.series])
    wanted, _ = rows.grid.place(keys.time, np.array([phase[label] for label in keys.labels])[keys.series])
    return position[fits], wanted, every[fits]


def _columns(frame: Any, rows: Rows) -> dict[int, int]:
    """Columns of a data frame by the labels of X."""
    table = Table(frame)
    found = {i: place for i, label in enumerate(rows.frame.columns) if (place := table.find(label)) is not None}
    if frame.shape[1] and not found:
        raise ValueError(
            f"None of the columns of future ({in_words(frame.columns)}) is one of X: {in_words(rows.frame.columns)}."
        )
    return found


def _columns_of_array(frame: Any, rows: Rows, targets: Sequence[int] | None) -> dict[int, int]:
    """Columns of an array: all of X, or all that are neither keys nor targets, in the order of X."""
    n_columns, n_given = rows.frame.shape[1], frame.shape[1]
    others = [i for i in rows.channels if i not in (targets or ())]
    if n_given == n_columns or (targets is not None and n_given == len(others)):
        return dict(zip(range(n_columns) if n_given == n_columns else others, range(n_given), strict=True))
    raise ValueError(
        f"future is an array of {n_given} columns and X has {n_columns}. Name the target and pass the other columns, "
        "or pass all columns of X, with NaN in those that are not known, or a data frame with the names of the known."
    )


def _like(column: Any, values: Any) -> Any:
    """Future values in the type of the column of X, unless numbers could be cut off."""
    if column.dtype == values.dtype or column.dtype.kind in "iub":
        return values
    categories = getattr(column.dtype, "categories", None)
    unseen = [] if categories is None else [value for value in values.unique() if value not in categories]
    if unseen:
        raise ValueError(
            f"Column {column.name!r} of future holds values that are no categories of this column of X: "
            f"{in_words(unseen)}. Add them to the categories of X before the fit, or replace them."
        )
    try:
        return values.astype(column.dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {column.name!r} of future has dtype {values.dtype}, but that of X has {column.dtype}: {error}."
        ) from None
