"""Spreads that models tell come out of a forecast, and sample paths spread out as theory says."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import GRURegressor, SlidingWindowTransformer, forecast

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning"),
    pytest.mark.filterwarnings("ignore:GRURegressor answers without:UserWarning"),
]

N_PATHS = 4000
ATOL = 4 / np.sqrt(2 * N_PATHS)  # four standard errors of a standard deviation, relative to it


def pipe(window=1, horizon=1, *, last=None, **params):
    fill = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    return make_pipeline(windows, fill, last or Ridge())


def autoregression(n, phi, seed=0):
    return lfilter([1.0], [1.0, -phi], np.random.default_rng(seed).normal(size=n))


class Known(RegressorMixin, BaseEstimator):
    """An autoregression of which the coefficient and the spread are known."""

    def __init__(self, phi=0.8, std=1.0, horizon=1):
        self.phi = phi
        self.std = std
        self.horizon = horizon

    def fit(self, X, y):
        self.shapes_ = X.shape, y.shape
        return self

    def predict(self, X):
        return self.phi**self.horizon * X[:, -1]


class KnownSpread(Known):
    def predict(self, X, return_std=False):
        answer = super().predict(X)
        return (answer, np.full(len(X), self.std)) if return_std else answer


def spread_of_theory(phi, steps):
    return np.sqrt(np.cumsum(phi ** (2.0 * np.arange(steps))))


@pytest.mark.parametrize("phi", [0.8, 1.0, -0.5])
@pytest.mark.parametrize("draws", ["model", "errors"])
def test_paths_of_an_autoregression_spread_as_theory_says(draws, phi):
    X = pd.DataFrame({"x": autoregression(12_000, phi)})
    last = KnownSpread(phi) if draws == "model" else Known(phi)
    model = pipe(last=last).fit(X[:6000], X["x"][:6000])
    paths = forecast(model, X, 12, n_paths=N_PATHS, draw_from=draws, random_state=0)["x"]
    theory = spread_of_theory(phi, 12)  # a random walk grows as the root of the step
    rtol = ATOL + (draws == "errors") * 4 / np.sqrt(2 * 6000)
    np.testing.assert_allclose(paths.std(axis=1), theory, rtol=rtol)
    point = forecast(model, X, 12)["x"]
    assert (np.abs(paths.mean(axis=1) - point) < 5 * theory / np.sqrt(N_PATHS) + (draws == "errors") * 0.1).all()
    lagged = np.corrcoef(paths.iloc[10], paths.iloc[11])[0, 1]
    assert lagged == pytest.approx(phi * theory[10] / theory[11], abs=0.06)


def test_steps_that_are_predicted_at_once_draw_errors_of_one_origin():
    phi = 0.8
    X = pd.DataFrame({"x": autoregression(20_000, phi)})
    model = pipe(horizon=3, last=Known(phi, horizon=3)).fit(X[:10_000], X["x"][:10_000])
    paths = forecast(model, X, 9, n_paths=N_PATHS, random_state=0)["x"]
    # Each answer reads what is three steps older, whose shocks are not known: the spread of three steps, and of six ...
    theory = spread_of_theory(phi, 9)[[2, 2, 2, 5, 5, 5, 8, 8, 8]]
    np.testing.assert_allclose(paths.std(axis=1), theory, rtol=2 * ATOL)
    shared = (phi + phi**3) / (1 + phi**2 + phi**4)  # of neighbouring errors: two of three shocks
    assert np.corrcoef(paths.iloc[0], paths.iloc[1])[0, 1] == pytest.approx(shared, abs=0.08)


def test_without_a_path_the_spread_beyond_the_horizon_is_that_of_one_step():
    X = pd.DataFrame({"x": autoregression(300, 0.8)})
    model = pipe(last=KnownSpread()).fit(X, X["x"])
    found = forecast(model, X, 5, return_std=True, return_quantiles=True)
    assert list(found.columns) == ["x", "x_std", "x_q0.1", "x_q0.5", "x_q0.9"]
    np.testing.assert_allclose(found["x"], forecast(model, X, 5)["x"])
    np.testing.assert_allclose(found["x_std"], 1.0)
    np.testing.assert_allclose(found["x_q0.9"] - found["x"], norm.ppf(0.9))


def network(**params):
    return GRURegressor(3, max_iter=3, random_state=0, **params)


def series(n=120):
    rng = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=n, freq="h")
    return pd.DataFrame({"x": 20 + autoregression(n, 0.7), "wind": rng.normal(size=n)}, index=index)


def test_the_quantiles_and_standard_deviations_of_networks_are_theirs():
    X = series()
    ahead = pd.DataFrame(np.nan, index=pd.date_range(X.index[-1], periods=3, freq="h")[1:], columns=X.columns)
    for loss, label in [("quantile", "q"), ("gaussian", "std")]:
        model = make_pipeline(SlidingWindowTransformer(4, horizon=2), network(loss=loss, quantile=(0.05, 0.4, 0.9)))
        model.fit(X, X["x"])
        windows = model[:-1].transform(ahead)
        if loss == "quantile":
            found, expected = forecast(model, X, 2, return_quantiles=True), model[-1].predict_quantiles(windows)
            assert list(found.columns) == ["prediction", *(f"prediction_{label}{level}" for level in (0.05, 0.4, 0.9))]
            np.testing.assert_allclose(found["prediction"], expected[:, 1], rtol=1e-6)
        else:
            found, (_, expected) = forecast(model, X, 2, return_std=True), model[-1].predict(windows, return_std=True)
            assert list(found.columns) == ["prediction", "prediction_std"]
        np.testing.assert_allclose(found.iloc[:, 1:].to_numpy().ravel(), expected.ravel(), rtol=1e-6)


@pytest.mark.parametrize("loss", ["gaussian", "quantile"])
def test_paths_of_one_step_have_the_quantiles_that_the_network_tells(loss):
    X = series()[["x"]]
    levels = (0.1, 0.5, 0.9)
    model = make_pipeline(SlidingWindowTransformer(4, horizon=1), network(loss=loss, quantile=levels)).fit(X, X["x"])
    told = forecast(model, X, 1, return_quantiles=True).iloc[0, 1:].to_numpy()
    drawn = forecast(model, X, 1, n_paths=N_PATHS, random_state=0)["x"].iloc[0]
    share = [(drawn <= value).mean() for value in told]
    np.testing.assert_allclose(share, levels, atol=4 * 0.5 / np.sqrt(N_PATHS))
    assert drawn.min() < told[0] - 0.2 * (told[1] - told[0])  # beyond the outermost levels too


def logged(last):
    front = FunctionTransformer(np.log, feature_names_out="one-to-one").set_output(transform="pandas")
    return TransformedTargetRegressor(make_pipeline(front, pipe(last=last)), func=np.log, inverse_func=np.exp)


def test_spreads_come_back_from_the_unit_of_a_transformed_target():
    X = series()[["x"]]
    plain = pipe(last=BayesianRidge()).fit(np.log(X), np.log(X["x"]))
    within = logged(BayesianRidge()).fit(X, X["x"])
    levels = [f"x_q{level}" for level in (0.1, 0.5, 0.9)]
    expected = np.exp(forecast(plain, np.log(X), 3, return_quantiles=True)[levels])
    np.testing.assert_allclose(forecast(within, X, 3, return_quantiles=True)[levels], expected)
    drawn = forecast(within, X, 3, n_paths=5, random_state=0)
    np.testing.assert_allclose(drawn, np.exp(forecast(plain, np.log(X), 3, n_paths=5, random_state=0)))
    with pytest.raises(ValueError, match="changes y by more than scale and offset"):
        forecast(within, X, 3, return_std=True)
    scaled = TransformedTargetRegressor(pipe(last=BayesianRidge()), transformer=StandardScaler()).fit(X, X["x"])
    same = pipe(last=BayesianRidge()).fit(X, X["x"])
    found, expected = (forecast(model, X, 3, return_std=True) for model in (scaled, same))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_errors_are_drawn_in_the_unit_of_a_transformed_target():
    X = np.exp(series(400)[["x"]] / 10)
    within, plain = logged(Ridge()).fit(X[:200], X["x"][:200]), pipe().fit(np.log(X[:200]), np.log(X["x"][:200]))
    found, expected = (
        forecast(model, rows, 4, n_paths=6, random_state=1) for model, rows in [(within, X), (plain, np.log(X))]
    )
    np.testing.assert_allclose(np.log(found), expected)


def test_errors_of_several_targets_are_drawn_together():
    rng = np.random.default_rng(0)
    shock = rng.normal(size=4000)
    X = pd.DataFrame({"a": shock + 0.3 * rng.normal(size=4000), "b": -shock})
    model = pipe().fit(X[:2000], X[["b", "a"]][:2000])
    paths = forecast(model, X, 2, target=["b", "a"], n_paths=500, random_state=0)
    assert paths.columns.names == ["target", "path"]
    assert list(paths.columns) == [(name, path) for name in "ba" for path in range(500)]
    for step in range(2):
        assert np.corrcoef(paths["a"].iloc[step], paths["b"].iloc[step])[0, 1] < -0.9


@pytest.mark.parametrize("draws", ["model", "errors"])
def test_the_paths_of_a_panel_start_each_from_its_own_row_and_repeat_by_random_state(draws):
    data = pd.concat({"low": series(), "high": series() + 100.0}, names=["series", "time"])
    X, late = data[["x"]], data.index.get_level_values("time") > data.index[79][1]
    model = pipe(last=KnownSpread(0.999)).fit(X[~late], X["x"][~late])
    params = {"n_paths": 40, "draw_from": draws}
    paths = forecast(model, X, 3, random_state=7, **params)
    point = forecast(model, X, 3)
    assert paths.index.equals(point.index)
    assert (np.abs(paths["x"].mean(axis=1) - point["x"]) < 3).all()
    pd.testing.assert_frame_equal(forecast(model, X, 3, random_state=7, **params), paths)
    assert not np.allclose(forecast(model, X, 3, random_state=8, **params), paths)


def test_labels_of_several_levels_get_one_more_for_the_path():
    X = series()[["x"]].set_axis(pd.MultiIndex.from_tuples([("site", "x")]), axis=1)
    model = pipe(last=BayesianRidge()).fit(X, X["site", "x"])
    found = forecast(model, X, 2, n_paths=3)
    assert list(found.columns) == [("site", "x", path) for path in range(3)]
    assert list(forecast(model, X, 2, return_std=True).columns) == [("site", "x"), ("site", "x_std")]


@pytest.mark.parametrize("params", [{"n_paths": 3}, {"confidence_level": 0.5}])
def test_labels_have_neither_paths_nor_bands(params):
    X = series()[["x"]]
    y = np.where(X["x"] > 20, "high", "low")
    model = pipe(last=LogisticRegression()).fit(X[:60], y[:60])
    with pytest.raises(ValueError, match="errors to numbers, which labels are not"):
        forecast(model, X, 1, **params)


X = series()[["x"]]
PLAIN = pipe().fit(X[:60], X["x"][:60])


@pytest.mark.parametrize(
    ("model", "rows", "params", "message"),
    [
        (PLAIN, X, {"return_std": True}, "return_std=True needs a model that says how its answers spread"),
        (PLAIN, X, {"return_quantiles": True}, "return_quantiles=True needs a model that says how its answers spread"),
        (PLAIN, X, {"n_paths": 3, "draw_from": "model"}, "draw_from='model' needs a model that says how"),
        (PLAIN, X, {"n_paths": 3, "confidence_level": 0.9}, "n_paths returns sample paths alone"),
        (PLAIN, X, {"n_paths": 3, "return_std": True}, "n_paths returns sample paths alone"),
        (PLAIN, X, {"n_paths": 0}, "'n_paths' parameter"),
        (PLAIN, X, {"n_paths": 3, "draw_from": "rows"}, "'draw_from' parameter"),
        (PLAIN, X, {"n_paths": 3, "random_state": "a"}, "'random_state' parameter"),
        (PLAIN, X[:60], {"n_paths": 3}, "at least 10; there are 0 at some step"),
        (PLAIN, X[:69], {"n_paths": 3}, "at least 10; there are 9 at some step"),
        (pipe(history="none").fit(X, X["x"]), X, {"n_paths": 3}, "the window step remembers no rows"),
    ],
)
def test_what_is_not_known_is_refused(model, rows, params, message):
    with pytest.raises(ValueError, match=message):
        forecast(model, rows, 2, **params)
