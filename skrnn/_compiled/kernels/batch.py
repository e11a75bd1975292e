"""One share of a batch: the answers to its sequences, and the gradient; see ``places`` for what the tables hold.

A share has n sequences of the order, from the ``first`` on. ``rows`` are those of the table of layers.
"""

from __future__ import annotations

from skrnn._compiled.kernels.blocks import copy, multiply, put_zeros
from skrnn._compiled.kernels.calls import at, larger, smaller
from skrnn._compiled.kernels.cells import backward_at, forward_at
from skrnn._compiled.kernels.inputs import gather_steps
from skrnn._compiled.kernels.jit import Flags, Numbers, Table, leaf, number
from skrnn._compiled.kernels.mapped import map_steps
from skrnn._compiled.kernels.places import (
    AT_ONCE,
    BACKWARD,
    BATCH,
    BIAS,
    BLOCK_ROWS,
    BOTH,
    BY_ANSWER,
    BY_SUMMARY,
    FORWARD,
    GRADIENTS,
    HEAD,
    HIDDEN,
    LINEAR_STEPS,
    MASKS,
    N_DIRECTIONS,
    N_LAYERS,
    N_MASKED,
    N_OF_ROW,
    N_READ,
    N_ROWS,
    N_SHARES,
    N_STATES,
    N_TARGETS,
    N_WEIGHTS,
    OBSERVED,
    OBSERVED_SIZE,
    OF_INPUTS,
    OF_STATES,
    ONES,
    OPTION,
    PANELS,
    PARAMETERS,
    POOL,
    POOL_BACK,
    POOLED,
    POOLED_APART,
    R_BY_OUT,
    R_BY_X,
    R_GATES,
    R_INPUTS,
    R_LAST,
    R_OUT,
    R_STATES,
    R_WEIGHTS,
    R_X,
    RAW,
    ROOM,
    ROOMS,
    SEEN,
    SLOPE,
    SLOPES,
    SLOPES_APART,
    STATES_APART,
    SUMMARY,
    TARGETS,
    WEIGHT,
    WEIGHTS,
    WIDTH,
    WORK,
    WORK_APART,
    flags,
    numbers,
)
from skrnn._compiled.kernels.pooling import pool_at, pool_back_at
from skrnn._compiled.kernels.products import add_columns_times, add_product, add_rows_times, lay_panels
from skrnn._compiled.kernels.slopes import slope_at


@leaf
def learn(c: Table, rows: Table, share: int, k: int) -> None:
    """Put the gradient of a share of the k-th batch in its place, and behind it the sizes that the bias adds up."""
    start = k * c[BATCH]
    whole = smaller(c[BATCH], c[N_ROWS] - start)
    begin = whole * share // c[N_SHARES]
    n = whole * (share + 1) // c[N_SHARES] - begin
    gradient = at(numbers(c, GRADIENTS, number), share * (c[N_WEIGHTS] + c[WIDTH]))
    put_zeros(gradient, c[N_WEIGHTS] + c[WIDTH])
    n_parts = (n + c[AT_ONCE] - 1) // c[AT_ONCE]
    for part in range(n_parts):
        first, end = n * part // n_parts, n * (part + 1) // n_parts
        _learn_part(c, rows, share, gradient, start, whole, begin + first, end - first)


@leaf
def _learn_part(
    c: Table, rows: Table, share: int, gradient: Numbers, start: int, whole: int, begin: int, n: int
) -> None:
    """Add the gradient of n sequences, from the ``begin``-th on, of a batch that has the ``whole`` from a start."""
    room, observed = at(numbers(c, ROOMS, number), share * c[ROOM]), at(flags(c, OBSERVED), share * c[OBSERVED_SIZE])
    # Dropout's factors: (sequence, step, column) of each layer but the last, whose summary has (sequence, column).
    masks, of_layer = at(numbers(c, MASKS, number), start * c[N_MASKED]), whole * c[N_READ] * c[BOTH]
    gather_steps(c, at(room, rows[R_X]), observed, start + begin, n)
    for i in range(c[N_LAYERS]):
        _read(c, at(rows, i * c[N_DIRECTIONS] * N_OF_ROW), room, observed, at(masks, i * of_layer), begin, n)
    _answer(c, room, at(room, rows[R_X]), gradient, start + begin, n)
    for i in range(c[N_LAYERS] - 1, -1, -1):
        row, mask = at(rows, i * c[N_DIRECTIONS] * N_OF_ROW), at(masks, i * of_layer)
        _read_back(c, row, room, observed, gradient, mask, begin, i > 0, n)


