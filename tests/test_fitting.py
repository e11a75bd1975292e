"""The walk of fit, through what users see of it: the linear start, what training adds, and which weights stay."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ar_series, best_ridge, linear_part, windows
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skrnn import GRUClassifier, GRURegressor, SlidingWindowTransformer
from skrnn._compiled.epochs import Epochs

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*answers without its recurrent layers"),
]
START = {"max_iter": 1, "learning_rate_init": 1e-12, "early_stopping": False}  # the answers of the linear start


def small(**params):
    return GRURegressor(**{"hidden_size": 4, "max_iter": 3, "random_state": 0, **params})


def products(rng, n=900):
    """Sequences whose targets no linear map tells."""
    X = rng.normal(size=(n, 3, 1))
    return X, X[:, 1, 0] * X[:, 2, 0]


def drift(rng, n=300):
    return windows(ar_series(rng, n).cumsum(), 6)


def plain(rng, n=200):
    X = rng.normal(size=(n, 6, 2))
    return X, X[:, 1, 0] - X[:, 5, 1] + rng.normal(size=n)


SERIES = {"anchored": drift, "plain": plain}


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize(
    "params",
    [{}, {"linear_skip": 2}, {"loss": "gaussian"}, {"loss": "huber"}, {"missing": "indicator"}, {"segment_size": 3}],
    ids=str,
)
def test_linear_attributes_give_the_linear_answers(rng, series, params):
    X, y = SERIES[series](rng)
    model = small(early_stopping=False, **params).fit(X, y)
    assert (model.anchor_ is not None) == (series == "anchored")
    assert model.linear_coef_.shape == (1, params.get("linear_skip", 6), X.shape[2])
    assert model.linear_intercept_.shape == (1,)
    np.testing.assert_allclose(linear_part(model, X)[:, 0], model.predict(X, linear_only=True), rtol=1e-9, atol=1e-9)
    assert not np.allclose(model.predict(X), model.predict(X, linear_only=True), rtol=1e-6)


def test_linear_attributes_are_in_the_units_of_x_and_y(rng):
    X, y = drift(rng)
    scaled = MinMaxScaler().fit(X[:, 0]).transform(X.reshape(-1, 1)).reshape(X.shape)
    model, other = small().fit(X, y), small().fit(scaled, 7 * y + 3)
    np.testing.assert_allclose(
        linear_part(other, scaled)[:, 0], other.predict(scaled, linear_only=True), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(other.linear_coef_, 7 * np.ptp(X[:, 0]) * model.linear_coef_, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("series", SERIES)
def test_linear_attributes_have_a_row_for_each_output(rng, series):
    X, y = SERIES[series](rng)
    Y = np.stack([y, 100 - 3 * y if series == "plain" else 100 + 3 * y], axis=1)
    for loss in ("squared_error", "gaussian"):
        model = small(loss=loss).fit(X, Y)
        assert model.linear_coef_.shape == (2, *X.shape[1:])
        np.testing.assert_allclose(linear_part(model, X), model.predict(X, linear_only=True), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_linear_attributes_have_a_row_for_each_level(rng, series, n_outputs):
    X, y = SERIES[series](rng)
    y = y if n_outputs == 1 else np.stack([y, 5 * y + 2], axis=1)
    model = small(loss="quantile", quantile=(0.1, 0.5, 0.9), **START).fit(X, y)
    expected = model.predict_quantiles(X).reshape(len(X), -1)  # the layers add next to nothing
    np.testing.assert_allclose(linear_part(model, X), expected, rtol=1e-8, atol=1e-8)
    trained = small(loss="quantile", quantile=(0.1, 0.5, 0.9)).fit(X, y)
    assert trained.linear_coef_.shape == (3 * n_outputs, *X.shape[1:])
    middle = np.median(linear_part(trained, X).reshape(len(X), -1, 3), axis=2)  # quantiles are sorted
    found = trained.predict(X, linear_only=True).reshape(len(X), -1)
    np.testing.assert_allclose(middle, found, rtol=1e-9, atol=1e-9)


def test_of_counts_it_is_the_log_of_the_mean(rng):
    X, y = plain(rng)
    y = rng.poisson(np.exp(y / 3)).astype(float)
    model = small(loss="poisson", early_stopping=False).fit(X, y)
    expected = np.log(model.predict(X, linear_only=True) / y.mean())
    np.testing.assert_allclose(linear_part(model, X)[:, 0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("linear_skip", [True, 3])
def test_of_classes_it_is_the_decision_function(rng, n_classes, linear_skip):
    X, y = plain(rng)
    y = np.digitize(y, [0, 1][: n_classes - 1])
    model = GRUClassifier(4, linear_skip=linear_skip, random_state=0, **START).fit(X, y)
    found = model.decision_function(X).reshape(len(X), -1)
    np.testing.assert_allclose(linear_part(model, X), found, rtol=1e-8, atol=1e-8)
    trained = GRUClassifier(4, linear_skip=linear_skip, max_iter=3, early_stopping=False, random_state=0).fit(X, y)
    scores = linear_part(trained, X)
    best = scores.argmax(axis=1) if n_classes == 3 else (scores[:, 0] > 0).astype(int)
    np.testing.assert_array_equal(trained.predict(X, linear_only=True), best)


@pytest.mark.parametrize(
    "model", [small(linear_skip=False), GRUClassifier(4, max_iter=1), small(return_sequences=True)]
)
def test_without_a_linear_map_there_is_nothing_to_ask_for(rng, model):
    X, y = rng.normal(size=(30, 4, 1)), rng.integers(2, size=30)
    model.fit(X, X[:, :, 0] if model.return_sequences else y)
    for name in ("linear_coef_", "linear_intercept_"):
        with pytest.raises(AttributeError, match="fitted without a linear map"):
            getattr(model, name)
    with pytest.raises(ValueError, match="linear_only=True needs a linear map"):
        model.predict(X, linear_only=True)
    assert model.uses_recurrence_


def test_the_linear_start_is_ridge_regression(rng):
    X, y = plain(rng)
    columns = ((X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))).reshape(len(X), -1)
    model = small(**START).fit(X, y)
    np.testing.assert_allclose(model.predict(X), best_ridge(columns, y).predict(columns), rtol=1e-8)
    assert model.initial_loss_ == pytest.approx(1, rel=1e-9)
    assert model.loss_curve_[0] == pytest.approx(1, rel=1e-6)


def test_the_linear_start_is_measured_on_the_rows_that_are_trained_on(rng):
    X, y = plain(rng, 400)
    held = small(max_iter=1, learning_rate_init=1e-12, refit=False).fit(X, y)
    same = small(**START).fit(X[:360], y[:360])
    np.testing.assert_allclose(held.linear_coef_, same.linear_coef_, rtol=1e-9)
    error, held_out = same.predict(X) - y, slice(360, None)
    loss = np.mean(error[held_out] ** 2) / np.mean(error[:360] ** 2)
    assert held.initial_loss_ == pytest.approx(loss, rel=1e-6)


def test_training_is_repeated_on_all_samples_for_as_many_epochs_as_were_best(rng):
    X, y = products(rng, 300)
    params = {"learning_rate": "constant", "learning_rate_init": 0.05, "n_iter_no_change": 10, "max_iter": 100}
    model = small(**params).fit(X, y)
    assert 0 < model.best_epoch_ < model.n_iter_
    assert np.argmin(model.validation_loss_curve_) + 1 == model.best_epoch_
    assert len(model.loss_curve_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.best_loss_ == min(model.validation_loss_curve_) < model.initial_loss_
    whole = small(**{**params, "max_iter": model.best_epoch_, "early_stopping": False}).fit(X, y)
    for name, array in model.weights_.items():
        np.testing.assert_array_equal(array, whole.weights_[name])
    assert model.loss_curve_ != whole.loss_curve_


def test_both_trainings_begin_from_the_start_of_all_samples_unless_one_alone_is_asked_for(rng):
    X, y = products(rng, 300)
    y[-20:] += 50
    watched = [small(max_iter=1, refit=refit).fit(X, y).initial_loss_ for refit in (True, False)]
    assert watched[0] < 20 < watched[1]  # the errors that the start of all samples makes are the unit of the first


@pytest.mark.parametrize("learning_rate", ["cosine", "adaptive", "constant"])
def test_training_is_repeated_at_the_same_step_sizes_or_comes_to_rest(rng, learning_rate, monkeypatch):
    X, y = products(rng, 300)
    rates = []
    run = Epochs.run
    monkeypatch.setattr(Epochs, "run", lambda of, *given: (rates.append(of.solver.learning_rate), run(of, *given))[1])
    params = {"learning_rate_init": 0.1, "batch_size": 1000, "n_iter_no_change": 10, "max_iter": 100}
    # All samples are one batch in both trainings, so that each epoch is one step.
    model = small(learning_rate=learning_rate, **params).fit(X, y)
    repeated, best = rates[model.n_iter_ :], rates[: model.best_epoch_]
    if learning_rate == "cosine":
        n_more = -(-len(best) // 8)
        assert len(repeated) == len(best) + n_more
        assert repeated[: len(best) - n_more] == best[: len(best) - n_more]
        assert repeated[-1] < best[-1] / n_more
        assert np.all(np.diff(repeated[len(best) - n_more :]) < 0)
        assert sum(repeated) == pytest.approx(sum(best), rel=0.01)
    else:
        assert repeated == best


def test_the_best_linear_answer_to_all_samples_stays_where_no_epoch_is_better(rng):
    X, y = plain(rng, 300)
    model = small(max_iter=1, learning_rate_init=1e-12).fit(X, y)
    model = model if model.best_epoch_ == 0 else small(max_iter=3, learning_rate_init=5.0).fit(X, y)
    assert model.best_epoch_ == 0
    assert not model.uses_recurrence_
    np.testing.assert_allclose(model.linear_coef_, small(**START).fit(X, y).linear_coef_, rtol=1e-9)


def test_samples_that_are_left_out_are_counted_among_all_that_the_weights_are_learnt_from(rng):
    series = ar_series(rng, 300).cumsum()
    series[280] = np.nan  # among the held-out samples
    X, y = windows(series, 6)
    known = ~np.isnan(y)
    for refit in (True, False):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            small(refit=refit).fit(X[known], y[known])
        assert any("samples are left out of training" in str(warning.message) for warning in caught) == refit


def test_windows_around_a_gap_are_counted_and_those_at_the_start_need_no_word(rng):
    X = pd.DataFrame({"load": ar_series(rng, 300).cumsum()})
    model = make_pipeline(SlidingWindowTransformer(6, horizon=1), small(early_stopping=False))
    for rows, n_around in [(X, 0), (X.drop(150), 5), (X.drop(range(150, 170)), 0)]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(rows, rows["load"])
        told = [str(each.message) for each in caught if "left out" in str(each.message)]
        n_inside = len(rows) - 6  # the first six windows lack their first steps
        assert len(told) == (n_around > 0)
        assert all(text.startswith(f"{n_around} of {n_inside} samples are left out of training") for text in told)
        assert all("this does no harm" in text for text in told)


def test_nothing_is_repeated_with_a_validation_set_or_before_a_warm_start(rng):
    X, y = products(rng, 300)
    given = {"X_val": X[250:], "y_val": y[250:]}
    fits = [small(max_iter=9, refit=refit).fit(X[:250], y[:250], **given) for refit in (True, False)]
    np.testing.assert_array_equal(fits[0].predict(X), fits[1].predict(X))
    fits = [small(max_iter=9, **params).fit(X, y) for params in ({"warm_start": True}, {"refit": False})]
    np.testing.assert_array_equal(fits[0].predict(X), fits[1].predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifiers_may_start_from_logistic_regression(rng, n_classes):
    X = rng.normal(size=(90, 4, 2))
    y = np.digitize(X[:, 1, 0] + X[:, 3, 1] + rng.normal(size=90), [0, 1][: n_classes - 1])
    weight = rng.integers(1, 4, 90)
    model = GRUClassifier(4, linear_skip=True, random_state=0, **START).fit(X, y, weight)
    mean = np.average(X, axis=0, weights=weight).mean(axis=0)
    std = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight).mean(axis=0))
    columns = ((X - mean) / std).reshape(90, -1)
    expected = LogisticRegression(C=1, tol=1e-10, max_iter=5000).fit(columns, y, weight / weight.mean())
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(columns), atol=2e-5)


def test_counts_start_from_poisson_regression(rng):
    X = rng.normal(size=(900, 5, 1))
    y = rng.poisson(np.exp(X[:, 1, 0] - 0.5 * X[:, 3, 0])).astype(float)
    model = small(loss="poisson", **START).fit(X, y)
    columns = (X[:, :, 0] - X.mean()) / X.std()
    # The regression minimises mean(y_hat - y log y_hat) + alpha / 2 |w|^2; the loss here is in units of the mean of y.
    expected = PoissonRegressor(alpha=y.mean() / 900, tol=1e-10, max_iter=5000).fit(columns, y).predict(columns)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4)


def test_wide_sequences_are_read_up_to_a_limit(rng):
    X = rng.normal(size=(20, 40, 100))
    model = small(max_iter=1).fit(X, X[:, -1, 0])
    assert model.linear_coef_.shape == (1, 25, 100)


@pytest.mark.parametrize("n_steps", [2, 4, 9])
def test_sequences_of_any_length_are_read_from_their_end(rng, n_steps):
    X, y = plain(rng)
    model = small(linear_skip=4, **START).fit(X, y)
    longer = rng.normal(size=(5, n_steps, 2))
    padded = np.concatenate([np.full((5, 3, 2), np.nan), longer], axis=1)
    np.testing.assert_allclose(model.predict(padded), model.predict(longer), rtol=1e-12)
    before = np.broadcast_to(longer.mean(axis=1, keepdims=True), (5, max(4 - n_steps, 0), 2))
    expected = linear_part(model, np.concatenate([before, longer], axis=1))
    np.testing.assert_allclose(model.predict(longer, linear_only=True), expected[:, 0], rtol=1e-9)


def test_missing_steps_count_as_the_mean_of_the_others(rng):
    for X, y in (plain(rng), drift(rng)):
        model = small(**START).fit(X, y)
        gappy, filled = X[:9].copy(), X[:9].copy()
        gappy[:, [1, 4]] = np.nan
        filled[:, [1, 4]] = X[:9, [0, 2, 3, 5]].mean(axis=1, keepdims=True)
        found, expected = model.predict(gappy, linear_only=True), model.predict(filled, linear_only=True)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("series", SERIES)
def test_the_start_stays_unless_held_out_rows_are_better(rng, series):
    X, y = SERIES[series](rng)
    model = small(max_iter=8, learning_rate_init=20.0)
    with pytest.warns(UserWarning, match="answers without its recurrent layers") as caught:
        model.fit(X, y)
    assert len(caught) == 1
    assert not model.uses_recurrence_
    assert model.best_epoch_ == 0
    assert model.n_iter_ == len(model.loss_curve_) == len(model.validation_loss_curve_) == 8
    assert model.best_loss_ == model.initial_loss_ < min(model.validation_loss_curve_)
    np.testing.assert_array_equal(model.predict(X), model.predict(X, linear_only=True))


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_better_weights_stay_without_a_word(rng, kind):
    X, y = products(rng)
    params = {"hidden_size": 16, "max_iter": 200, "learning_rate_init": 0.01, "random_state": 0, "linear_skip": True}
    model = GRURegressor(**params) if kind == "regressor" else GRUClassifier(**params)
    y = y if kind == "regressor" else y > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert model.uses_recurrence_
    assert model.best_epoch_ > 0
    assert model.best_loss_ == model.validation_loss_curve_[model.best_epoch_ - 1] == min(model.validation_loss_curve_)
    assert model.best_loss_ < model.initial_loss_
    assert model.score(X, y) > 0.8
    error, of_linear = (np.abs(model.predict(X, linear_only=some) - 1.0 * y).mean() for some in (False, True))
    assert error < 0.6 * of_linear


def test_without_early_stopping_the_last_weights_stay(rng):
    X, y = products(rng, 200)
    model = small(early_stopping=False).fit(X, y)
    assert model.best_epoch_ == model.n_iter_ == 3
    assert model.validation_loss_curve_ is None
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.loss_ == model.loss_curve_[-1]


@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop", "sgd"])
def test_training_goes_on_from_the_best_weights_and_the_solver_as_it_was_then(rng, solver):
    X, y = products(rng, 400)
    parts = {"X_val": X[300:], "y_val": y[300:]}
    params = {"hidden_size": 8, "learning_rate_init": 0.1, "learning_rate": "constant", "shuffle": False}
    params |= {"solver": solver, "batch_size": 300, "warm_start": True, "clip_norm": None}
    params["learning_rate_init"] *= 10 if solver == "sgd" else 1
    whole = small(max_iter=60, **params).fit(X[:300], y[:300], **parts)
    best = whole.best_epoch_
    assert 0 < best < whole.n_iter_
    until = small(max_iter=best, **params).fit(X[:300], y[:300], **parts)
    assert until.best_epoch_ == best
    for name, array in whole.weights_.items():
        np.testing.assert_array_equal(array, until.weights_[name])
    n_before = whole.n_iter_
    for model in (whole, until):
        model.set_params(max_iter=2).fit(X[:300], y[:300], **parts)
    assert whole.n_iter_ == n_before + 2
    assert whole.validation_loss_curve_[-2:] == until.validation_loss_curve_[-2:]
    for name, array in whole.weights_.items():
        np.testing.assert_array_equal(array, until.weights_[name])


def test_epochs_and_curves_are_counted_on(rng):
    X, y = products(rng)
    model = small(hidden_size=16, warm_start=True, learning_rate_init=0.01, learning_rate="constant").fit(X, y)
    first = model.initial_loss_, model.best_loss_, model.best_epoch_
    assert 0 < first[2] <= 3
    model.fit(X, y)
    assert model.initial_loss_ == first[0]
    assert model.n_iter_ == len(model.loss_curve_) == len(model.validation_loss_curve_) == 6
    assert 3 < model.best_epoch_ <= 6
    assert model.best_loss_ == model.validation_loss_curve_[model.best_epoch_ - 1] < first[1]
    weights, epoch = model.weights_, model.best_epoch_
    model.set_params(learning_rate_init=5.0).fit(X, y)  # nothing is better
    assert model.n_iter_ == 9
    assert model.best_epoch_ == epoch
    np.testing.assert_array_equal(model.weights_["head.weight"], weights["head.weight"])


def test_training_goes_on_with_the_first_units_and_the_map_as_it_is(rng):
    X, y = plain(rng)
    model = small(warm_start=True, **START).fit(X, y)
    before = model.linear_coef_
    np.testing.assert_allclose(model.fit(X + 1, y).linear_coef_, before, rtol=1e-6)
    with pytest.raises(ValueError, match="linear_skip of GRURegressor changed from True to 3"):
        model.set_params(linear_skip=3).fit(X, y)


@pytest.mark.parametrize("solver", ["adam", "adamw"])
def test_weight_decay_pulls_the_linear_part_to_its_start_and_the_rest_to_nothing(rng, solver):
    X, y = drift(rng)
    params = {"early_stopping": False, "batch_size": 50}
    start = small(**START).fit(X, y)
    free, held = (
        small(max_iter=300, learning_rate_init=0.01, solver=solver, weight_decay=decay, **params).fit(X, y)
        for decay in (0.0, 30.0)
    )
    moved = [np.abs(model.linear_coef_ - start.linear_coef_).max() for model in (free, held)]
    assert 0 < moved[1] < 0.1 * moved[0]
    for name, array in held.weights_.items():
        if name not in ("linear.weight", "head.bias"):
            assert np.abs(array).max() < 0.1 < np.abs(free.weights_[name]).max()


@pytest.mark.parametrize(
    ("params", "layer", "width"),
    [
        ({}, lambda: torch.nn.GRU(3, 4), 4),
        ({"num_layers": 2, "bidirectional": True}, lambda: torch.nn.GRU(3, 4, 2, bidirectional=True), 8),
        ({"segment_size": 3}, lambda: torch.nn.GRU(9, 4), 4),
        ({"linear_skip": False}, lambda: torch.nn.GRU(2, 4), 4),
    ],
    ids=["GRU", "two layers both ways", "segments", "layers only"],
)
def test_weights_have_the_names_and_shapes_of_torch(rng, params, layer, width):
    x = ar_series(rng, 150)
    X = np.stack([windows(x, 6)[0][..., 0], rng.normal(size=(144, 6))], axis=2)  # and values beside changes: 3 columns
    model = small(max_iter=1, **params).fit(X, x[6:])
    shapes = {name: tuple(tensor.shape) for name, tensor in layer().state_dict().items()}
    found = {name: array.shape for name, array in model.weights_.items()}
    expected = {"head.weight": (1, width), "head.bias": (1,)}
    expected |= {"linear.weight": (1, 12)} if model.linear_skip else {}
    rest = {name: shape for name, shape in found.items() if name not in expected}
    assert {name: found[name] for name in expected} == expected
    assert sorted(rest.values()) == sorted(shapes.values())
    assert {name.rpartition(".")[2] for name in rest} == {
        name.replace("_l1", "_l0").removesuffix("_reverse") for name in shapes
    }
    assert model.n_parameters_ == sum(array.size for array in model.weights_.values())
    answers = model.predict(X)
    linear = [model.linear_coef_, model.linear_intercept_] if model.linear_skip else []
    for array in (*model.weights_.values(), *linear):
        array[:] = np.nan
    np.testing.assert_array_equal(model.predict(X), answers)


@pytest.mark.parametrize("where", ["target", "channel"])
def test_one_spike_hardly_moves_the_linear_part_of_a_robust_loss(rng, where):
    X, y = plain(rng, 400)
    before = small(loss="absolute_error", **START).fit(X, y)
    if where == "target":
        y[70] = 1e6
    else:
        X[70, 2, 0] = 1e6
    after = small(loss="absolute_error", **START).fit(X, y)
    np.testing.assert_allclose(after.linear_coef_, before.linear_coef_, atol=0.05)
    np.testing.assert_allclose(after.linear_intercept_, before.linear_intercept_, atol=0.05)


class Twice:
    """Squared error of two answers whose mean is the answer."""

    equivariant = True

    def __init__(self, raw_of=None):
        if raw_of is not None:
            self.raw_of = raw_of

    def width(self, n_targets):
        return 2 * n_targets

    def __call__(self, raw, y):
        return (self._both(raw) - y[:, :, None]).square().mean(dim=(1, 2))

    def predict(self, raw):
        return self._both(raw).mean(dim=2)

    @staticmethod
    def _both(raw):
        return raw.unflatten(1, (-1, 2))


def test_outputs_of_answers_let_a_loss_of_users_start_from_ridge(rng):
    X, y = plain(rng)
    given = small(loss=Twice(lambda answers: answers.repeat_interleave(2, dim=1)), **START).fit(X, y)
    ridge = small(**START).fit(X, y)
    np.testing.assert_allclose(given.predict(X), ridge.predict(X), rtol=1e-8)
    np.testing.assert_allclose(given.linear_coef_, np.repeat(ridge.linear_coef_, 2, axis=0), rtol=1e-8)
    without = small(loss=Twice(), **START).fit(X, y)
    assert not np.allclose(without.predict(X), ridge.predict(X), rtol=0.01)


@pytest.mark.parametrize("raw_of", [lambda answers: answers, lambda answers: answers.numpy().repeat(2, axis=1)])
def test_outputs_of_answers_of_another_shape_are_an_error(rng, raw_of):
    X, y = plain(rng)
    model = small(loss=Twice(raw_of))
    with pytest.raises(ValueError, match=r"raw_of of loss=.* must return a tensor"):
        model.fit(X, y)
    assert not hasattr(model, "weights_")
