"""How good forecasts are, from origins that roll over the last rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import root_mean_squared_error
from sklearn.utils import check_consistent_length

from skrnn._forecast.parts import Parts, find_window, take_apart
from skrnn._forecast.recursion import recurse
from skrnn._forecast.roles import check_fed_back, check_known_in_advance, infer_targets, named_targets
from skrnn._forecast.rows import Layout, Rows, read_row_keys, read_rows, read_table
from skrnn._forecast.sheet import Sheet, next_steps, on_grid
from skrnn._validation import Count, Interval, Real, check_target_order, read_numbers, validate_params
from skrnn._windows.keys import Keys
from skrnn._windows.report import report_forecast
from skrnn._windows.table import Columns, Table
from skrnn._windows.transformer import SlidingWindowTransformer


@validate_params(
    {
        "steps": [Count(1)],
        "stride": [Count(1)],
        "test_size": [Interval(Real, 0, 1, closed="neither"), Count(1)],
        "season": [Count(1), None],
        "metric": [callable, None],
        "refit": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def backtest(
    model: Any,
    X: Any,
    y: Any,
    *,
    steps: int,
    stride: int = 1,
    test_size: float | int = 0.2,
    season: int | None = None,
    target: Any = None,
    future: Any = None,
    metric: Callable[[np.ndarray, np.ndarray], float] | None = None,
    refit: bool = False,
) -> Any:
    """Forecast from many origins, and compare with repeating the last value and the last season.

    A clone of the model is fitted on the rows up to the first origin. From there and from every ``stride``-th time
    after it, the model forecasts ``steps`` ahead as ``forecast`` does, without a look at what comes after the origin.

    Parameters
    ----------
    model : estimator
        Pipeline with a ``SlidingWindowTransformer``, as for ``forecast``; need not be fitted, and stays as it is.
    X : array-like or data frame of shape (n_samples, n_features)
        Rows of one or several series; all but arrays are taken in the order of their times.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Target of each row, as for ``fit``: paired by position, so that an index must be in the order of that of X.
    steps : int
        Length of the forecasts, in steps of the time grid.
    stride : int, default=1
        Times between two origins.
    test_size : float or int, default=0.2
        Share or number of the distinct times, the last ones, that are kept for the forecasts. All steps of all
        forecasts lie among them.
    season : int, default=None
        Steps of a season. None leaves the seasonal naive forecast out.
    target : label or list of them, default=None
        Columns of X whose value y is, see ``forecast``. Not needed if ``steps`` is not larger than ``horizon``.
    future : label or list of them, default=None
        Columns of X that are known in advance, named like ``target``; those that ``future_columns`` of the window step
        names if None.
    metric : callable, default=None
        ``metric(y_true, y_pred)`` gives an error, from arrays of shape (n,) of all origins, series and outputs;
        ``sklearn.metrics.root_mean_squared_error`` if None.
    refit : bool, default=False
        Fit a new clone for each origin, on all rows up to it.

    Returns
    -------
    errors : pandas.DataFrame of shape (steps, n_columns)
        One row for each step ahead, from 1. Columns "model" and "persistence" hold errors,
        "skill_over_persistence" is ``1 - model / persistence``: positive where the model is better. With ``season``
        also "seasonal_naive" and "skill_over_seasonal_naive". All are taken over the same values: those that are
        known, with a known value at the origin and a season before.

    Raises
    ------
    ValueError
        If too few rows are left for a forecast or for the fit, if a forecast would read values that nobody knows at
        its origin, or if y is in another order than X; see ``forecast``.

    See Also
    --------
    forecast : Continue a series.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindowTransformer, backtest
    >>> X = pd.DataFrame({"load": np.sin(np.arange(200))})
    >>> model = make_pipeline(SlidingWindowTransformer(8, horizon=1, flatten=True), SimpleImputer(), Ridge(1e-6))
    >>> table = backtest(model, X, X["load"], steps=3)
    >>> (table["skill_over_persistence"] > 0.9).all()
    np.True_
    """
    window = find_window(model)
    if window is None:
        raise ValueError(f"backtest needs a pipeline with a SlidingWindowTransformer, got {type(model).__name__}.")
    truth = read_numbers(y, "y", "backtest").astype(np.float64)
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
    time = keys.time
    origins = _origins(np.unique(time), steps, stride, test_size)
    groups = origins[:, None] if refit else origins[None]
    found = []
    for group in groups:
        train = np.flatnonzero(time <= group[0])
        fitted = clone(model).fit(_take(X, train), _take(y, train))
        parts = take_apart(fitted, "backtest")
        found.append(_forecasts(parts, X, truth, group, steps, season, target, future))
    missing, *values = (np.concatenate(each) for each in zip(*found, strict=True))
    if not len(missing):
        raise ValueError("At none of the origins, y is known and a later row of the same series follows.")
    report_forecast(missing, parts.memory, window.incomplete)
    return _table(values, metric or root_mean_squared_error)


def _known(parts: Parts, rows: Rows, future: Any, targets: Sequence[int]) -> list[int]:
    """Positions of the columns of X that are known in advance; targets are not."""
    help_ = "Name with future the columns of X that are known in advance."
    parameter = "future"
    if future is None:  # the window step names columns that come out of the steps in front
        parameter, future = "future_columns", parts.window.future_columns
        by_position = parts.memory.columns.labels is None and not rows.layout.is_array
        if future is not None and parts.front and by_position:
            raise ValueError(f"future_columns counts the columns that come out of the steps in front. {help_}")
    try:
        places = Table(rows.frame).positions(future, parameter)
    except ValueError as error:
        raise ValueError(f"{error} {help_}") from None
    return [place for place in places if place not in targets]


def _keys(X: Any, window: SlidingWindowTransformer) -> Keys:
    """Keys of the rows of X as the parameters of a window step that need not be fitted name them."""
    frame, is_array, has_index = read_table(X)
    columns = Columns.of(Table(frame), window.time_column, window.group_column, None)
    return read_row_keys(frame, Layout(is_array, has_index, *columns.keys))


def _origins(times: np.ndarray, steps: int, stride: int, test_size: float | int) -> np.ndarray:
    """Times from which forecasts start."""
    n_test = test_size if isinstance(test_size, Integral) else int(np.ceil(test_size * len(times)))
    first = len(times) - n_test - 1
    if first < 0 or n_test < steps:
        raise ValueError(
            f"X holds {len(times)} times, of which test_size={test_size} keeps {n_test} for forecasts; at least steps="
            f"{steps} of them and one time to fit are needed."
        )
    return times[np.arange(first, len(times) - steps, stride)]


def _forecasts(
    parts: Parts, X: Any, y: np.ndarray, times: np.ndarray, steps: int, season: int | None, target: Any, future: Any
) -> list[np.ndarray]:
    """Which windows (origin, step) miss steps; then truth, forecasts of the model, of the last value and, if asked, of
    the last season: (origin, step, output)."""
    rows = read_rows(X, parts)
    named = named_targets(target, rows)
    given = _known(parts, rows, future, named or ())
    targets = infer_targets(named, rows, given)
    check_fed_back(rows, parts, steps, targets, given)
    time_of_row = (rows.keys if rows.keys.kind != "block" else read_row_keys(rows.frame, rows.layout)).time
    sheet = on_grid(rows, _begin(rows, time_of_row, times[0], max(parts.reach, season or 0)))
    check_known_in_advance(parts, rows, sheet, given)
    truth = sheet.values(y[rows.source])
    time = sheet.values(time_of_row[:, None].astype(np.float64))[:, 0]
    is_origin = np.isin(time, times.astype(np.float64)) & ~np.isnan(truth).any(axis=1)
    origins = np.flatnonzero(is_origin & (sheet.last(np.arange(len(time))) > np.arange(len(time))))
    if not len(origins):
        nothing = np.empty((0, steps, truth.shape[1]))
        return [nothing[..., 0], *[nothing] * (3 + (season is not None))]
    at, there = next_steps(sheet, origins, origins, steps)
    predicted, missing = recurse(parts, sheet, at, targets)
    if predicted.shape[2] != truth.shape[1]:
        raise ValueError(f"The model predicts {predicted.shape[2]} outputs, but y has {truth.shape[1]}.")
    last = np.broadcast_to(truth[origins][:, None], predicted.shape)
    found = [missing & there, np.where(there[..., None], truth[at], np.nan), predicted, last]
    return found if season is None else [*found, _seasonal(sheet, truth, origins, steps, season)]


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


def _table(values: Sequence[np.ndarray], metric: Callable[[np.ndarray, np.ndarray], float]) -> Any:
    """Errors and skills by step ahead."""
    import pandas as pd

    truth = values[0]
    known = ~np.isnan(np.stack(values)).any(axis=0)
    if not known.any(axis=(0, 2)).all():
        raise ValueError(
            "At some step no value is known together with those that it is compared with: there are too few rows "
            "before the origins for this season, or y is NaN."
        )
    table = pd.DataFrame(index=pd.RangeIndex(1, truth.shape[1] + 1, name="step"))
    for name, predicted in zip(("model", "persistence", "seasonal_naive"), values[1:], strict=False):
        pairs = [(truth[:, i][known[:, i]], predicted[:, i][known[:, i]]) for i in range(len(table))]
        table[name] = [float(metric(*pair)) for pair in pairs]
        if name != "model":
            table[f"skill_over_{name}"] = 1 - table["model"] / table[name]
    return table


def _take(rows: Any, places: np.ndarray) -> Any:
    """Some rows of a table or of targets."""
    if hasattr(rows, "iloc"):
        return rows.iloc[places]
    return rows[places] if hasattr(rows, "get_column") else np.asarray(rows)[places]
