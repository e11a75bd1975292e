"""Channels that hold one value for each series, such as the size of a shop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skrnn._windows.keys import Keys


@dataclass(frozen=True)
class Static:
    """Which channels are static, and their names."""

    channels: np.ndarray  # (static,) positions
    names: np.ndarray  # (static,)

    def filled(self, values: np.ndarray, series: np.ndarray, keys: Keys, holds: np.ndarray) -> np.ndarray:
        """Values (m, channel) of rows where those of static channels are known in all rows that ``holds`` (m,) names.

        A missing one is that of the other rows of the same ``series`` (m,), positions in the labels of ``keys``.

        Raises
        ------
        ValueError
            If a series holds several values.
        """
        values = values.copy()
        for channel, name in zip(self.channels, self.names, strict=True):
            column = values[:, channel]
            told = np.flatnonzero(~np.isnan(column))
            one = np.full(len(keys.labels), np.nan, dtype=values.dtype)
            one[series[told]] = column[told]
            other = told[column[told] != one[series[told]]]
            if len(other):
                raise ValueError(self._message(name, column[other[0]], one[series[other[0]]], keys, series[other[0]]))
            missing = np.flatnonzero(np.isnan(column) & holds)
            column[missing] = one[series[missing]]
        return values

    def _message(self, name: Any, first: float, second: float, keys: Keys, series: int) -> str:
        """What is wrong with a column that changes."""
        label = keys.labels[series]
        where = "" if label == () else f" of series {label!r}"
        return (
            f"static_columns names {name!r}, which must hold one value for each series, but the rows{where} hold "
            f"{first:g} and {second:g}. Leave it out of static_columns if it changes in time."
        )
