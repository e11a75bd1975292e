"""After a gap that is longer than max_gap windows start anew."""

import datetime
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import IncompleteWindowWarning, SlidingWindowTransformer, backtest, complete_windows, forecast

HOUR = pd.Timedelta("1h")


def table(rows):
    """Rows given as series, hour and whether its first channel is known; the second channel is known in advance."""
    index = pd.MultiIndex.from_tuples([(s, pd.Timestamp("2024-01-01") + t * HOUR) for s, t, _ in rows])
    past = [100.0 * s + t if known else np.nan for s, t, known in rows]
    return pd.DataFrame({"past": past, "known": [1000.0 + 100 * s + t for s, t, _ in rows]}, index=index)


def slow_windows(known, call, window_size, horizon, max_gap, regular):
    """Windows of the rows of a call, step by step; a row is seen if no gap lies between it and the window's end."""
    held = {(s, t): full for s, t, full in [*known, *call]}
    windows = np.full((len(call), window_size, 2), np.nan)
    for i, (series, hour, _) in enumerate(call):
        hours = sorted(t for s, t in held if s == series)
        axis = range(-99, 99) if regular else hours
        end = axis.index(hour) - horizon
        if regular:
            chain = [t for t in hours if t <= axis[end] and held[series, t]] + [axis[end]]
        else:
            chain = [t for t in hours if t <= hour]
        oldest = max((a + 1 for a, b in pairwise(chain) if b - a > max_gap), default=-np.inf)
        for step in range(window_size):
            for channel, place in enumerate([end - window_size + 1 + step, end - window_size + 1 + step + horizon]):
                if place >= 0 and (series, axis[place]) in held and axis[place] >= oldest:
                    full = channel == 1 or held[series, axis[place]]
                    windows[i, step, channel] = (1000.0 * channel + 100 * series + axis[place]) if full else np.nan
    return windows


ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 30), st.booleans()),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=50, deadline=None)
@given(
    training=ROWS,
    call=ROWS,
    window_size=st.integers(1, 6),
    horizon=st.sampled_from([0, 1, 3]),
    max_gap=st.integers(1, 6),
    regular=st.booleans(),
)
def test_windows_equal_a_walk_back_to_the_last_gap(training, call, window_size, horizon, max_gap, regular):
    keys = {row[:2] for row in call}
    windows = SlidingWindowTransformer(
        window_size,
        horizon=horizon,
        future_columns="known",
        freq="h" if regular else None,
        incomplete="ignore",
        max_gap=f"{max_gap}h",
    )
    fitted = windows.fit_transform(table(training))
    np.testing.assert_array_equal(fitted, slow_windows([], training, window_size, horizon, max_gap, regular))
    other = [row for row in training if row[:2] not in keys]
    windows.fit(table(other) if other else table([(5, 0, True)]))
    called = windows.transform(table(call))
    np.testing.assert_array_equal(called, slow_windows(other, call, window_size, horizon, max_gap, regular))


SPANS = {
    "text": ("h", "3h", 3),
    "minutes": ("h", "190min", 3),
    "timedelta": ("h", datetime.timedelta(hours=3), 3),
    "pandas": ("h", pd.Timedelta("3h"), 3),
    "numpy": ("h", np.timedelta64(180, "m"), 3),
    "offset": ("h", pd.offsets.Hour(3), 3),
    "days": ("D", "2D", 2),
    "hours of days": ("D", "48h", 2),
    "words": ("D", "2 days", 2),
    "weeks": ("D", "1W", 7),
    "business days": ("B", "3B", 3),
    "months": ("MS", "3MS", 3),
    "quarters of months": ("ME", "1QE", 3),
}


@pytest.mark.parametrize("kind", SPANS)
@pytest.mark.parametrize("make", [pd.date_range, pd.period_range])
def test_a_gap_is_counted_in_steps_of_the_grid(kind, make):
    freq, span, steps = SPANS[kind]
    if make is pd.period_range:
        freq, span = {"MS": "M", "ME": "M"}.get(freq, freq), {"3MS": "3M", "1QE": "Q"}.get(span, span)
        if kind == "business days":
            freq, span = "D", "3D"
    index = make("2024-01-01", periods=40, freq=freq)
    X = pd.DataFrame({"a": np.arange(40.0)}, index=index)
    for absent in (steps - 1, steps):  # rows between two neighbours
        windows = SlidingWindowTransformer(20, freq=freq, incomplete="ignore", max_gap=span)
        held = windows.fit(X).transform(X.drop(index[5 : 5 + absent]).iloc[:20])
        found = SlidingWindowTransformer(20, freq=freq, incomplete="ignore", max_gap=span, history="none").fit(X)
        found = found.transform(X.drop(index[5 : 5 + absent]))
        last = found[19 - absent, :, 0]
        seen = last[~np.isnan(last)].astype(int).tolist()
        expected = [*range(5), *range(5 + absent, 20)] if absent < steps else list(range(5 + absent, 20))
        assert seen == expected[-20:]
        assert not np.isnan(held[-1]).all()


