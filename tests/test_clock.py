"""Time zones, changes of the clock, offsets of pandas, rounded times and opening hours: a step keeps its place."""

import datetime as dt
import pickle
import zoneinfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.pipeline import make_pipeline

from skrnn import SlidingWindowTransformer, backtest, forecast, horizon_targets

o = pd.offsets
BERLIN = "Europe/Berlin"


class Drift(RegressorMixin, BaseEstimator):
    """Goes on with the last difference: exact on straight lines."""

    def fit(self, X, y):  # noqa: ARG002
        self.fitted_ = True
        return self

    def predict(self, X):
        X = np.asarray(X, dtype=float).reshape(len(X), -1)
        return 2 * X[:, -1] - X[:, -2]


def line(index):
    """A channel that holds the number of its row."""
    return pd.DataFrame({"v": np.arange(float(len(index)))}, index=index)


def bare(index):
    """The same times without their frequency."""
    return pd.DatetimeIndex(list(index), freq=None)


def windows_of(rows, known=None):
    """Windows of two steps, one step before each row."""
    steps = np.asarray(rows)[:, None] + [-2.0, -1.0]
    return steps if known is None else np.where(np.isin(steps, known), steps, np.nan)


def assert_goes_on(index, n_train, freq="auto", labels=None):
    """Rows after those of fit find them, rows that are absent leave holes, and a forecast has the next labels."""
    X, n = line(index), len(index)
    window = SlidingWindowTransformer(2, horizon=1, freq=freq, incomplete="ignore").fit(X[:n_train])
    later = np.arange(n_train, n)
    np.testing.assert_array_equal(window.transform(X[n_train:])[:, :, 0], windows_of(later))
    kept = later[::3]
    known = np.append(np.arange(n_train), kept)
    np.testing.assert_array_equal(window.transform(X.iloc[kept])[:, :, 0], windows_of(kept, known))
    np.testing.assert_array_equal(window.transform(X[n_train : n_train + 1] * np.nan)[:, :, 0], windows_of([n_train]))
    model = make_pipeline(window, Drift()).fit(X[:n_train], X["v"][:n_train])
    predicted = forecast(model, X[:n_train], n - n_train)
    np.testing.assert_allclose(predicted["v"], later)
    assert list(predicted.index) == list(index[n_train:] if labels is None else labels)
    return window


OFFSETS = [
    o.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat"),
    o.CustomBusinessDay(2, weekmask="Sun Mon Tue Wed Thu", holidays=["2024-04-01", "2023-11-09"]),
    o.BusinessHour(),
    o.BusinessHour(start="09:30", end="16:00"),
    o.BusinessHour(2, start=["09:00", "14:00"], end=["12:00", "18:00"]),
    o.BusinessHour(start="22:00", end="02:00"),
    o.CustomBusinessHour(2, start="20:00", end="02:00", weekmask="Mon Wed Sat", holidays=["2024-03-09"]),
    o.DateOffset(months=1),
    o.DateOffset(months=1, days=3),
    o.DateOffset(2, years=1),
    o.DateOffset(days=1),
    o.DateOffset(2, weeks=1),
    o.DateOffset(hours=6),
    o.CustomBusinessMonthEnd(holidays=["2024-05-31"]),
    o.CustomBusinessMonthBegin(weekmask="Mon Tue Wed"),
    o.SemiMonthEnd(day_of_month=10),
    o.Week(),
    o.Week(3, weekday=1),
    o.LastWeekOfMonth(weekday=4),
    o.WeekOfMonth(2, week=1, weekday=2),
    o.FY5253(weekday=4, startingMonth=3, variation="last"),
    o.FY5253Quarter(weekday=4, startingMonth=3, qtr_with_extra_week=2, variation="nearest"),
    o.Easter(),
    o.Minute(7),
    o.Hour(6),
    o.Hour(24),
]


@pytest.mark.parametrize("tz", [None, BERLIN])
@pytest.mark.parametrize("offset", OFFSETS, ids=repr)
def test_an_offset_is_the_grid_whether_the_index_holds_it_or_freq(offset, tz):
    index = pd.date_range("2023-10-20 10:00", periods=33, freq=offset, tz=tz)[:30]
    own = assert_goes_on(index, 20)
    given_ = assert_goes_on(bare(index), 20, freq=offset)
    again = SlidingWindowTransformer(2, horizon=1, freq=own.freq_).fit(line(bare(index))[:20])
    assert own.freq_ == given_.freq_ == again.freq_
    restored = pickle.loads(pickle.dumps(clone(again).fit(line(index)[:20])))
    np.testing.assert_array_equal(restored.transform(line(index)[20:])[:, :, 0], windows_of(np.arange(20, 30)))


