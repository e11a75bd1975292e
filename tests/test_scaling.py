"""In what sequences and targets are measured, as users see it."""

import pickle

import numpy as np
import pytest
from conftest import ar_series, one_for_all, windows
from sklearn.preprocessing import MinMaxScaler

from skrnn import GRUClassifier, GRURegressor, LSTMRegressor, RNNRegressor
from skrnn._data.sequences import Sequences
from skrnn._estimators.learnt import in_words
from skrnn._model.anchor import Anchor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
    pytest.mark.filterwarnings("ignore:.*hold no observed step"),
]
WAYS = ["mean", "std"]
FAR = 2.0 * 1000  # from one size to another


def small(**params):
    learning = {"max_iter": 3, "learning_rate_init": 0.02, "early_stopping": False}
    return GRURegressor(**{"hidden_size": 4, "random_state": 0, **learning, **params})


def panel(rng, sizes, *, holes=False):
    """Windows (n, 6, 2) of series that are alike but for their size, beside noise, with the next values of each."""
    found = []
    for size in sizes:
        x = (10 + ar_series(rng, 80)) * size
        if holes:
            x[rng.random(80) < 0.1] = np.nan
        X, y = windows(x, 6)
        keep = ~np.isnan(y)
        found.append((np.concatenate([X, rng.normal(size=X.shape)], axis=2)[keep], y[keep]))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def multiplied(X, factor):
    X = X.copy()
    X[..., 0] *= factor
    return X


def readings(model, X):
    """Whatever a model tells, each (n, ...)."""
    if model.loss == "gaussian":
        return model.predict(X, return_std=True)
    if model.loss == "quantile":
        return model.predict(X), model.predict_quantiles(X)
    return (model.predict(X), model.predict(X, linear_only=True)) if model.linear_steps_ else (model.predict(X),)


