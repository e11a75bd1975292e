"""What all classifiers do alike: labels, probabilities, class weights, hold-outs, an answer at each step."""

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import one_for_all
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import compute_class_weight, compute_sample_weight

from skrnn import GRUClassifier, LSTMClassifier, RNNClassifier, pad_sequences

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CLASSIFIERS = [GRUClassifier, LSTMClassifier, RNNClassifier]


@pytest.fixture(params=one_for_all(*CLASSIFIERS), ids=lambda classifier: classifier.__name__)
def classifier(request):
    return request.param


def small(classifier, **params):
    return classifier(**{"hidden_size": 8, "max_iter": 40, "learning_rate_init": 0.02, "random_state": 0, **params})


@pytest.fixture
def data(rng):
    """Sums of sequences in three classes."""
    X = rng.normal(size=(120, 6, 2))
    return X, np.digitize(X[:, :, 0].sum(1), [-1, 1])


LABELS = {
    "numbers": np.array([10, 20, 30]),
    "floats": np.array([0.0, 1.0, 2.0]),
    "text": np.array(["low", "middle", "high"]),
    "objects": np.array(["low", "middle", "high"], dtype=object),
    "booleans": np.array([False, True, True]),
    "pandas": pd.Series(["low", "middle", "high"], dtype="category"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_any_kind_of_label_is_learnt_and_given_back(classifier, data, kind):
    X, codes = data
    labels = np.asarray(LABELS[kind])[codes]
    y = pd.Series(labels, dtype="category") if kind == "pandas" else labels
    model = small(classifier, pooling="last", early_stopping=False).fit(X, y)
    assert model.score(X, y) > 0.85
    assert set(model.predict(X)) <= set(labels.tolist())
    np.testing.assert_array_equal(model.classes_, np.unique(labels))


def test_probabilities_and_decisions_agree_with_labels(classifier, data):
    X, y = data
    model = small(classifier).fit(X, y)
    probabilities, scores = model.predict_proba(X), model.decision_function(X)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    np.testing.assert_allclose(probabilities, np.exp(scores) / np.exp(scores).sum(1, keepdims=True))
    np.testing.assert_array_equal(model.predict(X), probabilities.argmax(1))
    binary = small(classifier).fit(X, y > 0)
    probabilities, scores = binary.predict_proba(X), binary.decision_function(X)
    assert scores.shape == (120,)
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-scores)))
    np.testing.assert_array_equal(binary.predict(X), scores > 0)


def test_the_training_loss_is_the_log_loss(classifier, data):
    X, y = data
    for target in (y, y > 0):
        model = small(classifier, max_iter=1, learning_rate_init=1e-12, early_stopping=False).fit(X, target)
        assert model.loss_ == pytest.approx(log_loss(target, model.predict_proba(X)), rel=1e-6)


def test_class_weights_are_sample_weights(classifier, data):
    X, y = data
    y[:60] = 0  # so that classes differ in size
    for class_weight in ("balanced", {0: 1.0, 2: 3.0}):
        weighted = small(classifier, class_weight=class_weight, early_stopping=False).fit(X, y)
        weight = compute_sample_weight(class_weight, y)
        other = small(classifier, early_stopping=False).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(weighted.predict_proba(X), other.predict_proba(X), rtol=1e-6)
    weight = np.random.default_rng(0).integers(1, 4, size=120)
    one_batch = small(classifier, class_weight="balanced", batch_size=1000, max_iter=10, early_stopping=False)
    repeated = clone(one_batch).fit(X.repeat(weight, 0), y.repeat(weight)).predict_proba(X)
    np.testing.assert_allclose(clone(one_batch).fit(X, y, sample_weight=weight).predict_proba(X), repeated, rtol=1e-6)


def test_the_last_of_each_class_are_held_out(data):
    X, y = data
    y = np.sort(y)
    held_out = np.concatenate(
        [np.flatnonzero(y == label)[-int(np.ceil(0.2 * (y == label).sum())) :] for label in (0, 1, 2)]
    )
    kept = np.setdiff1d(np.arange(120), held_out)
    own = small(GRUClassifier, early_stopping=True, validation_fraction=0.2, refit=False).fit(X, y)
    given = small(GRUClassifier, early_stopping=True)
    given.fit(X[kept], y[kept], X_val=X[held_out], y_val=y[held_out])
    assert own.validation_loss_curve_ == given.validation_loss_curve_


