"""A table as users hand it over: its index and its columns, by label in a frame and by position in an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """A pandas frame or an array of two dimensions. ``index`` is None where the rows carry no key."""

    X: Any
    index: Any = None

    @classmethod
    def of_frame(cls, X: Any, name: str = "X") -> Table | None:
        """A pandas frame, or a polars frame as one without keys; None for anything else."""
        if getattr(X, "ndim", 0) == 2 and hasattr(X, "iloc"):
            _check_distinct(X.columns, name)
            return cls(X, X.index)
        if hasattr(X, "get_column"):
            import pandas as pd

            return cls(pd.DataFrame({name: _of_polars(X.get_column(name)) for name in X.columns}))
        return None

    @property
    def labels(self) -> tuple[Any, ...] | None:
        """The labels of the columns; None in an array."""
        return tuple(self.X.columns) if hasattr(self.X, "columns") else None

    def check_channels(self, key_columns: list[int]) -> None:
        """Refuse a table in which all columns are keys."""
        if key_columns and len(set(key_columns)) == self.X.shape[1]:
            raise ValueError(f"All columns of X are keys: it has n_features = {self.X.shape[1]} and no channel.")

    def channels(self, key_columns: list[int]) -> Any:
        """The columns of an array that are no keys."""
        if not key_columns:
            return self.X
        return np.ascontiguousarray(np.delete(self.X, key_columns, axis=1))

    def position(self, column: Any, parameter: str) -> int | None:
        """Position of the column that a parameter names: by its label in a frame, by its position in an array."""
        if column is None:
            return None
        place = self.find(column)
        if place is None:
            raise ValueError(f"{parameter}={column!r} is not a column of X. {self._columns_in_words(column)}")
        return place

    def key(self, column: Any, parameter: str) -> int | None:
        """Position of a key column. As scikit-learn's checks do, it may be counted where no label reads as a number."""
        texts = self.labels is not None and all(_is_name(label) for label in self.labels)
        return int(column) if texts and _is_position(column, self.X.shape[1]) else self.position(column, parameter)

    def positions(self, columns: Any, parameter: str) -> list[int]:
        """Positions of one or several columns. A tuple that is itself a label of a frame is one column."""
        if columns is None:
            return []
        several = columns
        if isinstance(columns, str) or not np.iterable(columns) or self.find(columns) is not None:
            several = [columns]
        return [position for column in several if (position := self.position(column, parameter)) is not None]

    def named(self, columns: Any, parameter: str) -> np.ndarray:
        """Which columns (n_columns,) a parameter names, or a callable like scikit-learn's make_column_selector."""
        if callable(columns):
            columns = list(columns(self.X))
        found = np.zeros(self.X.shape[1], dtype=bool)
        found[self.positions(columns, parameter)] = True
        return found

    def column(self, position: int | None) -> Any:
        """One column; None for None."""
        if position is None:
            return None
        return self.X.iloc[:, position] if hasattr(self.X, "iloc") else self.X[:, position]

    def find(self, column: Any) -> int | None:
        """The place of a column; None if there is none of this name."""
        if self.labels is None:
            return int(column) if _is_position(column, self.X.shape[1]) else None
        return next((i for i, label in enumerate(self.labels) if _is_same(label, column)), None)

    def _columns_in_words(self, column: Any) -> str:
        """Which columns there are."""
        n_columns = self.X.shape[1]
        if self.labels is None:
            return f"X is an array of n_features = {n_columns}, whose columns are named by their positions from 0 on."
        words = f"Its columns: {in_words(self.labels)}."
        if _is_position(column, n_columns):
            words += f" In a data frame a column is named by its label; position {column} is {self.labels[column]!r}."
        return words


