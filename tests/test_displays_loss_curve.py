"""LossCurveDisplay shows the curves of the fit, the loss before training and the best epoch."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from skrnn import GRUClassifier, GRURegressor, LossCurveDisplay, SlidingWindowTransformer

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("plt")]


@pytest.fixture
def samples(rng):
    X = rng.normal(size=(60, 4, 1))
    return X, X[:, 0, 0] * X[:, 3, 0]


def test_both_curves_are_those_of_the_fit_and_the_held_out_one_begins_before_training(samples):
    model = GRURegressor(2, max_iter=4, learning_rate_init=0.05, random_state=0).fit(*samples)
    display = LossCurveDisplay.from_estimator(model)
    assert display.train_line_.get_xdata().tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(display.train_line_.get_ydata(), model.loss_curve_)
    assert display.validation_line_.get_xdata().tolist() == [0, 1, 2, 3, 4]
    expected = [model.initial_loss_, *model.validation_loss_curve_]
    np.testing.assert_array_equal(display.validation_line_.get_ydata(), expected)
    assert set(display.initial_line_.get_ydata()) == {model.initial_loss_}
    assert set(display.best_line_.get_xdata()) == {model.best_epoch_} == {int(np.argmin(expected))}
    assert display.ax_.figure is display.figure_
    assert "linear start" in display.ax_.get_ylabel()


def test_without_held_out_samples_there_is_one_curve_and_the_last_epoch_stays(samples):
    model = GRURegressor(2, max_iter=3, early_stopping=False, linear_skip=False).fit(*samples)
    display = LossCurveDisplay.from_estimator(model)
    assert display.validation_line_ is None
    assert set(display.best_line_.get_xdata()) == {3}
    assert display.initial_line_.get_label() == "constant answer"
    assert f"{model.loss_curve_[-1]:.3g}" in display.ax_.get_title("left")


def test_a_start_that_stays_is_said_in_the_title():
    display = LossCurveDisplay([0.9, 0.8], 1.0, 0, validation_loss_curve=[1.1, 1.2], start="linear start").plot()
    assert display.ax_.get_title("left") == "No epoch of training is better than the answer without it"
    assert set(display.best_line_.get_xdata()) == {0}


def test_held_out_losses_of_the_last_epochs_alone_stand_at_these(samples):
    model = GRURegressor(2, max_iter=2, early_stopping=False, warm_start=True).fit(*samples)
    model.set_params(early_stopping=True).fit(*samples)
    display = LossCurveDisplay.from_estimator(model)
    assert display.train_line_.get_xdata().tolist() == [1, 2, 3, 4]
    assert display.validation_line_.get_xdata().tolist() == [3, 4]
    np.testing.assert_array_equal(display.validation_line_.get_ydata(), model.validation_loss_curve_)


def test_the_network_is_found_in_searches_and_pipelines(series):
    pipeline = make_pipeline(SlidingWindowTransformer(3, horizon=1), GRURegressor(2, max_iter=2))
    search = GridSearchCV(pipeline, {"gruregressor__max_iter": [2]}, cv=TimeSeriesSplit(2)).fit(series, series["load"])
    display = LossCurveDisplay.from_estimator(search)
    assert display.loss_curve == search.best_estimator_[-1].loss_curve_


def test_classifiers_name_their_loss(samples):
    display = LossCurveDisplay.from_estimator(GRUClassifier(2, max_iter=2).fit(samples[0], samples[1] > 0))
    assert display.ax_.get_ylabel() == "log loss"
    assert display.initial_line_.get_label() == "constant answer"  # the trained network has no linear map


def test_models_without_a_network_and_unfitted_ones_are_refused(samples):
    with pytest.raises(ValueError, match="ends with a Ridge"):
        LossCurveDisplay.from_estimator(make_pipeline(Ridge()).fit(samples[0][:, 0], samples[1]))
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(GRURegressor())


def test_axes_and_style_of_the_user_are_used_and_nothing_global_changes(plt):
    settings = dict(mpl.rcParams)
    _, (_, ax) = plt.subplots(1, 2)
    display = LossCurveDisplay([0.9, 0.8], 1.0, 2).plot(ax, line_kwargs={"lw": 3, "color": "k"})
    assert display.ax_ is ax
    assert display.train_line_.get_linewidth() == 3
    assert display.train_line_.get_color() == "k"
    assert plt.get_fignums() == [1]
    assert dict(mpl.rcParams) == settings


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_marks_have_the_colour_of_text(style, plt):
    with plt.style.context(style):
        display = LossCurveDisplay([0.9, 0.8], 1.0, 2).plot()
        assert display.best_line_.get_color() == mpl.rcParams["text.color"]


def test_without_matplotlib_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"LossCurveDisplay\.plot requires matplotlib"):
        LossCurveDisplay([0.9], 1.0, 1).plot()