def test_partial_fit_takes_classes_that_come_later(classifier, data):
    X, y = data
    model = small(classifier)
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    for _ in range(60):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.score(X, y) > 0.8
    with pytest.raises(ValueError, match=r"labels that are not among the classes of the fit: \[7\]"):
        model.partial_fit(X[:2], [0, 7])
    stranger = small(classifier).partial_fit(X[y < 2], y[y < 2])
    with pytest.raises(ValueError, match=r"not among the classes of the fit: \[2\]"):
        stranger.partial_fit(X, y)


def stream(rng, labels, n=60):
    """A batch of labels of three, of which the last step tells."""
    y = np.array(labels)[rng.integers(0, len(labels), n)]
    X = 0.5 * rng.normal(size=(n, 5, 2))
    X[:, -1, 0] += np.select([y == "a", y == "c"], [-2.0, 2.0], 0.0)
    return X, y


@pytest.mark.parametrize("params", [{}, {"class_weight": "balanced"}, {"linear_skip": True}], ids=str)
@pytest.mark.parametrize("first", [["a", "b"], ["b", "c"], ["b"]], ids="".join)
def test_a_class_that_the_first_batch_lacks_is_learnt_when_it_comes(rng, params, first):
    model = small(GRUClassifier, **params)
    model.partial_fit(*stream(rng, first), classes=["a", "b", "c"])
    for _ in range(60):
        model.partial_fit(*stream(rng, ["a", "b", "c"]))
    X, y = stream(rng, ["a", "b", "c"], 300)
    for label in "abc":
        assert (model.predict(X[y == label]) == label).mean() > 0.75


@pytest.mark.parametrize("other", ["zz", "aa"])
def test_a_stream_may_start_with_one_class_only(rng, other):
    def batch(labels):
        X, y = stream(rng, labels)
        return X, np.where(y == "c", other, "mm")

    model = small(GRUClassifier).partial_fit(*batch(["a"]), classes=["mm", other])
    for _ in range(40):
        model.partial_fit(*batch(["a", "a", "c"]))
    X, y = batch(["a", "c"])
    assert model.score(X, y) > 0.95


def test_balanced_weights_of_a_stream_are_those_of_all_its_rows_so_far(data):
    X, y = data
    y = np.where(np.arange(120) < 60, y > 0, y > 1)  # in other shares in the second half
    parts = small(GRUClassifier, class_weight="balanced", linear_skip=False)
    parts.partial_fit(X[:60], y[:60]).partial_fit(X[60:], y[60:])
    zero, one = compute_class_weight("balanced", classes=np.array([0, 1]), y=y)
    by_hand = small(GRUClassifier, linear_skip=False)
    by_hand.partial_fit(X[:60], y[:60], sample_weight=compute_sample_weight("balanced", y[:60]))
    by_hand.partial_fit(X[60:], y[60:], sample_weight=np.where(y[60:] > 0, one, zero))
    np.testing.assert_allclose(parts.predict_proba(X), by_hand.predict_proba(X))


BAD_Y = {
    "one class": (np.zeros(120), "at least 2 classes in the data, but the data contains only one class"),
    "numbers": (np.linspace(0, 1, 120), "Unknown label type: continuous"),
    "two columns": (np.zeros((120, 2), dtype=int), "y should be a 1d array"),
    "nan": (np.full(120, np.nan), "Input y contains NaN"),
    "none": (None, "requires y to be passed, but the target y is None"),
    "other length": (np.arange(7) % 2, "inconsistent numbers of samples"),
}


@pytest.mark.parametrize("name", BAD_Y)
def test_bad_labels_are_refused_in_words(data, name):
    y, words = BAD_Y[name]
    model = small(GRUClassifier)
    with pytest.raises(ValueError, match=words):
        model.fit(data[0], y)
    assert vars(model) == vars(clone(model))


def test_bad_class_weights_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="'class_weight' parameter of GRUClassifier must be"):
        small(GRUClassifier, class_weight="even").fit(X, y)
    with pytest.raises(ValueError, match=r"classes, \[1, 2\], are not in class_weight, which names .* lacks: \[9\]"):
        small(GRUClassifier, class_weight={0: 1.0, 9: 1.0}).fit(X, y)
    for factor in (-1.0, np.nan, np.inf, "2", None):
        with pytest.raises(ValueError, match=r"class_weight must hold finite numbers .* label 1\."):
            small(GRUClassifier, class_weight={0: 1.0, 1: factor, 2: 1.0}).fit(X, y)
    with pytest.raises(ValueError, match="class_weight gives all samples the weight 0"):
        small(GRUClassifier, class_weight={0: 0.0, 1: 0.0, 2: 0}).fit(X, y)