@dataclass(frozen=True)
class Columns:
    """What the columns of ``fit`` mean."""

    labels: tuple[Any, ...] | None  # of a frame
    keys: tuple[int | None, int | None]  # positions of the column of times and of that of series
    future: np.ndarray  # (n_channels,) bool: known in advance
    static: np.ndarray | None = None  # (n_channels,) bool: one value for each series

    @classmethod
    def of(
        cls, table: Table, time_column: Any, group_column: Any, future_columns: Any = None, static_columns: Any = None
    ) -> Columns:
        """The columns that parameters name."""
        keys = table.key(time_column, "time_column"), table.key(group_column, "group_column")
        channels = [i for i in range(table.X.shape[1]) if i not in keys]
        future = table.named(future_columns, "future_columns")[channels]
        static = table.named(static_columns, "static_columns")[channels]
        columns = cls(table.labels, keys, future, static if static.any() else None)
        both = columns.channel_names[future & static]
        if len(both):
            raise ValueError(
                f"Both future_columns and static_columns name {in_words(both)}. Name a column in one only."
            )
        return columns

    @property
    def key_columns(self) -> list[int]:
        """Positions of the columns that are no channels."""
        return [column for column in self.keys if column is not None]

    @property
    def given(self) -> np.ndarray:
        """Which channels tell nothing of what was observed: those known in advance, and those of one value."""
        return self.future if self.static is None else self.future | self.static

    @property
    def channels(self) -> np.ndarray:
        """Positions of the columns that are channels."""
        return np.delete(np.arange(len(self.future) + len(set(self.key_columns))), self.key_columns)

    @property
    def channel_names(self) -> np.ndarray:
        """What messages call the channels."""
        n_columns = len(self.future) + len(set(self.key_columns))
        labels = self.labels or [f"x{i}" for i in range(n_columns)]
        names = np.empty(n_columns, dtype=object)
        for i, label in enumerate(labels):  # tuples would be taken for rows
            names[i] = label
        return np.delete(names, self.key_columns)

    def places(self, table: Table) -> tuple[int | None, int | None]:
        """Positions of the key columns in a table of a later call; those of ``fit`` if it has other labels."""
        if self.labels is None or table.labels is None:
            return self.keys
        found = [None if i is None else table.find(self.labels[i]) for i in self.keys]
        time, group = (i if place is None else place for i, place in zip(self.keys, found, strict=True))
        return time, group

    def check_order(self, table: Table) -> None:
        """Refuse a frame with other labels than that of ``fit``; scikit-learn looks only at those that are strings."""
        if self.labels is not None and table.labels is not None and self.labels != table.labels:
            raise ValueError(
                "The feature names should match those that were passed during fit, in the same order. X has the "
                f"columns {in_words(table.labels)}; those of fit were {in_words(self.labels)}."
            )


def _is_position(column: Any, n_columns: int) -> bool:
    """Whether a number counts columns."""
    return isinstance(column, Integral) and not isinstance(column, bool) and 0 <= int(column) < n_columns


def _is_name(label: Any) -> bool:
    """Whether a label can be mistaken for no number."""
    return isinstance(label, str) and not label.strip().isdecimal()


def _is_same(label: Any, column: Any) -> bool:
    """Whether a column is called so. Like pandas, 1 is 1.0 but neither "1" nor True."""
    if label is column:
        return True
    same = label == column
    both = isinstance(label, bool | np.bool_) == isinstance(column, bool | np.bool_)
    return both and isinstance(same, bool | np.bool_) and bool(same)


def _check_distinct(columns: Any, name: str) -> None:
    """Refuse columns that cannot be told apart."""
    if not columns.is_unique:
        repeated = in_words(list(columns[columns.duplicated()].unique()))
        raise ValueError(f"Several columns of {name} have the same label: {repeated}. Rename or drop them.")


def in_words(labels: Sequence[Any], most: int = 20) -> str:
    """Labels as Python writes them."""
    return ", ".join(map(repr, labels[:most])) + (", ..." if len(labels) > most else "")


def _of_polars(column: Any) -> Any:
    """A column of polars as one of pandas, in its time zone, which numpy has no place for."""
    import pandas as pd

    values = column.to_numpy()
    zone = getattr(column.dtype, "time_zone", None)
    return values if zone is None else pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone)
