"""What windows and targets are measured from, as users see it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import ar_series, best_ridge, windows
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skrnn import GRURegressor, SlidingWindowTransformer, horizon_targets
from skrnn._data.sequences import Sequences
from skrnn._model.anchor import Anchor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
]
START = {"max_iter": 1, "learning_rate_init": 1e-12, "early_stopping": False}  # the answers of the linear start


def small(**params):
    return GRURegressor(**{"hidden_size": 4, "max_iter": 3, "random_state": 0, **params})


def shuffled(X, y):
    order = np.random.default_rng(0).permutation(len(y))
    return X[order].copy(), y[order]


def test_it_is_the_channel_of_each_output_or_none(rng):
    x, noise = ar_series(rng), rng.normal(size=400)
    X = np.stack([windows(noise, 6)[0][..., 0], windows(x, 6)[0][..., 0]], axis=2)
    y = x[6:]
    model = small().fit(X, 3 * y)
    np.testing.assert_array_equal(model.anchor_, [1])
    model.anchor_[:] = 7
    np.testing.assert_array_equal(model.anchor_, [1])
    np.testing.assert_array_equal(small().fit(X, np.stack([y, noise[6:], -5 + y], axis=1)).anchor_, [1, 0, 1])
    np.testing.assert_array_equal(small().fit(X, np.stack([y, np.ones(394)], axis=1)).anchor_, [1, -1])
    assert small().fit(X, rng.normal(size=394)).anchor_ is None
    assert small(anchor=None).fit(X, y).anchor_ is None
    np.testing.assert_array_equal(small(anchor="last").fit(X, y).anchor_, [1])


def test_the_last_value_needs_a_past_of_the_target_in_the_order_of_time(rng):
    X, y = windows(ar_series(rng), 6)
    for some in (shuffled(X, y), (X, rng.normal(size=len(y)))):
        model = small(anchor="last")
        with pytest.raises(ValueError, match="anchor='last' needs a channel of X that holds the past of y"):
            model.fit(*some)
        assert not hasattr(model, "anchor_")
        assert small().fit(*some).anchor_ is None


@pytest.mark.parametrize("anchor", ["auto", "last"])
@pytest.mark.parametrize("params", [{"return_sequences": True}, {"loss": "poisson"}], ids=str)
def test_it_is_ignored_where_answers_are_many_or_do_not_move_with_y(rng, anchor, params):
    X, y = windows(np.exp(ar_series(rng) / 3), 6)
    y = np.concatenate([X[:, 1:, 0], y[:, None]], axis=1) if "return_sequences" in params else y
    model, other = (small(anchor=some, **params).fit(X, y) for some in (anchor, None))
    assert model.anchor_ is None
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


def test_it_shapes_the_model(rng):
    X, y = windows(ar_series(rng), 6)
    model = small(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="anchor of GRURegressor changed from 'auto' to None"):
        model.set_params(anchor=None).fit(X, y)


def test_it_stays_when_training_goes_on(rng):
    X, y = windows(ar_series(rng), 6)
    model = small(warm_start=True).fit(X, y)
    model.fit(*shuffled(X, y))
    np.testing.assert_array_equal(model.anchor_, [0])


def test_windows_and_targets_are_measured_from_the_last_value(rng):
    x = ar_series(rng).cumsum()
    X, y = windows(x, 6)
    model = small(**START).fit(X, 2 * y + 5)  # in another unit
    last = X[:, -1, 0]
    differences = X[:, :, 0] - last[:, None]
    differences /= np.sqrt(np.mean(differences**2))
    ridge = best_ridge(differences, 2 * (y - last))
    np.testing.assert_allclose(model.predict(X), ridge.predict(differences) + 2 * last + 5, rtol=1e-8)


def test_with_the_last_value_alone_windows_elsewhere_are_answered_elsewhere(rng):
    X, y = windows(ar_series(rng).cumsum(), 6)
    y = y + 0.1 * np.sin(y)
    X, y = windows(np.append(X[0, :, 0], y), 6)
    answers = {}
    for anchor in ("last", "auto"):
        model = small(anchor=anchor, max_iter=20, learning_rate_init=0.02, early_stopping=False).fit(X, y)
        assert not np.allclose(model.predict(X), model.predict(X, linear_only=True), rtol=1e-3)
        answers[anchor] = model.predict(X + 1000) - 1000 - model.predict(X)
    np.testing.assert_allclose(answers["last"], 0, atol=1e-8)
    assert np.abs(answers["auto"]).max() > 1e-3  # the layers read values, too


def test_far_beyond_the_values_of_fit_the_answers_move_with_the_level(rng):
    X, y = windows(ar_series(rng).cumsum(), 6)
    model = small(max_iter=20, learning_rate_init=0.02, early_stopping=False).fit(X, y)
    np.testing.assert_allclose(model.predict(X + 2000) - 1000, model.predict(X + 1000), atol=1e-8)
    np.testing.assert_allclose(model.predict(X - 3000) + 4000, model.predict(X + 1000), atol=1e-8)


@pytest.mark.parametrize("anchor", ["auto", "last"])
def test_it_is_found_behind_scalers_in_panels_and_for_all_steps(rng, anchor):
    index = pd.MultiIndex.from_product([["a", "b", "c"], pd.date_range("2024-01-01", periods=150, freq="h")])
    values = np.concatenate([ar_series(rng, 150) * scale for scale in (1, 5, 2)])
    frame = pd.DataFrame({"hour": np.tile(np.arange(150.0) % 24, 3), "load": values}, index=index)
    targets = horizon_targets(frame["load"], 4)
    rows = targets.notna().all(axis=1)
    steps = MinMaxScaler(), SlidingWindowTransformer(8, horizon=2, incomplete="ignore"), small(anchor=anchor, **START)
    model = make_pipeline(*steps).set_output(transform="pandas").fit(frame[rows], targets[rows])
    np.testing.assert_array_equal(model[-1].anchor_, [1, 1, 1, 1])
    # One unit of the scaled channel is the range of the load, whatever the linear map does with changes.
    moved = model[-1].linear_coef_[:, :, 1].sum(axis=1)
    np.testing.assert_allclose(moved, np.ptp(values[rows]), rtol=1e-6)


@pytest.mark.parametrize("shift", [3, 30])
@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_a_shift_of_the_level_among_the_last_rows_is_followed(rng, shift, memory):
    x = rng.normal(size=3000)
    for i in range(1, 3000):
        x[i] += memory * x[i - 1]
    x[2100:] += shift
    X, y = windows(x, 24)
    model = small(max_iter=20).fit(X[:2226], y[:2226])
    answers = model.predict(X[2226:]), X[2226:, -1, 0]
    error, of_last = (np.sqrt(np.mean(np.square(answer - y[2226:]))) for answer in answers)
    assert error < of_last


def logistic_map(rng, n):
    """The next value is a parabola of the last one."""
    x = np.full(n, 0.1)
    for i in range(1, n):
        x[i] = 3.9 * x[i - 1] * (1 - x[i - 1])
    return x + 0.01 * rng.normal(size=n)


def waves(rng, n):
    """A series that follows a sine of what it was three steps before; the noise is 0.3."""
    x = np.zeros(n)
    for i in range(3, n):
        x[i] = np.sin(3 * x[i - 3]) + 0.3 * rng.normal()
    return x


@pytest.mark.parametrize(
    ("series", "anchor", "limit"),
    # From changes alone, errors are above 0.3 and above 0.66.
    [
        (logistic_map, "auto", 0.1),
        (waves, "auto", 0.55),
        pytest.param(logistic_map, None, 0.1, marks=pytest.mark.slow),
        pytest.param(waves, None, 0.4, marks=pytest.mark.slow),
    ],
)
def test_the_layers_learn_where_a_sequence_stands(rng, series, anchor, limit):
    X, y = windows(series(rng, 1200), 6)
    model = small(hidden_size=8, max_iter=100, learning_rate_init=0.01, anchor=anchor).fit(X[:900], y[:900])
    assert (model.anchor_ is None) == (anchor is None)
    assert np.sqrt(np.mean(np.square(model.predict(X[900:]) - y[900:]))) < limit
    other = clone(model).fit(50 * X[:900] + 1000, 7 * y[:900] - 3)
    np.testing.assert_allclose(other.predict(50 * X + 1000), 7 * model.predict(X) - 3, rtol=1e-4, atol=1e-3)


def start_missing(rng, n=1000):
    """Windows (n, 24, 1) of a rising series, the first ones without the steps before its start, and their targets."""
    x = 10 * np.arange(float(n)) + 3 * np.sin(np.arange(n) / 4) + rng.normal(size=n)
    X, y = windows(np.concatenate([np.full(24, np.nan), x]), 24)
    return X[: len(y)], y


def test_sequences_at_the_start_of_a_series_are_left_out_without_a_word(rng):
    X, y = start_missing(rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Maximum iterations")
        warnings.filterwarnings("ignore", ".*answers without its recurrent layers")
        model, other = small(**START).fit(X[:800], y[:800]), small(**START).fit(X[24:800], y[24:800])
    np.testing.assert_allclose(model.linear_coef_, other.linear_coef_, rtol=1e-9, atol=1e-10)
    assert 0.5 < model.loss_curve_[0] < 1.5  # 1 is the linear start
    assert np.std(small(max_iter=5).fit(X[:800], y[:800]).predict(X[800:]) - y[800:]) < 1.15


def test_sequences_with_holes_that_are_left_out_are_counted(rng):
    x = ar_series(rng, 1000).cumsum()
    x[700] = np.nan
    X, y = windows(x, 6)
    known = ~np.isnan(y)
    with pytest.warns(
        UserWarning, match=rf"^5 of {known.sum()} samples"
    ):  # and one that lacks its first step, as at a start
        model = small(**START).fit(X[known].copy(), y[known])
    complete = known & ~np.isnan(X).any(axis=(1, 2))
    assert complete.sum() == known.sum() - 6
    other = small(**START).fit(X[complete].copy(), y[complete])
    np.testing.assert_allclose(model.linear_coef_, other.linear_coef_, rtol=1e-9, atol=1e-10)


def test_sequences_with_holes_count_where_they_are_many_and_those_of_a_start_where_they_are_most(rng):
    X, _ = windows(ar_series(rng, 406).cumsum(), 6)
    X = X.copy()
    anchor = Anchor(np.array([0]), np.ones(1), np.zeros(1), only_changes=False)

    def left_out():
        return np.setdiff1d(np.arange(len(X)), np.arange(len(X))[anchor.complete(Sequences.of(X))]).tolist()

    X[:80, 1:4] = np.nan
    X[:10] = np.nan
    X[200:280, :5] = np.nan
    assert left_out() == [*range(10), *range(200, 280)]
    X[190:, 0] = np.nan
    X[100] = np.nan
    assert left_out() == [*range(10), 100]
    assert anchor.complete(Sequences.of(np.full((3, 6, 1), np.nan))) == slice(0, 3)


def test_a_float32_series_without_noise_stays_finite_and_is_learnt():
    t = np.arange(700, dtype=np.float32)
    for x in (np.sin(t / 5) + 3, 1e4 + t, (t % 24).astype(np.float32)):
        X, y = windows(x.astype(np.float32), 30)
        model = small(max_iter=20).fit(X[:500], y[:500])
        answers = model.predict(X[500:])
        assert answers.dtype == np.float32
        assert np.isfinite(model.loss_curve_ + model.validation_loss_curve_).all()
        np.testing.assert_allclose(answers, y[500:], atol=5e-3 * np.std(y))


def test_a_warning_tells_of_a_raw_table_whose_last_column_is_the_target(rng):
    values = ar_series(rng, 200)
    with pytest.warns(UserWarning, match=r"last step of channel 0 of X is y itself.*put SlidingWindowTransformer"):
        GRURegressor(3, max_iter=1, random_state=0).fit(values[:, None], values)


def test_a_warning_tells_of_an_own_past_that_is_not_in_the_order_of_time(rng):
    X, y = windows(ar_series(rng, 300), 6)
    order = rng.permutation(len(y))
    with pytest.warns(UserWarning, match="Channel 0 of X holds the values of y, but the samples are not") as caught:
        model = GRURegressor(3, max_iter=1, random_state=0).fit(X[order], y[order])
    assert model.anchor_ is None
    told = [warning for warning in caught if "not in the order" in str(warning.message)]
    assert [warning.filename for warning in told] == [__file__]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*not in the order of time")
        GRURegressor(3, max_iter=1, anchor=None, random_state=0).fit(X[order], y[order])
        GRURegressor(3, max_iter=1, random_state=0).fit(X, y)
        GRURegressor(3, max_iter=1, random_state=0).fit(X[order], rng.normal(size=len(y)))
        GRURegressor(3, max_iter=1, random_state=0).fit(np.round(X[order]), np.round(y[order]))  # found by chance
