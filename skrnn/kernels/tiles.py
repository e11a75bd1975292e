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

from skrnn.kernels.jit import compiled, compiled_into_callers

_N_BYTES = {types.float32: 4, types.float64: 8}
_ROWS = 6  # with two vectors each: twelve sums, and what they need, fill the sixteen registers of common processors
_VECTOR = 32  # bytes
PANEL = 2 * _VECTOR  # bytes in a row of the widest tile


def _tile(n_rows: int, n_bytes: int, n_vectors: int = 1) -> Any:
    """A function that adds a product to a tile: ``n_rows`` rows of ``n_vectors`` vectors of ``n_bytes`` or one number.

    Its arguments are the flat arrays out, a and b, each followed by the place of its first number, and the distances
    of rows and columns: out[i * out_row + j] += sum over l of a[i * a_row + l * a_column] * b[l * b_row + j].
    """

    @intrinsic
    def add(typing, out, o, out_row, a, p, a_row, a_column, b, q, b_row, length):
        def generate(context, builder, signature, values):
            number, whole, size = context.get_value_type(out.dtype), ir.IntType(64), _N_BYTES[out.dtype]
            vector = ir.VectorType(number, max(1, n_bytes // size))
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
            o_, out_row_, p_, a_row_, a_column_, q_, b_row_, length_ = (values[k] for k in (1, 2, 4, 5, 6, 8, 9, 10))

            def address(k: int, place: Any, *steps: tuple[Any, Any]) -> Any:
                for count, distance in steps:
                    place = builder.add(place, builder.mul(count, distance))
                array = context.make_array(signature.args[k])(context, builder, values[k])
                return builder.gep(array.data, [place])

            def vector_at(*where: Any) -> Any:
                return builder.bitcast(address(*where), vector.as_pointer())

            sums = {}
            for i in range(n_rows):
                for j in range(n_vectors):
                    at = vector_at(0, o_, (whole(i), out_row_), (whole(j), whole(vector.count)))
                    sums[i, j] = at, cgutils.alloca_once_value(builder, builder.load(at, align=size))
            with cgutils.for_range(builder, length_, intp=whole) as loop:
                row = (loop.index, b_row_)
                others = [vector_at(7, q_, row, (whole(j), whole(vector.count))) for j in range(n_vectors)]
                others = [builder.load(other, align=size) for other in others]
                for i in range(n_rows):
                    factor = builder.load(address(3, p_, (whole(i), a_row_), (loop.index, a_column_)))
                    first = builder.insert_element(ir.Constant(vector, ir.Undefined), factor, lanes.type.element(0))
                    factors = builder.shuffle_vector(first, first, lanes)
                    for j in range(n_vectors):
                        product = builder.fmul(factors, others[j], flags=("contract",))
                        total = builder.fadd(builder.load(sums[i, j][1]), product, flags=("contract",))
                        builder.store(total, sums[i, j][1])
            for at, total in sums.values():
                builder.store(builder.load(total), at, align=size)
            return context.get_dummy_value()

        n = types.int64
        return types.void(out, n, n, a, n, n, n, b, n, n, n), generate

    return add


def _strip(n_bytes: int, n_vectors: int = 1) -> Any:
    """A function that adds a product to a strip of columns: ``m`` rows, tile by tile."""
    tile, single = _tile(_ROWS, n_bytes, n_vectors), _tile(1, n_bytes, n_vectors)

    @compiled_into_callers
    def add(out, o, out_row, a, a_row, a_column, b, q, b_row, m, length):
        tiled = m - m % _ROWS
        for i in range(0, tiled, _ROWS):
            tile(out, o + i * out_row, out_row, a, i * a_row, a_row, a_column, b, q, b_row, length)
        for i in range(tiled, m):
            single(out, o + i * out_row, out_row, a, i * a_row, a_row, a_column, b, q, b_row, length)

    return add


_add_pair, _add_vector, _add_half, _add_number = _strip(_VECTOR, 2), _strip(_VECTOR), _strip(_VECTOR // 2), _strip(1)


@compiled
def add_tiled(out, o, out_row, a, a_row, a_column, b, b_row, m, n, length):
    """Add a product of flat arrays: what ``_tile`` does, for i < m, j < n and l < length."""
    lanes, j = _VECTOR // out.itemsize, 0
    while j + 2 * lanes <= n:
        _add_pair(out, o + j, out_row, a, a_row, a_column, b, j, b_row, m, length)
        j += 2 * lanes
    if j + lanes <= n:
        _add_vector(out, o + j, out_row, a, a_row, a_column, b, j, b_row, m, length)
        j += lanes
    if j + lanes // 2 <= n:
        _add_half(out, o + j, out_row, a, a_row, a_column, b, j, b_row, m, length)
        j += lanes // 2
    while j < n:
        _add_number(out, o + j, out_row, a, a_row, a_column, b, j, b_row, m, length)
        j += 1
