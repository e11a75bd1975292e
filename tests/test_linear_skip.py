"""The linear map beside the recurrent layers: padding, gaps, weights, units, and the same numbers on every route."""

import warnings

import numpy as np
import pytest
from conftest import REGRESSORS, ar_series, windows
from sklearn.linear_model import LogisticRegression

from skrnn import GRUClassifier, GRURegressor, RNNClassifier, pad_sequences

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
]


def small(**params):
    return GRURegressor(**{"hidden_size": 4, "max_iter": 3, "random_state": 0, **params})


@pytest.mark.parametrize("missing", ["skip", "indicator"])
@pytest.mark.parametrize("segment_size", [1, 3])
@pytest.mark.parametrize("n_steps", [True, 4])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("anchor", ["auto", "last", None])
def test_the_compiled_network_is_that_of_torch(rng, monkeypatch, missing, segment_size, n_steps, gaps, anchor):
    x = ar_series(rng, 300).cumsum()
    X = np.lib.stride_tricks.sliding_window_view(np.stack([x, rng.normal(size=300)], axis=1), 6, axis=0)[:-1]
    X, y = X.swapaxes(1, 2).copy(), x[6:]
    if gaps:
        X[rng.random(X.shape) < 0.1] = np.nan
    params = {"linear_skip": n_steps, "segment_size": segment_size, "missing": missing, "batch_size": 32}
    params |= {"anchor": anchor, "early_stopping": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # steps that are lost, sequences without any
        compiled = small(**params).fit(X, y)
        answers = [compiled.predict(some) for some in (X, X[:, 3:])]
        monkeypatch.setattr("skrnn._model.engine.kernel_of", lambda *_: None)
        by_torch = small(**params).fit(X, y)
        np.testing.assert_allclose(answers[0], by_torch.predict(X), rtol=1e-8)
        np.testing.assert_allclose(answers[1], by_torch.predict(X[:, 3:]), rtol=1e-8)
    assert (compiled.anchor_ is None) == (anchor is None)


WEIGHTED = {
    "squared error": (GRURegressor, {}),
    "absolute error": (GRURegressor, {"loss": "absolute_error"}),
    "poisson": (GRURegressor, {"loss": "poisson"}),
    "two classes": (GRUClassifier, {"class_weight": "balanced", "linear_skip": True}),
    "three classes": (GRUClassifier, {"class_weight": {0: 3.0}, "linear_skip": True}),
}
SLOW = {"poisson", "three classes"}


@pytest.mark.parametrize(
    "task", [pytest.param(task, marks=[pytest.mark.slow, pytest.mark.numbers] * (task in SLOW)) for task in WEIGHTED]
)
def test_only_proportions_of_weights_count_and_equal_rows_count_as_one_of_their_weight(rng, task):
    kind, params = WEIGHTED[task]
    X = rng.normal(size=(60, 12, 2))  # few rows for 24 numbers: what a penalty is relative to shows
    y = rng.poisson(np.exp(0.5 * X[:, -1, 0] + 0.3 * rng.normal(size=60)))
    y = np.minimum(y, {"two classes": 1, "three classes": 2}.get(task, 99))
    y = y.astype(float) if kind is GRURegressor else y

    def answers(weight, X_fit=X, y_fit=y):
        params_of_one_batch = {"max_iter": 2, "batch_size": 1000, "early_stopping": False, "random_state": 0}
        model = kind(3, **params_of_one_batch, **params).fit(X_fit, y_fit, weight)
        return (model.predict if kind is GRURegressor else model.predict_proba)(X)

    alike, counts, fractions = np.ones(60), rng.integers(1, 5, 60), rng.random(60)
    for weight in (alike, counts, fractions):
        expected = answers(weight)
        for factor in (1 / 60, 7.0, 1e6) if weight is counts else (0.1, 1e300):
            np.testing.assert_allclose(answers(factor * weight), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(answers(None), answers(alike))
    repeated = answers(None, X.repeat(counts, axis=0), y.repeat(counts))
    np.testing.assert_allclose(answers(counts), repeated, rtol=1e-6, atol=1e-8)
    counts[5:20] = 0
    removed = answers(counts[counts > 0], X[counts > 0], y[counts > 0])
    np.testing.assert_allclose(answers(counts * 1e-300), removed, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("classifier", [GRUClassifier, RNNClassifier])
def test_classes_of_a_linear_rule_are_learnt_through_the_map(rng, classifier):
    X = rng.normal(size=(1200, 30, 2))
    y = np.where(X[:, 3, 0] + X[:, 20, 1] > 0, "yes", "no")
    model = classifier(4, linear_skip=True, max_iter=5, random_state=0).fit(X[:900], y[:900])
    of_rule = LogisticRegression().fit(X[:900].reshape(900, -1), y[:900])
    assert model.score(X[900:], y[900:]) > of_rule.score(X[900:].reshape(300, -1), y[900:]) - 0.02 > 0.88


@pytest.mark.parametrize("regressor", REGRESSORS)
@pytest.mark.parametrize("anchor", ["auto", None])
def test_steps_one_by_one_end_with_the_prediction(regressor, anchor, rng):
    X, y = windows(ar_series(rng), 7)
    X = X.copy()
    X[::3, :2] = np.nan
    model = regressor(4, linear_skip=5, anchor=anchor, max_iter=2, early_stopping=False, random_state=0)
    model.fit(X, y)
    state = None
    for step in range(7):
        found, state = model.predict_step(X[:, step], state)
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-9)
    some, _ = model.predict_step(X[:9, 0], tuple(array[:, :9] for array in state))
    assert some.shape == (9,)
    with pytest.raises(ValueError, match="state must"):
        model.predict_step(X[:, 0], (*state, state[0]))


@pytest.mark.parametrize("anchor", ["auto", None])
@pytest.mark.parametrize(
    "params",
    [{}, {"loss": "absolute_error"}, {"loss": "huber"}, {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}],
    ids=str,
)
def test_units_do_not_matter(rng, params, anchor):
    X, y = windows(ar_series(rng), 5)
    params = {"early_stopping": False, "anchor": anchor, **params}
    model, other = small(**params).fit(X, y), small(**params).fit(100 * X - 7, 10 * y + 3)
    np.testing.assert_allclose(other.predict(100 * X - 7), 10 * model.predict(X) + 3, rtol=1e-5, atol=1e-6)


def test_spreads_and_quantiles_lie_around_the_linear_answer(rng):
    X, y = windows(ar_series(rng, 3000), 5)
    mean, std = small(loss="gaussian", max_iter=20).fit(X, y).predict(X, return_std=True)
    assert np.std(y - mean) == pytest.approx(1, rel=0.1)
    np.testing.assert_allclose(std, 1, rtol=0.2)  # the noise of the series
    quantiles = small(loss="quantile", quantile=(0.1, 0.9), max_iter=20).fit(X, y).predict_quantiles(X)
    assert np.mean(y < quantiles[:, 0]) == pytest.approx(0.1, abs=0.03)
    assert np.mean(y < quantiles[:, 1]) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("estimator", [GRURegressor, RNNClassifier])
@pytest.mark.parametrize("linear_skip", [True, 3])
@pytest.mark.parametrize("options", [{}, {"norm": "layer"}, {"missing": "indicator"}], ids=str)
def test_padding_in_front_behind_or_none_is_the_same(rng, estimator, linear_skip, options):
    sequences = [rng.normal(size=(length, 2)) for length in rng.integers(2, 9, 40)]
    if not options:
        sequences[0][1] = np.nan  # a hole stays in its place
    front = pad_sequences(sequences)
    behind = np.full_like(front, np.nan)
    for row, sequence in zip(behind, sequences, strict=True):
        row[: len(sequence)] = sequence
    more = np.concatenate([behind, np.full((40, 3, 2), np.nan)], axis=1)
    y = front[:, -1, 0]
    y = y > 0 if estimator is RNNClassifier else y
    models = [estimator(4, linear_skip=linear_skip, max_iter=3, random_state=0, **options) for _ in range(3)]
    answer = "decision_function" if estimator is RNNClassifier else "predict"
    expected = getattr(models[0].fit(front, y), answer)(front)
    for model, X in zip(models[1:], (behind, more), strict=True):
        np.testing.assert_allclose(getattr(models[0], answer)(X), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(getattr(model.fit(X, y), answer)(X), expected, rtol=1e-9, atol=1e-12)
    alone = [getattr(models[0], answer)(sequence[None]) for sequence in sequences]
    np.testing.assert_allclose(np.concatenate(alone), expected, rtol=1e-9, atol=1e-12)
