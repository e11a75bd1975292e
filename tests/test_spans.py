"""A window_size that is a span of time is a number of steps of the grid."""

import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer, forecast

pytestmark = pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning")


def rows(index):
    return pd.DataFrame({"a": np.arange(float(len(index)))}, index=index)


@pytest.mark.parametrize(
    ("index", "span", "steps"),
    [
        (pd.date_range("2024", periods=60, freq="h"), "24h", 24),
        (pd.date_range("2024", periods=60, freq="h"), "1D", 24),
        (pd.date_range("2024", periods=60, freq="h"), datetime.timedelta(hours=5), 5),
        (pd.date_range("2024", periods=60, freq="h"), np.timedelta64(1, "D"), 24),
        (pd.date_range("2024", periods=60, freq="h"), pd.offsets.Hour(6), 6),
        (pd.date_range("2024", periods=60, freq="h").delete([3, 4]), "24h", 24),
        (pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin"), "24h", 24),
        (pd.date_range("2024", periods=60, freq="15min"), "1h30min", 6),
        (pd.date_range("2024", periods=60, freq="2h"), "1 day", 12),
        (pd.date_range("2024", periods=60, freq="W-WED"), "28D", 4),
        (pd.date_range("2024", periods=60, freq="B"), "20B", 20),
        (pd.date_range("2024", periods=60, freq="MS"), "1YS", 12),
        (pd.date_range("2024", periods=60, freq="QE"), "2YE", 8),
        (pd.period_range("2024", periods=60, freq="M"), "1Y", 12),
        (pd.period_range("2024", periods=60, freq="h"), "1D", 24),
        (pd.timedelta_range("0h", periods=60, freq="h"), pd.Timedelta("7h"), 7),
    ],
)
def test_a_span_is_a_number_of_steps(index, span, steps):
    X = rows(index)
    windows = SlidingWindowTransformer(span, horizon=2).fit(X)
    assert windows.window_size_ == steps
    assert windows.window_size is span
    np.testing.assert_array_equal(windows.transform(X), SlidingWindowTransformer(steps, horizon=2).fit(X).transform(X))


@pytest.mark.parametrize(
    ("index", "span", "message"),
    [
        (pd.date_range("2024", periods=60, freq="h"), "90min", r"'90min' is 1\.5 steps of the time grid \(freq_='h'\)"),
        (pd.date_range("2024", periods=60, freq="D"), "24min", "is 0.0166667 steps of the time grid .* at least one"),
        (
            pd.date_range("2024", periods=60, freq="B"),
            "7D",
            "cannot be counted in steps .*'B'.*, or the number of steps",
        ),
        (pd.date_range("2024", periods=60, freq="MS"), "30D", "cannot be counted in steps .*'MS'.*\"3MS\" for months"),
        (pd.date_range("2024", periods=60, freq="h"), "5B", "cannot be counted in steps"),
        (
            pd.to_datetime([0, 7, 11, 100, 2000], unit="h"),
            "24h",
            "rows of X lie on none .* number of rows, or set freq",
        ),
        (pd.RangeIndex(60), "24h", "window_size='24h' must be a number"),
        (pd.date_range("2024", periods=60), "long", "window_size='long' is no span of time"),
        (None, "24h", "rows of X lie on none"),
        (pd.date_range("2024", periods=60), 2.5, "The 'window_size' parameter"),
        (pd.date_range("2024", periods=60), "-3D", "must be a whole number of them, at least one"),
    ],
)
def test_what_is_no_number_of_steps_is_refused(index, span, message):
    X = np.zeros((60, 1)) if index is None else rows(index)
    windows = SlidingWindowTransformer(span)
    with pytest.raises(ValueError, match=message):
        windows.fit(X)
    assert not hasattr(windows, "window_size_")


def test_a_search_a_forecast_and_a_saved_model_take_spans():
    index = pd.date_range("2024", periods=100, freq="h")
    X = pd.DataFrame({"load": np.sin(np.arange(100) / 4)}, index=index)
    model = make_pipeline(SlidingWindowTransformer("3h", horizon=1), GRURegressor(2, max_iter=1, random_state=0))
    grid = {"slidingwindowtransformer__window_size": ["3h", pd.Timedelta("6h"), 9]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2), error_score="raise").fit(X, X["load"])
    assert search.best_estimator_[0].window_size_ in (3, 6, 9)
    again = pickle.loads(pickle.dumps(model.fit(X, X["load"])))
    in_steps = make_pipeline(SlidingWindowTransformer(3, horizon=1), GRURegressor(2, max_iter=1, random_state=0))
    expected = forecast(in_steps.fit(X, X["load"]), X, 4)
    pd.testing.assert_frame_equal(forecast(model, X, 4), expected)
    pd.testing.assert_frame_equal(forecast(again, X, 4), expected)


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_file_of_an_earlier_version_is_read(protocol):
    X = rows(pd.RangeIndex(30))
    windows = SlidingWindowTransformer(3).fit(X[:20])
    expected = windows.transform(X[20:])
    memory = windows._memory
    for held, names in [
        (windows, ["max_gap", "elapsed", "static_columns", "window_size_"]),
        (memory, ["max_gap", "elapsed"]),
        (memory.columns, ["static"]),
    ]:
        for name in names:
            del held.__dict__[name]
    again = pickle.loads(pickle.dumps(windows, protocol))
    assert clone(again).get_params() == SlidingWindowTransformer(3).get_params()
    assert repr(again) == "SlidingWindowTransformer(window_size=3)"
    np.testing.assert_array_equal(again.transform(X[20:]), expected)
    np.testing.assert_array_equal(again.partial_fit(X[20:25]).transform(X[25:]), expected[5:])
