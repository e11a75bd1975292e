"""What is remembered between calls, which rows count, and what is said about windows that miss steps."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from skrnn import IncompleteWindowWarning, SlidingWindowTransformer, complete_windows


def hours(n, start="2024-03-01", seed=0):
    """Two random channels by the hour."""
    values = np.random.RandomState(seed).normal(size=(n, 2))
    return pd.DataFrame(values, columns=["load", "heat"], index=pd.date_range(start, periods=n, freq="h"))


def panel(n):
    """Two series of n hours, one after the other."""
    return pd.concat({"a": hours(n, seed=1), "b": hours(n, seed=2)}, names=["series", "time"])


def as_number(frame):
    """The same rows under whole numbers."""
    return frame.set_axis(np.arange(len(frame)))


def future_rows(frame, n):
    """The n hours after a frame, with nothing known of them."""
    index = pd.date_range(frame.index[-1], periods=n + 1, freq="h")[1:]
    return pd.DataFrame(np.nan, index=index, columns=frame.columns)


def warned(function, *args):
    """The result of a call, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*args)
    return result, caught


@pytest.mark.parametrize(
    ("X", "rows", "n_incomplete"),
    [
        (hours(20), slice(None), 3),
        (hours(20), slice(2, None), 1),
        (hours(20), slice(3, None), 0),
        (panel(20), slice(None), 6),
        (panel(20), slice(2, 22), 3),
        (hours(20).drop(hours(20).index[9]), slice(None), 6),
        (np.zeros((20, 2)), slice(10, None), 3),
    ],
)
def test_one_warning_per_call_tells_how_many_windows_miss_steps(X, rows, n_incomplete):
    transformer = SlidingWindowTransformer(4).fit(X)
    called = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
    windows, caught = warned(transformer.transform, called)
    assert np.sum(~complete_windows(windows)) == n_incomplete
    assert [w.category for w in caught] == [IncompleteWindowWarning] * (n_incomplete > 0)
    if n_incomplete:
        assert f"{n_incomplete} of {len(windows)} windows" in str(caught[0].message)


def test_a_step_whose_value_known_in_advance_is_absent_is_counted():
    X = hours(20)
    transformer = SlidingWindowTransformer(2, horizon=3, future_columns="heat").fit(X)
    last = future_rows(X, 3).iloc[2:].fillna({"heat": 1.0})  # its first step needs "heat" of the hour before
    with pytest.warns(IncompleteWindowWarning, match="1 of 1 windows"):
        windows = transformer.transform(last)
    assert not complete_windows(windows).any()


def test_the_warning_points_to_the_line_that_calls_transform():
    _, caught = warned(SlidingWindowTransformer(4).fit(hours(9)).transform, hours(9))
    assert [w.filename for w in caught] == [__file__]


def test_the_warning_for_bare_arrays_says_how_to_keep_the_key():
    with pytest.warns(IncompleteWindowWarning, match=r"set_output\(transform=\"pandas\"\).*time_column"):
        SlidingWindowTransformer(2).fit(np.zeros((5, 1))).transform(np.zeros((5, 1)))


@pytest.mark.parametrize("X", [hours(9), panel(9), np.zeros((9, 2))])
@pytest.mark.parametrize("incomplete", ["warn", "ignore", "error"])
def test_fit_and_fit_transform_say_nothing_of_missing_steps(X, incomplete):
    transformer = SlidingWindowTransformer(4, horizon=1, incomplete=incomplete)
    assert not warned(transformer.fit, X)[1]
    assert not warned(transformer.fit_transform, X)[1]


def test_incomplete_windows_are_ignored_or_an_error():
    X = hours(9)
    windows, caught = warned(SlidingWindowTransformer(4, incomplete="ignore").fit(X).transform, X)
    assert len(windows) == 9
    assert not caught
    refusing = SlidingWindowTransformer(4, incomplete="error").fit(X)
    with pytest.raises(ValueError, match="3 of 9 windows"):
        refusing.transform(X)
    assert len(refusing.transform(X.iloc[3:])) == 6


