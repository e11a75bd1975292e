"""scikit-learn's HTML view says what a network has learnt."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

from skrnn import GRUClassifier, GRURegressor, LSTMRegressor, SlidingWindowTransformer

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def samples(rng):
    X = rng.normal(size=(30, 4, 2))
    return X, X[:, 0, 0] * X[:, 3, 1]


def test_the_view_of_a_fitted_network_names_parts_weights_and_anchor(samples):
    model = GRURegressor(2, max_iter=3).fit(*samples)
    assert "GRU and linear map of 4 steps; best epoch 3 of 3; no anchor" in model._repr_html_()
    model = LSTMRegressor(2, max_iter=2, linear_skip=False).fit(*samples)
    assert "LSTM without a linear map; best epoch 2 of 2; no anchor" in model._repr_html_()
    model = GRURegressor(2, max_iter=2, segment_size=2).fit(*samples)
    assert "GRU of 2 steps at a time and linear map of 4 steps; best epoch 2 of 2" in model._repr_html_()


def test_it_says_so_where_the_start_stays(samples):
    X, _ = samples
    y = X[:, 0, 0]  # to which a linear answer is exact
    model = GRURegressor(2, max_iter=2, learning_rate_init=0.5).fit(X, y, X_val=X, y_val=y)
    assert model.best_epoch_ == 0
    expected = "linear map of 4 steps alone, the GRU takes no part; none of 2 epochs is better; no anchor"
    assert expected in model._repr_html_()


def test_within_a_pipeline_it_names_the_anchor(series):
    model = make_pipeline(SlidingWindowTransformer(3, horizon=1), GRURegressor(2, max_iter=2, early_stopping=False))
    html = estimator_html_repr(model.fit(series, series["load"]))
    assert "GRU and linear map of 3 steps; best epoch 2 of 2; anchor: channel 0" in html


def test_classifiers_have_no_anchor_and_an_unfitted_view_says_nothing(samples):
    X, y = samples
    model = GRUClassifier(2, max_iter=2)
    assert "best epoch" not in model._repr_html_()
    assert "GRUClassifier" in model._repr_html_()
    html = model.fit(X, y > np.median(y))._repr_html_()
    assert "GRU without a linear map; best epoch 2 of 2<" in html


def test_the_view_keeps_the_parameters(samples):
    assert "hidden_size" in GRURegressor(2, max_iter=1).fit(*samples)._repr_html_()
