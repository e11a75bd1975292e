"""Data frames of polars: no index, so keys are columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skrnn import GRURegressor, SlidingWindowTransformer


def as_polars(frame):
    """The same columns; polars' own conversion of text needs one more package."""
    return pl.DataFrame({name: column.tolist() for name, column in frame.items()})


@pytest.fixture
def panel(rng):
    time = pd.date_range("2024-01-01", periods=20, freq="h")
    return pd.DataFrame({"time": np.repeat(time, 2), "name": ["a", "b"] * 20, "load": np.arange(40.0)}).assign(
        wind=rng.normal(size=40)
    )


@pytest.mark.parametrize("flatten", [False, True])
def test_windows_of_polars_are_those_of_pandas(panel, flatten):
    window = SlidingWindowTransformer(3, horizon=1, time_column="time", group_column="name", flatten=flatten)
    expected = window.fit(panel[:30]).transform(panel[30:])
    frame = as_polars(panel)
    found = window.set_output(transform="polars").fit(frame[:30]).transform(frame[30:])
    assert isinstance(found, pl.DataFrame) == flatten
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regressors_take_polars(panel):
    frame = as_polars(panel[["load", "wind"]])
    model = GRURegressor(2, max_iter=1, random_state=0).fit(frame, frame["load"])
    assert model.feature_names_in_.tolist() == ["load", "wind"]
    assert model.predict(frame).shape == (40,)


def test_lazy_frames_are_refused_in_words(panel):
    with pytest.raises(TypeError, match=r"Call X\.collect\(\) first"):
        SlidingWindowTransformer(2, time_column="time").fit(as_polars(panel).lazy())