@pytest.mark.parametrize(
    ("index", "span", "far"),
    [
        (pd.to_datetime([0, 10, 200, 201], unit="s"), "10s", [False, True, False]),
        (pd.to_timedelta([0, 10, 200, 201], unit="s"), pd.Timedelta("189s"), [False, True, False]),
        (pd.Index([0.0, 0.3, 0.7, 0.8]), 0.3, [False, True, False]),
        (pd.Index([0, 4, 9, 10]), 4, [False, True, False]),
        (pd.Index([0, 4, 9, 10]), 4.5, [False, True, False]),
        (pd.PeriodIndex(["2024-01", "2024-03", "2024-12", "2025-01"], freq="M"), "2ME", [False, True, False]),
        (
            pd.DatetimeIndex(["2024-01-01", "2024-01-03"]).append(pd.DatetimeIndex(["2024-02-01"] * 1)),
            "2D",
            [False, True],
        ),
    ],
)
def test_without_a_grid_a_gap_is_a_time(index, span, far):
    X = pd.DataFrame({"a": np.arange(len(index), dtype=float)}, index=index)
    windows = SlidingWindowTransformer(2, freq=None, max_gap=span, incomplete="ignore").fit_transform(X)
    np.testing.assert_array_equal(np.isnan(windows[1:, 0, 0]), far)


@pytest.mark.parametrize(
    ("index", "params", "message"),
    [
        (pd.RangeIndex(9), {"max_gap": "3h"}, "max_gap='3h' must be a number, as the keys of X are of kind 'number'"),
        (pd.date_range("2024", periods=9), {"max_gap": 3}, r'max_gap=3 must be a span of time such as "3h"'),
        (pd.date_range("2024", periods=9), {"max_gap": "soon"}, "max_gap='soon' is no span of time"),
        (pd.date_range("2024", periods=9), {"max_gap": "3h"}, "shorter than a step of the time grid"),
        (pd.date_range("2024", periods=9), {"max_gap": "5B"}, "'5B' cannot be counted in steps .* or set freq=None"),
        (pd.date_range("2024", periods=9, freq="B"), {"max_gap": "7D"}, 'of its own steps, such as "5B"'),
        (
            pd.date_range("2024", periods=9, freq="h"),
            {"max_gap": "5B", "freq": None},
            "no span of time that keys of kind",
        ),
        (None, {"max_gap": 3}, "max_gap=3 needs the times of the rows, but X carries no key"),
        (pd.RangeIndex(9), {"max_gap": 0}, "The 'max_gap' parameter"),
        (pd.RangeIndex(9), {"max_gap": []}, "The 'max_gap' parameter"),
    ],
)
def test_what_is_no_gap_is_refused(index, params, message):
    X = np.arange(9.0)[:, None]
    X = X if index is None else pd.DataFrame(X, index=index, columns=["a"])
    with pytest.raises(ValueError, match=message):
        SlidingWindowTransformer(3, **params).fit(X)


def gappy():
    """Two days of hours with half a day missing between them."""
    index = pd.date_range("2024-01-01", periods=60, freq="h").delete(range(24, 36))
    return pd.DataFrame({"load": np.sin(np.arange(48) / 4)}, index=index)


def test_reports_say_that_windows_start_anew():
    X = gappy()
    windows = SlidingWindowTransformer(20, freq="h", max_gap="6h").fit(X)
    with pytest.warns(
        IncompleteWindowWarning, match=r"38 of 48 windows miss steps: .*longer than max_gap \(7 of them\)"
    ):
        found = windows.transform(X)
    np.testing.assert_array_equal(np.flatnonzero(complete_windows(found)), [*range(19, 24), *range(43, 48)])
    apart = X.set_axis(pd.date_range("2024", periods=48, freq="D"))
    with pytest.warns(
        IncompleteWindowWarning, match="48 of 48 .*: 47 of them start anew after a gap longer than max_gap"
    ):
        SlidingWindowTransformer(3, freq=None, max_gap="6h").fit_transform(apart)


def test_a_new_start_makes_no_other_rows_dense_or_missing():
    X = gappy()
    windows = SlidingWindowTransformer(4, freq="h", horizon=1)
    cut = clone(windows).set_params(max_gap="6h").fit_transform(X)
    np.testing.assert_array_equal(cut, windows.fit_transform(X))  # a hole longer than the window
    whole = SlidingWindowTransformer(4, horizon=1, max_gap="1h").fit_transform(X[:24])
    assert whole.strides[0] == whole.strides[1]  # a view, as nothing is left out


