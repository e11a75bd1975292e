"""The linear map of the last steps in an epoch; see ``places``.

Where all of these steps are observed and stand at the same place in all sequences, they are read where the first layer
reads them, step by step. Others are copied together first, into one piece.
"""

from __future__ import annotations

from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.inputs import gather_columns
from skrnn._compiled.kernels.jit import Numbers, Table, compiled_into_callers, itemsize, leaf, number
from skrnn._compiled.kernels.places import (
    BEHIND,
    COLUMNS,
    LINEAR,
    LINEAR_STEPS,
    N_COLUMNS,
    N_LINEAR,
    N_READ,
    PANELS,
    ROW_SEEN,
    TOGETHER,
    WEIGHTS,
    WIDTH,
    numbers,
)
from skrnn._compiled.kernels.products import lay_panels
from skrnn._compiled.kernels.tiles import PANEL, add_tiled


@leaf
def map_steps(c: Table, raw: Numbers, room: Numbers, x: Numbers, first: int, n: int) -> None:
    """Add the map of n sequences of the order, from the ``first`` on, to their raw outputs (sequence, output)."""
    width, n_columns, panels, lanes = c[WIDTH], c[LINEAR_STEPS] * c[N_LINEAR], at(room, c[PANELS]), PANEL // itemsize
    lay_panels(panels, at(numbers(c, WEIGHTS, number), c[LINEAR]), 1, 2, width, n_columns, 1)
    together = _together(c)
    if together:
        gather_columns(c, at(room, c[COLUMNS]), x, first, n)
    n_pieces, k, row = _pieces(c, together)
    for i in range(n_pieces):
        piece = at(room, c[COLUMNS]) if together else at(x, _place(c, i, n))
        for j in range(0, width, lanes):
            strip, out = at(panels, j * n_columns + i * k * lanes), at(raw, j)
            add_tiled(out, width, out, width, piece, row, 1, strip, lanes, n, min(lanes, width - j), k)


@leaf
def map_back(c: Table, gradient: Numbers, room: Numbers, x: Numbers, slope: Numbers, n: int) -> None:
    """Add the derivatives by the map's weights, after ``map_steps``, from those by the raw outputs."""
    width, n_columns, together = c[WIDTH], c[LINEAR_STEPS] * c[N_LINEAR], _together(c)
    n_pieces, k, row = _pieces(c, together)
    for i in range(n_pieces):
        piece, out = at(room, c[COLUMNS]) if together else at(x, _place(c, i, n)), at(gradient, c[LINEAR] + i * k)
        add_tiled(out, n_columns, out, n_columns, slope, 1, width, piece, row, width, k, n)


@compiled_into_callers
def _together(c):
    """Whether what the map reads is copied into one piece."""
    return c[ROW_SEEN] != 0 or c[BEHIND] != 0 or c[LINEAR_STEPS] > c[N_READ] * c[TOGETHER]


@compiled_into_callers
def _pieces(c, together):
    """How many pieces there are, how many columns each has, and how far its rows are apart."""
    if together:
        n_columns = c[LINEAR_STEPS] * c[N_LINEAR]
        return 1, n_columns, n_columns
    return c[LINEAR_STEPS], c[N_LINEAR], c[TOGETHER] * c[N_COLUMNS]


@compiled_into_callers
def _place(c, i, n):
    """Where the map's i-th step begins in what the first layer reads of n sequences."""
    step = c[N_READ] * c[TOGETHER] - c[LINEAR_STEPS] + i
    return (step // c[TOGETHER] * n * c[TOGETHER] + step % c[TOGETHER]) * c[N_COLUMNS]
