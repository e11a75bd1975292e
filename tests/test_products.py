"""Matrix products of the compiled loops against numpy's, tiled or by the BLAS, in all shapes that tiles are cut to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn.kernels.products import add_columns_times, add_product, add_rows_times, panels_of

SIDES = st.one_of(st.integers(1, 40), st.sampled_from([64, 65, 129, 200, 300]))


@settings(max_examples=200, deadline=None)
@given(m=SIDES, n=SIDES, k=SIDES, single=st.booleans(), seed=st.integers(0, 100))
def test_products_are_those_of_numpy(m, n, k, single, seed):
    rng = np.random.default_rng(seed)
    dtype = np.float32 if single else np.float64
    a, b, before = (rng.normal(size=shape).astype(dtype) for shape in ((m, k), (k, n), (m, n)))
    expected = before.astype(np.float64) + a.astype(np.float64) @ b.astype(np.float64)
    tolerance = 100 * np.finfo(dtype).eps * np.sqrt(k) * (1 + np.abs(expected).max())

    def check(add, *factors):
        out = before.copy()
        add(out, *factors)
        np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance)

    check(add_rows_times, a, b)
    check(add_columns_times, np.ascontiguousarray(a.T), b)
    for turned in (False, True):
        weights = np.ascontiguousarray(np.stack([np.zeros_like(b), b]).swapaxes(1, 2 if turned else 1))
        check(add_product, a, weights, panels_of(weights, m, turned), 1, turned)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_but_the_result_is_written(dtype):
    for n in range(1, 40):
        room = np.zeros((9, n), dtype=dtype)
        add_rows_times(room[1:8], np.ones((7, 3), dtype), np.ones((3, n), dtype))
        assert (room[1:8] == 3).all()
        assert not room[[0, 8]].any()
