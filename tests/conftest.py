"""What all tests share."""

import os
import sys

# Read by SciPy when it is first imported: without it scikit-learn skips its array API check.
os.environ["SCIPY_ARRAY_API"] = "1"

import numpy as np
import pandas as pd
import pytest

import skrnn

REGRESSORS = [skrnn.GRURegressor, skrnn.LSTMRegressor, skrnn.RNNRegressor]


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
