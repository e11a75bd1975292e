"""On a CUDA device: the same answers as on the CPU, to single precision, and nothing of it in what is kept."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import REGRESSORS
from sklearn.base import clone

from skrnn import GRUClassifier, GRURegressor, LSTMClassifier
from skrnn._model.losses import SquaredError
from skrnn._training import captured

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

CLOSE = {"rtol": 2e-3, "atol": 1e-3}  # single precision, after some epochs
OPTIONS = {
    "default": {},
    "two layers in both directions": {"num_layers": 2, "bidirectional": True},
    "without a linear skip": {"linear_skip": False},
    "segments": {"segment_size": 4},
    "batch norm": {"norm": "batch", "num_layers": 2},
    "layer norm": {"norm": "layer"},
    "mean": {"pooling": "mean"},
    "max": {"pooling": "max"},
    "attention": {"pooling": "attention"},
    "indicator": {"missing": "indicator"},
    "rmsprop": {"solver": "rmsprop", "learning_rate": "adaptive"},
    "momentum": {"solver": "sgd", "learning_rate": "cosine"},
    "gaussian": {"loss": "gaussian"},
    "quantiles": {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)},
    "huber": {"loss": "huber", "weight_decay": 1e-3, "solver": "adamw"},
}


@pytest.fixture
def windows(rng):
    """Overlapping windows (300, 12, 2) of a noisy sine, some with missing steps, and the value behind each."""
    base = np.column_stack([np.sin(np.arange(313) / 3), rng.normal(size=313)]) + 0.1 * rng.normal(size=(313, 2))
    y = base[12:-1, 0] * 3 + 1
    base[rng.choice(313, 20, replace=False)] = np.nan
    X = np.lib.stride_tricks.sliding_window_view(base.astype(np.float32), 12, axis=0)[:300].swapaxes(1, 2)
    return X, y


def on_both(model, X, y, **fit):
    """The model fitted on the CPU and on the device."""
    model.set_params(hidden_size=6, max_iter=3, dtype="float32", random_state=0)
    return model.fit(X, y, **fit), clone(model).set_params(device="cuda").fit(X, y, **fit)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("regressor", REGRESSORS)
def test_a_fit_on_the_device_is_that_on_the_cpu(windows, regressor, options):
    X, y = windows
    cpu, cuda = on_both(regressor(early_stopping=True, **OPTIONS[options]), X, y)
    np.testing.assert_allclose(cuda.predict(X), cpu.predict(X), **CLOSE)
    np.testing.assert_allclose(cuda.loss_curve_, cpu.loss_curve_, **CLOSE)
    np.testing.assert_allclose(cuda.validation_loss_curve_, cpu.validation_loss_curve_, **CLOSE)


@pytest.mark.parametrize("classifier", [GRUClassifier, LSTMClassifier])
def test_classifiers_give_the_same_probabilities(windows, classifier):
    X, y = windows
    cpu, cuda = on_both(classifier(), X, np.digitize(y, [0, 2]), sample_weight=np.arange(300))
    np.testing.assert_allclose(cuda.predict_proba(X), cpu.predict_proba(X), **CLOSE)


def test_an_answer_at_each_step(windows):
    X, _ = windows
    cpu, cuda = on_both(GRURegressor(return_sequences=True), X, np.nan_to_num(X).cumsum(axis=1)[:, :, 0])
    np.testing.assert_allclose(cuda.predict(X), cpu.predict(X), **CLOSE)
    first, state = cuda.predict_step(X[:, 0])
    np.testing.assert_allclose(first, cuda.predict(X)[:, 0], **CLOSE)
    np.testing.assert_allclose(cuda.predict_step(X[:, 1], state)[0], cuda.predict(X)[:, 1], **CLOSE)


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_double_precision_is_that_of_the_cpu(windows, regressor):
    X, y = windows
    model = regressor(6, num_layers=2, max_iter=3, dtype="float64", random_state=0).fit(X, y)
    other = clone(model).set_params(device="cuda").fit(X, y)
    np.testing.assert_allclose(other.predict(X.astype(float)), model.predict(X.astype(float)), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("regressor", REGRESSORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_prediction_depends_on_its_own_row_only(windows, regressor, dtype):
    X, y = windows
    model = regressor(64, max_iter=1, device="cuda", dtype=dtype, random_state=0).fit(X, y)
    close = {"rtol": 2e-6, "atol": 2e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    whole = model.predict(X.astype(dtype))
    np.testing.assert_allclose(model.predict(X[::-1].astype(dtype))[::-1], whole, **close)
    for rows in (slice(0, 1), slice(5, 6), slice(10, 47), slice(3, None, 7)):
        np.testing.assert_allclose(model.predict(X[rows].astype(dtype)), whole[rows], **close)


@pytest.mark.parametrize("options", ["default", "attention", "segments"])
@pytest.mark.parametrize("regressor", REGRESSORS)
def test_a_refit_is_equal_to_the_bit(windows, regressor, options):
    X, y = windows
    model = regressor(6, num_layers=2, dropout=0.2, max_iter=3, device="cuda", random_state=3, **OPTIONS[options])
    np.testing.assert_array_equal(model.fit(X, y).predict(X), clone(model).fit(X, y).predict(X))


def test_training_goes_on_where_it_stood(windows):
    X, y = windows
    model = GRURegressor(6, dropout=0.2, device="cuda", random_state=0)
    one_by_one = clone(model)
    for _ in range(4):
        one_by_one.partial_fit(X, y)
    # Moved to the CPU and back in between, as a saved model would be.
    moved = pickle.loads(pickle.dumps(clone(model).partial_fit(X, y).partial_fit(X, y)))
    moved.partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(moved.predict(X), one_by_one.predict(X))


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_training_goes_on_on_another_device(windows, solver):
    X, y = windows
    model = GRURegressor(6, solver=solver, dtype="float64", random_state=0).partial_fit(X, y)
    moved = pickle.loads(pickle.dumps(model)).set_params(device="cuda").partial_fit(X, y)
    back = pickle.loads(pickle.dumps(moved)).set_params(device="cpu").partial_fit(X, y)
    model.partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_allclose(back.predict(X), model.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("device", ["cuda:0", "auto"])
def test_other_names_of_the_device(windows, device):
    X, y = windows
    model = GRURegressor(4, max_iter=1, random_state=0)
    taken = torch.cuda.memory_stats()["allocation.all.allocated"]
    other = clone(model).set_params(device=device).fit(X, y)
    assert torch.cuda.memory_stats()["allocation.all.allocated"] > taken
    np.testing.assert_array_equal(other.predict(X), clone(model).set_params(device="cuda").fit(X, y).predict(X))


def test_a_device_that_is_not_there_is_named(windows):
    with pytest.raises(ValueError, match=r"device='cuda:99' was requested, but only \d+ CUDA devices are visible"):
        GRURegressor(device="cuda:99").fit(*windows)


def test_single_precision_is_the_default(windows):
    X, y = windows
    assert all(array.dtype == np.float32 for array in weights(GRURegressor(4, max_iter=1, device="cuda"), X, y))


def weights(model, X, y):
    return model.fit(X.astype(float), y)._model.weights.values()


def test_a_model_loads_where_there_is_no_device(windows, tmp_path):
    X, y = windows
    model = GRURegressor(6, max_iter=2, device="cuda", random_state=0).fit(X, y)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "X.npy", X)
    script = (
        "import pickle, sys, numpy, torch\n"
        "assert not torch.cuda.is_available()\n"
        "model = pickle.load(open('model.pkl', 'rb')).set_params(device='cpu')\n"
        "numpy.save('answer.npy', model.predict(numpy.load('X.npy')))\n"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), model.predict(X), rtol=1e-5, atol=1e-5)


def test_windows_of_a_view_are_gathered_batch_by_batch(rng):
    base = rng.normal(size=(200_000, 4)).astype(np.float32)
    X = np.lib.stride_tricks.sliding_window_view(base, 500, axis=0).swapaxes(1, 2)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    GRURegressor(4, max_iter=1, linear_skip=False, batch_size=512, device="cuda").fit(X, X[:, -1, 0])
    peak = torch.cuda.max_memory_allocated() - before
    assert peak < X.size * 4 / 4  # the dense windows alone would take 1.6 GB


def world():
    """Global settings of the device that a call must leave alone."""
    return {
        "generator": torch.cuda.get_rng_state().numpy().tobytes(),
        "device": torch.cuda.current_device(),
        "products": torch.backends.cuda.matmul.allow_tf32,
        "layers": torch.backends.cudnn.allow_tf32,
        "deterministic": torch.backends.cudnn.deterministic,
        "benchmark": torch.backends.cudnn.benchmark,
        "enabled": torch.backends.cudnn.enabled,
        "memory": torch.cuda.memory_allocated(),
    }


def test_nothing_of_the_device_differs_after_a_call(windows):
    X, y = windows
    model = GRURegressor(6, num_layers=2, dropout=0.2, max_iter=1, device="cuda").fit(X, y)
    before = world()
    clone(model).fit(X, y).predict(X)
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.where(np.isnan(X), np.inf, X), y)
    assert world() == before


# What is captured beyond ``OPTIONS``.
CAPTURED = {
    **OPTIONS,
    "dropout": {"num_layers": 2, "dropout": 0.3},
    "absolute error": {"loss": "absolute_error", "clip_norm": None},
    "rates that fall": {"learning_rate": "cosine", "learning_rate_init": 0.05},
    "plain descent": {
        "solver": "sgd",
        "momentum": 0.0,
        "learning_rate": "adaptive",
        "tol": 10.0,
        "n_iter_no_change": 1,
    },
    "double precision": {"dtype": "float64"},
}


@pytest.fixture
def captures(monkeypatch):
    """The captures of a test, each of which must succeed."""
    done, capture = [], captured.capture_graph

    def spy(*given):
        done.append(graph := capture(*given))
        return graph

    monkeypatch.setattr(captured, "capture_graph", spy)
    return done


def without_capture(monkeypatch, model, X, y):
    """The model fitted by the same steps, none of which is replayed."""

    def refuse(*_):
        raise RuntimeError("no capture")

    with monkeypatch.context() as patch:
        patch.setattr(captured, "capture_graph", refuse)
        return clone(model).fit(X, y)


def assert_equal_to_the_bit(one, other):
    assert one.loss_curve_ == other.loss_curve_
    for name, array in one._model.weights.items():
        np.testing.assert_array_equal(array, other._model.weights[name], err_msg=name)
    for name, array in one._model.training.solver.items():
        np.testing.assert_array_equal(array, other._model.training.solver[name], err_msg=name)


@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
@pytest.mark.parametrize("options", CAPTURED)
@pytest.mark.parametrize("regressor", REGRESSORS)
def test_replayed_steps_are_those_in_turn_to_the_bit(windows, regressor, options, gaps, captures, monkeypatch):
    X, y = windows
    X = X if gaps else np.nan_to_num(X)
    model = regressor(6, max_iter=4, batch_size=32, device="cuda", early_stopping=False, random_state=0)
    model.set_params(**CAPTURED[options]).fit(X, y)
    assert captures
    assert_equal_to_the_bit(model, without_capture(monkeypatch, model, X, y))


@pytest.mark.parametrize("loss", ["poisson", "log loss", "each step"])
def test_replayed_steps_of_other_targets(windows, loss, captures, monkeypatch):
    X, y = windows
    words = {"max_iter": 4, "batch_size": 32, "device": "cuda", "random_state": 0}
    model = GRURegressor(6, return_sequences=loss == "each step", **words)
    if loss == "poisson":
        model, y = GRURegressor(6, loss="poisson", **words), np.round(np.abs(y))
    if loss == "log loss":
        model, y = GRUClassifier(6, **words), np.digitize(y, [0, 2])
    if loss == "each step":
        y = np.nan_to_num(X).cumsum(axis=1)[:, :, 0]
    model.fit(X, y)
    assert captures
    assert_equal_to_the_bit(model, without_capture(monkeypatch, model, X, y))


@pytest.mark.slow
def test_random_shapes_are_trained_without_an_error_of_the_device(rng, captures, monkeypatch):
    for i in range(200):
        n, n_steps, n_channels, hidden, batch_size = rng.integers([20, 1, 1, 1, 1], [400, 50, 9, 70, 130]).tolist()
        X = rng.normal(size=(n, n_steps, n_channels)).astype(np.float32)
        if i % 2:
            X[rng.random((n, n_steps)) < 0.2] = np.nan
        model = REGRESSORS[i % 3](hidden, batch_size=batch_size, max_iter=4, device="cuda", random_state=i)
        model.set_params(linear_skip=bool(i % 5), early_stopping=False, dropout=0.2 * (i % 4 == 3))
        model.fit(X, y := rng.normal(size=n))
        torch.cuda.synchronize()
        assert_equal_to_the_bit(model, without_capture(monkeypatch, model, X, y))
    assert len(captures) >= 200


def test_nothing_is_left_on_the_device_after_a_fit(windows, captures):
    X, y = windows
    model = LSTMClassifier(6, num_layers=2, dropout=0.2, max_iter=3, batch_size=32, device="cuda", random_state=0)
    y = np.digitize(y, [0, 2])
    model.fit(X, y)  # libraries keep memory of their own from the first time on
    assert captures
    captures.clear()
    before = world()
    clone(model).fit(X, y)
    captures.clear()
    assert world() == before


def test_a_loss_of_a_user_is_trained_without_a_capture_and_without_a_word(windows, captures, recwarn):
    class WatchedError(SquaredError):
        def gradient(self, raw, y):
            assert float(raw.abs().max()) < 1e6  # waits for the device, which a capture forbids
            return super().gradient(raw, y)

    X, y = windows
    own = GRURegressor(6, loss=WatchedError(), max_iter=3, batch_size=32, device="cuda", random_state=0).fit(X, y)
    assert not captures
    plain = clone(own).set_params(loss="squared_error").fit(X, y)
    assert captures
    np.testing.assert_allclose(own.predict(X), plain.predict(X), **CLOSE)
    assert not [warning for warning in recwarn if "captur" in str(warning.message)]


@pytest.mark.parametrize("options", [*CAPTURED, "each step"])
def test_no_step_waits_for_the_device(windows, options, captures, monkeypatch):
    X, y = windows
    keep = captured.Captured._keep

    def watched(*given):
        torch.cuda.set_sync_debug_mode("error")
        try:
            keep(*given)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(captured.Captured, "_keep", watched)
    model = GRURegressor(6, max_iter=4, batch_size=32, device="cuda", early_stopping=False, random_state=0)
    if options == "each step":
        model.set_params(return_sequences=True)
        y = np.nan_to_num(X)[:, :, 0]
    model.set_params(**CAPTURED.get(options, {})).fit(X, y)
    assert captures


def test_weights_of_layers_lie_as_cudnn_wants_them(windows, recwarn):
    X, y = windows
    GRURegressor(6, num_layers=2, bidirectional=True, max_iter=1, device="cuda").fit(X, y)
    assert not [warning for warning in recwarn if "contiguous chunk of memory" in str(warning.message)]


def test_a_batch_that_holds_one_observed_step_is_refused_by_batch_norm():
    sparse = np.full((6, 4, 1), np.nan)
    sparse[::3, 2] = [[1.0], [2.0]]
    model = GRURegressor(3, norm="batch", num_layers=2, batch_size=3, shuffle=False, max_iter=1, linear_skip=False)
    with pytest.raises(ValueError, match="a batch holds one sample, or one observed step"):
        model.set_params(device="cuda").fit(sparse, np.arange(6.0))
