"""Fits and readings in several threads: an answer is that of one fit, a second fit meanwhile is refused, and what fails
changes nothing."""

import copy
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone

from skrnn import GRUClassifier, GRURegressor, SlidingWindowTransformer, _learning
from skrnn._learning import as_it_is_now, learns
from skrnn._model.model import Model
from skrnn._windows import transformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Learner(BaseEstimator):
    """Learns what a function gives."""

    def __init__(self, size=1):
        self.size = size

    @learns
    def fit(self, learn):
        learn(self)
        return self

    @learns
    def fit_transform(self, learn):
        learn(self)
        return "answer"


def learn_both(learner):
    learner.first_ = 1
    learner.second_ = 2


def test_what_is_learnt_appears_at_once():
    estimator = Learner()

    def learn(learner):
        learner.first_ = 1
        assert vars(estimator) == {"size": 1}
        learner.second_ = 2

    assert estimator.fit(learn) is estimator
    assert vars(estimator) == {"size": 1, "first_": 1, "second_": 2}
    assert Learner().fit_transform(learn_both) == "answer"


def test_a_later_fit_takes_away_what_it_does_not_learn():
    estimator = Learner().fit(learn_both)

    def unlearn(learner):
        del learner.first_
        learner.third_ = 3

    estimator.fit(unlearn)
    assert vars(estimator) == {"size": 1, "second_": 2, "third_": 3}


def test_what_others_set_meanwhile_stays():
    estimator = Learner().fit(learn_both)

    def learn(learner):
        estimator.set_params(size=2)
        estimator.note = "kept"
        assert learner.size == 1
        learner.second_ = 4

    estimator.fit(learn)
    assert vars(estimator) == {"size": 2, "note": "kept", "first_": 1, "second_": 4}


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_a_fit_that_fails_changes_nothing_at_any_time(error):
    estimator = Learner().fit(learn_both)
    before = dict(vars(estimator))

    def fail(learner):
        learner.first_ = 3
        assert vars(estimator) == before
        raise error

    with pytest.raises(error):
        estimator.fit(fail)
    assert vars(estimator) == before
    estimator.fit(learn_both)  # and the next one is not refused


def test_a_second_fit_meanwhile_is_refused():
    estimator, other = Learner(), Learner()

    def learn(learner):
        with pytest.raises(RuntimeError, match="This Learner is being fitted already"):
            estimator.fit_transform(learn_both)
        other.fit(learn_both)
        clone(estimator).fit(learn_both)
        pickle.loads(pickle.dumps(estimator)).fit(learn_both)
        copy.deepcopy(estimator).fit(learn_both)
        learner.first_ = 5

    estimator.fit(learn)
    assert vars(estimator) == {"size": 1, "first_": 5}
    assert not _learning._under_way


def test_a_copy_to_read_from_stays_as_it_is():
    estimator = Learner().fit(learn_both)
    now = as_it_is_now(estimator)
    estimator.fit(lambda learner: setattr(learner, "first_", 7))
    assert vars(now) == {"size": 1, "first_": 1, "second_": 2}
    assert type(now) is Learner


@pytest.fixture
def data(rng):
    X = rng.normal(size=(60, 4, 2))
    return X, X[:, -1, 0], 1000 + 50 * X[:, -1, 0]


READINGS = {
    "predict": {},
    "predict with std": {"loss": "gaussian"},
    "predict_quantiles": {"loss": "quantile", "quantile": (0.1, 0.9)},
    "attention_weights": {"pooling": "attention"},
    "predict_step": {},
    "score": {},
    "predict of classes": {},
    "predict_proba": {},
    "decision_function": {},
    "score of classes": {},
    "score of steps": {"return_sequences": True},
}


def ask(model, reading, X, y):
    if reading == "predict with std":
        return model.predict(X, return_std=True)
    name = reading.split()[0]
    if name == "predict_step":
        return model.predict_step(X[:, 0])[0]
    return getattr(model, name)(X, y) if name == "score" else getattr(model, name)(X)


