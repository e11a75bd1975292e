"""What the time loops of all cells share: blocks of steps, input projections, skipped steps, weight gradients.

Shapes are those of ``skrnn.kernels``. One gate of one step is one run of numbers, which the loops of the cells walk
without regard to rows.
"""

from __future__ import annotations

import numpy as np

from skrnn.kernels.jit import compiled
from skrnn.kernels.products import add_columns_times, add_product, add_rows_times, flat


@compiled
def gather(rows, starts, stride, out):
    """out[t, i] = rows[starts[i] + t * stride]"""
    n_steps, n, width = out.shape
    for t in range(n_steps):
        for i in range(n):
            row = starts[i] + t * stride
            for j in range(width):
                out[t, i, j] = rows[row, j]


@compiled
def block(k, size, n_steps, n_kept, reverse):
    """The k-th block of steps that the loop reads, of ``size`` steps but for the last.

    Returns its first step, its number of steps, and what to add to a step for its place in the gates, which hold all
    steps or one block.
    """
    length = min(size, n_steps - k * size)
    first = n_steps - k * size - length if reverse else k * size
    return first, length, (0 if n_kept == n_steps else -first)


@compiled
def table(array):
    """Steps and sequences of (step, batch, column) as rows of one table."""
    return array.reshape(array.shape[0] * array.shape[1], array.shape[2])


@compiled
def unpack(weights, n, hidden, n_channels):
    """Views of w_ih (n, hidden, channel), w_hh (n, hidden, hidden), b_ih and b_hh (n, hidden) in a vector."""
    w_hh = n * hidden * n_channels
    b_ih = w_hh + n * hidden * hidden
    b_hh = b_ih + n * hidden
    return (
        weights[:w_hh].reshape(n, hidden, n_channels),
        weights[w_hh:b_ih].reshape(n, hidden, hidden),
        weights[b_ih:b_hh].reshape(n, hidden),
        weights[b_hh:].reshape(n, hidden),
    )


@compiled
def project(x, weights, n, panels, gates, first, length, offset):
    """What the inputs of a block and the biases give to the arguments of the gates.

    A cell that keeps the two parts of its n-th gate apart (the GRU) has n + 1 gates, that of the states before that of
    the inputs. ``panels`` are those of the weights of the inputs, turned.
    """
    w_ih, _, b_ih, b_hh = unpack(weights, n, gates.shape[3], x.shape[2])
    last, place = gates.shape[0] - 1, slice(first + offset, first + offset + length)
    inputs = table(x[first : first + length])
    for k in range(n):
        of_input = table(gates[k if k < n - 1 else last, place])
        if k == n - 1 and last == n:
            fill_rows(table(gates[k, place]), b_hh[k])
            fill_rows(of_input, b_ih[k])
        else:
            fill_rows(of_input, b_ih[k] + b_hh[k])
        add_product(of_input, inputs, w_ih, panels, k, True)


@compiled
def fill_rows(out, row):
    """Each row of ``out`` (n, j) becomes ``row`` (j,)."""
    n = out.shape[0]
    copy(out[0], row)
    done = 1
    while done < n:  # doubled each time, since rows may be short and short copies are slow
        more = min(done, n - done)
        copy(flat(out[done : done + more]), flat(out[:more]))
        done += more


@compiled
def copy(out, other):
    """out = other, number by number; numba's own assignment compiles its error messages for seconds."""
    for i in range(out.shape[0]):
        out[i] = other[i]


@compiled
def carry_over(observed, before, after):
    """A sequence keeps its state (batch, hidden) where its step is not observed (batch,)."""
    for i in range(observed.shape[0]):
        if not observed[i]:
            copy(after[i], before[i])


@compiled
def clear(observed, gates, t):
    """A step that is not observed (batch,) gives no gradient to the gates (gate, step, batch, hidden)."""
    for i in range(observed.shape[0]):
        if not observed[i]:
            for gate in range(gates.shape[0]):
                for j in range(gates.shape[3]):
                    gates[gate, t, i, j] = 0


@compiled
def add(out, other):
    """out += other, number by number."""
    for i in range(out.shape[0]):
        out[i] += other[i]


@compiled
def add_gradients(x, weights, n, gates, h, first, length, shift, gradient, dx):
    """Gradients of weights, biases and inputs over a block, from those of the arguments of the gates."""
    hidden, n_channels = gates.shape[3], x.shape[2]
    w_ih, _, _, _ = unpack(weights, n, hidden, n_channels)
    dw_ih, dw_hh, db_ih, db_hh = unpack(gradient, n, hidden, n_channels)
    place, last = slice(first, first + length), gates.shape[0] - 1
    inputs, before = table(x[place]), table(h[first + shift : first + shift + length])
    ones = np.ones((1, inputs.shape[0]), x.dtype)
    for k in range(n):
        of_state, of_input = table(gates[k, place]), table(gates[k if k < n - 1 else last, place])
        add_columns_times(dw_hh[k], of_state, before)
        add_rows_times(db_hh[k].reshape(1, hidden), ones, of_state)
        add_columns_times(dw_ih[k], of_input, inputs)
        add_rows_times(db_ih[k].reshape(1, hidden), ones, of_input)
        if dx.size:
            add_rows_times(table(dx[place]), of_input, w_ih[k])
