"""How good forecasts are, from origins that roll over the last rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from skrnn._forecast.metrics import (
    SPREAD,
    check_earlier_errors,
    check_known,
    check_metrics,
    earlier_bands,
    errors_by_step,
    name_of,
)
from skrnn._forecast.origins import Plan, read_examples
from skrnn._forecast.parts import find_window
from skrnn._forecast.rolling import Rolled, roll
from skrnn._validation import Count, Interval, Real, validate_params
from skrnn._windows.report import report_forecast


@validate_params(
    {
        "steps": [Count(1)],
        "stride": [Count(1)],
        "test_size": [Interval(Real, 0, 1, closed="neither"), Count(1)],
        "season": [Count(1), None],
        "metric": [str, list, tuple, callable, None],
        "refit": ["boolean", Count(1)],
        "confidence_level": [Interval(Real, 0, 1, closed="neither"), None],
        "return_forecasts": ["boolean"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
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
    metric: str | Callable[[np.ndarray, np.ndarray], float] | Sequence[Any] | None = None,
    refit: bool | int = False,
    confidence_level: float | None = None,
    return_forecasts: bool = False,
    n_jobs: int | None = None,
    verbose: int | bool = False,
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
        names if None. What steps in front of it make of the key of a row is no column of X and known by itself.
    metric : str, callable or list of them, default=None
        A function ``metric(y_true, y_pred)`` gives an error, from arrays of shape (n,) of all origins, series and
        outputs. None is ``sklearn.metrics.root_mean_squared_error``. Names:

        - "rmse", "mae": root mean squared and mean absolute error;
        - "mase": mean absolute error, where each is divided by that of repeating the last season (without ``season``
          the last value) on the rows of the fit of its series [1]_; a series that never changes there is left out;
        - "smape": mean of ``2 |error| / (|y_true| + |y_pred|)``, between 0 and 2;
        - "pinball": mean pinball loss of the quantiles at each step, of all levels;
        - "coverage": share of the values within the band at each step.

        The last two need ``confidence_level`` or a model that tells quantiles or standard deviations, see
        ``forecast``: then the quantiles are those of the model, and the band lies between the outermost.
    refit : bool or int, default=False
        Fit a new clone for each origin, on all rows up to it; a number k: for every k-th origin, which the next ones
        use too.
    confidence_level : float, default=None
        Share of the values that bands shall hold. At each origin the band is made, as by ``calibrate``, of the errors
        of earlier origins that are known by then. The first origins, which have too few of them, have no bands. For
        "pinball" the ends of a band are quantiles of equal distance to 0.5.
    return_forecasts : bool, default=False
        Return the forecasts of each origin too.
    n_jobs : int, default=None
        How many fits run at the same time, by joblib; of use with ``refit``. None is 1 unless a
        ``joblib.parallel_config`` says otherwise.
    verbose : bool, default=False
        Show a bar that counts origins, on standard error.

    Returns
    -------
    errors : pandas.DataFrame of shape (steps, n_columns)
        One row for each step ahead, from 1. Columns "model" and "persistence" hold errors,
        "skill_over_persistence" is ``1 - model / persistence``: positive where the model is better. With ``season``
        also "seasonal_naive" and "skill_over_seasonal_naive". All are taken over the same values: those that are
        known, with a known value at the origin and a season before. Of "pinball" and "coverage" there is "model" alone.
        With a list of metrics the columns are a ``MultiIndex``, ("metric", "forecast").
    forecasts : pandas.DataFrame of shape (n_forecasts, n_columns)
        Only with ``return_forecasts=True``. One row for each series, origin, step and, if there are several, target, as
        the levels of the index say. Column "time" is that of the row forecast, "y_true" its value; "model",
        "persistence" and, with ``season``, "seasonal_naive" are forecasts of it. With ``confidence_level`` also "lower"
        and "upper", else the quantiles that the model tells, such as "q0.1". NaN where a value is not known.

    Raises
    ------
    ValueError
        If too few rows are left for a forecast or for the fit, if a forecast would read values that nobody knows at
        its origin, or if y is in another order than X; see ``forecast``. What the answers of the model do not decide
        is found before the first fit, for which the steps up to the window step are fitted alone, once more; but of a
        search around the window step only names of columns.

    Warns
    -----
    UserWarning
        What the fits warn of: once, with how many of them it concerns and the rows of the first.

    See Also
    --------
    forecast : Continue a series.
    calibrate : Bands from errors of a backtest.

    References
    ----------
    .. [1] Hyndman and Koehler (2006). Another look at measures of forecast accuracy. International Journal of
           Forecasting 22, 679-688.

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

    Several metrics, and each forecast:

    >>> table, forecasts = backtest(
    ...     model, X, X["load"], steps=3, metric=["mase", "coverage"], confidence_level=0.8, return_forecasts=True
    ... )
    >>> table["mase"].columns.tolist()
    ['model', 'persistence', 'skill_over_persistence']
    >>> forecasts.reset_index()[["origin", "step", "time", "y_true", "model"]].round(2).head(3)
       origin  step  time  y_true  model
    0     159     1   160    0.22   0.22
    1     159     2   161   -0.70  -0.69
    2     159     3   162   -0.98  -0.97
    """
    metrics = check_metrics(metric)
    of_spread = [each for each in metrics if each in SPREAD]
    told = confidence_level is None and (bool(of_spread) or return_forecasts)
    plan = Plan(steps, stride, test_size, season, target, future, refit, n_jobs, bool(verbose), told)
    examples = read_examples(model, X, y, plan, "backtest")
    window: Any = find_window(model)

    def check(rolled: Rolled) -> None:
        if of_spread and confidence_level is None and not rolled.levels:
            raise ValueError(
                f"metric={of_spread[0]!r} needs bands: name a confidence_level, or take a model that says how its "
                "answers spread (loss='gaussian', or loss='quantile' with several levels)."
            )
        if window.incomplete == "error":
            report_forecast(rolled.missing, rolled.memory, "error")
        if confidence_level is not None:
            check_earlier_errors(rolled, confidence_level)
        check_known(rolled, season is not None)

    rolled = roll(model, examples, plan, "backtest", check)
    report_forecast(rolled.missing, rolled.memory, window.incomplete)
    bands, levels, labels = rolled.quantiles, rolled.levels, [f"q{level:g}" for level in rolled.levels]
    if confidence_level is not None:
        bands = earlier_bands(rolled, confidence_level)
        levels, labels = ((1 - confidence_level) / 2, (1 + confidence_level) / 2), ["lower", "upper"]
    found = {name_of(each): errors_by_step(each, rolled, season is not None, bands, levels) for each in metrics}
    table = _side_by_side(found) if isinstance(metric, list | tuple) else next(iter(found.values()))
    return (table, _forecasts(rolled, bands, labels, season is not None)) if return_forecasts else table


