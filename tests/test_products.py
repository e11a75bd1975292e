"""Matrix products of the compiled loops against numpy's, tiled or by the BLAS, in all shapes that tiles are cut to."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn._compiled.kernels.products import (
    add_columns_times,
    add_product,
    add_rows_times,
    lay_panels,
    room_for_panels,
)


def call(leaf, *arguments):
    """Call a leaf with the places of arrays in a precision, as compiled code does."""
    native = leaf.of(arguments[0].dtype).ctypes
    given = zip(arguments, native.argtypes, strict=True)
    native(*(ctypes.cast(a.ctypes.data, kind) if isinstance(a, np.ndarray) else a for a, kind in given))


SIDES = st.one_of(st.integers(1, 40), st.sampled_from([64, 65, 129, 200, 300]))


@settings(max_examples=200, deadline=None)
@given(m=SIDES, n=SIDES, k=SIDES, single=st.booleans(), seed=st.integers(0, 100))
def test_products_are_those_of_numpy(m, n, k, single, seed):
    rng = np.random.default_rng(seed)
    dtype = np.float32 if single else np.float64
    a, b, before = (rng.normal(size=shape).astype(dtype) for shape in ((m, k), (k, n), (m, n)))
    expected = before.astype(np.float64) + a.astype(np.float64) @ b.astype(np.float64)
    tolerance = 100 * np.finfo(dtype).eps * np.sqrt(k) * (1 + np.abs(expected).max())

    def check(add, *arguments):
        out = before.copy()
        call(add, out, *arguments)
        np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance)

    check(add_rows_times, a, b, m, n, k)
    check(add_columns_times, np.ascontiguousarray(a.T), b, m, n, k)
    for turned in (False, True):
        weights = np.ascontiguousarray(np.stack([np.zeros_like(b), b]).swapaxes(1, 2 if turned else 1))
        panels = np.full(2 * room_for_panels(n, k, b.itemsize), np.nan, dtype)
        call(lay_panels, panels, weights, 2, m, n, k, turned)
        check(add_product, a, weights, panels, 1, m, n, k, turned, False)
        out = np.full((m, n), np.nan, dtype)
        out[-1] = before[-1]
        call(add_product, out, a, weights, panels, 1, m, n, k, turned, True)
        np.testing.assert_allclose(out, expected - before + before[-1], rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_but_the_result_is_written(dtype):
    for n in range(1, 40):
        room = np.zeros((9, n), dtype=dtype)
        call(add_rows_times, room[1:8], np.ones((7, 3), dtype), np.ones((3, n), dtype), 7, n, 3)
        assert (room[1:8] == 3).all()
        assert not room[[0, 8]].any()