@given(
    offset=st.sampled_from([offset for offset in OFFSETS if not isinstance(offset, o.FY5253Quarter)]),
    tz=st.sampled_from([None, BERLIN, "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata"]),
    start=st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(2040, 1, 1)),
    first=st.integers(0, 20),
)
@settings(max_examples=12, deadline=None)
def test_places_are_those_of_offset_arithmetic_by_pandas(offset, tz, start, first):
    try:
        index = pd.date_range(pd.Timestamp(start).floor("min"), periods=50, freq=offset, tz=tz)
    except ValueError:  # pandas has no such time of the day
        return
    X, first = line(index), 0 if type(offset) is o.DateOffset else first  # whose steps back need not be its steps
    window = SlidingWindowTransformer(2, horizon=1, freq=offset, incomplete="ignore").fit(X[first : first + 9])
    np.testing.assert_array_equal(window.transform(X)[2:, :, 0], windows_of(np.arange(2, len(X))))


@pytest.mark.parametrize("offset", ["B", "ME", "BMS", o.CustomBusinessDay(weekmask="Mon Tue Sat")], ids=repr)
@pytest.mark.parametrize("time", ["23:46", "23:59:59"])
def test_dates_have_places_also_at_the_end_of_a_day(offset, time):
    index = pd.date_range(f"2024-01-01 {time}", periods=30, freq=offset)
    for shift in (pd.Timedelta(0), pd.Timedelta(-1, unit="s") * np.tile([0, 1, 0], 10)):
        X = line(index + shift)
        window = SlidingWindowTransformer(2, horizon=1, freq=offset, incomplete="ignore").fit(X)
        np.testing.assert_array_equal(window.transform(X)[2:, :, 0], windows_of(np.arange(2, 30)))


def test_the_grid_is_shown_by_what_says_all_of_it():
    for offset, shown in ((o.BusinessHour(), "bh"), (o.CustomBusinessDay(), "C"), (o.Week(weekday=2), "W-WED")):
        index = pd.date_range("2024-01-03 10:00", periods=20, freq=offset)
        assert SlidingWindowTransformer(2).fit(line(index)).freq_ == shown
    mask = o.CustomBusinessDay(weekmask="Mon Tue")
    assert SlidingWindowTransformer(2).fit(line(pd.date_range("2024-01-01", periods=20, freq=mask))).freq_ is mask
    hours = pd.date_range("2024", periods=20, freq="h")
    for span in (dt.timedelta(hours=1), pd.Timedelta("1h"), o.Hour()):
        assert SlidingWindowTransformer(2, freq=span).fit(line(hours)).freq_ == "h"
    for offset in (o.DateOffset(days=-1), o.DateOffset(day=1), o.Hour(-1), dt.timedelta(0)):
        with pytest.raises(ValueError, match="must go forward"):
            SlidingWindowTransformer(2, freq=offset).fit(line(hours))


@pytest.mark.parametrize("offset", [o.DateOffset(months=1), o.CustomBusinessDay(weekmask="Mon Tue Sat")], ids=repr)
def test_an_index_of_an_offset_may_run_backwards(offset):
    X = line(pd.date_range("2024-01-01", periods=30, freq=offset))
    window = SlidingWindowTransformer(2, horizon=1).fit(X[:20][::-1])
    np.testing.assert_array_equal(window.transform(X[20:])[:, :, 0], windows_of(np.arange(20, 30)))


def zones():
    """Time zones of all makes that are installed."""
    found = [
        zoneinfo.ZoneInfo(BERLIN),
        dt.UTC,
        dt.timezone(dt.timedelta(hours=5, minutes=30)),
        dt.timezone(dt.timedelta(hours=5, minutes=30), "IST"),
        dt.timezone(dt.timedelta(hours=1), "CET"),
        dt.datetime.now().astimezone().tzinfo,
    ]
    tz = pytest.importorskip("dateutil.tz")  # comes with pandas
    found += [tz.gettz(BERLIN), tz.tzoffset(None, 19800), tz.tzutc(), tz.tzlocal()]
    try:
        import pytz
    except ImportError:
        return found
    return [*found, pytz.timezone(BERLIN), pytz.FixedOffset(330), pytz.utc]


