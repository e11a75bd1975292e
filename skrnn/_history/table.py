"""A table as users hand it over: its index and its columns by name or position."""

from __future__ import annotations

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
    def of_frame(cls, X: Any) -> Table | None:
        """A pandas frame, or a polars frame as one without keys; None for anything else."""
        if getattr(X, "ndim", 0) == 2 and hasattr(X, "iloc"):
            return cls(X, X.index)
        if hasattr(X, "get_column"):
            import pandas as pd

            return cls(pd.DataFrame({name: X.get_column(name).to_numpy() for name in X.columns}))
        return None

    def check_channels(self, key_columns: list[int]) -> None:
        """Refuse a table in which all columns are keys."""
        if key_columns and len(set(key_columns)) == self.X.shape[1]:
            raise ValueError(f"All columns of X are keys: it has n_features = {self.X.shape[1]} and no channel.")

    def channels(self, key_columns: list[int]) -> Any:
        """The columns of an array that are no keys."""
        if not key_columns:
            return self.X
        return np.ascontiguousarray(np.delete(self.X, key_columns, axis=1))

    def position(self, column: str | int | None, parameter: str) -> int | None:
        """Position of the column that a parameter names."""
        if column is None:
            return None
        names = [str(label) for label in getattr(self.X, "columns", ())]
        if isinstance(column, str):
            if column not in names:
                raise ValueError(f"{parameter}={column!r} is not a column of X. Its columns: {names or 'no names'}.")
            return names.index(column)
        if not 0 <= column < self.X.shape[1]:
            raise ValueError(f"{parameter}={column} is not a column of X, which has n_features = {self.X.shape[1]}.")
        return int(column)

    def positions(self, columns: Any, parameter: str) -> list[int]:
        """Positions of one or several columns."""
        if columns is None:
            return []
        several: Any = [columns] if isinstance(columns, str | Integral) else columns
        return [position for column in several if (position := self.position(column, parameter)) is not None]

    def column(self, position: int | None) -> Any:
        """One column; None for None."""
        if position is None:
            return None
        return self.X.iloc[:, position] if hasattr(self.X, "iloc") else self.X[:, position]
