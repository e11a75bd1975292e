"""Linear maps with the least loss, and the map of the last steps on torch and compiled."""

import numpy as np
import pytest
import torch
from conftest import best_ridge
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import lfilter
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from skrnn._compiled.linear_map import CompiledMap
from skrnn._data.on_device import DeviceData
from skrnn._model.linear import fit_least_loss, fit_ridge, fit_robust_ridge
from skrnn._model.losses import LogLoss, Poisson
from skrnn._model.stages import LinearMap


def in_blocks(columns, n_at_once=10**6):
    """A table (row, column) as functions here want it."""

    def blocks():
        for first in range(0, len(columns), n_at_once):
            yield slice(first, first + n_at_once), columns[first : first + n_at_once]

    return blocks


def ridge(columns, y, weight=None, fit=fit_ridge, n_at_once=10**6):
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    return fit(in_blocks(columns, n_at_once), y.reshape(len(y), -1), weight)


@pytest.fixture
def problem(rng):
    """Columns (80, 10) and targets (80, 3) that follow them with much noise."""
    columns = rng.normal(size=(80, 10))
    return columns, columns @ rng.normal(size=(10, 3)) + 3 * rng.normal(size=(80, 3)) + 1


@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("n_at_once", [7, 1000])
def test_it_is_the_ridge_regression_with_the_least_error_of_rows_left_out(problem, n_targets, n_at_once):
    columns, y = problem
    y = y[:, :n_targets]
    found, expected = ridge(columns, y, n_at_once=n_at_once), best_ridge(columns, y)
    np.testing.assert_allclose(found.coef, expected.coef_.reshape(n_targets, 10).T, rtol=1e-9)
    np.testing.assert_allclose(found.intercept, expected.intercept_, rtol=1e-9)
    answers = expected.predict(columns).reshape(80, n_targets)
    np.testing.assert_allclose(found.to(in_blocks(columns, 9), 80), answers, rtol=1e-9)


def test_of_few_rows_it_is_that_with_the_least_error_of_generalised_cross_validation(problem):
    columns, y = problem[0][:30], problem[1][:30, 0]
    errors, found = [], []
    for penalty in 10.0 ** np.arange(-7, 2.1, 0.5) * 30:
        model, centred = Ridge(penalty).fit(columns, y), columns - columns.mean(axis=0)
        hat = centred @ np.linalg.solve(centred.T @ centred + penalty * np.eye(10), centred.T)
        errors.append(np.square(y - model.predict(columns)).sum() / (29 - np.trace(hat)) ** 2)
        found.append(model.coef_)
    np.testing.assert_allclose(ridge(columns, y).coef[:, 0], found[int(np.argmin(errors))], rtol=1e-9)


def test_its_optimism_is_what_errors_of_other_rows_are_larger_by(rng):
    columns, others = rng.normal(size=(60, 30)), rng.normal(size=(4000, 30))
    coef = rng.normal(size=30)
    y, later = columns @ coef + rng.normal(size=60), others @ coef + rng.normal(size=4000)
    found = ridge(columns, y)
    inside = np.mean((found.to(in_blocks(columns), 60)[:, 0] - y) ** 2)
    outside = np.mean((found.to(in_blocks(others), 4000)[:, 0] - later) ** 2)
    assert found.optimism == pytest.approx(np.sqrt(outside / inside), rel=0.25)
    assert ridge(others, later).optimism == pytest.approx(4000 / 3969, rel=1e-3)


def test_a_shift_in_the_last_rows_does_not_bend_what_is_told_after_it(rng):
    """Two of the rows and all windows of the next hold the shift: what was fitted to two says nothing of the others."""
    of_ridge, of_last_value = [], []
    for _ in range(20):
        y = lfilter([1.0], [1.0, -0.6], 0.1 * rng.normal(size=320))
        y[297:] += 2
        windows = np.lib.stride_tricks.sliding_window_view(y, 25)
        columns, changes = windows[:, :23] - windows[:, 23:24], windows[:, 24] - windows[:, 23]
        found = ridge(columns[:-20], changes[:-20])
        of_ridge.append(changes[-20:] - found.to(in_blocks(columns), len(columns))[-20:, 0])
        of_last_value.append(changes[-20:])
    assert np.std(of_ridge) < 1.2 * np.std(of_last_value)


@pytest.mark.parametrize("fit", [fit_ridge, fit_robust_ridge])
def test_an_integer_weight_is_so_many_rows_in_any_order(problem, rng, fit):
    columns, y = problem
    weight, order = rng.integers(1, 4, 80), rng.permutation(80)
    weighted = ridge(columns[order], y[order], weight[order] / 7, fit)
    repeated = ridge(columns.repeat(weight, axis=0), y.repeat(weight, axis=0), fit=fit)
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(weighted.intercept, repeated.intercept, rtol=1e-7)


