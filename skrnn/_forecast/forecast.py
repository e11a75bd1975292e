"""Forecasts that go on from the last rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrnn._forecast.answers import Asked, names_of, table_of, table_of_paths
from skrnn._forecast.calibrated import CalibratedModel
from skrnn._forecast.known import align, next_times, read_future
from skrnn._forecast.labels import step_of
from skrnn._forecast.parts import Parts, take_apart
from skrnn._forecast.recursion import check_outputs
from skrnn._forecast.roles import (
    carried_columns,
    check_fed_back,
    check_known_in_advance,
    check_last_rows,
    infer_targets,
    named_targets,
)
from skrnn._forecast.rows import Rows, read_rows
from skrnn._forecast.sheet import Sheet, make_sheet
from skrnn._validation import Count, Interval, Real, StrOptions, validate_params
from skrnn._windows.report import report_forecast


@validate_params(
    {
        "steps": [Count(1)],
        "confidence_level": [Interval(Real, 0, 1, closed="neither"), None],
        "return_std": ["boolean"],
        "return_quantiles": ["boolean"],
        "n_paths": [Count(1), None],
        "draw_from": [StrOptions({"auto", "model", "errors"})],
        "random_state": ["random_state"],
    },
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
    return_std: bool = False,
    return_quantiles: bool = False,
    n_paths: int | None = None,
    draw_from: str = "auto",
    random_state: Any = None,
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
        itself, as scalers and encoders do. Or what ``calibrate`` returns.
    X : array-like or data frame of shape (n_samples, n_features)
        The last observed rows, with the columns of ``fit``. Rows that the window step remembers need not be passed
        again, and more rows than a window holds do no harm. Without a key X is one block of consecutive rows.
        What the window step remembers from later than the last row of a series is not used.
    steps : int
        Length of the forecast, in steps of the time grid.
    target : label or list of them, default=None
        Columns of X of which y is the value at the row itself, in the units of X; one for each output of the model,
        in this order. Those of a data frame are named by their labels, those of an array by their positions. If None:
        the only column of X that is neither known in advance nor static. Needed if ``steps`` is larger than a
        ``horizon`` other than 0, or for a ``confidence_level``; else there may be none.
    future : data frame, Series or array, default=None
        Values of the columns that are known in advance, at least for the next ``steps`` rows. A data frame is matched
        by key, and one whose index names no series holds for all; other rows and target columns are ignored. An
        array is matched by position, for several series one after another, in the order of the result, with ``steps``
        rows for each; it has all columns of X, with NaN in those that are not known, or, if ``target``
        is given, those that are no targets. What steps in front of the window step make of the key of a row, and what
        its ``static_columns`` are made of, need not be given. Where rows lie on no time grid, the index of ``future``
        tells the times to forecast.
    confidence_level : float, default=None
        Share of the values that a band shall hold, in (0, 1). The rows of X later than the last row that the window
        step remembers from ``fit`` then serve for calibration: from each of them, and from the last row of ``fit``,
        the model forecasts, and the errors at each step, taken over all series, give its half-width. See Notes. A
        model from ``calibrate`` brings its errors along, and no row of X is needed for calibration.
    return_std : bool, default=False
        Add the standard deviation of each step, as the model tells it: one with ``loss="gaussian"``, or any regressor
        whose ``predict`` has ``return_std``. Beyond ``horizon`` it is that of the step alone, as if the steps before
        were known; see Notes.
    return_quantiles : bool, default=False
        Add the quantiles of each step, as the model tells them: one with ``loss="quantile"`` and several levels, or
        one with standard deviations, for the levels 0.1, 0.5 and 0.9. Beyond ``horizon`` as for ``return_std``.
    n_paths : int, default=None
        Return as many sample paths instead. In each, a draw takes the place of the answer and is what later steps
        read, so that paths spread out as errors add up.
    draw_from : {"auto", "model", "errors"}, default="auto"
        What the draws of ``n_paths`` are. "model": values from the distribution that the model tells; between its
        quantiles the normal score is interpolated, and beyond them extended. "errors": answers plus errors that the
        model made on rows that were not used to fit it, those of ``confidence_level``; of the ``horizon`` steps that
        are predicted at once, and of all targets, errors of one origin are drawn together. "auto": "model" if the
        model tells a distribution, else "errors".
    random_state : int, RandomState or None, default=None
        Of the draws of ``n_paths``.

    Returns
    -------
    predicted : pandas.DataFrame of shape (n_series * steps, n_columns)
        One row for each series and step. The index goes on where that of X ends; it is made of ``group_column`` and
        ``time_column`` where these are used, and counts from 0 if X has no key. Columns are named like the targets,
        or "prediction" without one. Behind each stand ``<name>_std``, ``<name>_q0.1`` and so on for each level, and
        ``<name>_lower`` and ``<name>_upper``, as far as they are asked for. With ``n_paths`` the columns are a
        ``MultiIndex``, ("target", "path"), with paths counted from 0: ``paths["load"]`` has a column for each path,
        and ``paths["load"].quantile([0.1, 0.9], axis=1).T`` gives a band.

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
        few errors for ``confidence_level`` or ``n_paths``. If the model does not tell what is asked for.

    See Also
    --------
    calibrate : Errors for bands and paths of a model that is fitted on all rows.
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
    that unit and the ends of the bands brought back: the bands of a series that grows grow with it. With ``scaling`` of
    a regressor, errors are in units of the size of the window at the origin: small series have narrow bands.

    Beyond ``horizon`` a step reads earlier point answers as if they were observed. The answers are right for that, as
    far as the model is linear, but what the model tells of the spread of such a step leaves out that the answers
    which it reads are uncertain: it is too small, the more the further ahead. Bands from ``confidence_level`` and
    sample paths have the whole spread. Bands speak of each step alone; paths also tell of sums, maxima and other
    things that several steps make together.

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

    Paths of a model that tells standard deviations:

    >>> from sklearn.linear_model import BayesianRidge
    >>> rng = np.random.default_rng(0)
    >>> walk = pd.DataFrame({"load": rng.normal(size=500).cumsum()}, index=pd.date_range("2024-01-01", periods=500))
    >>> model = make_pipeline(windows, FunctionTransformer(np.nan_to_num), BayesianRidge()).fit(walk, walk["load"])
    >>> paths = forecast(model, walk, 9, n_paths=2000, random_state=0)
    >>> paths["load"].std(axis=1).iloc[[0, 3, 8]].round().tolist()
    [1.0, 2.0, 3.0]
    """
    errors, model = (model.errors, model.model) if isinstance(model, CalibratedModel) else (None, model)
    asked = Asked(steps, confidence_level, return_std, return_quantiles, n_paths, draw_from, random_state)
    asked.check(errors)
    parts = take_apart(model, "forecast")
    rows = read_rows(X, parts)
    named = named_targets(target, rows.frame, rows.layout)
    table = read_future(future, rows, named)
    times = next_times(rows, table, step_of(rows, find=parts.memory.axis.kind == "block"), steps)
    given = {} if table is None else align(rows, table, times, ignored=named or ())
    known = [*given, *carried_columns(parts, rows, list(given))]
    targets = infer_targets(named, rows, known)
    check_fed_back(rows, parts, steps, targets, known)
    check_last_rows(rows, targets, known)
    sheet, at = _next_rows(parts, rows, times, given)
    check_known_in_advance(parts, rows, sheet, known)
    errors, read = asked.errors(parts, rows, targets, errors)
    now = parts.remembering_until(rows.keys.take(rows.last))
    found, sizes, missing = asked.answers(now, sheet, at, targets, errors)
    if named is not None:
        check_outputs(named, found.shape[2])
    report_forecast(np.concatenate([missing.ravel(), *read]), parts.memory, parts.window.incomplete)
    index = sheet.index[at.ravel()] if rows.levels else times[0]
    names = names_of(rows, targets, found.shape[2])
    if n_paths is not None:
        return table_of_paths(found, index, names)
    ends = () if errors is None or confidence_level is None else errors.around(found[..., 0], sizes, confidence_level)
    found = np.concatenate([found, *(end[..., None] for end in ends)], axis=3)
    return table_of(found, asked.labels(parts), index, names)


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
