"""Networks and the linear start beside them: what the answer is, which of them stays, and how training goes on."""

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skrnn import GRUClassifier, LSTMClassifier, RNNClassifier
from skrnn._estimators.mixing import mixed

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
]
PARTS = {"network alone": 0, "mean": 1, "linear alone": 2}
FAR_BELOW = 0.7


def small(classifier=GRUClassifier, **params):
    params = {"hidden_size": 8, "max_iter": 15, "learning_rate_init": 0.05, "random_state": 0, **params}
    return classifier(**params)


def linear_start(**params):
    """A classifier that stays at the linear start."""
    return small(linear_skip=True, **{**params, "max_iter": 1, "learning_rate_init": 1e-12})


def sequences(rng, kind="mean", n=200):
    """Classes that a network, a linear map of the steps, or both can tell."""
    X = rng.normal(size=(n, 6, 2))
    of_network, of_linear = X[:, :, 0].max(axis=1) - 1.5, X[:, 2, 1] - X[:, 5, 1]
    return X, {"network alone": of_network, "mean": of_network + of_linear, "linear alone": of_linear}[kind] > 0


def three(X):
    return np.digitize(X[:, 3, 0] + X[:, :, 1].max(axis=1), [0.7, 1.7])


class Brier:
    """Squared distance of probabilities and indicators."""

    equivariant = False

    def width(self, n_targets):
        return n_targets

    def __call__(self, raw, y):
        return (self.predict(raw) - y).square().sum(1)

    def predict(self, raw):
        return torch.sigmoid(raw) if raw.shape[1] == 1 else torch.softmax(raw, 1)


class Indicators(Brier):
    """The same of outputs as they are, which follow the units of the indicators."""

    equivariant = True

    def predict(self, raw):
        return raw


@pytest.mark.parametrize("classifier", [GRUClassifier, LSTMClassifier, RNNClassifier])
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("params", [{}, {"norm": "batch", "missing": "indicator"}], ids=str)
def test_auto_is_the_mean_of_a_network_and_a_logistic_regression(rng, classifier, refit, params):
    X, _ = sequences(rng)
    y = three(X)
    params = {"classifier": classifier, "refit": refit, "max_iter": 4, **params}
    auto, network, linear = (
        make(**params).fit(X, y) for make in (small, lambda **p: small(linear_skip=False, **p), linear_start)
    )
    expected = (network.decision_function(X) + linear.decision_function(X)) / 2
    np.testing.assert_allclose(auto.decision_function(X), expected, rtol=1e-6, atol=1e-6)
    assert auto.uses_recurrence_
    assert auto.linear_steps_ == 6
    for name in ("loss_curve_", "validation_loss_curve_", "initial_loss_", "best_epoch_", "n_iter_"):
        assert getattr(auto, name) == getattr(network, name)
    np.testing.assert_allclose(auto.linear_coef_, linear.linear_coef_ / 2, rtol=1e-6, atol=1e-9)
    assert auto.n_parameters_ == linear.n_parameters_
    found, trained = auto.weights_, network.weights_
    np.testing.assert_array_equal(found["head.weight"], trained["head.weight"] / 2)
    assert all((found[name] == trained[name]).all() for name in trained if not name.startswith("head."))
    columns = np.einsum("kti,nti->nk", auto.linear_coef_, X) + auto.linear_intercept_
    np.testing.assert_array_equal(auto.predict(X, linear_only=True), columns.argmax(axis=1))


def test_the_regression_in_the_mean_is_that_of_scikit_learn(rng):
    X, y = sequences(rng)
    params = {"X_val": X[150:], "y_val": y[150:]}
    auto, network = (small(linear_skip=some).fit(X[:150], y[:150], **params) for some in ("auto", False))
    mean, std = X[:150].mean(axis=(0, 1)), X[:150].std(axis=(0, 1))
    columns = ((X - mean) / std).reshape(200, -1)
    regression = LogisticRegression(C=1, tol=1e-10, max_iter=5000).fit(columns[:150], y[:150])
    expected = (network.decision_function(X) + regression.decision_function(columns)) / 2
    np.testing.assert_allclose(auto.decision_function(X), expected, atol=1e-3)
    assert auto.best_loss_ == pytest.approx(log_loss(y[150:], auto.predict_proba(X[150:])), rel=1e-6)


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("loss", ["log_loss", Brier(), Indicators()], ids=["log_loss", "Brier", "Indicators"])
def test_one_alone_stays_where_its_held_out_loss_is_far_below_that_of_the_mean(rng, kind, loss):
    X, y = sequences(rng, kind)
    parts = {"X_val": X[150:], "y_val": y[150:]}
    fits = [
        make.fit(X[:150], y[:150], **parts) for make in (small(linear_skip=False, loss=loss), linear_start(loss=loss))
    ]
    auto = small(loss=loss).fit(X[:150], y[:150], **parts)
    answer = "predict_proba" if isinstance(loss, Indicators) else "decision_function"  # that of outputs in units of y
    answers = [getattr(model, answer)(X) for model in fits]
    answers.insert(1, (answers[0] + answers[1]) / 2)

    def held_out(scores):
        if isinstance(loss, Indicators):
            return np.mean((scores[150:, 1] - y[150:]) ** 2) / np.var(y[:150])
        p = 1 / (1 + np.exp(-scores[150:]))
        return log_loss(y[150:], p) if loss == "log_loss" else np.mean((p - y[150:]) ** 2)

    losses = [held_out(scores) for scores in answers]
    alone = min((0, 2), key=lambda i: losses[i])
    stays = alone if losses[alone] < FAR_BELOW * losses[1] else 1
    np.testing.assert_allclose(getattr(auto, answer)(X), answers[stays], rtol=1e-5, atol=1e-5)
    assert auto.best_loss_ == pytest.approx(losses[stays], rel=1e-5)
    if loss == "log_loss":
        assert stays == PARTS[kind]
    assert auto.linear_steps_ == (6 if stays else 0)
    assert auto.uses_recurrence_ == (stays < 2)
    assert auto.best_epoch_ == (fits[0].best_epoch_ if stays < 2 else 0)
    assert auto.n_iter_ == len(auto.validation_loss_curve_) == 15


