"""Learning rates over the epochs."""

import math

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skrnn import GRURegressor
from skrnn._training.schedules import SCHEDULES, Adaptive, Constant, Cosine

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_constant_stays_and_ends_at_a_stall():
    schedule = Constant(10, 3)
    assert {schedule.factor(epoch) for epoch in range(10)} == {1.0}
    assert not schedule.lower(5)


def test_cosine_falls_from_one_to_nearly_zero():
    schedule = Cosine(8, 3)
    factors = [schedule.factor(epoch) for epoch in range(8)]
    np.testing.assert_allclose(factors, [0.5 + 0.5 * math.cos(math.pi * i / 8) for i in range(8)])
    assert factors[0] == 1
    assert schedule.factor(8) == pytest.approx(0, abs=1e-15)


def test_adaptive_divides_by_five_until_a_millionth():
    schedule = Adaptive(10, 3)
    n_falls = 0
    while schedule.lower(5):
        n_falls += 1
        assert schedule.factor(0) == pytest.approx(0.2**n_falls)
    assert 0.2**n_falls <= 1e-6 < 0.2 ** (n_falls - 1)


def data():
    X = np.random.default_rng(0).normal(size=(40, 5, 1))
    return X, X[:, -1, 0]


def rates_of(monkeypatch, **params):
    """The rates that the solver was given in each epoch."""
    from skrnn._training import loop

    rates, run_epoch = [], loop._run_epoch

    def spy(*arguments):
        rates.append(arguments[0].solver.learning_rate)
        return run_epoch(*arguments)

    monkeypatch.setattr(loop, "_run_epoch", spy)
    GRURegressor(3, early_stopping=False, random_state=0, **params).fit(*data())
    return rates


@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop", "sgd"])
def test_each_solver_gets_the_rate_of_each_epoch(monkeypatch, solver):
    rates = rates_of(monkeypatch, learning_rate="cosine", max_iter=6, solver=solver, learning_rate_init=0.01)
    np.testing.assert_allclose(rates, [0.01 * Cosine(6, 10).factor(epoch) for epoch in range(6)])


def test_adaptive_goes_on_where_constant_stops(monkeypatch):
    stalling = {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 60}
    assert len(rates_of(monkeypatch, learning_rate="constant", **stalling)) == 4
    rates = rates_of(monkeypatch, learning_rate="adaptive", learning_rate_init=0.01, **stalling)
    # The first epoch is a fall; then every three epochs are a stall.
    assert len(rates) == 4 + 3 * 9
    np.testing.assert_allclose(rates[:8], [0.01] * 4 + [0.002] * 3 + [0.0004])


def test_what_is_left_of_a_cosine_passes_soon_after_a_stall(monkeypatch):
    stalling = {"learning_rate": "cosine", "learning_rate_init": 0.01, "tol": 10.0, "n_iter_no_change": 4}
    rates = rates_of(monkeypatch, max_iter=60, **stalling)
    # The first epoch is a fall, the next five are a stall; then come four more, from a tenth of the way to its end.
    way = [*np.arange(6) / 60, *(0.1 + 0.9 * np.arange(4) / 4)]
    np.testing.assert_allclose(rates, 0.005 + 0.005 * np.cos(np.pi * np.array(way)))
    # A stall in the last epochs leaves the cosine no more of them than there are.
    assert len(rates_of(monkeypatch, max_iter=8, **stalling)) == 8


@pytest.mark.parametrize(("tol", "max_iter", "n_epochs"), [(10.0, 20, 6), (0.0, 7, 7)], ids=["stall", "planned"])
def test_a_cosine_has_converged_at_its_end(recwarn, tol, max_iter, n_epochs):
    X, y = data()
    params = {"tol": tol, "n_iter_no_change": 2, "max_iter": max_iter, "early_stopping": False}
    model = GRURegressor(3, learning_rate="cosine", random_state=0, **params)
    assert model.fit(X, y).n_iter_ == n_epochs
    assert not [w for w in recwarn if issubclass(w.category, ConvergenceWarning)]


def test_a_noisy_loss_falls_further_after_a_stall():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5, 1))
    y = np.abs(X).sum(axis=(1, 2))
    stalling = {"learning_rate_init": 0.1, "batch_size": 20, "n_iter_no_change": 5, "random_state": 0}
    constant = GRURegressor(8, learning_rate="constant", early_stopping=False, **stalling).fit(X, y)
    cosine = GRURegressor(8, max_iter=10_000, early_stopping=False, **stalling).fit(X, y)
    assert cosine.n_iter_ == constant.n_iter_ + 5
    assert cosine.best_loss_ < 0.7 * constant.best_loss_


def test_a_reduced_rate_is_kept_by_warm_start():
    model = GRURegressor(
        3, learning_rate="adaptive", tol=10.0, n_iter_no_change=1, max_iter=5, warm_start=True, random_state=0
    )
    model.fit(*data())
    reduction = model._model.training.reduction
    assert reduction < 1
    model.partial_fit(*data())
    assert model._model.training.reduction == reduction


def test_the_table_names_what_the_estimators_take():
    for name in SCHEDULES:
        GRURegressor(2, learning_rate=name, max_iter=1).fit(*data())