@pytest.mark.parametrize("history", ["all", "tail"])
def test_forecasts_and_backtests_see_what_predictions_see(history):
    X = gappy()
    fill = FunctionTransformer(np.nan_to_num)
    windows = SlidingWindowTransformer(
        30, horizon=1, freq="h", flatten=True, max_gap="6h", incomplete="ignore", history=history
    )
    model = make_pipeline(windows, fill, LinearRegression()).fit(X, X["load"])
    later = pd.DataFrame({"load": np.nan}, index=[X.index[-1] + HOUR])
    first = forecast(model, X, 1)
    np.testing.assert_allclose(first["load"], model.predict(later))
    grown = pd.concat([X, first])
    second = pd.DataFrame({"load": np.nan}, index=[X.index[-1] + 2 * HOUR])
    np.testing.assert_allclose(forecast(model, X, 2)["load"].iloc[1], model.predict(pd.concat([grown, second]))[-1])
    _, rolled = backtest(model, X, X["load"], steps=2, test_size=4, return_forecasts=True)
    origin = X.index[-5]
    past = make_pipeline(windows, fill, LinearRegression()).fit(X[:origin], X["load"][:origin])
    np.testing.assert_allclose(rolled.loc[origin]["model"], forecast(past, X[:origin], 2)["load"])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(later), model.predict(later))


@settings(max_examples=50, deadline=None)
@given(
    rows=ROWS,
    now=st.integers(0, 30),
    window_size=st.integers(1, 4),
    horizon=st.sampled_from([0, 1, 2]),
    max_gap=st.sampled_from([None, "2h", "5h"]),
    history=st.sampled_from(["all", "tail"]),
    elapsed=st.booleans(),
)
def test_what_is_remembered_is_as_good_as_what_is_passed(rows, now, window_size, horizon, max_gap, history, elapsed):
    X = table(rows).assign(static=[float(series) for series, _, _ in rows])
    past = np.array([hour <= now for _, hour, _ in rows])
    if past.all() or not past.any():
        return
    windows = SlidingWindowTransformer(
        window_size,
        horizon=horizon,
        future_columns="known",
        static_columns="static",
        freq=None if elapsed else "h",
        max_gap=max_gap,
        history=history,
        elapsed=elapsed,
        incomplete="ignore",
    )
    whole = windows.fit_transform(X)[~past]
    np.testing.assert_array_equal(windows.fit(X[past]).transform(X[~past]), whole)
    changed = X.assign(past=X["past"].where(past, -1.0))
    np.testing.assert_array_equal(windows.fit_transform(changed)[past], windows.fit_transform(X)[past])


def on_times(minutes):
    """A series at some minutes, whose value tells its minute."""
    index = pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, unit="min")
    return pd.DataFrame({"load": np.array(minutes, dtype=float)}, index=index)


class Recorder(LinearRegression):
    """Answers the newest step that it reads and 1, and keeps what it has read."""

    def predict(self, X):
        self.read_ = [*getattr(self, "read_", []), *np.asarray(X).tolist()]
        return np.full(len(X), -1.0)


@pytest.mark.parametrize("regular", [True, False])
def test_steps_that_are_fed_back_lie_behind_gaps_too(regular):
    X = on_times([0, 1, 2, 9, 10, 11])
    windows = SlidingWindowTransformer(
        5, horizon=1, flatten=True, freq="min" if regular else None, max_gap="3min", incomplete="ignore"
    )
    model = make_pipeline(windows, FunctionTransformer(lambda X: X), Recorder())
    model[:-1].fit(X)
    model[-1].coef_ = 0  # fitted
    future = None if regular else pd.DataFrame(index=on_times([12, 13, 20, 21]).index)
    found = forecast(model, X, 4, future=future)
    nan, fed = np.nan, -1.0
    expected = [
        [nan, nan, 9, 10, 11],
        [nan, 9, 10, 11, fed],
        [9, 10, 11, fed, fed] if regular else [nan] * 5,
        [10, 11, fed, fed, fed] if regular else [nan, nan, nan, nan, fed],
    ]
    np.testing.assert_array_equal(model[-1].read_, expected)
    assert found["load"].tolist() == [-1.0] * 4


def test_an_origin_does_not_see_a_gap_that_comes_after_it():
    minutes = [*range(20), *range(30, 50)]  # the rows after minute 19 are absent
    X = on_times(minutes)
    windows = SlidingWindowTransformer(4, horizon=1, flatten=True, freq="min", max_gap="3min", incomplete="ignore")
    model = make_pipeline(windows, FunctionTransformer(np.nan_to_num), LinearRegression())
    _, rolled = backtest(model, X, X["load"], steps=12, test_size=22, return_forecasts=True)
    past = X[:20]
    expected = forecast(clone(model).fit(X[:18], X["load"][:18]), past, 12)["load"]
    found = rolled.loc[X.index[19]]
    np.testing.assert_allclose(found["model"], expected[found["time"]])
