"""Where an epoch finds its arrays, and how large they are: a table of whole numbers, which is a single argument.

Arrays stand in it as the addresses of their first numbers, or 0 for none. Those of a share of the batch lie in a room
of its own, as distances from its beginning; they have space for the sequences that are read at once, and are as long as
there are such. Of two directions, what is the second's stands some numbers apart.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

(
    # What is learnt from: arrays, and their numbers of columns.
    BASE, SEEN, ROW_SEEN, STARTS, BEHIND, LEVEL, FACTOR, LEVELLED, ORDER, TARGETS, WEIGHT, MASKS, RAW,
    N_COLUMNS, N_LEVELLED, N_LINEAR, N_TARGETS, N_MASKED,
    # The network, where parts of its weights begin, and vectors that are as long as these.
    N_LAYERS, N_DIRECTIONS, HIDDEN, BOTH, WIDTH, N_READ, TOGETHER, LINEAR_STEPS,
    WEIGHTS, N_WEIGHTS, HEAD, BIAS, LINEAR, ORIGIN, FIRST, SECOND, GRADIENTS, SQUARES,
    # Compiled functions, and what they take.
    FORWARD, BACKWARD, OPTION, N_STATES, BLOCK_ROWS, ONES, SLOPE, PARAMETERS, UPDATE, PULL, POOL, POOL_BACK,
    # How to train. The rates are not whole.
    RATES, BATCH, N_ROWS, N_SHARES, AT_ONCE, N_DONE,
    # Each share's room, and what lies in it.
    ROOMS, ROOM, OBSERVED, OBSERVED_SIZE, OF_INPUTS, OF_STATES, WORK, WORK_APART, SLOPES, SLOPES_APART, STATES_APART,
    SUMMARY, BY_SUMMARY, POOLED, POOLED_APART, COLUMNS, PANELS, BY_ANSWER,
    N_PLACES,
) = range(73)  # fmt: skip
RATE, MOMENTUM, DECAY, NORM = range(4)

# Of each layer and direction: the number of inputs, where the weights begin, whether the layer is the last, and places
# in the room, among them those of what is read of the states.
R_INPUTS, R_WEIGHTS, R_LAST, R_X, R_BY_X, R_GATES, R_STATES, R_OUT, R_BY_OUT, N_OF_ROW = range(10)


def _read(place: Any) -> Any:
    """What reads an address from a table."""

    def generate(context, builder, signature, values):
        address = builder.load(builder.gep(values[0], [values[1]]))
        return builder.inttoptr(address, context.get_value_type(place))

    return generate


@intrinsic
def _numbers(typing, table, i, number):
    """The place of numbers of the present precision, whose type is handed over."""
    place = types.CPointer(number.dtype)
    return place(table, types.int64, number), _read(place)


@intrinsic
def _doubles(typing, table, i):
    place = types.CPointer(types.float64)
    return place(table, types.int64), _read(place)


@intrinsic
def _wholes(typing, table, i):
    place = types.CPointer(types.int64)
    return place(table, types.int64), _read(place)


@intrinsic
def _flags(typing, table, i):
    place = types.CPointer(types.uint8)
    return place(table, types.int64), _read(place)


numbers: Any = _numbers
doubles: Any = _doubles
wholes: Any = _wholes
flags: Any = _flags
