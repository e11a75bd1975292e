"""What all regressors do alike: units, rows, missing steps, weights, targets, early stopping, going on."""

import pickle

import numpy as np
import pytest
from conftest import REGRESSORS, one_for_all
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skrnn import GRURegressor, LSTMRegressor, RNNRegressor, SlidingWindowTransformer
from skrnn._estimators.settings import plan_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(params=one_for_all(*REGRESSORS), ids=lambda regressor: regressor.__name__)
def regressor(request):
    return request.param


@pytest.fixture
def data(rng):
    X = rng.normal(size=(60, 6, 2))
    return X, X[:, -1, 0] + 0.5 * X[:, -2, 1]


def small(regressor, **params):
    return regressor(**{"hidden_size": 4, "max_iter": 5, "early_stopping": False, "random_state": 0, **params})


@pytest.mark.parametrize("bidirectional", [False, True])
def test_units_do_not_matter(regressor, data, bidirectional):
    X, y = data
    model = small(regressor, bidirectional=bidirectional, num_layers=2)
    expected = clone(model).fit(X, y).predict(X)
    np.testing.assert_allclose(clone(model).fit(X, 1000 * y + 5).predict(X), 1000 * expected + 5, rtol=1e-6)
    fahrenheit = X * [1, 9 / 5] + [0, 32]
    np.testing.assert_allclose(clone(model).fit(fahrenheit, y).predict(fahrenheit), expected, rtol=1e-6)


