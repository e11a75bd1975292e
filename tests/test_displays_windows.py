"""WindowDisplay draws each step of a window in its place, and whether it is known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skrnn import SlidingWindowTransformer, WindowDisplay

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("plt")]


@pytest.fixture
def X(series):  # noqa: N802
    return series[:40]


def cells(collection):
    """Middle of each cell: (lane, place)."""
    middles = [path.vertices[:4].mean(axis=0) for path in collection.get_paths()]
    return [(round(y, 6), round(x, 6)) for x, y in middles]


def test_a_window_holds_the_steps_that_end_a_horizon_before_its_row(X):
    windows = SlidingWindowTransformer(3, horizon=2).fit(X)
    display = WindowDisplay.from_estimator(windows, X, rows=[10, 20])
    assert (display.steps - display.places[:, None]).tolist() == [[-4, -3, -2]] * 2
    assert display.places[1] - display.places[0] == 10
    assert cells(display.known_) == [(lane, step) for lane, steps in enumerate(display.steps) for step in steps]
    assert cells(display.rows_) == [(0, display.places[0]), (1, display.places[1])]
    assert cells(display.missing_) == cells(display.partial_) == []
    assert display.ax_.get_title("left") == "3 steps, the last 2 before the row"


def test_absent_rows_are_missing_steps_in_their_place_and_nan_in_one_channel_is_told_apart(X):
    X = X.drop(X.index[8])
    X.loc[X.index[9], "wind"] = np.nan
    display = WindowDisplay.from_estimator(SlidingWindowTransformer(4).fit(X), X, rows=[10])
    at = int(display.places[0])
    assert cells(display.missing_) == [(0, at - 3)]
    assert cells(display.partial_) == [(0, at - 1)]
    assert cells(display.known_) == [(0, at - 2), (0, at)]
    assert display.share.tolist() == [[0, 1, 0.5, 1]]


def test_steps_are_looked_up_in_what_fit_remembers(X):
    windows = SlidingWindowTransformer(3, horizon=1).fit(X[:20])
    display = WindowDisplay.from_estimator(windows, X[20:25], rows=[0])
    assert len(cells(display.known_)) == 3


def test_columns_known_in_advance_lie_above_and_end_at_the_row(X):
    windows = SlidingWindowTransformer(3, horizon=2, future_columns="wind").fit(X)
    display = WindowDisplay.from_estimator(windows, X, rows=[9])
    at = int(display.places[0])
    assert [place for _, place in cells(display.future_)] == [at - 2, at - 1, at]
    assert [place for _, place in cells(display.known_)] == [at - 4, at - 3, at - 2]
    assert max(lane for lane, _ in cells(display.future_)) < 0 < min(lane for lane, _ in cells(display.known_))


def test_the_rows_around_the_last_incomplete_window_are_drawn(X):
    windows = SlidingWindowTransformer(5, horizon=1).fit(X)
    display = WindowDisplay.from_estimator(windows, X)
    assert (display.share == 0).any(axis=1).tolist() == [True, True, True, False, False, False]
    assert display.ax_.get_title("left") == "5 steps, the last 1 before the row; 3 of 6 windows miss some"
    later = WindowDisplay.from_estimator(windows, X[20:])
    assert later.labels[-1] == str(X.index[-1])


def test_pipelines_panels_and_bare_arrays_are_drawn(X):
    model = make_pipeline(MinMaxScaler(), SlidingWindowTransformer(3, flatten=True), Ridge())
    model = model.set_output(transform="pandas")
    display = WindowDisplay.from_estimator(model[:-1].fit(X), X)
    assert display.labels[:2] == [str(time) for time in X.index[:2]]
    assert len(display.labels) == 6
    panel = pd.concat({"a": X, "b": X}, names=["site"])
    display = WindowDisplay.from_estimator(SlidingWindowTransformer(3).fit(panel), panel, rows=[-1, 5])
    assert display.labels == [f"b: {X.index[-1]}", f"a: {X.index[5]}"]
    array = X.to_numpy()
    display = WindowDisplay.from_estimator(SlidingWindowTransformer(3).fit(array), array)
    assert display.steps.min() == -2
    assert display.ax_.get_xlabel() == "steps"


def test_times_are_marked_where_they_are_known(X):
    display = WindowDisplay.from_estimator(SlidingWindowTransformer(3).fit(X), X, rows=[4, 9])
    ticks = dict(zip(display.ax_.get_xticks(), [t.get_text() for t in display.ax_.get_xticklabels()], strict=True))
    assert ticks[display.places[1]] == "2024-01-01\n09:00"
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["2024-01-01 04:00", "2024-01-01 09:00"]


def test_without_a_grid_steps_are_the_rows_before_in_order(X):
    X = X.iloc[np.r_[0:5, 20:22]]
    windows = SlidingWindowTransformer(3, freq=None).fit(X)
    display = WindowDisplay.from_estimator(windows, X.sample(frac=1, random_state=1), rows=[0])
    assert np.diff(display.steps[0]).tolist() == [1, 1]
    assert display.steps[0, -1] == display.places[0]


@pytest.mark.parametrize("rows", [[40], [], [0.5], [[1]]])
def test_rows_that_are_no_positions_are_refused(X, rows):
    with pytest.raises(ValueError, match="rows must be positions in X, whole numbers below 40"):
        WindowDisplay.from_estimator(SlidingWindowTransformer(3).fit(X), X, rows=rows)


def test_models_without_a_window_step_are_refused(X):
    with pytest.raises(ValueError, match="WindowDisplay needs a pipeline with a SlidingWindowTransformer"):
        WindowDisplay.from_estimator(Ridge().fit(X, X["load"]), X)


def test_days_are_shown_without_hours():
    X = pd.DataFrame({"load": np.arange(9.0)}, index=pd.date_range("2024-01-01", periods=9))
    display = WindowDisplay.from_estimator(SlidingWindowTransformer(2).fit(X), X, rows=[3])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["2024-01-04"]
