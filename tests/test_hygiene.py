"""Nothing global differs after a call, also after one that failed; inputs stay as they are; threads do not mix."""

import multiprocessing
import os
import random
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from conftest import REGRESSORS, interrupted
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

import skrnn
from skrnn import GRURegressor, SlidingWindowTransformer, _learning
from skrnn._compiled import threads
from skrnn._model import engine

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def world():
    """Global settings that a call must leave alone."""
    return {
        "torch generator": torch.get_rng_state().numpy().tobytes(),
        "numpy generator": repr(np.random.get_state()),  # noqa: NPY002  the state users may rely on
        "python generator": repr(random.getstate()),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "threads": torch.get_num_threads(),
        "BLAS threads": [library.get_num_threads() for library in threads._blas_libraries().lib_controllers],
        "modes": torch.overrides._get_current_function_mode_stack(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "tf32": torch.backends.cudnn.allow_tf32,
        "benchmark": torch.backends.cudnn.benchmark,
        "anomaly": torch.is_anomaly_enabled(),
        "numpy errors": np.geterr(),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }


CALLS = {
    "fit": lambda model, X, y: clone(model).fit(X, y),
    "failing fit": lambda model, X, y: clone(model).fit(X.assign(load=np.inf), y),
    "diverging fit": lambda model, X, y: (
        clone(model)
        .set_params(**{f"{model.steps[-1][0]}__learning_rate_init": 1e300, f"{model.steps[-1][0]}__clip_norm": None})
        .fit(X, y)
    ),
    "predict": lambda model, X, _: model.predict(X),
    "failing predict": lambda model, X, _: model.predict(X.assign(load=np.inf)),
    "score": lambda model, X, y: model.score(X, y),
    "transform": lambda model, X, _: model[:-1].transform(X),
    "partial_fit": lambda model, X, y: clone(model[-1]).partial_fit(model[:-1].transform(X), y),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("regressor", REGRESSORS)
def test_nothing_global_differs_after_a_call(call, regressor, series):
    y = series["load"]
    last = regressor(4, num_layers=2, dropout=0.2, max_iter=2, random_state=0)
    model = make_pipeline(SlidingWindowTransformer(5, horizon=1), last).fit(series, y)
    before = world()
    X = series.copy()
    if "ing " in call:
        with pytest.raises(ValueError, match=r"infinity|did not converge"):
            CALLS[call](model, X, y)
    else:
        CALLS[call](model, X, y)
    assert world() == before
    assert X.equals(series)


@pytest.fixture
def fitted(series):
    """A model, what it is asked about, and its answer; two threads, so that what is not given back shows."""
    X, y = SlidingWindowTransformer(3, horizon=1).fit_transform(series[:20]), series["load"][:20]
    model = GRURegressor(2, max_iter=1, random_state=0, linear_skip=False).fit(X, y)
    torch.set_num_threads(2)
    yield model, X, y, model.predict(X)
    torch.set_num_threads(1)


INTERRUPTED = {
    "fit": lambda model, X, y: model.fit(X, y + 1),
    "partial_fit": lambda model, X, y: model.partial_fit(X, y),
    "predict": lambda model, X, _: model.predict(X),
}


@pytest.mark.parametrize("call", INTERRUPTED)
def test_an_interrupt_leaves_the_world_and_the_model_as_they_were(call, fitted, monkeypatch):
    model, X, y, expected = fitted
    monkeypatch.setattr(engine, "_BLAS_SHARES", 0)  # small work, too, holds BLAS at one thread
    before, learnt, n_lines = world(), dict(vars(model)), 0
    while interrupted(lambda: INTERRUPTED[call](model, X, y), n_lines, [threads, _learning]):
        assert world() == before, f"after line {n_lines}"
        now = {name: value for name, value in vars(model).items() if value is not learnt.get(name)}
        assert not now or np.abs(model.predict(X) - expected).max() > 0  # all of a fit, at its very end, or nothing
        model.__dict__ = dict(learnt)
        np.testing.assert_array_equal(model.predict(X), expected)
        n_lines += 1
    assert n_lines > 50
    assert world() == before


@pytest.mark.parametrize("call", INTERRUPTED)
def test_an_interrupt_anywhere_in_the_package_leaves_the_world_as_it_was(call, fitted, rng):
    model, X, y, _ = fitted
    modules = [module for name, module in sys.modules.items() if name.startswith(skrnn.__name__)]
    before, learnt = world(), dict(vars(model))
    longest, n_reached = 2**14, 0
    for _ in range(40):
        n_lines = int(longest * rng.random() ** 2)
        if interrupted(lambda: INTERRUPTED[call](model, X, y), n_lines, modules):
            n_reached += 1
            assert world() == before, f"after line {n_lines}"
        else:
            longest = n_lines
        model.__dict__ = dict(learnt)
    assert n_reached > 10


@pytest.mark.parametrize("ambient", ["float64", "meta", "no_grad", "inference"])
def test_a_callers_own_settings_do_not_reach_in(ambient, series):
    X, y = SlidingWindowTransformer(5, horizon=1).fit_transform(series), series["load"]
    model = GRURegressor(4, num_layers=2, dropout=0.2, max_iter=2, random_state=0)
    expected = clone(model).fit(X, y).predict(X)
    try:
        if ambient == "float64":
            torch.set_default_dtype(torch.float64)
        if ambient == "meta":
            torch.set_default_device("meta")
        with torch.no_grad() if ambient == "no_grad" else torch.inference_mode(ambient == "inference"):
            clone(model).fit(X, y).partial_fit(X, y)
            found = clone(model).fit(X, y).predict(X)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device("cpu")
    np.testing.assert_array_equal(found, expected)


def test_fits_in_threads_side_by_side_are_those_of_one_alone(series):
    X, y = SlidingWindowTransformer(5, horizon=1).fit_transform(series), series["load"]
    model = GRURegressor(4, num_layers=2, dropout=0.3, max_iter=3, batch_size=50, random_state=0)
    expected = clone(model).fit(X, y).predict(X)
    stop = threading.Event()

    def noise():
        while not stop.is_set():
            torch.rand(10)
            np.random.rand(10)  # noqa: NPY002

    results = []
    threads = [threading.Thread(target=lambda: results.append(clone(model).fit(X, y).predict(X))) for _ in range(4)]
    disturber = threading.Thread(target=noise)
    for thread in [disturber, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    disturber.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-9)


def test_many_threads_predict_with_one_model(series):
    X, y = SlidingWindowTransformer(5, horizon=1).fit_transform(series), series["load"]
    model = GRURegressor(4, max_iter=2, random_state=0).fit(X, y)
    expected = model.predict(X)
    results = []
    threads = [threading.Thread(target=lambda: results.append(model.predict(X))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(np.allclose(result, expected, rtol=1e-12) for result in results)


def _predict(model, X, queue):
    queue.put(model.predict(X))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_predicts(series):
    X, y = SlidingWindowTransformer(5, horizon=1).fit_transform(series), series["load"]
    model = GRURegressor(4, max_iter=2, random_state=0).fit(X, y)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_predict, args=(model, X, queue), daemon=True)
    child.start()
    np.testing.assert_allclose(queue.get(timeout=60), model.predict(X), rtol=1e-12)
    child.join(timeout=60)
