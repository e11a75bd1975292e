"""Losses: values and gradients compared with torch and scikit-learn, answers with statistics, extreme outputs."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from skrnn import GRURegressor
from skrnn._model.losses import (
    CLASSIFICATION_LOSSES,
    REGRESSION_LOSSES,
    AbsoluteError,
    Gaussian,
    Huber,
    LogLoss,
    Poisson,
    Quantile,
    SquaredError,
    make_loss,
)

F = torch.nn.functional
LOSSES = [
    SquaredError(),
    AbsoluteError(),
    Huber(),
    Huber(delta=0.3),
    Quantile(),
    Quantile(0.9),
    Quantile((0.1, 0.5, 0.9)),
    Poisson(),
    Gaussian(),
    LogLoss(),
]


def targets_for(loss, shape, generator):
    """Targets that the loss takes."""
    y = torch.randn(shape, dtype=torch.float64, generator=generator)
    if isinstance(loss, Poisson):
        return y.abs()
    if isinstance(loss, LogLoss):
        return (y > 0).double() if shape[1] == 1 else torch.eye(shape[1], dtype=torch.float64)[y.argmax(1)]
    return y


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6), batch=st.integers(1, 6), n_targets=st.integers(1, 3), factor=st.sampled_from([1, 20])
)
def test_closed_gradients_are_those_of_autograd(loss, seed, batch, n_targets, factor):
    generator = torch.Generator().manual_seed(seed)
    y = targets_for(loss, (batch, n_targets), generator)
    shape = batch, loss.width(n_targets)
    raw = (factor * torch.randn(shape, dtype=torch.float64, generator=generator)).requires_grad_()
    values = loss(raw, y)
    assert values.shape == (batch,)
    (slope,) = torch.autograd.grad(values.sum(), raw)
    found = loss.gradient(raw.detach(), y)
    torch.testing.assert_close(found, slope, rtol=1e-9, atol=1e-12)
    assert loss.predict(raw).shape == (batch, n_targets)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_gradients_agree_at_kinks_at_bounds_and_far_out(loss, dtype, n_targets):
    generator = torch.Generator().manual_seed(0)
    width = loss.width(n_targets)
    places = torch.tensor([0.0, 1e-8, -1e-8, 1.0, -15.0, 15.0, 30.0, 50.0, -50.0, 1e4, -1e4], dtype=dtype)
    rows = [places[:, None].expand(-1, width), places[torch.randint(len(places), (99, width), generator=generator)]]
    raw = torch.cat([rows[0], rows[0], rows[1]]).requires_grad_()
    y = targets_for(loss, (len(raw), n_targets), generator).to(dtype)
    if loss.equivariant:
        y[: len(places)] = 0.0  # on the kinks
    elif n_targets == 1:
        y[: 2 * len(places)] = torch.tensor([0.0, 1.0]).repeat_interleave(len(places))[:, None]
    values = loss(raw, y)
    (slope,) = torch.autograd.grad(values.sum(), raw)
    assert values.isfinite().all()
    torch.testing.assert_close(loss.gradient(raw.detach(), y), slope, rtol=1e-5, atol=1e-7)
    exact, y = raw.detach().double().requires_grad_(), y.double()
    torch.testing.assert_close(values.double(), loss(exact, y), rtol=1e-4, atol=1e-4)
    steps = torch.eye(width, dtype=torch.float64)[:, None] * 1e-4 * exact.detach().abs().clamp(min=1e-3)
    (slopes,) = torch.autograd.grad(loss(exact, y).sum(), exact)
    for column, step in enumerate(steps):  # between the quotients of both sides, also at a kink
        found = slopes[:, column] * step[:, column]
        with torch.no_grad():
            falls = torch.stack([sign * (loss(exact + sign * step, y) - loss(exact, y)) for sign in (1, -1)])
            slack = 1e-9 * (1 + loss(exact, y).abs()) + 1e-3 * found.abs()
        assert (falls.amin(0) - slack <= found).all()
        assert (found <= falls.amax(0) + slack).all()


def random_pair(n_targets=2, width=None):
    generator = torch.Generator().manual_seed(0)
    raw = 2 * torch.randn(50, width or n_targets, dtype=torch.float64, generator=generator)
    return raw, torch.randn(50, n_targets, dtype=torch.float64, generator=generator)


def test_values_are_those_of_torch():
    raw, y = random_pair()
    for loss, theirs in (
        (SquaredError(), F.mse_loss),
        (AbsoluteError(), F.l1_loss),
        (Huber(delta=0.7), lambda raw, y: F.huber_loss(raw, y, delta=0.7)),
        (Poisson(), F.poisson_nll_loss),
        (LogLoss(), lambda raw, y: F.cross_entropy(raw, y, reduction="mean")),
    ):
        wanted = y.abs() if isinstance(loss, Poisson) else y
        wanted = targets_for(loss, y.shape, torch.Generator().manual_seed(1)) if isinstance(loss, LogLoss) else wanted
        torch.testing.assert_close(loss(raw, wanted).mean(), theirs(raw, wanted))
    both, _ = random_pair(width=4)
    nll = F.gaussian_nll_loss(both[:, :2], y, both[:, 2:].exp(), full=True)
    torch.testing.assert_close(Gaussian()(both, y).mean(), nll)
    first, binary = raw[:, :1], (y[:, :1] > 0).double()
    torch.testing.assert_close(LogLoss()(first, binary).mean(), F.binary_cross_entropy_with_logits(first, binary))


def test_the_pinball_loss_is_that_of_scikit_learn():
    raw, y = random_pair(1, 3)
    levels = (0.1, 0.5, 0.9)
    wanted = np.mean([mean_pinball_loss(y[:, 0], raw[:, i], alpha=level) for i, level in enumerate(levels)])
    assert float(Quantile(levels)(raw, y).mean()) == pytest.approx(wanted)


def test_corrections_make_the_share_below_and_the_spread_right(rng):
    y = torch.from_numpy(rng.normal(3, 2, size=(9999, 2)))
    weight = torch.from_numpy(rng.integers(1, 4, 9999).astype(float))
    raw = torch.from_numpy(0.1 * rng.normal(size=(9999, 6)))  # so that levels do not cross
    loss = Quantile((0.1, 0.5, 0.9))
    corrected = loss.quantiles(raw + loss.correction(raw, y, weight)).numpy()
    shares = np.average(y.numpy()[:, :, None] <= corrected, axis=0, weights=weight)
    np.testing.assert_allclose(shares, [[0.1, 0.5, 0.9]] * 2, atol=0.002)
    raw = raw[:, :4]
    added = Gaussian().correction(raw, y, weight)
    np.testing.assert_array_equal(added[:2], 0)
    z = (y - raw[:, :2]) / Gaussian().std(raw + added)
    np.testing.assert_allclose(np.average(z**2, axis=0, weights=weight), 1, rtol=1e-9)


def best_constant(loss, y):
    """The raw output that minimises the mean loss, by a long run of gradient descent."""
    raw = torch.zeros(1, loss.width(y.shape[1]), dtype=torch.float64)
    for i in range(1500):
        raw -= 0.3 / (1 + i / 300) * loss.gradient(raw.expand(len(y), -1), y).mean(0)
    return raw


def test_answers_are_the_statistics_that_minimise():
    rng = np.random.default_rng(0)
    y = torch.from_numpy(rng.gamma(2.0, 1.0, size=(501, 1)))
    for loss, statistic in (
        (SquaredError(), y.mean()),
        (AbsoluteError(), y.median()),
        (Quantile(0.9), y.quantile(0.9)),
        (Poisson(), y.mean()),
        (Gaussian(), y.mean()),
    ):
        assert float(loss.predict(best_constant(loss, y))) == pytest.approx(float(statistic), abs=0.03)
    assert float(Gaussian().std(best_constant(Gaussian(), y))) == pytest.approx(float(y.std(correction=0)), rel=0.01)
    levels = Quantile((0.1, 0.5, 0.9))
    found = levels.quantiles(best_constant(levels, y))[0, 0]
    torch.testing.assert_close(found, y[:, 0].quantile(torch.tensor(levels.levels).double()), rtol=0, atol=0.05)
    classes = torch.eye(3, dtype=torch.float64)[torch.tensor([0] * 5 + [1] * 3 + [2] * 2)]
    shares = LogLoss().predict(best_constant(LogLoss(), classes))[0]
    torch.testing.assert_close(shares, torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), rtol=0, atol=1e-3)


def test_quantiles_never_cross_and_the_central_one_is_the_answer():
    raw, _ = random_pair(2, 6)
    loss = Quantile((0.2, 0.4, 0.6))
    quantiles = loss.quantiles(raw)
    assert quantiles.shape == (50, 2, 3)
    assert (quantiles.diff(dim=2) >= 0).all()
    torch.testing.assert_close(loss.predict(raw), quantiles[:, :, 1])  # 0.4, the lower of two that are equally near
    torch.testing.assert_close(Quantile(0.3).predict(raw), raw)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_outputs_have_finite_values_and_gradients(loss, dtype):
    n_targets = 2
    for value in (-1e4, 1e4):
        raw = torch.full((3, loss.width(n_targets)), value, dtype=dtype)
        y = targets_for(loss, (3, n_targets), torch.Generator().manual_seed(0)).to(dtype)
        assert loss(raw, y).isfinite().all()
        assert loss.gradient(raw, y).isfinite().all()
        assert loss.predict(raw).isfinite().all()


def test_a_variance_beyond_its_bound_finds_back():
    y = torch.zeros(4, 1, dtype=torch.float64)
    narrow = torch.tensor([[1.0, -100.0]], dtype=torch.float64).expand(4, 2)
    assert (Gaussian().gradient(narrow, y)[:, 1] < 0).all()
    wide = torch.tensor([[1.0, 100.0]], dtype=torch.float64).expand(4, 2)
    assert (Gaussian().gradient(wide, y)[:, 1] > 0).all()


@pytest.mark.parametrize(
    "levels", [(), (0.5, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0), (np.nan,), ("a",), (0.1, "b"), (None,), (True,)]
)
def test_impossible_levels_are_refused(levels):
    with pytest.raises(ValueError, match=r"quantile must be a level in \(0, 1\)"):
        Quantile(levels)


def test_a_name_takes_its_own_parameters_and_an_object_is_taken_as_it_is():
    parameters = {"delta": 2.0, "quantile": 0.1, "hidden_size": 3}
    assert make_loss(REGRESSION_LOSSES, "huber", parameters) == Huber(2.0)
    assert make_loss(REGRESSION_LOSSES, "quantile", parameters) == Quantile(0.1)
    assert make_loss(REGRESSION_LOSSES, "squared_error", parameters) == SquaredError()
    assert make_loss(CLASSIFICATION_LOSSES, "log_loss", parameters) == LogLoss()
    own = Huber(5.0)
    assert make_loss(REGRESSION_LOSSES, own, parameters) is own


@pytest.mark.parametrize(("loss", "answer"), [("squared_error", 2.0), ("absolute_error", 0.0)])
def test_the_answer_is_the_mean_or_the_median(loss, answer):
    y = np.array([0.0, 0.0, 0.0, 0.0, 10.0])
    X = np.zeros((5, 2, 1))
    model = GRURegressor(4, loss=loss, max_iter=600, n_iter_no_change=100, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), answer, atol=0.1)


@dataclass(frozen=True)
class OwnGaussian:
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


@pytest.mark.parametrize("loss", [OwnGaussian(), UnitBound()])
def test_a_loss_of_the_users_own_is_trained_and_read(loss, rng):
    X = rng.normal(size=(100, 5, 1))
    y = 5 + X[:, -1, 0]
    model = GRURegressor(16, loss=loss, learning_rate_init=0.02, max_iter=300, random_state=0).fit(X, y)
    assert model.predict(X).shape == (100,)
    assert model.score(X, y) > 0.8
    if not loss.equivariant:
        assert model.predict(X).min() > 0
