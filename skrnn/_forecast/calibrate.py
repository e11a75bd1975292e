"""A model on all rows, with the errors that it made when it was tried on a part of them."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone

from skrnn._forecast.bands import Errors
from skrnn._forecast.calibrated import CalibratedModel
from skrnn._forecast.origins import Plan, read_examples
from skrnn._forecast.parts import find_window, take_apart
from skrnn._forecast.rolling import Rolled, roll
from skrnn._forecast.told import listen, tell
from skrnn._forecast.units import Unit
from skrnn._validation import Count, Interval, Real, validate_params
from skrnn._windows.report import report_forecast


@validate_params(
    {
        "steps": [Count(1)],
        "stride": [Count(1)],
        "test_size": [Interval(Real, 0, 1, closed="neither"), Count(1)],
        "refit": ["boolean", Count(1)],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def calibrate(
    model: Any,
    X: Any,
    y: Any,
    *,
    steps: int,
    stride: int = 1,
    test_size: float | int = 0.2,
    target: Any = None,
    future: Any = None,
    refit: bool | int = False,
    n_jobs: int | None = None,
    verbose: int | bool = False,
) -> CalibratedModel:
    """Fit a model on all rows, and learn from a backtest how wide its bands are.

    Clones of the model forecast from origins in the last rows, as in ``backtest``. Their errors are kept, and one more
    clone is fitted on all rows. ``forecast`` takes the result in place of a model: any number of forecasts with bands
    or sample paths, without rows put aside for calibration.

    Parameters
    ----------
    model : estimator
        Pipeline with a ``SlidingWindowTransformer``, as for ``forecast``; need not be fitted, and stays as it is.
    X : array-like or data frame of shape (n_samples, n_features)
        Rows of one or several series.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Target of each row, as for ``fit``.
    steps : int
        Length of the longest forecast that shall have bands. Sample paths can be longer, but ``steps`` must not be
        less than ``horizon`` for them.
    stride : int, default=1
        Times between two origins.
    test_size : float or int, default=0.2
        Share or number of the distinct times, the last ones, from which errors are taken. A band of level c needs at
        least ``c / (1 - c)`` errors at each step, and its share is the surer the more there are.
    target : label or list of them, default=None
        Columns of X whose value y is, see ``forecast``. Not needed if ``steps`` is not larger than ``horizon``.
    future : label or list of them, default=None
        Columns of X that are known in advance, see ``backtest``.
    refit : bool or int, default=False
        Fit the clone of the backtest anew for each origin, or for every k-th. False is one fit, on the rows before all
        origins: if these are few, its errors are larger than those of the final model, and bands are too wide.
    n_jobs : int, default=None
        How many fits of the backtest run at the same time, see ``backtest``.
    verbose : bool, default=False
        Show a bar that counts origins, on standard error.

    Returns
    -------
    calibrated : CalibratedModel
        To be passed to ``forecast``. ``calibrated.model`` is the model fitted on all rows,
        ``calibrated.predict(X)`` what it predicts, ``calibrated.residuals``, of shape (n_origins, steps,
        n_outputs), are the errors, NaN where the truth is not known; with ``scaling`` of a regressor in sizes of the
        window at the origin. ``joblib.dump`` and ``pickle`` keep all of it.

    Raises
    ------
    ValueError
        If too few rows are left for a forecast or for the fit, or if a forecast would read values that nobody knows at
        its origin; before the first fit where that is possible, see ``backtest``.

    Warns
    -----
    UserWarning
        What the fits of the backtest warn of, once, as by ``backtest``; and what the fit on all rows warns of.

    See Also
    --------
    forecast : Forecasts with bands and sample paths.
    backtest : The errors as a table; its ``metric="coverage"`` tells how many values such bands hold.

    Notes
    -----
    Bands are those of ``forecast``: the ``ceil((n + 1) * confidence_level)``-th smallest of the n absolute errors of
    a step, over all series. The share that they hold rests on the errors of the final model being like those of the
    backtest. It has seen more rows, so that its errors are rather smaller and the bands a little too wide; the more so
    the fewer rows or epochs the fit of the backtest had. ``refit=k`` brings the two closer.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindowTransformer, calibrate, forecast
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"load": np.sin(np.arange(1000) / 4) + rng.normal(scale=0.1, size=1000)})
    >>> model = make_pipeline(SlidingWindowTransformer(8, horizon=1, flatten=True), SimpleImputer(), Ridge())
    >>> calibrated = calibrate(model, X, X["load"], steps=3)
    >>> list(forecast(calibrated, X, 3, confidence_level=0.9))
    ['load', 'load_lower', 'load_upper']
    >>> forecast(calibrated, X, 3, n_paths=50, random_state=0).shape
    (3, 50)
    """
    plan = Plan(steps, stride, test_size, None, target, future, refit, n_jobs, bool(verbose))
    examples = read_examples(model, X, y, plan, "calibrate")
    window: Any = find_window(model)

    def check(rolled: Rolled) -> None:
        if np.isnan(rolled.truth).all(axis=0).any():
            raise ValueError(f"At some of the {steps} steps after the origins, y is never known. Raise test_size.")
        if window.incomplete == "error":
            report_forecast(rolled.missing, rolled.memory, "error")

    rolled = roll(model, examples, plan, "calibrate", check)
    report_forecast(rolled.missing, rolled.memory, window.incomplete)
    fitted, told = listen(clone(model).fit, examples.X, examples.y)
    tell([told], ["all rows"], "calibrate", stacklevel=4)
    seen = ~np.isnan(rolled.truth)
    flat = np.where(seen, rolled.truth, rolled.predicted).reshape(-1, rolled.truth.shape[2])
    unit = Unit.of(take_apart(fitted, "calibrate").back, flat)
    return CalibratedModel(fitted, Errors.between(unit, rolled.truth, rolled.predicted, rolled.sizes))