@pytest.mark.parametrize("fit", [fit_ridge, fit_robust_ridge])
def test_directions_in_which_nothing_varies_hold_no_rounding(rng, fit):
    columns, y = rng.normal(size=(12, 30)), rng.integers(3, size=12).astype(float)
    weight = rng.integers(1, 5, size=12)
    others = in_blocks(rng.normal(size=(50, 30)))  # reach into the directions that the 12 rows lack
    weighted = ridge(columns, y, weight, fit).to(others, 50)
    repeated = ridge(columns.repeat(weight, axis=0), y.repeat(weight), fit=fit).to(others, 50)
    np.testing.assert_allclose(weighted, repeated, rtol=0, atol=1e-12)


def test_values_too_large_for_squares_are_told(problem):
    columns, y = problem
    columns[3, 4] = 1e200
    with pytest.raises(FloatingPointError, match="sums of squares"):
        ridge(columns, y)
    labels = torch.from_numpy((y[:, :1] > 0).astype(float))
    with pytest.raises(FloatingPointError, match="sums of squares"):
        fit_least_loss(torch.from_numpy(columns), LogLoss(), labels, torch.ones(80, dtype=torch.float64), 1)


def test_the_robust_regression_is_near_the_plain_one_where_nothing_is_spoilt(rng):
    columns = rng.normal(size=(500, 3))
    coef = np.array([1.0, -2.0, 0.0])
    y = columns @ coef + 5 + rng.normal(size=500)
    plain, robust = ridge(columns, y), ridge(columns, y, fit=fit_robust_ridge)
    np.testing.assert_allclose(robust.coef, plain.coef, atol=0.03)
    np.testing.assert_allclose(robust.intercept, plain.intercept, atol=0.03)


@pytest.mark.parametrize("where", ["target", "column", "both", "many targets"])
def test_single_values_hardly_move_the_robust_regression(rng, where):
    columns = rng.normal(size=(500, 3))
    y = columns @ [1.0, -2.0, 0.0] + rng.normal(size=500)
    before = ridge(columns, y, fit=fit_robust_ridge)
    if where in ("target", "both"):
        y[7] = 1e6
    if where in ("column", "both"):
        columns[7, 1] = -1e6
    if where == "many targets":
        y[::20] = 1e4
    after = ridge(columns, y, fit=fit_robust_ridge)
    np.testing.assert_allclose(after.coef, before.coef, atol=0.05)
    np.testing.assert_allclose(after.intercept, before.intercept, atol=0.15 if where == "many targets" else 0.05)


@pytest.mark.parametrize("n_rows", [120, 1500])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_least_log_loss_is_that_of_logistic_regression(rng, n_classes, n_rows):
    columns = rng.normal(size=(n_rows, 8))
    label = np.digitize(columns[:, 2] + columns[:, 7] + rng.normal(size=n_rows), [0, 1][: n_classes - 1])
    weight = rng.integers(1, 4, n_rows)
    y = np.eye(n_classes)[label][:, 1 if n_classes == 2 else 0 :]
    given = (torch.from_numpy(some) for some in (columns, y, weight.astype(float)))
    columns_, y_, weight_ = given
    matrix, bias = fit_least_loss(columns_, LogLoss(), y_, weight_, y.shape[1])
    expected = LogisticRegression(C=1, tol=1e-10, max_iter=5000).fit(columns, label, weight / weight.mean())
    answers = LogLoss().predict(columns_ @ matrix.T + bias).numpy()
    proba = expected.predict_proba(columns)
    np.testing.assert_allclose(answers, proba[:, 1:] if n_classes == 2 else proba, atol=2e-5)
    assert n_classes == 2 or abs(bias.sum()) < 1e-12


def test_the_least_poisson_loss_is_that_of_poisson_regression(rng):
    columns = rng.normal(size=(900, 5))
    y = rng.poisson(np.exp(columns[:, 1] - 0.5 * columns[:, 3])).astype(float)
    tensors = torch.from_numpy(columns), torch.from_numpy(y[:, None]), torch.ones(900, dtype=torch.float64)
    matrix, bias = fit_least_loss(tensors[0], Poisson(), *tensors[1:], 1)
    expected = PoissonRegressor(alpha=1 / 900, tol=1e-10, max_iter=5000).fit(columns, y)
    np.testing.assert_allclose(matrix[0], expected.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bias, expected.intercept_, rtol=1e-4)


