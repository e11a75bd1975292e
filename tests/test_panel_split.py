"""Splits of a panel are cut at the same moments, and no training target reaches into the test rows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import PanelTimeSeriesSplit, SlidingWindowTransformer, horizon_targets

pytestmark = pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning")

DAYS = pd.date_range("2024-01-01", periods=40, freq="D", name="time")


def pipe(window=3, horizon=1, **params):
    fill = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
    return make_pipeline(SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params), fill, Ridge())


def table(index=DAYS, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"load": np.sin(np.arange(len(index)) / 3) + 0.1 * rng.normal(size=len(index))}, index=index)


def panel():
    """Series of which one starts late, one ends early and one has holes."""
    series = {"whole": table(), "late": table(DAYS[15:], 1), "early": table(DAYS[:30], 2)}
    return pd.concat({**series, "holes": table(DAYS, 3).drop(DAYS[[8, 20, 21, 33]])}, names=["shop", "time"])


def splits(cv, X, **params):
    return list(cv.split(X, **params))


def assert_same(found, expected):
    assert len(found) == len(expected)
    for pair, other in zip(found, expected, strict=True):
        for one, two in zip(pair, other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("params", [{}, {"test_size": 3}, {"max_train_size": 7}, {"n_splits": 3, "test_size": 4}])
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("gap", [0, 2])
def test_one_series_in_order_is_split_as_by_scikit_learn(params, steps, gap):
    expected = splits(TimeSeriesSplit(gap=gap + steps - 1, **params), table())
    for X in (
        table(),
        table()["load"],
        table().to_numpy(),
        np.zeros((40, 5, 2)),
        np.zeros(40),
        pl.DataFrame({"a": range(40)}),
    ):
        cv = PanelTimeSeriesSplit(steps=steps, gap=gap, **params)
        assert_same(splits(cv, X), expected)
        assert cv.get_n_splits() == cv.get_n_splits(X) == len(expected)


@given(seed=st.integers(0, 99), steps=st.integers(1, 4), n_splits=st.integers(1, 4), drop=st.floats(0.0, 0.4))
@settings(max_examples=40, deadline=None)
def test_no_training_target_holds_a_test_row_and_no_row_is_left_out_without_need(seed, steps, n_splits, drop):
    rng = np.random.default_rng(seed)
    X = panel()
    X = X[rng.random(len(X)) >= drop].sample(frac=1, random_state=seed)
    times = X.index.get_level_values("time")
    y = horizon_targets(pd.Series(np.arange(len(X)), X.index), steps).to_numpy()  # which rows a target holds
    tested = []
    for train, test in PanelTimeSeriesSplit(n_splits, steps=steps, test_size=4).split(X):
        start = times[test].min()
        later = np.flatnonzero(times >= start)
        assert times[train].max() < start
        leaks = np.isin(y, later).any(axis=1)
        assert not leaks[train].any()
        others = np.setdiff1d(np.flatnonzero(times < start), train)
        if steps == 1:
            assert not len(others)
        for row in others:  # only rows within the reach of a target are left out
            series = X.index[row][0]
            first = min(time for name, time in X.index[later] if name == series)
            assert (first - times[row]).days < steps
        tested.append(set(times[test]))
        assert len(tested[-1]) == 4
        assert set(test) == set(np.flatnonzero(np.isin(times, list(tested[-1]))))
    every = np.sort(times.unique())
    assert sorted(set.union(*tested)) == list(every[-4 * n_splits :])


def test_the_keys_may_be_columns_or_groups():
    X = panel()
    cv = {"n_splits": 3, "steps": 3}
    expected = splits(PanelTimeSeriesSplit(**cv), X)
    flat = X.reset_index()
    assert_same(splits(PanelTimeSeriesSplit(**cv, time_column="time", group_column="shop"), flat), expected)
    whole = X.loc[["whole", "late"]]
    by_index = splits(PanelTimeSeriesSplit(**cv), whole)
    times = whole.index.get_level_values("time")
    assert_same(splits(PanelTimeSeriesSplit(**cv), whole.to_numpy(), groups=times), by_index)


def test_steps_are_those_of_the_grid_and_not_days():
    index = pd.date_range("2024-01-01", periods=30, freq="B")
    (train, test), *_ = splits(PanelTimeSeriesSplit(2, steps=2, test_size=5), table(index))
    assert index[test[0]] == pd.Timestamp("2024-01-29")  # a Monday
    assert index[train[-1]] == pd.Timestamp("2024-01-25")  # of whose target the second value is that of Friday
    irregular = pd.Index([0.0, 1.0, 1.1, 5.0, 5.3, 9.0, 9.05, 20.0])
    (train, test), *_ = splits(PanelTimeSeriesSplit(2, steps=3, test_size=2), table(irregular))
    assert (list(train), list(test)) == ([0, 1], [4, 5])


def test_the_window_step_is_scored_and_searched_over_a_panel():
    X = panel()
    cv = PanelTimeSeriesSplit(3)
    scores = cross_val_score(pipe(), X, X["load"], cv=cv)
    by_hand = [
        pipe().fit(X.iloc[train], X["load"].iloc[train]).score(X.iloc[test], X["load"].iloc[test])
        for train, test in cv.split(X)
    ]
    np.testing.assert_allclose(scores, by_hand)
    search = GridSearchCV(pipe(), {"slidingwindowtransformer__window_size": [1, 3]}, cv=cv).fit(X, X["load"])
    assert search.cv_results_["split2_test_score"][1] == pytest.approx(scores[2])
    assert "PanelTimeSeriesSplit(gap=0" in repr(cv)


def test_models_on_targets_of_several_steps_are_scored_without_a_gap_by_hand():
    X = panel()
    targets = horizon_targets(X["load"], 3)
    rows = targets.notna().all(axis=1)
    found = cross_validate(pipe(), X[rows], targets[rows], cv=PanelTimeSeriesSplit(3, steps=3), return_indices=True)
    assert np.isfinite(found["test_score"]).all()
    shuffled = X[rows].sample(frac=1, random_state=0)
    again = cross_val_score(pipe(), shuffled, targets.loc[shuffled.index], cv=PanelTimeSeriesSplit(3, steps=3))
    np.testing.assert_allclose(again, found["test_score"])


def test_groups_are_handed_on_by_metadata_routing():
    X, times = panel(), panel().index.get_level_values("time")
    expected = cross_val_score(pipe(), X, X["load"], cv=PanelTimeSeriesSplit(3))
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_val_score(pipe(), X, X["load"], cv=PanelTimeSeriesSplit(3), params={"groups": times})
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_splits": 0}, "n_splits of PanelTimeSeriesSplit must be an int not less than 1. Got 0"),
        ({"steps": 1.5}, "steps of PanelTimeSeriesSplit must be an int not less than 1"),
        ({"gap": -1}, "gap of PanelTimeSeriesSplit must be an int not less than 0"),
        ({"test_size": 0.2}, "test_size of PanelTimeSeriesSplit must be an int not less than 1 or None"),
        ({"n_splits": 40}, "Too many splits=40 for number of distinct times=40"),
        ({"n_splits": 4, "test_size": 10}, "Too many splits=4 for number of distinct times=40"),
        ({"n_splits": 4, "test_size": 9, "steps": 30}, "No row is left to train on"),
        ({"time_column": "when"}, "time_column='when' is not a column of X"),
    ],
)
def test_what_cannot_be_split_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        splits(PanelTimeSeriesSplit(**params), table())


def test_rows_without_a_time_and_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="rows of X have no time"):
        splits(PanelTimeSeriesSplit(), table().set_axis([*DAYS[:-1], pd.NaT]))
    with pytest.raises(ValueError, match="1 rows have no time"):
        splits(PanelTimeSeriesSplit(), table().to_numpy(), groups=[*DAYS[:-1], pd.NaT])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        splits(PanelTimeSeriesSplit(), table(), y=np.zeros(3))
