"""Bands hold the share of values that was asked for, and their widths are errors counted by hand."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import norm
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
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


LOGARITHM = {"func": np.log, "inverse_func": np.exp}
SPREAD = 0.4  # of the noise of the logarithm


def lognormal(n, seed):
    """A positive series whose logarithm is an autoregression."""
    return pd.DataFrame({"x": np.exp(SPREAD * autoregression(n, seed))})


def logarithmic(last=None, **transform):
    """A model of the logarithm."""
    front = FunctionTransformer(np.log, feature_names_out="one-to-one").set_output(transform="pandas")
    model = make_pipeline(front, *(step for _, step in pipe(1, last=last or LinearRegression()).steps))
    return TransformedTargetRegressor(model, **(transform or LOGARITHM))


def test_a_band_through_a_logarithm_is_that_of_the_logarithm():
    X = lognormal(400, seed=0)
    plain = pipe(1, last=LinearRegression()).fit(np.log(X.iloc[:200]), np.log(X["x"].iloc[:200]))
    expected = forecast(plain, np.log(X), 3, confidence_level=0.8)
    within = TransformedTargetRegressor(LinearRegression(), transformer=MinMaxScaler())
    search = GridSearchCV(within, {"regressor__fit_intercept": [True]}, cv=TimeSeriesSplit(2))
    for last in (None, within, search):
        model = logarithmic(last).fit(X.iloc[:200], X["x"].iloc[:200])
        np.testing.assert_allclose(np.log(forecast(model, X, 3, confidence_level=0.8)), expected, rtol=1e-9)


def test_bands_through_a_logarithm_hold_their_share_at_each_level():
    level, n = 0.9, 6000
    X = lognormal(n, seed=1)
    model = logarithmic().fit(X.iloc[:1000], X["x"].iloc[:1000])
    found = forecast(model, X.iloc[:3500], 2, confidence_level=level)
    assert (found["x_lower"] > 0).all()
    # In the logarithm the band is equally wide everywhere: that of the forecasts from all later rows.
    up = np.log(found["x_upper"] / found["x"]).to_numpy()
    np.testing.assert_allclose(np.log(found["x"] / found["x_lower"]), up)
    before = np.log(X["x"].to_numpy()[3499 : n - 2])
    predicted = before
    for step in range(2):
        predicted = model.regressor_[-1].predict(predicted[:, None])
        held = np.abs(np.log(X["x"].to_numpy()[3500 + step : n - 1 + step]) - predicted) <= up[step]
        parts = np.digitize(predicted, np.quantile(predicted, [1 / 3, 2 / 3]))
        assert [held[parts == i].mean() for i in range(3)] == pytest.approx([level] * 3, abs=0.04)


def test_the_band_through_a_root_ends_where_no_value_lies():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.uniform(0.0, 1.0, 300) ** 4})
    model = TransformedTargetRegressor(pipe(1), func=np.sqrt, inverse_func=np.square)
    found = forecast(model.fit(X.iloc[:100], X["x"].iloc[:100]), X, 2, confidence_level=0.95)
    errors = np.sqrt(found["x_upper"]) - np.sqrt(found["x"])
    assert (np.sqrt(found["x"]) < errors).all()  # the lower end would be the root of no value
    np.testing.assert_allclose(found["x_lower"], 0.0, atol=1e-12)


def test_a_falling_transformer_keeps_the_ends_in_their_order():
    X = lognormal(300, seed=2)
    models = [logarithmic(), logarithmic(func=lambda y: -np.log(y), inverse_func=lambda z: np.exp(-z))]
    rising, falling = (
        forecast(model.fit(X.iloc[:100], X["x"].iloc[:100]), X, 3, confidence_level=0.8) for model in models
    )
    pd.testing.assert_frame_equal(rising, falling)


def test_each_target_has_its_band_in_its_own_unit_unless_units_are_mixed():
    rng = np.random.default_rng(3)
    X = pd.DataFrame(np.exp(rng.normal(size=(120, 2))), columns=["a", "b"])
    params = {"target": ["a", "b"], "confidence_level": 0.8}

    def bands(transformer, columns):
        model = TransformedTargetRegressor(pipe(1), transformer=transformer)
        found = forecast(model.fit(X.iloc[:60], X.iloc[:60]), X, 2, **params)
        return np.array([[found[f"{name}_{end}"] for end in ("lower", "upper")] for name in columns]), found

    log = FunctionTransformer(np.log, np.exp)
    (lower, upper), found = (values := bands(log, "ab"))[0].swapaxes(0, 1), values[1]
    np.testing.assert_allclose(lower * upper, found[["a", "b"]].to_numpy().T ** 2)
    whitened, plain = bands(PCA(whiten=True), "ab")[0], bands(None, "ab")[0]
    np.testing.assert_allclose(whitened, plain, rtol=1e-6)


def test_a_calibration_row_that_the_transformer_does_not_take_is_an_error():
    X = lognormal(100, seed=4)
    X.iloc[80:, 0] = 0.0
    model = TransformedTargetRegressor(pipe(1), **LOGARITHM).fit(X.iloc[:60], X["x"].iloc[:60])
    with pytest.raises(ValueError, match="values of 'x' that the transformer of the TransformedTargetRegressor"):
        forecast(model, X, 1, confidence_level=0.9)