def test_a_few_rows_come_as_near_to_the_least_loss_as_rounding_allows(rng):
    columns, y = torch.from_numpy(rng.normal(size=(60, 24))), torch.from_numpy(rng.integers(2, size=(60, 1)) * 1.0)
    matrix, bias = fit_least_loss(columns, LogLoss(), y, torch.ones(60, dtype=torch.float64), 1)
    matrix, bias = matrix.requires_grad_(), bias.requires_grad_()
    total = LogLoss()(columns @ matrix.T + bias, y).sum() + 0.5 * matrix.square().sum()
    slopes = torch.autograd.grad(total, (matrix, bias))
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-12


def test_the_map_has_the_answer_and_the_gradient_of_its_definition():
    found = LinearMap(3, 2, 4, dtype=torch.float64)
    x = torch.randn(5, 6, 3, dtype=torch.float64)  # of the three channels it reads the first two
    observed = torch.rand(5, 6) < 0.7
    torch.nn.init.normal_(found.weight)
    observed[:, -1] = True
    observed[0] = False
    columns = x[:, 3:, :2].clone()
    for sequence, seen in zip(columns, observed[:, 3:], strict=True):
        sequence[~seen] = sequence[seen].mean(0) if seen.any() else 0.0
    torch.testing.assert_close(found(x, observed), columns.reshape(5, 6) @ found.weight.T)
    shorter = torch.cat([x[:, 4:, :2].mean(1, keepdim=True), x[:, 4:, :2]], dim=1)
    torch.testing.assert_close(found(x[:, 4:], None), shorter.reshape(5, 6) @ found.weight.T)
    slope = torch.randn(5, 4, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(found(x, observed), found.weight, slope)
    torch.testing.assert_close(gradient, slope.T @ columns.reshape(5, 6))


@settings(deadline=None)  # loops are compiled at first
@given(observed=arrays(bool, (5, 7)), n_read=st.integers(1, 9), n_more=st.integers(0, 2), level=st.integers(0, 2))
def test_the_map_reads_the_steps_up_to_the_last_observed_one(observed, n_read, n_more, level):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 7, 2 + n_more)) * observed[:, :, None]  # behind the first two what only layers read
    levels, factors = rng.normal(size=(5, 1)) * bool(level), rng.random((5, 1))
    if level == 2:  # what is missing of a channel with a factor counts as its level
        x[1, 1:4, 1] = np.nan
    moved = x.copy()
    moved[:, :, 1] -= levels
    if level == 2:
        moved[:, :, 1] = np.nan_to_num(moved[:, :, 1] * factors)
    expected = np.zeros((5, n_read, 2))
    for row, steps, seen in zip(expected, moved[:, :, :2], observed, strict=True):
        last = int(np.flatnonzero(seen)[-1]) if seen.any() else 6
        kept = range(max(0, last + 1 - min(n_read, 7)), last + 1)
        row[:] = np.mean([steps[i] for i in kept if seen[i]], axis=0) if seen.any() else 0
        for i in kept:
            if seen[i]:
                row[n_read - 1 - last + i] = steps[i]
    data = DeviceData(
        torch.from_numpy(x.reshape(35, -1)),
        torch.from_numpy(observed.ravel()),
        torch.arange(0, 35, 7),
        n_steps=7,
        level=torch.from_numpy(levels) if level else None,
        levelled=(1,) if level else (),
        n_linear=2,
        factor=torch.from_numpy(factors) if level == 2 else None,
    )
    by_torch = LinearMap(n_read, 2, 2 * n_read, dtype=torch.float64)
    np.testing.assert_allclose(by_torch.columns(*data.take(slice(None))), expected.reshape(5, -1), atol=1e-14)
    weight = np.eye(2 * n_read)
    compiled = CompiledMap(n_read, weight, np.zeros_like(weight))
    np.testing.assert_allclose(compiled.forward(data, slice(None)), expected.reshape(5, -1), atol=1e-14)


def test_the_compiled_map_adds_up_the_gradient_and_infers_in_blocks(rng, monkeypatch):
    base, starts = rng.normal(size=(30, 2)), torch.arange(24)
    data = DeviceData(torch.from_numpy(base), None, starts, n_steps=7)
    columns = np.lib.stride_tricks.sliding_window_view(base, 7, axis=0).swapaxes(1, 2)[:, 2:].reshape(24, 10)
    weight, gradient = rng.normal(size=(3, 10)), np.ones((3, 10))
    compiled = CompiledMap(5, weight, gradient)
    rows, slope = np.array([3, 0, 17]), rng.normal(size=(3, 3))
    np.testing.assert_allclose(compiled.forward(data, rows), columns[rows] @ weight.T)
    compiled.backward(slope)
    np.testing.assert_allclose(gradient, 1 + slope.T @ columns[rows])
    monkeypatch.setattr("skrnn._compiled.linear_map._AT_ONCE", 50)
    raw = np.ones((24, 3))
    compiled.infer(data, raw)
    np.testing.assert_allclose(raw, 1 + columns @ weight.T)
