"""Forecasts that go on from the last rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrnn._forecast.bands import Calibration, calibrate
from skrnn._forecast.known import align, next_times, read_future
from skrnn._forecast.labels import step_of
from skrnn._forecast.parts import Parts, take_apart
from skrnn._forecast.recursion import check_outputs, recurse
from skrnn._forecast.roles import (
    check_fed_back,
    check_known_in_advance,
    check_last_rows,
    infer_targets,
    named_targets,
)
from skrnn._forecast.rows import Rows, read_rows
from skrnn._forecast.sheet import Sheet, make_sheet
from skrnn._validation import Count, Interval, Real, validate_params
from skrnn._windows.report import report_forecast


@validate_params(
    {"steps": [Count(1)], "confidence_level": [Interval(Real, 0, 1, closed="neither"), None]},
    prefer_skip_nested_validation=True,
)
def forecast(
    model: Any,
    X: Any,
    steps: int,
    *,
    target: Any = None,
    future: Any = None,
    confidence_level: float | None = None,
) -> Any:
    """Continue the series of X with a fitted pipeline, step by step.

    The first ``horizon`` steps are ordinary predictions. For those after them the predictions are written into the
    target columns of the rows to come, and the windows move on over these rows. All series of X are continued, each
    from its own last row. Nothing of the model and of X changes.

    Parameters
    ----------
    model : estimator
        Fitted ``Pipeline`` with a ``SlidingWindowTransformer``, in which pipelines may be nested; also inside a
        ``TransformedTargetRegressor`` or a finished search. Steps in front of the window step must treat each row by
        itself, as scalers and encoders do.
    X : array-like or data frame of shape (n_samples, n_features)
        The last observed rows, with the columns of ``fit``. Rows that the window step remembers need not be passed
        again, and more rows than a window holds do no harm. Without a key X is one block of consecutive rows.
        What the window step remembers from later than the last row of a series is not used.
    steps : int
        Length of the forecast, in steps of the time grid.
    target : label or list of them, default=None
        Columns of X of which y is the value at the row itself, in the units of X; one for each output of the model,
        in this order. Those of a data frame are named by their labels, those of an array by their positions. If None:
        the only column of X that is not known in advance. Needed if ``steps`` is larger than a ``horizon`` other than
        0, or for a ``confidence_level``; else there may be none.
    future : data frame, Series or array, default=None
        Values of the columns that are known in advance, at least for the next ``steps`` rows. A data frame is matched
        by key, and one whose index names no series holds for all; other rows and target columns are ignored. An
        array is matched by position, for several series one after another, in the order of the result, with ``steps``
        rows for each; it has all columns of X, with NaN in those that are not known, or, if ``target``
        is given, those that are no targets.
    confidence_level : float, default=None
        Share of the values that a band shall hold, in (0, 1). The rows of X later than the last row that the window
        step remembers from ``fit`` then serve for calibration: from each of them, and from the last row of ``fit``,
        the model forecasts, and the errors at each step, taken over all series, give its half-width. See Notes.

    Returns
    -------
    predicted : pandas.DataFrame of shape (n_series * steps, n_columns)
        One row for each series and step. The index goes on where that of X ends; it is made of ``group_column`` and
        ``time_column`` where these are used, and counts from 0 if X has no key. Columns are named like the targets,
        or "prediction" without one; ``<name>_lower`` and ``<name>_upper`` stand behind each if a
        ``confidence_level`` is given.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If windows miss steps, as X and what is remembered are too short, and ``incomplete`` of the window step is
        "error"; an ``IncompleteWindowWarning`` if it is "warn".
        If the forecast would read values that nobody knows: of a column that is neither a target nor in ``future``
        (unless it is not read: no more than ``horizon`` steps, and not in ``future_columns``), of a last row whose
        target is NaN, of missing rows of ``future``. If the times of the next rows cannot be told. If there are too
        few errors for ``confidence_level``.

    See Also
    --------
    backtest : How good forecasts of a model are.
    horizon_targets : Targets of a model that predicts all steps at once.

    Notes
    -----
    Bands are those of split conformal prediction [1]_ [2]_, for each step by itself: with n errors, the half-width is
    the ``ceil((n + 1) * confidence_level)``-th smallest absolute one. If errors were exchangeable, the band
    of a step would hold the value with at least this probability. Errors of a time series are so only roughly: the
    bands rest on the errors being of the same kind after the calibration rows as within them. Errors of neighbouring
    origins are alike, so that many calibration rows are needed, several times more than ``steps``. A band says
    nothing about several steps together.

    Where a ``TransformedTargetRegressor`` brings y into another unit, such as its logarithm, errors are measured in
    that unit and the ends of the bands brought back: the bands of a series that grows grow with it.

    References
    ----------
    .. [1] Vovk, Gammerman and Shafer (2005). Algorithmic Learning in a Random World. Springer.
    .. [2] Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018). Distribution-free predictive inference for
           regression. Journal of the American Statistical Association 113, 1094-1111.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skrnn import SlidingWindowTransformer, forecast
    >>> index = pd.date_range("2024-01-01", periods=8, freq="D")
    >>> X = pd.DataFrame({"load": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}, index=index)
    >>> windows = SlidingWindowTransformer(1, horizon=1, flatten=True)
    >>> model = make_pipeline(windows, FunctionTransformer(np.nan_to_num), LinearRegression()).fit(X, X["load"])
    >>> forecast(model, X, 3).round(6)
                load
    2024-01-09   9.0
    2024-01-10  10.0
    2024-01-11  11.0
    """
    parts = take_apart(model, "forecast")
    rows = read_rows(X, parts)
    named = named_targets(target, rows)
    table = read_future(future, rows, named)
    times = next_times(rows, table, step_of(rows, find=parts.memory.axis.kind == "block"), steps)
    given = {} if table is None else align(rows, table, times, ignored=named or ())
    targets = infer_targets(named, rows, list(given))
    check_fed_back(rows, parts, steps, targets, list(given))
    check_last_rows(rows, targets, list(given))
    sheet, at = _next_rows(parts, rows, times, given)
    check_known_in_advance(parts, rows, sheet, list(given))
    calibration = None
    if confidence_level is not None:
        if targets is None:
            raise ValueError("confidence_level compares forecasts with X: name the column of X whose value y is.")
        calibration = calibrate(parts, rows, steps, targets, confidence_level)
    predicted, missing = recurse(parts.remembering_until(rows.keys.take(rows.last)), sheet, at, targets)
    if named is not None:
        check_outputs(named, predicted.shape[2])
    read = [missing.ravel()] if calibration is None else [missing.ravel(), calibration.missing.ravel()]
    report_forecast(np.concatenate(read), parts.memory, parts.window.incomplete)
    index = sheet.index[at.ravel()] if rows.levels else times[0]
    return _table(predicted, calibration, index, _names(rows, targets, predicted.shape[2]))


def _next_rows(parts: Parts, rows: Rows, times: list[Any], given: dict[int, Any]) -> tuple[Sheet, np.ndarray]:
    """The last rows of each series and the rows to come, and where (series, step) those are."""
    import pandas as pd

    steps = len(times[0])
    orders, labels = [], []
    for first, last, index in zip(rows.first, rows.last, times, strict=True):
        begin = max(first, last + 1 - parts.reach)
        orders += [np.arange(begin, last + 1), np.full(steps, -1)]
        labels += [rows.times[begin : last + 1], index]
    order = np.concatenate(orders)
    new = np.flatnonzero(order < 0)
    member = order.copy()
    member[new] = rows.last.repeat(steps)
    sheet = make_sheet(rows, order, labels[0].append(labels[1:]), member)
    for column, values in given.items():
        held = sheet.frame.iloc[:, column].reset_index(drop=True).drop(new)
        whole = pd.concat([held, values.set_axis(new)]).sort_index()  # which may be of another type
        sheet.frame.isetitem(column, whole.set_axis(sheet.frame.index))
    return sheet, new.reshape(-1, steps)


def _names(rows: Rows, targets: list[int] | None, n_outputs: int) -> list[Any]:
    """Names of the predictions."""
    if targets is None or len(targets) != n_outputs:
        return ["prediction"] if n_outputs == 1 else [f"prediction_{i}" for i in range(n_outputs)]
    return [rows.frame.columns[i] for i in targets]


def _table(predicted: np.ndarray, calibration: Calibration | None, index: Any, names: list[Any]) -> Any:
    """Predictions (series, step, output) and the ends of their bands as a frame."""
    import pandas as pd

    columns, labels = [], []
    ends = () if calibration is None else calibration.around(predicted)
    for i, name in enumerate(names):
        labels += [name, *(_extended(name, end) for end, _ in zip(("lower", "upper"), ends, strict=False))]
        columns += [values[:, :, i].ravel() for values in (predicted, *ends)]
    return pd.DataFrame(dict(enumerate(columns)), index=index).set_axis(pd.Index(labels), axis=1)


def _extended(name: Any, end: str) -> Any:
    """The name of an end of a band; of the labels of several levels, the last is extended."""
    return (*name[:-1], f"{name[-1]}_{end}") if isinstance(name, tuple) else f"{name}_{end}"
