"""ResidualDisplay draws truth minus prediction, its histogram and its autocorrelation, NaN left out."""

import numpy as np
import pandas as pd
import pytest
from conftest import ar_series
from sklearn.linear_model import LinearRegression

from skrnn import ResidualDisplay

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.usefixtures("plt")]


def test_the_autocorrelation_is_that_of_the_textbook(rng):
    e = ar_series(rng, 300)
    display = ResidualDisplay.from_predictions(e, np.zeros(300), n_lags=5)
    centred = e - e.mean()
    expected = [np.mean(centred[k:] * centred[:-k]) / np.mean(centred**2) for k in range(1, 6)]
    np.testing.assert_allclose(display.autocorrelation_, expected)
    np.testing.assert_allclose([bar.get_height() for bar in display.autocorrelation_bars_], expected)
    assert display.bound_ == 1.96 / np.sqrt(300)
    lag = int(np.argmax(np.abs(expected))) + 1
    assert display.figure_.get_suptitle().endswith(f"largest autocorrelation {expected[lag - 1]:.2f} at lag {lag}")


def test_missing_values_keep_their_place_and_count_for_nothing(rng):
    e = rng.normal(size=100)
    e[::2] *= -1
    e[[10, 11, 50]] = np.nan
    display = ResidualDisplay.from_predictions(e, np.zeros(100), n_lags=3)
    centred = e - np.nanmean(e)
    for lag in (1, 2, 3):
        pairs = [centred[i] * centred[i - lag] for i in range(lag, 100) if np.isfinite(centred[i] * centred[i - lag])]
        np.testing.assert_allclose(display.autocorrelation_[lag - 1], np.mean(pairs) / np.nanvar(e))
    assert display.bound_ == 1.96 / np.sqrt(97)
    assert sum(bar.get_height() for bar in display.histogram_) == 97


def test_pairs_of_different_series_do_not_count():
    index = pd.MultiIndex.from_product([["a", "b"], range(3)], names=["site", "hour"])
    y = pd.Series([1.0, -1.0, 1.0, 1.0, -1.0, -1.0], index=index)
    display = ResidualDisplay.from_predictions(y.sample(frac=1, random_state=0), y * 0, n_lags=2)
    np.testing.assert_allclose(display.autocorrelation_, [(-1 - 1 - 1 + 1) / 4, (1 - 1) / 2])
    assert [line.get_label() for line in display.residual_lines_] == ["a", "b"]
    assert display.ax_[0].get_xlabel() == "hour"


def test_residuals_stand_at_the_times_of_the_rows(series):
    model = LinearRegression().fit(series, series["wind"])
    display = ResidualDisplay.from_estimator(model, series, series["load"].to_numpy())
    (line,) = display.residual_lines_
    np.testing.assert_array_equal(line.get_xdata(), series.index.to_numpy())
    np.testing.assert_allclose(line.get_ydata(), series["load"] - model.predict(series))
    np.testing.assert_allclose(display.residuals_, series["load"] - model.predict(series))


def test_pandas_objects_are_matched_by_their_index():
    y = pd.Series([1.0, 2.0, 3.0], index=[5, 6, 7])
    display = ResidualDisplay.from_predictions(y, y[::-1] + 1.0)
    np.testing.assert_array_equal(display.residuals_, [-1, -1, -1])
    assert np.isnan(display.autocorrelation_).all()  # a constant has none


def test_several_outputs_and_unknown_residuals_are_refused():
    with pytest.raises(ValueError, match="takes one output, but y_true has 2"):
        ResidualDisplay.from_predictions(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="No residual is known"):
        ResidualDisplay.from_predictions([np.nan], [1.0])


def test_one_column_of_targets_is_taken_as_well(series):
    model = LinearRegression().fit(series, series[["wind"]])
    display = ResidualDisplay.from_estimator(model, series, series[["load"]])
    np.testing.assert_allclose(display.residuals_, series["load"] - model.predict(series)[:, 0])
