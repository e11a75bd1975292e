"""Sigmoid and tanh of the compiled loops: within a few units in the last place, also near 0 and far out."""

from __future__ import annotations  # they are read as text

import numpy as np
import pytest

from skrnn._compiled.kernels.activations import sigmoid, tanh
from skrnn._compiled.kernels.jit import Array1, entry


@entry
def both(x: Array1, s: Array1, t: Array1):
    for i in range(x.size):
        s[i] = sigmoid(x[i])
        t[i] = tanh(x[i])


def of(values, dtype):
    x = np.asarray(values, dtype=dtype)
    s, t = np.empty_like(x), np.empty_like(x)
    both.of(x.dtype)(x, s, t)
    return x.astype(np.longdouble), s, t


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_are_exact_to_a_few_units_in_the_last_place(dtype):
    small = np.geomspace(1e-30, 1, 2000)
    x, s, t = of(np.concatenate([np.linspace(-80, 80, 100_001), small, -small]), dtype)
    unit = np.finfo(dtype).eps
    sigma = 1 / (1 + np.exp(-x))
    assert np.max(np.abs(s - sigma) / sigma) < 3 * unit
    assert np.max(np.abs(t - np.tanh(x)) / np.maximum(np.abs(np.tanh(x)), 1e-300)) < 3 * unit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_and_what_is_no_number(dtype):
    _, s, t = of([0.0, -0.0, np.inf, -np.inf, 1e30, -1e30, np.nan], dtype)
    np.testing.assert_allclose(s[:6], [0.5, 0.5, 1, 0, 1, 0], atol=1e-37)
    np.testing.assert_array_equal(t[:6], [0, 0, 1, -1, 1, -1])
    assert np.isnan(s[6])
    assert np.isnan(t[6])
