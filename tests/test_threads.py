"""Computing alone: one thread of torch, the caller's settings afterwards, whoever ends first and wherever an interrupt
comes; work that is shared; children that do not wait for threads of their parent."""

import itertools
import multiprocessing
import os
import sys
import threading
import time
import warnings
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from conftest import REGRESSORS, interrupted
from threadpoolctl import threadpool_info, threadpool_limits

from skrnn import GRUClassifier, GRURegressor, LSTMClassifier, LSTMRegressor, RNNClassifier
from skrnn._compiled import threads
from skrnn._compiled.threads import alone, callers_threads, one_blas_thread, share


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@alone
def compute(work=lambda: None):
    work()
    return torch.get_num_threads(), callers_threads()


@alone
def compute_with_blas(work=lambda: None):
    one_blas_thread()
    work()
    return blas_threads()


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_torch_has_one_thread_within_and_the_callers_number_afterwards():
    assert compute() == (1, 2)
    assert torch.get_num_threads() == 2


def test_the_number_comes_back_after_an_error():
    def fail():
        raise KeyError

    with pytest.raises(KeyError):
        compute(fail)
    assert torch.get_num_threads() == 2


def test_one_call_within_another_changes_nothing():
    found = []
    assert compute(lambda: found.append(compute())) == (1, 2)
    assert found == [(1, 2)]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_the_number_comes_back_whoever_ends_first(first_ends_first):
    entered, leave, found = threading.Event(), threading.Event(), []

    def wait():
        entered.set()
        leave.wait()

    def other_call():
        found.append(compute(wait))
        found.append(torch.get_num_threads())

    other = threading.Thread(target=other_call)

    def begin():
        other.start()
        entered.wait()

    def begin_and_end():
        leave.set()
        other.join()

    if first_ends_first:
        compute(begin)
        begin_and_end()
    else:
        begin()
        compute(begin_and_end)
    assert found == [(1, 2), 2]
    assert torch.get_num_threads() == 2
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found[2:] == [2]


def test_blas_is_held_at_one_thread_until_the_call_ends():
    before = blas_threads()
    assert set(compute_with_blas()) == {1}
    assert blas_threads() == before


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_blas_gets_its_threads_back_from_the_last_of_concurrent_calls(first_ends_first):
    entered, leave = threading.Event(), threading.Event()
    before = blas_threads()

    def wait():
        entered.set()
        leave.wait()

    other = threading.Thread(target=compute_with_blas, args=(wait,))

    def beside():
        other.start()
        entered.wait()
        if not first_ends_first:
            leave.set()
            other.join()

    assert set(compute_with_blas(beside)) == {1}
    if first_ends_first:
        assert set(blas_threads()) == {1}  # the other one still computes
        leave.set()
        other.join()
    assert blas_threads() == before
    with threadpool_limits(1, user_api="blas"):  # callers can set limits again
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_work_is_shared_among_threads():
    done, together = [None] * 2, threading.Barrier(2, timeout=60)

    def work(i):
        together.wait()
        done[i] = threading.get_ident()

    share(work, 2)
    assert done[0] == threading.get_ident()
    assert done[1] not in (None, done[0])


def test_work_is_done_without_any_free_thread(monkeypatch):
    monkeypatch.setattr(threads, "_hire", lambda _: None)
    monkeypatch.setattr(threads._shared, "tasks", threads.SimpleQueue())
    done = []
    share(done.append, 3)
    assert done == [0, 1, 2]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_a_share_is_raised_when_all_have_ended(failing, error):
    ended, together = [], threading.Barrier(2, timeout=60)

    def work(i):
        together.wait()
        if i == failing:
            raise error(i)
        time.sleep(0.05)
        ended.append(i)

    with pytest.raises(error):
        share(work, 2)
    assert ended == [1 - failing]


AMBIENT = {
    "none": lambda: (),
    "inference": lambda: (torch.inference_mode(),),
    "others": lambda: (
        torch.no_grad(),
        torch.device("meta"),
        torch.overrides.BaseTorchFunctionMode(),
        np.errstate(all="raise"),
    ),
}


def settings():
    return {
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "device": torch.get_default_device(),
        "current device": torch.utils._device.CURRENT_DEVICE,
        "modes": torch.overrides._get_current_function_mode_stack(),
        "errors": np.geterr(),
        "blas": [library.get_num_threads() for library in threads._blas_libraries().lib_controllers],
        "calls": list(threads._shared.calls) + list(threads._shared.blas_calls),
    }


def change_everything():
    torch.set_grad_enabled(False)
    np.seterr(over="ignore")
    torch.utils._device.DeviceContext("cpu").__enter__()
    one_blas_thread()
    share(lambda _: None, 2)


@pytest.mark.parametrize("ambient", AMBIENT)
def test_an_interrupt_at_any_bytecode_leaves_the_callers_settings(ambient):
    compute_with_blas(change_everything)  # starts the threads that this needs
    with ExitStack() as stack:
        for context in AMBIENT[ambient]():
            stack.enter_context(context)
        before = settings()
        n_events = 0
        while interrupted(lambda: compute(change_everything), n_events, [threads], bytecodes=True):
            assert settings() == before, f"after event {n_events}"
            n_events += 1
        assert n_events > 300
        assert compute() == (1, 2)
        assert settings() == before


