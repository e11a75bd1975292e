"""Features that steps in front of the window step make of the key: known for every row, also for those to come."""

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, SplineTransformer

from skrnn import ForecastDisplay, SlidingWindowTransformer, backtest, calibrate, forecast

pytestmark = pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning")

DAYS = pd.date_range("2023-01-01", periods=500, name="day")
HOLIDAYS = USFederalHolidayCalendar().holidays("2021-01-01", "2024-12-31")
KNOWN = make_column_selector(pattern="^(?:weekday|holiday|month|sin|cos)")


def with_calendar(X):
    """Day of the week, month and holiday of rows with an index of times, which may be the last level."""
    time = X.index.get_level_values(-1)
    return X.assign(weekday=time.day_of_week, month=time.month, holiday=time.isin(HOLIDAYS))


def with_waves(X, order=1):
    """Fourier terms of the week."""
    days = (X.index.get_level_values(-1) - pd.Timestamp("2023-01-01")) / pd.Timedelta("1D")
    waves = {
        f"{wave.__name__}{k}": wave(2 * np.pi * k * days / 7) for wave in (np.sin, np.cos) for k in range(1, order + 1)
    }
    return X.assign(**waves)


def cyclic():
    month = SplineTransformer(4, knots=np.linspace(1, 13, 5)[:, None], extrapolation="periodic", include_bias=False)
    weekday = OneHotEncoder(categories=[range(7)], sparse_output=False)
    steps = [("month", month, ["month"]), ("weekday", weekday, ["weekday"])]
    return ColumnTransformer(steps, remainder="passthrough", verbose_feature_names_out=False)


FRONTS = {
    "calendar": lambda: [FunctionTransformer(with_calendar)],
    "splines and dummies": lambda: [FunctionTransformer(with_calendar), cyclic()],
    "waves": lambda: [FunctionTransformer(with_waves, kw_args={"order": 3})],
    "waves and a scaler": lambda: [FunctionTransformer(with_waves), MinMaxScaler()],
}


def visits(index=DAYS):
    """A shop that is closed on weekends and on holidays, with noise that no past tells."""
    is_open = (index.day_of_week < 5) & ~index.isin(HOLIDAYS)
    noise = np.random.default_rng(0).normal(scale=0.1, size=len(index))
    return pd.DataFrame({"visits": 10.0 * is_open + noise}, index=index)


def pipe(*front, known=KNOWN, window=3):
    windows = SlidingWindowTransformer(window, horizon=1, flatten=True, future_columns=known)
    fill = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
    return make_pipeline(*front, windows, fill, Ridge()).set_output(transform="pandas")


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("panel", [False, True])
def test_what_steps_in_front_make_of_the_key_is_as_good_as_columns_of_x(front, panel):
    X = visits()
    if panel:
        X = pd.concat({"north": X, "south": 2 * X}, names=["shop"])
    steps = FRONTS[front]()
    inside = pipe(*steps).fit(X, X["visits"])
    whole = make_pipeline(*inside[:-3]).transform(X)
    known = [name for name in whole if name != "visits"]
    outside = pipe(known=known).fit(whole, X["visits"])
    past = X.index.get_level_values(-1) < DAYS[-20]
    found = forecast(inside, X[past], 20, target="visits")
    if "scaler" not in front:
        expected = forecast(outside, whole[past], 20, target="visits", future=whole[known])
        pd.testing.assert_frame_equal(found, expected)
    assert np.isfinite(found).all(axis=None)


@pytest.mark.parametrize("front", FRONTS)
def test_they_are_known_in_a_backtest_too(front):
    X = visits()
    inside = pipe(*FRONTS[front]())
    found = backtest(inside, X, X["visits"], steps=7, stride=20)
    whole = make_pipeline(*inside[:-3]).fit_transform(X)
    if "scaler" not in front:
        known = [name for name in whole if name != "visits"]
        outside = backtest(pipe(known=known), whole, X["visits"], steps=7, stride=20, target="visits")
        pd.testing.assert_frame_equal(found, outside)
    calibrated = calibrate(inside, X, X["visits"], steps=7, stride=8)
    assert np.isfinite(forecast(calibrated, X, 7, n_paths=2)).all(axis=None)


@pytest.mark.usefixtures("plt")
def test_they_are_known_in_a_display_of_a_forecast_too():
    X = visits()
    model = pipe(*FRONTS["calendar"]()).fit(X[:-20], X["visits"][:-20])
    display = ForecastDisplay.from_estimator(model, X, X["visits"], steps=20)
    np.testing.assert_allclose(display.y_pred.to_numpy(), forecast(model, X[:-20], 20).to_numpy())


