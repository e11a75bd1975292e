"""Products of small matrices, which a BLAS would first copy into an order of its own.

The result is computed tile by tile. A tile is a few rows of one or two vectors, which stay in registers while the inner
dimension is walked once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Numbers, itemsize, leaf

_N_BYTES = {types.float32: 4, types.float64: 8}
# Of tiles, by their number of vectors. Twelve sums, and what they need, fill sixteen registers of common processors.
_ROWS = {1: (6, 4, 1), 2: (6, 4, 1), 3: (4, 1)}
VECTOR = 32  # bytes
PANEL = 2 * VECTOR  # bytes in a row of the widest tile
_WHOLE = ir.IntType(64)


def _strip(*n_bytes: int) -> Any:
    """A function that adds a product to a strip of columns: vectors of so many bytes side by side, or one number.

    It takes the places of the first numbers of out, start, a and b, and the distances of rows and columns. For i < m
    and each column j, out[i * out_row + j] = start[i * start_row + j] + sum over l < length of
    a[i * a_row + l * a_column] * b[l * b_row + j].
    """

    @intrinsic
    def add(typing, out, out_row, start, start_row, a, a_row, a_column, b, b_row, m, length):
        def generate(context, builder, signature, values):
            size, m_, row = _N_BYTES[out.dtype], values[9], _WHOLE(0)
            vectors = [ir.VectorType(context.get_value_type(out.dtype), max(1, n // size)) for n in n_bytes]
            rows = _ROWS[len(vectors)]
            for n_rows, end in zip(rows, _ends(builder, m_, rows), strict=True):
                with cgutils.for_range_slice(builder, row, end, _WHOLE(n_rows), _WHOLE) as (i, _):
                    _add_tile(builder, n_rows, vectors, size, i, *values[:9], values[10])
                row = end
            return context.get_dummy_value()

        n = types.int64
        return types.void(out, n, start, n, a, n, n, b, n, n, n), generate

    return add


def _ends(builder: Any, m: Any, rows: tuple[int, ...]) -> tuple[Any, ...]:
    """The rows at which tiles end: of six, of four and of one row, at most one of which stands alone, unless m < 4."""
    if len(rows) == 2:
        return builder.and_(m, _WHOLE(-rows[0])), m
    rest = builder.urem(m, _WHOLE(rows[0]))
    is_short = builder.icmp_unsigned("<", builder.sub(rest, _WHOLE(2)), _WHOLE(2))  # two or three: with six more, fours
    is_short = builder.and_(is_short, builder.icmp_unsigned(">", m, _WHOLE(rows[0])))
    sixes = builder.sub(builder.sub(m, rest), builder.select(is_short, _WHOLE(rows[0]), _WHOLE(0)))
    fours = builder.add(sixes, builder.and_(builder.sub(m, sixes), _WHOLE(-rows[1])))
    return sixes, fours, m


def _add_tile(
    builder: Any, n_rows: int, vectors: list[Any], size: int, row: Any,
    out: Any, out_row: Any, start: Any, start_row: Any, a: Any, a_row: Any, a_column: Any, b: Any, b_row: Any,
    length: Any,
) -> None:  # fmt: skip
    """Write the code for a tile whose first row is ``row``."""
    firsts = [sum(vector.count for vector in vectors[:j]) for j in range(len(vectors))]

    def vector_at(first: Any, j: int) -> Any:
        return builder.bitcast(builder.gep(first, [_WHOLE(firsts[j])]), vectors[j].as_pointer())

    sums = {}
    place, first = builder.gep(out, [builder.mul(row, out_row)]), builder.gep(start, [builder.mul(row, start_row)])
    for i in range(n_rows):
        for j in range(len(vectors)):
            begin = builder.load(vector_at(first, j), align=size)
            sums[i, j] = vector_at(place, j), cgutils.alloca_once_value(builder, begin)
        place, first = builder.gep(place, [out_row]), builder.gep(first, [start_row])
    twice, thrice = (builder.mul(a_row, _WHOLE(k)) for k in (2, 3))
    places = [cgutils.alloca_once_value(builder, first) for first in (builder.gep(a, [builder.mul(row, a_row)]), b)]
    with _until(builder, places[1], builder.gep(b, [builder.mul(b_row, length)])):
        of_a, of_b = (builder.load(place) for place in places)
        others = [builder.load(vector_at(of_b, j), align=size) for j in range(len(vectors))]
        later = builder.gep(of_a, [thrice])
        for i in range(n_rows):
            factor = builder.load(builder.gep(later if i >= 3 else of_a, [(_WHOLE(0), a_row, twice)[i % 3]]))
            for j, vector in enumerate(vectors):
                product = builder.fmul(_repeated(builder, factor, vector), others[j], flags=("contract",))
                total = builder.fadd(builder.load(sums[i, j][1]), product, flags=("contract",))
                builder.store(total, sums[i, j][1])
        for place, here, step in zip(places, (of_a, of_b), (a_column, b_row), strict=True):
            builder.store(_as_it_is(builder, builder.gep(here, [step])), place)
    for to, total in sums.values():
        builder.store(builder.load(total), to, align=size)


def _repeated(builder: Any, factor: Any, vector: Any) -> Any:
    """A vector of the same number."""
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), factor, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, lanes)


@contextmanager
def _until(builder: Any, place: Any, end: Any) -> Iterator[None]:
    """Repeat code until what is kept at a place is the end."""
    test, body, after = (builder.append_basic_block() for _ in range(3))
    builder.branch(test)
    builder.position_at_end(test)
    builder.cbranch(builder.icmp_unsigned("!=", builder.load(place), end), body, after)
    builder.position_at_end(body)
    yield
    builder.branch(test)
    builder.position_at_end(after)


def _as_it_is(builder: Any, place: Any) -> Any:
    """A place of which the compiler knows nothing.

    Otherwise it would unroll the loop, walk the rows in a chain of additions, which takes longer than the sums, and
    need twice the code.
    """
    return builder.asm(ir.FunctionType(place.type, [place.type]), "", "=r,0", [place], side_effect=False)


_add_wide, _add_pair = _strip(VECTOR, VECTOR, VECTOR // 2), _strip(VECTOR, VECTOR)
_add_vector, _add_half, _add_number = _strip(VECTOR), _strip(VECTOR // 2), _strip(1)


@leaf
def add_tiled(
    out: Numbers, out_row: int, start: Numbers, start_row: int, a: Numbers, a_row: int, a_column: int, b: Numbers,
    b_row: int, m: int, n: int, k: int,
) -> None:  # fmt: skip
    """Add a product: what ``_strip`` does, for all columns j < n and l < k.

    ``start`` is ``out``, or its last row with a distance of 0: each tile reads its part before it writes, and the last
    row is written last.
    """
    lanes, j = VECTOR // itemsize, 0
    wide = 2 * lanes + lanes // 2
    while j + 3 * lanes <= n or j + 2 * lanes <= n < j + wide:
        _add_pair(at(out, j), out_row, at(start, j), start_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += 2 * lanes
    if j + wide <= n:
        _add_wide(at(out, j), out_row, at(start, j), start_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += wide
    if j + lanes <= n:
        _add_vector(at(out, j), out_row, at(start, j), start_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += lanes
    if j + lanes // 2 <= n:
        _add_half(at(out, j), out_row, at(start, j), start_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += lanes // 2
    while j < n:
        _add_number(at(out, j), out_row, at(start, j), start_row, a, a_row, a_column, at(b, j), b_row, m, k)
        j += 1