@pytest.mark.parametrize("future", [None, ("heat",)])
@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("n_rows", [1, 3])
def test_windows_of_the_future_equal_those_of_real_rows(n_rows, horizon, future):
    X, n_rows = hours(30), min(n_rows, horizon)
    transformer = SlidingWindowTransformer(4, horizon=horizon, future_columns=future, incomplete="error")
    unknown = X.iloc[20 : 20 + n_rows].copy()
    unknown["load"] = np.nan
    if future is None:
        unknown["heat"] = np.nan
    forecast = transformer.fit(X.iloc[:20]).transform(unknown)
    np.testing.assert_array_equal(forecast, transformer.transform(X.iloc[20 : 20 + n_rows]))
    np.testing.assert_array_equal(forecast, transformer.fit_transform(X)[20 : 20 + n_rows])


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("future", [None, "heat"])
def test_rows_later_than_the_horizon_are_named_in_an_error(future, flatten):
    X = hours(20)
    transformer = SlidingWindowTransformer(4, horizon=2, future_columns=future, flatten=flatten).fit(X)
    unknown = future_rows(X, 4)
    if future is not None:
        unknown["heat"] = 1.0
    with pytest.raises(ValueError, match=r"2 rows \(2024-03-01 22:00:00, 2024-03-01 23:00:00\).*forecast"):
        transformer.transform(unknown)
    with pytest.raises(ValueError, match="1 rows"):
        transformer.transform(unknown.iloc[3:])
    transformer.transform(unknown.iloc[:2])
    windows, caught = warned(transformer.set_params(incomplete="ignore").transform, unknown)
    assert len(windows) == 4
    assert not caught
    assert len(transformer.set_params(incomplete="error").fit_transform(pd.concat([X, unknown]))) == 24


def test_each_series_of_a_panel_has_a_future_of_its_own():
    X = panel(20).drop([("b", time) for time in hours(20).index[15:]])
    transformer = SlidingWindowTransformer(3, horizon=2).fit(X)
    unknown = pd.concat({"b": future_rows(hours(15), 3), "a": future_rows(hours(20), 2)}, names=["series", "time"])
    with pytest.raises(ValueError, match=r"1 rows \(b: 2024-03-01 17:00:00\)"):
        transformer.transform(unknown)
    assert complete_windows(transformer.transform(unknown.iloc[[0, 1, 3, 4]]))[[0, 2]].all()


def test_without_horizon_a_row_of_nan_after_all_others_is_incomplete_not_an_error():
    X = hours(20)
    transformer = SlidingWindowTransformer(4).fit(X)
    with pytest.warns(IncompleteWindowWarning, match="2 of 2 windows"):
        transformer.transform(future_rows(X, 2))
    X.iloc[10] = np.nan
    windows, caught = warned(transformer.fit(X).transform, X.iloc[8:])
    assert np.isnan(windows).any()
    assert not caught


def test_another_sensor_over_the_same_times_has_no_history():
    first, second = hours(20, seed=1), hours(30, seed=2)
    transformer = SlidingWindowTransformer(4, incomplete="ignore")
    alone = transformer.fit_transform(second.iloc[10:])
    with pytest.warns(UserWarning, match="history is ignored"):
        windows = transformer.fit(first).transform(second.iloc[10:])
    np.testing.assert_array_equal(windows, alone)


def test_only_the_series_that_changed_loses_its_history():
    X = panel(20)
    other = X.copy()
    other[other.index.get_level_values("series") == "b"] += 1.0
    transformer = SlidingWindowTransformer(4, incomplete="ignore").fit(X)
    call = other.groupby(level=0).tail(5)
    with pytest.warns(UserWarning, match="history is ignored") as caught:
        windows = transformer.transform(call)
    assert len(caught) == 1
    assert "(b)" in str(caught[0].message)
    assert complete_windows(windows).tolist() == [True] * 5 + [False] * 3 + [True] * 2


