"""Forecasts are what predicting row after row gives; where they would have to invent something they refuse."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from skrnn import GRUClassifier, GRURegressor, LSTMRegressor, SlidingWindowTransformer, forecast

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning"),
]

N, N_LATER = 60, 8  # rows that are observed, and rows after those

INDEXES = {
    "hours": pd.date_range("2024-01-01", periods=N + N_LATER, freq="h", name="time"),
    "hours over the end of DST": pd.date_range("2024-10-24 14:00", periods=N + N_LATER, freq="h", tz="Europe/Berlin"),
    "days over the end of DST": pd.date_range("2024-08-27", periods=N + N_LATER, freq="D", tz="Europe/Berlin"),
    "business days at 9": pd.date_range("2024-01-01 09:00", periods=N + N_LATER, freq="B"),
    "month ends": pd.date_range("2015-01-31", periods=N + N_LATER, freq="ME"),
    "quarter starts": pd.date_range("1990-02-01", periods=N + N_LATER, freq="QS-FEB"),
    "Tuesdays": pd.date_range("2023-01-03", periods=N + N_LATER, freq="W-TUE"),
    "seconds": pd.date_range("2024-01-01", periods=N + N_LATER, freq="30s").as_unit("s"),
    "periods": pd.period_range("2015-01", periods=N + N_LATER, freq="M", name="month"),
    "timedeltas": pd.timedelta_range("1h", periods=N + N_LATER, freq="15min"),
    "range": pd.RangeIndex(5, 5 + 3 * (N + N_LATER), 3, name="tick"),
    "int": pd.Index(7 + 2 * np.arange(N + N_LATER)),
    "float": pd.Index(np.arange(N + N_LATER) / 3),
}


def table(index=INDEXES["hours"], seed=0):
    """A target, "load", that hangs on its past and on "wind"."""
    rng = np.random.default_rng(seed)
    wind = rng.normal(size=len(index))
    load = np.sin(np.arange(len(index)) / 3) + 0.3 * wind + 0.1 * rng.normal(size=len(index))
    return pd.DataFrame({"load": load, "wind": wind}, index=index)


def pipe(window=4, horizon=1, *, front=(), last=None, **params):
    """Ridge on flat windows; a step that is absent is a zero."""
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    fill = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
    return make_pipeline(*front, windows, fill, last or Ridge(0.1))


def to_come(rows, unknown=("load",)):
    """Rows of which only some columns are known in advance."""
    return rows.assign(**dict.fromkeys(unknown, np.nan))


def slow_forecast(model, X, future, targets=("load",), as_array=False):
    """Row after row: append it, predict it, write the prediction into it."""
    answers = []
    for i in range(len(future)):
        X = pd.concat([X, future.iloc[[i]]])
        answers.append(np.ravel(model.predict(X.to_numpy() if as_array else X)[-1:]))
        for name, answer in zip(targets, answers[-1], strict=bool(targets)):
            X.iloc[-1, X.columns.get_loc(name)] = answer
    return np.array(answers)


def slow_panel(model, X, future, **params):
    """The same for each series."""
    names = X.index.droplevel(-1).unique()
    parts = [[frame[frame.index.droplevel(-1) == name] for frame in (X, future)] for name in names]
    return np.concatenate([slow_forecast(model, *part, **params) for part in parts])


def panel(*names, ends=None):
    """Series that differ, and what comes after each."""
    ends = ends or [N] * len(names)
    tables = {name: table(seed=i) for i, name in enumerate(names)}
    keys = {"names": ["series", "time"]} if isinstance(names[0], str) else {"names": ["site", "meter", "time"]}
    X = pd.concat({name: tables[name].iloc[:end] for name, end in zip(names, ends, strict=True)}, **keys)
    later = {name: tables[name].iloc[end : end + 4] for name, end in zip(names, ends, strict=True)}
    return X, pd.concat(later, **keys)


@pytest.mark.parametrize(("window", "horizon", "steps"), [(4, 1, 6), (3, 3, 5)])
@pytest.mark.parametrize("kind", INDEXES)
def test_a_forecast_is_what_predicting_row_after_row_gives(kind, window, horizon, steps):
    data = table(INDEXES[kind])
    X, later = data.iloc[:N], data.iloc[N : N + steps]
    model = pipe(window, horizon).fit(X, X["load"])
    found = forecast(model, X, steps, target="load", future=later[["wind"]])
    np.testing.assert_allclose(found, slow_forecast(model, X, to_come(later)), rtol=1e-9)
    pd.testing.assert_index_equal(found.index, later.index, exact=True, check_exact=kind != "float", rtol=1e-12)
    assert getattr(found.index, "freq", None) == getattr(later.index, "freq", None)
    assert list(found.columns) == ["load"]


@pytest.mark.parametrize(
    ("kind", "freq"), [("Tuesdays", "W"), ("quarter starts", "3MS"), ("hours", None), ("range", None)]
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_rows_go_on_at_the_given_freq_or_their_own(kind, freq, newest_first):
    data = table(INDEXES[kind])[["load"]]
    model = pipe(3, 2, freq=freq).fit(data.iloc[:N], data["load"].iloc[:N])
    found = forecast(model, data.iloc[:N][:: -1 if newest_first else 1], 4)
    np.testing.assert_allclose(found, slow_forecast(model, data.iloc[:N], to_come(data.iloc[N : N + 4])), rtol=1e-9)
    assert found.index.equals(data.index[N : N + 4])


def outputs_of_pandas(model):
    return model.set_output(transform="pandas")


MODELS = {
    "known in advance": lambda: pipe(4, 2, future_columns="wind"),
    "scaled rows": lambda: outputs_of_pandas(pipe(4, 2, front=[MinMaxScaler()], future_columns="wind")),
    "scaled rows without their index": lambda: pipe(4, 2, front=[MinMaxScaler()]),
    "scaled target": lambda: TransformedTargetRegressor(pipe(4, 2), transformer=MinMaxScaler((0, 9))),
    "scaled target of the last step": lambda: pipe(
        4, 2, last=TransformedTargetRegressor(Ridge(), func=np.arcsinh, inverse_func=np.sinh)
    ),
    "scaled target of scaled rows": lambda: TransformedTargetRegressor(
        outputs_of_pandas(pipe(4, 2, front=[StandardScaler()])), transformer=StandardScaler()
    ),
    "search": lambda: GridSearchCV(pipe(), {"slidingwindowtransformer__window_size": [2, 3]}, cv=TimeSeriesSplit(2)),
    "pipeline in a pipeline": lambda: make_pipeline(
        "passthrough", outputs_of_pandas(make_pipeline(MinMaxScaler(), pipe(4, 2)))
    ),
    "remembered tail": lambda: pipe(4, 2, history="tail"),
    "nothing remembered": lambda: pipe(4, 2, history="none"),
    "given freq": lambda: pipe(4, 2, freq="h"),
    "rows in order": lambda: pipe(4, 2, freq=None),
    "mean in the place of NaN": lambda: make_pipeline(
        SlidingWindowTransformer(4, horizon=2, flatten=True), SimpleImputer(), Ridge()
    ),
    "GRU": lambda: make_pipeline(
        SlidingWindowTransformer(4, horizon=2, future_columns="wind"), GRURegressor(4, max_iter=2, random_state=0)
    ),
    "LSTM on flat windows": lambda: make_pipeline(
        SlidingWindowTransformer(4, horizon=1, flatten=True).set_output(transform="pandas"),
        LSTMRegressor(4, max_iter=2, random_state=0),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_any_composition_goes_on_without_a_warning(name):
    data = table()
    X, later = data.iloc[:N], data.iloc[N : N + 5]
    model = MODELS[name]().fit(X, X["load"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = forecast(model, X, 5, future=to_come(later))
    np.testing.assert_allclose(found, slow_forecast(model, X, to_come(later)), rtol=1e-5)


@pytest.mark.parametrize("targets", [["load", "wind"], ("wind", "load"), ["load"]])
@pytest.mark.parametrize("whole", [lambda model: model, TransformedTargetRegressor], ids=["plain", "transformed"])
def test_several_outputs_go_into_their_columns(whole, targets):
    X = table().iloc[:N]
    names = list(targets)
    X = X[["load"]] if names == ["load"] else X
    model = whole(pipe(4, 2)).fit(X, X[names])
    found = forecast(model, X, 5, target=targets)
    later = pd.DataFrame(np.nan, index=INDEXES["hours"][N : N + 5], columns=X.columns)
    np.testing.assert_allclose(found, slow_forecast(model, X, later, names), rtol=1e-9)
    assert list(found.columns) == names


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_up_to_the_horizon_no_target_is_needed(n_outputs):
    X = table().iloc[:N]
    model = pipe(4, 3).fit(X, np.column_stack([X["load"], X["wind"] ** 2])[:, :n_outputs])
    found = forecast(model, X, 3)
    later = pd.DataFrame(np.nan, index=INDEXES["hours"][N : N + 3], columns=X.columns)
    np.testing.assert_allclose(found, slow_forecast(model, X, later, ()), rtol=1e-9)
    assert list(found.columns) == (["prediction"] if n_outputs == 1 else ["prediction_0", "prediction_1"])


@pytest.mark.parametrize("names", [("b", "a"), (("x", 2), ("x", 1), ("y", 1))], ids=["two levels", "three levels"])
@pytest.mark.parametrize("future_columns", [None, "wind"])
def test_each_series_of_a_panel_goes_on_from_its_own_end(names, future_columns):
    X, later = panel(*names, ends=[N, N - 7, N - 2][: len(names)])
    model = pipe(4, 2, future_columns=future_columns).fit(X, X["load"])
    found = forecast(model, X, 4, target="load", future=later.sample(frac=1, random_state=0))
    np.testing.assert_allclose(found, slow_panel(model, X, to_come(later)), rtol=1e-9)
    pd.testing.assert_index_equal(found.index, later.index)
    alone = X[X.index.droplevel(-1) == names[1]]
    expected = found[found.index.droplevel(-1) == names[1]]
    pd.testing.assert_frame_equal(forecast(model, alone, 4, target="load", future=later), expected)


def test_what_names_no_series_holds_for_all():
    X, later = panel("b", "a")
    later["wind"] = np.tile([1.0, 2.0, 3.0, 4.0], 2)
    model = pipe(4, 1).fit(X, X["load"])
    found = forecast(model, X, 4, target="load", future=later.loc["a", "wind"])
    np.testing.assert_allclose(found, slow_panel(model, X, to_come(later)), rtol=1e-9)


@pytest.mark.parametrize("keys", [("when", None), (None, "who"), ("when", "who")])
@pytest.mark.parametrize("as_array", [False, True])
def test_keys_in_columns_go_on_in_the_index(keys, as_array):
    X, later = panel("b", "a") if keys[1] else panel("a")
    X, later = (
        frame.assign(who=frame.index.codes[0], when=10 + frame.groupby(level=0).cumcount() + (frame is later) * N)
        for frame in (X, later)
    )
    columns = [name for name in ("who", "load", "when", "wind") if name in ("load", "wind", *keys)]
    X, later = (frame[columns].reset_index(drop=True).astype(float) for frame in (X, later))
    if not keys[0] and not as_array:  # the index is the time of each series
        X.index, later.index = X.index % N, N + later.index % 4
    places = [columns.index(key) if as_array and key else key for key in keys]
    model = pipe(3, 2, time_column=places[0], group_column=places[1])
    X_given, future = (X.to_numpy(), later.to_numpy()) if as_array else (X, later)
    model.fit(X_given, X["load"])
    found = forecast(model, X_given, 4, target=columns.index("load") if as_array else "load", future=future)
    for name, rows in X.groupby("who") if keys[1] else [(0.0, X)]:
        ahead = to_come(later[later["who"] == name] if keys[1] else later)
        expected = slow_forecast(model, rows, ahead, as_array=as_array)
        np.testing.assert_allclose(found.loc[name] if keys[1] else found, expected, rtol=1e-9)
    times = found.index.get_level_values(-1)[:4].to_numpy()
    np.testing.assert_array_equal(times, later["when"][:4] if keys[0] else np.arange(4) + (not as_array) * N)
    if not as_array:
        assert found.index.names == ([keys[1]] if keys[1] else []) + [keys[0]]


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("columns", [["load", "wind"], ["wind"]])
def test_bare_arrays_are_one_block_of_rows(columns, as_list):
    data = table(pd.RangeIndex(N + 5))
    X, later = data.iloc[:N], to_come(data.iloc[N:])
    model = pipe(4, 2).fit(X.to_numpy(), X["load"])
    given = X.to_numpy().tolist() if as_list else X.to_numpy()
    future = later[columns].to_numpy().tolist() if as_list else later[columns].squeeze().to_numpy()
    found = forecast(model, given, 5, target=0, future=future)
    np.testing.assert_allclose(found, slow_forecast(model, X, later, as_array=True), rtol=1e-9)
    assert list(found.columns) == [0]
    assert list(found.index) == list(range(5))


def test_text_goes_through_an_encoder_in_front():
    data = table().assign(kind=np.where(np.arange(N + N_LATER) % 7 < 5, "work", "rest"))
    X, later = data.iloc[:N].drop(columns="wind"), data.iloc[N : N + 5][["load", "kind"]]
    encoder = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["kind"]), remainder="passthrough", verbose_feature_names_out=False
    )
    model = outputs_of_pandas(pipe(4, 2, front=[encoder], future_columns=["kind_work", "kind_rest"]))
    model.fit(X, X["load"])
    found = forecast(model, X, 5, target="load", future=later)
    np.testing.assert_allclose(found, slow_forecast(model, X, to_come(later)), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "Float64", "Float32", "Int64", "int64", "object"])
def test_columns_of_any_numeric_type_go_on(dtype):
    X = (100 * table().iloc[:N, :1]).round()
    model = pipe(3, 2).fit(X, X["load"])
    found = forecast(model, X.astype(dtype), 4)
    np.testing.assert_allclose(found.astype(float), forecast(model, X, 4), rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 7), st.booleans(), st.sets(st.integers(1, N - 2)))
def test_absent_rows_stay_steps_without_values(horizon, window, steps, known, holes):
    data = table()
    X, later = data.iloc[:N].drop(data.index[list(holes)]), data.iloc[N : N + steps]
    model = pipe(window, horizon, freq="h", future_columns="wind" if known else None).fit(X, X["load"])
    found = forecast(model, X, steps, target="load", future=later)
    np.testing.assert_allclose(found, slow_forecast(model, X, to_come(later)), rtol=1e-9)
    pd.testing.assert_index_equal(found.index, later.index)


@pytest.mark.parametrize("history", ["all", "tail"])
@pytest.mark.parametrize("n_rows", [1, 2, 20, N])
def test_remembered_rows_need_not_be_passed_again(n_rows, history):
    X, later = panel("b", "a")
    model = pipe(4, 2, history=history).fit(X, X["load"])
    found = forecast(model, X.groupby(level=0).tail(n_rows), 4, target="load", future=later)
    np.testing.assert_allclose(found, slow_panel(model, X, to_come(later)), rtol=1e-9)


def test_rows_observed_since_fit_move_the_forecast_on():
    data = table()
    model = pipe(4, 2).fit(data.iloc[:40], data["load"].iloc[:40])
    found = forecast(model, data.iloc[40:N], 5, target="load", future=data.iloc[N:])
    np.testing.assert_allclose(found, slow_forecast(model, data.iloc[:N], to_come(data.iloc[N : N + 5])), rtol=1e-9)


@pytest.mark.parametrize("n_rows", [1, 40])
def test_rows_remembered_from_later_are_not_used(n_rows):
    data = table()
    model = pipe(4, 2).fit(data, data["load"])
    found = forecast(model, data.iloc[40 - n_rows : 40], 5, target="load", future=data)
    model[0].fit(data.iloc[:40])
    np.testing.assert_allclose(found, slow_forecast(model, data.iloc[:40], to_come(data.iloc[40:45])), rtol=1e-9)


def test_the_order_and_the_repeats_of_rows_do_not_matter():
    X, later = panel("a", "b")
    model = pipe(4, 2).fit(X, X["load"])
    found = forecast(
        model, pd.concat([X, X.iloc[::9]]).sample(frac=1, random_state=1), 4, target="load", future=later[::-1]
    )
    pd.testing.assert_frame_equal(found.sort_index(), forecast(model, X, 4, target="load", future=later))


def test_a_calendar_that_has_no_step_goes_on_along_the_index_of_future():
    data = table().set_axis(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N + N_LATER) ** 2, unit="h"))
    X, later = data.iloc[:N], data.iloc[N:]
    model = pipe(4, 2).fit(X, X["load"])
    found = forecast(model, X, 5, future=data.loc[::-1, ["wind"]])
    np.testing.assert_allclose(found, slow_forecast(model, X, to_come(later.iloc[:5])), rtol=1e-9)
    pd.testing.assert_index_equal(found.index, later.index[:5])


@pytest.mark.parametrize("future_columns", [None, ["load", "wind"]])
def test_rows_that_are_all_known_are_just_predicted(future_columns):
    data = table()
    y = data["load"].rolling(3, min_periods=1).mean() + data["wind"]
    model = pipe(4, 0, future_columns=future_columns).fit(data.iloc[:N], y.iloc[:N])
    found = forecast(model, data.iloc[:N], 5, future=data)
    np.testing.assert_allclose(found["prediction"], model.predict(data)[N : N + 5], rtol=1e-9)


def test_labels_are_not_fed_back():
    index = pd.date_range("2024", periods=40, freq="h")
    X = pd.DataFrame({"load": np.sin(np.arange(40))}, index=index)
    model = make_pipeline(SlidingWindowTransformer(3, horizon=2), GRUClassifier(3, max_iter=1, random_state=0))
    model.fit(X, np.where(X["load"] > 0, "high", "low"))
    with pytest.raises(ValueError, match=r"Steps beyond the horizon \(3 > 2\) .* labels are not"):
        forecast(model, X, 3, target="load")
