"""The units in which networks read channels and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from skrnn._data.robust import middle_and_spread

_Parts = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]
_SCALED_AT_ONCE = 2048  # rows
_FEW = 64  # rows, for which repeated means take longer
_SMALL = 2.0**-450  # a standard deviation whose square has lost digits


@dataclass(frozen=True)
class Scale:
    """Affine map to zero mean and unit variance, channel by channel."""

    mean: np.ndarray  # (channel,)
    std: np.ndarray  # (channel,)

    @classmethod
    def of(
        cls, parts: _Parts, n_columns: int, dtype: np.dtype, names: Sequence[str], *, constant: float = 1.0
    ) -> Scale:
        """Weighted mean and standard deviation.

        Parameters
        ----------
        parts : callable
            Gives pairs of values of shape (n, n_columns) and weights of shape (n,), the same ones each time.
        n_columns : int
            Number of columns.
        dtype : dtype
            Precision of the values, below which there is no spread.
        names : sequence of str
            What the columns are called in errors.
        constant : float, default=1.0
            The deviation of columns without spread or without values. With infinity, all their values count as 0.

        Raises
        ------
        ValueError
            If the squares of the values are too large for double precision.
        """
        total, first, second = 0.0, np.zeros(n_columns), np.zeros(n_columns)
        with np.errstate(over="ignore", invalid="ignore"):
            for values, weight in parts():
                total += weight.sum()
                first += weight @ values
            if not total:
                return cls(np.zeros(n_columns), np.full(n_columns, constant))
            mean = first / total
            for values, weight in parts():
                second += weight @ (values - mean) ** 2
        std = np.sqrt(second / total)
        if np.any(std < _SMALL):  # squares leave the range of floats at the lower end
            second = np.zeros(n_columns)
            for values, weight in parts():
                second += weight @ np.minimum(np.abs(values - mean) / _SMALL, 1 / _SMALL) ** 2
            std = np.where(std < _SMALL, np.sqrt(second / total) * _SMALL, std)
        return cls._checked(mean, std, dtype, names, constant)

    @classmethod
    def robust(
        cls, parts: _Parts, n_columns: int, dtype: np.dtype, names: Sequence[str], *, constant: float = 1.0
    ) -> Scale:
        """Like ``of``, from what a few values, however large, move little, see ``middle_and_spread``."""
        pairs = list(parts())
        values, weight = (np.concatenate(some) for some in zip(*pairs, strict=True)) if pairs else ((), np.zeros(1))
        if not weight.sum():
            return cls(np.zeros(n_columns), np.full(n_columns, constant))
        used = weight > 0
        return cls._checked(*middle_and_spread(values[used].astype(np.float64), weight[used]), dtype, names, constant)

    @classmethod
    def _checked(
        cls, mean: np.ndarray, std: np.ndarray, dtype: np.dtype, names: Sequence[str], constant: float
    ) -> Scale:
        if not np.all(np.isfinite(std)):
            name = names[int(np.argmin(np.isfinite(std)))]
            raise ValueError(f"{name} contains values too large to compute their standard deviation. Rescale them.")
        return cls(mean, np.where(std <= 10 * np.finfo(dtype).eps * np.abs(mean), constant, std))

    def completed(self, later: Scale) -> Scale:
        """With the units of a later scale for columns that were constant so far."""
        known = np.isfinite(self.std)
        return Scale(np.where(known, self.mean, later.mean), np.where(known, self.std, later.std))

    @classmethod
    def identity(cls, n_columns: int) -> Scale:
        return cls(np.zeros(n_columns), np.ones(n_columns))

    def apply(
        self,
        values: np.ndarray,
        dtype: type[np.floating],
        name: str = "channel {} of X",
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Standardised values in an array of ``dtype``, a new one or ``out``, computed in double precision.

        Raises
        ------
        ValueError
            If ``dtype`` cannot hold them. ``name`` says what a column is called.
        """
        try:
            with np.errstate(over="raise"):
                return self._applied(values, np.empty(values.shape, dtype=dtype) if out is None else out)
        except FloatingPointError:
            raise ValueError(self._far(values, np.dtype(dtype), name)) from None

    def _far(self, values: np.ndarray, dtype: np.dtype, name: str) -> str:
        """What is said of the value that is farthest from the mean."""
        with np.errstate(over="ignore"):
            distance = np.abs(values / self.std - self.mean / self.std)
        row, column = np.unravel_index(np.nanargmax(distance), distance.shape)
        advice = ", or fit with dtype='float64'" if dtype == np.float32 else ""
        return (
            f"{name.format(column)} holds {values[row, column]:.4g}, too far from the mean {self.mean[column]:.4g} in "
            f"fit (standard deviation {self.std[column]:.4g}) for {dtype}, in which the network computes. Check "
            f"that value{advice}."
        )

    def _applied(self, values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        # In blocks that stay in the cache, with means and deviations of the same shape: numpy is slow on short rows.
        if len(values) <= _FEW:
            scaled[...] = (values - self.mean) / self.std
            return scaled
        n_rows = min(len(values), _SCALED_AT_ONCE)
        mean, std = np.tile(self.mean, (n_rows, 1)), np.tile(self.std, (n_rows, 1))
        for first in range(0, len(values), _SCALED_AT_ONCE):
            block = values[first : first + _SCALED_AT_ONCE]
            scaled[first : first + len(block)] = (block - mean[: len(block)]) / std[: len(block)]
        return scaled

    def invert(self, values: np.ndarray) -> np.ndarray:
        return values * self.std + self.mean
