"""Matrix products that add to their result: in tiles where a matrix is small or used many times, others by the BLAS.

Matrices are given by the places of their first numbers; rows follow one another.
"""

from __future__ import annotations

from skrnn._compiled.kernels.blas import gemm, gemv
from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Numbers, itemsize, leaf
from skrnn._compiled.kernels.tiles import PANEL, add_tiled

_SMALL = 2**17  # bytes of the second factor, from which on a BLAS is faster
_PLAIN, _TRANSPOSED = ord("N"), ord("T")


@leaf
def add_rows_times(out: Numbers, a: Numbers, b: Numbers, m: int, n: int, k: int) -> None:
    """out (m, n) += a (m, k) @ b (k, n)"""
    if m == 1:
        gemv(out, b, a, n, k, _PLAIN)
    elif k * n * itemsize < _SMALL:
        add_tiled(out, n, out, n, a, k, 1, b, n, m, n, k)
    else:
        gemm(out, b, a, n, m, k, n, k, _PLAIN, _PLAIN)


@leaf
def add_columns_times(out: Numbers, a: Numbers, b: Numbers, m: int, n: int, k: int) -> None:
    """out (m, n) += a (k, m).T @ b (k, n)"""
    if k * n * itemsize < _SMALL:
        add_tiled(out, n, out, n, a, 1, m, b, n, m, n, k)
    else:
        gemm(out, b, a, n, m, k, n, m, _PLAIN, _TRANSPOSED)


def room_for_panels(n_columns: int, k: int, n_bytes: int) -> int:
    """How many numbers of so many bytes the panels of a matrix (k, n_columns) take."""
    width = PANEL // n_bytes
    return -(-n_columns // width) * width * k


@leaf
def lay_panels(panels: Numbers, weights: Numbers, n_gates: int, m: int, n: int, k: int, turned: int) -> None:
    """Put matrices in the order in which products with m rows read them.

    Parameters
    ----------
    panels : (gate, panel, k, column)
        Strips of columns, each in one run; see ``room_for_panels``. The last columns may be left as they are.
    weights : (gate, k, n), or (gate, n, k) if turned
        What ``add_product`` multiplies with.
    m : int
        Number of rows. A single one needs no panels.
    turned : int
        Whether the products are with the transposes.
    """
    width = PANEL // itemsize
    n_panels = (n + width - 1) // width
    row, column = (1, k) if turned else (n, 1)
    for gate in range(n_gates if m > 1 else 0):
        matrix, strips = at(weights, gate * k * n), at(panels, gate * n_panels * k * width)
        for j in range(n):
            strip = at(strips, j // width * k * width + j % width)
            _copy_apart(strip, width, at(matrix, j * column), row, k)


@leaf
def _copy_apart(out: Numbers, out_step: int, other: Numbers, step: int, n: int) -> None:
    """Copy n numbers that stand apart, and keep them apart."""
    for i in range(n):
        out[i * out_step] = other[i * step]


@leaf
def add_product(
    out: Numbers, a: Numbers, weights: Numbers, panels: Numbers, gate: int, m: int, n: int, k: int, turned: int,
    repeated: int,
) -> None:  # fmt: skip
    """out (m, n) += a (m, k) @ weights[gate], or its transpose if turned; ``lay_panels`` made the panels.

    Each row is added to the last row of ``out`` if it is ``repeated``.
    """
    if m == 1 and turned:
        gemv(out, at(weights, gate * k * n), a, k, n, _TRANSPOSED)
    elif m == 1:
        gemv(out, at(weights, gate * k * n), a, n, k, _PLAIN)
    else:
        width = PANEL // itemsize
        n_panels = (n + width - 1) // width
        start, start_row = at(out, (m - 1) * n if repeated else 0), 0 if repeated else n
        for panel in range(n_panels):
            j = panel * width
            strip = at(panels, (gate * n_panels + panel) * k * width)
            add_tiled(at(out, j), n, at(start, j), start_row, a, k, 1, strip, width, m, min(width, n - j), k)