def test_a_row_of_the_call_takes_the_place_of_a_remembered_one():
    X = hours(20)
    call = X.iloc[10:].copy()
    call.iloc[2] += 1.0
    transformer = SlidingWindowTransformer(4).fit(X)
    with pytest.warns(UserWarning, match="1 rows of X share a key") as caught:
        windows = transformer.transform(call)
    assert len(caught) == 1
    corrected = pd.concat([X.iloc[:10], call])
    np.testing.assert_array_equal(windows, transformer.fit(corrected).transform(corrected.iloc[10:]))
    np.testing.assert_array_equal(transformer.fit(X).transform(X.iloc[10:]), transformer.fit_transform(X)[10:])


def test_rounding_to_single_precision_is_no_other_value():
    X = hours(20)
    windows, caught = warned(SlidingWindowTransformer(4).fit(X).transform, X.iloc[10:].astype(np.float32))
    assert not caught
    assert windows.dtype == np.float32


@pytest.mark.parametrize("form", ["series", "array", "matrix"])
def test_a_copy_of_the_target_is_named_unless_it_is_lagged(form):
    X = hours(20)
    y = {"series": 3 * X["heat"] - 5, "array": -X["heat"].to_numpy(), "matrix": X[["heat", "load"]].iloc[:, :1]}[form]
    with pytest.warns(UserWarning, match="'heat' of X is the target"):
        SlidingWindowTransformer(4).fit(X, y)
    assert not warned(SlidingWindowTransformer(4, horizon=1).fit, X, y)[1]
    assert not warned(SlidingWindowTransformer(4).fit, X, hours(20, seed=3)["load"])[1]


@pytest.mark.parametrize(
    ("parameters", "fitted", "called", "error", "message"),
    [
        ({"time_column": "when"}, None, hours(9), ValueError, "time_column='when'"),
        ({"group_column": 2}, None, hours(9), ValueError, "group_column=2"),
        ({"future_columns": ("when",)}, None, hours(9), ValueError, "future_columns='when'"),
        ({"future_columns": (-1,)}, None, hours(9), ValueError, "future_columns"),
        ({"future_columns": "load"}, None, hours(9).to_numpy(), ValueError, "future_columns='load'"),
        ({}, hours(9), hours(9)[["load"]], ValueError, "feature"),
        ({"window_size": 0}, None, hours(9), InvalidParameterError, "window_size"),
        ({"window_size": 2.0}, None, hours(9), InvalidParameterError, "window_size"),
        ({"window_size": True}, None, hours(9), InvalidParameterError, "window_size"),
        ({"horizon": -1}, None, hours(9), InvalidParameterError, "horizon"),
        ({"history": "some"}, None, hours(9), InvalidParameterError, "history"),
        ({"incomplete": "raise"}, None, hours(9), InvalidParameterError, "incomplete"),
        ({"freq": 0}, None, hours(9), InvalidParameterError, "freq"),
        ({"flatten": "no"}, None, hours(9), InvalidParameterError, "flatten"),
    ],
)
def test_what_cannot_be_right_is_an_error(parameters, fitted, called, error, message):
    transformer = SlidingWindowTransformer(**({"window_size": 3} | parameters))
    calls = [transformer.fit] if fitted is None else [transformer.fit(fitted).transform, transformer.partial_fit]
    for call in calls:
        with pytest.raises(error, match=message):
            call(called)


def test_a_target_in_another_order_than_its_rows_is_an_error():
    X = hours(9)
    y = hours(9, seed=3)["load"]
    with pytest.raises(ValueError, match=r"y\.loc\[X\.index\]"):
        SlidingWindowTransformer(3).fit(X, y.iloc[::-1])
    SlidingWindowTransformer(3).fit(X.iloc[::2], y.iloc[::2])


def test_a_position_may_be_a_numpy_integer():
    X = hours(9).to_numpy()
    expected = SlidingWindowTransformer(2, horizon=1, future_columns=(1,)).fit_transform(X)
    for columns in (np.int64(1), np.array([1]), 1):
        windows = SlidingWindowTransformer(2, horizon=1, future_columns=columns).fit_transform(X)
        np.testing.assert_array_equal(windows, expected)


