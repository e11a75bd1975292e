"""What the time loops of all cells share: blocks of steps, input projections, skipped steps, weight gradients.

Shapes are those of ``skrnn._compiled.kernels``. One gate of one step is one run of numbers, which the loops of the
cells walk without regard to rows. ``size`` is the distance from one gate to the next.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skrnn._compiled.kernels.calls import at, smaller
from skrnn._compiled.kernels.jit import (
    Array2,
    Array3,
    Flags,
    Numbers,
    Starts,
    compiled_into_callers,
    entry,
    leaf,
    number,
)
from skrnn._compiled.kernels.products import add_columns_times, add_product, add_rows_times
from skrnn._compiled.kernels.tiles import VECTOR

_WHOLE = ir.IntType(64)


@entry
def gather(base: Array2, starts: Starts, stride: int, out: Array3) -> None:
    """out[t, i] = what follows the beginning of base[starts[i] + t * stride], beyond the end of the row too"""
    n_steps, n, width = out.shape
    for t in range(n_steps):
        for i in range(n):
            row = starts[i] + t * stride
            copy_row(at(out, (t * n + i) * width), at(base, row * base.shape[1]), width)


@leaf
def copy(out: Numbers, other: Numbers, n: int) -> None:
    """out = other, number by number."""
    for i in range(n):
        out[i] = other[i]


@intrinsic
def _copy_row(typing, out, other, n):
    """What ``copy`` does, without a call: rows of few numbers are many. The last vector may overlap the one before."""

    def generate(context, builder, signature, values):
        lanes = _WHOLE(VECTOR * 8 // out.dtype.bitwidth)

        def move(i: Any, kind: Any) -> None:
            to, of = (builder.bitcast(builder.gep(place, [i]), kind.as_pointer()) for place in values[:2])
            builder.store(builder.load(of, align=1), to, align=1)

        with builder.if_else(builder.icmp_signed("<", values[2], lanes)) as (short, long):
            with short, cgutils.for_range(builder, values[2]) as loop:
                move(loop.index, context.get_value_type(out.dtype))
            with long:
                last = builder.sub(values[2], lanes)
                with cgutils.for_range_slice(builder, _WHOLE(0), last, lanes, _WHOLE) as (i, _):
                    move(i, ir.VectorType(ir.IntType(8), VECTOR))
                move(last, ir.VectorType(ir.IntType(8), VECTOR))
        return context.get_dummy_value()

    return types.void(out, other, types.int64), generate


copy_row: Any = _copy_row


@leaf
def put_zeros(out: Numbers, n: int) -> None:
    """out = 0"""
    for i in range(n):
        out[i] = number(0)


@compiled_into_callers
def block(k, size, n_steps, n_kept, reverse):
    """The k-th block of steps that the loop reads, of ``size`` steps but for the last.

    Returns its first step, its number of steps, and what to add to a step for its place in the gates, which hold all
    steps or one block.
    """
    length = smaller(size, n_steps - k * size)
    first = n_steps - k * size - length if reverse else k * size
    return first, length, (0 if n_kept == n_steps else -first)


@leaf
def project(
    gates: Numbers, x: Numbers, weights: Numbers, panels: Numbers,
    n: int, n_gates: int, size: int, rows: int, hidden: int, n_channels: int,
) -> None:  # fmt: skip
    """What the inputs (rows, channel) of a block and the biases give to the arguments of the gates.

    A cell that keeps the two parts of its n-th gate apart (the GRU) has n + 1 gates, that of the states, which it adds
    by itself, before that of the inputs. ``panels`` are those of the weights of the inputs, turned.
    """
    b_ih = at(weights, n * hidden * (n_channels + hidden))
    b_hh = at(b_ih, n * hidden)
    for k in range(n):
        apart = k == n - 1 and n_gates > n
        of_input = at(gates, (k + 1 if apart else k) * size)
        last = at(of_input, (rows - 1) * hidden)
        copy(last, at(b_ih, k * hidden), hidden)
        if not apart:
            add(last, at(b_hh, k * hidden), hidden)
        add_product(of_input, x, weights, panels, k, rows, hidden, n_channels, 1, 1)


@leaf
def carry_over(observed: Flags, before: Numbers, after: Numbers, batch: int, hidden: int) -> None:
    """A sequence keeps its state (batch, hidden) where its step is not observed (batch,)."""
    for i in range(batch):
        if not observed[i]:
            copy(at(after, i * hidden), at(before, i * hidden), hidden)


@leaf
def clear(observed: Flags, gates: Numbers, n_gates: int, size: int, batch: int, hidden: int) -> None:
    """A step that is not observed (batch,) gives no gradient to its gates (gate, batch, hidden)."""
    for i in range(batch):
        if not observed[i]:
            for gate in range(n_gates):
                for j in range(i * hidden, (i + 1) * hidden):
                    gates[gate * size + j] = number(0)


@leaf
def add(out: Numbers, other: Numbers, n: int) -> None:
    """out += other, number by number."""
    for i in range(n):
        out[i] += other[i]


@leaf
def scale(out: Numbers, factor: float, n: int) -> None:
    """out *= factor, number by number."""
    for i in range(n):
        out[i] *= number(factor)


@leaf
def multiply(out: Numbers, other: Numbers, n: int) -> None:
    """out *= other, number by number."""
    for i in range(n):
        out[i] *= other[i]


@leaf
def add_gradients(
    gradient: Numbers, dx: Numbers, to_inputs: int, x: Numbers, weights: Numbers, gates: Numbers, before: Numbers,
    ones: Numbers, n: int, n_gates: int, size: int, rows: int, hidden: int, n_channels: int,
) -> None:  # fmt: skip
    """Gradients of weights, biases and, if wanted, inputs over a block, from those of the arguments of the gates.

    ``before`` are the states (rows, hidden) that the steps of the block start from, ``ones`` at least so many. What the
    gradients of two biases of a gate are added to is alike.
    """
    dw_hh = at(gradient, n * hidden * n_channels)
    db_ih = at(dw_hh, n * hidden * hidden)
    db_hh = at(db_ih, n * hidden)
    for k in range(n):
        of_state, of_input = at(gates, k * size), at(gates, (k if k < n - 1 else n_gates - 1) * size)
        w_ih = k * hidden * n_channels
        add_columns_times(at(dw_hh, k * hidden * hidden), of_state, before, hidden, hidden, rows)
        add_rows_times(at(db_hh, k * hidden), ones, of_state, 1, hidden, rows)
        add_columns_times(at(gradient, w_ih), of_input, x, hidden, n_channels, rows)
        if k == n - 1 and n_gates > n:
            add_rows_times(at(db_ih, k * hidden), ones, of_input, 1, hidden, rows)
        else:
            copy(at(db_ih, k * hidden), at(db_hh, k * hidden), hidden)
        if to_inputs:
            add_rows_times(dx, of_input, at(weights, w_ih), rows, n_channels, hidden)
