"""How far what was learnt from reaches."""

import copy
import pickle

import numpy as np
import pytest
from conftest import ar_series, windows
from hypothesis import given
from hypothesis import strategies as st

from skrnn import GRURegressor
from skrnn._data.sequences import Sequences
from skrnn._model.anchor import Levels
from skrnn._model.seen import Seen

CHANNEL = np.array([0])


def levels_of(X, sizes=None):
    return Levels(X[:, -1, :1], None if sizes is None else np.full((len(X), 1), sizes))


def within_reach(seen, X, sizes=None):
    """The windows (n, step, channel) that are read."""
    sequences = seen.within_reach(Sequences.of(X), CHANNEL, levels_of(X, sizes))
    return sequences.base[sequences.starts[:, None] + np.arange(X.shape[1])]


@given(
    st.integers(1, 9), st.integers(1, 5), st.sampled_from([np.float32, np.float64]), st.booleans(), st.integers(0, 999)
)
def test_changes_are_at_most_twice_the_farthest_that_were_seen(n, n_steps, dtype, overlapping, seed):
    rng = np.random.default_rng(seed)
    learnt, base = rng.normal(size=(n, n_steps, 2)).astype(dtype), rng.standard_cauchy((n + n_steps, 2)).astype(dtype)
    base[rng.uniform(size=base.shape) < 0.1] = np.nan
    X = np.lib.stride_tricks.sliding_window_view(base, n_steps, axis=0).transpose(0, 2, 1)
    X = X if overlapping else np.ascontiguousarray(X)
    X = X[~np.isnan(X[:, -1, 0])]
    if not len(X):
        return
    found = within_reach(Seen.of(Sequences.of(learnt), CHANNEL, levels_of(learnt)), X)
    farthest = max(abs(float(window[step, 0] - window[-1, 0])) for window in learnt for step in range(n_steps))
    for window, read in zip(X, found, strict=True):
        change = np.clip(window[:, 0] - window[-1, 0], -2 * farthest, 2 * farthest)
        np.testing.assert_allclose(read[:, 0], window[-1, 0] + change, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(read[:, 1], window[:, 1])


def test_nothing_is_copied_where_all_is_within_reach(rng):
    X = rng.normal(size=(20, 4, 2))
    sequences, seen = Sequences.of(X), Seen.of(Sequences.of(X), CHANNEL, levels_of(X))
    assert seen.within_reach(sequences, CHANNEL, levels_of(X)) is sequences


def test_changes_are_compared_in_units_of_the_sizes_of_sequences(rng):
    X = rng.normal(size=(20, 4, 1))
    seen = Seen.of(Sequences.of(X), CHANNEL, levels_of(X, 1.0))
    np.testing.assert_array_equal(within_reach(seen, 1000 * X, 1000.0), 1000 * X)
    assert np.ptp(within_reach(seen, 1000 * X, 1.0)) < 5 * np.ptp(X) + np.ptp(1000 * X[:, -1])


@pytest.mark.filterwarnings("ignore:GRURegressor answers without its recurrent layers")
def test_a_level_far_from_that_of_the_fit_makes_answers_little_worse_than_the_last_value():
    rng = np.random.default_rng(3)
    values = ar_series(rng, 1200)
    X, y = windows(values, 24)
    model = GRURegressor(random_state=0, max_iter=20).fit(X[:900], y[:900])
    jump = np.where(np.arange(1200) < 1000, 0.0, 60 * values.std())
    X, y = windows(values + jump, 24)
    behind = slice(1000 - 24 + 1, 1000)  # windows that hold the jump, but not as their target
    error = np.sqrt(np.mean((model.predict(X[behind]) - y[behind]) ** 2))
    last = np.sqrt(np.mean((X[behind, -1, 0] - y[behind]) ** 2))
    assert error < 1.3 * last


def test_a_model_that_was_saved_before_this_was_measured_still_answers(rng):
    X, y = windows(ar_series(rng), 6)
    model = GRURegressor(4, max_iter=2, random_state=0).fit(X, y)
    expected, old = model.predict(X), copy.deepcopy(model)
    del vars(old._model.units)["seen"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(old)).predict(X), expected)
    assert np.isfinite(old.predict(X + 1e6)).all()
    old.partial_fit(X, y)
