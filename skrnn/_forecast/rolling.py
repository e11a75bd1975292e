"""Forecasts from origins that roll over the last rows, each by a clone that was fitted on rows up to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_consistent_length
from sklearn.utils.parallel import Parallel, delayed

from skrnn._forecast.answers import names_of
from skrnn._forecast.calibrated import CalibratedModel
from skrnn._forecast.distribution import Distribution
from skrnn._forecast.parts import Parts, find_window, take_apart
from skrnn._forecast.recursion import recurse
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
from skrnn._forecast.units import Unit
from skrnn._validation import check_target_order, read_numbers
from skrnn._windows.keys import Keys
from skrnn._windows.memory import WindowMemory
from skrnn._windows.store import History
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
    """Rows of X and y in the order of series and times, and their times."""

    X: Any
    y: Any
    truth: np.ndarray  # (n, output)
    time: np.ndarray  # (n,)


@dataclass(frozen=True)
class Rolled:
    """Forecasts from n origins: arrays (n, step, output) unless said otherwise."""

    truth: np.ndarray  # NaN where it is not known
    predicted: np.ndarray
    persistence: np.ndarray
    seasonal: np.ndarray  # NaN without a season
    sizes: np.ndarray  # what the model scales its answers with at the origin
    quantiles: np.ndarray  # (n, step, output, level), those that the model tells
    scale: np.ndarray  # (n, output), mean absolute error of the naive forecast on the rows of the fit
    missing: np.ndarray  # (n, step) whether a window misses steps
    there: np.ndarray  # (n, step) whether X holds the row
    when: np.ndarray  # (n,) the time of the origin as a number
    known_at: np.ndarray  # (n, step) the time of the row as a number
    group: np.ndarray  # (n,) which fit
    units: tuple[Unit, ...]  # of each fit
    origin: Any  # pandas index of the n origins
    time: Any  # pandas index of the n * step rows
    levels: tuple[float, ...]
    names: list[Any]
    memory: WindowMemory  # without rows

    @classmethod
    def joined(cls, found: Sequence[Rolled]) -> Rolled:
        """Those of all fits, one after another."""
        parts = [replace(each, group=np.full(len(each.when), i)) for i, each in enumerate(found)]
        whole: dict[str, Any] = {"units": tuple(unit for each in found for unit in each.units)}
        for name in (field.name for field in fields(cls)):
            first, *others = (getattr(each, name) for each in parts)
            if isinstance(first, np.ndarray):
                whole[name] = np.concatenate([first, *others])
            elif name in ("origin", "time"):
                whole[name] = first.append(others)
        return replace(found[0], **whole)


def read_examples(model: Any, X: Any, y: Any, target: Any, caller: str) -> Examples:
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
    if truth.shape[1] > 1 and target is None:
        raise ValueError(
            f"y has {truth.shape[1]} columns: name with target the columns of X whose values at the row itself they "
            "are. A model on horizon_targets answers later rows too; score it with cross_val_score."
        )
    keys = _keys(X, window)
    order = np.lexsort((keys.time, keys.series))
    if np.any(np.diff(order)[np.diff(keys.series[order]) == 0] < 0):
        X, y, truth, keys = _take(X, order), _take(y, order), truth[order], keys.take(order)
    return Examples(X, y, truth, keys.time)


def roll(model: Any, examples: Examples, plan: Plan, caller: str) -> Rolled:
    """Fit clones and forecast from all origins."""
    groups = plan.origins(examples.time)
    parallel = Parallel(n_jobs=plan.n_jobs, return_as="generator")
    found = parallel(delayed(_fit_and_forecast)(clone(model), examples, group, plan, caller) for group in groups)
    rolled = Rolled.joined(list(_counted(found, groups, plan.verbose, caller)))
    if not len(rolled.when):
        raise ValueError("At none of the origins, y is known and a later row of the same series follows.")
    return rolled


def _counted(found: Iterable[Rolled], groups: list[np.ndarray], verbose: bool, label: str) -> Iterator[Rolled]:
    """The same, with a bar on standard error that counts origins if asked for."""
    if not verbose:
        yield from found
        return
    from tqdm import tqdm

    with tqdm(total=sum(map(len, groups)), desc=label, unit="origin") as bar:
        for group, each in zip(groups, found, strict=True):
            bar.update(len(group))
            yield each


def _fit_and_forecast(model: Any, examples: Examples, times: np.ndarray, plan: Plan, caller: str) -> Rolled:
    """Fit on the rows up to the first of some times, and forecast from all of them."""
    train = np.flatnonzero(examples.time <= times[0])
    parts = take_apart(model.fit(_take(examples.X, train), _take(examples.y, train)), caller)
    rows = read_rows(examples.X, parts)
    named = named_targets(plan.target, rows)
    given = known_columns(parts, rows, plan.future)
    given = [place for place in (*given, *carried_columns(parts, rows, given)) if place not in (named or ())]
    targets = infer_targets(named, rows, given)
    check_fed_back(rows, parts, plan.steps, targets, given)
    time = (rows.keys if rows.keys.kind != "block" else read_row_keys(rows.frame, rows.layout)).time
    sheet = on_grid(rows, _begin(rows, time, times[0], max(parts.reach, plan.season or 0)))
    check_known_in_advance(parts, rows, sheet, given)
    y = examples.truth[rows.source]
    scale = _naive_errors(rows, y, time <= times[0], plan.season or 1)
    truth = sheet.values(y)
    time = sheet.values(time[:, None].astype(np.float64))[:, 0]
    is_origin = np.isin(time, times.astype(np.float64)) & ~np.isnan(truth).any(axis=1)
    origins = np.flatnonzero(is_origin & (sheet.last(np.arange(len(time))) > np.arange(len(time))))
    return _compare(parts, sheet, origins, truth, time, scale, targets, names_of(rows, targets, truth.shape[1]), plan)


def _compare(
    parts: Parts,
    sheet: Sheet,
    origins: np.ndarray,
    truth: np.ndarray,
    time: np.ndarray,
    scale: np.ndarray,
    targets: list[int] | None,
    names: list[Any],
    plan: Plan,
) -> Rolled:
    """Forecasts from rows of a sheet, beside the truth (row, output) and the naive ones."""
    at, there = next_steps(sheet, origins, origins, plan.steps)
    found, sizes, missing, levels = _forecasts(parts, sheet, at, targets, plan.spread, truth.shape[1])
    shape = found.shape[:3]
    if shape[2] != truth.shape[1]:
        raise ValueError(f"The model predicts {shape[2]} outputs, but y has {truth.shape[1]}.")
    known = np.where(there[..., None], truth[at], np.nan)
    flat = np.where(np.isnan(known), found[..., 0], known).reshape(-1, shape[2])
    nothing = np.full(shape, np.nan)
    return Rolled(
        truth=known,
        predicted=found[..., 0],
        persistence=np.broadcast_to(truth[origins][:, None], shape),
        seasonal=nothing if plan.season is None else _seasonal(sheet, truth, origins, plan.steps, plan.season),
        sizes=sizes,
        quantiles=found[..., 1:],
        scale=scale[sheet.series[origins]],
        missing=missing & there,
        there=there,
        when=time[origins],
        known_at=time[at],
        group=np.zeros(len(origins), dtype=np.int64),
        units=(Unit.of(parts.back, flat) if len(flat) else Unit(()),),
        origin=sheet.index[origins],
        time=sheet.index[at.ravel()],
        levels=levels,
        names=names,
        memory=replace(parts.memory, history=History.empty(0)),
    )


def _forecasts(
    parts: Parts, sheet: Sheet, at: np.ndarray, targets: Sequence[int] | None, spread: bool, n_outputs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, ...]]:
    """Answers and quantiles (origin, step, output, 1 + level), sizes, which windows miss steps, and the levels."""
    distribution = Distribution.of(parts) if spread else None
    levels = () if distribution is None else distribution.levels
    if not len(at):
        nothing = np.empty((*at.shape, n_outputs, 1 + len(levels)))
        return nothing, nothing[..., 0], np.zeros(at.shape, dtype=bool), levels

    def read(X: Any, _: int) -> np.ndarray:
        answers = parts.predict(X)[..., None]
        return answers if distribution is None else np.concatenate([answers, distribution.quantiles(X)], axis=-1)

    return *recurse(parts, sheet, at, targets, read), levels


def _keys(X: Any, window: SlidingWindowTransformer) -> Keys:
    """Keys of the rows of X as the parameters of a window step that need not be fitted name them."""
    frame, is_array, has_index = read_table(X)
    columns = Columns.of(Table(frame), window.time_column, window.group_column)
    return read_row_keys(frame, Layout(is_array, has_index, *columns.keys))


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


def _take(rows: Any, places: np.ndarray) -> Any:
    """Some rows of a table or of targets."""
    if hasattr(rows, "iloc"):
        return rows.iloc[places]
    return rows[places] if hasattr(rows, "get_column") else np.asarray(rows)[places]
