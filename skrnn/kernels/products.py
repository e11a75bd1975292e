"""Matrix products that add to their result: those of small matrices in tiles, others by the BLAS."""

from __future__ import annotations

import numpy as np

from skrnn.kernels.blas import gemm, gemv
from skrnn.kernels.jit import compiled
from skrnn.kernels.tiles import add_tiled

_SMALL = 2**17  # bytes of the second factor, from which on a BLAS is faster
_PLAIN, _TRANSPOSED = ord("N"), ord("T")


@compiled
def flat(array):
    """The numbers of an array in one run."""
    return array.reshape(array.size)


@compiled
def add_rows_times(out, a, b):
    """out (m, n) += a (m, k) @ b (k, n)"""
    (m, k), n = a.shape, b.shape[1]
    if m == 1:
        gemv(out, b, a, n, k, _PLAIN)
    elif b.nbytes < _SMALL:
        add_tiled(flat(out), flat(a), flat(b), m, n, k, k, 1)
    else:
        gemm(out, b, a, n, m, k, n, k, _PLAIN, _PLAIN)


@compiled
def add_columns_times(out, a, b):
    """out (m, n) += a (k, m).T @ b (k, n)"""
    (k, m), n = a.shape, b.shape[1]
    if b.nbytes < _SMALL:
        add_tiled(flat(out), flat(a), flat(b), m, n, k, 1, m)
    else:
        gemm(out, b, a, n, m, k, n, m, _PLAIN, _TRANSPOSED)


@compiled
def turned_if_faster(weights, m):
    """Transposes of weights (gate, n, k) where products of m rows with them are faster by those, else nothing."""
    _, n, k = weights.shape
    if m == 1 or n * k * weights.itemsize >= _SMALL:
        return np.empty((0, k, n), weights.dtype)
    return transposed(weights)


@compiled
def transposed(weights):
    """Transposes of weights (gate, n, k)."""
    n_gates, n, k = weights.shape
    turned = np.empty((n_gates, k, n), weights.dtype)
    for gate in range(n_gates):
        for i in range(n):
            for j in range(k):
                turned[gate, j, i] = weights[gate, i, j]
    return turned


@compiled
def add_rows_times_weight(out, a, weights, turned, gate):
    """out (m, n) += a (m, k) @ weights[gate] (n, k).T, with what ``turned_if_faster`` made of the weights"""
    m, k = a.shape
    n = out.shape[1]
    if turned.shape[0]:
        add_rows_times(out, a, turned[gate])
    elif m == 1:
        gemv(out, weights[gate], a, k, n, _TRANSPOSED)
    else:
        gemm(out, weights[gate], a, n, m, k, k, k, _TRANSPOSED, _PLAIN)
