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
