"""Static columns hold one value for each series: rows may lack it, and forecasts carry it on."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skrnn import ForecastDisplay, GRURegressor, SlidingWindowTransformer, backtest, calibrate, forecast

pytestmark = pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning", "ignore::UserWarning")

DAYS = pd.date_range("2024-01-01", periods=60, name="day")
SIZES = {"north": 1.0, "south": 2.0, "west": 4.0}


def shops(days=DAYS):
    """Sales that jump to and fro by the size of the shop, which is found in no other way on the first days."""
    frames = {}
    for i, (shop, size) in enumerate(SIZES.items()):
        noise = np.random.default_rng(i).normal(scale=0.1, size=len(days))
        frames[shop] = pd.DataFrame(
            {"sales": size * np.sin(np.arange(len(days)) / 2) + noise, "size": size}, index=days
        )
    return pd.concat(frames, names=["shop"])


def pipe(*front, static="size", **params):
    windows = SlidingWindowTransformer(3, horizon=1, flatten=True, static_columns=static, **params)
    return make_pipeline(*front, windows, FunctionTransformer(np.nan_to_num), LinearRegression())


def test_a_forecast_carries_them_on():
    X = shops()
    model = pipe().fit(X, X["sales"])
    future = shops(pd.date_range("2024-01-01", periods=80, name="day"))[["size"]]
    expected = forecast(model, X, 20, target="sales", future=future)
    pd.testing.assert_frame_equal(forecast(model, X, 20), expected)
    pd.testing.assert_frame_equal(forecast(model, X, 20, target="sales"), expected)
    lacking = X.assign(size=X["size"].where(X.index.get_level_values("day") < DAYS[-10]))
    pd.testing.assert_frame_equal(forecast(model, lacking, 20), expected)
    with pytest.raises(ValueError, match="values of 'size' that nobody knows yet"):
        forecast(pipe(static=None).fit(X, X["sales"]), X, 20, target="sales")


@pytest.mark.usefixtures("plt")
def test_backtests_calibration_paths_and_displays_carry_them_on():
    X = shops()
    expected = backtest(pipe(static=None), X, X["sales"], steps=4, stride=4, target="sales", future="size")
    pd.testing.assert_frame_equal(backtest(pipe(), X, X["sales"], steps=4, stride=4), expected)
    calibrated = calibrate(pipe(), X, X["sales"], steps=4)
    assert np.isfinite(forecast(calibrated, X, 4, confidence_level=0.8)).all(axis=None)
    assert np.isfinite(forecast(calibrated, X, 6, n_paths=3, random_state=0)).all(axis=None)
    past = X[X.index.get_level_values("day") < DAYS[-5]]
    model = pipe().fit(past, past["sales"])
    display = ForecastDisplay.from_estimator(model, X, X["sales"], steps=5)
    np.testing.assert_allclose(display.y_pred.to_numpy(), forecast(model, past, 5).to_numpy())


@pytest.mark.parametrize("dtype", ["str", "category"])
def test_what_a_step_in_front_makes_of_a_category_is_carried_on(dtype):
    X = shops()
    kinds = {1.0: "kiosk", 2.0: "shop", 4.0: "hall"}
    X["kind"] = X.pop("size").map(kinds).astype(dtype)
    front = ColumnTransformer(
        [("kind", OneHotEncoder(sparse_output=False), ["kind"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    model = pipe(front, static=make_column_selector("^kind")).set_output(transform="pandas")
    model.set_params(functiontransformer__feature_names_out="one-to-one").fit(X, X["sales"])
    found = forecast(model, X, 5)
    future = shops(pd.date_range("2024-01-01", periods=80, name="day"))[["size"]]
    future["kind"] = future.pop("size").map(kinds).astype(dtype)
    pd.testing.assert_frame_equal(found, forecast(model, X, 5, target="sales", future=future))
    assert np.isfinite(backtest(model, X, X["sales"], steps=4, stride=9)).all(axis=None)


def test_what_static_columns_share_with_others_is_not_carried_on():
    X = shops().assign(air=1.0)
    front = FunctionTransformer(lambda X: X.assign(size=X["size"] + 0 * X["air"], wind=X["air"]).drop(columns="air"))
    model = pipe(front).fit(X, X["sales"])
    with pytest.raises(ValueError, match="values of 'air' that nobody knows yet"):
        forecast(model, X, 5, target="sales")


@pytest.mark.parametrize("history", ["all", "tail"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_lack_them_get_those_of_their_series(history, dtype):
    X = shops().astype(dtype)
    known = X.index.get_level_values("day") < DAYS[-20]
    windows = SlidingWindowTransformer(4, horizon=1, static_columns=["size"], history=history).fit(X[known])
    expected = windows.transform(X[~known])
    held = X[~known].copy()
    found = windows.transform(held.assign(size=np.array(np.nan, dtype=dtype)))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(windows.transform(held[["sales", "size"]]), expected)
    again = pickle.loads(pickle.dumps(windows))
    np.testing.assert_array_equal(again.transform(X[~known].assign(size=np.nan)), expected)
    pd.testing.assert_frame_equal(held, X[~known])  # rows of the caller stay as they are


def test_absent_rows_and_rows_of_nan_stay_steps_of_nan():
    X = shops().loc["north"]
    empty = X.copy()
    empty.iloc[[5, 6]] = np.nan
    windows = SlidingWindowTransformer(4, freq="D", static_columns="size")
    np.testing.assert_array_equal(
        windows.fit_transform(X.drop(X.index[[5, 6]])), np.delete(windows.fit_transform(empty), [5, 6], axis=0)
    )


def test_a_row_that_holds_nothing_else_is_to_be_forecast():
    X = shops().loc["north"]
    model = make_pipeline(SlidingWindowTransformer(3, horizon=1, static_columns="size"), GRURegressor(2, max_iter=1))
    model.fit(X, X["sales"])
    ahead = pd.DataFrame({"sales": np.nan, "size": 1.0}, index=pd.date_range(DAYS[-1], periods=3)[1:])
    with pytest.raises(ValueError, match=r"The windows of 1 rows .* end after the last row that is known"):
        model.predict(ahead)
    np.testing.assert_array_equal(model.predict(ahead[:1]), model.predict(ahead[:1].assign(size=np.nan)))


def test_series_that_fit_has_not_seen_bring_their_own():
    X = shops()
    windows = SlidingWindowTransformer(3, static_columns="size").fit(X.loc[["north"]])
    south = X.loc[["south"]].copy()
    south.iloc[1:, 1] = np.nan
    assert windows.transform(south)[3, :, 1].tolist() == [2.0, 2.0, 2.0]
    south["size"] = np.nan
    assert np.isnan(windows.transform(south)[:, :, 1]).all()


def test_values_that_change_are_refused_and_nothing_is_learnt():
    X = shops()
    changed = X.copy()
    changed.iloc[70, 1] = 3.0
    windows = SlidingWindowTransformer(3, static_columns="size")
    message = r"names 'size', .* the rows of series 'south' hold 3 and 2\. Leave it out"
    with pytest.raises(ValueError, match=message):
        windows.fit(changed)
    assert not hasattr(windows, "freq_")
    windows.fit(X[:130])
    with pytest.raises(ValueError, match="the rows of series 'west' hold"):
        windows.transform(pd.concat({"west": shops().loc["west"].assign(size=9.0)})[40:])
    with pytest.raises(ValueError, match="series 'south'"):
        windows.partial_fit(changed[60:71])
    one = SlidingWindowTransformer(3, static_columns="size")
    with pytest.raises(ValueError, match="but the rows hold 1 and 2"):
        one.fit(pd.DataFrame({"sales": 0.0, "size": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="Both future_columns and static_columns name 'size'"):
        one.set_params(future_columns="size").fit(X)
    with pytest.raises(ValueError, match="static_columns='sun' is not a column of X"):
        SlidingWindowTransformer(3, static_columns="sun").fit(X)


def test_columns_of_arrays_are_named_by_position():
    X = shops()
    array = np.column_stack([np.repeat([0, 1, 2], 60), np.tile(np.arange(60), 3), X["sales"], X["size"]])
    params = {"group_column": 0, "time_column": 1, "horizon": 1}
    static = SlidingWindowTransformer(3, static_columns=3, **params).fit(array)
    lacking = array[[59, 119]]
    lacking[:, 1:] = [[60, 5.0, np.nan]]
    expected = lacking.copy()
    expected[:, 3] = [1.0, 2.0]
    later = lacking + np.array([0, 1, np.nan, np.nan])
    found, plain = (
        windows.transform(np.vstack([rows, later]))
        for windows, rows in ((static, lacking), (SlidingWindowTransformer(3, **params).fit(array), expected))
    )
    np.testing.assert_array_equal(found, plain)
