"""How many steps are read at a time: what "auto" chooses, and that the choice is a training like any other."""

import numpy as np
import pytest
from sklearn.base import clone

from skrnn import GRUClassifier, GRURegressor, LSTMRegressor
from skrnn._data.sequences import Sequences
from skrnn._data.state import DivergenceError
from skrnn._estimators import segments

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
]


def small(estimator=GRURegressor, **params):
    return estimator(**{"hidden_size": 16, "max_iter": 120, "random_state": 0, **params})


def echo(rng, n=300):
    """A target that bends with what came ten steps ago."""
    X = rng.normal(size=(n, 24, 1))
    return X, np.abs(X[:, -10, 0])


def held(rng, n=300):
    """A target that is the last value with a mark, whenever that was."""
    X = np.stack([rng.normal(size=(n, 24)), rng.random((n, 24)) < 0.2], axis=2)
    X[:, 0, 1] = 1
    last = 23 - X[:, ::-1, 1].argmax(axis=1)
    return X, X[np.arange(n), last, 0]


def quick(rng, n_steps=12, **params):
    """A model of few epochs, and its examples."""
    X = rng.normal(size=(80, n_steps, 2))
    y = np.abs(X[:, 5, 0])
    return small(**{"hidden_size": 4, "max_iter": 40, **params}), X, y


@pytest.mark.parametrize("estimator", [GRURegressor, LSTMRegressor])
def test_what_came_long_ago_is_read_in_segments(rng, estimator):
    X, y = echo(rng)
    model = small(estimator).fit(X, y)
    assert model.segment_size_ == 8
    other_X, other_y = echo(rng)
    assert model.score(other_X, other_y) > small(estimator, segment_size=1).fit(X, y).score(other_X, other_y) + 0.2


def test_what_is_kept_from_step_to_step_is_read_step_by_step(rng):
    X, y = held(rng, 600)
    model = small(learning_rate_init=0.02, anchor=None).fit(X, y)
    assert model.segment_size_ == 1
    other_X, other_y = held(rng)
    assert model.score(other_X, other_y) > 0.5


@pytest.mark.parametrize("refit", [True, False])
def test_the_model_is_that_of_the_number_that_was_chosen(rng, refit):
    X, y = echo(rng)
    model = small(max_iter=40, refit=refit).fit(X, y)
    told = clone(model).set_params(segment_size=model.segment_size_).fit(X, y)
    assert model.loss_curve_ == told.loss_curve_
    for name, weights in model.weights_.items():
        np.testing.assert_array_equal(weights, told.weights_[name])


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize(
    ("n_steps", "size"),
    [(1, 1), (5, 1), (6, 2), (10, 2), (12, 4), (20, 5), (24, 8), (25, 5), (28, 7), (96, 12), (100, 10), (420, 12)],
)
def test_the_segments_that_are_tried_are_whole_parts_of_a_third_of_the_steps_at_most(rng, n_steps, size, windows):
    X = rng.normal(size=(5, n_steps, 1))
    if windows:
        X = np.lib.stride_tricks.sliding_window_view(X.ravel(), n_steps)[:, :, None]
    assert segments.several(Sequences.of(X)) == size


@pytest.mark.parametrize(("n_steps", "size"), [(7, 2), (13, 2), (26, 7), (29, 6)])
def test_sequences_that_make_no_whole_segments_get_missing_steps_in_front_but_windows_are_not_copied(
    rng, monkeypatch, n_steps, size
):
    model, X, y = quick(rng, n_steps)
    assert segments.several(Sequences.of(X)) == size
    in_segments(monkeypatch)
    assert model.fit(X, y).segment_size_ == size
    whole = np.full((len(X), -n_steps % size + n_steps, 2), np.nan)
    whole[:, -n_steps:] = X
    told = clone(model).set_params(segment_size=size).fit(whole, y)
    np.testing.assert_allclose(model.predict(X), told.predict(whole), rtol=1e-9)
    windows = np.lib.stride_tricks.sliding_window_view(X[:, 0], n_steps, axis=0).swapaxes(1, 2)
    assert segments.several(Sequences.of(windows)) == 1


@pytest.mark.parametrize(
    "params", [{"early_stopping": False}, {"max_iter": 39}, {"return_sequences": True}, {"warm_start": True}], ids=str
)
def test_without_a_trial_steps_are_read_one_by_one(rng, monkeypatch, params):
    def trial(*_, **__):
        raise AssertionError

    model, X, y = quick(rng, **{"early_stopping": True, **params})
    y = X[:, :, 0] if params.get("return_sequences") else y
    if "warm_start" in params:  # the second fit goes on from the first
        model.fit(X, y)
        monkeypatch.setattr(segments, "train_on", trial)
        assert model.fit(X, y).segment_size_ in (1, 4)
        return
    monkeypatch.setattr(segments, "train_on", trial)
    assert model.fit(X, y).segment_size_ == 1
    assert clone(model).set_params(early_stopping="auto").partial_fit(X, y).segment_size_ == 1


def in_segments(monkeypatch):
    """Let the trial of segments win."""
    plain = segments.train_on

    def fail_one_by_one(model, *args, **kwargs):
        if model.spec.segment_size == 1:
            raise DivergenceError
        return plain(model, *args, **kwargs)

    monkeypatch.setattr(segments, "train_on", fail_one_by_one)


def test_a_trial_that_diverges_is_the_worse_one(rng, monkeypatch):
    model, X, y = quick(rng)
    in_segments(monkeypatch)
    assert model.fit(X, y).segment_size_ == 4

    def fail(*_, **__):
        raise DivergenceError

    monkeypatch.setattr(segments, "train_on", fail)
    assert model.fit(X, y).segment_size_ == 1


@pytest.mark.parametrize("missing", ["skip", "indicator"])
@pytest.mark.parametrize("n_steps", [3, 10, 13])
def test_other_numbers_of_steps_are_sequences_with_missing_steps_in_front(rng, monkeypatch, missing, n_steps):
    model, X, y = quick(rng, missing=missing)
    in_segments(monkeypatch)
    model.fit(X, y)
    odd = rng.normal(size=(5, n_steps, 2))
    whole = np.full((5, -n_steps % 4 + n_steps, 2), np.nan)
    whole[:, -n_steps:] = odd
    np.testing.assert_array_equal(model.predict(odd), model.predict(whole))


def test_training_goes_on_in_the_same_segments(rng, monkeypatch):
    model, X, y = quick(rng, warm_start=True)
    in_segments(monkeypatch)
    model.fit(X, y)
    for others in ({}, {"X_val": X[:, 1:], "y_val": y}):
        before = model.n_iter_
        model.fit(X[:, 2:], y, **others)
        assert model.segment_size_ == 4
        assert model.n_iter_ > before


def test_callbacks_are_told_of_the_training_alone(rng):
    told = []
    model, X, y = quick(rng, callbacks=[lambda epoch, *_: told.append(epoch)])
    model.fit(X, y)
    assert told == list(range(1, model.n_iter_ + 1))


def test_classifiers_choose_as_well(rng):
    X = rng.normal(size=(400, 24, 1))
    y = np.abs(X[:, 10, 0]) > 0.7
    model = small(GRUClassifier, max_iter=120).fit(X, y)
    assert model.segment_size_ in (1, 8)
    told = clone(model).set_params(segment_size=model.segment_size_).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), told.predict_proba(X))