def test_complete_windows_marks_those_without_nan():
    values = hours(60).to_numpy(copy=True)
    values[20, 1] = np.nan
    view = SlidingWindowTransformer(4).fit_transform(pd.DataFrame(values))
    expected = ~np.isin(np.arange(60), [0, 1, 2, 20, 21, 22, 23])
    order = np.random.RandomState(0).permutation(60)
    np.testing.assert_array_equal(complete_windows(view), expected)
    np.testing.assert_array_equal(complete_windows(view[::-1]), expected[::-1])
    np.testing.assert_array_equal(complete_windows(view[::3]), expected[::3])
    np.testing.assert_array_equal(complete_windows(view[order]), expected[order])
    np.testing.assert_array_equal(complete_windows(view.reshape(60, -1)), expected)
    np.testing.assert_array_equal(complete_windows(view.tolist()), expected)


@pytest.mark.parametrize("windows", [np.zeros(3), np.zeros((1, 1, 1, 1))])
def test_complete_windows_needs_windows(windows):
    with pytest.raises(ValueError, match="two or three dimensions"):
        complete_windows(windows)


def test_transform_needs_fit():
    with pytest.raises(NotFittedError):
        SlidingWindowTransformer(3).transform(hours(9))


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("method", ["fit", "fit_transform", "partial_fit"])
def test_after_an_error_the_transformer_is_as_before(method, fitted):
    X = hours(20)
    transformer = SlidingWindowTransformer(3)
    if fitted:
        transformer.fit(X.iloc[:10])
    before = dict(vars(transformer))
    with pytest.raises(ValueError, match="same key"):
        getattr(transformer, method)(pd.concat([X, X + 1]))
    assert vars(transformer).keys() == before.keys()
    assert all(vars(transformer)[name] is value for name, value in before.items())


@pytest.mark.parametrize("horizon", [0, 2])
@pytest.mark.parametrize("window_size", [1, 5])
@pytest.mark.parametrize("freq", ["auto", None])
@pytest.mark.parametrize("X", [hours(300), panel(150), hours(300).drop(hours(300).index[[180, 196, 198]])])
def test_the_tail_is_enough_for_the_future(X, freq, window_size, horizon):
    times = X.index.get_level_values(-1)
    old, new = X[times < times[100]], X[times >= times[100]]
    everything = SlidingWindowTransformer(window_size, horizon=horizon, freq=freq, incomplete="ignore").fit(old)
    tail = clone(everything).set_params(history="tail").fit(old)
    np.testing.assert_array_equal(tail.transform(new), everything.transform(new))
    assert len(pickle.dumps(tail)) < len(pickle.dumps(everything)) - 1000


def test_without_history_each_call_stands_alone():
    X = hours(20)
    transformer = SlidingWindowTransformer(3, history="none", incomplete="ignore").fit(X)
    np.testing.assert_array_equal(transformer.transform(X.iloc[10:]), transformer.fit_transform(X.iloc[10:]))
    assert transformer.partial_fit(X).freq_ == "h"


@pytest.mark.parametrize("history", ["all", "tail"])
@pytest.mark.parametrize("X", [hours(60), panel(30), as_number(hours(60))])
def test_partial_fit_appends_to_what_fit_remembers(X, history):
    by_time = X.iloc[np.argsort(X.index.get_level_values(-1), kind="stable")]
    parameters = {"horizon": 1, "history": history, "incomplete": "ignore"}
    parts = SlidingWindowTransformer(4, **parameters)
    for rows in (by_time.iloc[:20], by_time.iloc[20:25], by_time.iloc[23:40]):
        assert parts.partial_fit(rows) is parts
    whole = SlidingWindowTransformer(4, **parameters).fit(by_time.iloc[:40])
    for call in (by_time.iloc[40:], by_time.iloc[50:35:-3]):
        np.testing.assert_array_equal(parts.transform(call), whole.transform(call))


