"""Windows hold the rows before each row and nothing else, in the form that was asked for."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from skrnn import SlidingWindowTransformer, complete_windows

FIRST, N_TICKS = 10, 24  # ticks before FIRST carry no row, so that every window lies within the ticks

TICKS = {
    "int": (list(range(0, 120, 3)), 3),
    "float": ([0.5 + 0.25 * i for i in range(40)], 0.25),
    "hour": (list(pd.date_range("2024-02-28", periods=40, freq="h")), "h"),
    "day with DST": (list(pd.date_range("2024-03-10", periods=40, freq="D", tz="Europe/Berlin")), "D"),
    "hour with DST": (list(pd.date_range("2024-10-26 12:00", periods=40, freq="h", tz="Europe/Berlin")), "h"),
    "business day": (list(pd.date_range("2024-01-01", periods=40, freq="B")), "B"),
    "month start": (list(pd.date_range("2020-01-01", periods=40, freq="MS")), "MS"),
    "quarter end": (list(pd.date_range("2010-01-01", periods=40, freq="QE")), "QE"),
    "period": (list(pd.period_range("2020-01", periods=40, freq="M")), "auto"),
    "timedelta": (list(pd.timedelta_range("1h", periods=40, freq="15min")), "15min"),
}


LABELS = {  # of the columns that hold time, a, series and b; no number is the position of its column
    "columns": ["when", "a", "who", "b"],
    "numbers": [3, 2, 0, 1],
    "floats": [1.0, 0.0, 2.5, 2.0],
    "tuples": [("key", 0), ("a", 0), ("key", 1), ("b", 0)],
    "dates": list(pd.date_range("2024-01-01", periods=4)),
}


def value(series, tick, channel):
    """A number that tells the row and the column it came from."""
    return 1000.0 * (series + 1) + 10.0 * tick + channel


def table(rows, ticks, layout):
    """Two channels of the rows, given as pairs of series and tick, with the keys where the layout wants them."""
    times = pd.Index([ticks[tick] for _, tick in rows])
    series = ["xyz"[s] for s, _ in rows]
    frame = pd.DataFrame({c: [value(s, t, k) for s, t in rows] for k, c in enumerate("ab")})
    if layout == "index":
        return frame.set_axis(times)
    if layout == "MultiIndex":
        return frame.set_axis(pd.MultiIndex.from_arrays([series, times], names=["series", "time"]))
    if layout in LABELS:
        frame = pd.DataFrame({"when": times, "a": frame["a"], "who": series, "b": frame["b"]})
        return frame.set_axis(pd.Index(LABELS[layout]), axis=1)
    return np.column_stack([times, frame["a"], [s for s, _ in rows], frame["b"]]).astype(float)


def slow_windows(known, call, window_size, horizon, future, regular):
    """The windows of the rows of a call, step by step from a dictionary of the known rows."""
    rows = {key: [value(*key, channel) for channel in (0, 1)] for key in [*known, *call]}
    windows = np.full((len(call), window_size, 2), np.nan)
    for i, (series, tick) in enumerate(call):
        axis = list(range(40)) if regular else sorted(t for s, t in rows if s == series)
        for step in range(window_size):
            for channel in (0, 1):
                lag = window_size - 1 - step + (0 if channel in future else horizon)
                place = axis.index(tick) - lag
                if place >= 0 and (series, axis[place]) in rows:
                    windows[i, step, channel] = rows[series, axis[place]][channel]
    return windows


ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(FIRST, FIRST + N_TICKS - 1)), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(sorted(TICKS)),
    layout=st.sampled_from(["index", "MultiIndex", "array", *LABELS]),
    training=ROWS,
    call=ROWS,
    window_size=st.integers(1, 6),
    horizon=st.sampled_from([0, 1, 3]),
    future=st.sampled_from([(), (0,), (1,), (0, 1)]),
    regular=st.booleans(),
)
def test_windows_equal_a_dictionary_look_up(kind, layout, training, call, window_size, horizon, future, regular):
    if layout == "array" and kind not in ("int", "float"):
        kind = "int"
    if layout == "index":
        training, call = [(0, tick) for _, tick in training], [(0, tick) for _, tick in call]
    ticks, freq = TICKS[kind]
    labels = LABELS.get(layout, [0, 1, 2, 3])
    names = ("a", "b") if layout in ("index", "MultiIndex") else labels[1::2]
    keys = (None, None) if layout in ("index", "MultiIndex") else labels[::2]
    transformer = SlidingWindowTransformer(
        window_size,
        horizon=horizon,
        future_columns=tuple(names[channel] for channel in future) or None,
        time_column=keys[0],
        group_column=keys[1],
        freq=freq if regular else None,
        incomplete="ignore",
    )
    fitted = transformer.fit_transform(table(training, ticks, layout))
    np.testing.assert_array_equal(fitted, slow_windows([], training, window_size, horizon, future, regular))
    called = transformer.transform(table(call, ticks, layout))
    np.testing.assert_array_equal(called, slow_windows(training, call, window_size, horizon, future, regular))


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(sorted(TICKS)),
    absent=st.sets(st.integers(FIRST, FIRST + N_TICKS - 1), max_size=4),
    call=ROWS,
    order=st.randoms(use_true_random=False),
    window_size=st.integers(1, 6),
    horizon=st.sampled_from([0, 1, 3]),
)
def test_the_grid_is_found_from_training_rows_with_holes(kind, absent, call, order, window_size, horizon):
    training = [(0, tick) for tick in range(FIRST, FIRST + N_TICKS) if tick not in absent]
    call = [(0, tick) for _, tick in call]
    order.shuffle(training)
    ticks, _ = TICKS[kind]
    transformer = SlidingWindowTransformer(window_size, horizon=horizon, incomplete="ignore")
    transformer.fit(table(training, ticks, "index"))
    called = transformer.transform(table(call, ticks, "index"))
    np.testing.assert_array_equal(called, slow_windows(training, call, window_size, horizon, (), regular=True))


INDEXES = {
    "range": pd.RangeIndex(60),
    "int step": pd.Index(7 * np.arange(60)),
    "hour": pd.date_range("2024-01-01", periods=60, freq="h"),
    "business day": pd.bdate_range("2024-01-01", periods=60),
    "month start": pd.date_range("2020-01-01", periods=60, freq="MS"),
    "month end": pd.date_range("2020-01-01", periods=60, freq="ME"),
}


def probe(index):
    """A channel that holds the number of its row, twice: "past" and "known" in advance."""
    numbers = np.arange(float(len(index)))
    return pd.DataFrame({"past": numbers, "known": numbers}, index=index)


def expected_past(rows, known, window_size, horizon):
    """Numbers of the rows that a window should hold, where they are known."""
    steps = np.asarray(rows)[:, None] - horizon - window_size + 1 + np.arange(window_size)
    return np.where(np.isin(steps, known), steps, np.nan)


def assert_probe(transformer, X, train, test):
    """All windows of the test rows hold the rows they should."""
    windows = transformer.fit(X.iloc[train]).transform(X.iloc[test])
    known = np.union1d(train, test)
    w, h = transformer.window_size, transformer.horizon
    np.testing.assert_array_equal(windows[:, :, 0], expected_past(test, known, w, h))
    np.testing.assert_array_equal(windows[:, :, 1], expected_past(test, known, w, 0))
    return windows


def splits(name):
    n, shuffled = 60, np.random.RandomState(0).permutation(60)
    return {
        "TimeSeriesSplit": list(TimeSeriesSplit(4).split(np.empty(n))),
        "TimeSeriesSplit with gap": list(TimeSeriesSplit(4, gap=3).split(np.empty(n))),
        "KFold": list(KFold(4).split(np.empty(n))),
        "shuffled KFold": list(KFold(4, shuffle=True, random_state=0).split(np.empty(n))),
        "shuffled rows": [(np.arange(30), shuffled), (shuffled[:45], shuffled[45:])],
        "single rows": [(np.arange(50), np.array([row])) for row in (0, 3, 49, 50, 51, 55)],
        "missing rows": [(np.setdiff1d(np.arange(40), [5, 20, 21, 38]), np.array([41, 40, 45, 39, 44]))],
    }[name]


@pytest.mark.parametrize("horizon", [0, 1, 6])
@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize(
    "split",
    [
        "TimeSeriesSplit",
        "TimeSeriesSplit with gap",
        "KFold",
        "shuffled KFold",
        "shuffled rows",
        "single rows",
        "missing rows",
    ],
)
def test_no_window_holds_a_wrong_or_later_row(split, index, horizon):
    X = probe(INDEXES[index])
    for train, test in splits(split):
        transformer = SlidingWindowTransformer(4, horizon=horizon, future_columns="known", incomplete="ignore")
        windows = assert_probe(transformer, X, train, test)
        assert np.nanmax(windows[:, :, 0] + horizon - test[:, None], initial=-1) <= 0
        if split == "TimeSeriesSplit":
            assert complete_windows(windows).all()


@pytest.mark.parametrize("horizon", [0, 1, 6])
def test_an_interleaved_panel_gives_each_series_its_own_windows(horizon):
    X = probe(pd.bdate_range("2024-01-01", periods=30))
    panel = pd.concat({name: X + 1000 * number for number, name in enumerate("abc")}, names=["series", "time"])
    panel = panel.sort_index(level="time", kind="stable")
    transformer = SlidingWindowTransformer(4, horizon=horizon, future_columns=("known",), incomplete="ignore")
    windows = transformer.fit(panel.iloc[:60]).transform(panel.iloc[60:])
    rows, series = np.divmod(np.arange(60, 90), 3)
    expected = expected_past(rows, np.arange(30), 4, horizon) + 1000 * series[:, None]
    np.testing.assert_array_equal(windows[:, :, 0], expected)


@pytest.mark.filterwarnings("ignore:Most rows", "ignore:.*share a key")
@pytest.mark.parametrize("history", ["the same rows", "unchanged rows"])
@pytest.mark.parametrize("horizon", [0, 1, 6])
@pytest.mark.parametrize("first_changed", [10, 40])
def test_changed_rows_change_no_window_before_them(first_changed, horizon, history):
    X = probe(INDEXES["business day"])
    changed = X.copy()
    changed.iloc[first_changed:] = np.random.RandomState(0).normal(size=(60 - first_changed, 2))
    transformer = SlidingWindowTransformer(4, horizon=horizon, future_columns="known", incomplete="ignore")
    before = transformer.fit(X).transform(X)
    after = transformer.fit(X if history == "unchanged rows" else changed).transform(changed)
    past, known = slice(first_changed + horizon), slice(first_changed)
    np.testing.assert_array_equal(before[past, :, 0], after[past, :, 0])
    np.testing.assert_array_equal(before[known, :, 1], after[known, :, 1])
    assert not np.array_equal(before[first_changed + horizon, :, 0], after[first_changed + horizon, :, 0])


@pytest.mark.parametrize("horizon", [0, 2])
def test_a_window_is_the_same_alone_and_in_any_call(horizon):
    X = probe(INDEXES["hour"])
    transformer = SlidingWindowTransformer(5, horizon=horizon, incomplete="ignore").fit(X)
    windows = transformer.transform(X)
    for rows in ([7], [59, 0, 30], list(range(20, 40)), list(range(59, -1, -1)), [8, 8, 9]):
        np.testing.assert_array_equal(transformer.transform(X.iloc[rows]), windows[rows])


@pytest.mark.parametrize("series_column", [None, 1])
def test_a_bare_array_is_one_block_of_consecutive_rows_per_series(series_column):
    X = np.column_stack([np.arange(12.0), np.arange(12) % 2])
    transformer = SlidingWindowTransformer(2, group_column=series_column, incomplete="ignore").fit(X)
    lag = 1 if series_column is None else 2
    expected = np.column_stack([np.arange(12.0) - lag, np.arange(12)])
    expected[:lag, 0] = np.nan
    np.testing.assert_array_equal(transformer.transform(X)[:, :, 0], expected)


def is_view(windows):
    return windows.strides[0] == windows.strides[1] and np.shares_memory(windows[0], windows[1])


@pytest.mark.parametrize("future", [None, "known"])
@pytest.mark.parametrize("horizon", [0, 3])
@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("rows", [slice(None), slice(40, None), slice(45, 50)])
def test_an_ordered_series_without_holes_gives_a_read_only_view(rows, index, horizon, future):
    X = probe(INDEXES[index])
    transformer = SlidingWindowTransformer(4, horizon=horizon, future_columns=future, incomplete="ignore")
    for windows in (transformer.fit_transform(X), transformer.fit(X.iloc[:40]).transform(X.iloc[rows])):
        assert is_view(windows)
        assert not windows.flags.writeable
    flat = transformer.set_params(flatten=True).fit(X.iloc[:40]).transform(X.iloc[rows])
    np.testing.assert_array_equal(flat, windows.reshape(len(windows), -1))
    assert flat.strides[0] == X.shape[1] * flat.itemsize
    assert np.shares_memory(flat[0], flat[1])
    assert not flat.flags.writeable


def test_a_view_of_a_bare_array_starts_with_missing_steps():
    windows = SlidingWindowTransformer(3).fit_transform(np.arange(5.0)[:, None])
    assert is_view(windows)
    np.testing.assert_array_equal(windows[:2, :, 0], [[np.nan, np.nan, 0], [np.nan, 0, 1]])


@pytest.mark.parametrize("rows", [[3, 1, 2], [0, 1, 3], [5, 5, 6]])
def test_other_rows_give_a_dense_read_only_array(rows):
    X = probe(INDEXES["hour"]).iloc[:10]
    windows = SlidingWindowTransformer(2, incomplete="ignore").fit(X).transform(X.iloc[rows])
    assert windows.flags.c_contiguous
    assert not windows.flags.writeable


@pytest.mark.parametrize(
    ("given_dtype", "dtype"), [("float32", "float32"), ("float64", "float64"), ("int64", "float64")]
)
@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 0, 2]])
@pytest.mark.parametrize("flatten", [False, True])
def test_floats_keep_their_type_and_integers_become_double(given_dtype, dtype, rows, flatten):
    X = pd.DataFrame({"a": np.arange(6)}).astype(given_dtype)
    transformer = SlidingWindowTransformer(2, flatten=flatten, incomplete="ignore")
    assert transformer.fit_transform(X).dtype == dtype
    assert transformer.transform(X.iloc[rows]).dtype == dtype


@pytest.mark.parametrize("horizon", [0, 1, 3])
def test_the_name_of_a_flat_column_tells_the_lag_of_its_values(horizon):
    X = pd.DataFrame({"load": np.arange(9.0), "day": 0, "price": np.arange(9.0), "who": "x"})
    transformer = SlidingWindowTransformer(
        3, horizon=horizon, future_columns="price", time_column="load", group_column="who", flatten=True
    )
    X["day"] = X["load"]
    names = transformer.fit(X).get_feature_names_out()
    assert len(set(names)) == 6
    for name, values in zip(names, transformer.fit_transform(X).T, strict=True):
        channel, lag = name.split("@t")
        np.testing.assert_array_equal(values[5:], X["load"][5:] + int(lag or 0))
        assert channel in ("day", "price")


def test_flat_columns_are_named_oldest_step_first():
    transformer = SlidingWindowTransformer(2, horizon=1, flatten=True).fit(pd.DataFrame({"load": [1.0], "heat": [2.0]}))
    assert list(transformer.get_feature_names_out()) == ["load@t-2", "heat@t-2", "load@t-1", "heat@t-1"]
    bare = SlidingWindowTransformer(2, flatten=True).fit(np.zeros((3, 1)))
    assert list(bare.get_feature_names_out()) == ["x0@t-1", "x0@t"]


def test_windows_of_three_dimensions_have_no_names():
    with pytest.raises(AttributeError, match="'get_feature_names_out', which needs flatten=True"):
        SlidingWindowTransformer(2).fit(np.zeros((3, 1))).get_feature_names_out()


def test_set_output_gives_flat_windows_the_index_and_the_names():
    X = probe(INDEXES["month start"])
    transformer = SlidingWindowTransformer(2, flatten=True).set_output(transform="pandas").fit(X.iloc[:30])
    windows = transformer.transform(X.iloc[30:])
    assert windows.index.equals(X.index[30:])
    assert list(windows.columns) == list(transformer.get_feature_names_out())
    np.testing.assert_array_equal(windows["past@t-1"], np.arange(29.0, 59))


def test_windows_of_three_dimensions_pass_through_set_output():
    X = probe(INDEXES["hour"])
    plain = SlidingWindowTransformer(2).fit_transform(X)
    own = SlidingWindowTransformer(2).set_output(transform="pandas")
    with sklearn.config_context(transform_output="pandas"):
        everywhere = SlidingWindowTransformer(2).fit_transform(X)
    for windows in (own.fit_transform(X), own.fit(X).transform(X.iloc[1:]), everywhere):
        assert type(windows) is np.ndarray
        assert windows.ndim == 3
        assert is_view(windows)
    np.testing.assert_array_equal(everywhere, plain)


def test_set_output_keeps_the_key_through_a_scaler():
    X = probe(INDEXES["hour"])
    pipeline = make_pipeline(MinMaxScaler(), SlidingWindowTransformer(6, incomplete="error"))
    pipeline.set_output(transform="pandas").fit(X.iloc[:40])
    windows = pipeline.transform(X.iloc[40:])
    np.testing.assert_allclose(windows[:, :, 0] * 39, expected_past(np.arange(40, 60), np.arange(60), 6, 0))


@pytest.mark.filterwarnings("ignore")
def test_on_bare_arrays_only_the_checks_that_split_the_rows_fail():
    """A bare array has no key, so that a row's window depends on the rows that stand before it in the call."""
    results = check_estimator(SlidingWindowTransformer(4), on_fail=None, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert failed == {"check_methods_sample_order_invariance", "check_methods_subset_invariance"}
    assert skipped <= {"check_array_api_input"}
