"""The linear map of the last steps in an epoch; see ``places``.

Where all of these steps are observed and stand at the same place in all sequences, they are read where the first layer
reads them, step by step. Others are copied together first, into one piece.
"""

from __future__ import annotations

from skrnn._compiled.kernels.calls import at, smaller
from skrnn._compiled.kernels.inputs import gather_columns
from skrnn._compiled.kernels.jit import Numbers, Table, itemsize, leaf, number
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
def map_steps(c: Table, raw: Numbers, slope: Numbers, gradient: Numbers, room: Numbers, x: Numbers, first: int,
    n: int, back: int) -> None:  # fmt: skip
    """Add the map of n sequences of the order, from the ``first`` on, to their raw outputs (sequence, output).

    On the way ``back``, add the derivatives by the map's weights to the gradient, from those by the raw outputs.
    """
    width, n_taken, together, panels = c[WIDTH], c[LINEAR_STEPS], c[TOGETHER], at(room, c[PANELS])
    n_columns, lanes, n_before = n_taken * c[N_LINEAR], PANEL // itemsize, c[N_READ] * together - n_taken
    apart = not (c[ROW_SEEN] or c[BEHIND] or n_before < 0)
    n_pieces, k, row = (n_taken, c[N_LINEAR], together * c[N_COLUMNS]) if apart else (1, n_columns, n_columns)
    if not back:
        lay_panels(panels, at(numbers(c, WEIGHTS, number), c[LINEAR]), 1, 2, width, n_columns, 1)
        if not apart:
            gather_columns(c, at(room, c[COLUMNS]), x, first, n)
    for i in range(n_pieces):
        step = n_before + i
        piece = at(x, (step // together * n * together + step % together) * c[N_COLUMNS])
        if not apart:
            piece = at(room, c[COLUMNS])
        if back:
            out = at(gradient, c[LINEAR] + i * k)
            add_tiled(out, n_columns, out, n_columns, slope, 1, width, piece, row, width, k, n)
        else:
            for j in range(0, width, lanes):
                strip, out = at(panels, j * n_columns + i * k * lanes), at(raw, j)
                add_tiled(out, width, out, width, piece, row, 1, strip, lanes, n, smaller(lanes, width - j), k)
