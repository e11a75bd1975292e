"""Rows without a grid: a channel says how much time passes between a step and the row that it is paired with."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import GRURegressor, LagImportanceDisplay, SlidingWindowTransformer, WindowDisplay, backtest, forecast

pytestmark = pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning", "ignore::UserWarning")


def irregular(n=200, seed=0):
    """Times apart by 1 to 9 seconds."""
    gaps = np.random.default_rng(seed).integers(1, 10, size=n)
    return pd.DatetimeIndex(pd.Timestamp("2024-01-01") + pd.to_timedelta(gaps.cumsum(), unit="s"))


ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40)), min_size=1, max_size=20, unique=True)


@settings(max_examples=60, deadline=None)
@given(
    training=ROWS,
    call=ROWS,
    window_size=st.integers(1, 5),
    horizon=st.sampled_from([0, 1, 3]),
    kind=st.sampled_from(["datetime", "timedelta", "number", "period"]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_elapsed_is_the_time_between_a_step_and_its_row(training, call, window_size, horizon, kind, dtype):
    def table(rows):
        times = {
            "datetime": pd.Timestamp("2024-01-01") + pd.to_timedelta([t for _, t in rows], unit="s"),
            "timedelta": pd.to_timedelta([t for _, t in rows], unit="s"),
            "number": pd.Index([t for _, t in rows]),
            "period": pd.PeriodIndex.from_ordinals([t for _, t in rows], freq="M"),
        }[kind]
        index = pd.MultiIndex.from_arrays([[s for s, _ in rows], times])
        return pd.DataFrame({"a": np.array([100 * s + t for s, t in rows], dtype=dtype)}, index=index)

    params = {"window_size": window_size, "horizon": horizon, "freq": None, "incomplete": "ignore"}
    windows = SlidingWindowTransformer(**params, elapsed=True).fit(table(training))
    found = windows.transform(table(call))
    plain = SlidingWindowTransformer(**params).fit(table(training)).transform(table(call))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[:, :, :1], plain)
    for (series, time), window in zip(call, found, strict=True):
        hours = sorted(t for s, t in {*training, *call} if s == series)
        place = hours.index(time)
        for step in range(window_size):
            at = place - window_size + 1 + step  # the row with which the step is paired
            lag = max(horizon, 1)
            expected = hours[at] - hours[at - lag] if at >= lag else np.nan if horizon or at < 0 else 0
            np.testing.assert_equal(window[step, 1], expected)


def test_the_newest_step_knows_how_far_its_row_is():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=pd.to_datetime([0, 60, 90], unit="s"))
    windows = SlidingWindowTransformer(2, horizon=1, freq=None, elapsed=True).fit(X)
    later = pd.DataFrame({"a": np.nan}, index=pd.to_datetime([1090], unit="s"))
    assert windows.transform(later).tolist() == [[[2.0, 30.0], [3.0, 1000.0]]]
    ordered = SlidingWindowTransformer(2, horizon=1, freq=None, elapsed=True).fit_transform(X)
    assert ordered.strides[0] == ordered.strides[1]  # still a view


def decay():
    """A value that falls by a tenth each second, so that the next one follows from the time until then."""
    index = irregular()
    rng = np.random.default_rng(1)
    seconds = np.diff(index, prepend=index[0]) / np.timedelta64(1, "s")
    level = np.zeros(len(index))
    for i in range(1, len(index)):
        level[i] = level[i - 1] - 0.1 * seconds[i] + (rng.random() < 0.2)
    return pd.DataFrame({"level": level}, index=index)


def pipe(**params):
    windows = SlidingWindowTransformer(2, horizon=1, freq=None, flatten=True, **params)
    return make_pipeline(windows, FunctionTransformer(np.nan_to_num), LinearRegression())


def test_names_tell_the_channel_and_its_moment():
    X = decay()
    flat = SlidingWindowTransformer(2, horizon=1, freq=None, flatten=True, elapsed=True).set_output(transform="pandas")
    assert list(flat.fit_transform(X)) == ["level@t-2", "elapsed@t-1", "level@t-1", "elapsed@t"]
    flat.set_params(horizon=0).fit(X)
    assert flat.get_feature_names_out().tolist() == ["level@t-1", "elapsed@t-1", "level@t", "elapsed@t"]


def test_forecasts_read_the_times_that_are_asked_for():
    X = decay()
    model = pipe(elapsed=True).fit(X, X["level"])
    times = X.index[-1] + pd.to_timedelta([2, 40, 41], unit="s")
    found = forecast(model, X, 3, future=pd.DataFrame(index=times))["level"]
    known = X
    for time in times:  # one by one, each on what was answered before
        row = pd.DataFrame({"level": np.nan}, index=[time])
        answer = model.predict(pd.concat([known, row]))[-1]
        np.testing.assert_allclose(found[time], answer)
        known = pd.concat([known, row.fillna(answer)])
    slope = model[-1].coef_[-1]
    assert slope == pytest.approx(-0.1, abs=0.02)
    _, rolled = backtest(model, X, X["level"], steps=2, test_size=20, stride=5, return_forecasts=True)
    past = pipe(elapsed=True).fit(X[:-20], X["level"][:-20])
    expected = forecast(past, X[:-20], 2, future=pd.DataFrame(index=X.index[-20:-18]))["level"]
    np.testing.assert_allclose(rolled.loc[X.index[-21]]["model"], expected)


@pytest.mark.parametrize("horizon", [0, 1, 3])
def test_a_short_history_is_as_good_as_all_of_it(horizon):
    X = decay()
    windows = SlidingWindowTransformer(4, horizon=horizon, freq=None, elapsed=True)
    tail = SlidingWindowTransformer(4, horizon=horizon, freq=None, elapsed=True, history="tail").fit(X[:150])
    expected = windows.fit(X[:150]).transform(X[150:160])
    np.testing.assert_array_equal(tail.transform(X[150:160]), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(tail)).transform(X[150:160]), expected)
    np.testing.assert_array_equal(tail.partial_fit(X[150:160]).transform(X[160:]), windows.transform(X[150:])[10:])


@pytest.mark.usefixtures("plt")
def test_displays_name_it():
    X = decay()
    network = GRURegressor(2, max_iter=1, random_state=0)
    model = make_pipeline(SlidingWindowTransformer(3, horizon=1, freq=None, elapsed=True), network)
    model.fit(X, X["level"])
    assert network.n_features_in_ == 2
    assert network.anchor_.tolist() == [0]
    display = LagImportanceDisplay.from_estimator(model, X)
    assert "elapsed" in [str(name) for name in display.channels]
    shown = WindowDisplay.from_estimator(model, X, rows=[50])
    assert shown.future_share.tolist() == [[1.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("X", "params", "message"),
    [
        (pd.DataFrame({"a": np.zeros(9)}), {}, r"lie on a time grid \(freq_=1\).* Set freq=None"),
        (np.zeros((9, 1)), {"freq": None}, "elapsed=True needs the times of the rows, but X carries no key"),
        (pd.DataFrame({"elapsed": np.zeros(9)}), {"freq": None}, "X has a column of this name. Rename it"),
    ],
)
def test_what_has_no_elapsed_time_is_refused(X, params, message):
    with pytest.raises(ValueError, match=message):
        SlidingWindowTransformer(3, elapsed=True, **params).fit(X)