@pytest.mark.parametrize("freq", ["h", "D", "MS", "6h"])
@pytest.mark.parametrize("tz", zones(), ids=repr)
def test_a_time_zone_of_any_make_serves(tz, freq):
    index = pd.date_range("2024-03-20", periods=60, freq=freq, tz=tz)
    window = pickle.loads(pickle.dumps(assert_goes_on(bare(index), 50)))
    assert window.freq_ == freq
    moments = line(bare(index.tz_convert("UTC")))[50:]
    np.testing.assert_array_equal(window.transform(moments)[:, :, 0], windows_of(np.arange(50, 60)))


CHANGES = {
    "forward": (BERLIN, "2024-03-31"),
    "back": (BERLIN, "2024-10-27"),
    "at midnight": ("America/Havana", "2024-03-10"),
    "half an hour": ("Australia/Lord_Howe", "2024-10-06"),
}


def local(change, hours, clock, **how):
    """Rows every few hours on the clock of a zone, ten before the day on which it changes and ten after."""
    tz, day = CHANGES[change]
    begin = pd.Timestamp(f"{day} {clock}") - pd.Timedelta(hours=12 * hours)
    naive = pd.date_range(begin, periods=24, freq=pd.Timedelta(hours=hours))
    how = {"nonexistent": "shift_forward"} | how
    return bare(naive.tz_localize(tz, ambiguous=np.ones(len(naive), dtype=bool), **how))


@pytest.mark.parametrize("n_train", [12, 13, *(pytest.param(n, marks=pytest.mark.slow) for n in (6, 18))])
@pytest.mark.parametrize(
    ("hours", "clock"), [(24, "00:00"), (24, "02:30"), (6, "00:00"), (8, "02:15"), (12, "09:00"), (168, "00:00")]
)
@pytest.mark.parametrize("change", CHANGES)
def test_steps_of_a_clock_on_the_wall_go_on_over_its_change(change, hours, clock, n_train):
    assert_goes_on(local(change, hours, clock), n_train)


@pytest.mark.parametrize("shift", [pd.Timedelta("1h"), -pd.Timedelta("1h"), "shift_backward"])
def test_a_missing_time_of_the_day_may_be_replaced_in_any_way(shift):
    for n_train in (8, 18):
        index = local("forward", 24, "02:30", nonexistent=shift)
        X = line(index)
        window = SlidingWindowTransformer(2, horizon=1).fit(X[:n_train])
        assert window.freq_ == "D"
        np.testing.assert_array_equal(window.transform(X[n_train:])[:, :, 0], windows_of(np.arange(n_train, 24)))


def test_either_of_two_equal_times_of_a_day_is_the_step():
    X = line(local("back", 24, "02:30"))
    second = X[12:].set_axis(X.index[12:].where(np.arange(12) > 0, X.index[12:] + pd.Timedelta("1h")))
    assert str(second.index[0]) == "2024-10-27 02:30:00+01:00"
    window = SlidingWindowTransformer(2, horizon=1).fit(X[:12])
    np.testing.assert_array_equal(window.transform(second)[:, :, 0], windows_of(np.arange(12, 24)))
    with pytest.raises(ValueError, match="same key"):
        window.transform(pd.concat([X[:14], second[:1] + 1]))


@pytest.mark.parametrize("change", ["forward", "back"])
@pytest.mark.parametrize("freq", ["6h", "24h", "2h", "h"])
def test_steps_that_are_equal_in_utc_go_on_over_a_change(change, freq):
    tz, day = CHANGES[change]
    begin = pd.Timestamp(day, tz="UTC") - 12 * pd.tseries.frequencies.to_offset(freq)
    index = pd.date_range(begin, periods=30, freq=freq).tz_convert(tz)
    X = line(bare(index))
    for n_train in (6, 20):
        window = SlidingWindowTransformer(2, horizon=1).fit(X[:n_train])
        np.testing.assert_array_equal(window.transform(X[n_train:])[:, :, 0], windows_of(np.arange(n_train, 30)))
    assert_goes_on(index, 6)
    assert_goes_on(bare(index), 20)