def test_partial_fit_corrects_a_remembered_row():
    X = hours(20)
    wrong = X.copy()
    wrong.iloc[9] = 0.0
    transformer = SlidingWindowTransformer(4).fit(wrong.iloc[:10]).partial_fit(X.iloc[9:10])
    np.testing.assert_array_equal(transformer.transform(X.iloc[10:]), transformer.fit_transform(X)[10:])


def test_partial_fit_lets_the_forecast_go_on():
    X = hours(20)
    transformer = SlidingWindowTransformer(4, horizon=1).fit(X.iloc[:10])
    for row in range(10, 20):
        unknown = X.iloc[row : row + 1] * np.nan
        np.testing.assert_array_equal(transformer.transform(unknown)[0], X.iloc[row - 4 : row])
        transformer.partial_fit(X.iloc[row : row + 1])


def test_clone_and_pickle_keep_parameters_and_history():
    X = hours(20)
    transformer = SlidingWindowTransformer(3, horizon=2, future_columns=("heat",), freq="h", history="tail")
    assert clone(transformer.fit(X.iloc[:10])).get_params() == transformer.get_params()
    assert not hasattr(clone(transformer), "freq_")
    restored = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(restored.transform(X.iloc[10:]), transformer.transform(X.iloc[10:]))


def test_a_series_that_fit_has_not_seen_is_told():
    X = panel(20)
    transformer = SlidingWindowTransformer(4, horizon=1).fit(X.loc[["a"]])
    with pytest.warns(
        IncompleteWindowWarning, match="4 of 25 windows.*4 of them belong to series that fit has not seen"
    ):
        transformer.transform(X.iloc[15:])
    with pytest.warns(IncompleteWindowWarning, match=r"remembered from fit\."):
        transformer.transform(X.iloc[:20])


def test_warnings_of_fit_point_to_the_line_that_calls_it():
    X = hours(20)
    _, caught = warned(SlidingWindowTransformer(4).fit, X, X["load"])
    assert [w.filename for w in caught] == [__file__]


def test_transform_reads_the_window_that_fit_learnt():
    X = hours(20)
    transformer = SlidingWindowTransformer(4, horizon=1, history="tail", flatten=True).fit(X)
    expected, names = transformer.transform(X), transformer.get_feature_names_out()
    transformer.set_params(window_size=7, horizon=3)
    np.testing.assert_array_equal(transformer.transform(X), expected)
    assert transformer.get_feature_names_out().tolist() == names.tolist()


def test_a_target_among_the_columns_known_in_advance_is_named():
    X = hours(20)
    with pytest.warns(UserWarning, match="'heat' of X is the target"):
        SlidingWindowTransformer(2, horizon=3, future_columns=("heat",)).fit(X, X["heat"])
    assert not warned(SlidingWindowTransformer(2, horizon=3, future_columns=("heat",)).fit, X, X["load"])[1]


def test_rows_to_be_forecast_without_what_is_known_in_advance_are_told():
    X = hours(20)
    transformer = SlidingWindowTransformer(2, horizon=3, future_columns=("heat",)).fit(X)
    with pytest.warns(IncompleteWindowWarning, match=r"3 rows to be forecast hold NaN .*\(heat\).*Fill them"):
        transformer.transform(future_rows(X, 3))
    with pytest.raises(ValueError, match="rows to be forecast hold NaN"):
        transformer.set_params(incomplete="error").transform(future_rows(X, 3))
    assert not warned(transformer.transform, future_rows(X, 3).fillna({"heat": 1.0}))[1]


def test_a_forecast_without_a_key_is_told_of_the_key():
    X = hours(20)
    transformer = SlidingWindowTransformer(2, horizon=3).fit(X)
    with pytest.raises(ValueError, match=r"carry no key.*set_output"):
        transformer.transform(future_rows(X, 3).to_numpy())


