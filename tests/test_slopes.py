"""Slopes are the derivatives of the answers by each value of X."""

import numpy as np
import pytest

from skrnn import GRUClassifier, GRURegressor, LSTMRegressor, RNNRegressor
from skrnn._estimators.slopes import slopes

pytestmark = pytest.mark.filterwarnings("ignore")


OFF = 0.01  # from the values of the fit: at the lowest and the highest of them, answers have a kink


def by_differences(answer, X, eps=1e-5):
    """Central differences (n, output, step, channel); 0 at NaN."""
    found = np.zeros((len(X), answer(X).reshape(len(X), -1).shape[1], *X.shape[1:]))
    for step in range(X.shape[1]):
        for channel in range(X.shape[2]):
            up, down = X.copy(), X.copy()
            up[:, step, channel] += eps
            down[:, step, channel] -= eps
            change = (answer(up) - answer(down)).reshape(len(X), -1) / (2 * eps)
            found[:, :, step, channel] = np.where(np.isnan(X[:, step, channel])[:, None], 0, change)
    return found


def samples(rng, *, holes=False):
    """Windows of two channels, and the next value of the first, which drifts."""
    series = np.column_stack([np.cumsum(rng.normal(size=70)) * 3 + 50, rng.normal(size=70)])
    X = np.lib.stride_tricks.sliding_window_view(series[:-1], 5, axis=0).transpose(0, 2, 1).copy()
    y = series[5:, 0].copy()
    if holes:
        X[3::5, 1, 0] = np.nan
        X[4::7, 4, 1] = np.nan
        X[5::9, 4] = np.nan
    return X, y


@pytest.mark.parametrize("anchor", ["auto", "last", None])
@pytest.mark.parametrize("missing", ["skip", "indicator"])
@pytest.mark.parametrize("Regressor", [GRURegressor, LSTMRegressor, RNNRegressor])
def test_slopes_are_derivatives_also_through_the_anchor_and_beside_holes(Regressor, missing, anchor, rng):
    X, y = samples(rng, holes=True)
    X[0] = np.nan
    model = Regressor(3, max_iter=3, missing=missing, anchor=anchor, learning_rate_init=0.05, random_state=0)
    model.fit(X[10:], y[10:])
    assert (model.anchor_ is None) == (anchor is None)
    np.testing.assert_allclose(slopes(model, X + OFF), by_differences(model.predict, X + OFF), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", ["skip", "indicator"])
@pytest.mark.parametrize("scaling", ["mean", "std"])
def test_slopes_are_derivatives_also_through_the_size(scaling, missing, rng):
    X, y = samples(rng, holes=True)
    X[0] = np.nan
    learning = {"max_iter": 3, "learning_rate_init": 0.05, "random_state": 0}
    model = GRURegressor(3, missing=missing, scaling=scaling, loss="gaussian", **learning)
    model.fit(X[10:, :, ::-1], 2 * y[10:] + 3)
    np.testing.assert_array_equal(model.anchor_, [1])
    X = X[:, :, ::-1]
    np.testing.assert_allclose(slopes(model, X), by_differences(model.predict, X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", ["skip", "indicator"])
@pytest.mark.parametrize("scaling", ["mean", None])
def test_changes_far_beyond_those_of_the_fit_move_nothing_but_from_their_last_value(scaling, missing, rng):
    X, y = samples(rng, holes=True)
    learning = {"max_iter": 5, "learning_rate_init": 0.05, "early_stopping": False, "random_state": 0}
    model = GRURegressor(3, missing=missing, scaling=scaling, **learning).fit(X[10:], y[10:])
    jumped = X[:12].copy()
    jumped[:6, :3, 0] += 500
    jumped[6:, :2, 0] -= 70
    found = slopes(model, jumped)
    np.testing.assert_allclose(found, by_differences(model.predict, jumped), rtol=1e-4, atol=1e-5)
    assert scaling is not None or not found[:6, 0, :3, 0].any()


def test_values_beyond_those_of_the_fit_fade(rng):
    X, y = samples(rng)
    model = GRURegressor(3, max_iter=5, learning_rate_init=0.05, early_stopping=False, random_state=0).fit(X, y)
    far = X[:4] + np.array([[[60.0, 0.0]]])
    near = X[:4] + np.array([[[X[..., 0].max() - X[:4, :, 0].min() + 0.1, 0.0]]])
    for shifted in (far, near):
        np.testing.assert_allclose(slopes(model, shifted), by_differences(model.predict, shifted), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)},
        {"loss": "gaussian"},
        {"loss": "poisson"},
        {"linear_skip": False},
    ],
)
def test_slopes_are_those_of_the_answers_for_each_loss(options, rng):
    X, y = samples(rng)
    model = GRURegressor(3, max_iter=3, early_stopping=False, random_state=0, **options).fit(X, np.abs(y))
    np.testing.assert_allclose(slopes(model, X + OFF), by_differences(model.predict, X + OFF), rtol=1e-4, atol=1e-5)


def test_several_outputs_have_slopes_of_their_own(rng):
    X, y = samples(rng)
    model = GRURegressor(3, max_iter=3, random_state=0, bidirectional=True, norm="layer", pooling="attention")
    model.fit(X, np.column_stack([y, X[:, 2, 1]]))
    found = slopes(model, X)
    assert found.shape == (len(X), 2, 5, 2)
    np.testing.assert_allclose(found, by_differences(model.predict, X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_slopes_of_a_classifier_are_those_of_its_decision_function(n_classes, rng):
    X, _ = samples(rng)
    model = GRUClassifier(3, max_iter=3, pooling="mean", random_state=0).fit(X, np.arange(len(X)) % n_classes)
    np.testing.assert_allclose(slopes(model, X), by_differences(model.decision_function, X), rtol=1e-4, atol=1e-6)


def test_a_linear_model_has_its_coefficients_as_slopes(rng):
    X, y = samples(rng)
    model = GRURegressor(3, max_iter=1, learning_rate_init=1e-12, early_stopping=False, random_state=0).fit(X, y)
    np.testing.assert_allclose(slopes(model, X), np.broadcast_to(model.linear_coef_, (len(X), 1, 5, 2)), atol=1e-6)


def test_an_answer_at_each_step_is_refused(rng):
    X, _ = samples(rng)
    model = GRURegressor(2, max_iter=1, return_sequences=True).fit(X, X[:, :, 0])
    with pytest.raises(ValueError, match="one answer for each sequence"):
        slopes(model, X)
