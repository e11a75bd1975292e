"""What all tests share."""

import os
import sys

# Read by SciPy when it is first imported: without it scikit-learn skips its array API check.
os.environ["SCIPY_ARRAY_API"] = "1"

import numpy as np
import pandas as pd
import pytest

import skrnn

collect_ignore = ["clients", "site"]  # they need packages of their own; see CONTRIBUTING.md

REGRESSORS = [skrnn.GRURegressor, skrnn.LSTMRegressor, skrnn.RNNRegressor]


def one_for_all(first, *others):
    """Parameters of which the first stands for all in the quick tests: faces that differ in their layer alone."""
    return [first, *(pytest.param(other, marks=[pytest.mark.slow, pytest.mark.numbers]) for other in others)]


@pytest.fixture(autouse=True, scope="session")
def _threads():
    """Tests run side by side, one on each core; SKRNN_TEST_THREADS sets another number of threads."""
    import torch

    torch.set_num_threads(int(os.environ.get("SKRNN_TEST_THREADS", "1")))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def series():
    """A noisy sine with an hourly index."""
    rng = np.random.default_rng(1)
    index = pd.date_range("2024-01-01", periods=200, freq="h", name="time")
    load = np.sin(2 * np.pi * np.arange(200) / 24) + rng.normal(scale=0.1, size=200)
    return pd.DataFrame({"load": load, "wind": rng.normal(size=200)}, index=index)


@pytest.fixture
def plt():
    """matplotlib's pyplot without a screen; its figures are closed afterwards."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield plt
    plt.close("all")


def interrupted(call, n_events, modules, *, bytecodes=False):
    """Call, with a KeyboardInterrupt at an event of the interpreter in some modules; whether it came so far."""
    files, count = {module.__file__ for module in modules}, 0

    def trace(frame, *_):
        nonlocal count
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes = bytecodes
        count += 1
        if count > n_events:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


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


def linear_part(model, X):
    """Answers (n, output) from the linear attributes of a fitted estimator."""
    coef = model.linear_coef_
    return np.einsum("oij,nij->no", coef, X[:, -coef.shape[1] :]) + model.linear_intercept_


def best_ridge(columns, y):
    """Ridge regression with the least error of rows that are left out one at a time, by scikit-learn."""
    from sklearn.linear_model import RidgeCV

    return RidgeCV(10.0 ** np.arange(-7, 2.1, 0.5) * len(y)).fit(columns, y)
