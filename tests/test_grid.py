"""Keys: which rows are the same, which series they belong to, and where they lie on the time grid."""

import numpy as np
import pandas as pd
import pytest

from skrnn import SlidingWindowTransformer


def probe(index):
    """A channel that holds the number of its row."""
    return pd.DataFrame({"number": np.arange(float(len(index)))}, index=index)


def newest_first(numbers, known, window_size):
    """Windows of the probe on its grid."""
    steps = np.asarray(numbers, dtype=float)[:, None] - np.arange(window_size)[::-1]
    return np.where(np.isin(steps, known), steps, np.nan)


def assert_steps(index, transformer, dropped, n_train):
    """Rows that follow, overlap or fill training rows with holes have each step in its place."""
    X = probe(index)
    train = np.setdiff1d(np.arange(n_train), dropped)
    transformer.fit(X.iloc[train])
    for rows in (np.arange(n_train, len(X)), np.arange(len(X))[::-1], np.array([n_train + 2]), train[3:]):
        expected = newest_first(rows, np.union1d(train, rows), transformer.window_size)
        np.testing.assert_array_equal(transformer.transform(X.iloc[rows])[:, :, 0], expected)


def dates(freq, periods=40, start="2021-01-01", tz=None):
    """An index that does not carry its frequency."""
    return pd.DatetimeIndex(list(pd.date_range(start, periods=periods, freq=freq, tz=tz)), freq=None)


REGULAR = {
    "hour": (dates("h"), "h"),
    "quarter of an hour": (dates("15min"), "15min"),
    "second": (dates("s"), "s"),
    "day": (dates("D"), "D"),
    "day at noon": (dates("D", start="2021-01-01 12:00"), "D"),
    "other days": (dates("2D"), "2D"),
    "week": (dates("W-WED"), "W-WED"),
    "business day": (dates("B"), "B"),
    "business day in the evening": (dates("B", start="2021-01-01 18:30"), "B"),
    "business day around 1970": (dates("B", start="1969-12-01"), "B"),
    "month start": (dates("MS"), "MS"),
    "month start around 1970": (dates("MS", start="1968-05-01"), "MS"),
    "month end": (dates("ME"), "ME"),
    "business month end": (dates("BME"), "BME"),
    "other months": (dates("2MS"), "2MS"),
    "quarter": (dates("QS"), "3MS"),
    "year": (dates("YS"), "12MS"),
    "day in Berlin": (dates("D", start="2021-03-10", tz="Europe/Berlin"), "D"),
    "day in New York": (dates("D", start="2021-10-20", tz="America/New_York"), "D"),
    "business day in Berlin": (dates("B", start="2021-03-10", tz="Europe/Berlin"), "B"),
    "month in Berlin": (dates("MS", tz="Europe/Berlin"), "MS"),
    "hour in Berlin": (dates("h", start="2021-03-27 12:00", tz="Europe/Berlin"), "h"),
    "hour in UTC": (dates("h", tz="UTC"), "h"),
    "range": (pd.RangeIndex(40), 1),
    "negative numbers": (pd.Index(np.arange(-20, 20)), 1),
    "whole numbers": (pd.Index(3 + 10 * np.arange(40)), 10),
    "whole floats": (pd.Index(2.0 * np.arange(40)), 2),
    "period": (pd.period_range("2021-01", periods=40, freq="M"), "M"),
    "quarter as period": (pd.period_range("2021-01", periods=40, freq="Q"), "Q-DEC"),
    "two hours as period": (pd.period_range("2021-01-01", periods=40, freq="2h"), "2h"),
    "timedelta": (pd.TimedeltaIndex(list(pd.timedelta_range("3s", periods=40, freq="7s"))), "7s"),
}


@pytest.mark.parametrize("dropped", [[], [4, 5, 17]], ids=["whole", "holes"])
@pytest.mark.parametrize("name", REGULAR)
def test_a_regular_grid_is_found(name, dropped):
    index, freq = REGULAR[name]
    transformer = SlidingWindowTransformer(4, incomplete="ignore")
    assert_steps(index, transformer, dropped, n_train=30)
    assert transformer.freq_ == freq


