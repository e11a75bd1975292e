"""Rows by key: which series a row belongs to, where it lies on the time grid, and the look-up of windows."""

from skrnn._history.axis import Axis
from skrnn._history.grid import Grid
from skrnn._history.keys import Keys, block_keys, plain_index, read_keys
from skrnn._history.lookup import Lookup, look_up
from skrnn._history.memory import WindowMemory
from skrnn._history.report import (
    IncompleteWindowWarning,
    report,
    report_forecast,
    report_never_filled,
    report_unfilled,
)
from skrnn._history.store import History, distinct_rows
from skrnn._history.table import Columns, Table, in_words

__all__ = [
    "Axis",
    "Columns",
    "Grid",
    "History",
    "IncompleteWindowWarning",
    "Keys",
    "Lookup",
    "Table",
    "WindowMemory",
    "block_keys",
    "distinct_rows",
    "in_words",
    "look_up",
    "plain_index",
    "read_keys",
    "report",
    "report_forecast",
    "report_never_filled",
    "report_unfilled",
]
