"""Batch after batch in one call: their gradients, and what a solver does with them.

Threads share each batch, and then the vector of the weights; see ``meeting``.
"""

from __future__ import annotations

import math

from skrnn._compiled.kernels.batch import learn
from skrnn._compiled.kernels.blocks import add, scale
from skrnn._compiled.kernels.calls import at, larger, smaller
from skrnn._compiled.kernels.denormals import flush, restore
from skrnn._compiled.kernels.head import ROUNDING_OF_DOUBLE, ROUNDING_OF_SINGLE
from skrnn._compiled.kernels.jit import Starts, Table, entry, itemsize, leaf, number
from skrnn._compiled.kernels.meeting import has_done, takes, wait
from skrnn._compiled.kernels.places import (
    BATCH,
    BIAS,
    DECAY,
    FIRST,
    GRADIENTS,
    MOMENTUM,
    N_DONE,
    N_ROWS,
    N_SHARES,
    N_WEIGHTS,
    NORM,
    ORIGIN,
    PULL,
    RATE,
    RATES,
    SECOND,
    SQUARES,
    UPDATE,
    WEIGHTS,
    WIDTH,
    doubles,
    numbers,
)  # fmt: skip
from skrnn._compiled.kernels.products import add_rows_times
from skrnn._compiled.kernels.updates import pull_at, update_at


@entry
def epoch(c: Starts, layers: Starts, turns: Starts, me: int) -> None:
    """Walk the order; all threads that share the work call this, each with a number of its own from 0 on."""
    table, of_layers, n_shares, before = at(c, 0), at(layers, 0), c[N_SHARES], flush()
    for k in range((c[N_ROWS] + c[BATCH] - 1) // c[BATCH]):
        for part in range(3):
            for j in range(n_shares):
                share = (me + j) % n_shares
                if takes(turns, share, 3 * k + part):
                    if part == 0:
                        learn(table, of_layers, share, k)
                    elif part == 1:
                        _combine(table, share)
                    else:
                        _update(table, share, k)
                    has_done(turns)
            wait(turns, (3 * k + part + 1) * n_shares)
    restore(before)


@leaf
def _combine(c: Table, share: int) -> None:
    """Add up a part of the gradients, in that of the first share, and its squares.

    A sum over the batch that is no more than its own rounding counts as 0, as in ``linear_back``.
    """
    n, width, gradients = c[N_WEIGHTS], c[WIDTH], numbers(c, GRADIENTS, number)
    first, last = n * share // c[N_SHARES], n * (share + 1) // c[N_SHARES]
    total = at(gradients, first)
    for other in range(1, c[N_SHARES]):
        add(total, at(gradients, other * (n + width) + first), last - first)
    rounding = number(ROUNDING_OF_SINGLE if itemsize == 4 else ROUNDING_OF_DOUBLE)
    for j in range(larger(first, c[BIAS]), smaller(last, c[BIAS] + width)):
        size = number(1)
        for other in range(c[N_SHARES]):
            size += gradients[other * (n + width) + n + j - c[BIAS]]
        if abs(gradients[j]) <= rounding * size:
            gradients[j] = number(0)
    square = at(numbers(c, SQUARES, number), share)
    square[0] = number(0)
    add_rows_times(square, total, total, 1, 1, last - first)


@leaf
def _update(c: Table, share: int, k: int) -> None:
    """Shorten the gradient if it is too long, and change a part of the weights."""
    n, rates = c[N_WEIGHTS], doubles(c, RATES)
    first, last = n * share // c[N_SHARES], n * (share + 1) // c[N_SHARES]
    gradient, weights = at(numbers(c, GRADIENTS, number), first), at(numbers(c, WEIGHTS, number), first)
    total = number(0)
    for other in range(c[N_SHARES]):
        total += numbers(c, SQUARES, number)[other]
    length = math.sqrt(total)
    if not length <= number(rates[NORM]):
        shorter = rates[NORM] / (float(length) + 1e-6)
        scale(gradient, shorter, last - first)
    if rates[DECAY] != 0:
        origin = at(numbers(c, ORIGIN, number), first)
        pull_at(c[PULL], weights, gradient, origin, last - first, rates[RATE], rates[DECAY])
    update_at(
        c[UPDATE], weights, gradient, at(numbers(c, FIRST, number), first), at(numbers(c, SECOND, number), first),
        last - first, c[N_DONE] + k + 1, rates[RATE], rates[MOMENTUM],
    )  # fmt: skip
