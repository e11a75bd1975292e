"""The unit in which the innermost regressor answers, where a ``TransformedTargetRegressor`` brings y into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Unit:
    """Fitted transformers of y, the outermost first. Without any it is the unit of y itself."""

    transformers: tuple[Any, ...]

    @classmethod
    def of(cls, model: Any, values: np.ndarray) -> Unit:
        """The unit of a fitted model; that of y if in its own unit each output is not a function of itself alone.

        This is tried on some values (n, target) of y.
        """
        unit = cls(transformers_of(model))
        return unit if unit._keeps_apart(values) else cls(())

    def into(self, values: np.ndarray) -> np.ndarray:
        """Values (n, target) of y in this unit."""
        with np.errstate(all="ignore"):
            for transformer in self.transformers:
                values = np.asarray(transformer.transform(values), dtype=np.float64)
        return values

    def back(self, values: np.ndarray) -> np.ndarray:
        """Values (n, target) of this unit in the unit of y."""
        with np.errstate(all="ignore"):
            for transformer in reversed(self.transformers):
                values = np.asarray(transformer.inverse_transform(values), dtype=np.float64)
        return values

    def around(self, middle: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ends (n, target) of bands of equal half-widths, in this unit, around values of y (n, target)."""
        ends = self.moved(middle, -widths), self.moved(middle, widths)
        return np.minimum(*ends), np.maximum(*ends)

    def moved(self, values: np.ndarray, by: np.ndarray) -> np.ndarray:
        """Values (n, target) of y after a step, in this unit, that ends where no value of y lies further."""
        if not self.transformers:
            return values + by
        start = self.into(values)
        return self.back(self._furthest(start, start + by))

    def _furthest(self, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        """The furthest values from ``inside`` towards ``outside`` that values of y have in this unit, by bisection.

        A square root, say, is never negative: what lies below belongs to no y.
        """
        is_taken = self._is_taken(outside, inside)
        end = outside
        for _ in range(0 if is_taken.all() else 50):
            half = (inside + outside) / 2
            near = self._is_taken(half, inside)
            inside, outside = np.where(near, half, inside), np.where(near, outside, half)
        return np.where(is_taken, end, inside)

    def _is_taken(self, values: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Which values come back as they were from the unit of y."""
        there = self.back(values)
        finite = np.isfinite(there)
        again = self.into(np.where(finite, there, self.back(inside)))
        return np.asarray(finite & np.isclose(again, values, rtol=1e-6))

    def _keeps_apart(self, values: np.ndarray) -> bool:
        """Whether each output is transformed by itself."""
        changed = self.into(values)
        if changed.shape != values.shape:
            return False
        for i in range(values.shape[1] if values.shape[1] > 1 else 0):
            other = values[::-1].copy()
            other[:, i] = values[:, i]
            if not np.allclose(self.into(other)[:, i], changed[:, i], equal_nan=True):
                return False
        return True


def transformers_of(model: Any) -> tuple[Any, ...]:
    """What brings y into the unit of the innermost regressor."""
    if hasattr(model, "best_estimator_"):
        return transformers_of(model.best_estimator_)
    if hasattr(model, "steps"):
        return transformers_of(model.steps[-1][1])
    if hasattr(model, "regressor_") and hasattr(model, "transformer_"):
        return (model.transformer_, *transformers_of(model.regressor_))
    return ()
