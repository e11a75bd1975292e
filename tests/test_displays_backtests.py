"""BacktestDisplay draws the columns of the table that `backtest` returns."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import make_pipeline

from skrnn import BacktestDisplay, SlidingWindowTransformer, backtest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("plt")]


@pytest.fixture
def model():
    return make_pipeline(SlidingWindowTransformer(4, horizon=1, flatten=True), SimpleImputer(), LinearRegression())


def test_errors_and_skills_are_those_of_the_table(model, series):
    X = series[["load"]]
    table = backtest(model, X, X["load"], steps=5, season=24, test_size=60)
    display = BacktestDisplay.from_estimator(model, X, X["load"], steps=5, season=24, test_size=60)
    assert list(display.error_lines_) == ["model", "persistence", "seasonal_naive"]
    for name, line in display.error_lines_.items():
        assert line.get_xdata().tolist() == [1, 2, 3, 4, 5]
        np.testing.assert_array_equal(line.get_ydata(), table[name])
    for name, line in display.skill_lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), table[f"skill_over_{name}"])
    assert set(display.zero_line_.get_ydata()) == {0}
    assert display.ax_[0].get_ylabel() == "RMSE"
    legend = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert legend == ["model", "persistence", "seasonal naive"]


def test_the_message_counts_the_steps_at_which_the_model_is_better():
    errors = pd.DataFrame({"model": [1.0, 2.0], "persistence": [2.0, 1.0]}, index=pd.RangeIndex(1, 3))
    errors["skill_over_persistence"] = 1 - errors["model"] / errors["persistence"]
    display = BacktestDisplay.from_table(errors, error_name="MAE (MW)")
    assert display.figure_.get_suptitle() == "The model is better than persistence at 1 of 2 steps ahead"
    assert display.ax_[0].get_ylabel() == "MAE (MW)"


def test_a_metric_names_the_errors(model, series):
    X = series[["load"]]
    display = BacktestDisplay.from_estimator(model, X, X["load"], steps=1, metric=mean_absolute_error)
    assert display.ax_[0].get_ylabel() == "mean absolute error"


@pytest.mark.parametrize("table", [pd.DataFrame({"model": [1.0]}), [1.0, 2.0]])
def test_other_tables_are_refused(table):
    with pytest.raises(ValueError, match="needs the table that backtest returns"):
        BacktestDisplay.from_table(table)
