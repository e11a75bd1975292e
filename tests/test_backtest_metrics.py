"""Each origin's forecasts, metrics by hand, fits every k origins, bands of earlier origins, and progress."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import BayesianRidge, Ridge
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import GRURegressor, SlidingWindowTransformer, backtest, forecast

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning"),
    pytest.mark.filterwarnings("ignore:GRURegressor answers without:UserWarning"),
]

HOURS = pd.date_range("2024-01-01", periods=80, freq="h", name="time")


def table(n=80, seed=0):
    rng = np.random.default_rng(seed)
    load = 3 + np.sin(np.arange(n) / 3) + 0.3 * rng.normal(size=n)
    return pd.DataFrame({"load": load}, index=pd.date_range("2024-01-01", periods=n, freq="h", name="time"))


def pipe(window=3, horizon=1, *, last=None, **params):
    fill = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    return make_pipeline(windows, fill, last or Ridge())


def panel():
    return pd.concat({"b": table(), "a": table(70, seed=1) * 5}, names=["site", "time"])


def test_the_forecasts_of_each_origin_are_those_made_one_by_one():
    X = panel()
    found, forecasts = backtest(pipe(), X, X["load"], steps=3, stride=4, test_size=16, season=6, return_forecasts=True)
    pd.testing.assert_frame_equal(found, backtest(pipe(), X, X["load"], steps=3, stride=4, test_size=16, season=6))
    times = X.index.get_level_values("time")
    fitted = pipe().fit(X[times <= HOURS[63]], X["load"][times <= HOURS[63]])
    assert forecasts.index.names == ["site", "origin", "step"]
    assert list(forecasts.columns) == ["time", "y_true", "model", "persistence", "seasonal_naive"]
    # Series "a" ends at hour 69: one step after the origin 68 is in X, of 63 and 67 there are all and two.
    assert [len(forecasts.loc[name]) for name in "ba"] == [12, 5]
    for (site, origin), rows in forecasts.groupby(level=["site", "origin"]):
        seen = X[(X.index.get_level_values("site") == site) & (times <= origin)]
        expected = forecast(fitted, seen, 3)["load"].iloc[: len(rows)]
        np.testing.assert_allclose(rows["model"], expected)
        assert list(rows["time"]) == list(expected.index.get_level_values("time"))
        truth = X["load"].loc[site]
        np.testing.assert_allclose(rows["y_true"], truth[rows["time"]])
        np.testing.assert_allclose(rows["persistence"], truth[origin])
        np.testing.assert_allclose(rows["seasonal_naive"], truth[rows["time"] - 6 * HOURS.freq])
    for step, rows in forecasts.groupby(level="step"):
        assert found.loc[step, "model"] == pytest.approx(root_mean_squared_error(rows["y_true"], rows["model"]))


def test_several_targets_are_a_level_of_the_forecasts():
    X = table().assign(wind=np.random.default_rng(0).normal(size=80))
    params = {"target": ["wind", "load"], "return_forecasts": True, "test_size": 10, "steps": 2}
    _, forecasts = backtest(pipe(), X, X[["wind", "load"]], **params)
    assert forecasts.index.names == ["origin", "step", "target"]
    for name in X:
        rows = forecasts.xs(name, level="target")
        np.testing.assert_allclose(rows["y_true"], X[name][rows["time"]])


def test_the_named_metrics_are_those_of_their_definitions():
    X = panel()
    params = {"steps": 2, "test_size": 12, "season": 5}
    names = ["rmse", "mae", "mase", "smape", mean_absolute_error]
    found, forecasts = backtest(pipe(), X, X["load"], metric=names, return_forecasts=True, **params)
    assert found.columns.names == ["metric", "forecast"]
    train = X["load"][X.index.get_level_values("time") <= HOURS[67]]
    scale = train.groupby(level="site").apply(lambda values: values.diff(5).abs().mean())
    for step, rows in forecasts.groupby(level="step"):
        for name in ("model", "persistence", "seasonal_naive"):
            error = (rows["y_true"] - rows[name]).abs()
            by_hand = {
                "rmse": np.sqrt((error**2).mean()),
                "mae": error.mean(),
                "mase": (error / scale[rows.index.get_level_values("site")].to_numpy()).mean(),
                "smape": (2 * error / (rows["y_true"].abs() + rows[name].abs())).mean(),
                "mean_absolute_error": error.mean(),
            }
            for metric, value in by_hand.items():
                assert found.loc[step, (metric, name)] == pytest.approx(value)
                skill = f"skill_over_{name}"
                if name != "model":
                    ratio = found.loc[step, (metric, "model")] / found.loc[step, (metric, name)]
                    assert found.loc[step, (metric, skill)] == pytest.approx(1 - ratio)
    alone = backtest(pipe(), X, X["load"], metric="mase", **params)
    pd.testing.assert_frame_equal(alone, found["mase"], check_names=False)


def test_a_series_that_never_changes_has_no_part_in_mase():
    X = pd.concat({"a": table(), "flat": table() * 0.0})
    params = {"steps": 1, "test_size": 12, "metric": "mase"}
    both, forecasts = backtest(pipe(), X, X["load"], return_forecasts=True, **params)
    rows = forecasts.loc["a"]
    scale = X["load"].loc["a"].iloc[:68].diff().abs().mean()
    assert both.loc[1, "model"] == pytest.approx((rows["y_true"] - rows["model"]).abs().mean() / scale)


def test_values_and_forecasts_of_zero_have_no_smape():
    X = table() * 0.0
    assert backtest(pipe(), X, X["load"], steps=1, metric="smape").loc[1, "model"] == 0.0


@pytest.mark.parametrize("last", [BayesianRidge(), "quantile"])
def test_the_quantiles_that_a_model_tells_are_measured(last):
    X = table()
    levels = (0.1, 0.5, 0.9) if last != "quantile" else (0.2, 0.7)
    if last == "quantile":
        network = GRURegressor(2, loss="quantile", quantile=levels, max_iter=2, random_state=0)
        model = make_pipeline(SlidingWindowTransformer(3, horizon=1), network)
    else:
        model = pipe(last=last)
    metrics = ["pinball", "coverage"]
    found, forecasts = backtest(model, X, X["load"], steps=2, test_size=20, metric=metrics, return_forecasts=True)
    assert list(found.columns) == [("pinball", "model"), ("coverage", "model")]
    fitted = clone(model).fit(X.iloc[:60], X["load"].iloc[:60])
    expected = forecast(fitted, X.iloc[:61], 2, return_quantiles=True).iloc[:, 1:]
    columns = [f"q{level}" for level in levels]
    np.testing.assert_allclose(forecasts.loc[HOURS[60], columns], expected, rtol=1e-5)
    for step, rows in forecasts.groupby(level="step"):
        losses = [mean_pinball_loss(rows["y_true"], rows[f"q{level}"], alpha=level) for level in levels]
        assert found.loc[step, ("pinball", "model")] == pytest.approx(np.mean(losses))
        held = rows["y_true"].between(rows[columns[0]], rows[columns[-1]])
        assert found.loc[step, ("coverage", "model")] == pytest.approx(held.mean())


@pytest.mark.parametrize("refit", [False, 7])
def test_bands_are_made_of_errors_that_were_known_at_their_origin(refit):
    X = np.exp(table())
    model = TransformedTargetRegressor(pipe(), func=np.log, inverse_func=np.exp)
    params = {"steps": 3, "test_size": 40, "refit": refit, "return_forecasts": True, "metric": "coverage"}
    found, forecasts = backtest(model, X, X["load"], confidence_level=0.8, **params)
    errors = np.log(forecasts["y_true"] / forecasts["model"]).abs()
    for (origin, step), row in forecasts.iterrows():
        earlier = forecasts["time"] <= origin
        known = np.sort(errors[earlier & (forecasts.index.get_level_values("step") == step)])
        rank = int(np.ceil(round(0.8 * (len(known) + 1), 9)))
        if rank > len(known):
            assert row[["lower", "upper"]].isna().all()
        else:
            assert np.log(row["upper"] / row["model"]) == pytest.approx(known[rank - 1])
            assert np.log(row["model"] / row["lower"]) == pytest.approx(known[rank - 1])
    for step, rows in forecasts.dropna().groupby(level="step"):
        assert found.loc[step, "model"] == rows["y_true"].between(rows["lower"], rows["upper"]).mean()


def test_bands_of_an_autoregression_hold_their_share():
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    for t in range(1, len(x)):
        x[t] += 0.7 * x[t - 1]
    X = pd.DataFrame({"x": x})
    found = backtest(pipe(1), X, x, steps=3, test_size=2000, metric=["coverage", "pinball"], confidence_level=0.9)
    np.testing.assert_allclose(found["coverage", "model"], 0.9, atol=0.025)
    std = np.sqrt(np.cumsum(0.7 ** (2.0 * np.arange(3))))
    # The pinball loss of a quantile of the normal distribution at its own level is its density there.
    np.testing.assert_allclose(found["pinball", "model"], std * norm.pdf(norm.ppf(0.95)), rtol=0.06)


class Counting(RegressorMixin, BaseEstimator):
    """Answers with the number of rows that it was fitted on."""

    def fit(self, X, y):
        self.n_ = len(X) + 0 * len(y)
        return self

    def predict(self, X):
        return np.full(len(X), float(self.n_))


@pytest.mark.parametrize(("refit", "every"), [(False, 99), (True, 1), (1, 1), (3, 3), (40, 40)])
def test_a_clone_is_fitted_for_every_kth_origin(refit, every):
    X = table()
    params = {"steps": 2, "test_size": 14, "stride": 2, "refit": refit, "return_forecasts": True}
    _, forecasts = backtest(pipe(last=Counting()), X, X["load"], **params)
    n_rows = forecasts["model"].groupby(level="origin").first()
    assert list(n_rows) == [66 + 2 * (i // every) * every for i in range(7)]


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_fits_side_by_side_give_the_same(backend):
    X = panel()
    params = {"steps": 2, "test_size": 6, "refit": True, "return_forecasts": True}
    expected = backtest(pipe(), X, X["load"], **params)
    with joblib.parallel_config(backend=backend):
        found = backtest(pipe(), X, X["load"], n_jobs=2, **params)
    for one, other in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_coverage_of_each_series_is_a_mean_over_the_forecasts():
    params = {"steps": 2, "test_size": 20, "confidence_level": 0.8, "metric": ["coverage"], "return_forecasts": True}
    X = panel()
    found, forecasts = backtest(pipe(), X, X["load"], **params)
    inside = forecasts.dropna().eval("lower <= y_true <= upper")
    np.testing.assert_allclose(inside.groupby("step").mean(), found["coverage"]["model"])
    assert set(inside.groupby(level=0).mean().index) == set(X.index.get_level_values(0))


def test_a_bar_counts_origins_if_asked_for_alone(capfd):
    X = table()
    backtest(pipe(), X, X["load"], steps=2, test_size=6, refit=2)
    assert capfd.readouterr() == ("", "")
    backtest(pipe(), X, X["load"], steps=2, test_size=6, refit=2, verbose=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "backtest: 100%" in err
    assert "5/5" in err


X = table()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"metric": "r2"}, r"'metric' parameter of backtest must name one of \['coverage', 'mae', 'mase'"),
        ({"metric": ["mae", 3]}, "'metric' parameter of backtest must name one of"),
        ({"metric": []}, "'metric' parameter of backtest must name one of"),
        ({"metric": ["mae", "mae"]}, "several metrics of the name 'mae'"),
        ({"metric": "coverage"}, "metric='coverage' needs bands: name a confidence_level"),
        ({"metric": ["mae", "pinball"]}, "metric='pinball' needs bands"),
        ({"confidence_level": 0.95}, "confidence_level=0.95 needs more errors of earlier origins"),
        ({"confidence_level": 1.0}, "'confidence_level' parameter"),
        ({"refit": 0}, "'refit' parameter"),
        ({"n_jobs": 0.5}, "'n_jobs' parameter"),
        ({"verbose": "yes"}, "'verbose' parameter"),
    ],
)
def test_what_cannot_be_measured_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        backtest(pipe(), X, X["load"], steps=1, **params)
