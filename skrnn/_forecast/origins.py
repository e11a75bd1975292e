"""What a backtest knows without a fit: its plan, its rows in their order, and the origins of its forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from skrnn._forecast.answers import names_of
from skrnn._forecast.calibrated import CalibratedModel
from skrnn._forecast.parts import Parts, find_window
from skrnn._forecast.recursion import check_outputs
from skrnn._forecast.roles import (
    carried_columns,
    check_fed_back,
    check_known_in_advance,
    infer_targets,
    known_columns,
    named_targets,
)
from skrnn._forecast.rows import Layout, Rows, read_row_keys, read_rows, read_table
from skrnn._forecast.sheet import Sheet, next_steps, on_grid
from skrnn._validation import check_target_order, read_numbers
from skrnn._windows.keys import Keys
from skrnn._windows.table import Columns, Table
from skrnn._windows.transformer import SlidingWindowTransformer


@dataclass(frozen=True)
class Plan:
    """The parameters of ``backtest`` of these names; ``spread``: whether quantiles that the model tells are read."""

    steps: int
    stride: int
    test_size: float | int
    season: int | None
    target: Any
    future: Any
    refit: bool | int
    n_jobs: int | None
    verbose: bool
    spread: bool = False

    def origins(self, time: np.ndarray) -> list[np.ndarray]:
        """Times from which forecasts start, in groups that share a fit, on the first of them."""
        times = np.unique(time)
        n_test = self.test_size
        if not isinstance(n_test, Integral):
            n_test = int(np.ceil(n_test * len(times)))
        first = len(times) - int(n_test) - 1
        if first < 0 or n_test < self.steps:
            raise ValueError(
                f"X holds {len(times)} times, of which test_size={self.test_size} keeps {n_test} for forecasts; at "
                f"least steps={self.steps} of them and one time to fit are needed."
            )
        found = times[np.arange(first, len(times) - self.steps, self.stride)]
        every = int(self.refit) or len(found)
        return [found[i : i + every] for i in range(0, len(found), every)]


@dataclass(frozen=True)
class Examples:
    """Rows of X and y in the order of series and times."""

    X: Any
    y: Any
    truth: np.ndarray  # (n, output)
    keys: Keys

    def until(self, time: Any) -> tuple[Any, Any]:
        """X and y of the rows up to a time."""
        rows = np.flatnonzero(self.keys.time <= time)
        return take(self.X, rows), take(self.y, rows)

    def in_words(self, time: Any) -> str:
        """A time of the rows, as the user wrote it."""
        return self.keys.time_in_words(int(np.argmax(self.keys.time == time)))


@dataclass(frozen=True)
class Origins:
    """Rows from which n forecasts start, and what is known of them and of the rows after them without a model."""

    sheet: Sheet
    rows: np.ndarray  # (n,) of the sheet
    at: np.ndarray  # (n, step) rows of the sheet that are forecast
    there: np.ndarray  # (n, step) whether X holds the row
    truth: np.ndarray  # (n, step, output), NaN where it is not known
    persistence: np.ndarray  # (n, step, output)
    seasonal: np.ndarray  # (n, step, output), NaN without a season
    scale: np.ndarray  # (n, output), mean absolute error of the naive forecast on the rows of the fit
    when: np.ndarray  # (n,) the time of the origin as a number
    known_at: np.ndarray  # (n, step) the time of the row as a number
    targets: list[int] | None
    names: list[Any]

    @classmethod
    def of(cls, parts: Parts, examples: Examples, times: np.ndarray, plan: Plan) -> Origins:
        """Those at some times, for a model that is fitted on the rows up to the first of them."""
        rows, n_outputs = read_rows(examples.X, parts), examples.truth.shape[1]
        targets, given = _roles(parts, rows, plan)
        time = (rows.keys if rows.keys.kind != "block" else read_row_keys(rows.frame, rows.layout)).time
        sheet = on_grid(rows, _begin(rows, time, times[0], max(parts.reach, plan.season or 0)))
        check_known_in_advance(parts, rows, sheet, given)
        y = examples.truth[rows.source]
        scale = _naive_errors(rows, y, time <= times[0], plan.season or 1)
        truth = sheet.values(y)
        time = sheet.values(time[:, None].astype(np.float64))[:, 0]
        is_origin = np.isin(time, times.astype(np.float64)) & ~np.isnan(truth).any(axis=1)
        origins = np.flatnonzero(is_origin & (sheet.last(np.arange(len(time))) > np.arange(len(time))))
        at, there = next_steps(sheet, origins, origins, plan.steps)
        shape = (*at.shape, n_outputs)
        return cls(
            sheet=sheet,
            rows=origins,
            at=at,
            there=there,
            truth=np.where(there[..., None], truth[at], np.nan),
            persistence=np.broadcast_to(truth[origins][:, None], shape),
            seasonal=(
                np.full(shape, np.nan)
                if plan.season is None
                else _seasonal(sheet, truth, origins, plan.steps, plan.season)
            ),
            scale=scale[sheet.series[origins]],
            when=time[origins],
            known_at=time[at],
            targets=targets,
            names=names_of(rows, targets, n_outputs),
        )


def read_examples(model: Any, X: Any, y: Any, plan: Plan, caller: str) -> Examples:
    """X and y of a model that need not be fitted."""
    if isinstance(model, CalibratedModel):
        raise ValueError(f"{caller} fits models anew, but got one that is calibrated. Pass its attribute ``model``.")
    window = find_window(model)
    if window is None:
        raise ValueError(f"{caller} needs a pipeline with a SlidingWindowTransformer, got {type(model).__name__}.")
    truth = read_numbers(y, "y", caller).astype(np.float64)
    truth = truth.reshape(len(truth), -1)
    check_consistent_length(X, truth)
    check_target_order(X, y)
    if truth.shape[1] > 1 and plan.target is None:
        raise ValueError(
            f"y has {truth.shape[1]} columns: name with target the columns of X whose values at the row itself they "
            "are. A model on horizon_targets answers later rows too; score it with cross_val_score."
        )
    frame, layout = _frame(X, window)
    named = named_targets(plan.target, frame, layout)
    if named is not None:
        check_outputs(named, truth.shape[1])
    Table(frame).positions(plan.future, "future")
    keys = read_row_keys(frame, layout)
    order = np.lexsort((keys.time, keys.series))
    if np.any(np.diff(order)[np.diff(keys.series[order]) == 0] < 0):
        X, y, truth, keys = take(X, order), take(y, order), truth[order], keys.take(order)
    return Examples(X, y, truth, keys)


def _roles(parts: Parts, rows: Rows, plan: Plan) -> tuple[list[int] | None, list[int]]:
    """Positions of the targets, None if they are not needed, and of what is known in advance."""
    named = named_targets(plan.target, rows.frame, rows.layout)
    given = known_columns(parts, rows, plan.future)
    given = [place for place in (*given, *carried_columns(parts, rows, given)) if place not in (named or ())]
    targets = infer_targets(named, rows, given)
    check_fed_back(rows, parts, plan.steps, targets, given)
    return targets, given


def _frame(X: Any, window: SlidingWindowTransformer) -> tuple[Any, Layout]:
    """X as a pandas frame, and where it keeps its keys as the parameters of a window step name them."""
    frame, is_array, has_index = read_table(X)
    columns = Columns.of(Table(frame), window.time_column, window.group_column)
    return frame, Layout(is_array, has_index, *columns.keys)


def _begin(rows: Rows, time_of_row: np.ndarray, time: Any, margin: int) -> np.ndarray:
    """The first row of each series that is needed from some time on."""
    bounds = zip(rows.first, rows.last, strict=True)
    later = [first + np.searchsorted(time_of_row[first : last + 1], time, side="right") for first, last in bounds]
    return np.maximum(np.array(later) - margin, rows.first)


def _seasonal(sheet: Sheet, truth: np.ndarray, origins: np.ndarray, steps: int, season: int) -> np.ndarray:
    """The values (origin, step, output) of the last season that is known at the origin."""
    ahead = np.arange(1, steps + 1)
    at = origins[:, None] + ahead - season * -(-ahead // season)
    begin = np.searchsorted(sheet.series, sheet.series[origins])[:, None]
    return np.where((at >= begin)[..., None], truth[np.maximum(at, begin)], np.nan)


def _naive_errors(rows: Rows, y: np.ndarray, is_train: np.ndarray, season: int) -> np.ndarray:
    """Mean absolute difference (series, output) of y and its value a season before, over the rows of the fit."""
    import pandas as pd

    series, steps = rows.keys.series, rows.keys.steps
    places = pd.MultiIndex.from_arrays([series, steps])
    before = places.get_indexer(pd.MultiIndex.from_arrays([series, steps - season]))
    change = np.where((before >= 0)[:, None], np.abs(y - y[before]), np.nan)
    found = pd.DataFrame(change[is_train]).groupby(series[is_train]).mean()
    return found.reindex(range(int(series.max()) + 1)).to_numpy()


def take(rows: Any, places: np.ndarray) -> Any:
    """Some rows of a table or of targets."""
    if hasattr(rows, "iloc"):
        return rows.iloc[places]
    return rows[places] if hasattr(rows, "get_column") else np.asarray(rows)[places]