@pytest.mark.parametrize("tenths", [1, 2.5])
def test_steps_between_floats_are_found_up_to_their_rounding(tenths):
    index = pd.Index(np.cumsum(np.full(40, tenths / 10)))
    transformer = SlidingWindowTransformer(4, incomplete="ignore")
    assert_steps(index, transformer, [4, 17], n_train=30)
    assert transformer.freq_ == pytest.approx(tenths / 10)


OFFSETS = ["h", "D", "B", "2B", "C", "W-WED", "2W-SUN", "MS", "BMS", "QS-FEB", "BQE", "YE", "SMS", "SME", "WOM-3FRI"]


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", OFFSETS)
def test_the_frequency_of_the_index_is_the_grid(freq, tz):
    index = pd.date_range("2021-03-25", periods=40, freq=freq, tz=tz)
    transformer = SlidingWindowTransformer(4, incomplete="ignore").fit(probe(index))
    assert transformer.freq_ == index.freqstr
    assert_steps(index, transformer, [], n_train=30)


@pytest.mark.parametrize("freq", OFFSETS)
def test_a_given_frequency_is_the_grid(freq):
    index = dates(freq)
    assert_steps(index, SlidingWindowTransformer(4, freq=freq, incomplete="ignore"), [1, 2, 4, 5, 17], n_train=30)


def test_business_hours_are_a_grid():
    X = probe(dates("bh"))
    transformer = SlidingWindowTransformer(4, freq="bh", incomplete="ignore").fit(X.iloc[:30].drop(X.index[28]))
    windows = transformer.transform(X.iloc[30:])
    np.testing.assert_array_equal(windows[:, :, 0], newest_first(np.arange(30, 40), np.delete(np.arange(40), 28), 4))


@pytest.mark.parametrize("name", REGULAR)
def test_the_grid_that_was_found_can_be_given(name):
    X = probe(REGULAR[name][0])
    found = SlidingWindowTransformer(4).fit(X)
    given = SlidingWindowTransformer(4, freq=found.freq_).fit(X)
    assert given.freq_ == found.freq_
    np.testing.assert_array_equal(given.fit_transform(X), found.fit_transform(X))


@pytest.mark.parametrize("freq", ["h", "D", "B", "MS"])
@pytest.mark.parametrize("horizon", [0, 2])
def test_rows_from_the_newest_to_the_oldest_have_the_same_windows(freq, horizon):
    X = probe(pd.date_range("2021-01-01", periods=20, freq=freq))
    transformer = SlidingWindowTransformer(3, horizon=horizon, incomplete="ignore")
    expected = transformer.fit_transform(X)
    assert not np.isnan(expected[2 + horizon :]).any()
    np.testing.assert_array_equal(transformer.fit_transform(X.iloc[::-1]), expected[::-1])
    np.testing.assert_array_equal(transformer.transform(X), expected)
    assert transformer.freq_ == freq


def test_a_slice_of_the_index_may_be_called_in_any_step():
    X = probe(pd.date_range("2021-01-01", periods=20, freq="h"))
    transformer = SlidingWindowTransformer(3, incomplete="ignore").fit(X)
    np.testing.assert_array_equal(transformer.transform(X.iloc[::-2]), transformer.transform(X)[::-2])


@pytest.mark.parametrize("freq", ["-1h", -1, -0.5])
def test_a_step_goes_forward(freq):
    index = dates("h") if isinstance(freq, str) else pd.RangeIndex(40)
    with pytest.raises(ValueError, match="freq"):
        SlidingWindowTransformer(3, freq=freq).fit(probe(index))