def test_a_label_of_nan_is_the_same_series_in_another_process():
    index = pd.MultiIndex.from_arrays([["x"] * 3, [np.nan] * 3, [0, 1, 2]])
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=index)
    transformer = SlidingWindowTransformer(2).fit(X.iloc[:2])
    other = pickle.loads(pickle.dumps(X.iloc[2:]))
    np.testing.assert_array_equal(transformer.transform(other)[:, :, 0], [[2.0, 3.0]])


def test_set_output_is_remembered_for_flat_windows():
    transformer = SlidingWindowTransformer(2).set_output(transform="pandas").set_params(flatten=True)
    assert isinstance(transformer.fit_transform(hours(9)), pd.DataFrame)


@pytest.mark.parametrize("n_rows", [3, 9, 16])
@pytest.mark.parametrize("incomplete", ["warn", "error", "ignore"])
def test_a_fit_whose_windows_seldom_fill_says_so_once(n_rows, incomplete):
    X = hours(n_rows)
    transformer = SlidingWindowTransformer(8, horizon=1, incomplete=incomplete)
    _, caught = warned(transformer.fit_transform, X)
    if n_rows == 16 or incomplete == "ignore":  # 8 of 16 windows are complete
        assert not caught
        return
    assert [(w.category, w.filename) for w in caught] == [(IncompleteWindowWarning, __file__)]
    why = {3: r"no series is long enough for window_size=8 \(the longest has 3 rows\)", 9: "series are short"}[n_rows]
    assert re.search(f"{min(n_rows, 8)} of {n_rows} windows of fit miss steps: .*{why}", str(caught[0].message))


def test_windows_at_the_start_of_series_are_told_from_those_with_absent_rows():
    panel = pd.concat({name: hours(12) for name in "abc"}, names=["series", "time"])
    for X in (panel, panel.sample(frac=1, random_state=0)):
        with pytest.warns(IncompleteWindowWarning) as caught:
            SlidingWindowTransformer(8, horizon=1).fit_transform(X)
        assert str(caught[0].message).startswith(
            "24 of 36 windows of fit miss steps: 24 of them stand at the start of a series, before which there are no "
            "rows; the series are short for window_size=8. Choose"
        )
    with pytest.warns(IncompleteWindowWarning, match="34 of 36 windows .*: rows within them are absent .* fill these"):
        SlidingWindowTransformer(8, horizon=1).fit_transform(hours(40).drop(hours(40).index[[10, 18, 26, 34]]))


def test_a_fit_on_the_hours_of_some_days_points_to_freq():
    index = pd.date_range("2024-01-01", periods=200, freq="h")
    X = pd.DataFrame({"load": np.arange(200.0)}, index=index)
    X = X[(index.hour >= 8) & (index.hour < 20)]  # half of the grid
    with pytest.warns(IncompleteWindowWarning, match="absent from the time grid .*freq=None"):
        SlidingWindowTransformer(13, freq="h").fit_transform(X)
    assert not warned(SlidingWindowTransformer(13, freq=None).fit_transform, X)[1]


def labelled(labels):
    """Two columns, under other labels."""
    return hours(20).set_axis(pd.Index(labels), axis=1)


@pytest.mark.parametrize("labels", [[1, 0], [2.5, 0.0], [("a", 1), ("a", 0)], [pd.Timestamp("2024"), pd.Timestamp(0)]])
def test_columns_whose_labels_are_no_strings_must_come_in_the_order_of_fit(labels):
    X = labelled(labels)
    transformer = SlidingWindowTransformer(3, future_columns=labels[0]).fit(X)
    np.testing.assert_array_equal(transformer.transform(X), SlidingWindowTransformer(3).fit_transform(X))
    for call in (transformer.transform, transformer.partial_fit):
        with pytest.raises(ValueError, match=r"in the same order\. X has the columns .*; those of fit were"):
            call(X[X.columns[::-1]])
    assert not hasattr(transformer, "feature_names_in_")