def _side_by_side(tables: dict[str, Any]) -> Any:
    """Tables of several metrics as one."""
    import pandas as pd

    return pd.concat(tables, axis=1, names=["metric", "forecast"])


def _forecasts(rolled: Rolled, bands: np.ndarray, labels: list[str], seasonal: bool) -> Any:
    """Each forecast of a row that X holds, with the truth, as a row of a frame."""
    import pandas as pd

    n, steps, n_outputs = rolled.truth.shape
    origin, step, output = (each[rolled.there].ravel() for each in np.indices((n, steps, n_outputs)))
    levels = [rolled.origin.get_level_values(i).take(origin) for i in range(rolled.origin.nlevels)]
    names = [*rolled.origin.names[:-1], "origin", "step"]
    levels.append(step + 1)
    if n_outputs > 1:
        levels.append([rolled.names[i] for i in output])
        names.append("target")
    columns = {"y_true": rolled.truth, "model": rolled.predicted, "persistence": rolled.persistence}
    if seasonal:
        columns["seasonal_naive"] = rolled.seasonal
    columns |= {label: bands[..., i] for i, label in enumerate(labels)}
    time = rolled.time.get_level_values(-1).take(origin * steps + step)
    values = {name: value[rolled.there].ravel() for name, value in columns.items()}
    return pd.DataFrame({"time": time, **values}, index=pd.MultiIndex.from_arrays(levels, names=names))
