"""The linear skip: ridge regression on the steps, measured from the last value of the target's own channel."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import REGRESSORS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skrnn import GRUClassifier, GRURegressor, RNNClassifier, SlidingWindowTransformer, horizon_targets, pad_sequences
from skrnn._compiled.skip import _columns as compiled_columns
from skrnn._data.on_device import DeviceData
from skrnn._data.sequences import Sequences
from skrnn._data.units import Scale
from skrnn._model.linear_skip import LinearSkip, steps_read
from skrnn._model.own_past import OwnPast
from skrnn._model.stages import LinearMap

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
PENALTIES = 10.0 ** np.arange(-7, 2.1, 0.5)


def fitted(X, y, weight=None, n_steps=99):
    sequences, weight = Sequences.of(X), np.ones(len(y)) if weight is None else weight
    scale = Scale.identity(X.shape[2])
    return LinearSkip.fit(sequences, scale, y.reshape(len(y), -1), weight, steps_read(n_steps, sequences))


def answers(skip, X):
    return skip.answer(Sequences.of(X))


def best_ridge(columns, y):
    """Ridge regression with the least generalised cross-validation error, by scikit-learn and the hat matrix."""
    n = len(y)
    models, errors = [], []
    centred = columns - columns.mean(axis=0)
    for penalty in PENALTIES * n:
        model = Ridge(penalty).fit(columns, y)
        hat = centred @ np.linalg.solve(centred.T @ centred + penalty * np.eye(centred.shape[1]), centred.T)
        errors.append(np.square(y - model.predict(columns).reshape(y.shape)).sum() / (n - 1 - np.trace(hat)) ** 2)
        models.append(model)
    return models[int(np.argmin(errors))]


def ar_series(rng, n=400):
    """A series with a memory of three steps."""
    x = np.zeros(n)
    for i in range(3, n):
        x[i] = 0.6 * x[i - 1] + 0.3 * x[i - 3] + rng.normal()
    return x


def windows(x, size, horizon=1):
    """Windows (n, size, 1) of a series and the values ``horizon`` steps after them."""
    X = np.lib.stride_tricks.sliding_window_view(x, size)[: len(x) - size - horizon + 1, :, None]
    return X, x[size + horizon - 1 :]


def small(**params):
    return GRURegressor(**{"hidden_size": 4, "max_iter": 3, "linear_skip": True, "random_state": 0, **params})


@pytest.mark.parametrize("n_targets", [1, 3])
def test_it_is_the_ridge_regression_with_the_least_gcv_error(rng, n_targets):
    X = rng.normal(size=(80, 5, 2))
    y = X.reshape(80, -1) @ rng.normal(size=(10, n_targets)) + 3 * rng.normal(size=(80, n_targets)) + 1
    skip = fitted(X, y)
    ridge = best_ridge(X.reshape(80, -1), y)
    np.testing.assert_allclose(answers(skip, X), ridge.predict(X.reshape(80, -1)).reshape(80, -1), rtol=1e-9)
    np.testing.assert_allclose(skip.spread, (y - answers(skip, X)).std(axis=0), rtol=1e-9)


def test_directions_in_which_nothing_varies_hold_no_rounding(rng):
    X, y = rng.normal(size=(12, 30, 1)), rng.integers(3, size=12).astype(float)
    weight = rng.integers(1, 5, size=12)
    others = rng.normal(size=(50, 30, 1))  # reach into the directions that the 12 rows lack
    weighted = answers(fitted(X, y, weight.astype(float)), others)
    repeated = answers(fitted(X.repeat(weight, axis=0), y.repeat(weight)), others)
    np.testing.assert_allclose(weighted, repeated, rtol=0, atol=1e-12)


def test_windows_and_targets_are_measured_from_the_last_value(rng):
    x = ar_series(rng).cumsum()
    X, y = windows(x, 6)
    skip = fitted(X, 2 * y + 5)  # in another unit
    np.testing.assert_allclose([skip.columns.own.slope[0], skip.columns.own.offset[0]], [2, 5], rtol=1e-9)
    last = X[:, -1, 0]
    differences = X[:, :, 0] - last[:, None]
    differences /= np.sqrt(np.mean(differences**2))
    ridge = best_ridge(differences, 2 * (y - last))
    np.testing.assert_allclose(answers(skip, X)[:, 0], ridge.predict(differences) + 2 * last + 5, rtol=1e-8)
    np.testing.assert_allclose(answers(skip, X + 1000), answers(skip, X) + 2000, rtol=1e-9)


def test_a_last_value_counts_where_a_series_returns_to_its_mean(rng):
    X, y = windows(5 + rng.normal(size=4000), 4)
    train, test = slice(0, 2000), slice(2000, None)
    skip = fitted(X[train], y[train])
    assert skip.columns.own.channel == 0
    error = np.mean(np.square(answers(skip, X[test])[:, 0] - y[test]))
    # From differences alone, the mean of the window is the best forecast: its error is 5/4.
    assert error < 1.03 * np.var(y[test])


def test_a_last_value_does_not_count_where_a_series_drifts(rng):
    X, y = windows(rng.normal(size=1000).cumsum(), 4)
    assert fitted(X, y).coef[-1] == 0


def test_what_a_last_value_is_worth_takes_200_sequences_to_tell(rng):
    X, y = windows(np.tile([1.0, -1.0], 101)[:201] + 0.1 * rng.normal(size=201), 1)
    assert fitted(X, y).coef[-1] != 0
    assert fitted(X[1:], y[1:]).coef[-1] == 0


def test_an_integer_weight_is_so_many_rows_in_any_order(rng):
    X, y, weight = rng.normal(size=(30, 4, 1)), rng.normal(size=30), rng.integers(1, 4, 30)
    order = rng.permutation(30)
    weighted = fitted(X[order], y[order], weight[order].astype(float))
    repeated = fitted(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-7, atol=1e-12)


def test_rows_in_blocks_are_rows_at_once(rng, monkeypatch):
    X, y = rng.normal(size=(50, 4, 2)), rng.normal(size=50)
    whole = fitted(X, y)
    monkeypatch.setattr("skrnn._model.linear_columns._AT_ONCE", 7 * 8)
    blocks = fitted(X, y)
    np.testing.assert_allclose(blocks.coef, whole.coef, rtol=1e-9)
    np.testing.assert_allclose(answers(blocks, X), answers(whole, X), rtol=1e-9)


def test_the_own_channel_is_found_behind_scalers_in_panels_and_for_all_steps(rng):
    index = pd.MultiIndex.from_product([["a", "b", "c"], pd.date_range("2024-01-01", periods=150, freq="h")])
    values = np.concatenate([ar_series(rng, 150) * scale for scale in (1, 5, 2)])
    frame = pd.DataFrame({"hour": np.tile(np.arange(150.0) % 24, 3), "load": values}, index=index)
    targets = horizon_targets(frame["load"], 4)
    rows = targets.notna().all(axis=1)
    model = make_pipeline(MinMaxScaler(), SlidingWindowTransformer(8, horizon=2, incomplete="ignore"), small())
    model.set_output(transform="pandas").fit(frame[rows], targets[rows])
    own = model[-1]._model.linear.columns.own
    assert own.channel.tolist() == [1, 1, 1, 1]
    slopes = own.slope * model[-1]._model.y_scale.std
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-6)


def test_the_own_channel_is_found_where_rows_are_left_out(rng):
    hours = np.arange(400)
    series = [np.sin(2 * np.pi * hours / 24 + i) + 10 * i + 0.1 * ar_series(rng) for i in range(30)]
    index = pd.MultiIndex.from_product([range(30), hours])
    frame = pd.DataFrame({"load": np.concatenate(series)}, index=index)
    targets = horizon_targets(frame["load"], 30)
    rows = targets.notna().all(axis=1).to_numpy() & (np.tile(hours, 30) % 12 == 0)
    windows = SlidingWindowTransformer(36, horizon=1, incomplete="ignore").fit_transform(frame)[rows]
    own = OwnPast.find(Sequences.of(windows), targets.to_numpy()[rows])
    np.testing.assert_array_equal(own.channel, 0)
    np.testing.assert_allclose(own.slope, 1, rtol=1e-9)


@pytest.mark.parametrize(("holes", "dropped"), [(0.2, 0.0), (0.0, 0.2), (0.1, 0.1)])
def test_the_own_channel_is_found_with_holes_and_without_some_rows(rng, holes, dropped):
    x = ar_series(rng, 900).cumsum()
    gappy = np.where(rng.random(900) < holes, np.nan, x)
    X, _ = windows(gappy, 40)
    rows = np.flatnonzero(rng.random(800) >= dropped)
    targets = np.stack([x[40 + ahead : 840 + ahead] for ahead in (0, 11, 23)], axis=1)
    own = OwnPast.find(Sequences.of(X[rows].copy()), targets[rows])
    np.testing.assert_array_equal(own.channel, 0)
    np.testing.assert_allclose(own.slope, 1, rtol=1e-9)


def test_a_level_is_not_lost_to_a_target_of_another_kind(rng):
    x = ar_series(rng).cumsum()
    X, y = windows(x, 6)
    other = X[:, 2, 0] + rng.normal(size=len(y))
    skip = fitted(X, np.column_stack([y, other]))
    assert r2_score(other, answers(skip, X)[:, 1]) > 0.95
    constant = fitted(X, np.column_stack([y, np.ones(len(y))]))
    np.testing.assert_allclose(answers(constant, X)[:, 0], answers(fitted(X, y), X)[:, 0], rtol=1e-6)
    np.testing.assert_allclose(answers(constant, X)[:, 1], 1, rtol=1e-9)


def test_series_in_turn_are_series(rng):
    table = np.stack([ar_series(rng, 150) for _ in range(5)])
    X = np.lib.stride_tricks.sliding_window_view(table, 8, axis=1)[:, :-1].swapaxes(0, 1).reshape(-1, 8, 1)
    own = OwnPast.find(Sequences.of(X.copy()), table[:, 8:].T.reshape(-1, 1))
    np.testing.assert_allclose([own.channel[0], own.slope[0], own.offset[0]], [0, 1, 0], atol=1e-9)


@pytest.mark.parametrize("shuffled", [False, True])
def test_without_an_order_in_time_there_is_no_own_channel(rng, shuffled):
    X, y = windows(ar_series(rng), 6)
    order = rng.permutation(len(y)) if shuffled else slice(None)
    assert (fitted(X[order].copy(), y[order]).columns.own.channel[0] == -1) == shuffled
    assert fitted(rng.normal(size=(50, 4, 2)), rng.normal(size=50)).columns.own.channel[0] == -1


def test_missing_steps_count_as_the_mean_of_the_others(rng):
    x = ar_series(rng)
    X, y = windows(x, 5)
    skip = fitted(X, y)
    gappy = X[:1].copy()
    gappy[0, [1, 4]] = np.nan
    ended = np.insert(gappy[0, :4], 0, np.nan, axis=0)[None]  # a step of NaN at the end is no part of the sequence
    moved = (ended - X[0, 3]) / skip.columns.unit  # what is measured from the last value, which is now that of step 3
    moved[np.isnan(moved)] = np.nanmean(moved)
    columns = np.append(moved, X[0, 3])[None]  # that last value is a column, too
    by_hand = columns @ skip.coef + skip.intercept + skip.columns.own.slope * X[0, 3] + skip.columns.own.offset
    np.testing.assert_allclose(answers(skip, gappy), by_hand, rtol=1e-12)
    plain = fitted(rng.normal(size=(50, 4, 2)), rng.normal(size=50))
    lacking = np.full((1, 4, 2), np.nan)
    np.testing.assert_allclose(answers(plain, lacking), answers(plain, np.zeros((1, 4, 2))), rtol=1e-12)


@given(st.integers(1, 9), st.integers(1, 9))
def test_sequences_of_any_length_are_read_from_their_end(n_steps, length):
    rng = np.random.default_rng(0)
    skip = fitted(rng.normal(size=(40, 6, 1)), rng.normal(size=40), n_steps=n_steps)
    X = rng.normal(size=(5, length, 1))
    padded = np.concatenate([np.full((5, 9 - length, 1), np.nan), X], axis=1)
    np.testing.assert_allclose(answers(skip, X), answers(skip, padded), rtol=1e-12)
    assert len(skip.coef) == min(n_steps, 6)


def test_wide_sequences_are_read_up_to_a_limit(rng):
    skip = fitted(rng.normal(size=(20, 40, 100)), rng.normal(size=20))
    assert skip.coef.shape == (2500, 1)


def linear_forecast(model, X):
    """The part of a fitted regressor that is in closed form."""
    inside = model._model
    return inside.y_scale.invert(inside.linear.answer(Sequences.of(X)))[:, 0]


def test_training_starts_from_the_linear_forecast_and_adds_to_it(rng):
    x = ar_series(rng, 800)
    X, y = windows(x + 0.3 * x**2, 6)
    model = small(early_stopping=True, max_iter=200, learning_rate_init=1e-12).fit(X[:600], y[:600])
    np.testing.assert_allclose(model.predict(X), linear_forecast(model, X), rtol=1e-6)
    better = small(hidden_size=16, max_iter=200).fit(X[:600], y[:600])
    assert better.score(X[:600], y[:600]) > model.score(X[:600], y[:600]) + 0.01


def test_the_linear_forecast_stays_unless_the_held_out_rows_are_surely_better(rng):
    X, y = windows(ar_series(rng, 700), 6)
    train, later = slice(0, 600), slice(600, None)
    kept = small(max_iter=30, learning_rate_init=0.05)
    kept.fit(X[train], y[train], X_val=X[later], y_val=y[later])
    assert kept.n_iter_ > 5
    np.testing.assert_allclose(kept.predict(X), linear_forecast(kept, X), rtol=1e-12)
    loss = np.mean((y - kept.predict(X))[later] ** 2) / (kept._model.linear.spread[0] * y[train].std()) ** 2
    assert kept.best_loss_ == pytest.approx(loss, rel=1e-6)
    assert kept.best_loss_ not in kept.validation_loss_curve_
    X = rng.normal(size=(900, 3, 1))
    y = X[:, 1, 0] * X[:, 2, 0]
    learnt = small(hidden_size=16, early_stopping=True, max_iter=200, learning_rate_init=0.01).fit(X, y)
    assert learnt.score(X, y) > 0.8
    assert learnt.best_loss_ in learnt.validation_loss_curve_
    assert r2_score(y, linear_forecast(learnt, X)) < 0.1


def test_a_linear_forecast_that_stays_alone_is_that_of_all_rows(rng):
    X, y = windows(ar_series(rng, 700), 6)
    kept = small(early_stopping=True, max_iter=30, learning_rate_init=0.05).fit(X, y)
    model = kept._model
    of_all = LinearSkip.fit(Sequences.of(X), model.x_scale, model.y_scale.apply(y[:, None], float), np.ones(694), 6)
    np.testing.assert_array_equal(model.linear.coef, of_all.coef)
    np.testing.assert_allclose(kept.predict(X), linear_forecast(kept, X), rtol=1e-12)
    trained = small(hidden_size=16, early_stopping=True, max_iter=50, learning_rate_init=0.01)
    X, y = windows(chaos(rng, 700), 6)
    model = trained.fit(X, y)._model
    parts = model.x_scale, model.y_scale.apply(y[:, None], float), np.ones(694)
    of_all = LinearSkip.fit(Sequences.of(X), *parts, 6)
    part = of_all.again(Sequences.of(X[:624]), parts[1][:624], parts[2][:624])
    np.testing.assert_array_equal(model.linear.coef, part.coef)
    assert model.linear_of_all is None


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


def test_sequences_at_the_start_of_a_series_are_left_out(rng):
    x = 10 * np.arange(1000.0) + 3 * np.sin(np.arange(1000) / 4) + rng.normal(size=1000)
    padded = np.concatenate([np.full(24, np.nan), x])
    X, y = windows(padded, 24)
    X = X[: len(y)]
    skip = fitted(X, y)
    known = skip.columns.known(Sequences.of(X))
    assert known == slice(24, 1000)
    other = fitted(X[known], y[known])
    np.testing.assert_allclose(skip.coef, other.coef, rtol=1e-9)
    model = small(max_iter=5, early_stopping=False).fit(X[:800], y[:800])
    assert 0.5 < model.loss_curve_[0] < 1.5  # 1 is the linear forecast
    assert np.std(model.predict(X[800:]) - y[800:]) < 1.15


def test_sequences_of_which_most_is_missing_count_where_they_are_many(rng):
    X, y = windows(ar_series(rng, 406).cumsum(), 6)
    X = X.copy()
    X[:80, :4] = np.nan
    X[:10] = np.nan
    columns = fitted(X, y).columns
    assert columns.known(Sequences.of(X)) == slice(10, 400)
    assert columns.known(Sequences.of(np.full((3, 6, 1), np.nan))) == slice(0, 3)
    X[100] = np.nan
    np.testing.assert_array_equal(np.flatnonzero(~columns.known(Sequences.of(X))), [*range(10), 100])


def test_the_layers_too_read_windows_from_their_last_value(rng):
    x = ar_series(rng).cumsum()
    X, y = windows(x + 0.1 * x * np.sin(x), 6)
    model = small(max_iter=20, learning_rate_init=0.02).fit(X, y)
    assert not np.allclose(model.predict(X), linear_forecast(model, X), rtol=1e-3)
    np.testing.assert_allclose(model.predict(X + 1000), model.predict(X) + 1000, rtol=1e-9)


def chaos(rng, n=1200):
    """A logistic map: the next value is a parabola of the last one."""
    x = np.full(n, 0.1)
    for i in range(1, n):
        x[i] = 3.9 * x[i - 1] * (1 - x[i - 1])
    return x + 0.01 * rng.normal(size=n)


def waves(rng, n=1200):
    """A series that follows a sine of what it was three steps before."""
    x = np.zeros(n)
    for i in range(3, n):
        x[i] = np.sin(3 * x[i - 3]) + 0.3 * rng.normal()
    return x


@pytest.mark.parametrize("series", [chaos, waves])
def test_the_layers_read_values_where_these_tell_more_than_differences(rng, series):
    X, y = windows(series(rng), 6)
    assert fitted(X, y).by_value
    assert fitted(50 * X + 1000, np.column_stack([7 * y - 3, 50 * y])).by_value
    noise = rng.normal(size=X.shape)
    assert fitted(np.concatenate([noise, X], axis=2), y, rng.integers(1, 3, len(y)).astype(float)).by_value
    gappy = np.where(rng.random(X.shape) < 0.02, np.nan, X)
    assert fitted(gappy, y).by_value


def test_layers_that_read_values_learn_where_a_sequence_stands(rng):
    X, y = windows(waves(rng), 6)
    model = small(hidden_size=8, max_iter=100, learning_rate_init=0.01).fit(X[:900], y[:900])
    # The noise is 0.3. Differences do not tell: with them, errors are 0.58 to 0.76.
    assert np.sqrt(np.mean(np.square(model.predict(X[900:]) - y[900:]))) < 0.4
    other = clone(model).fit(50 * X[:900] + 1000, 7 * y[:900] - 3)
    np.testing.assert_allclose(other.predict(50 * X + 1000), 7 * model.predict(X) - 3, rtol=1e-4, atol=1e-3)


def test_the_layers_read_differences_of_other_series(rng):
    for x in (rng.normal(size=2000), ar_series(rng, 2000), rng.normal(size=2000).cumsum()):
        assert not fitted(*windows(x, 6)).by_value
    trend = np.arange(2000) / 100 + np.sin(np.arange(2000) / 4) + 0.2 * rng.normal(size=2000)
    assert not fitted(*windows(trend, 6)).by_value


def test_what_values_tell_must_hold_for_later_rows(rng):
    X, _ = windows(chaos(rng), 6)
    later, _ = windows(ar_series(rng, 606), 6)
    mixed = np.concatenate([X[:599], later])
    assert not fitted(mixed, np.append(mixed[1:, -1, 0], 0.0)).by_value


@pytest.mark.parametrize("missing", ["skip", "indicator"])
@pytest.mark.parametrize("segment_size", [1, 3])
@pytest.mark.parametrize("n_steps", [True, 4])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("by_value", [False, True])
def test_the_compiled_network_is_that_of_torch(rng, monkeypatch, missing, segment_size, n_steps, gaps, by_value):
    x = chaos(rng, 300) if by_value else ar_series(rng, 300).cumsum()
    y = x[6:]
    X = np.lib.stride_tricks.sliding_window_view(np.stack([x, rng.normal(size=300)], axis=1), 6, axis=0)[:-1]
    X = X.swapaxes(1, 2).copy()
    if gaps:
        X[rng.random(X.shape) < 0.1] = np.nan
    params = {"linear_skip": n_steps, "segment_size": segment_size, "missing": missing, "batch_size": 32}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # steps that are lost
        compiled = small(**params).fit(X, y)
        monkeypatch.setattr("skrnn._model.model.kernel_of", lambda *_: None)
        by_torch = small(**params).fit(X, y)
    assert compiled._model.linear.by_value == by_value
    np.testing.assert_allclose(compiled.predict(X), by_torch.predict(X), rtol=1e-8)
    np.testing.assert_allclose(compiled.predict(X[:, 3:]), by_torch.predict(X[:, 3:]), rtol=1e-8)


def test_the_linear_map_has_the_gradient_of_its_definition():
    skip = LinearMap(3, 2, 4, dtype=torch.float64)
    x = torch.randn(5, 6, 2, dtype=torch.float64)
    observed = torch.rand(5, 6) < 0.7
    torch.nn.init.normal_(skip.weight)
    observed[:, -1] = True
    observed[0] = False
    columns = x[:, 3:].clone()
    for sequence, seen in zip(columns, observed[:, 3:], strict=True):
        sequence[~seen] = sequence[seen].mean(0) if seen.any() else 0.0
    torch.testing.assert_close(skip(x, observed), columns.reshape(5, 6) @ skip.weight.T)
    shorter = torch.cat([x[:, 4:].mean(1, keepdim=True), x[:, 4:]], dim=1)
    torch.testing.assert_close(skip(x[:, 4:], None), shorter.reshape(5, 6) @ skip.weight.T)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifiers_start_from_logistic_regression(rng, n_classes):
    X = rng.normal(size=(120, 4, 2))
    y = np.digitize(X[:, 1, 0] + X[:, 3, 1] + rng.normal(size=120), [0, 1][: n_classes - 1])
    weight = rng.integers(1, 4, 120)
    model = GRUClassifier(4, learning_rate_init=1e-12, max_iter=1, random_state=0).fit(X, y, weight)
    columns = ((X - model._model.x_scale.mean) / model._model.x_scale.std).reshape(120, -1)
    expected = LogisticRegression(C=1, tol=1e-10, max_iter=5000).fit(columns, y, weight / weight.mean())
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(columns), atol=2e-5)


WEIGHTED = {
    "squared error": (GRURegressor, {}),
    "absolute error": (GRURegressor, {"loss": "absolute_error"}),
    "poisson": (GRURegressor, {"loss": "poisson"}),
    "two classes": (GRUClassifier, {"class_weight": "balanced"}),
    "three classes": (GRUClassifier, {"class_weight": {0: 3.0}}),
}


@pytest.mark.parametrize("task", WEIGHTED)
def test_only_proportions_of_weights_count_and_equal_rows_count_as_one_of_their_weight(rng, task):
    kind, params = WEIGHTED[task]
    X = rng.normal(size=(60, 12, 2))  # few rows for 24 numbers: what a penalty is relative to shows
    y = rng.poisson(np.exp(0.5 * X[:, -1, 0] + 0.3 * rng.normal(size=60)))
    y = np.minimum(y, {"two classes": 1, "three classes": 2}.get(task, 99))
    y = y.astype(float) if kind is GRURegressor else y

    def answers(weight, X_fit=X, y_fit=y):
        model = kind(3, max_iter=2, batch_size=1000, random_state=0, **params).fit(X_fit, y_fit, weight)
        return (model.predict if kind is GRURegressor else model.predict_proba)(X)

    alike, counts, fractions = np.ones(60), rng.integers(1, 5, 60), rng.random(60)
    for weight in (alike, counts, fractions):
        expected = answers(weight)
        for factor in (1 / 60, 7.0, 1e6) if weight is counts else (0.1, 1e300):
            np.testing.assert_allclose(answers(factor * weight), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(answers(None), answers(alike))
    repeated = answers(None, X.repeat(counts, axis=0), y.repeat(counts))
    np.testing.assert_allclose(answers(counts), repeated, rtol=1e-6, atol=1e-8)
    counts[5:20] = 0
    removed = answers(counts[counts > 0], X[counts > 0], y[counts > 0])
    np.testing.assert_allclose(answers(counts * 1e-300), removed, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("classifier", [GRUClassifier, RNNClassifier])
def test_classes_of_a_linear_rule_are_learnt_through_the_map(rng, classifier):
    X = rng.normal(size=(1200, 30, 2))
    y = np.where(X[:, 3, 0] + X[:, 20, 1] > 0, "yes", "no")
    params = {"hidden_size": 4, "max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}
    scores = [classifier(linear_skip=n, **params).fit(X[:900], y[:900]).score(X[900:], y[900:]) for n in (True, False)]
    assert scores[0] > 0.9 > 0.75 > scores[1]


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_steps_one_by_one_end_with_the_prediction(regressor, rng):
    X, y = windows(ar_series(rng), 7)
    X = X.copy()
    X[::3, :2] = np.nan
    model = regressor(4, linear_skip=5, max_iter=2, random_state=0).fit(X, y)
    state = None
    for step in range(7):
        found, state = model.predict_step(X[:, step], state)
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-9)
    some, _ = model.predict_step(X[:9, 0], tuple(array[:, :9] for array in state))
    assert some.shape == (9,)
    with pytest.raises(ValueError, match="state must"):
        model.predict_step(X[:, 0], (*state, state[0]))


@pytest.mark.parametrize(
    "params",
    [{"loss": "absolute_error"}, {"loss": "huber"}, {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}],
    ids=str,
)
def test_units_do_not_matter(rng, params):
    X, y = windows(ar_series(rng), 5)
    model, other = small(**params).fit(X, y), small(**params).fit(100 * X - 7, 10 * y + 3)
    np.testing.assert_allclose(other.predict(100 * X - 7), 10 * model.predict(X) + 3, rtol=1e-5, atol=1e-6)


def test_spreads_and_quantiles_lie_around_the_linear_forecast(rng):
    x = ar_series(rng, 3000)
    X, y = windows(x, 5)
    mean, std = small(loss="gaussian", max_iter=60).fit(X, y).predict(X, return_std=True)
    assert np.std(y - mean) == pytest.approx(1, rel=0.1)
    np.testing.assert_allclose(std, 1, rtol=0.2)  # the noise of the series
    quantiles = small(loss="quantile", quantile=(0.1, 0.9), max_iter=60).fit(X, y).predict_quantiles(X)
    assert np.mean(y < quantiles[:, 0]) == pytest.approx(0.1, abs=0.03)
    assert np.mean(y < quantiles[:, 1]) == pytest.approx(0.9, abs=0.03)


def test_without_a_closed_form_the_map_starts_with_the_least_loss(rng):
    X = rng.normal(size=(900, 5, 1))
    y = rng.poisson(np.exp(X[:, 1, 0] - 0.5 * X[:, 3, 0])).astype(float)
    model = small(loss="poisson", max_iter=1, learning_rate_init=1e-12).fit(X, y)
    assert model._model.linear is None
    columns = (X[:, :, 0] - model._model.x_scale.mean) / model._model.x_scale.std
    # The regression minimises mean(y_hat - y log y_hat) + alpha / 2 |w|^2; the loss here is in units of the mean of y.
    expected = PoissonRegressor(alpha=y.mean() / 900, tol=1e-10, max_iter=5000).fit(columns, y).predict(columns)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4)
    assert small(return_sequences=True).fit(X, X[:, :, 0])._model.spec.skip_steps == 0


def test_training_goes_on_with_the_first_linear_forecast(rng):
    X, y = windows(ar_series(rng), 5)
    model = small(warm_start=True).fit(X, y)
    first = model._model.linear
    assert model.fit(X + 1, y)._model.linear is first
    with pytest.raises(ValueError, match="linear_skip of GRURegressor changed from True to 3"):
        model.set_params(linear_skip=3).fit(X, y)


@pytest.mark.parametrize("estimator", [GRURegressor, RNNClassifier])
@pytest.mark.parametrize("linear_skip", [True, 3])
@pytest.mark.parametrize("options", [{}, {"norm": "layer"}, {"missing": "indicator"}], ids=str)
def test_padding_in_front_behind_or_none_is_the_same(rng, estimator, linear_skip, options):
    sequences = [rng.normal(size=(length, 2)) for length in rng.integers(2, 9, 40)]
    if not options:
        sequences[0][1] = np.nan  # a hole stays in its place
    front = pad_sequences(sequences)
    behind = np.full_like(front, np.nan)
    for row, sequence in zip(behind, sequences, strict=True):
        row[: len(sequence)] = sequence
    more = np.concatenate([behind, np.full((40, 3, 2), np.nan)], axis=1)
    y = front[:, -1, 0]
    y = y > 0 if estimator is RNNClassifier else y
    models = [estimator(4, linear_skip=linear_skip, max_iter=3, random_state=0, **options) for _ in range(3)]
    answer = "decision_function" if estimator is RNNClassifier else "predict"
    expected = getattr(models[0].fit(front, y), answer)(front)
    for model, X in zip(models[1:], (behind, more), strict=True):
        np.testing.assert_allclose(getattr(models[0], answer)(X), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(getattr(model.fit(X, y), answer)(X), expected, rtol=1e-9, atol=1e-12)
    alone = [getattr(models[0], answer)(sequence[None]) for sequence in sequences]
    np.testing.assert_allclose(np.concatenate(alone), expected, rtol=1e-9, atol=1e-12)


@given(
    observed=arrays(bool, (5, 7)),
    n_read=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_the_map_reads_the_steps_up_to_the_last_observed_one(observed, n_read, seed):
    x = np.random.default_rng(seed).normal(size=(5, 7, 2)) * observed[:, :, None]
    expected = np.zeros((5, n_read, 2))
    for row, steps, seen in zip(expected, x, observed, strict=True):
        last = int(np.flatnonzero(seen)[-1]) if seen.any() else 6
        kept = range(max(0, last + 1 - min(n_read, 7)), last + 1)
        row[:] = np.mean([steps[i] for i in kept if seen[i]], axis=0) if seen.any() else 0
        for i in kept:
            if seen[i]:
                row[n_read - 1 - last + i] = steps[i]
    found = LinearMap(n_read, 2, 1, dtype=torch.float64).columns(torch.from_numpy(x), torch.from_numpy(observed))
    np.testing.assert_allclose(found, expected.reshape(5, -1), atol=1e-15)
    data = DeviceData(
        torch.from_numpy(x.reshape(-1, 2)), torch.from_numpy(observed.ravel()), torch.arange(0, 35, 7), n_steps=7
    )
    np.testing.assert_allclose(compiled_columns(data, slice(None), n_read), expected.reshape(5, -1), atol=1e-15)
