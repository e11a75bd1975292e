"""Bands hold the share of values that was asked for, and their widths are errors counted by hand."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import norm
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skrnn import GRURegressor, SlidingWindowTransformer, forecast

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning"),
]

PHI = 0.8
HOURS = pd.date_range("2024-01-01", periods=90, freq="h", name="time")


def table(n=90, seed=0):
    """Two columns that hang on each other."""
    rng = np.random.default_rng(seed)
    wind = rng.normal(size=n)
    load = np.sin(np.arange(n) / 3) + wind + 0.3 * rng.normal(size=n)
    return pd.DataFrame({"load": load, "wind": wind}, index=HOURS[:n])


def pipe(window=3, horizon=1, *, last=None, **params):
    fill = FunctionTransformer(np.nan_to_num)
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    return make_pipeline(windows, fill, last or Ridge())


def autoregression(n, seed, n_before=200):
    return lfilter([1.0], [1.0, -PHI], np.random.default_rng(seed).normal(size=n_before + n))[n_before:]


def quantile_of_errors(errors, level):
    """The ceil((n + 1) * level)-th smallest error, in whole numbers."""
    rank = -(-(len(errors) + 1) * Fraction(str(level)) // 1)
    return sorted(errors)[int(rank) - 1]


def slow_widths(model, series, steps, levels, targets):
    """Forecast from each origin anew, and sort the errors of all series together.

    ``series`` are pairs of all rows of a series and the key of its first origin.
    """
    errors = {(step, name): [] for step in range(steps) for name in targets}
    for rows, first in series:
        for origin in range(rows.index.get_loc(first), len(rows) - 1):
            if rows.iloc[origin].isna().any():
                continue
            start = rows.index[origin]
            ahead = pd.date_range(start[-1] if isinstance(start, tuple) else start, periods=steps + 1, freq="h")[1:]
            keys = pd.MultiIndex.from_product([[start[0]], ahead]) if isinstance(start, tuple) else ahead
            future = None if "wind" in targets else rows.reindex(keys).fillna(0.0)
            found = forecast(model, rows.iloc[: origin + 1], steps, target=list(targets), future=future)
            truth = rows.reindex(keys)[list(targets)].to_numpy()
            for (step, i), error in np.ndenumerate(np.abs(truth - found.to_numpy())):
                if not np.isnan(error):
                    errors[step, targets[i]].append(error)
    return {
        level: [[quantile_of_errors(errors[step, name], level) for name in targets] for step in range(steps)]
        for level in levels
    }


def half_widths(found, names):
    """Half-widths of a forecast of one series, after a look at whether the bands lie around it."""
    assert list(found.columns) == [f"{name}{end}" for name in names for end in ("", "_lower", "_upper")]
    middle, lower, upper = (found[[f"{name}{end}" for name in names]].to_numpy() for end in ("", "_lower", "_upper"))
    np.testing.assert_allclose((lower + upper) / 2, middle, atol=1e-9)
    return (upper - lower) / 2


MODELS = {
    "plain": pipe,
    "known in advance": lambda: pipe(3, 2, future_columns="wind"),
    "horizon that covers all steps": lambda: pipe(3, 4),
    "remembered tail": lambda: pipe(3, 2, history="tail"),
    "given freq": lambda: pipe(freq="h"),
    "scaled target": lambda: TransformedTargetRegressor(pipe(), transformer=MinMaxScaler((0, 9))),
    "GRU": lambda: make_pipeline(SlidingWindowTransformer(3, horizon=1), GRURegressor(4, max_iter=2, random_state=0)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_half_width_is_an_error_of_forecasts_from_held_out_rows(name):
    X = table(57)
    model = MODELS[name]().fit(X.iloc[:45], X["load"].iloc[:45])
    future = table().iloc[57:]
    expected = slow_widths(model, [(X, HOURS[44])], 3, (0.5, 0.8), ["load"])
    for level, first in [(0.5, 0), (0.8, 30), (0.5, 44), (0.8, 45)]:  # rows of fit may be passed again
        found = forecast(model, X.iloc[first:], 3, target="load", future=future, confidence_level=level)
        np.testing.assert_allclose(half_widths(found, ["load"]), expected[level], rtol=1e-5)
    plain = forecast(model, X, 3, target="load", future=future)
    np.testing.assert_allclose(found["load"], plain["load"], rtol=1e-6)


@pytest.mark.parametrize(
    ("how", "absent"), [("no row", [45]), ("no row", [43, 45, 46, 55]), ("no value", [50]), ("no value", [45, 46])]
)
def test_unknown_values_count_neither_as_origins_nor_as_errors(absent, how):
    X = table(60)
    if how == "no row":
        X = X.drop(HOURS[absent])
    else:
        X.loc[HOURS[absent], "load"] = np.nan
    train = X[HOURS[44] >= X.index]
    model = pipe(4, 2).fit(train, train["load"])
    found = forecast(model, X, 4, target="load", future=table().iloc[60:], confidence_level=0.8)
    expected = slow_widths(model, [(X, HOURS[44])], 4, [0.8], ["load"])
    np.testing.assert_allclose(half_widths(found, ["load"]), expected[0.8], rtol=1e-9)


def test_each_target_has_bands_of_its_own():
    X = table(60)
    model = pipe(3, 2).fit(X.iloc[:45], X[["wind", "load"]].iloc[:45])
    found = forecast(model, X.iloc[45:], 4, target=["wind", "load"], confidence_level=0.8)
    expected = slow_widths(model, [(X, HOURS[44])], 4, [0.8], ["wind", "load"])
    np.testing.assert_allclose(half_widths(found, ["wind", "load"]), expected[0.8], rtol=1e-9)


@pytest.mark.parametrize(("seen", "in_order"), [("both", True), ("one", False)])
def test_the_errors_of_all_series_count_together(seen, in_order):
    X = pd.concat({"b": table(53), "a": table(19, seed=1) * 2}, names=["series", "time"])
    train = X[X.index.get_level_values("time") <= np.where(X.index.get_level_values("series") == "b", *HOURS[[44, 15]])]
    train = train if seen == "both" else train.loc[["b"]]
    model = pipe(3, 2).fit(train, train["load"])
    future = pd.concat({"a": table().iloc[19:], "b": table().iloc[53:]})
    given = X if in_order else X.sample(frac=1, random_state=0)
    found = forecast(model, given, 4, target="load", future=future, confidence_level=0.8)
    first = HOURS[15] if seen == "both" else HOURS[4]  # its 5 rows are what window_size=3 and horizon=2 reach
    series = [(X.loc[["b"]], ("b", HOURS[44])), (X.loc[["a"]], ("a", first))]
    expected = slow_widths(model, series, 4, [0.8], ["load"])
    for name in "ab":
        np.testing.assert_allclose(half_widths(found.loc[name], ["load"]), expected[0.8], rtol=1e-9)


@pytest.mark.parametrize(("level", "n_needed", "steps"), [(0.5, 1, 3), (0.8, 4, 2), (0.9, 9, 1), (0.95, 19, 3)])
def test_as_many_rows_are_needed_as_the_refusal_says(level, n_needed, steps):
    X = table()[["load"]]
    model = pipe().fit(X.iloc[:40], X["load"].iloc[:40])
    n_rows = n_needed + steps - 1
    found = forecast(model, X.iloc[: 40 + n_rows], steps, confidence_level=level)
    errors = [
        forecast(model, X.iloc[: 40 + i], steps)["load"].iloc[-1] - X["load"].iloc[39 + i + steps]
        for i in range(n_needed)
    ]
    np.testing.assert_allclose(half_widths(found, ["load"])[-1, 0], np.abs(errors).max())
    message = f"={level} needs {n_needed} errors at each step, for one series {n_rows} rows of X after those of fit"
    with pytest.raises(ValueError, match=f"{message}; step {steps} has {n_needed - 1}, from {n_rows - 1} rows"):
        forecast(model, X.iloc[: 39 + n_rows], steps, confidence_level=level)


def test_without_remembered_rows_there_is_no_band():
    X = table()[["load"]]
    model = pipe(history="none").fit(X.iloc[:40], X["load"].iloc[:40])
    with pytest.raises(ValueError, match=r"remembers no rows: use history=\"all\" or \"tail\""):
        forecast(model, X, 1, confidence_level=0.5)


def test_bands_of_an_autoregression_have_the_widths_of_its_theory():
    x = autoregression(22_000, seed=0)
    X = pd.DataFrame({"x": x})
    model = pipe(1, last=LinearRegression()).fit(X.iloc[:2000], x[:2000])
    found = forecast(model, X, 4, confidence_level=0.9)
    theory = norm.ppf(0.95) * np.sqrt(np.cumsum(PHI ** (2 * np.arange(4))))
    np.testing.assert_allclose(half_widths(found, ["x"])[:, 0], theory, rtol=0.04)


@pytest.mark.parametrize("level", [0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_a_band_holds_as_many_fresh_values_as_it_shall(seed, level):
    x = autoregression(8000, seed)
    X = pd.DataFrame({"x": x[:4000]})
    model = pipe(1, last=LinearRegression()).fit(X.iloc[:1000], x[:1000])
    width = half_widths(forecast(model, X, 3, confidence_level=level), ["x"])[:, 0]
    origins = np.arange(4000, 7997)
    fresh = pd.concat({i: pd.DataFrame({"x": x[[i - 1, i]]}) for i in origins[::400]})
    predicted = x[origins]
    for step in range(3):
        predicted = model[-1].predict(predicted[:, None])
        assert np.mean(np.abs(x[origins + step + 1] - predicted) <= width[step]) == pytest.approx(level, abs=0.03)
        found = forecast(model, fresh, step + 1).xs(step + 2, level=1)["x"]
        np.testing.assert_allclose(found, predicted[::400])


def test_the_bands_of_series_that_fit_has_not_seen_hold_their_values():
    series = {seed: pd.DataFrame({"x": autoregression(40, seed)}) for seed in range(200)}
    train = pd.DataFrame({"x": autoregression(2000, seed=1000)})
    model = pipe(1, last=LinearRegression()).fit(pd.concat({"long": train}), train["x"])
    found = forecast(model, pd.concat({i: rows.iloc[:37] for i, rows in series.items()}), 3, confidence_level=0.8)
    truth = pd.concat({i: rows.iloc[37:] for i, rows in series.items()})["x"]
    held = (found["x_lower"] <= truth) & (truth <= found["x_upper"])
    assert len(held) == 600
    assert held.mean() == pytest.approx(0.8, abs=0.05)