@pytest.mark.parametrize(
    "times",
    [
        np.array([0.0, 1, 3, 3.7, 4.1, 9, 11.3, 12]),
        np.array([0, 1, 2, 30, 31, 32, 60, 61]),
        pd.to_datetime(["2021-01-01", "2021-01-04", "2021-01-04 07:13", "2021-02-01", "2021-05-01"], format="ISO8601"),
        pd.to_timedelta([1, 2, 50, 51, 99, 100], unit="s"),
    ],
)
def test_without_a_regular_grid_the_steps_are_the_rows_before(times):
    X = probe(times)
    transformer = SlidingWindowTransformer(3, horizon=1, incomplete="ignore").fit(X.iloc[:-2])
    assert transformer.freq_ is None
    expected = newest_first(np.arange(len(X)) - 1, np.arange(len(X)), 3)
    np.testing.assert_array_equal(transformer.transform(X.iloc[-2:])[:, :, 0], expected[-2:])
    np.testing.assert_array_equal(transformer.transform(X)[:, :, 0], expected)


@pytest.mark.parametrize(("n_rows", "freq"), [(10, 1), (8, 1), (7, None)])
def test_at_least_half_of_the_grid_must_be_filled(n_rows, freq):
    times = np.append(np.arange(n_rows - 1), 15)  # the grid has 16 places
    assert SlidingWindowTransformer(3).fit(probe(times)).freq_ == freq


@pytest.mark.parametrize("index", [dates("h"), pd.period_range("2021", periods=40, freq="h"), pd.RangeIndex(40)])
def test_freq_none_takes_the_rows_before_in_order(index):
    X = probe(index).iloc[[0, 1, 2, 7, 8, 20]]
    transformer = SlidingWindowTransformer(3, freq=None).fit(X)
    assert transformer.freq_ is None
    np.testing.assert_array_equal(transformer.transform(X.iloc[4:])[:, :, 0], [[2, 7, 8], [7, 8, 20]])


def test_a_single_row_or_a_bare_array_has_no_grid():
    assert SlidingWindowTransformer(3).fit(probe(dates("h", periods=1))).freq_ is None
    assert SlidingWindowTransformer(3).fit(np.zeros((9, 1))).freq_ is None


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("name", ["hour", "business day", "whole numbers", "period", "timedelta"])
def test_a_bare_array_is_a_block_whatever_the_grid_of_the_training_rows(name, flatten):
    X = probe(REGULAR[name][0])
    transformer = SlidingWindowTransformer(2, flatten=flatten, incomplete="ignore").fit(X)
    windows = transformer.transform(X.to_numpy()[5:8]).reshape(3, 2)
    np.testing.assert_array_equal(windows, [[np.nan, 5], [5, 6], [6, 7]])


def test_each_series_may_lie_off_the_grid_of_the_others():
    parts = {name: probe(dates("h", start=f"2021-01-01 00:{name}")) for name in ("00", "20", "47")}
    X = pd.concat(parts, names=["minute", "time"])
    transformer = SlidingWindowTransformer(4, incomplete="ignore").fit(X)
    assert transformer.freq_ == "h"
    expected = np.tile(newest_first(np.arange(40), np.arange(40), 4), (3, 1))
    np.testing.assert_array_equal(transformer.transform(X)[:, :, 0], expected)
    moved = pd.concat({"00": parts["20"]}, names=["minute", "time"])
    with pytest.raises(ValueError, match="off the time grid"):
        transformer.transform(moved)


@pytest.mark.parametrize(
    ("index", "freq"),
    [
        (0.5 + np.arange(20), 1),
        (-0.25 + np.arange(20), 1),
        (1 + 2 * np.arange(20) + 0.01 * (np.arange(20) % 2), 2),
        (100.3 + 0.25 * np.arange(20), 0.25),
    ],
)
@pytest.mark.parametrize("given", [False, True])
def test_the_grid_of_floats_starts_at_the_first_row(index, freq, given):
    X = probe(index)
    transformer = SlidingWindowTransformer(3, freq=freq if given else "auto", incomplete="ignore")
    transformer.fit(X.iloc[:15])
    assert transformer.freq_ == pytest.approx(freq, rel=0.01)
    expected = newest_first(np.arange(15, 20), np.arange(20), 3)
    np.testing.assert_array_equal(transformer.transform(X.iloc[15:])[:, :, 0], expected)
    for row in range(15, 20):
        np.testing.assert_array_equal(transformer.transform(X.iloc[row : row + 1])[0, -1, 0], row)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_datetimes_does_not_matter(unit):
    X = probe(dates("h"))
    call = X.iloc[30:].set_axis(X.index[30:].as_unit(unit))
    windows = SlidingWindowTransformer(3).fit(X.iloc[:30].set_axis(X.index[:30].as_unit("us"))).transform(call)
    np.testing.assert_array_equal(windows[:, :, 0], newest_first(np.arange(30, 40), np.arange(40), 3))


