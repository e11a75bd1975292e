"""Further readings of fitted estimators: single steps, attention, an answer at each step, quantiles, deviations."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from conftest import REGRESSORS, one_for_all
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import GRUClassifier, GRURegressor, LSTMRegressor, SlidingWindowTransformer, pad_sequences

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=one_for_all(*REGRESSORS), ids=lambda regressor: regressor.__name__)
def regressor(request):
    return request.param


@pytest.fixture
def data(rng):
    X = rng.normal(size=(50, 7, 2))
    X[::3, :2] = np.nan
    return X, rng.normal(size=50)


def small(estimator, **params):
    return estimator(**{"hidden_size": 5, "max_iter": 5, "early_stopping": False, "random_state": 0, **params})


def step_through(model, X):
    """Predictions after each step, one call for each."""
    state, found = None, []
    for step in range(X.shape[1]):
        answer, state = model.predict_step(X[:, step], state)
        found.append(answer)
    return np.stack(found, axis=1)


@pytest.mark.parametrize("linear_skip", [True, False], ids=["linear skip", "layers only"])
@pytest.mark.parametrize(
    "options", [{}, {"num_layers": 3}, {"norm": "batch", "num_layers": 2}, {"missing": "indicator"}], ids=str
)
def test_stepping_through_ends_with_the_prediction(regressor, data, options, linear_skip):
    X, y = data
    if "missing" in options:
        X[1::4, 4, 1] = np.nan
    model = small(regressor, linear_skip=linear_skip, **options).fit(X, y)
    before = pickle.dumps(model)
    np.testing.assert_allclose(step_through(model, X)[:, -1], model.predict(X), rtol=1e-9)
    assert pickle.dumps(model) == before


def test_stepping_through_gives_the_answer_at_each_step(regressor, data):
    X, _ = data
    Y = np.nan_to_num(X).cumsum(1)
    model = small(regressor, return_sequences=True).fit(X, Y)
    np.testing.assert_allclose(step_through(model, X), model.predict(X), rtol=1e-9)
    classifier = small(GRUClassifier, return_sequences=True).fit(X, Y[:, :, 0] > 0)
    np.testing.assert_array_equal(step_through(classifier, X), classifier.predict(X))


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"loss": "gaussian"}], ids=str)
def test_a_step_builds_no_network_of_torch(regressor, data, options, monkeypatch):
    X, y = data
    model = small(regressor, linear_skip=False, **options)
    model.fit(X, np.nan_to_num(X[:, :, 0]) if "return_sequences" in options else y)
    expected = step_through(model, X)
    monkeypatch.setattr("skrnn._model.model.RecurrentNetwork.of", None)
    np.testing.assert_array_equal(step_through(model, X), expected)
    monkeypatch.undo()
    monkeypatch.setattr("skrnn._model.engine.kernel_of", lambda *_: None)
    np.testing.assert_allclose(step_through(model, X), expected, rtol=1e-9)


@pytest.mark.parametrize("linear_skip", [True, False], ids=["linear skip", "layers only"])
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_steps_give_deviations_and_quantiles(data, linear_skip, n_outputs):
    X, y = data
    y = y if n_outputs is None else np.stack([y, -y], axis=1)
    model = small(GRURegressor, loss="gaussian", linear_skip=linear_skip).fit(X, y)
    state = None
    for step in range(7):
        *found, state = model.predict_step(X[:, step], state, return_std=True)
    np.testing.assert_allclose(found, model.predict(X, return_std=True), rtol=1e-9)
    model = small(LSTMRegressor, loss="quantile", quantile=(0.1, 0.5, 0.9), linear_skip=linear_skip).fit(X, y)
    state = None
    for step in range(7):
        quantiles, state = model.predict_quantiles_step(X[:, step], state)
    np.testing.assert_allclose(quantiles, model.predict_quantiles(X), rtol=1e-9)


def test_a_stream_behind_a_pipeline_gets_the_predictions_of_the_pipeline():
    # As in the user guide.
    rows = pd.DataFrame({"load": np.sin(0.7 * np.arange(120.0))})
    pipeline = make_pipeline(StandardScaler(), SlidingWindowTransformer(6, horizon=1), small(GRURegressor))
    pipeline.set_output(transform="pandas").fit(rows[:90], rows["load"][:90])
    scaler, windows, network = pipeline
    state, found = None, []
    for i in range(90 - windows.window_size, 119):
        prediction, state = network.predict_step(scaler.transform(rows.iloc[[i]]), state)
        found.append(prediction[0])  # for row i + 1
    np.testing.assert_allclose(found[windows.window_size - 1 :], pipeline.predict(rows[90:]), rtol=1e-9)


def test_a_state_can_be_kept_divided_and_used_twice(data):
    X, y = data
    model = small(LSTMRegressor, linear_skip=False).fit(X, y)
    _, state = model.predict_step(X[:, 2])
    kept = [layer.copy() for layer in state]
    first, _ = model.predict_step(X[:, 3], state)
    again, _ = model.predict_step(X[:, 3], pickle.loads(pickle.dumps(state)))
    some, _ = model.predict_step(X[5:9, 3], tuple(layer[:, 5:9] for layer in state))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first[5:9], some, rtol=1e-12)
    for layer, old in zip(state, kept, strict=True):
        np.testing.assert_array_equal(layer, old)
        assert layer.shape == (2, 50, 5)


@pytest.mark.parametrize("linear_skip", [True, False], ids=["linear skip", "layers only"])
def test_threads_that_step_through_one_model_get_their_own_answers(data, linear_skip):
    X, y = data
    streams = [X[:1], X[1:2], X[:7], X[::-1]]
    model = small(LSTMRegressor, linear_skip=linear_skip).fit(X, y)
    expected = [step_through(pickle.loads(pickle.dumps(model)), stream) for stream in streams]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda stream: step_through(model, stream), 25 * streams))
    for answers, own in zip(found, 25 * expected, strict=True):
        np.testing.assert_array_equal(answers, own)


def test_a_step_keeps_nothing_for_a_later_fit_or_another_precision(data):
    X, y = data
    model = small(GRURegressor).fit(X, y)
    copied = copy.deepcopy(model)
    first = step_through(model, X)
    np.testing.assert_array_equal(step_through(copied, X), first)
    model.set_params(random_state=1).fit(X, -y)
    np.testing.assert_array_equal(step_through(model, X), step_through(clone(model).fit(X, -y), X))
    np.testing.assert_allclose(step_through(copied, X.astype(np.float32)), first, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"bidirectional": True}, {"pooling": "mean"}, {"pooling": "max"}, {"pooling": "attention"}],
    ids=str,
)
@pytest.mark.parametrize("missing", ["skip", "indicator"])
@pytest.mark.filterwarnings("ignore:.*hold no observed step")
def test_models_that_need_all_steps_read_the_last_ones_anew(data, options, missing):
    X, y = data
    X[2, :4] = np.nan
    X[3] = np.nan
    model = small(GRURegressor, linear_skip=False, missing=missing, **options).fit(X, y)
    state = None
    for step in range(7):
        found, state = model.predict_step(X[:, step], state)
        np.testing.assert_allclose(found, model.predict(X[:, : step + 1]), rtol=1e-9)
    assert [array.shape for array in state] == [(7, 50, 2)]
    found, _ = model.predict_step(X[:, 0], state)  # the first of the steps before is forgotten
    np.testing.assert_allclose(found, model.predict(np.concatenate([X[:, 1:], X[:, :1]], axis=1)), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:.*hold no observed step")
def test_both_directions_answer_at_the_newest_step(data):
    X, _ = data
    X[2, 6] = np.nan
    Y = np.nan_to_num(X).cumsum(1)
    model = small(GRURegressor, return_sequences=True, bidirectional=True).fit(X, Y)
    state = None
    for step in range(7):
        found, state = model.predict_step(X[:, step], state)
        np.testing.assert_allclose(found, model.predict(X[:, : step + 1])[:, -1], rtol=1e-9)


def test_a_classifier_reads_a_stream_with_its_defaults(data):
    X, y = data
    model = small(GRUClassifier).fit(X, y > 0)
    state = None
    for step in range(7):
        found, state = model.predict_step(X[:, step], state)
    np.testing.assert_array_equal(found, model.predict(X))


@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
def test_pooling_is_ignored_where_each_step_is_answered(data, pooling):
    X, y = data
    Y = np.repeat(y[:, None] > 0, 7, axis=1)
    model, expected = (
        small(GRUClassifier, return_sequences=True, pooling=some).fit(X, Y) for some in (pooling, "last")
    )
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    for other in (model, clone(model)):
        with pytest.raises(AttributeError, match=r"'attention_weights', which needs pooling=.*return_sequences=False"):
            other.attention_weights(X)


def test_wrong_steps_and_states_are_refused(data):
    X, y = data
    model = small(GRURegressor, num_layers=2, linear_skip=False).fit(X, y)
    _, state = model.predict_step(X[:, 0])
    with pytest.raises(ValueError, match=r"X has 3 features, but GRURegressor\.predict_step is expecting 2"):
        model.predict_step(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"state must hold arrays of shape \(1, 7, 5\), \(1, 7, 5\)"):
        model.predict_step(X[:7, 0], state)
    with pytest.raises(ValueError, match="state must be what predict_step returned"):
        model.predict_step(X[:, 0], state[:1])
    lstm = small(LSTMRegressor, linear_skip=False).fit(X, y)
    with pytest.raises(ValueError, match=r"state must hold arrays of shape \(2, 50, 5\), .*; got shape \(1, 50, 5\)"):
        lstm.predict_step(X[:, 0], state[:1])
    with pytest.raises(ValueError, match="infinity"):
        model.predict_step(np.full((50, 2), np.inf), state)


def test_attention_weights_are_those_of_each_row_alone(regressor, data):
    X, y = data
    X[0] = np.nan
    model = small(regressor, pooling="attention", num_layers=2).fit(X, y)
    weights = model.attention_weights(X)
    observed = ~np.isnan(X).any(2)
    assert not weights[~observed].any()
    np.testing.assert_allclose(weights[1:].sum(1), 1)
    alone = np.concatenate([model.attention_weights(X[i : i + 1]) for i in range(50)])
    np.testing.assert_allclose(alone, weights, rtol=1e-9)
    with pytest.raises(AttributeError, match="has no attribute 'attention_weights', which needs pooling=\"attention\""):
        small(regressor).attention_weights(X)
    assert regressor.attention_weights.__doc__.startswith("Weight of each step")


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "mean"},
        {"pooling": "max"},
        {"pooling": "attention"},
        {"norm": "batch"},
        {"norm": "layer"},
        {"missing": "indicator"},
        {"return_sequences": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_prediction_depends_on_its_own_row_only(data, options, bidirectional):
    X, y = data
    target = np.nan_to_num(X).cumsum(1) if "return_sequences" in options else y
    model = small(GRURegressor, num_layers=2, bidirectional=bidirectional, dropout=0.2, **options).fit(X, target)
    together = model.predict(X)
    alone = np.concatenate([model.predict(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(alone, together, rtol=1e-9)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(model.predict(X[order]), together[order], rtol=1e-9)
    padded = np.concatenate([np.full((50, 3, 2), np.nan), X], axis=1)
    found = model.predict(padded)
    np.testing.assert_allclose(found[:, 3:] if "return_sequences" in options else found, together, rtol=1e-9)


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_targets_at_steps_keep_their_shape_and_skipped_ones_are_ignored(regressor, data, n_outputs):
    X, _ = data
    observed = ~np.isnan(X).any(2)
    y = np.nan_to_num(X[:, :, 0]).cumsum(1) if n_outputs is None else np.nan_to_num(X[:, :, :n_outputs]).cumsum(1)
    model = small(regressor, return_sequences=True, max_iter=60, learning_rate_init=0.02)
    found = clone(model).fit(X, y).predict(X)
    assert found.shape == y.shape
    spoilt = y.copy()
    spoilt[~observed] = np.nan
    fitted = clone(model).fit(X, spoilt)
    np.testing.assert_array_equal(fitted.predict(X), found)
    assert fitted.score(X, spoilt) == pytest.approx(r2_score(y[observed], found[observed]))
    weight = np.random.default_rng(0).uniform(size=50)
    wanted = r2_score(y[observed], found[observed], sample_weight=np.repeat(weight, observed.sum(1)))
    assert fitted.score(X, spoilt, weight) == pytest.approx(wanted)
    assert fitted.score(X, spoilt) > 0.5


def test_the_loss_of_steps_is_their_mean(data):
    X, _ = data
    observed = ~np.isnan(X).any(2)
    y = np.nan_to_num(X[:, :, 0]).cumsum(1)
    model = small(GRURegressor, return_sequences=True, max_iter=1, learning_rate_init=1e-12).fit(X, y)
    spread = y[observed].std()
    error = mean_squared_error(y[observed], model.predict(X)[observed]) / spread**2
    assert model.loss_ == pytest.approx(error, rel=1e-6)


def test_sequences_of_different_lengths_learn_alike_however_they_are_padded(rng):
    sequences = [rng.normal(size=(length, 2)) for length in rng.integers(2, 8, size=40)]
    sums = [sequence.cumsum(0) for sequence in sequences]
    model = small(GRURegressor, return_sequences=True)
    front = clone(model).fit(pad_sequences(sequences), pad_sequences(sums))
    X, y = np.full((40, 9, 2), np.nan), np.full((40, 9, 2), np.nan)
    for i, (sequence, total) in enumerate(zip(sequences, sums, strict=True)):
        X[i, : len(sequence)], y[i, : len(sequence)] = sequence, total
    back = clone(model).fit(X, y)
    for i, sequence in enumerate(sequences):
        whole = front.predict(sequence[None])[0]
        np.testing.assert_allclose(back.predict(X)[i, : len(sequence)], whole, rtol=1e-6)
        np.testing.assert_allclose(front.predict(X)[i, len(sequence) :], np.tile(whole[-1], (9 - len(sequence), 1)))


def test_wrong_targets_at_steps_are_refused(data):
    X, y = data
    model = small(GRURegressor, return_sequences=True)
    with pytest.raises(ValueError, match=r"needs y of shape .* with n_samples, n_steps = \(50, 7\) as in X; got"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        model.fit(X, np.full((50, 7), np.nan))
    with pytest.raises(ValueError, match=r"Pass skrnn\.pad_sequences\(y\)"):
        model.fit(X, [[1.0]] * 49 + [[1.0, 2.0]])


def heteroscedastic(n=8000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, 4, 1))
    level, deviation = X[:, -1, 0], 0.1 + X[:, -2, 0]
    return X, 3 * level + deviation * rng.normal(size=n), deviation


def test_quantiles_cover_what_they_say():
    X, y, _ = heteroscedastic()
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    model = GRURegressor(
        16, loss="quantile", quantile=levels, learning_rate="cosine", max_iter=80, tol=0, random_state=0
    )
    model.fit(X, y)
    other, truth, _ = heteroscedastic(seed=1)
    quantiles = model.predict_quantiles(other)
    assert quantiles.shape == (8000, 5)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_allclose((truth[:, None] <= quantiles).mean(0), levels, atol=0.03)
    narrow = other[:, -2, 0] < 0.5
    for part in (narrow, ~narrow):
        np.testing.assert_allclose((truth[part, None] <= quantiles[part]).mean(0), levels, atol=0.05)
    np.testing.assert_allclose(model.predict(other), quantiles[:, 2], rtol=1e-12, atol=1e-15)


def test_a_known_standard_deviation_is_recovered():
    X, y, _ = heteroscedastic()
    model = GRURegressor(16, loss="gaussian", learning_rate="cosine", max_iter=60, random_state=0).fit(X, 100 * y)
    other, _, deviation = heteroscedastic(seed=1)
    mean, std = model.predict(other, return_std=True)
    assert mean.shape == std.shape == (8000,)
    assert std.mean() == pytest.approx(100 * deviation.mean(), rel=0.1)
    inner = deviation > 0.2
    assert np.median(np.abs(std[inner] / (100 * deviation[inner]) - 1)) < 0.1


def test_further_readings_need_their_loss(data):
    X, y = data
    model = small(GRURegressor).fit(X, y)
    for reading in ("predict_quantiles", "predict_quantiles_step"):
        with pytest.raises(
            AttributeError, match=f"'GRURegressor' has no attribute '{reading}', which needs loss=\"qua"
        ):
            getattr(model, reading)
    with pytest.raises(ValueError, match="return_std=True needs loss='gaussian'"):
        model.predict(X, return_std=True)
    with pytest.raises(ValueError, match="return_std=True needs loss='gaussian'"):
        model.predict_step(X[:, 0], return_std=True)
    two = small(GRURegressor, loss="quantile", quantile=(0.1, 0.9)).fit(X, np.stack([y, y], axis=1))
    assert two.predict_quantiles(X).shape == (50, 2, 2)
    steps = small(GRURegressor, loss="gaussian", return_sequences=True).fit(X, np.zeros((50, 7)))
    assert steps.predict(X, return_std=True)[1].shape == (50, 7)


def test_poisson_follows_the_unit_of_counts_and_refuses_negative_ones(rng):
    X = rng.uniform(size=(300, 4, 1))
    y = rng.poisson(np.exp(3 * X[:, -1, 0]))
    model = small(GRURegressor, loss="poisson", linear_skip=False, max_iter=100, learning_rate_init=0.02)
    found = clone(model).fit(X, y).predict(X)
    assert (found > 0).all()
    assert np.median(np.abs(found / np.exp(3 * X[:, -1, 0]) - 1)) < 0.1
    np.testing.assert_allclose(clone(model).fit(X, 1000 * y).predict(X), 1000 * found, rtol=1e-6)
    for bad in (y - 5, 0 * y):
        with pytest.raises(ValueError, match=r"loss='poisson' requires non-negative y and sum\(y\) > 0"):
            clone(model).fit(X, bad)


def test_an_indicator_keeps_what_a_skipped_step_loses(rng):
    X = rng.normal(size=(400, 3, 2))
    y = X[:, -1, 0] + X[:, 0, 0]
    X[::2, :, 1] = np.nan  # a second channel that is often missing, and says nothing
    params = {"linear_skip": False, "learning_rate_init": 0.02, "random_state": 0}
    keeping = GRURegressor(16, missing="indicator", **params).fit(X, y)
    with pytest.warns(UserWarning, match="of the observed steps of X are skipped"):
        skipping = GRURegressor(16, **params).fit(X, y)
    assert keeping.score(X, y) > 0.95 > skipping.score(X, y)


def test_a_missing_value_is_neither_its_mean_nor_a_skipped_step(data):
    X, y = data
    X[5:15, 2, 0] = np.nan
    model = small(GRURegressor, missing="indicator", linear_skip=False).fit(X, y)
    row = X[1:2].copy()
    partly, mean, all_missing = row.copy(), row.copy(), row.copy()
    partly[0, 3, 1], mean[0, 3, 1], all_missing[0, 3] = np.nan, np.nanmean(X[:, :, 1]), np.nan
    answers = [float(model.predict(each)[0]) for each in (partly, mean, all_missing)]
    assert len(set(answers)) == 3
    np.testing.assert_allclose(answers[2], model.predict(np.delete(row, 3, axis=1)), rtol=1e-9)


def test_segments_are_read_by_all_readings_or_refused(data):
    X, y = data
    n_steps = X.shape[1] // 2 * 2
    X = X[:, :n_steps]
    model = small(GRURegressor, segment_size=2, pooling="attention").fit(X, y)
    assert model.attention_weights(X).shape == (len(X), n_steps // 2)
    for skip in (True, False):
        model = small(GRURegressor, segment_size=2, linear_skip=skip).fit(X, y)
        state = None
        for step in range(n_steps):
            found, state = model.predict_step(X[:, step], state)
        np.testing.assert_allclose(found, model.predict(X), rtol=1e-9)
    for call in (model.predict, lambda odd: model.fit(odd, y)):
        with pytest.raises(
            ValueError, match=r"X has 3 steps, which is not a multiple of segment_size=2.* Choose a segment_size that"
        ):
            call(X[:, :3])
    with pytest.raises(ValueError, match=r"segment_size=2 reads several steps at a time, but return_sequences=True"):
        small(GRURegressor, segment_size=2, return_sequences=True).fit(X, X[:, :, 0])


def everything(model, X, y):
    """All that can be asked of an estimator now."""
    found = {
        "score": model.score(X, y),
        "step": model.predict_step(X[:, 0]),
    }
    names = ("predict", "predict_proba", "predict_quantiles", "attention_weights", "decision_function")
    found |= {name: getattr(model, name)(X) for name in names if hasattr(model, name)}
    try:
        found["std"] = model.predict(X, return_std=True)
    except (TypeError, ValueError) as error:
        found["std"] = str(error)
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": "gaussian", "dtype": "float32"},
        {"loss": "quantile", "quantile": (0.1, 0.9)},
        {"pooling": "attention"},
        {"return_sequences": True},
        {"missing": "indicator"},
    ],
    ids=str,
)
@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_all_readings_follow_the_fit_whatever_is_set_afterwards(estimator, options, data):
    X, y = data
    X[1::4, 4, 1] = np.nan
    if estimator is GRUClassifier:
        options, y = {name: value for name, value in options.items() if name not in ("loss", "quantile")}, y > 0
    if "return_sequences" in options:
        y = np.repeat(y[:, None], 7, axis=1)
    model = small(estimator, **options).fit(X, y)
    expected = everything(model, X, y)
    others = {
        "hidden_size": 9,
        "num_layers": 2,
        "bidirectional": True,
        "norm": "layer",
        "pooling": "max" if "pooling" in options else "attention",
        "segment_size": 7,
        "linear_skip": False,
        "missing": "skip" if "missing" in options else "indicator",
        "return_sequences": "return_sequences" not in options,
        "n_channels": 1,
        "dtype": "float64" if "dtype" in options else "float32",
        "class_weight": {True: 5, False: 1},
        "loss": "huber" if "loss" in options else "quantile",
        "quantile": (0.2, 0.5, 0.8),
    }
    for name in model.get_params().keys() & others.keys():
        if estimator is GRURegressor or name != "loss":
            model.set_params(**{name: others[name]})
    found = everything(model, X, y)
    assert found.keys() == expected.keys()
    for name, answer in expected.items():
        assert str(found[name]) == str(answer)
        if name == "predict":
            np.testing.assert_array_equal(found[name], answer)


def test_what_can_be_asked_of_an_estimator_follows_its_parameters_until_it_is_fitted(data):
    X, y = data
    model = small(GRURegressor, pooling="attention", loss="quantile")
    assert hasattr(model, "attention_weights")
    assert hasattr(model, "predict_quantiles")
    for reading in (model.attention_weights, model.predict_quantiles, model.predict, model.predict_step):
        with pytest.raises(NotFittedError, match="This GRURegressor instance is not fitted yet"):
            reading(X)
    with pytest.raises(NotFittedError, match="This GRURegressor instance is not fitted yet"):
        model.score(X, y)
    model.set_params(pooling="last", loss="huber").fit(X, y).set_params(pooling="attention", loss="quantile")
    assert not hasattr(model, "attention_weights")
    assert not hasattr(model, "predict_quantiles")
    model.set_params(loss="gaussian")
    with pytest.raises(ValueError, match="this model was fitted with 'huber'"):
        model.predict(X, return_std=True)
