"""Losses: values by hand, closed gradients, and losses that users bring."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from skrnn import GRURegressor
from skrnn._losses import REGRESSION_LOSSES


@pytest.mark.parametrize("name", sorted(REGRESSION_LOSSES))
def test_closed_gradients_are_those_of_autograd(name):
    loss = REGRESSION_LOSSES[name]()
    raw = torch.randn(6, loss.width(2), dtype=torch.float64, requires_grad=True)
    y = torch.randn(6, 2, dtype=torch.float64)
    values = loss(raw, y)
    assert values.shape == (6,)
    (gradient,) = torch.autograd.grad(values.sum(), raw)
    torch.testing.assert_close(loss.gradient(raw.detach(), y), gradient)


def test_values_by_hand():
    raw, y = torch.tensor([[1.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    assert REGRESSION_LOSSES["squared_error"]()(raw, y).tolist() == [2.5]
    assert REGRESSION_LOSSES["absolute_error"]()(raw, y).tolist() == [1.5]


@pytest.mark.parametrize(("loss", "answer"), [("squared_error", 2.0), ("absolute_error", 0.0)])
def test_the_answer_is_the_mean_or_the_median(loss, answer):
    y = np.array([0.0, 0.0, 0.0, 0.0, 10.0])
    X = np.zeros((5, 2, 1))
    model = GRURegressor(4, loss=loss, max_iter=600, n_iter_no_change=100, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), answer, atol=0.1)


@dataclass(frozen=True)
class Gaussian:
    """A loss of a user's own: mean and log of the standard deviation, without a closed gradient."""

    equivariant: bool = True

    def width(self, n_targets):
        return 2 * n_targets

    def __call__(self, raw, y):
        mean, log_std = raw.chunk(2, dim=1)
        return (log_std + 0.5 * ((y - mean) / log_std.exp()) ** 2).mean(dim=1)

    def predict(self, raw):
        return raw.chunk(2, dim=1)[0]


@dataclass(frozen=True)
class UnitBound:
    """Squared error in the units of y, whose answers are positive."""

    equivariant: bool = False

    def width(self, n_targets):
        return n_targets

    def __call__(self, raw, y):
        return (raw.exp() - y).square().mean(dim=1)

    def predict(self, raw):
        return raw.exp()


@pytest.mark.parametrize("loss", [Gaussian(), UnitBound()])
def test_a_loss_of_the_users_own_is_trained_and_read(loss, rng):
    X = rng.normal(size=(100, 5, 1))
    y = 5 + X[:, -1, 0]
    model = GRURegressor(16, loss=loss, learning_rate_init=0.02, max_iter=300, random_state=0).fit(X, y)
    assert model.predict(X).shape == (100,)
    assert model.score(X, y) > 0.8
    if not loss.equivariant:
        assert model.predict(X).min() > 0