OPTIONS = [
    {},
    {"loss": "gaussian"},
    {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)},
    {"loss": "huber"},
    {"anchor": "last", "linear_skip": False},
    {"segment_size": 3},
    {"pooling": "mean"},
    {"missing": "indicator"},
    {"norm": "layer", "bidirectional": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("scaling", WAYS)
def test_a_series_that_is_multiplied_gets_the_same_answers_multiplied(rng, scaling, options):
    X, y = panel(rng, (1, 50), holes=True)
    model = small(scaling=scaling, **options).fit(X, y)
    assert model.uses_recurrence_
    for before, after in zip(readings(model, X), readings(model, multiplied(X, FAR)), strict=True):
        np.testing.assert_allclose(after, FAR * before, rtol=1e-10)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("scaling", WAYS)
def test_a_series_of_the_fit_that_is_multiplied_leaves_the_network_as_it_is(rng, scaling, options):
    X, y = panel(rng, (1, 50), holes=True)
    factors = np.where(y > 100, FAR, 1.0)
    model, other = (small(scaling=scaling, solver="sgd", **options) for _ in range(2))
    model.fit(X, y)
    other.fit(multiplied(X, factors[:, None]), y * factors)
    for name, weights in model.weights_.items():
        np.testing.assert_allclose(other.weights_[name], weights, rtol=1e-7, atol=1e-10)
    for before, after in zip(readings(model, X), readings(other, multiplied(X, factors[:, None])), strict=True):
        np.testing.assert_allclose((after.T / factors).T, before, rtol=1e-8)


@pytest.mark.parametrize("Regressor", one_for_all(GRURegressor, LSTMRegressor, RNNRegressor))
@pytest.mark.parametrize("scaling", WAYS)
def test_single_precision_is_enough_for_series_of_any_size(rng, scaling, Regressor):
    X, y = (some.astype(np.float32) for some in panel(rng, (1e-4, 1e6)))
    model = Regressor(4, scaling=scaling, max_iter=3, learning_rate_init=0.02, early_stopping=False, random_state=0)
    model.fit(X, y)
    answers = model.predict(X)
    assert answers.dtype == np.float32
    in_double = model.set_params(dtype="float64").fit(X.astype(float), y.astype(float)).predict(X.astype(float))
    np.testing.assert_allclose(answers, in_double, rtol=1e-3)
    np.testing.assert_allclose(model.predict(multiplied(X, np.float32(1e-15))), answers * 1e-15, rtol=1e-3)


@pytest.mark.parametrize("scaling", WAYS)
def test_sizes_are_those_of_the_past_of_the_target_in_its_own_unit(rng, scaling):
    X = rng.normal(5, 2, size=(40, 7, 2))
    X[rng.random(X.shape) < 0.3] = np.nan
    X[0, :, 1] = np.nan
    anchor = Anchor(np.array([1, -1, 1]), np.array([2.0, 0, 3]), np.array([7.0, 4, 6]), True, scaling)
    sizes = anchor.sizes(Sequences.of(X), np.array([11.0]))
    past = 2 * X[1:, :, 1] + 7
    expected = np.nanmean(np.abs(past), axis=1) if scaling == "mean" else np.nanstd(past, axis=1)
    found = anchor.sizes_of_targets(sizes)
    np.testing.assert_allclose(found[1:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(found[1:, 2], 1.5 * expected, rtol=1e-12)
    np.testing.assert_array_equal(found[:, 1], 1)
    assert sizes[0] == 11


@pytest.mark.parametrize("scaling", WAYS)
def test_sizes_are_found_where_squares_leave_the_range_of_floats(rng, scaling):
    X = rng.normal(5, 2, size=(9, 7, 1))
    anchor = Anchor(np.array([0]), np.ones(1), np.zeros(1), True, scaling)
    sizes = anchor.sizes(Sequences.of(X), np.ones(1))
    for factor in (1e-300, 1e300):
        np.testing.assert_allclose(anchor.sizes(Sequences.of(X * factor), np.ones(1)), sizes * factor, rtol=1e-12)


@pytest.mark.parametrize("scaling", WAYS)
def test_a_scaler_in_front_changes_nothing(rng, scaling):
    X, y = panel(rng, (1, 50))
    scaled = X.copy()
    scaled[..., 0] = MinMaxScaler().fit_transform(X[..., :1].reshape(-1, 1)).reshape(X.shape[:2])
    model, other = small(scaling=scaling).fit(X, y), small(scaling=scaling).fit(scaled, y)
    np.testing.assert_allclose(other.predict(scaled), model.predict(X), rtol=1e-7)


@pytest.mark.parametrize("scaling", WAYS)
def test_a_sequence_whose_past_tells_no_size_gets_its_last_value(rng, scaling):
    X, y = panel(rng, (1, 50))
    model = small(scaling=scaling, loss="gaussian").fit(X, y)
    strange = X[:3].copy()
    strange[0, :, 0] = 0
    strange[1, :, 0] = 0.1 if scaling == "std" else 0  # rounding of a mean is no spread
    strange[2, :-1, 0], strange[2, -1, 0] = np.nan, 3 if scaling == "std" else 0
    answers, std = model.predict(strange, return_std=True)
    np.testing.assert_allclose(answers, strange[:, -1, 0], rtol=1e-12)
    np.testing.assert_array_equal(std, 0)


@pytest.mark.parametrize("options", [{}, {"loss": "gaussian"}, {"missing": "indicator"}], ids=str)
@pytest.mark.parametrize("scaling", WAYS)
def test_answers_to_windows_of_nothing_are_finite_and_not_sure(rng, scaling, options):
    X, y = panel(rng, (1, 50))
    model = small(scaling=scaling, **options).fit(X, y)
    nothing = np.full((2, 6, 2), np.nan)
    answers = readings(model, nothing)
    assert np.isfinite(answers).all()
    if "loss" in options:
        assert np.all(answers[1] > 0.01 * y.std())


@pytest.mark.parametrize("scaling", WAYS)
def test_windows_of_one_step_are_answered(rng, scaling):
    x = np.exp(ar_series(rng, 60))
    X, y = x[:-1, None, None], x[1:]
    model = small(scaling=scaling).fit(X, y)
    if scaling == "std":
        np.testing.assert_array_equal(model.predict(X), X[:, 0, 0])  # one value has no spread
    else:
        np.testing.assert_allclose(model.predict(X), X[:, 0, 0] * (model.predict(X[:1]) / X[0, 0]), rtol=1e-12)


@pytest.mark.parametrize("scaling", WAYS)
def test_nothing_is_learnt_from_what_tells_no_size(rng, scaling):
    X, y = panel(rng, (1, 50))
    X = X[..., :1]
    constant = np.zeros((20, 6, 1)) + (7 if scaling == "std" else 0)
    model = small(scaling=scaling, solver="sgd", shuffle=False).fit(X, y)
    other = small(scaling=scaling, solver="sgd", shuffle=False)
    other.fit(np.concatenate([X, constant]), np.concatenate([y, np.full(20, 7.0)]))
    for name, weights in model.weights_.items():
        np.testing.assert_allclose(other.weights_[name], weights, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("options", [{}, {"segment_size": 2}], ids=str)
@pytest.mark.parametrize("scaling", WAYS)
def test_an_answer_depends_on_its_own_row_alone(rng, scaling, options):
    X, y = panel(rng, (1, 50), holes=True)
    model = small(scaling=scaling, **options).fit(X, y)
    answers = model.predict(X)
    order = rng.permutation(len(X))
    np.testing.assert_array_equal(model.predict(X[order]), answers[order])
    alone = [model.predict(X[i : i + 1])[0] for i in range(9)]  # products of a single row add up in another order
    np.testing.assert_allclose(alone, answers[:9], rtol=1e-12)


@pytest.mark.parametrize("scaling", WAYS)
def test_steps_one_at_a_time_end_with_the_same_answer(rng, scaling):
    X, y = panel(rng, (1, 50))
    model, state = small(scaling=scaling, loss="gaussian").fit(X, y), None
    for step in range(6):
        answer, std, state = model.predict_step(X[:, step], state, return_std=True)
    np.testing.assert_allclose((answer, std), model.predict(X, return_std=True), rtol=1e-12)


@pytest.mark.parametrize("scaling", WAYS)
def test_the_linear_part_is_that_of_a_sequence_of_size_1(rng, scaling):
    X, y = panel(rng, (1, 50))
    model = small(scaling=scaling).fit(X, 3 * y)
    past = 3 * X[..., 0]
    size = np.abs(past).mean(axis=1) if scaling == "mean" else past.std(axis=1)
    found = np.einsum("osc,nsc->n", model.linear_coef_, multiplied(X, 1 / size[:, None])) + model.linear_intercept_
    np.testing.assert_allclose(size * found, model.predict(X, linear_only=True), rtol=1e-10)


def test_all_series_count_alike(rng):
    X, y = panel(rng, (1, 1000))
    small_ones = y < 100
    errors = {}
    for scaling in (None, "mean"):
        model = small(scaling=scaling).fit(X, y)
        errors[scaling] = np.std(model.predict(X) - y, where=small_ones)
    alone = small().fit(X[small_ones], y[small_ones])
    best = np.std(alone.predict(X[small_ones]) - y[small_ones])
    assert errors["mean"] < 1.2 * best
    assert errors[None] > 2 * best


def test_what_was_used_is_told(rng):
    X, y = panel(rng, (1, 50))
    assert small().fit(X, y).scaling_ is None
    model = small(scaling="std").fit(X, y)
    assert model.scaling_ == "std"
    assert in_words(model).endswith("anchor: channel 0; scaling: std")


def test_without_a_past_of_the_target_a_warning_tells_that_nothing_is_scaled(rng):
    X, y = panel(rng, (1, 50))
    y = rng.permutation(y) + 0.1
    with pytest.warns(UserWarning, match="scaling='mean' needs a channel of X that holds the past of y"):
        model = small(scaling="mean").fit(X, y)
    assert model.scaling_ is None
    np.testing.assert_array_equal(model.predict(X), small().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="anchor='last' needs a channel of X that holds the past of y"):
        small(scaling="mean", anchor="last").fit(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"anchor": None}, "there is not with anchor=None. Set scaling=None"),
        ({"return_sequences": True}, "there is not with return_sequences=True"),
        ({"loss": "poisson"}, "there is not with a loss whose answers do not move with y"),
        ({"scaling": "max"}, "The 'scaling' parameter of GRURegressor must be"),
    ],
)
def test_what_cannot_be_scaled_is_refused(rng, options, message):
    X, y = panel(rng, (1, 50))
    y = X[..., 0] if "return_sequences" in options else y
    model = small(**{"scaling": "mean", **options})
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "scaling_")


