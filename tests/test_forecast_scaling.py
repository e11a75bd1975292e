"""Forecasts, bands and backtests of models that measure series in units of their own size."""

import numpy as np
import pandas as pd
import pytest
from conftest import ar_series
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skrnn import GRURegressor, SlidingWindowTransformer, backtest, calibrate, forecast, horizon_targets

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
    pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning"),
]
FAR = 1000.0


def network(**params):
    learning = {"max_iter": 3, "learning_rate_init": 0.02, "early_stopping": False, "solver": "sgd"}
    return GRURegressor(**{"hidden_size": 4, "random_state": 0, "scaling": "mean", **learning, **params})


def pipeline(*front, horizon=1, **params):
    return make_pipeline(*front, SlidingWindowTransformer(6, horizon=horizon), network(**params))


@pytest.fixture
def shops(rng):
    """Two series of 90 days, the second 20 times as large."""
    days = pd.date_range("2024-01-01", periods=90, freq="D")
    values = np.concatenate([(10 + ar_series(rng, 90)) * size for size in (1, 20)])
    return pd.DataFrame({"sold": values}, index=pd.MultiIndex.from_product([["a", "b"], days], names=["shop", "day"]))


def larger(table):
    """The same with a thousand times as much in the second shop."""
    table = table.copy()
    table.loc["b"] *= FAR
    return table


def assert_follow(after, before, rtol=1e-8):
    """A table of the larger shops is that of the shops with larger numbers in the second."""
    assert len(before) > 0
    pd.testing.assert_index_equal(after.index, before.index)
    for shop, factor in (("a", 1), ("b", FAR)):
        mine = before.index.get_level_values("shop") == shop
        np.testing.assert_allclose(after.to_numpy()[mine], factor * before.to_numpy()[mine], rtol=rtol)


QUANTILES = {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}


@pytest.mark.parametrize("scaling", ["mean", "std"])
@pytest.mark.parametrize(
    ("params", "asked"),
    [
        ({}, {"steps": 4}),
        ({"horizon": 3}, {"steps": 3}),
        ({"loss": "gaussian"}, {"steps": 4, "return_std": True}),
        ({"loss": "gaussian"}, {"steps": 4, "return_quantiles": True}),
        (QUANTILES, {"steps": 2, "return_quantiles": True}),
        (QUANTILES, {"steps": 4, "n_paths": 5, "random_state": 0}),
    ],
    ids=str,
)
def test_forecasts_follow_the_size_of_their_series(shops, scaling, params, asked):
    found = []
    for table in (shops, larger(shops)):
        model = pipeline(scaling=scaling, **params).fit(table, table["sold"])
        found.append(forecast(model, table, **asked))
    assert_follow(found[1], found[0])


def test_forecasts_of_all_steps_at_once_follow_the_size_of_their_series(shops):
    found = []
    for table in (shops, larger(shops)):
        targets = horizon_targets(table["sold"], 3)
        rows = targets.notna().all(axis=1)
        model = pipeline().fit(table[rows], targets[rows])
        assert model[-1].scaling_ == "mean"
        found.append(forecast(model, table, 1))
        assert found[-1].shape == (2, 3)
    assert_follow(found[1], found[0])


@pytest.mark.parametrize("scaling", ["mean", "std"])
@pytest.mark.parametrize("asked", [{"confidence_level": 0.8}, {"n_paths": 5, "random_state": 0}], ids=str)
@pytest.mark.parametrize("way", ["calibrate", "rows after the fit"])
def test_bands_and_paths_from_errors_follow_the_size_of_their_series(shops, way, asked, scaling):
    found = []
    for table in (shops, larger(shops)):
        model = pipeline(scaling=scaling)
        if way == "calibrate":
            model = calibrate(model, table, table["sold"], steps=3, test_size=30)
        else:
            early = table[table.index.get_level_values("day") < "2024-03-01"]
            model.fit(early, early["sold"])
        found.append(forecast(model, table, 3, **asked))
    assert_follow(found[1], found[0])