def _share_in_child(queue):
    done = np.zeros(4)
    share(lambda i: done.__setitem__(i, 1), 4)
    compute_with_blas()
    queue.put((done.sum(), compute(), torch.get_num_threads()))


forks = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")


def in_child(function):
    """What a forked child puts into a queue."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=function, args=(queue,), daemon=True)
    child.start()
    try:
        return queue.get(timeout=60)
    finally:
        child.kill()


@forks
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    compute_with_blas(lambda: share(lambda _: None, 2))  # the parent's threads, which the child does not inherit
    assert in_child(_share_in_child) == (4, (1, 2), 2)


@forks
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_while_another_thread_computes_gets_the_callers_settings():
    entered, leave, before = threading.Event(), threading.Event(), blas_threads()

    def wait():
        entered.set()
        leave.wait()

    other = threading.Thread(target=compute_with_blas, args=(wait,))
    other.start()
    entered.wait()

    def find(queue):
        held = set(compute_with_blas())
        new = threading.Thread(target=lambda: queue.put((torch.get_num_threads(), blas_threads(), held)))
        new.start()
        new.join()

    try:
        assert in_child(find) == (2, before, {1})
    finally:
        leave.set()
        other.join()


def _models():
    """Every layer, option and way to learn, at sizes from which torch shares work: more than 32,768 numbers."""
    rng = np.random.default_rng(0)

    def data(n, n_steps, n_channels):
        X = rng.standard_normal((n, n_steps, n_channels))
        return X, X[:, -1, 0] + 0.1 * rng.standard_normal(n)

    small, big = data(60, 4, 2), data(20_000, 2, 1)
    holes = np.where(rng.random(small[0].shape) < 0.1, np.nan, small[0])
    units = {"max_iter": 1, "random_state": 0}
    for face in REGRESSORS:
        yield face(182, **units), *small
    for face in (GRUClassifier, LSTMClassifier, RNNClassifier):
        yield face(182, **units), small[0], small[1] > 0
    faces = itertools.cycle([GRURegressor, LSTMRegressor])
    options = (
        {"norm": "layer"},
        {"norm": "batch"},
        {"pooling": "attention"},
        {"pooling": "max"},
        {"pooling": "mean", "bidirectional": True},
        {"num_layers": 2, "dropout": 0.2},
        {"segment_size": 2},
        {"missing": "indicator"},
        {"linear_skip": False},
        {"early_stopping": True},
        {"solver": "rmsprop"},
        {"solver": "sgd"},
        *({"loss": loss} for loss in ("absolute_error", "gaussian", "huber", "quantile")),
    )
    for option in options:
        yield next(faces)(111, **option, **units), holes, small[1]
        yield GRURegressor(2, **option, **units, batch_size=20_000), *big
    yield GRURegressor(2, loss="quantile", quantile=(0.1, 0.5, 0.9), **units), *big
    yield GRURegressor(111, loss="poisson", **units), small[0], np.abs(small[1])
    yield GRURegressor(111, return_sequences=True, **units), holes, holes[:, :, 0]
    X, _ = data(1000, 4, 2)
    yield GRUClassifier(4, **units), X, rng.integers(0, 40, 1000)


def _use(model, X, y):
    """Everything that can be asked of an estimator."""
    model.fit(X, y)
    if model.early_stopping == "auto":
        model.partial_fit(X, y)
    model.score(X, y)
    for reading in ("predict", "predict_proba", "predict_quantiles", "attention_weights", "decision_function"):
        if hasattr(model, reading):
            getattr(model, reading)(X)
    if model.loss == "gaussian":
        model.predict(X, return_std=True)
    model.predict_step(X[:, 0])


def _n_foreign_threads():
    return len(os.listdir("/proc/self/task")) - threading.active_count()


def _use_all_then_fork():
    """In a process of its own: no thread of torch is started, and a child can do everything, too."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    models = list(_models())
    _use(GRURegressor(2, max_iter=1), *models[0][1:])  # far too small for that
    n_threads = _n_foreign_threads()
    for model, X, y in models:
        _use(model, X, y)
        assert _n_foreign_threads() == n_threads, f"{model} started a thread of torch"
    torch.ones(100_000).add(1)
    assert _n_foreign_threads() > n_threads, "the check finds nothing"
    expected = [model.predict(X) for model, X, _ in models]
    child = os.fork()
    if not child:
        same = [
            np.array_equal(model.predict(X), answer) for (model, X, _), answer in zip(models, expected, strict=True)
        ]
        for model, X, y in models[::5]:
            _use(model, X, y)
        os._exit(not all(same))
    deadline = time.monotonic() + 60
    while (state := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
            sys.exit("the child hangs")
        time.sleep(0.05)
    sys.exit(state[1])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
def test_nothing_starts_a_thread_of_torch_and_a_forked_child_can_do_everything():
    process = multiprocessing.get_context("spawn").Process(target=_use_all_then_fork)
    process.start()
    process.join()
    assert process.exitcode == 0