@pytest.mark.parametrize("reading", READINGS)
def test_a_reading_is_that_of_one_fit_whatever_is_fitted_meanwhile(reading, data, monkeypatch):
    X, y, other = data
    of_classes = "class" in reading or reading in ("predict_proba", "decision_function")
    if of_classes:
        y, other = np.where(y > 0, "up", "down"), np.array(["a", "b", "c"])[np.arange(60) % 3]
    elif "steps" in reading:
        y, other = X[:, :, 0], 1000 + 50 * X[:, :, 0]
    face = GRUClassifier if of_classes else GRURegressor
    model = face(3, max_iter=2, random_state=0, **READINGS[reading]).fit(X, y)
    expected = ask(model, reading, X, y)
    n_refits = 0

    def then_refit(method):
        def reading_and_refit(*args):
            nonlocal n_refits
            found = method(*args)
            n_refits += 1
            refit = threading.Thread(target=model.fit, args=(X, other))
            refit.start()
            refit.join()
            return found

        return reading_and_refit

    for name in ("answers", "attention"):
        monkeypatch.setattr(Model, name, then_refit(getattr(Model, name)))
    found = ask(model, reading, X, y)
    assert n_refits
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("change", ["other channels", "names"])
def test_checks_of_x_are_those_of_one_fit(change, data):
    X, y, _ = data
    narrow, wide = pd.DataFrame(X[:, :, 0]).add_prefix("t"), pd.DataFrame(X.reshape(60, -1)).add_prefix("u")
    model = GRURegressor(3, max_iter=1, random_state=0, n_channels=1).fit(narrow, y)
    expected = model.predict(narrow)

    class Refitting(pd.DataFrame):
        """Another thread fits while this is read."""

        @property
        def _constructor(self):
            return pd.DataFrame

        def __array__(self, *args, **kwargs):
            if change == "names":
                model.fit(wide, y)
            else:
                model.set_params(n_channels="auto").fit(X, y)
            return super().__array__(*args, **kwargs)

    np.testing.assert_array_equal(model.predict(Refitting(narrow)), expected)
    assert model.n_features_in_ != 4


def test_a_model_predicts_and_is_refused_to_others_while_it_is_fitted(data):
    X, y, other = data
    model = GRURegressor(3, max_iter=2, random_state=0).fit(X, y)
    expected, found = model.predict(X), []

    class Loss:
        equivariant = True

        def width(self, n_targets):
            return n_targets

        def __call__(self, raw, y):
            if not found:
                found.append(model.predict(X))
                for fit in (model.fit, model.partial_fit):
                    with pytest.raises(RuntimeError, match="This GRURegressor is being fitted already"):
                        fit(X, y)
                found.append(copy.copy(model).predict(X))
            return (raw - y).square().mean(dim=1)

        def predict(self, raw):
            return raw

    model.set_params(loss=Loss()).fit(X, other)
    np.testing.assert_array_equal(found, [expected, expected])
    assert model.predict(X).mean() > 900


def test_fits_and_predictions_side_by_side(data):
    X, y, other = data
    model = GRURegressor(3, max_iter=1, random_state=0)
    either = [clone(model).fit(X, target).predict(X) for target in (y, other)]
    model.fit(X, y)
    stop, found, refused = threading.Event(), [], []

    def predict():
        while not stop.is_set():
            found.append(model.predict(X))

    def refit():
        for target in (other, y) * 10:
            try:
                model.fit(X, target)
            except RuntimeError as error:
                refused.append(error)

    readers = [threading.Thread(target=predict) for _ in range(3)]
    writers = [threading.Thread(target=refit) for _ in range(2)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert len(found) > 3
    assert all(any(np.array_equal(answer, one) for one in either) for answer in found)
    assert any(np.array_equal(model.predict(X), one) for one in either)


@pytest.mark.parametrize("fit", ["fit", "fit_transform", "partial_fit"])
def test_windows_are_those_of_one_history(fit, monkeypatch):
    frame = pd.DataFrame({"a": np.arange(20.0)})
    window = SlidingWindowTransformer(3, horizon=1).fit(frame[:10])
    expected = window.transform(frame[10:12])
    read = transformer.read

    def then_fit(step, X, memory):
        found = read(step, X, memory)
        if memory is not None:
            monkeypatch.setattr(transformer, "read", read)
            if fit != "partial_fit":
                window.set_params(window_size=5, horizon=2)
            getattr(window, fit)(frame[10:] * 2)
        return found

    monkeypatch.setattr(transformer, "read", then_fit)
    np.testing.assert_array_equal(window.transform(frame[10:12]), expected)
    assert len(window._memory.history) == (20 if fit == "partial_fit" else 10)
    assert window._memory.window_size == (3 if fit == "partial_fit" else 5)


def test_a_window_step_is_not_fitted_twice_at_once():
    window = SlidingWindowTransformer(3)

    class Column:
        """Another thread fits while this is read."""

        def __array__(self, *args, **kwargs):
            for fit in (window.fit, window.fit_transform, window.partial_fit):
                with pytest.raises(RuntimeError, match="This SlidingWindowTransformer is being fitted already"):
                    fit(np.zeros((9, 1)))
            return np.arange(6.0)[:, None]

    window.fit(Column())
    assert window._memory.window_size == 3