@pytest.mark.parametrize("scaling", ["mean", "std"])
def test_half_widths_are_shares_of_the_size_at_the_origin(shops, scaling):
    calibrated = calibrate(pipeline(scaling=scaling), shops, shops["sold"], steps=2, test_size=30)
    found = forecast(calibrated, shops, 2, confidence_level=0.8)
    half_widths = ((found["sold_upper"] - found["sold_lower"]) / 2).to_numpy().reshape(2, 2)  # (shop, step)
    last = shops["sold"].to_numpy().reshape(2, 90)[:, -6:]
    sizes = np.abs(last).mean(axis=1) if scaling == "mean" else last.std(axis=1)
    n = len(calibrated.residuals)
    rank = int(np.ceil((n + 1) * 0.8)) - 1
    shares = np.sort(np.abs(calibrated.residuals[..., 0]), axis=0)[rank]
    np.testing.assert_allclose(half_widths, sizes[:, None] * shares, rtol=1e-10)


def test_errors_are_shares_of_the_size_at_the_origin(shops):
    model = pipeline()
    residuals = calibrate(model, shops, shops["sold"], steps=3, test_size=30).residuals[..., 0]
    _, table = backtest(model, shops, shops["sold"], steps=3, test_size=30, return_forecasts=True)
    errors = (table["y_true"] - table["model"]).to_numpy().reshape(-1, 3)
    sizes = shops["sold"].groupby("shop").transform(lambda values: values.abs().rolling(6).mean())
    origins = table.index.droplevel("step")[::3]
    np.testing.assert_allclose(residuals, errors / sizes.loc[origins].to_numpy()[:, None], rtol=1e-10)


def test_a_backtest_follows_the_size_of_its_series(shops):
    asked = {"steps": 2, "test_size": 30, "confidence_level": 0.8, "return_forecasts": True}
    asked["metric"] = ["mase", "coverage"]
    (errors, table), (errors_then, then) = (
        backtest(pipeline(), some, some["sold"], **asked) for some in (shops, larger(shops))
    )
    columns = ["y_true", "model", "lower", "upper"]
    assert table["lower"].notna().any()
    assert_follow(then[columns], table[columns])
    np.testing.assert_allclose(errors_then["coverage"], errors["coverage"])
    np.testing.assert_allclose(errors_then["mase"], errors["mase"], rtol=1e-8)


def test_bands_hold_their_share_in_each_series_of_a_panel():
    rng = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", periods=330, freq="D")
    sizes = [1, 10, 100, 1000]
    values = np.concatenate([(10 + ar_series(rng, 330)) * size for size in sizes])
    table = pd.DataFrame({"sold": values}, index=pd.MultiIndex.from_product([sizes, days]))
    found = {}
    for scaling in (None, "mean"):
        model = pipeline(scaling=scaling, max_iter=1)
        asked = {"steps": 1, "test_size": 200, "confidence_level": 0.8, "return_forecasts": True}
        _, forecasts = backtest(model, table, table["sold"], **asked)
        forecasts = forecasts.dropna()
        inside = forecasts["y_true"].between(forecasts["lower"], forecasts["upper"])
        found[scaling] = inside.groupby(level=0).mean().to_numpy()
    np.testing.assert_allclose(found["mean"], 0.8, atol=0.1)
    assert found[None][0] == 1  # one width for all is far too wide for the small
    assert found[None][-1] < 0.5  # and too narrow for the large


def test_other_units_of_x_and_of_y_change_no_band(shops):
    tripled = TransformedTargetRegressor(network(), func=lambda y: 3 * y, inverse_func=lambda y: y / 3)
    found = []
    for model in (
        pipeline(),
        pipeline(MinMaxScaler()).set_output(transform="pandas"),
        make_pipeline(SlidingWindowTransformer(6, horizon=1), tripled),
    ):
        calibrated = calibrate(model, shops, shops["sold"], steps=3, test_size=30)
        found.append(forecast(calibrated, shops, 3, confidence_level=0.8))
    for table in found[1:]:
        np.testing.assert_allclose(table, found[0], rtol=1e-6)


def test_a_series_that_stands_still_has_a_band_without_width(shops):
    table = shops.copy()
    table.loc[("b", "2024-03-20") :, "sold"] = 0.0
    calibrated = calibrate(pipeline(), table[:"a"], table[:"a"]["sold"], steps=2, test_size=30)
    found = forecast(calibrated, table, 2, confidence_level=0.8)
    np.testing.assert_array_equal(found.loc["b"], 0)
    assert np.isfinite(found.loc["a"]).all(axis=None)
    assert (found["sold_upper"] > found["sold_lower"]).loc["a"].all()