def test_classifiers_know_no_scaling():
    with pytest.raises(TypeError, match="scaling"):
        GRUClassifier(scaling="mean")
    assert "scaling :" not in GRUClassifier.__doc__
    assert "scaling_ :" not in GRUClassifier.__doc__
    assert "scaling_ :" in GRURegressor.__doc__


def test_it_shapes_the_model(rng):
    X, y = panel(rng, (1, 50))
    model = small(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="scaling of GRURegressor changed from None to 'mean'"):
        model.set_params(scaling="mean").fit(X, y)


def test_a_model_from_before_there_was_scaling_predicts_and_goes_on(rng):
    X, y = panel(rng, (1, 50))
    model, old = (small(warm_start=True).fit(X, y) for _ in range(2))
    del vars(old)["scaling"], vars(old._model.units)["sizes"], vars(old._model.units.anchor)["scaling"]
    del old._model.asked["scaling"]
    old = pickle.loads(pickle.dumps(old))
    assert old.scaling_ is None
    np.testing.assert_array_equal(old.predict(X), model.predict(X))
    np.testing.assert_array_equal(old.fit(X, y).predict(X), model.fit(X, y).predict(X))


@pytest.mark.parametrize("scaling", WAYS)
def test_a_copy_predicts_the_same(rng, scaling):
    X, y = panel(rng, (1, 50))
    model = small(scaling=scaling).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