@leaf
def _read(c: Table, rows: Table, room: Numbers, observed: Flags, mask: Numbers, begin: int, n: int) -> None:
    """A layer forwards in each direction, and what is read of its states."""
    hidden, n_steps, run, n_states = c[HIDDEN], c[N_READ], n * c[HIDDEN], c[N_STATES]
    size = larger(1, smaller(n_steps, c[BLOCK_ROWS] // n))
    for d in range(c[N_DIRECTIONS]):
        row = at(rows, d * N_OF_ROW)
        states, end = at(room, row[R_STATES]), (n_steps + 2) * run
        for k in range(n_states):
            put_zeros(at(states, k * end), run)
            put_zeros(at(states, (k + 1) * end - run), run)
        forward_at(
            c[FORWARD], c[OPTION], at(room, row[R_X]), observed, at(numbers(c, WEIGHTS, number), row[R_WEIGHTS]),
            at(room, row[R_GATES]), states, at(room, c[OF_INPUTS]), at(room, c[OF_STATES]),
            n_steps, n, row[R_INPUTS], hidden, n_steps, size, c[SEEN] != 0, d, 0,
        )  # fmt: skip
    states, apart, n_read = at(room, rows[R_STATES] + run), c[STATES_APART], n_steps
    if rows[R_LAST] and c[POOL]:
        for d in range(c[N_DIRECTIONS]):
            pooled = at(room, c[POOLED] + d * c[POOLED_APART])
            pool_at(c[POOL], observed, at(states, d * apart), pooled, n_steps, n, hidden, c[SEEN] != 0)
        states, apart, n_read = at(room, c[POOLED]), c[POOLED_APART], 1
    elif rows[R_LAST]:  # the states after all steps, of which those of the second direction stand in front
        states, apart, n_read = at(states, (n_steps - 1) * run), apart - (n_steps - 1) * run, 1
    _move(c, at(room, rows[R_OUT]), states, apart, at(mask, begin * n_read * c[BOTH]), n_read, n, 0)


@leaf
def _read_back(
    c: Table, rows: Table, room: Numbers, observed: Flags, gradient: Numbers, mask: Numbers, begin: int,
    to_inputs: int, n: int,
) -> None:  # fmt: skip
    """A layer backwards, from the derivatives by what was read of its states."""
    hidden, n_steps, n_inputs = c[HIDDEN], c[N_READ], rows[R_INPUTS]
    size, dx = larger(1, smaller(n_steps, c[BLOCK_ROWS] // n)), at(room, rows[R_BY_X])
    put_zeros(at(room, c[WORK]), c[N_DIRECTIONS] * c[WORK_APART])
    if to_inputs:
        put_zeros(dx, n_steps * n * n_inputs)
    slopes, apart, n_read = at(room, c[SLOPES]), c[SLOPES_APART], n_steps
    if rows[R_LAST]:
        slopes, apart, n_read = at(room, c[WORK]), c[WORK_APART], 1
    _move(c, at(room, rows[R_BY_OUT]), slopes, apart, at(mask, begin * n_read * c[BOTH]), n_read, n, 1)
    every_step = rows[R_LAST] == 0
    if rows[R_LAST] and c[POOL]:
        _pool_back(c, rows, room, observed, n)
        slopes, apart, every_step = at(room, c[SLOPES]), c[SLOPES_APART], True
    for d in range(c[N_DIRECTIONS]):
        row = at(rows, d * N_OF_ROW)
        backward_at(
            c[BACKWARD], c[OPTION], at(room, row[R_X]), observed, at(numbers(c, WEIGHTS, number), row[R_WEIGHTS]),
            at(room, row[R_GATES]), at(room, row[R_STATES]), at(slopes, d * apart),
            at(room, c[WORK] + d * c[WORK_APART]), at(gradient, row[R_WEIGHTS]), dx, at(room, c[OF_STATES]),
            numbers(c, ONES, number), n_steps, n, n_inputs, hidden, size, c[SEEN] != 0, every_step, to_inputs, d,
        )  # fmt: skip


@leaf
def _pool_back(c: Table, rows: Table, room: Numbers, observed: Flags, n: int) -> None:
    """Derivatives by the states after each step, from those by the summary, in whose place zeros come."""
    hidden, run = c[HIDDEN], n * c[HIDDEN]
    for d in range(c[N_DIRECTIONS]):
        states, pooled = at(room, rows[R_STATES] + d * c[STATES_APART] + run), at(room, c[POOLED] + d * c[POOLED_APART])
        by_summary, slopes = at(room, c[WORK] + d * c[WORK_APART]), at(room, c[SLOPES] + d * c[SLOPES_APART])
        pool_back_at(
            c[POOL_BACK], observed, states, pooled, by_summary, slopes, c[N_READ], n, hidden, c[SEEN] != 0
        )  # fmt: skip
        put_zeros(by_summary, run)


@leaf
def _move(
    c: Table, together: Numbers, apart: Numbers, distance: int, mask: Numbers, n_steps: int, n: int, back: int
) -> None:
    """Copy states of both directions from where these stand apart, or back, and multiply with dropout's factors."""
    hidden, both = c[HIDDEN], c[BOTH]
    for d in range(c[N_DIRECTIONS]):
        for t in range(n_steps):
            for i in range(n):
                out = at(together, (t * n + i) * both + d * hidden)
                other = at(apart, d * distance + (t * n + i) * hidden)
                if back:
                    out, other = other, out
                copy(out, other, hidden)
                if c[MASKS]:
                    multiply(out, at(mask, (i * n_steps + t) * both + d * hidden), hidden)


@leaf
def _answer(c: Table, room: Numbers, x: Numbers, gradient: Numbers, first: int, n: int) -> None:
    """Raw outputs of the head and of the linear map, and derivatives by their weights and by the summary."""
    width, both, weights, panels = c[WIDTH], c[BOTH], numbers(c, WEIGHTS, number), at(room, c[PANELS])
    raw, summary, by_summary = at(numbers(c, RAW, number), first * width), at(room, c[SUMMARY]), at(room, c[BY_SUMMARY])
    slope, y = at(room, c[BY_ANSWER]), at(numbers(c, TARGETS, number), first * c[N_TARGETS])
    copy(at(raw, (n - 1) * width), at(weights, c[BIAS]), width)
    lay_panels(panels, at(weights, c[HEAD]), 1, n, width, both, 1)
    add_product(raw, summary, at(weights, c[HEAD]), panels, 0, n, width, both, 1, 1)
    if c[LINEAR_STEPS]:
        map_steps(c, raw, slope, gradient, room, x, first, n, 0)
    slope_at(c[SLOPE], numbers(c, PARAMETERS, number), raw, y, slope, n, width, c[N_TARGETS])
    weight, bias, sizes = at(numbers(c, WEIGHT, number), first), at(gradient, c[BIAS]), at(gradient, c[N_WEIGHTS])
    for i in range(n):
        for j in range(width):
            slope[i * width + j] *= weight[i]
            bias[j] += slope[i * width + j]
            sizes[j] += abs(slope[i * width + j])
    add_columns_times(at(gradient, c[HEAD]), slope, summary, width, both, n)
    put_zeros(by_summary, n * both)
    add_rows_times(by_summary, slope, at(weights, c[HEAD]), n, both, width)
    if c[LINEAR_STEPS]:
        map_steps(c, raw, slope, gradient, room, x, first, n, 1)
