"""Products of small matrices, which a BLAS would first copy into an order of its own.

The result is computed tile by tile. A tile is a few rows of one or two vectors, which stay in registers while the inner
dimension is walked once.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Numbers, itemsize, leaf

_N_BYTES = {types.float32: 4, types.float64: 8}
_ROWS = 6  # with two vectors each: twelve sums, and what they need, fill the sixteen registers of common processors
_VECTOR = 32  # bytes
PANEL = 2 * _VECTOR  # bytes in a row of the widest tile
_WHOLE = ir.IntType(64)


def _strip(n_bytes: int, n_vectors: int = 1) -> Any:
    """A function that adds a product to a strip of columns: ``n_vectors`` vectors of ``n_bytes``, or one number.

    It takes the places of the first numbers of out, a and b, and the distances of rows and columns. For i < m and each
    column j, out[i * out_row + j] += sum over l < length of a[i * a_row + l * a_column] * b[l * b_row + j].
    """

    @intrinsic
    def add(typing, out, out_row, a, a_row, a_column, b, b_row, m, length):
        def generate(context, builder, signature, values):
            size, m_ = _N_BYTES[out.dtype], values[7]
            vector = ir.VectorType(context.get_value_type(out.dtype), max(1, n_bytes // size))
            tiled = builder.sub(m_, builder.srem(m_, _WHOLE(_ROWS)))
            for n_rows, first, end in ((_ROWS, _WHOLE(0), tiled), (1, tiled, m_)):
                with cgutils.for_range_slice(builder, first, end, _WHOLE(n_rows), _WHOLE) as (row, _):
                    _add_tile(builder, (n_rows, n_vectors), vector, size, row, *values[:7], values[8])
            return context.get_dummy_value()

        n = types.int64
        return types.void(out, n, a, n, n, b, n, n, n), generate

    return add


def _add_tile(
    builder: Any, shape: tuple[int, int], vector: Any, size: int, row: Any,
    out: Any, out_row: Any, a: Any, a_row: Any, a_column: Any, b: Any, b_row: Any, length: Any,
) -> None:  # fmt: skip
    """Write the code for a tile of ``shape`` rows and vectors, whose first row is ``row``."""
    n_rows, n_vectors = shape
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)

    def address(first: Any, *steps: tuple[Any, Any]) -> Any:
        for count, distance in steps:
            first = builder.gep(first, [builder.mul(count, distance)])
        return first

    def vector_at(first: Any, *steps: tuple[Any, Any]) -> Any:
        return builder.bitcast(address(first, *steps), vector.as_pointer())

    rows = [builder.add(row, _WHOLE(i)) for i in range(n_rows)]
    sums = {}
    for i in range(n_rows):
        for j in range(n_vectors):
            place = vector_at(out, (rows[i], out_row), (_WHOLE(j), _WHOLE(vector.count)))
            sums[i, j] = place, cgutils.alloca_once_value(builder, builder.load(place, align=size))
    with cgutils.for_range(builder, length, intp=_WHOLE) as loop:
        others = [vector_at(b, (loop.index, b_row), (_WHOLE(j), _WHOLE(vector.count))) for j in range(n_vectors)]
        others = [builder.load(other, align=size) for other in others]
        for i in range(n_rows):
            factor = builder.load(address(a, (rows[i], a_row), (loop.index, a_column)))
            first = builder.insert_element(ir.Constant(vector, ir.Undefined), factor, lanes.type.element(0))
            factors = builder.shuffle_vector(first, first, lanes)
            for j in range(n_vectors):
                product = builder.fmul(factors, others[j], flags=("contract",))
                total = builder.fadd(builder.load(sums[i, j][1]), product, flags=("contract",))
                builder.store(total, sums[i, j][1])
    for place, total in sums.values():
        builder.store(builder.load(total), place, align=size)


_add_pair, _add_vector, _add_half, _add_number = _strip(_VECTOR, 2), _strip(_VECTOR), _strip(_VECTOR // 2), _strip(1)


@leaf
def add_tiled(
    out: Numbers, out_row: int, a: Numbers, a_row: int, a_column: int, b: Numbers, b_row: int, m: int, n: int, k: int
) -> None:
    """Add a product: what ``_strip`` does, for all columns j < n and l < k."""
    lanes, j = _VECTOR // itemsize, 0
    while j + 2 * lanes <= n:
        _add_pair(at(out, j), out_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += 2 * lanes
    if j + lanes <= n:
        _add_vector(at(out, j), out_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += lanes
    if j + lanes // 2 <= n:
        _add_half(at(out, j), out_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += lanes // 2
    while j < n:
        _add_number(at(out, j), out_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += 1
