"""A forecast from too few rows says so, as the window step itself does."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skrnn import IncompleteWindowWarning, SlidingWindowTransformer, forecast

HOURS = pd.date_range("2024-01-01", periods=80, freq="h", name="time")
X = pd.DataFrame({"load": np.sin(np.arange(80) / 3)}, index=HOURS)
PANEL = pd.concat({"a": X.iloc[:40]}, names=["series"])
WINDOW = 6


def pipe(horizon=1, **params):
    windows = SlidingWindowTransformer(WINDOW, horizon=horizon, flatten=True, **params)
    return make_pipeline(windows, FunctionTransformer(np.nan_to_num), Ridge())


def told(model, X, steps, **params):
    """The warnings of a forecast."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecast(model, X, steps, **params)
    return caught


SHORT = {  # what is fitted, and the rows that a forecast gets, which nothing that is remembered precedes
    "rows after a gap": ({}, X.iloc[:40], X.iloc[60:]),
    "series that fit has not seen": ({}, PANEL, pd.concat({"b": X.iloc[40:]}, names=["series"])),
    "nothing remembered": ({"history": "none"}, X.iloc[:40], X.iloc[40:]),
    "array": ({}, X.iloc[:40].to_numpy(), X.iloc[40:].to_numpy()),
    "rows in order": ({"freq": None, "history": "none"}, X.iloc[:40], X.iloc[40:]),
}


@pytest.mark.parametrize("name", SHORT)
@pytest.mark.parametrize(("horizon", "steps"), [(1, 1), (1, 8), (3, 2), (3, 9)])
def test_each_window_that_misses_steps_counts_and_there_is_one_warning(name, horizon, steps):
    params, train, rows = SHORT[name]
    model = pipe(horizon, **params).fit(train, np.asarray(train)[:, 0])
    reach = WINDOW - 1 + horizon  # rows that the window of the next row needs
    for n_rows in (1, 3, reach - 1, reach):
        n_short = sum(n_rows + step < reach + 1 for step in range(1, steps + 1))
        caught = told(model, rows[:n_rows], steps)
        if not n_short:
            assert not caught
            continue
        assert [(w.category, w.filename) for w in caught] == [(IncompleteWindowWarning, __file__)]
        message = str(caught[0].message)
        assert message.startswith(f"{n_short} of {steps} windows of the forecast miss steps: ")
        assert message.endswith(f"Pass the last {reach} rows of each series.")


@pytest.mark.parametrize("name", SHORT)
def test_what_is_done_about_them_is_the_parameter_of_the_window_step(name):
    params, train, rows = SHORT[name]
    model = pipe(**params).fit(train, np.asarray(train)[:, 0])
    expected = forecast(model.set_params(slidingwindowtransformer__incomplete="ignore"), rows[:2], 3)
    assert not told(model, rows[:2], 3)
    model.set_params(slidingwindowtransformer__incomplete="error")
    with pytest.raises(ValueError, match="3 of 3 windows of the forecast miss steps"):
        forecast(model, rows[:2], 3)
    assert len(forecast(model, rows[:20], 3)) == len(expected) == 3


@pytest.mark.parametrize(
    "around",
    [
        lambda model: TransformedTargetRegressor(model, transformer=MinMaxScaler()),
        lambda model: GridSearchCV(model, {"ridge__alpha": [1.0]}, cv=TimeSeriesSplit(2)),
    ],
)
def test_what_is_around_the_pipeline_hides_nothing(around):
    model = around(pipe(incomplete="error")).fit(X.iloc[:40], X["load"].iloc[:40])
    with pytest.raises(ValueError, match="3 of 3 windows of the forecast miss steps"):
        forecast(model, X.iloc[60:62], 3)


def test_what_is_remembered_of_series_named_by_an_index_and_a_column_is_found():
    index = pd.MultiIndex.from_product([["a", "b"], ["x"], HOURS[:40]], names=["site", "kind", "time"])
    panel = pd.DataFrame({"load": np.sin(np.arange(80) / 3), "number": 1.0}, index=index)
    model = pipe(group_column="number").fit(panel, panel["load"])
    for rows in (panel, panel[index.get_level_values("time") < HOURS[30]]):
        last = rows.groupby(["site", "kind"]).tail(1)
        assert not told(model, last, 3, target="load")
        pd.testing.assert_frame_equal(forecast(model, last, 3, target="load"), forecast(model, rows, 3, target="load"))
    with pytest.raises(ValueError, match="from 0 rows"):  # all of them were used to fit
        forecast(model, panel, 3, target="load", confidence_level=0.5)


def test_only_the_short_series_of_a_panel_counts():
    model = pipe().fit(PANEL, PANEL["load"])
    rows = pd.concat({"a": X.iloc[38:40], "b": X.iloc[40:42]}, names=["series"])
    assert str(told(model, rows, 3)[0].message).startswith("3 of 6 windows of the forecast miss steps")


def test_absent_rows_are_missing_steps():
    model = pipe().fit(X.iloc[:40], X["load"].iloc[:40])
    rows = X.iloc[40:60].drop(HOURS[57])
    assert str(told(model, rows, 7)[0].message).startswith("4 of 7 windows of the forecast miss steps")


def test_windows_of_calibration_that_miss_steps_are_told():
    model = pipe().fit(X.iloc[:40], X["load"].iloc[:40])
    caught = told(model, X.iloc[50:], 1, confidence_level=0.5)
    # Forecasts start from each of the 30 rows but the last, and after that; the first five windows are short.
    assert [str(w.message)[:50] for w in caught] == ["5 of 30 windows of the forecast miss steps: rows b"]
    assert not told(model, X.iloc[40:], 1, confidence_level=0.5)


def test_rows_that_are_known_in_full_are_silent():
    model = pipe().fit(X.iloc[:40], X["load"].iloc[:40])
    for rows in (X.iloc[39:40], X.iloc[30:40], X.iloc[40:60]):
        assert not told(model, rows, 9)