def test_holidays_that_no_past_tells_are_forecast():
    X = visits(pd.date_range("2022-01-01", "2023-12-20", name="day"))
    index = pd.date_range("2023-12-21", "2024-01-20", name="day")
    truth = visits(index)["visits"]

    def is_open(X):
        made = with_calendar(X)
        return X.assign(holiday=made["holiday"] | (made["weekday"] > 4))

    errors = {}
    for name, model in {
        "holidays": pipe(FunctionTransformer(is_open), window=2),
        "past": pipe(known=None, window=14),
    }.items():
        errors[name] = forecast(model.fit(X, X["visits"]), X, len(index))["visits"] - truth
    off = index.isin(pd.to_datetime(["2023-12-25", "2024-01-01", "2024-01-15"]))
    assert np.abs(errors["holidays"]).max() < 0.6
    assert errors["past"][off].min() > 5


def test_a_time_column_serves_as_well_as_an_index():
    X = visits().reset_index()
    windows = {"horizon": 1, "flatten": True, "time_column": "day"}
    front = FunctionTransformer(lambda X: X.assign(weekday=X["day"].dt.day_of_week))
    inside = make_pipeline(
        front,
        SlidingWindowTransformer(3, future_columns="weekday", **windows),
        FunctionTransformer(np.nan_to_num),
        Ridge(),
    )
    backtest(inside, X, X["visits"], steps=7, stride=20)
    found = forecast(inside.fit(X, X["visits"]), X, 9)
    frame = visits()
    other = pipe(FunctionTransformer(lambda X: X.assign(weekday=X.index.day_of_week)))
    expected = forecast(other.fit(frame, frame["visits"]), frame, 9)
    np.testing.assert_allclose(found, expected)


def test_a_callable_names_the_columns_that_are_known_in_advance():
    X = with_calendar(visits())
    for known, named in [
        (KNOWN, ["weekday", "month", "holiday"]),
        (lambda X: X.columns[1:3], ["weekday", "month"]),
        (lambda _: [], None),
    ]:
        found, expected = (SlidingWindowTransformer(3, horizon=2, future_columns=columns) for columns in (known, named))
        np.testing.assert_array_equal(found.fit_transform(X), expected.fit_transform(X))
    with pytest.raises(ValueError, match="future_columns='sun' is not a column of X"):
        SlidingWindowTransformer(3, future_columns=lambda _: ["sun"]).fit(X)


def test_a_search_runs_over_the_order_of_the_waves():
    X = visits()
    grid = {"functiontransformer-1__kw_args": [{"order": 1}, {"order": 3}]}
    search = GridSearchCV(pipe(*FRONTS["waves"](), window=1), grid, cv=TimeSeriesSplit(3)).fit(X, X["visits"])
    assert search.best_params_ == {"functiontransformer-1__kw_args": {"order": 3}}


def test_what_is_made_of_columns_that_are_not_known_is_refused():
    X = visits().assign(sky=1.0)
    front = FunctionTransformer(lambda X: X.drop(columns="sky").assign(weekday=X["sky"]))
    with pytest.raises(ValueError, match=r"names 'weekday', .* needed but not given\. Say with future"):
        backtest(pipe(front), X, X["visits"], steps=1, target="visits")
    backtest(pipe(front), X, X["visits"], steps=2, target="visits", future="sky", stride=20)


def series_of_different_size():
    """Sales that change by shares of themselves, in shops of very different size."""
    rng = np.random.default_rng(0)
    frames = {}
    for shop, size in {"kiosk": 1.0, "shop": 30.0, "hall": 1000.0}.items():
        level = np.zeros(150)
        for i in range(1, 150):
            level[i] = 0.8 * level[i - 1] + rng.normal(scale=0.1)
        frames[shop] = pd.DataFrame({"sales": size * np.exp(level)}, index=DAYS[:150])
    return pd.concat(frames, names=["shop"])


def test_logarithms_serve_series_of_very_different_size_and_their_bands():
    X = series_of_different_size()
    windows = SlidingWindowTransformer(3, horizon=1, flatten=True)
    plain = make_pipeline(windows, FunctionTransformer(np.nan_to_num), Ridge())
    inside = make_pipeline(FunctionTransformer(np.log), windows, FunctionTransformer(np.nan_to_num), Ridge())
    logs = TransformedTargetRegressor(inside, func=np.log, inverse_func=np.exp)
    shares = {}
    for name, model in {"plain": plain, "logs": logs}.items():
        _, found = backtest(model, X, X["sales"], steps=3, stride=3, return_forecasts=True)
        shares[name] = ((found["model"] - found["y_true"]).abs() / found["y_true"]).groupby(level="shop").mean()
    assert shares["logs"].max() < 0.25
    assert shares["plain"]["kiosk"] > 2 * shares["logs"]["kiosk"]
    bands = forecast(calibrate(logs, X, X["sales"], steps=3), X, 3, confidence_level=0.8)
    width = np.log(bands["sales_upper"]) - np.log(bands["sales_lower"])
    np.testing.assert_allclose(width["kiosk"], width["hall"])
