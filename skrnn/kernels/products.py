"""Matrix products that add to their result: in tiles where a matrix is small or used many times, others by the BLAS."""

from __future__ import annotations

import numpy as np

from skrnn.kernels.blas import gemm, gemv
from skrnn.kernels.jit import compiled
from skrnn.kernels.tiles import PANEL, add_tiled

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
        add_tiled(flat(out), 0, n, flat(a), k, 1, flat(b), n, m, n, k)
    else:
        gemm(out, b, a, n, m, k, n, k, _PLAIN, _PLAIN)


@compiled
def add_columns_times(out, a, b):
    """out (m, n) += a (k, m).T @ b (k, n)"""
    (k, m), n = a.shape, b.shape[1]
    if b.nbytes < _SMALL:
        add_tiled(flat(out), 0, n, flat(a), 1, m, flat(b), n, m, n, k)
    else:
        gemm(out, b, a, n, m, k, n, m, _PLAIN, _TRANSPOSED)


@compiled
def panels_of(weights, m, turned):
    """Matrices in the order in which products with m rows read them.

    Parameters
    ----------
    weights : (gate, k, n), or (gate, n, k) if turned
        What ``add_product`` multiplies with.
    m : int
        Number of rows. A single one needs no panels.
    turned : bool
        Whether the products are with the transposes.

    Returns
    -------
    panels : (gate, panel, k, column)
        Strips of columns, each in one run; empty if not needed.
    """
    n_gates = weights.shape[0] if m > 1 else 0
    k, n = (weights.shape[2], weights.shape[1]) if turned else (weights.shape[1], weights.shape[2])
    width = PANEL // weights.itemsize
    panels = np.zeros((n_gates, (n + width - 1) // width, k, width), weights.dtype)
    for gate in range(n_gates):
        for j in range(n if turned else 0):
            for i in range(k):
                panels[gate, j // width, i, j % width] = weights[gate, j, i]
        for i in range(0 if turned else k):
            for j in range(n):
                panels[gate, j // width, i, j % width] = weights[gate, i, j]
    return panels


@compiled
def add_product(out, a, weights, panels, gate, turned):
    """out (m, n) += a (m, k) @ weights[gate], or its transpose if turned; ``panels_of`` made the panels."""
    (m, k), n = a.shape, out.shape[1]
    if m == 1 and turned:
        gemv(out, weights[gate], a, k, n, _TRANSPOSED)
    elif m == 1:
        gemv(out, weights[gate], a, n, k, _PLAIN)
    else:
        width = panels.shape[3]
        for panel in range(panels.shape[1]):
            j = panel * width
            add_tiled(flat(out), j, n, flat(a), k, 1, flat(panels[gate, panel]), width, m, min(width, n - j), k)