def test_a_prediction_depends_on_its_own_row_only(regressor, data):
    X, y = data
    X[::7, :2] = np.nan
    model = small(regressor, num_layers=2, bidirectional=True, dropout=0.3).fit(X, y)
    together = model.predict(X)
    alone = np.concatenate([model.predict(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(alone, together, rtol=1e-9)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(model.predict(X[order]), together[order], rtol=1e-9)


def test_a_step_of_nan_is_no_step_and_not_a_zero(regressor, data):
    X, y = data
    model = small(regressor, bidirectional=True, linear_skip=False).fit(X, y)
    padded = np.concatenate([np.full((60, 3, 2), np.nan), X], axis=1)
    np.testing.assert_allclose(model.predict(padded), model.predict(X), rtol=1e-12)
    holes = X.copy()
    holes[:, 2, 1] = np.nan
    np.testing.assert_allclose(model.predict(holes), model.predict(np.delete(X, 2, axis=1)), rtol=1e-12)
    zeros = np.nan_to_num(padded)
    assert not np.allclose(model.predict(zeros), model.predict(X), rtol=1e-3)
    # Also in training: padding changes nothing.
    np.testing.assert_allclose(clone(model).fit(padded, y).predict(X), model.predict(X), rtol=1e-6)


def test_a_view_and_its_dense_copy_give_the_same_fit(regressor, series):
    windows = SlidingWindowTransformer(5, horizon=1).fit_transform(series)
    y = series["load"]
    weight = np.random.default_rng(0).integers(0, 3, size=len(y))
    fits = [small(regressor).fit(W, y, sample_weight=weight) for W in (windows, windows.copy())]
    np.testing.assert_allclose(fits[0].predict(windows), fits[1].predict(windows), rtol=1e-9)
    np.testing.assert_allclose(fits[0].predict(windows), fits[0].predict(windows.copy()), rtol=1e-12)


def test_zero_weight_equals_removal_and_integer_weight_repetition(regressor, data):
    X, y = data
    model = small(regressor, batch_size=1000)
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    weighted = clone(model).fit(X, y, sample_weight=weight).predict(X)
    repeated = clone(model).fit(X.repeat(weight, axis=0), y.repeat(weight)).predict(X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-7)


def test_weights_count_in_proportion_also_in_small_batches(regressor, data):
    X, y = data
    weight = np.random.default_rng(0).random(len(y))
    model = small(regressor, batch_size=7)
    first, second = (clone(model).fit(X, y, sample_weight=w).predict(X) for w in (weight, 10 * weight))
    np.testing.assert_allclose(first, second, rtol=1e-7)


def test_predictions_come_back_in_the_shape_of_y_and_the_type_of_x(regressor, data):
    X, y = data
    for target in (y, y[:, None], np.column_stack([y, -y])):
        for dtype in (np.float32, np.float64):
            predicted = small(regressor, max_iter=2).fit(X.astype(dtype), target).predict(X.astype(dtype))
            assert predicted.shape == target.shape
            assert predicted.dtype == dtype
    whole = np.round(10 * X).astype(int)
    assert small(regressor, max_iter=2).fit(whole, y).predict(whole).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_can_be_forced(data, dtype):
    X, y = data
    forced = small(GRURegressor, dtype=dtype).fit(X, y).predict(X)
    followed = small(GRURegressor).fit(X.astype(dtype), y).predict(X.astype(dtype))
    assert forced.dtype == np.float64
    np.testing.assert_allclose(forced, followed, rtol=1e-4, atol=1e-5)
    if dtype == "float64":
        np.testing.assert_allclose(forced, followed, rtol=1e-12)


def test_large_targets_keep_their_precision(regressor, data):
    X, y = data
    offset = clone(small(regressor)).fit(X, y + 1e9).predict(X) - 1e9
    np.testing.assert_allclose(offset, small(regressor).fit(X, y).predict(X), atol=1e-4)


def test_shapes_of_x_are_features_or_channels(regressor, data):
    X, y = data
    model = small(regressor).fit(X, y)
    assert model.n_features_in_ == 2
    assert model.predict(X[:, :3]).shape == (60,)
    with pytest.raises(ValueError, match=r"X has 1 features, but .* is expecting 2 features"):
        model.predict(X[:, :, :1])
    table = X.reshape(60, 12)
    unrolled = small(regressor, n_channels=2).fit(table, y)
    assert unrolled.n_features_in_ == 12
    np.testing.assert_allclose(unrolled.predict(table), model.predict(X), rtol=1e-12)
    single = small(regressor).fit(table, y)
    np.testing.assert_allclose(
        single.predict(table), small(regressor).fit(table[:, :, None], y).predict(table[:, :, None])
    )


def test_channels_are_read_from_the_names_of_flat_windows(regressor, series):
    flat = SlidingWindowTransformer(5, horizon=1, flatten=True).set_output(transform="pandas").fit_transform(series)
    deep = SlidingWindowTransformer(5, horizon=1).fit_transform(series)
    y = series["load"]
    np.testing.assert_allclose(
        small(regressor).fit(flat, y).predict(flat), small(regressor).fit(deep, y).predict(deep), rtol=1e-12
    )


def test_early_stopping_holds_out_the_last_rows_and_gives_the_best_weights(regressor, data):
    X, y = data
    params = {"early_stopping": True, "linear_skip": False, "learning_rate_init": 0.1, "max_iter": 30, "refit": False}
    model = small(regressor, **params, validation_fraction=0.2).fit(X, y)
    given = small(regressor, **params).fit(X[:48], y[:48], X_val=X[48:], y_val=y[48:])
    np.testing.assert_array_equal(model.predict(X), given.predict(X))
    scaled = (y[-12:] - model.predict(X[-12:])) / y[:48].std()
    assert np.mean(scaled**2) == pytest.approx(min(model.validation_loss_curve_), rel=1e-6)
    assert model.best_loss_ == min(model.validation_loss_curve_)

    # With k targets in a row, those of the k - 1 rows before may lie among the held-out ones.
    Y = np.column_stack([y, y, y])
    model = small(regressor, **params, validation_fraction=0.2).fit(X, Y)
    given = small(regressor, **params).fit(X[:46], Y[:46], X_val=X[48:], y_val=Y[48:])
    np.testing.assert_array_equal(model.predict(X), given.predict(X))


def test_a_validation_set_takes_the_place_of_the_held_out_rows(regressor, data):
    X, y = data
    model = small(regressor, early_stopping=True, max_iter=8)
    ours = clone(model).fit(X[:48], y[:48], X_val=X[48:, -3:], y_val=y[48:])
    other = clone(model).set_params(validation_fraction=0.2, refit=False).fit(X, y)
    assert ours.loss_curve_ == pytest.approx(other.loss_curve_)
    assert ours.validation_loss_curve_ != other.validation_loss_curve_
    weight = np.zeros(12)
    weight[0] = 1
    weighted = clone(model).fit(X[:48], y[:48], X_val=X[48:], y_val=y[48:], sample_weight_val=weight)
    one = clone(model).fit(X[:48], y[:48], X_val=X[48:49], y_val=y[48:49])
    assert weighted.validation_loss_curve_ == pytest.approx(one.validation_loss_curve_)


def test_partial_fit_is_exactly_one_epoch_of_fit(regressor, data):
    X, y = data
    whole = small(regressor, batch_size=13, max_iter=3, learning_rate="constant").fit(X, y)
    pieces = small(regressor, batch_size=13)
    for _ in range(3):
        pieces.partial_fit(X, y)
    assert pieces.n_iter_ == 3
    assert pieces.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(pieces.predict(X), whole.predict(X))
    # The units are those of the first call.
    before = pieces.predict(X)
    pieces.set_params(learning_rate_init=1e-12).partial_fit(1000 * X, y)
    np.testing.assert_allclose(pieces.predict(X), before, atol=1e-6)


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_training_goes_on_without_the_compiled_loops(data, monkeypatch, solver):
    X, y = data
    model = GRURegressor(4, num_layers=2, solver=solver, random_state=0).partial_fit(X, y)
    moved = pickle.loads(pickle.dumps(model))
    model.partial_fit(X, y)
    monkeypatch.setattr("skrnn._model.engine.kernel_of", lambda *_: None)
    np.testing.assert_allclose(moved.partial_fit(X, y).predict(X), model.predict(X), rtol=1e-7)


def test_warm_start_goes_on_with_both_curves(data):
    X, y = data
    model = GRURegressor(4, max_iter=3, warm_start=True, early_stopping=True, random_state=0).fit(X, y).fit(X, y)
    assert len(model.loss_curve_) == len(model.validation_loss_curve_) == model.n_iter_ == 6


@pytest.mark.parametrize("solver", ["sgd", "rmsprop"])
def test_warm_start_takes_another_solver(data, solver):
    X, y = data
    model = GRURegressor(4, max_iter=3, learning_rate_init=0.001, warm_start=True, random_state=0).fit(X, y)
    before = model.loss_curve_
    model.set_params(solver=solver).fit(X, y)
    assert model.loss_curve_[:3] == before
    assert model.loss_curve_[3] <= before[-1] * 1.01


def test_warm_start_goes_on_and_a_cold_start_does_not(regressor, data):
    X, y = data
    whole = small(regressor, max_iter=6, tol=0, learning_rate="constant").fit(X, y)
    parts = small(regressor, max_iter=3, tol=0, learning_rate="constant", warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))
    assert parts.n_iter_ == len(parts.loss_curve_) == 6
    np.testing.assert_array_equal(whole.fit(X, y).predict(X), parts.predict(X))


@pytest.mark.parametrize(
    "change", [{"hidden_size": 5}, {"num_layers": 2}, {"bidirectional": True}, {"loss": "absolute_error"}]
)
def test_warm_start_refuses_another_architecture(data, change):
    X, y = data
    model = small(GRURegressor, warm_start=True).fit(X, y)
    before = model.predict(X)
    (name,) = change
    with pytest.raises(ValueError, match=f"{name} of GRURegressor changed from"):
        model.set_params(**change).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)
    with pytest.raises(ValueError, match="y has 2 outputs, but GRURegressor was fitted with 1"):
        small(GRURegressor, warm_start=True).fit(X, y).fit(X, np.column_stack([y, y]))


def test_random_state_decides_everything(regressor, data):
    X, y = data
    model = small(regressor, dropout=0.2, num_layers=2, batch_size=7, linear_skip=False)
    first, second = (clone(model).fit(X, y).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, clone(model).set_params(random_state=1).fit(X, y).predict(X))
    generator = np.random.RandomState(0)
    moving = clone(model).set_params(random_state=generator)
    assert not np.array_equal(moving.fit(X, y).predict(X), moving.fit(X, y).predict(X))


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_defaults_learn(regressor, rng):
    X = rng.normal(size=(200, 10, 1))
    y = X[:, -1, 0] - 0.5 * X[:, -3, 0]
    assert regressor(random_state=0).fit(X, y).score(X, y) > 0.9


def test_nonlinearity_of_the_simple_network_is_used(data):
    X, y = data
    tanh, relu = (
        small(RNNRegressor, nonlinearity=name, linear_skip=False).fit(X, y).predict(X) for name in ("tanh", "relu")
    )
    assert not np.allclose(tanh, relu)


def test_a_fit_that_has_not_settled_warns_and_one_that_has_does_not(data, recwarn):
    X, y = data
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(5\) reached"):
        small(LSTMRegressor, learning_rate="constant").fit(X, y)
    recwarn.clear()
    settled = small(LSTMRegressor, learning_rate="constant", max_iter=200, tol=10.0, n_iter_no_change=2).fit(X, y)
    assert settled.n_iter_ == 4
    assert not [w for w in recwarn if issubclass(w.category, ConvergenceWarning)]


def test_verbose_shows_a_bar_and_silence_is_the_default(data, capfd):
    X, y = data
    small(GRURegressor).fit(X, y)
    assert capfd.readouterr() == ("", "")
    small(GRURegressor, verbose=1, early_stopping=True).fit(X, y)
    out, err = capfd.readouterr()
    assert out == ""
    assert "GRURegressor" in err
    assert "5/5" in err
    assert "loss=" in err
    assert "validation_loss=" in err


def test_many_steps_lost_to_single_channels_are_told(data):
    X, y = data
    X[:, 1:4, 1] = np.nan
    with pytest.warns(UserWarning, match="50% of the observed steps of X are skipped .* channel 1") as caught:
        small(GRURegressor, max_iter=1).fit(X, y)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("order", ["reversed", "big endian", "half", "long double", "read-only", "Fortran", "list"])
def test_any_layout_of_numbers_is_taken(data, order):
    X, y = data
    variants = {
        "reversed": np.ascontiguousarray(X[::-1])[::-1],
        "big endian": X.astype(">f8"),
        "half": X.astype(np.float16),
        "long double": X.astype(np.longdouble),
        "read-only": X.copy(),
        "Fortran": np.asfortranarray(X),
        "list": X.tolist(),
    }
    variant = variants[order]
    if order == "read-only":
        variant.setflags(write=False)
    model = small(GRURegressor, max_iter=2)
    expected = clone(model).fit(X, y).predict(X)
    tolerance = 0.05 if order == "half" else 1e-12
    np.testing.assert_allclose(clone(model).fit(variant, y).predict(variant), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(X, data[0])


@pytest.mark.parametrize(
    ("n", "early_stopping", "watches"), [(39, "auto", False), (40, "auto", True), (20, True, True)]
)
def test_early_stopping_begins_by_itself_with_many_rows(rng, n, early_stopping, watches):
    X = rng.normal(size=(n, 2, 1))
    model = GRURegressor(2, max_iter=2, early_stopping=early_stopping).fit(X, X[:, 0, 0])
    assert (model.validation_loss_curve_ is not None) == watches
    never = GRURegressor(2, max_iter=2, early_stopping=False).fit(X, X[:, 0, 0])
    assert never.validation_loss_curve_ is None
    given = GRURegressor(2, max_iter=2).fit(X, X[:, 0, 0], X_val=X[:9], y_val=X[:9, 0, 0])
    assert len(given.validation_loss_curve_) == 2


@pytest.mark.parametrize(("n", "size"), [(40, 40), (64, 64), (3000, 64), (6000, 100), (30_000, 200)])
def test_a_batch_is_a_sixtieth_of_the_rows_within_bounds(n, size):
    assert plan_of(GRURegressor(), n, 1).batch_size == size
    assert plan_of(GRURegressor(batch_size=500), n, 1).batch_size == min(500, n)


@pytest.mark.parametrize(
    ("options", "constant"),
    [
        ({}, 20.0),
        ({"linear_skip": False}, 20.0),
        ({"loss": "huber"}, 20.0),
        ({"missing": "indicator"}, 20.0),
        ({"missing": "indicator"}, np.nan),
    ],
)
def test_a_channel_that_was_constant_in_fit_counts_for_nothing_later(rng, options, constant):
    X = rng.normal(size=(60, 4, 2))
    X[:, :, 1] = constant
    y = np.abs(X[:, -1, 0])
    model = GRURegressor(4, max_iter=3, random_state=0, **options).fit(X, y)
    changed = X.copy()
    changed[:, 2, 1] = 25.0
    with pytest.warns(UserWarning, match=r"Channel 1 of X holds 25, but was constant"):
        found = model.predict(changed)
    if np.isnan(constant):
        changed[:, 2, 1] = 30.0  # a value where there was none is told from none, not from another
        with pytest.warns(UserWarning, match="Channel 1"):
            expected = model.predict(changed)
    else:
        expected = model.predict(X)
    np.testing.assert_array_equal(found, expected)


def test_that_values_are_missing_counts_for_nothing_if_fit_knew_none(rng):
    X = rng.normal(size=(60, 4, 2))
    model = small(GRURegressor, missing="indicator", linear_skip=False).fit(X, X[:, -1, 0])
    gappy, filled = X.copy(), X.copy()
    gappy[:, 1, 1], filled[:, 1, 1] = np.nan, X[:, :, 1].mean()
    np.testing.assert_allclose(model.predict(gappy), model.predict(filled), rtol=1e-9)


def test_a_channel_is_learnt_from_when_a_later_batch_varies_in_it(rng):
    X = rng.normal(size=(400, 3, 2))
    y = X[:, -1, 1]
    first = X.copy()
    first[:, :, 1] = 7.0
    model = GRURegressor(8, linear_skip=False, learning_rate_init=0.02, random_state=0)
    model.partial_fit(first, first[:, -1, 0])
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.8


def test_windows_at_the_start_of_a_series_are_not_learnt_from_unless_they_are_most(regressor, rng):
    series = rng.normal(size=(90, 2))
    y = series[:, 0] * np.roll(series[:, 1], 3)
    for horizon, loss in ((0, "squared_error"), (1, "squared_error"), (0, "poisson")):
        W = SlidingWindowTransformer(9, horizon=horizon).fit(series).transform(series)
        target, n = y**2 if loss == "poisson" else y, 8 + horizon
        model = small(regressor, loss=loss, max_iter=2)
        whole, complete = (clone(model).fit(W[first:], target[first:]).predict(W) for first in (0, n))
        np.testing.assert_array_equal(whole, complete)
        few = clone(model).fit(W[: n + 5], target[: n + 5]).predict(W)
        assert np.abs(few - clone(model).fit(W[n : n + 5], target[n : n + 5]).predict(W)).max() > 1e-3
    steps = small(regressor, return_sequences=True, max_iter=2).fit(W, np.tile(y[:, None], 9))
    assert np.any(
        steps.predict(W)
        != small(regressor, return_sequences=True, max_iter=2).fit(W[8:], np.tile(y[8:, None], 9)).predict(W)
    )
