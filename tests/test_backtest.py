"""Errors from rolling origins are those of forecasts made one by one, and no forecast sees what comes later."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import max_error, mean_absolute_error, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skrnn import GRURegressor, IncompleteWindowWarning, SlidingWindowTransformer, backtest, forecast

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning"),
]

HOURS = pd.date_range("2024-01-01", periods=60, freq="h", name="time")


def table(index=HOURS, seed=0):
    rng = np.random.default_rng(seed)
    wind = rng.normal(size=len(index))
    load = np.sin(np.arange(len(index)) / 3) + 0.5 * wind + 0.3 * rng.normal(size=len(index))
    return pd.DataFrame({"load": load, "wind": wind}, index=index)


def pipe(window=3, horizon=1, *, front=(), **params):
    fill = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    return make_pipeline(*front, windows, fill, Ridge())


def later(key, hours):
    """The key of a row some hours after another."""
    return (key[0], later(key[1], hours)) if isinstance(key, tuple) else key + hours * HOURS.freq


def naive(y, key, step, season):
    """The value of the last season that is known at an origin; of the origin itself without a season."""
    back = 0 if season is None else next(step - season * i for i in range(1, 99) if step - season * i <= 0)
    return y.reindex([later(key, back)]).to_numpy()[0]


def slow_backtest(model, X, y, steps, places, *, season=None, refit=False, metric=root_mean_squared_error, **params):
    """Forecast from each origin in turn, with rows up to it alone, and compare what is known of all."""
    times = X.index.get_level_values("time")
    found = []  # (step, truth, model, persistence, seasonal naive), each for all outputs
    for time in times.unique().sort_values()[places]:
        if refit or not found:
            fitted = clone(model).fit(X[times <= time], y[times <= time])
        for key in X.index[times == time]:
            of_series = X.index.get_level_values(0) == key[0] if isinstance(key, tuple) else times == times
            future = X[of_series & (times > time)]
            if future.empty or np.isnan(y.loc[key]).any():
                continue
            known = {"target": params.get("target")}
            if params.get("future", True) and "wind" in X:
                known["future"] = future[["wind"]].reindex([later(key, i + 1) for i in range(steps)]).fillna(0.0)
            ahead = forecast(fitted, X[of_series & (times <= time)], steps, **known).to_numpy()
            for i in range(steps):
                truth = y.reindex([later(key, i + 1)]).to_numpy()[0]
                found.append((i + 1, truth, ahead[i], naive(y, key, i + 1, None), naive(y, key, i + 1, season)))
    table = pd.DataFrame(index=pd.RangeIndex(1, steps + 1, name="step"))
    for place, name in enumerate(["model", "persistence", "seasonal_naive"][: 2 + (season is not None)]):
        for step in table.index:
            values = np.array([[np.ravel(value) for value in row[1:]] for row in found if row[0] == step])
            truth, *rest = np.moveaxis(values, 1, 0).reshape(4, -1)[:, ~np.isnan(values).any(axis=1).ravel()]
            table.loc[step, name] = metric(truth, rest[place])
        if place:
            table[f"skill_over_{name}"] = 1 - table["model"] / table[name]
    return table


def check_by_hand(model, X, y, steps, places, options, **params):
    """Compare with the slow reference; ``options`` are known to backtest alone."""
    found = backtest(model, X, y, steps=steps, **options, **params)
    pd.testing.assert_frame_equal(found, slow_backtest(model, X, y, steps, places, **params), rtol=1e-5)
    return found


@pytest.mark.parametrize(
    ("options", "places", "params"),
    [
        ({}, range(47, 57), {}),
        ({"test_size": 7}, range(52, 57), {"refit": True, "season": 24, "metric": max_error}),
        ({"test_size": 0.31, "stride": 3}, range(40, 57, 3), {"season": 1}),  # 18.6 hours
        ({"test_size": 9}, range(50, 57), {"season": 2, "metric": mean_absolute_error}),
        ({"test_size": 3}, [56], {"season": 3}),
        ({"stride": 4}, [47, 51, 55], {"season": 4, "refit": True}),
        ({"stride": 99, "test_size": 30}, [29], {}),
    ],
)
def test_errors_are_those_of_forecasts_made_one_by_one(options, places, params):
    X = table()
    model = pipe(3, 2, future_columns="wind")
    found = check_by_hand(model, X, X["load"], 3, places, options, target="load", **params)
    assert len(found.columns) == (5 if "season" in params else 3)


MODELS = {
    "scaled rows": lambda: pipe(front=[MinMaxScaler()]).set_output(transform="pandas"),
    "scaled rows without their index": lambda: pipe(front=[MinMaxScaler()]),
    "scaled target": lambda: TransformedTargetRegressor(pipe(3, 2), transformer=MinMaxScaler((0, 9))),
    "search": lambda: GridSearchCV(pipe(), {"slidingwindowtransformer__window_size": [2, 3]}, cv=TimeSeriesSplit(2)),
    "remembered tail": lambda: pipe(history="tail"),
    "nothing remembered": lambda: pipe(history="none"),
    "GRU": lambda: make_pipeline(SlidingWindowTransformer(3, horizon=2), GRURegressor(4, max_iter=2, random_state=0)),
}


@pytest.mark.parametrize("name", MODELS)
def test_any_composition_is_fitted_and_forecasts(name):
    X = table()
    found = backtest(MODELS[name](), X, X["load"], steps=4, test_size=9, future=["wind"], target=["load"], season=3)
    expected = slow_backtest(MODELS[name](), X, X["load"], 4, range(50, 56), target="load", season=3)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)
    if name != "GRU":  # whose batches hang on the order
        X = X.sample(frac=1, random_state=0)
        found = backtest(MODELS[name](), X, X["load"], steps=4, test_size=9, future="wind", target="load", season=3)
        pd.testing.assert_frame_equal(found, expected, rtol=1e-5)


def test_up_to_the_horizon_no_target_is_needed():
    X = table()
    y = X["load"] * X["wind"]
    check_by_hand(pipe(3, 4), X, y, 4, range(47, 56), {}, season=5, future=[])


@pytest.mark.parametrize("refit", [True, False])
def test_errors_of_several_outputs_count_together(refit):
    X = table()
    params = {"season": 3, "refit": refit, "target": ["load", "wind"], "future": []}
    check_by_hand(pipe(3, 2), X, X, 4, range(50, 56), {"test_size": 9}, **params)


@pytest.mark.parametrize(
    ("how", "absent"),
    [("no row", [50]), ("no row", [30, 46, 48, 49]), ("no value", [48]), ("no value", [30, 50, 51, 57, 58])],
)
def test_unknown_values_count_neither_as_origins_nor_as_truth(absent, how):
    X = table()[["load"]]
    y = X["load"].copy()
    if how == "no row":
        X, y = X.drop(HOURS[absent]), y.drop(HOURS[absent])
    else:
        X.loc[HOURS[absent]] = np.nan
        y[HOURS[[i for i in absent if i > 40]]] = np.nan
        y = y.fillna({HOURS[30]: 0.0})
    places = np.arange(len(X) - 15, len(X) - 3)
    check_by_hand(pipe(3, 2), X, y, 3, places, {"test_size": 14}, season=4)


@pytest.mark.parametrize(("refit", "in_order"), [(True, False), (False, True)])
def test_series_of_a_panel_are_forecast_each_from_its_own_rows(refit, in_order):
    X = pd.concat({"b": table(), "a": table(HOURS[:55], seed=1), "c": table(HOURS[52:], seed=2)}, names=["series"])
    X = X.drop([("b", HOURS[54]), ("b", HOURS[57])])
    X = X if in_order else X.sample(frac=1, random_state=0)
    options, params = {"test_size": 9, "stride": 2}, {"season": 5, "refit": refit, "target": "load"}
    check_by_hand(pipe(3, 2, future_columns="wind"), X, X["load"], 3, range(50, 57, 2), options, **params)


@pytest.mark.parametrize("refit", [True, False])
def test_arrays_and_tables_of_any_library_with_the_same_rows_agree(refit):
    X = table().reset_index(drop=True).assign(when=np.arange(60))[["when", "load", "wind"]]
    y, params = X["load"].to_numpy(), {"steps": 3, "season": 2, "refit": refit, "stride": 3}
    expected = backtest(pipe(time_column="when"), X, y, target="load", future="wind", **params)
    for given, column, target, future in [
        (X.sample(frac=1, random_state=0), "when", "load", "wind"),
        (pl.DataFrame(X.to_dict("list")), "when", "load", "wind"),
        (X.to_numpy(), 0, 1, 2),
        (X.to_numpy()[:, 1:], None, 0, 1),
    ]:
        truth = given["load"] if given is not X and hasattr(given, "columns") else y
        found = backtest(pipe(time_column=column), given, truth, target=target, future=future, **params)
        pd.testing.assert_frame_equal(found, expected)


def test_rows_that_are_all_known_are_just_predicted():
    X = table()
    y = X["load"].rolling(3, min_periods=1).mean() + X["wind"]
    found = backtest(pipe(3, 0), X, y, steps=3, future=["load", "wind"])
    predicted = pipe(3, 0).fit(X.iloc[:48], y.iloc[:48]).predict(X)
    for step in (1, 2, 3):
        rows = slice(47 + step, 57 + step)
        assert found.loc[step, "model"] == pytest.approx(root_mean_squared_error(y[rows], predicted[rows]))


def test_errors_on_an_autoregression_are_those_of_theory():
    phi = 0.8
    x = np.random.default_rng(0).normal(size=20_000)
    for t in range(1, len(x)):
        x[t] += phi * x[t - 1]
    X = pd.DataFrame({"x": x})
    model = make_pipeline(
        SlidingWindowTransformer(1, horizon=1, flatten=True), FunctionTransformer(np.nan_to_num), LinearRegression()
    )
    found = backtest(model, X, x, steps=4, test_size=0.9)
    steps = np.arange(1, 5)
    np.testing.assert_allclose(found["model"], np.sqrt((1 - phi ** (2 * steps)) / (1 - phi**2)), rtol=0.02)
    np.testing.assert_allclose(found["persistence"], np.sqrt(2 * (1 - phi**steps) / (1 - phi**2)), rtol=0.02)
    mean = np.sqrt((1 - phi ** (2 * steps)) / (2 * (1 - phi**steps)))
    np.testing.assert_allclose(found["skill_over_persistence"], 1 - mean, atol=0.01)


class Recorder:
    """A metric that keeps what it is shown."""

    def __init__(self):
        self.truth, self.predicted = [], []

    def __call__(self, y_true, y_pred):
        self.truth.append(y_true)
        self.predicted.append(y_pred)
        return mean_absolute_error(y_true, y_pred)


def recorded(X, **params):
    """Forecasts (call, origin) of the model and of the naive ones at each step."""
    metric = Recorder()
    backtest(pipe(3, 2), X, X["load"], metric=metric, season=3, **params)
    return np.array(metric.predicted)


@pytest.mark.parametrize("steps", [2, 4])
@pytest.mark.parametrize("refit", [True, False])
def test_what_comes_after_an_origin_does_not_reach_its_forecasts(steps, refit):
    X = table()[["load"]] if steps > 2 else table()
    before = recorded(X, steps=steps, refit=refit, test_size=9)
    assert before.shape == (3 * steps, 10 - steps)
    for place in range(50, 60 - steps, 1 + 3 * refit):
        changed = X.copy()
        changed.iloc[place + 1 :] *= -7.0
        after = recorded(changed, steps=steps, refit=refit, test_size=9)
        n_same = place - 50 + 1
        np.testing.assert_allclose(after[:, :n_same], before[:, :n_same], rtol=1e-12)
        assert (np.abs(after[:, n_same:] - before[:, n_same:]).sum(axis=0) > 1e-3).all()


@pytest.mark.parametrize("fitted", [True, False])
def test_nothing_changes(fitted):
    X = table()
    model = pipe(3, 2, future_columns="wind")
    model = model.fit(X.iloc[:30], X["load"].iloc[:30]) if fitted else model
    before = pickle.dumps((model, X, np.random.get_state()))  # noqa: NPY002  the state users may rely on
    first = backtest(model, X, X["load"], steps=4, target="load")
    pd.testing.assert_frame_equal(backtest(model, X, X["load"], steps=4, target="load"), first)
    with pytest.raises(ValueError, match="must be named with target"):
        backtest(model, X, X["load"], steps=4, future=[])
    assert pickle.dumps((model, X, np.random.get_state())) == before  # noqa: NPY002


X = table()


@pytest.mark.parametrize(
    ("model", "params", "message"),
    [
        (Ridge(), {}, "needs a pipeline with a SlidingWindowTransformer, got Ridge"),
        (pipe(), {"steps": 0}, "'steps' parameter"),
        (pipe(), {"stride": 0}, "'stride' parameter"),
        (pipe(), {"season": 0}, "'season' parameter"),
        (pipe(), {"test_size": 1.0}, "'test_size' parameter"),
        (pipe(), {"test_size": 0}, "'test_size' parameter"),
        (pipe(), {"metric": "r2"}, "'metric' parameter"),
        (pipe(), {"refit": "no"}, "'refit' parameter"),
        (pipe(), {"test_size": 60}, "X holds 60 times, of which test_size=60 keeps 60 for forecasts"),
        (pipe(), {"test_size": 0.05, "steps": 4}, "test_size=0.05 keeps 3 for forecasts; at least steps=4 of them"),
        (pipe(), {"target": "sun"}, "target='sun' is not a column of X"),
        (pipe(), {"future": "sun"}, "future='sun' is not a column of X"),
        (pipe(), {"steps": 2}, "must be named with target. Candidates: 'load', 'wind'"),
        (pipe(), {"steps": 2, "target": "load"}, "values of 'wind' that nobody knows yet"),
        (pipe(), {"steps": 2, "target": "wind", "future": "wind"}, "values of 'load' that nobody knows yet"),
        (pipe(), {"steps": 2, "target": ["load", "wind"]}, "predicts 1 outputs, but 2 columns of X"),
        (pipe(3, 0), {"future": "wind", "y": X.prod(axis=1)}, "it lacks 'load'"),
        (pipe(future_columns="wind"), {"future": []}, "future_columns of the window step names 'wind'"),
        (pipe(), {"season": 60}, "no value is known together with those that it is compared with"),
        (pipe(), {"y": X["load"].iloc[:50]}, "inconsistent numbers of samples"),
        (pipe(), {"y": X["load"].where(X.index < HOURS[47])}, "NaN|At none of the origins"),
        (pipe(), {"y": None}, "y is None; backtest needs an array"),
        (pipe(), {"y": X["load"].iloc[::-1]}, r"in another order.*pass y\.loc\[X\.index\]"),
        (pipe(), {"y": X.sample(frac=1, random_state=0), "target": ["load", "wind"]}, "in another order"),
        (pipe(), {"target": 0}, r"target=0 is not a column of X\. .* position 0 is 'load'"),
        (pipe(), {"future": [1]}, r"future=1 is not a column of X\. .* position 1 is 'wind'"),
        (pipe()[:2], {}, "needs a model that predicts, but its last step is a FunctionTransformer"),
        (pipe(front=[MinMaxScaler()], future_columns=1), {}, "future_columns counts the columns that come out of"),
        (
            pipe(future_columns="wind", front=[FunctionTransformer(lambda X: X.rename(columns={"wind": "air"}))]),
            {},
            "'wind' is not a column of X. Its columns: 'load', 'air'",
        ),
        (pipe(future_columns="load"), {"target": "load"}, "holds or follows from the target cannot be one of them"),
    ],
)
def test_what_cannot_be_compared_is_refused(model, params, message):
    with pytest.raises(ValueError, match=message):
        backtest(model, X, **{"y": X["load"], "steps": 1, **params})


@pytest.mark.parametrize(
    "model",
    [
        GRURegressor,
        make_pipeline(GRURegressor, SlidingWindowTransformer(2), Ridge()),
        TransformedTargetRegressor(make_pipeline(GRURegressor, Ridge())),
    ],
)
def test_a_class_is_no_model(model):
    with pytest.raises(TypeError, match="GRURegressor is a class, not an instance"):
        backtest(model, X, X["load"], steps=1)


def test_a_series_is_no_table():
    with pytest.raises(ValueError, match=r"X must be a table of two dimensions, got a Series\. Pass X\.to_frame\(\)"):
        backtest(pipe(), X["load"], X["load"], steps=1)


@pytest.mark.parametrize("labels", [[1, 0], [0.0, 1.0], [("y", "load"), ("x", "wind")], list(HOURS[:2])])
def test_columns_are_named_by_labels_of_any_type(labels):
    params = {"steps": 4, "test_size": 9}
    expected = backtest(pipe(future_columns="wind"), X, X["load"], target="load", **params)
    numbered = X.set_axis(pd.Index(labels), axis=1)
    for future_columns, future in [(labels[1], None), (None, labels[1:]), ((labels[1],), labels[1])]:
        model = pipe(future_columns=future_columns)
        found = backtest(model, numbered, X["load"], target=labels[0], future=future, **params)
        assert (found == expected).all(axis=None) == (future_columns is not None)
        with pytest.raises(ValueError, match="that nobody knows yet"):
            backtest(pipe(), numbered, X["load"], target=labels[1], future=labels[1], **params)


@pytest.mark.parametrize("refit", [True, False])
def test_windows_that_reach_before_all_rows_are_told_once(refit):
    X = pd.concat({"a": table()[["load"]], "b": table(HOURS[50:], seed=1)[["load"]]}, names=["series"])
    params = {"steps": 3, "test_size": 8, "stride": 2, "refit": refit}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        backtest(pipe(4, 2), X, X["load"], **params)
    # The window of step i after a row n of series "b" needs its rows n + i - 5 ... n + i - 2; the first row is 0.
    n_short = sum(n + min(i, 5) < 5 for n in (1, 3, 5) for i in (1, 2, 3))
    (told,) = [w for w in caught if "of the forecast" in str(w.message)]
    assert (told.category, told.filename) == (IncompleteWindowWarning, __file__)
    assert str(told.message).startswith(f"{n_short} of 18 windows of the forecast miss steps")
    with pytest.raises(ValueError, match=f"{n_short} of 18 windows of the forecast miss steps"):
        backtest(pipe(4, 2, incomplete="error"), X, X["load"], **params)


def test_targets_of_later_rows_are_no_targets_of_a_backtest():
    X = table()[["load"]]
    y = pd.concat([X["load"].shift(-i) for i in range(3)], axis=1).iloc[:-2]
    with pytest.raises(ValueError, match=r"y has 3 columns: name with target .* horizon_targets .* cross_val_score"):
        backtest(pipe(3, 1), X.iloc[:-2], y, steps=1)
