"""Robust statistics, and losses that use them: single values, however large, move little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn import GRURegressor
from skrnn._data.robust import middle_and_spread, weighted_quantiles
from skrnn._data.units import Scale

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
]
ROBUST = ["absolute_error", "huber", "quantile"]
NOISE = {
    "gaussian": lambda rng, n: rng.normal(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
}


@given(values=st.lists(st.integers(-9, 9), min_size=1, max_size=20), seed=st.integers(0, 99))
def test_weighted_quantiles_are_those_of_repeated_rows_and_turn_with_the_sign(values, seed):
    rng = np.random.default_rng(seed)
    table = np.stack([values, rng.normal(size=len(values))], axis=1)
    weight = rng.integers(1, 5, len(values)).astype(float)
    levels = (0.1, 0.25, 0.5, 0.9)
    expected = np.quantile(table.repeat(weight.astype(int), axis=0), levels, axis=0, method="averaged_inverted_cdf")
    for factor in (1, 0.1, 1e-9):
        np.testing.assert_allclose(weighted_quantiles(table, factor * weight, levels), expected)
    turned = weighted_quantiles(-table, weight, tuple(1 - level for level in levels))
    np.testing.assert_allclose(turned, -expected)


def test_the_spread_is_that_of_a_normal_distribution_and_never_lost_to_equal_values(rng):
    values = 3 + 2 * rng.normal(size=(20_000, 1))
    values[:100] = 1e12
    middle, spread = middle_and_spread(values, np.ones(20_000))
    assert middle == pytest.approx(3, abs=0.05)
    assert spread == pytest.approx(2, abs=0.05)
    for share in (0.6, 0.92, 0.999):  # of zeros
        values = np.where(np.arange(5000) < share * 5000, 0.0, 10 + rng.normal(size=5000))[:, None]
        middle, spread = middle_and_spread(values, np.ones(5000))
        assert middle == 0
        assert 0 < spread < 10
    scale = Scale.robust(lambda: [(np.full((9, 1), 4.0), np.ones(9))], 1, np.dtype(float), ["x"])
    assert (scale.mean, scale.std) == (4, 1)


def noisy(rng, n):
    X = rng.normal(size=(n, 4, 2))
    return X, X[:, -1, 0] - 0.5 * X[:, -2, 1] + rng.normal(size=n)


@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize("spoilt", ["y", "X", "both", "many"])
def test_single_values_hardly_move_the_answers(rng, loss, linear_skip, spoilt):
    (X, y), (X_new, y_new) = noisy(rng, 300), noisy(rng, 1000)
    params = {"linear_skip": linear_skip, "learning_rate_init": 0.01, "max_iter": 15, "early_stopping": False}
    model = GRURegressor(4, loss=loss, random_state=0, **params)
    clean = np.sqrt(np.mean((model.fit(X, y).predict(X_new) - y_new) ** 2))
    if spoilt in ("y", "both"):
        y[200] = 1e6
    if spoilt in ("X", "both"):
        X[200, -1, 0] = -1e6
    if spoilt == "many":
        y[::20] = 1e4 * rng.normal(size=15)
    assert np.sqrt(np.mean((model.fit(X, y).predict(X_new) - y_new) ** 2)) < 1.1 * clean


@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("spike", [30.0, 1e6])
def test_a_spike_in_a_series_is_one_among_inputs_and_targets_and_moves_little(rng, loss, spike):
    series = np.zeros(900)
    for i in range(1, 900):
        series[i] = 0.8 * series[i - 1] + rng.normal()
    spoilt = series.copy()
    spoilt[200] = spike
    X, X_spoilt = (np.lib.stride_tricks.sliding_window_view(x, 6)[:-1, :, None] for x in (series, spoilt))
    model = GRURegressor(4, loss=loss, max_iter=3, random_state=0).fit(X_spoilt[:400], spoilt[6:406])
    error = model.predict(X[450:]) - series[456:]
    assert np.sqrt(np.mean(error**2)) < 1.15


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("params", [{"max_iter": 2}, {"early_stopping": True}, {"linear_skip": False, "max_iter": 2}])
def test_quantiles_cover_their_share_of_new_rows(rng, noise, params):
    X = rng.normal(size=(2300, 4, 2))
    y = 50 + 7 * (X[:, -1, 0] - 0.5 * X[:, -2, 1] + NOISE[noise](rng, 2300))
    model = GRURegressor(4, loss="quantile", quantile=(0.1, 0.5, 0.9), random_state=0, **params)
    found = model.fit(X[:300], y[:300]).predict_quantiles(X[300:])
    shares = (y[300:, None] <= found).mean(axis=0)
    assert np.all(np.abs(shares - [0.1, 0.5, 0.9]) < [0.05, 0.09, 0.05])  # three standard errors of 300 rows


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("n", [300, 1000])
def test_quantiles_cover_their_share_of_new_rows_also_after_long_training(noise, early_stopping, n):
    """The mean of some series: the quantile of 300 rows alone has a standard error of 0.02."""
    shares = []
    for seed in range(6 if n == 300 else 2):
        X = np.random.default_rng(seed).normal(size=(n + 2000, 6, 1))
        y = X[:, -1, 0] - 0.5 * X[:, -2, 0] + NOISE[noise](np.random.default_rng(seed + 100), n + 2000)
        model = GRURegressor(16, loss="quantile", quantile=0.9, early_stopping=early_stopping, random_state=seed)
        shares.append(np.mean(y[n:] <= model.fit(X[:n], y[:n]).predict(X[n:])))
    assert 0.87 < np.mean(shares) < 0.93
    assert 0.85 < min(shares) <= max(shares) < 0.95


@pytest.mark.parametrize("early_stopping", [True, False])
def test_deviations_are_those_of_new_rows_also_after_long_training(rng, early_stopping):
    X = rng.normal(size=(1200, 4, 1))
    y = X[:, -1, 0] + rng.normal(size=1200)
    model = GRURegressor(16, loss="gaussian", early_stopping=early_stopping, random_state=0).fit(X[:200], y[:200])
    mean, std = model.predict(X[200:], return_std=True)
    found = np.mean(np.square((y[200:] - mean) / std))
    assert (0.7 if early_stopping else 0) < found < 1.4  # 2.4 without a correction and without early stopping


@pytest.mark.parametrize("return_sequences", [False, True])
def test_quantiles_of_several_targets_and_of_steps_start_at_those_of_the_errors(rng, return_sequences):
    noise = rng.exponential(size=(400, 5, 2)) * [1.0, 100.0]
    y = noise if return_sequences else noise[:, 0]
    X = rng.normal(size=(400, 5, 1))
    params = {"quantile": (0.2, 0.8), "return_sequences": return_sequences, "linear_skip": 1}
    weight = rng.integers(1, 4, 400)
    model = GRURegressor(2, loss="quantile", max_iter=1, learning_rate_init=1e-9, random_state=0, **params)
    found = model.fit(X, y, weight).predict_quantiles(X)
    covered = (y[..., None] <= found).reshape(400, -1, 2, 2).mean(axis=1)
    shares = np.average(covered, axis=0, weights=weight)
    np.testing.assert_allclose(shares, [[0.2, 0.8]] * 2, atol=0.1 if return_sequences else 0.02)  # beside first weights


def test_wide_windows_on_few_rows_do_not_make_the_spread_too_small(rng):
    X = rng.normal(size=(2200, 30, 2))
    y = X[:, -1, 0] + 0.3 * X[:, :, 0].sum(axis=1) + rng.normal(size=2200)
    model = GRURegressor(4, loss="quantile", quantile=0.9, early_stopping=True, random_state=0).fit(X[:200], y[:200])
    assert np.mean(y[200:] <= model.predict(X[200:])) == pytest.approx(0.9, abs=0.06)
    _, std = (
        GRURegressor(4, loss="gaussian", early_stopping=True, random_state=0)
        .fit(X[:200], y[:200])
        .predict(X[200:], return_std=True)
    )
    error = GRURegressor(4, loss="gaussian", early_stopping=True, random_state=0).fit(X[:200], y[:200]).predict(X[200:])
    assert np.std(error - y[200:]) == pytest.approx(std.mean(), rel=0.15)
