"""LagImportanceDisplay finds the lags that the answer depends on, in units that compare."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import GRUClassifier, GRURegressor, LagImportanceDisplay, SlidingWindowTransformer

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("plt")]


@pytest.fixture
def rows(rng):
    """y is three times the load two rows before, and -2 times the wind one row before."""
    index = pd.date_range("2024-01-01", periods=300, freq="h")
    X = pd.DataFrame({"load": rng.normal(size=300), "wind": 10 * rng.normal(size=300)}, index=index)
    return X, 3 * X["load"].shift(2, fill_value=0) - 2 * X["wind"].shift(1, fill_value=0)


def network(**options):
    return GRURegressor(2, max_iter=1, learning_rate_init=1e-12, early_stopping=False, random_state=0, **options)


def flat():
    window = SlidingWindowTransformer(3, horizon=1, flatten=True)
    return make_pipeline(window, SimpleImputer(), LinearRegression())


def test_gradients_of_a_linear_answer_are_its_coefficients_per_spread(rows):
    X, y = rows
    model = make_pipeline(SlidingWindowTransformer(3, horizon=1), network()).fit(X, y)
    display = LagImportanceDisplay.from_estimator(model, X)
    expected = [[0, 0], [3 * X["load"].std(), 0], [0, 2 * X["wind"].std()]]
    np.testing.assert_allclose(display.importances, expected, rtol=0.02, atol=0.02)
    np.testing.assert_allclose(np.abs(display.linear), display.importances, rtol=0.02, atol=0.02)
    for i, name in enumerate(X.columns):
        assert display.lines_[name].get_xdata().tolist() == [3, 2, 1]
        np.testing.assert_array_equal(display.lines_[name].get_ydata(), display.importances[:, i])
        np.testing.assert_array_equal(display.linear_lines_[name].get_ydata(), display.linear[:, i])
    assert display.figure_.get_suptitle() == "wind at lag 1 moves the answer most"
    assert display.ax_[0].get_xlabel() == "steps before the row"
    assert display.ax_[0].xaxis_inverted()


def test_units_of_a_channel_do_not_matter(rows):
    X, y = rows
    model = make_pipeline(SlidingWindowTransformer(3, horizon=1), network())
    one = LagImportanceDisplay.from_estimator(model.fit(X, y), X)
    other = LagImportanceDisplay.from_estimator(model.fit(X * [1000, 0.01], y), X * [1000, 0.01])
    np.testing.assert_allclose(one.importances, other.importances, rtol=1e-3, atol=1e-3)


def test_a_permutation_costs_what_the_lag_is_worth(rows):
    X, y = rows
    model = flat().fit(X[5:], y[5:])
    display = LagImportanceDisplay.from_estimator(model, X, y, kind="permutation", n_repeats=3, random_state=0)
    expected = np.sqrt(2) * np.array([[0, 0], [3 * X["load"].std(), 0], [0, 2 * X["wind"].std()]])
    np.testing.assert_allclose(display.importances, expected, rtol=0.1, atol=0.3)
    assert display.linear is None
    assert display.linear_lines_ == {}
    assert len(display.ax_) == 1


def test_permutations_are_repeatable_and_leave_the_global_state_alone(rows):
    X, y = rows
    model, before = flat().fit(X, y), np.random.get_state()[1].copy()  # noqa: NPY002
    options = {"kind": "permutation", "n_repeats": 1, "random_state": 3}
    one, other = (LagImportanceDisplay.from_estimator(model, X, y, **options) for _ in range(2))
    np.testing.assert_array_equal(one.importances, other.importances)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_columns_known_in_advance_have_lags_of_their_own(rows):
    X, y = rows
    window = SlidingWindowTransformer(3, horizon=2, future_columns="wind")
    display = LagImportanceDisplay.from_estimator(make_pipeline(window, network()).fit(X, y), X)
    assert display.lines_["load"].get_xdata().tolist() == [4, 3, 2]
    assert display.lines_["wind"].get_xdata().tolist() == [2, 1, 0]
    assert display.figure_.get_suptitle() == "wind at lag 1 moves the answer most"


@pytest.mark.parametrize("as_table", [False, True])
def test_bare_sequences_are_counted_from_their_last_step(rng, as_table):
    X = rng.normal(size=(80, 4, 1))
    y = X[:, 1, 0]
    X = X[:, :, 0] if as_table else X
    display = LagImportanceDisplay.from_estimator(network(linear_skip=2).fit(X, y), X)
    assert display.linear_lines_["channel 0"].get_xdata().tolist() == [1, 0]
    assert display.ax_[0].get_xlabel() == "steps before the last step"
    exact = LagImportanceDisplay.from_estimator(network().fit(X, y), X)
    np.testing.assert_allclose(exact.importances[:, 0], [0, X[:, :4].std(), 0, 0], atol=0.02)


def test_flat_windows_and_transformed_targets_reach_the_network(rows):
    X, y = rows
    window = SlidingWindowTransformer(3, horizon=1, flatten=True).set_output(transform="pandas")
    scaled = TransformedTargetRegressor(network(), transformer=StandardScaler())
    display = LagImportanceDisplay.from_estimator(make_pipeline(window, scaled).fit(X, y), X)
    expected = np.array([[0, 0], [3 * X["load"].std(), 0], [0, 2 * X["wind"].std()]]) / y.std()
    np.testing.assert_allclose(display.importances, expected, rtol=0.02, atol=0.02)


def test_each_output_is_measured_by_itself_and_of_quantiles_the_predicted_one(rng):
    X = rng.normal(size=(80, 3, 1))
    y = np.column_stack([X[:, 0, 0], X[:, 2, 0]])
    model = network(loss="quantile", quantile=(0.1, 0.4, 0.9)).fit(X, y)
    for output, lag in enumerate((0, 2)):
        display = LagImportanceDisplay.from_estimator(model, X, output=output)
        assert display.importances.argmax() == np.abs(display.linear).argmax() == lag
        np.testing.assert_allclose(display.linear, model.linear_coef_[3 * output + 1] * X.std())
    display = LagImportanceDisplay.from_estimator(model, X, y, kind="permutation", output=1, random_state=0)
    assert display.importances.argmax() == 2
    with pytest.raises(ValueError, match="output must be a whole number below 2"):
        LagImportanceDisplay.from_estimator(model, X, output=2)


def test_classifiers_are_measured_by_log_loss(rng):
    X = rng.normal(size=(80, 3, 6))
    y = np.where(X[:, 1, 4] > 0, "up", "down")
    model = GRUClassifier(4, max_iter=20, learning_rate_init=0.05, random_state=0).fit(X, y)
    display = LagImportanceDisplay.from_estimator(model, X, y, kind="permutation", n_repeats=1, random_state=0)
    assert np.unravel_index(display.importances.argmax(), (3, 6)) == (1, 4)
    display = LagImportanceDisplay.from_estimator(model, X)
    assert np.unravel_index(display.importances.argmax(), (3, 6)) == (1, 4)
    assert [line.get_label() for line in display.lines_.values()].count("others") == 2


def test_missing_steps_are_neither_counted_nor_shuffled(rows):
    X, y = rows
    X = X.mask(np.random.default_rng(1).random(X.shape) < 0.1)
    model = make_pipeline(SlidingWindowTransformer(3, horizon=1), network(missing="indicator")).fit(X, y)
    for kind in ("gradient", "permutation"):
        display = LagImportanceDisplay.from_estimator(model, X, y, kind=kind, random_state=0, subsample=50)
        assert np.isfinite(display.importances).all()
        assert np.unravel_index(display.importances.argmax(), (3, 2)) == (2, 1)


def test_what_cannot_be_measured_is_refused(rows):
    X, y = rows
    model = flat().fit(X, y)
    with pytest.raises(ValueError, match=r'needs a network of skrnn right behind.*Take kind="permutation"'):
        LagImportanceDisplay.from_estimator(model, X)
    with pytest.raises(ValueError, match="needs y"):
        LagImportanceDisplay.from_estimator(model, X, kind="permutation")
    with pytest.raises(ValueError, match="kind must be one of"):
        LagImportanceDisplay.from_estimator(model, X, kind="shap")
    with pytest.raises(ValueError, match="as many samples"):
        LagImportanceDisplay.from_estimator(model, X, y[1:], kind="permutation")


def test_an_answer_that_nothing_moves_is_said():
    display = LagImportanceDisplay(np.zeros((2, 1)), np.array([[1], [0]]), ["load"]).plot()
    assert display.ax_[0].get_title("left") == "No lag moves the answer"
