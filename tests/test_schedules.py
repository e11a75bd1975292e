"""Learning rates over the epochs."""

import math

import numpy as np
import pytest

from skrnn import GRURegressor
from skrnn._schedules import SCHEDULES, Adaptive, Constant, Cosine

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_constant_stays_and_ends_at_a_stall():
    schedule = Constant(10)
    assert {schedule.factor(epoch) for epoch in range(10)} == {1.0}
    assert not schedule.lower()


def test_cosine_falls_from_one_to_nearly_zero():
    schedule = Cosine(8)
    factors = [schedule.factor(epoch) for epoch in range(8)]
    np.testing.assert_allclose(factors, [0.5 + 0.5 * math.cos(math.pi * i / 8) for i in range(8)])
    assert factors[0] == 1
    assert schedule.factor(8) == pytest.approx(0, abs=1e-15)


def test_adaptive_divides_by_five_until_a_millionth():
    schedule = Adaptive(10)
    n_falls = 0
    while schedule.lower():
        n_falls += 1
        assert schedule.factor(0) == pytest.approx(0.2**n_falls)
    assert 0.2**n_falls <= 1e-6 < 0.2 ** (n_falls - 1)


def data():
    X = np.random.default_rng(0).normal(size=(40, 5, 1))
    return X, X[:, -1, 0]


def rates_of(monkeypatch, **params):
    """The rates that the solver was given in each epoch."""
    from skrnn import _training

    rates, run_epoch = [], _training._run_epoch

    def spy(*arguments):
        rates.append(arguments[4].learning_rate)
        return run_epoch(*arguments)

    monkeypatch.setattr(_training, "_run_epoch", spy)
    GRURegressor(3, random_state=0, **params).fit(*data())
    return rates


@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop", "sgd"])
def test_each_solver_gets_the_rate_of_each_epoch(monkeypatch, solver):
    rates = rates_of(monkeypatch, learning_rate="cosine", max_iter=6, solver=solver, learning_rate_init=0.01)
    np.testing.assert_allclose(rates, [0.01 * Cosine(6).factor(epoch) for epoch in range(6)])


def test_adaptive_goes_on_where_constant_stops(monkeypatch):
    stalling = {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 60}
    assert len(rates_of(monkeypatch, learning_rate="constant", **stalling)) == 4
    rates = rates_of(monkeypatch, learning_rate="adaptive", learning_rate_init=0.01, **stalling)
    # The first epoch is a fall; then every three epochs are a stall.
    assert len(rates) == 4 + 3 * 9
    np.testing.assert_allclose(rates[:8], [0.01] * 4 + [0.002] * 3 + [0.0004])


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