@pytest.mark.parametrize("factor", [1e-300, 1e-6, 1e300])
def test_only_proportions_of_class_weights_count(data, factor):
    X, y = data
    one, other = (small(GRUClassifier, max_iter=2, class_weight={0: f, 1: f, 2: 3 * f}) for f in (1.0, factor))
    np.testing.assert_allclose(one.fit(X, y).predict_proba(X), other.fit(X, y).predict_proba(X), rtol=1e-6)


def running(rng, n=60, n_steps=8):
    """Sequences padded in front, and for each step whether the sum so far is positive."""
    lengths = rng.integers(3, n_steps + 1, size=n)
    sequences = [rng.normal(size=(length, 1)) for length in lengths]
    labels = [np.where(sequence[:, 0].cumsum() > 0, "up", "down") for sequence in sequences]
    return pad_sequences(sequences), pad_sequences(labels)


def test_each_step_gets_a_label_and_skipped_ones_do_not_count(classifier, rng):
    X, y = running(rng)
    observed = ~np.isnan(X[:, :, 0])
    model = small(classifier, return_sequences=True, max_iter=150).fit(X, y)
    found = model.predict(X)
    assert found.shape == y.shape
    assert model.predict_proba(X).shape == (*y.shape, 2)
    assert model.decision_function(X).shape == y.shape
    assert (found[observed] == y[observed]).mean() > 0.9
    assert model.score(X, y) == pytest.approx((found[observed] == y[observed]).mean())
    spoilt = np.where(observed, y, "never seen")
    np.testing.assert_array_equal(clone(model).fit(X, spoilt).predict(X), found)
    weighted = clone(model).set_params(class_weight={"up": 5.0}).fit(X, y).predict(X)
    assert (weighted == "up").sum() > (found == "up").sum()


def test_labels_of_steps_are_checked(rng):
    X, y = running(rng)
    model = small(GRUClassifier, return_sequences=True)
    with pytest.raises(ValueError, match=r"needs y of shape \(n_samples, n_steps\) .* = \(60, 8\) as in X"):
        model.fit(X, y[:, 0])
    y[0, -1] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN at steps that X observes"):
        model.fit(X, y)


def test_a_search_and_a_saved_file_work(data, tmp_path):
    X, y = data
    brief = small(GRUClassifier, max_iter=3)
    search = GridSearchCV(brief, {"pooling": ["last", "attention"], "class_weight": [None, "balanced"]}, cv=3)
    search.fit(X, y)
    joblib.dump(search, tmp_path / "search.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "search.joblib").predict(X), search.predict(X))
    assert cross_val_score(brief, X, y, cv=3, scoring="neg_log_loss").shape == (3,)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"rare": 1.0, "other": 5.0}])
def test_swapped_names_give_swapped_probabilities(rng, share, class_weight):
    X = rng.normal(size=(200, 6, 2))
    score = X[:, -1, 0] + 0.5 * X[:, -2, 1] + 0.3 * rng.normal(size=200)
    y = np.where(score > np.quantile(score, 1 - share), "rare", "other")
    names = {"rare": "a", "other": "z"}
    found = []
    for swap in (names, {"rare": "z", "other": "a"}):
        weight = {swap[name]: w for name, w in class_weight.items()} if isinstance(class_weight, dict) else class_weight
        model = small(GRUClassifier, linear_skip=True, max_iter=3, class_weight=weight)
        model.fit(X, [swap[label] for label in y])
        found.append(model.predict_proba(X)[:, model.classes_ == swap["rare"]][:, 0])
    np.testing.assert_allclose(*found, atol=1e-6)
    assert log_loss(y == "rare", found[0]) < (0.35 if class_weight is None else 0.8)


def test_auto_is_no_linear_map_where_nothing_is_held_out_or_steps_are_answered(rng):
    X = rng.normal(size=(60, 5, 1))
    y = X[:, -1, 0] > 0
    for model in (
        small(GRUClassifier, max_iter=2, early_stopping=False).fit(X, y),
        small(GRUClassifier).partial_fit(X, y),
        small(GRUClassifier, max_iter=2, return_sequences=True).fit(X, X[:, :, 0] > 0),
    ):
        assert model.linear_steps_ == 0
        assert not hasattr(model, "linear_coef_")
        with pytest.raises(ValueError, match="linear_only=True needs a linear map, but this GRUClassifier was fitted"):
            model.predict(X, linear_only=True)
