"""Rows by key: which series a row belongs to, where it lies on the time grid, and the look-up of windows."""

from skrnn._history.axis import Axis
from skrnn._history.keys import Keys, block_keys, read_keys
from skrnn._history.lookup import Lookup, look_up
from skrnn._history.report import IncompleteWindowWarning, report, report_unfilled
from skrnn._history.store import History, distinct_rows
from skrnn._history.table import Table

__all__ = [
    "Axis",
    "History",
    "IncompleteWindowWarning",
    "Keys",
    "Lookup",
    "Table",
    "block_keys",
    "distinct_rows",
    "look_up",
    "read_keys",
    "report",
    "report_unfilled",
]