def test_times_of_different_zones_are_the_same_moments():
    X = probe(dates("D", start="2021-03-10", tz="Europe/Berlin"))
    transformer = SlidingWindowTransformer(3, incomplete="error").fit(X.iloc[:30])
    windows = transformer.transform(X.iloc[30:].tz_convert("UTC"))
    np.testing.assert_array_equal(windows[:, :, 0], newest_first(np.arange(30, 40), np.arange(40), 3))


def test_outer_levels_and_group_column_together_name_the_series():
    names = [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    X = pd.concat({name: probe(dates("D")) + 100 * i for i, name in enumerate(names)})
    expected = np.concatenate([newest_first(np.arange(40), np.arange(40), 3) + 100 * i for i in range(4)])
    column = X.droplevel(1).assign(number_of_series=X.index.get_level_values(1))
    for frame, group_column in ((X, None), (column, "number_of_series")):
        transformer = SlidingWindowTransformer(3, group_column=group_column, incomplete="ignore").fit(frame.iloc[:100])
        np.testing.assert_array_equal(transformer.transform(frame)[:, :, 0], expected)


@pytest.mark.parametrize(
    ("parameters", "fitted", "called", "error", "message"),
    [
        ({}, None, list("abcd"), TypeError, "to_datetime"),
        ({}, None, [True, False], TypeError, "no distance in time"),
        ({}, None, [pd.Timestamp("2024", tz="UTC"), pd.Timestamp("2025", tz="Asia/Tokyo")], TypeError, "utc=True"),
        ({}, None, pd.date_range("2024", periods=3).date, TypeError, "to_datetime converts text and dates"),
        ({"time_column": "when"}, None, None, TypeError, "time_column"),
        ({"time_column": "number"}, None, range(9), ValueError, "no channel"),
        ({}, None, pd.MultiIndex.from_product([dates("h", 3), ["a", "b"]]), ValueError, "swaplevel"),
        ({}, dates("h"), dates("h", tz="UTC"), ValueError, "time zone.*tz_localize"),
        ({}, dates("h", tz="UTC"), dates("h"), ValueError, "time zone.*tz_localize"),
        ({}, dates("h"), pd.RangeIndex(9), ValueError, "kind 'number'"),
        ({}, pd.RangeIndex(9), dates("h"), ValueError, "kind 'datetime'"),
        ({}, dates("h"), pd.period_range("2021", periods=9, freq="h"), ValueError, "period"),
        (
            {},
            pd.period_range("2021", periods=9, freq="M"),
            pd.period_range("2021", periods=9, freq="D"),
            ValueError,
            "D",
        ),
        ({}, dates("h"), pd.timedelta_range("1h", periods=9, freq="h"), ValueError, "timedelta"),
        ({}, dates("h"), dates("h", start="2021-01-01 00:20"), ValueError, "off the time grid.*2021-01-01 00:20:00"),
        ({}, dates("B"), dates("D"), ValueError, "off the time grid.*2021-01-02"),
        ({}, dates("MS"), dates("D"), ValueError, "off the time grid"),
        ({"freq": "SMS"}, dates("SMS"), dates("D"), ValueError, "off the time grid"),
        ({}, dates("W-WED"), dates("W-THU"), ValueError, "off the time grid"),
        ({}, 10 * np.arange(9), [95], ValueError, "off the time grid.*95"),
        ({}, 0.5 * np.arange(9), [4.7], ValueError, "off the time grid.*4.7"),
        ({"freq": 1}, 0.5 + np.arange(9), [12], ValueError, "off the time grid.*12"),
        ({"freq": "D"}, None, dates("h"), ValueError, "off the time grid"),
        ({"freq": "soon"}, None, dates("h"), ValueError, "freq='soon'"),
        ({"freq": "h"}, None, np.arange(9), ValueError, "freq='h'"),
        ({"freq": 2}, None, dates("h"), ValueError, "freq=2"),
        ({"freq": "D"}, None, pd.period_range("2021", periods=9, freq="M"), ValueError, "freq='D'"),
        ({"freq": "B"}, None, pd.timedelta_range("1D", periods=9, freq="D"), ValueError, "freq='B'"),
    ],
)
def test_keys_that_cannot_be_compared_are_an_error(parameters, fitted, called, error, message):
    called = probe(range(9)).assign(when="soon") if called is None else probe(called)
    transformer = SlidingWindowTransformer(3, **parameters)
    calls = [transformer.fit] if fitted is None else [transformer.fit(probe(fitted)).transform, transformer.partial_fit]
    for call in calls:
        with pytest.raises(error, match=message):
            call(called)


def test_equal_duplicates_are_one_row():
    X = probe(dates("h", 9))
    repeated = X.iloc[[0, 1, 1, 2, 2, 2, 3, 4]]
    transformer = SlidingWindowTransformer(3, incomplete="ignore").fit(repeated)
    rows = [4, 4, 3, 5]
    expected = SlidingWindowTransformer(3, incomplete="ignore").fit(X.iloc[:5]).transform(X.iloc[rows])
    np.testing.assert_array_equal(transformer.transform(X.iloc[rows]), expected)


def test_different_values_under_one_key_are_an_error():
    X = probe(dates("h", 9))
    X = pd.concat([X, X.iloc[[4]] + 1])
    transformer = SlidingWindowTransformer(3)
    for call in (transformer.fit, transformer.fit_transform, transformer.fit(X.iloc[:9]).transform):
        with pytest.raises(ValueError, match=r"2021-01-01 04:00:00.*group_column"):
            call(X)
    columns = X.rename_axis("time").reset_index().assign(who=["a"] * 9 + ["b"])
    assert len(SlidingWindowTransformer(3, time_column="time", group_column="who").fit_transform(columns)) == 10


def test_different_values_under_one_time_of_a_bare_array_warn():
    X = np.array([[0.0, 1.0], [1.0, 2.0], [1.0, 3.0], [2.0, 4.0]])
    with pytest.warns(UserWarning, match="different values under the same key"):
        windows = SlidingWindowTransformer(2, time_column=0).fit_transform(X)
    np.testing.assert_array_equal(windows[3, :, 0], [2, 4])


def test_a_row_without_a_time_has_no_history_and_is_in_no_other_window():
    X = np.column_stack([[0, 1, np.nan, 2, np.nan], np.arange(5.0)])
    windows = SlidingWindowTransformer(2, time_column=0).fit_transform(X)[:, :, 0]
    np.testing.assert_array_equal(windows, [[np.nan, 0], [0, 1], [np.nan, 2], [1, 3], [np.nan, 4]])
    dated = pd.DataFrame({"when": pd.to_datetime(["2024-01-01", "2024-01-02", None, "2024-01-03", None]), "a": X[:, 1]})
    transformer = SlidingWindowTransformer(2, time_column="when", incomplete="ignore").fit(dated)
    np.testing.assert_array_equal(transformer.transform(dated)[:, :, 0], windows)
    np.testing.assert_array_equal(transformer.transform(dated.iloc[2:3])[:, :, 0], [[np.nan, 2]])


def test_every_second_business_day_is_a_grid():
    days = pd.bdate_range("2024-01-01", periods=40)[::2]
    X = probe(pd.DatetimeIndex(days.to_numpy()))
    transformer = SlidingWindowTransformer(3).fit(X)
    assert transformer.freq_ == "2B"
    assert not np.isnan(transformer.fit_transform(X)[2:]).any()


def test_times_beyond_nanoseconds_are_refused_in_words():
    X = probe(pd.date_range("3000-01-01", periods=9, freq="D", unit="s"))
    with pytest.raises(ValueError, match="nanoseconds cannot tell"):
        SlidingWindowTransformer(3).fit(X)
