"""Matrix products that add to their result: in tiles where a matrix is small or used many times, others by the BLAS.

Matrices are given by the places of their first numbers; rows follow one another.
"""

from __future__ import annotations

from skrnn._compiled.kernels.blas import gemm, gemv
from skrnn._compiled.kernels.calls import at, larger
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
    if n == 1:
        gemv(out, a, b, m, k, _PLAIN)
    elif k * n * itemsize < _SMALL:
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
        Strips of columns, each in one run; see ``room_for_panels``. The last has all columns that are left, and rows
        twice as long if these are more than the others have; the ends of its rows may be left as they are.
    weights : (gate, k, n), or (gate, n, k) if turned
        What ``add_product`` multiplies with.
    m : int
        Number of rows. A single one needs no panels.
    turned : int
        Whether the products are with the transposes.
    """
    width = PANEL // itemsize
    last, size = larger(1, n // width) - 1, (n + width - 1) // width * k * width
    step, column = (1, k) if turned else (n, 1)
    for gate in range(n_gates if m > 1 else 0):
        for j in range(n):
            panel, row = j // width, width
            if panel >= last:
                panel, row = last, (n - last * width + width - 1) // width * width
            strip = at(panels, gate * size + panel * width * (k - 1) + j)
            matrix = at(weights, gate * k * n + j * column)
            for i in range(k):
                strip[i * row] = matrix[i * step]


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
        last, size = larger(1, n // width) - 1, (n + width - 1) // width * k * width
        start, start_row = at(out, (m - 1) * n if repeated else 0), 0 if repeated else n
        for panel in range(last + 1):
            j = panel * width
            n_columns = width if panel < last else n - j
            strip, row = at(panels, gate * size + j * k), width if n_columns <= width else 2 * width
            add_tiled(at(out, j), n, at(start, j), start_row, a, k, 1, strip, row, m, n_columns, k)
