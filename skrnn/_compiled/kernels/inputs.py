"""What a network reads of n sequences of the order, from the ``first`` on, in an epoch; see ``places``."""

from __future__ import annotations

from skrnn._compiled.kernels.blocks import add, copy, copy_row, put_zeros
from skrnn._compiled.kernels.calls import at, larger
from skrnn._compiled.kernels.jit import Flags, Numbers, Table, leaf, number
from skrnn._compiled.kernels.places import (
    BASE,
    BEHIND,
    FACTOR,
    LEVEL,
    LEVELLED,
    LINEAR_STEPS,
    N_COLUMNS,
    N_LEVELLED,
    N_LINEAR,
    N_READ,
    ORDER,
    ROW_SEEN,
    SEEN,
    STARTS,
    TOGETHER,
    flags,
    numbers,
    wholes,
)


@leaf
def gather_steps(c: Table, x: Numbers, observed: Flags, first: int, n: int) -> None:
    """Inputs of the first layer (step, sequence, channel), and which steps are observed."""
    base, starts, order = numbers(c, BASE, number), wholes(c, STARTS), at(wholes(c, ORDER), first)
    n_columns, together, n_levelled = c[N_COLUMNS], c[TOGETHER], c[N_LEVELLED]
    gaps, scaled = c[SEEN], c[FACTOR]  # read once: a compiler cannot know that the inputs do not lie in the table
    for t in range(c[N_READ]):
        for i in range(n):
            row, out = starts[order[i]] + t * together, at(x, (t * n + i) * together * n_columns)
            copy_row(out, at(base, row * n_columns), together * n_columns)
            if gaps:
                observed[t * n + i] = flags(c, SEEN)[row]
            for k in range(n_levelled):
                for s in range(together):
                    out[s * n_columns + wholes(c, LEVELLED)[k]] -= numbers(c, LEVEL, number)[order[i] * n_levelled + k]
            if scaled:
                _multiply(c, out, order[i])


@leaf
def _multiply(c: Table, out: Numbers, sequence: int) -> None:
    """Multiply the levelled channels of one step of a sequence; NaN counts as 0."""
    for k in range(c[N_LEVELLED]):
        factor = numbers(c, FACTOR, number)[sequence * c[N_LEVELLED] + k]
        for s in range(c[TOGETHER]):
            place = s * c[N_COLUMNS] + wholes(c, LEVELLED)[k]
            product = out[place] * factor
            out[place] = product if product == product else number(0)


@leaf
def gather_columns(c: Table, out: Numbers, x: Numbers, first: int, n: int) -> None:
    """What the linear map reads (sequence, step * channel), from what the first layer does.

    These are the steps up to the last observed one, with their mean where they are not observed.
    """
    n_taken, n_channels, together = c[LINEAR_STEPS], c[N_LINEAR], c[TOGETHER]
    for i in range(n):
        sequence = wholes(c, ORDER)[first + i]
        place = c[N_READ] * together - n_taken  # of the map's first step in the sequence
        if c[BEHIND]:
            place -= wholes(c, BEHIND)[sequence]
        seen, row = at(flags(c, ROW_SEEN), wholes(c, STARTS)[sequence] + place), at(out, i * n_taken * n_channels)
        begin = larger(0, -place)
        n_seen = 0
        for j in range(begin, n_taken):
            if not c[ROW_SEEN] or seen[j]:
                step = ((place + j) // together * n + i) * together + (place + j) % together
                copy_row(at(row, j * n_channels), at(x, step * c[N_COLUMNS]), n_channels)
                n_seen += 1
        if n_seen < n_taken:
            _fill(c, row, seen, begin, n_seen)


@leaf
def _fill(c: Table, row: Numbers, seen: Flags, begin: int, n_seen: int) -> None:
    """Put the mean of the observed steps where steps are not observed, or stand before the ``begin``-th."""
    n_taken, n_channels = c[LINEAR_STEPS], c[N_LINEAR]
    gap = 0  # where the steps are added up
    while gap >= begin and (not c[ROW_SEEN] or seen[gap]):
        gap += 1
    mean = at(row, gap * n_channels)
    put_zeros(mean, n_channels)
    for j in range(begin, n_taken):
        if not c[ROW_SEEN] or seen[j]:
            add(mean, at(row, j * n_channels), n_channels)
    for k in range(n_channels):
        mean[k] /= number(larger(n_seen, 1))
    for j in range(n_taken):
        if j < begin or (c[ROW_SEEN] and not seen[j]):
            copy(at(row, j * n_channels), mean, n_channels)