def test_the_step_of_the_wall_is_no_finer_one_of_utc():
    index = local("back", 2, "00:00")
    assert SlidingWindowTransformer(2).fit(line(index)).freq_ == "2h"


def test_targets_and_backtests_keep_their_steps_over_a_change():
    X = line(local("forward", 24, "02:30"))
    targets = horizon_targets(X["v"], 3)
    np.testing.assert_array_equal(targets[:22], np.arange(22)[:, None] + [0, 1, 2])
    table = backtest(make_pipeline(SlidingWindowTransformer(2, horizon=1), Drift()), X, X["v"], steps=3, test_size=14)
    np.testing.assert_allclose(table["model"], 0, atol=1e-9)
    np.testing.assert_allclose(table["persistence"], [1, 2, 3])
    panel = pd.concat({"a": X, "b": X + 100}, names=["series", "time"])
    model = make_pipeline(SlidingWindowTransformer(2, horizon=1), Drift())
    predicted = forecast(model.fit(panel, panel["v"]), panel, 2)
    np.testing.assert_allclose(predicted["v"], [24, 25, 124, 125])


def excel(n, step="h"):
    """Times from numbers of days, as spreadsheets keep them, and the times that are meant."""
    meant = pd.date_range("2024-01-01 09:00", periods=n, freq=step)
    days = (meant - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")
    return pd.to_datetime(days, unit="D", origin="1899-12-30"), meant


@pytest.mark.parametrize(("step", "name"), [("h", "h"), ("7min", "7min"), ("B", "B"), ("MS", "MS"), ("10s", "10s")])
@pytest.mark.parametrize("fitted", ["rounded", "meant"])
def test_times_that_miss_the_grid_a_little_keep_their_steps(step, name, fitted):
    rounded, meant = excel(60, step)
    assert step in ("B", "MS") or (rounded != meant).any()
    train = rounded if fitted == "rounded" else bare(meant)
    index = train[:40].append(rounded[40:])
    window = assert_goes_on(index, 40, labels=meant[40:])
    assert window.freq_ == name
    X = line(train)
    with pytest.warns(UserWarning, match="share a key with a training row but hold other values"):
        window.fit(X).transform(line(rounded) + (np.arange(60) == 50)[:, None])
    np.testing.assert_array_equal(horizon_targets(line(rounded)["v"], 2)[:59], np.arange(59)[:, None] + [0, 1])


def test_a_hole_between_rounded_times_is_kept():
    rounded, _ = excel(60)
    X = line(rounded).drop(rounded[[50, 51]])
    window = SlidingWindowTransformer(3, horizon=1, incomplete="ignore").fit(X)
    np.testing.assert_array_equal(window.transform(X)[50, :, 0], [49, np.nan, np.nan])
    for shift, fits in (("30s", True), ("40s", False), ("-30s", True), ("-2min", False)):
        moved = line(rounded[:1] + pd.Timedelta(shift))
        if fits:
            window.set_params(incomplete="ignore").transform(moved)
        else:
            with pytest.raises(ValueError, match=r"off the time grid \(freq_='h'\).*freq=None"):
                window.transform(moved)


@pytest.mark.parametrize("n_later", [1, 15])
def test_a_step_of_no_whole_nanosecond_is_a_grid(n_later):
    index = pd.date_range("2024-01-01", "2024-01-01 00:00:10", periods=301)  # thirty a second
    X = line(index).drop(index[[100, 101]])
    window = SlidingWindowTransformer(2, horizon=1, incomplete="ignore").fit(X[:200])
    later = X[200 : 200 + n_later]
    np.testing.assert_array_equal(window.transform(later)[:, :, 0], windows_of(later["v"]))
    np.testing.assert_array_equal(window.transform(X)[100, :, 0], [np.nan, np.nan])


def test_floats_that_are_equal_up_to_rounding_are_the_same_row():
    X = line(0.1 * np.arange(50))
    window = SlidingWindowTransformer(2, horizon=1, incomplete="ignore").fit(X)
    again = X.set_axis(np.cumsum(np.full(50, 0.1)) - 0.1)
    np.testing.assert_array_equal(window.transform(again)[2:, :, 0], windows_of(np.arange(2, 50)))


def test_future_values_are_found_under_rounded_times():
    rounded, _ = excel(63)
    X = line(rounded).assign(k=np.arange(63.0) ** 2)
    model = make_pipeline(SlidingWindowTransformer(2, horizon=1, future_columns="k"), Drift()).fit(X[:60], X["v"][:60])
    predicted = forecast(model, X[:60], 3, target="v", future=X[["k"]])
    first = 2 * 60.0**2 - 59  # twice the value known in advance, less the last one of the series
    second = 2 * 61.0**2 - first
    np.testing.assert_allclose(predicted["v"], [first, second, 2 * 62.0**2 - second])


def open_times(kind, n):
    """Rows on some days or hours only."""
    hours = pd.date_range("2024-01-01", periods=40 * n, freq="h")
    days = pd.date_range("2024-01-01", periods=4 * n, freq="D")
    weekday = hours.day_of_week < 5
    chosen = {
        "Mon-Sat": days[days.day_of_week < 6],
        "Tue-Sat": days[(days.day_of_week > 0) & (days.day_of_week < 6)],
        "Mon-Thu": days[days.day_of_week < 4],
        "Tue and Thu at 7": days[days.day_of_week.isin([1, 3])] + pd.Timedelta("7h"),
        "8-20": hours[(hours.hour >= 8) & (hours.hour <= 20)],
        "9-17 Mon-Fri": hours[(hours.hour >= 9) & (hours.hour < 17) & weekday],
        "every other hour 8-20 Mon-Sat": hours[(hours.hour % 2 == 0) & (hours.hour >= 8) & (hours.day_of_week < 6)],
        "from 15 on": hours[hours.hour >= 15],
    }
    return bare(chosen[kind][:n])


OPEN = [
    "Mon-Sat",
    "Tue-Sat",
    "Mon-Thu",
    "Tue and Thu at 7",
    "8-20",
    "9-17 Mon-Fri",
    "every other hour 8-20 Mon-Sat",
    "from 15 on",
]


@pytest.mark.parametrize("tz", [None, BERLIN])
@pytest.mark.parametrize("kind", OPEN)
def test_the_step_after_closing_is_the_next_opening(kind, tz):
    index = open_times(kind, 192).tz_localize(tz)
    for n_train in (177, 178):
        window = assert_goes_on(index[: n_train + 10], n_train)
    offset = pd.tseries.frequencies.to_offset(window.freq_)
    assert isinstance(offset, o.CustomBusinessDay | o.CustomBusinessHour)
    assert SlidingWindowTransformer(2, freq=window.freq_).fit(line(index)).freq_ == window.freq_


@pytest.mark.parametrize("kind", ["Mon-Sat", "8-20"])
def test_a_few_days_do_not_tell_what_is_closed(kind):
    index = open_times(kind, 14)
    assert SlidingWindowTransformer(2).fit(line(index)).freq_ == {"Mon-Sat": "D", "8-20": "h"}[kind]


def without(index, labels):
    """An index without some of its labels."""
    return index.drop(pd.DatetimeIndex(labels))


@pytest.mark.parametrize(
    "index",
    [
        open_times("Mon-Sat", 13),
        open_times("8-20", 27),
        without(open_times("9-17 Mon-Fri", 200), ["2024-01-31 09:00"])[:177],
        without(bare(pd.date_range("2024-01-01", periods=40, freq="B")), ["2024-02-12"])[:31],
        open_times("Mon-Sat", 13).to_period("D"),
        open_times("8-20", 27).to_period("h"),
    ],
)
def test_a_row_after_an_absent_one_is_predicted_in_order_or_refused_with_the_way_out(index):
    X, last = line(index), len(index) - 1
    window = SlidingWindowTransformer(2, horizon=1).fit(X[:last])
    with pytest.raises(ValueError, match=r"1 rows .* freq=None takes the rows in order"):
        window.transform(X[last:] * np.nan)
    ordered = SlidingWindowTransformer(2, horizon=1, freq=None)
    model = make_pipeline(ordered, Drift()).fit(X[:last], X["v"][:last])
    np.testing.assert_allclose(model.predict(X[last:] * np.nan), [last])
    wide = X.assign(k=1.0)
    model = make_pipeline(SlidingWindowTransformer(2, horizon=1, freq=None), Drift()).fit(wide[:last], X["v"][:last])
    if not isinstance(index, pd.PeriodIndex):  # whose next label is told by itself
        ahead = forecast(model, wide[:last], 1, target="v", future=wide[["k"]][last - 1 :])
        assert list(ahead.index) == [index[last]]
    too_late = X.set_axis(index + 900 * (index[1] - index[0]))[last:]
    with pytest.raises(ValueError, match=r"2 rows|end after the last row") as error:
        ordered.transform(pd.concat([X[last:], too_late]) * np.nan)
    assert "freq=None takes" not in str(error.value)


def test_the_hour_that_a_clock_shows_twice_is_explained():
    utc = pd.date_range("2024-10-26", periods=60, freq="30min", tz="UTC")
    X = line(utc.tz_convert(BERLIN).tz_localize(None))
    twice = X[X.index.hour == 2]
    X = line(pd.date_range("2024-10-26 12:00", periods=60, freq="30min", tz="UTC").tz_convert(BERLIN).tz_localize(None))
    for call in (
        SlidingWindowTransformer(2).fit,
        lambda X: horizon_targets(X["v"], 2),
        lambda X: SlidingWindowTransformer(2, time_column="t").fit(X.rename_axis("t").reset_index()),
    ):
        with pytest.raises(ValueError, match=r"summer time.*tz_localize\(.*ambiguous="):
            call(X)
    told = X.tz_localize(BERLIN, ambiguous="infer")
    np.testing.assert_array_equal(SlidingWindowTransformer(1).fit_transform(told)[:, 0, 0], X["v"])
    with pytest.raises(ValueError, match="same key") as error:
        SlidingWindowTransformer(2).fit(pd.concat([twice.shift(9, freq="h"), twice.shift(9, freq="h") + 1]))
    assert "summer time" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        ("timestamp[us][pyarrow]", pd.date_range("2024-01-01", periods=40, freq="D")),
        ("timestamp[ns, Europe/Berlin][pyarrow]", pd.date_range("2024-03-20", periods=40, freq="D", tz=BERLIN)),
        ("date32[day][pyarrow]", pd.date_range("2024-01-01", periods=40, freq="B")),
        ("duration[ms][pyarrow]", pd.timedelta_range("1h", periods=40, freq="h")),
        ("int64[pyarrow]", pd.Index(3 * np.arange(40))),
    ],
)
def test_times_of_pyarrow_are_those_of_pandas(kind, index):
    pytest.importorskip("pyarrow")
    values = index.date if kind.startswith("date32") else index
    arrow = pd.Index(pd.array(values, dtype=kind), name="t")
    X, plain = line(arrow), line(index)
    window = SlidingWindowTransformer(2, horizon=1, incomplete="ignore").fit(X[:30].drop(arrow[4]))
    expected = SlidingWindowTransformer(2, horizon=1, incomplete="ignore").fit(plain[:30].drop(index[4]))
    np.testing.assert_array_equal(window.transform(X), expected.transform(X))
    np.testing.assert_array_equal(window.transform(plain), expected.transform(X))
    panel = pd.concat({"a": X, "b": X})
    np.testing.assert_array_equal(window.fit(panel).transform(panel)[40:], window.fit(plain).transform(plain))
    model = make_pipeline(SlidingWindowTransformer(2, horizon=1), Drift()).fit(X[:30], X["v"][:30])
    predicted = forecast(model, X[:30], 10)
    assert list(predicted.index) == list(index[30:])
    column = forecast(
        make_pipeline(SlidingWindowTransformer(2, horizon=1, time_column="t"), Drift()).fit(X.reset_index(), X["v"]),
        X.reset_index()[:30],
        10,
    )
    assert list(column.index) == list(index[30:])


def test_a_row_of_pyarrow_without_a_time_has_no_history():
    pytest.importorskip("pyarrow")
    times = [*pd.date_range("2024-01-01", periods=5), None]
    for kind in ("timestamp[us][pyarrow]", "datetime64[ns]"):
        X = pd.DataFrame({"t": pd.array(times, dtype=kind), "v": np.arange(6.0)})
        found = SlidingWindowTransformer(2, time_column="t").fit_transform(X)[:, :, 0]
        np.testing.assert_array_equal(found[4:], [[3, 4], [np.nan, 5]])