def test_beside_a_network_that_learnt_nothing_the_lower_loss_decides(rng):
    X, _ = sequences(rng)
    y = X[:, 2, 1] - X[:, 5, 1] + 2 * rng.normal(size=200) > 0
    lost = {"learning_rate_init": 1e3, "max_iter": 2}
    for answers, start in ((y, "linear answer"), (np.r_[y[:150], ~y[150:]], "constant")):
        parts = {"X_val": X[150:], "y_val": answers[150:]}
        with pytest.warns(UserWarning, match=f"better on the held-out samples than the {start}, which stays") as caught:
            auto = small(**lost).fit(X[:150], y[:150], **parts)
        assert len(caught) == 1
        assert auto.best_epoch_ == 0
        assert not auto.uses_recurrence_
        if start == "constant":
            assert len(np.unique(auto.predict_proba(X)[:, 1])) == 1
            assert auto.linear_steps_ == 0
        else:
            linear, network = linear_start().fit(X[:150], y[:150], **parts), small(linear_skip=False, **lost)
            np.testing.assert_allclose(auto.decision_function(X), linear.decision_function(X), rtol=1e-6)
            mean = (linear.decision_function(X) + network.fit(X[:150], y[:150], **parts).decision_function(X)) / 2
            assert auto.best_loss_ > FAR_BELOW * log_loss(answers[150:], 1 / (1 + np.exp(-mean[150:])))


@pytest.mark.parametrize(
    ("kind", "solver"),
    [("network alone", "adam"), ("linear alone", "adam")]
    + [("mean", each) for each in ("adam", "adamw", "rmsprop", "sgd")],
)
def test_training_goes_on_from_what_stayed(rng, kind, solver, tmp_path):
    X, y = sequences(rng, kind)
    parts = {"X_val": X[150:], "y_val": y[150:]}
    model = small(warm_start=True).fit(X[:150], y[:150], **parts)
    assert (model.linear_steps_ > 0, model.uses_recurrence_) == ((PARTS[kind] > 0), PARTS[kind] < 2)
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    before = log_loss(y[150:], model.predict_proba(X[150:]))
    for again in (model, loaded):
        again.set_params(solver=solver, max_iter=2, learning_rate_init=1e-4).fit(X[:150], y[:150], **parts)
    assert model.initial_loss_ == loaded.initial_loss_
    assert model.best_loss_ == loaded.best_loss_ <= before + 1e-9
    assert model.validation_loss_curve_[15] == pytest.approx(before, rel=0.02)
    assert model.n_iter_ == 17
    model.partial_fit(X, y)
    assert model.n_iter_ == 18


@pytest.mark.parametrize("kind", ["mean", "linear alone"])
def test_weight_decay_pulls_to_the_linear_part_that_stayed(rng, kind):
    X, y = sequences(rng, kind)
    model = small(warm_start=True, solver="adamw").fit(X, y)
    before = model.linear_coef_
    model.set_params(weight_decay=30.0, max_iter=100, learning_rate_init=0.01, early_stopping=False).fit(X, y)
    np.testing.assert_allclose(model.linear_coef_, before, atol=0.15 * np.abs(before).max())
    assert np.abs(model.weights_["layers.0.directions.0.weight_hh_l0"]).max() < 0.05


def test_without_held_out_samples_or_a_summary_auto_is_the_network_alone(rng):
    X, y = sequences(rng)
    steps = np.repeat(y[:, None], 6, axis=1)
    for params, target in (({"early_stopping": False}, y), ({"return_sequences": True}, steps)):
        auto, network = (small(max_iter=2, linear_skip=some, **params).fit(X, target) for some in ("auto", False))
        np.testing.assert_array_equal(auto.predict_proba(X), network.predict_proba(X))
        assert auto.linear_steps_ == 0
    assert clone(auto).set_params(return_sequences=False).partial_fit(X, y).linear_steps_ == 0


def test_the_bar_counts_one_training(rng, capfd):
    X, y = sequences(rng, n=60)
    small(max_iter=3, verbose=1).fit(X, y)
    shown = capfd.readouterr().err
    assert "3/3" in shown
    assert "4/3" not in shown


def test_what_is_averaged_has_one_unit_also_where_training_is_repeated(rng, monkeypatch):
    X, y = sequences(rng)
    X[-20:] *= 30  # held out, so that the units of all samples are others
    seen = []

    def spy(trained, linear, share):
        seen.append((trained.units.x, linear.units.x))
        return mixed(trained, linear, share)

    for module in ("mixing", "fitting"):
        monkeypatch.setattr(f"skrnn._estimators.{module}.mixed", spy)
    for refit in (False, True):
        small(refit=refit).fit(X, y)
    assert len(seen) >= 2
    for of_network, of_linear in seen:
        np.testing.assert_array_equal(of_network.mean, of_linear.mean)
        np.testing.assert_array_equal(of_network.std, of_linear.std)
