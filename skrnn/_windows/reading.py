"""What a table says: keys, channels, and what its columns mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrnn._validation import check_rows
from skrnn._windows.keys import Keys, block_keys, read_keys
from skrnn._windows.memory import WindowMemory
from skrnn._windows.table import Columns, Table


def read(transformer: Any, X: Any, memory: WindowMemory | None) -> tuple[Keys, np.ndarray, Columns]:
    """Keys and channels of the rows of a table, and what its columns mean: as ``memory`` says, if it is given.

    ``transformer`` is the window step, whose parameters name the columns.
    """
    reset = memory is None
    frame = Table.of_frame(X)
    table = frame or Table(check_rows(transformer, X, reset=reset))
    named = (
        transformer.time_column,
        transformer.group_column,
        transformer.future_columns,
        transformer.static_columns,
    )
    columns = Columns.of(table, *named) if memory is None else memory.columns
    places = columns.places(table)
    key_columns = [place for place in places if place is not None]
    table.check_channels(key_columns)
    if frame is not None:
        values = check_rows(transformer, frame.X, key_columns=key_columns, reset=reset)
        columns.check_order(frame)
    else:
        values = table.channels(key_columns)
    times, groups = (table.column(place) for place in places)
    keys = read_keys(table.index, times, groups, exact=frame is not None)
    if keys is None or (memory is not None and memory.axis.kind == "block"):
        keys = block_keys(len(values), groups)
    return keys.isolated(), values, columns
