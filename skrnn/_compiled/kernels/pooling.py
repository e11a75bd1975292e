"""Summaries of the states (step, n, hidden) of one direction, and their derivatives.

They are those of ``skrnn._compiled.pooling``. ``observed`` (step, n) is read if there are ``gaps``.
"""

from __future__ import annotations

import math

from skrnn._compiled.kernels.blocks import put_zeros
from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Flags, Numbers, compiled_into_callers, form, leaf, number


@form
def pool_at(observed: Flags, states: Numbers, out: Numbers, n_steps: int, n: int, hidden: int, gaps: int) -> None:
    """One of the functions ``largest`` and ``mean``: puts the summary (n, hidden) in ``out``."""


@form
def pool_back_at(
    observed: Flags, states: Numbers, pooled: Numbers, slope: Numbers, out: Numbers, n_steps: int, n: int, hidden: int,
    gaps: int,
) -> None:  # fmt: skip
    """Their derivatives (step, n, hidden) by the states, from ``slope`` (n, hidden) by the summary, which changes."""


@leaf
def largest(observed: Flags, states: Numbers, out: Numbers, n_steps: int, n: int, hidden: int, gaps: int) -> None:
    """Largest value over the observed steps, or 0 without any."""
    n_rows, length = _rows(n, hidden, gaps)
    for i in range(n * hidden):
        out[i] = number(-math.inf)
    for t in range(n_steps):
        for i in range(n_rows):
            if not gaps or observed[t * n + i]:
                _take_larger(at(out, i * length), at(states, (t * n_rows + i) * length), length)
    for i in range(n_rows):
        if _count(observed, i, n_steps, n, gaps) == 0:
            put_zeros(at(out, i * length), length)


@leaf
def largest_back(
    observed: Flags, states: Numbers, pooled: Numbers, slope: Numbers, out: Numbers, n_steps: int, n: int, hidden: int,
    gaps: int,
) -> None:  # fmt: skip
    """Equal ones share the derivative."""
    n_rows, length = _rows(n, hidden, gaps)
    put_zeros(out, n * hidden)  # at first the place of how many there are
    for t in range(n_steps):
        for i in range(n_rows):
            if not gaps or observed[t * n + i]:
                k = i * length
                _count_equal(at(out, k), at(states, t * n * hidden + k), at(pooled, k), length)
    _divide(slope, pooled, out, n * hidden)
    for t in range(n_steps):
        for i in range(n_rows):
            k, place = i * length, at(out, t * n * hidden + i * length)
            if not gaps or observed[t * n + i]:
                _take_equal(place, at(states, t * n * hidden + k), at(pooled, k), at(slope, k), length)
            else:
                put_zeros(place, length)


@leaf
def mean(observed: Flags, states: Numbers, out: Numbers, n_steps: int, n: int, hidden: int, gaps: int) -> None:
    """Mean over the observed steps, or 0 without any."""
    n_rows, length = _rows(n, hidden, gaps)
    put_zeros(out, n * hidden)
    for i in range(n_rows):
        share = 1 / max(_count(observed, i, n_steps, n, gaps), 1)
        for t in range(n_steps):
            if not gaps or observed[t * n + i]:
                _add_share(at(out, i * length), at(states, (t * n_rows + i) * length), share, length)


@leaf
def mean_back(
    observed: Flags, states: Numbers, pooled: Numbers, slope: Numbers, out: Numbers, n_steps: int, n: int, hidden: int,
    gaps: int,
) -> None:  # fmt: skip
    n_rows, length = _rows(n, hidden, gaps)
    put_zeros(out, n_steps * n * hidden)
    for i in range(n_rows):
        share = 1 / max(_count(observed, i, n_steps, n, gaps), 1)
        for t in range(n_steps):
            if not gaps or observed[t * n + i]:
                _add_share(at(out, (t * n_rows + i) * length), at(slope, i * length), share, length)


@compiled_into_callers
def _rows(n, hidden, gaps):
    """Into how many rows of which length the states of a step are divided: into one where all are observed."""
    return (n, hidden) if gaps else (1, n * hidden)


@compiled_into_callers
def _count(observed, i, n_steps, n, gaps):
    """How many steps of the i-th row are observed."""
    if not gaps:
        return n_steps
    n_seen = 0
    for t in range(n_steps):
        n_seen += observed[t * n + i]
    return n_seen


@leaf
def _take_larger(out: Numbers, other: Numbers, n: int) -> None:
    for i in range(n):
        if other[i] > out[i] or other[i] != other[i]:  # NaN stays
            out[i] = other[i]


@leaf
def _count_equal(out: Numbers, other: Numbers, wanted: Numbers, n: int) -> None:
    for i in range(n):
        out[i] += number(int(other[i] == wanted[i]))


@leaf
def _divide(slope: Numbers, pooled: Numbers, counts: Numbers, n: int) -> None:
    """Shares of those that are equal to a finite number."""
    for i in range(n):
        share = slope[i] / max(counts[i], number(1))
        slope[i] = share if abs(pooled[i]) < math.inf else number(0)


@leaf
def _take_equal(out: Numbers, other: Numbers, wanted: Numbers, slope: Numbers, n: int) -> None:
    for i in range(n):
        out[i] = slope[i] if other[i] == wanted[i] else number(0)


@leaf
def _add_share(out: Numbers, other: Numbers, share: float, n: int) -> None:
    for i in range(n):
        out[i] += other[i] * number(share)
