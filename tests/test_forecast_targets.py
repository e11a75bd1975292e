"""Targets of direct models stand side by side; what is no target and not known in advance is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skrnn import GRURegressor, SlidingWindowTransformer, complete_windows, forecast, horizon_targets

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HOURS = pd.date_range("2024-01-01", periods=46, freq="h", name="time")


def table(index=HOURS, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(len(index), 2)), index, columns=["load", "wind"])


def pipe(window=3, horizon=1, *, front=(), **params):
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    return make_pipeline(*front, windows, FunctionTransformer(np.nan_to_num), Ridge())


def with_codes(X):
    """The numbers of categories."""
    return X.assign(kind=X["kind"].cat.codes)


def slow_targets(values, steps):
    """Look up each later value in a dictionary {(series, place): value}."""
    return np.array([[values.get((name, i + j), np.nan) for j in range(steps)] for name, i in values])


def placed(values, places, index, name="load"):
    """A Series of the places that are held, and the same as a dictionary."""
    return pd.Series(values, index.take(places), name=name), dict(zip([("", i) for i in places], values, strict=True))


@pytest.mark.parametrize("steps", [1, 2, 5, 9])
@pytest.mark.parametrize("kind", [list, np.array, lambda y: np.array(y)[:, None], lambda y: np.array(y, dtype="i4")])
def test_an_array_is_looked_up_by_position(kind, steps):
    y = [3, 1, 4, 1, 5, 9]
    found = horizon_targets(kind(y), steps)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, slow_targets({("", i): value for i, value in enumerate(y)}, steps))


INDEXES = {
    "hours": HOURS,
    "hours with a zone": pd.date_range("2024-10-26 12:00", periods=46, freq="h", tz="Europe/Berlin"),
    "days with a zone": pd.date_range("2024-10-01", periods=46, freq="D", tz="Europe/Berlin"),
    "business days": pd.date_range("2024-01-01", periods=46, freq="B"),
    "month ends": pd.date_range("2020-01-31", periods=46, freq="ME"),
    "periods": pd.period_range("2020-01", periods=46, freq="Q"),
    "timedeltas": pd.timedelta_range("0h", periods=46, freq="10min"),
    "range": pd.RangeIndex(3, 3 + 46 * 5, 5),
    "float": pd.Index(np.arange(46) * 0.1),
}


@pytest.mark.parametrize("kind", INDEXES)
@pytest.mark.parametrize("in_order", [True, False])
def test_a_series_is_looked_up_on_its_time_grid(kind, in_order):
    rng = np.random.default_rng(0)
    places = np.sort(rng.permutation(46)[:36])
    y, values = placed(rng.normal(size=36), places if in_order else rng.permutation(places), INDEXES[kind])
    found = horizon_targets(y, 4)
    np.testing.assert_array_equal(found, slow_targets(values, 4))
    pd.testing.assert_index_equal(found.index, y.index)
    assert list(found.columns) == ["load+0", "load+1", "load+2", "load+3"]


@pytest.mark.parametrize("in_order", [True, False])
def test_without_a_grid_the_next_rows_count(in_order):
    rng = np.random.default_rng(0)
    times = HOURS[0] + pd.to_timedelta(np.arange(20) ** 2, unit="min")
    y, values = placed(rng.normal(size=20), range(20) if in_order else rng.permutation(20), times)
    np.testing.assert_array_equal(horizon_targets(y, 4), slow_targets(values, 4))


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("regular", [True, False])
def test_no_series_of_a_panel_reaches_into_another(in_order, regular):
    rng = np.random.default_rng(0)
    times = HOURS if regular else HOURS[0] + pd.to_timedelta(np.arange(46) ** 2, unit="min")
    keys = [(s, i) for s in "ba" for i in range(*{"b": (0, 30), "a": (10, 46)}[s]) if not regular or i % 7]
    keys = keys if in_order else [keys[i] for i in rng.permutation(len(keys))]
    y = rng.normal(size=len(keys))
    index = pd.MultiIndex.from_tuples([(s, times[i]) for s, i in keys], names=["series", "time"])
    found = horizon_targets(pd.Series(y, index), 4)
    np.testing.assert_array_equal(found, slow_targets(dict(zip(keys, y, strict=True)), 4))
    assert found.index.equals(index)


def test_rows_that_are_there_twice_find_the_same_values():
    y = table()["load"].iloc[:20]
    found = horizon_targets(pd.concat([y, y.iloc[5:9]]), 3)
    pd.testing.assert_frame_equal(found.iloc[:20], horizon_targets(y, 3), check_freq=False)
    np.testing.assert_array_equal(found.iloc[20:], found.iloc[5:9])


@pytest.mark.parametrize(
    ("y", "name"),
    [
        (pd.Series([1.0, 2.0]), "y"),
        (pd.Series([1.0, 2.0], name=7), "7"),
        (pd.DataFrame({"load": [1.0, 2.0]}), "load"),
        (pd.DataFrame({"name": [1.0, 2.0]}), "name"),
        (pd.DataFrame({"index": [1, 2]}, dtype="Int64"), "index"),
        (pd.DataFrame([[1.0], [2.0]]), "0"),
    ],
)
def test_columns_are_named_like_the_target_and_its_steps(y, name):
    found = horizon_targets(y, 2)
    assert list(found.columns) == [f"{name}+0", f"{name}+1"]
    np.testing.assert_array_equal(found, [[1, 2], [2, np.nan]])


@pytest.mark.parametrize("steps", [2, 4])
def test_a_gap_of_one_step_less_keeps_the_test_rows_out_of_the_training_targets(steps):
    place = np.arange(40.0)
    targets = horizon_targets(pd.Series(place), steps)
    rows = np.flatnonzero(targets.notna().all(axis=1))
    assert list(rows) == list(range(40 - steps + 1))
    for gap, shared in [(steps - 1, 0), (steps - 2, 1)]:
        for train, test in TimeSeriesSplit(3, gap=gap).split(rows):
            assert len(set(targets.iloc[rows[train]].to_numpy().ravel()) & set(place[rows[test]])) == shared


def test_a_direct_model_forecasts_all_steps_from_one_window():
    X = table()[["load"]]
    targets = horizon_targets(X, 3)
    windows = SlidingWindowTransformer(4, horizon=1, flatten=True)
    rows = targets.notna().all(axis=1).to_numpy() & complete_windows(windows.fit_transform(X))
    assert rows.sum() == 46 - 2 - 4
    model = GRURegressor(4, max_iter=2, random_state=0).fit(windows.transform(X.iloc[4:-2]), targets[rows])
    model = make_pipeline(windows, model)
    found = forecast(model, X, 1)
    np.testing.assert_allclose(found, model.predict(pd.DataFrame(np.nan, HOURS[-1:] + HOURS.freq, X.columns)))
    assert list(found.columns) == ["prediction_0", "prediction_1", "prediction_2"]


@pytest.mark.parametrize(
    ("y", "steps", "message"),
    [
        (np.zeros((4, 2)), 2, r"one column, got shape \(4, 2\)"),
        (np.zeros((4, 1, 1)), 2, r"one column, got shape \(4, 1, 1\)"),
        (pd.DataFrame(np.zeros((4, 2))), 2, r"one column, got shape \(4, 2\)"),
        (np.zeros(4), 0, "'steps' parameter"),
        (np.zeros(4), 1.5, "'steps' parameter"),
        (pd.Series([1.0, 2.0], index=[3, 3]), 2, "different values under the same key"),
        (pd.Series([1.0, 2.0], index=[pd.NaT, HOURS[0]]), 2, "1 rows of X have no time"),
    ],
)
def test_what_has_no_next_value_is_refused(y, steps, message):
    with pytest.raises(ValueError, match=message):
        horizon_targets(y, steps)


X, LATER = table().iloc[:40], table().iloc[40:]
FIT = pipe().fit(X, X["load"])
LONG = pipe(3, 3).fit(X, X["load"])
KNOWING = pipe(3, 2, future_columns="wind").fit(X, X["load"])
RULER = pipe().fit(X.to_numpy(), X["load"])
UNEVEN = table(HOURS[0] + pd.to_timedelta(np.arange(40) ** 2, unit="h"))
COLUMNS = pipe(time_column="when").fit(X.assign(when=range(40)), X["load"])
PAIR = pipe(3, 3).fit(X[["load"]], X)
PANEL = pd.concat({"a": X, "b": X + 1})
SEARCH = GridSearchCV(pipe(), {"ridge__alpha": [1, 2]}, cv=TimeSeriesSplit(2), refit=False).fit(X, X["load"])
KIND, KIND_LATER = (
    rows[["load"]].assign(kind=pd.Categorical(["work", "rest"] * (len(rows) // 2))) for rows in (X, LATER)
)
KINDS = pipe(front=[FunctionTransformer(with_codes)]).fit(KIND, KIND["load"])
EMPTY = X.assign(load=X["load"].where(X.index != X.index[-1]))
KNOWN = {"target": "load", "future": LATER}

REFUSALS = {
    "too few targets": (
        (PAIR, X[["load"]], 3),
        {"target": "load"},
        "predicts 2 outputs, but 1 columns of X",
    ),
    "window behind which nothing is": ((SlidingWindowTransformer(2).fit(X), X, 1), {}, "regressor behind"),
    "no window": ((Ridge().fit(X, X["load"]), X, 1), {}, "SlidingWindowTransformer, but Ridge holds none"),
    "search without a model": ((SEARCH, X, 1), {}, "refit=False"),
    "no step": ((FIT, X, 0), {}, "'steps' parameter"),
    "half a step": ((FIT, X, 1.5), {}, "'steps' parameter"),
    "name of no column": ((FIT, X, 3), {"target": "sun"}, "target='sun' is not a column of X"),
    "position of no column": ((FIT, X, 3), {"target": 2}, "target=2 is not a column of X"),
    "negative position": ((FIT, X, 3), {"target": -1}, "target=-1 is not a column of X"),
    "target twice": ((FIT, X, 3), {"target": ["load", "load"]}, "distinct columns"),
    "position in a frame": (
        (FIT, X, 3),
        {"target": 0},
        "target=0 is not a column of X. Its columns: 'load', 'wind'. In a data frame .* label; position 0 is 'load'",
    ),
    "position as text": ((RULER, X.to_numpy(), 3), {"target": "0"}, "target='0' is not a column of X"),
    "no target": ((FIT, X, 3), {"target": []}, "one or several distinct columns"),
    "key as a target": ((COLUMNS, X.assign(when=range(40)), 1), {"target": "when"}, "that are no keys"),
    "target not named": ((FIT, X, 3), {}, "must be named with target. Candidates: 'load', 'wind'"),
    "too many targets": (
        (FIT, X, 3),
        {"target": ["load", "wind"]},
        "predicts 1 outputs, but 2 columns of X",
    ),
    "column that nobody knows": ((FIT, X, 2), {"target": "load"}, "values of 'wind' that nobody knows"),
    "column that is needed at once": ((KNOWING, X, 1), {}, "future_columns of the window step names 'wind'"),
    "last value unknown": ((FIT, EMPTY, 3), KNOWN, r"last rows of X \(2024-01-02 15:00:00\) hold NaN in 'load'"),
    "last row unknown": ((FIT, pd.concat([X, LATER * np.nan]), 1), {}, "hold NaN in 'load', 'wind'"),
    "too few known rows": ((FIT, X, 7), KNOWN, "no row for 1 of the keys"),
    "known rows of another time": ((FIT, X, 3), {**KNOWN, "future": X}, "no row for 3 of the keys"),
    "known value absent": (
        (FIT, X, 3),
        {**KNOWN, "future": LATER.drop(HOURS[41]).reindex(LATER.index)},
        "NaN in 1 of the 3",
    ),
    "known rows twice": (
        (FIT, X, 3),
        {**KNOWN, "future": pd.concat([LATER, LATER + 1])},
        "several rows under the same",
    ),
    "known rows by number": (
        (FIT, X, 3),
        {**KNOWN, "future": LATER.reset_index(drop=True)},
        "kind number, but .* datetime",
    ),
    "known rows in a zone": ((FIT, X, 3), {**KNOWN, "future": LATER.tz_localize("UTC")}, "datetime with a time zone"),
    "known rows without time": ((COLUMNS, X.assign(when=range(40)), 3), KNOWN, "future lacks the time_column 'when'"),
    "known rows of one series": (
        (pipe().fit(PANEL, PANEL["load"]), PANEL, 3),
        {**KNOWN, "future": pd.concat({"a": LATER})},
        r"no row for 3 .*b: 2024-01-02 16:00:00",
    ),
    "unknown columns": ((FIT, X, 3), {**KNOWN, "future": LATER[["wind"]].rename(columns=str.upper)}, "None of the col"),
    "names of columns": ((FIT, X, 3), {"target": "load", "future": ["wind"]}, "future holds names, not values"),
    "no table at all": ((FIT, None, 3), {}, "X is None; forecast needs an array"),
    "unnamed Series": ((FIT, X, 3), {**KNOWN, "future": LATER["wind"].rename(None)}, "a Series without a name"),
    "known columns twice": (
        (FIT, X, 3),
        {**KNOWN, "future": LATER.set_axis(["wind", "wind"], axis=1)},
        "Several columns of future have the same label: 'wind'",
    ),
    "text for numbers": (
        (FIT, X, 3),
        {**KNOWN, "future": LATER.assign(wind="calm")},
        "Column 'wind' of future has dtype .*, but that of X has float64: could not convert",
    ),
    "category that X lacks": (
        (KINDS, KIND, 3),
        {"target": "load", "future": KIND_LATER.assign(kind="holiday")},
        "Column 'kind' of future holds values that are no categories of this column of X: 'holiday'",
    ),
    "Series for a table": ((FIT, X["load"], 1), {}, r"got a Series\. Pass X\.to_frame\(\)"),
    "array that is too wide": ((FIT, X, 3), {**KNOWN, "future": np.ones((3, 3))}, "array of 3 columns and X has 2"),
    "array that is too narrow": (
        (RULER, X.to_numpy(), 3),
        {"future": np.ones((3, 1))},
        "array of 1 columns and X has 2",
    ),
    "array that is too short": ((RULER, X.to_numpy(), 3), {"target": 0, "future": np.ones(2)}, "2 rows for 3 steps"),
    "no time grid": ((pipe().fit(UNEVEN, UNEVEN["load"]), UNEVEN, 1), {}, "lie on no regular time grid"),
    "rows between the hours": ((FIT, X.shift(freq="30min").iloc[-5:], 1), {}, "lie off the time grid"),
    "rows by number": ((FIT, X.reset_index(drop=True), 1), {}, "kind 'number', but those of the training rows"),
    "clashing rows": ((FIT, pd.concat([X, X.iloc[-1:] + 1]), 1), {}, "different values under the same key"),
    "no rows": ((FIT, X.iloc[:0], 1), {}, "X holds no rows"),
    "no table": ((RULER, X["load"].to_numpy(), 1), {}, "a table of two dimensions, got an array of 1"),
    "rows without all columns": (
        (pipe(3, 0).fit(X, X.prod(axis=1)), X, 3),
        {"future": LATER[["wind"]]},
        "it lacks 'load'",
    ),
    "panel without its index": (
        (pipe(front=[MinMaxScaler()]).fit(PANEL, PANEL["load"]), PANEL, 1),
        {},
        r"Keep the index with pipeline.set_output",
    ),
    "band without a target": ((LONG, X, 3), {"confidence_level": 0.5}, "name the column of X whose value y is"),
    "band of everything": ((FIT, X, 3), {**KNOWN, "confidence_level": 1.0}, "'confidence_level' parameter"),
    "band without a row": (
        (FIT, X, 3),
        {**KNOWN, "confidence_level": 0.9},
        "needs 9 errors at each step.* from 0 rows",
    ),
    "band without keys": ((RULER, X.to_numpy(), 1), {"target": 0, "confidence_level": 0.9}, "they carry no key"),
}


def test_a_model_must_be_fitted():
    with pytest.raises(NotFittedError):
        forecast(pipe(), X, 1)


@pytest.mark.parametrize("why", REFUSALS)
def test_a_forecast_that_would_be_invented_is_refused_and_nothing_changes(why):
    args, params, message = REFUSALS[why]
    before = pickle.dumps((args, params, np.random.get_state()))  # noqa: NPY002  the state users may rely on
    with pytest.raises(ValueError, match=message):
        forecast(*args, **params)
    assert pickle.dumps((args, params, np.random.get_state())) == before  # noqa: NPY002


@pytest.mark.parametrize("last", [Ridge(), GRURegressor(4, max_iter=2, random_state=0)], ids=["Ridge", "GRU"])
@pytest.mark.parametrize("level", [None, 0.5])
def test_nothing_changes(last, level):
    windows = SlidingWindowTransformer(3, horizon=2)
    steps = (
        [windows.set_params(flatten=True), FunctionTransformer(np.nan_to_num)] if isinstance(last, Ridge) else [windows]
    )
    model = make_pipeline(*steps, last).fit(X.iloc[:20], X["load"].iloc[:20])
    before = pickle.dumps((model, X, LATER, np.random.get_state()))  # noqa: NPY002
    forecast(model, X, 5, **KNOWN, confidence_level=level)
    assert pickle.dumps((model, X, LATER, np.random.get_state())) == before  # noqa: NPY002


def test_future_arrays_of_a_panel_hold_one_series_after_another():
    index = pd.MultiIndex.from_product([["a", "b"], pd.date_range("2024-01-01", periods=30)], names=["shop", "day"])
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), index=index, columns=["sales", "price"])
    windows = SlidingWindowTransformer(2, horizon=1, flatten=True, future_columns="price", incomplete="ignore")
    model = make_pipeline(windows, FunctionTransformer(np.nan_to_num), Ridge()).fit(X, X["sales"])
    days = pd.date_range("2024-01-31", periods=3)
    future = pd.DataFrame({"price": np.arange(6.0)}, index=pd.MultiIndex.from_product([["a", "b"], days]))
    expected = forecast(model, X, 3, target="sales", future=future)
    pd.testing.assert_frame_equal(forecast(model, X, 3, target="sales", future=future.to_numpy()), expected)
    for n_rows in (3, 5):
        with pytest.raises(ValueError, match=f"future holds {n_rows} rows without keys; for 2 series and 3 steps .* 6"):
            forecast(model, X, 3, target="sales", future=future.to_numpy()[:n_rows])
