"""Data frames of polars: no index, so keys are columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer, forecast


class Drift(RegressorMixin, BaseEstimator):
    """Goes on with the last difference: exact on straight lines."""

    def fit(self, X, y):  # noqa: ARG002
        self.fitted_ = True
        return self

    def predict(self, X):
        X = np.asarray(X, dtype=float)
        return 2 * X[:, -1] - X[:, -2]


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


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("freq", ["D", "h"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", None])
def test_times_keep_their_zone(zone, freq, unit):
    times = pd.date_range("2024-03-01", periods=60, freq=freq, tz=zone)
    time = pl.Series(times.tz_localize(None) if zone is None else times.tz_convert("UTC").tz_localize(None))
    time = time.dt.cast_time_unit(unit)
    if zone is not None:
        time = time.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    X = pl.DataFrame({"t": time, "v": np.arange(60.0)})
    window = SlidingWindowTransformer(2, horizon=1, time_column="t", flatten=True, incomplete="ignore")
    expected = np.arange(20.0, 60)[:, None] + [-2, -1]
    np.testing.assert_array_equal(window.fit(X[:20]).transform(X[20:]), expected)
    assert window.freq_ == freq
    like = pd.DataFrame({"t": times, "v": np.arange(60.0)})
    np.testing.assert_array_equal(window.transform(like[20:]), expected)
    model = make_pipeline(window, Drift()).fit(X[:20], X[:20]["v"])
    predicted = forecast(model, X[:20], 40, target="v")
    np.testing.assert_allclose(predicted["v"], np.arange(20, 60))
    assert list(predicted.index) == list(times[20:])
    assert predicted.index.tz == times.tz


@pytest.mark.parametrize(
    ("time", "labels"),
    [
        (
            pl.Series(pd.date_range("2024-01-01", periods=30, freq="B").date.tolist()),
            pd.bdate_range("2024-02-12", periods=3),
        ),
        (pl.Series(pd.timedelta_range("1h", periods=30, freq="h")), pd.timedelta_range("31h", periods=3, freq="h")),
        (pl.Series(np.arange(0, 300, 10)), [300, 310, 320]),
    ],
    ids=["Date", "Duration", "Int64"],
)
def test_times_of_other_kinds_go_on(time, labels):
    X = pl.DataFrame({"t": time, "v": np.arange(30.0)})
    window = SlidingWindowTransformer(2, horizon=1, time_column="t", flatten=True, incomplete="ignore")
    model = make_pipeline(window, Drift()).fit(X, X["v"])
    predicted = forecast(model, X, 3, target="v")
    np.testing.assert_allclose(predicted["v"], [30, 31, 32])
    assert list(predicted.index) == list(labels)


def test_a_row_without_a_time_has_no_history():
    time = pl.Series([*pd.date_range("2024-01-01", periods=4).to_pydatetime(), None]).dt.replace_time_zone("UTC")
    X = pl.DataFrame({"t": time, "v": np.arange(5.0)})
    found = SlidingWindowTransformer(2, time_column="t").fit_transform(X)[:, :, 0]
    np.testing.assert_array_equal(found, [[np.nan, 0], [0, 1], [1, 2], [2, 3], [np.nan, 4]])