@pytest.mark.parametrize(
    ("labels", "name", "message"),
    [
        ([1, 0], 2, r"future_columns=2 is not a column of X\. Its columns: 1, 0\."),
        ([5, 6], 1, r"Its columns: 5, 6\. In a data frame a column is named by its label; position 1 is 6\."),
        ([1, 0], "1", "future_columns='1' is not a column of X"),
        ([1, 0], True, "future_columns=True is not a column of X"),
        ([("a", 1), ("a", 0)], ("a", 2), r"future_columns='a' is not a column of X\. Its columns: \('a', 1\)"),
        ([f"c{i}" for i in range(2)], "c2", r"Its columns: 'c0', 'c1'\.$"),
    ],
)
def test_a_label_that_no_column_has_is_an_error_that_names_the_labels(labels, name, message):
    with pytest.raises(ValueError, match=message):
        SlidingWindowTransformer(2, future_columns=name).fit(labelled(labels))


def test_columns_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="Several columns of X have the same label: 'load'"):
        SlidingWindowTransformer(2).fit(labelled(["load", "load"]))


def test_a_fit_on_a_frame_and_a_call_with_an_array_mean_the_same_columns():
    X = hours(20).assign(when=np.arange(20.0))
    transformer = SlidingWindowTransformer(3, time_column="when", future_columns="heat", incomplete="ignore").fit(X)
    with pytest.warns(UserWarning, match="valid feature names"):
        found = transformer.transform(X.iloc[10:].to_numpy())
    np.testing.assert_array_equal(found, transformer.transform(X.iloc[10:]))


CHANGES = {
    "window_size": 7,
    "horizon": 3,
    "future_columns": "load",
    "time_column": "load",
    "group_column": "heat",
    "freq": "2h",
    "history": "none",
    "flatten": True,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_parameter_that_is_changed_after_fit_waits_for_the_next_fit(name):
    X = hours(40).assign(who=1.0)
    parameters = {"horizon": 1, "future_columns": "heat", "group_column": "who", "incomplete": "ignore"}
    changed, kept = (SlidingWindowTransformer(4, **parameters).fit(X.iloc[:20]) for _ in range(2))
    changed.set_params(**{name: CHANGES[name]})
    for rows in (slice(15, 25), slice(25, 30)):
        np.testing.assert_array_equal(changed.transform(X.iloc[rows]), kept.transform(X.iloc[rows]))
        for transformer in (changed, kept):
            transformer.partial_fit(X.iloc[20:25])
    assert not hasattr(changed, "get_feature_names_out")


def test_flat_windows_stay_flat_until_the_next_fit():
    X = hours(9)
    transformer = SlidingWindowTransformer(2, flatten=True).set_output(transform="pandas").fit(X)
    expected = transformer.transform(X)
    pd.testing.assert_frame_equal(transformer.set_params(flatten=False).transform(X), expected)
    assert transformer.get_feature_names_out().tolist() == list(expected.columns)
    assert transformer.fit(X).transform(X).shape == (9, 2, 2)


def test_what_transform_says_of_missing_steps_is_the_parameter_of_today():
    X = hours(9)
    transformer = SlidingWindowTransformer(4, incomplete="ignore").fit(X)
    with pytest.raises(ValueError, match="3 of 9 windows"):
        transformer.set_params(incomplete="error").transform(X)


@pytest.mark.parametrize(
    ("labels", "column"), [(["when", "a"], 0), (["when", "a"], np.int64(0)), ([1, 0], 1), (["1", "0"], "1")]
)
def test_a_key_column_is_counted_only_where_no_label_reads_as_a_number(labels, column):
    X = pd.DataFrame({0: np.arange(9.0), 1: np.arange(9.0) ** 2}).set_axis(labels, axis=1)
    transformer = SlidingWindowTransformer(2, time_column=column).fit(X)
    np.testing.assert_array_equal(transformer.transform(X.iloc[4:5]), [[[9.0], [16.0]]])
    for name in (2, -1, 0 if labels == ["1", "0"] else "0"):
        with pytest.raises(ValueError, match="is not a column of X"):
            SlidingWindowTransformer(2, time_column=name).fit(X)
