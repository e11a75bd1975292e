"""What a model itself says of the spread around its answers: quantiles, or a mean and a standard deviation."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from skrnn._estimators.regressor import RecurrentRegressor, sizes_of, spread_of
from skrnn._forecast.parts import Parts, inner_of
from skrnn._forecast.units import transformers_of

GAUSSIAN_LEVELS = (0.1, 0.5, 0.9)  # the quantiles shown of a model that knows those of any level


@dataclass(frozen=True)
class Normal:
    """Answers with standard deviations (n, target)."""

    mean: np.ndarray
    std: np.ndarray

    def at(self, score: np.ndarray) -> np.ndarray:
        """The quantile at a normal score: 0 is the median, 1.28 the level 0.9."""
        return self.mean + score * self.std


@dataclass(frozen=True)
class Quantiles:
    """Quantiles (n, target, level) of some levels.

    Between two levels the quantile is linear in the normal score of the level, and beyond the outermost it goes on as
    between the two next to it: exact for a normal distribution.
    """

    levels: tuple[float, ...]
    values: np.ndarray

    def at(self, score: np.ndarray) -> np.ndarray:
        """The quantile at a normal score (n, target)."""
        known = ndtri(self.levels)
        left = np.clip(np.searchsorted(known, score) - 1, 0, len(known) - 2)
        low, high = (np.take_along_axis(self.values, (left + i)[..., None], axis=-1)[..., 0] for i in (0, 1))
        return np.asarray(low + (high - low) * (score - known[left]) / (known[left + 1] - known[left]))


@dataclass(frozen=True)
class Distribution:
    """The kind of spread that the regressor of a model tells, in its unit: "std", or the levels of quantiles."""

    parts: Parts
    kind: str | tuple[float, ...]

    @classmethod
    def of(cls, parts: Parts) -> Distribution | None:
        """None if the model tells none, or one quantile alone."""
        kind = _kind_of(_innermost(parts.back, None)[0])
        return None if kind is None else cls(parts, kind)

    @property
    def levels(self) -> tuple[float, ...]:
        return self.kind if isinstance(self.kind, tuple) else GAUSSIAN_LEVELS

    def draw(self, X: Any, rng: np.random.RandomState) -> np.ndarray:
        """One value (n, target) of y for each window."""
        spread = self._read(X)
        n, n_targets = (spread.mean if isinstance(spread, Normal) else spread.values).shape[:2]
        return self._back(spread.at(rng.standard_normal((n, n_targets))))

    def quantiles(self, X: Any) -> np.ndarray:
        """Quantiles (n, target, level) of y in the order of ``levels``."""
        spread = self._read(X)
        if isinstance(spread, Normal):
            at_levels = np.stack([spread.at(np.full_like(spread.mean, score)) for score in ndtri(self.levels)], -1)
        else:
            at_levels = spread.values
        found = np.stack([self._back(at_levels[..., i]) for i in range(len(self.levels))], axis=-1)
        if np.any(np.diff(found, axis=-1) < 0):
            raise ValueError(
                "The transformer of the TransformedTargetRegressor turns the order of values round, so that quantiles "
                "of its unit are not those of y at the same levels. Use one that rises with y."
            )
        return found

    def std(self, X: Any) -> np.ndarray:
        """Standard deviations (n, target) of y."""
        spread = self._read(X)
        if not isinstance(spread, Normal):
            raise ValueError("return_std=True needs a model with standard deviations; this one has quantiles.")
        low, middle, high = (self._back(spread.mean + i * spread.std) for i in (-1, 0, 1))
        if not np.allclose(high - middle, middle - low, rtol=1e-4):
            raise ValueError(
                "The TransformedTargetRegressor changes y by more than scale and offset, so that a standard deviation "
                "in its unit is none of y. Ask for return_quantiles=True or n_paths."
            )
        return np.abs(high - low) / 2

    def _read(self, X: Any) -> Normal | Quantiles:
        estimator, X = _innermost(self.parts.back, X)
        if self.kind == "std":
            answers = (np.asarray(each, dtype=np.float64) for each in estimator.predict(X, return_std=True))
            return Normal(*(each.reshape(len(X), -1) for each in answers))
        values = np.asarray(estimator.predict_quantiles(X), dtype=np.float64)
        return Quantiles(self.levels, values.reshape(len(X), -1, len(self.levels)))

    def _back(self, values: np.ndarray) -> np.ndarray:
        """Values (n, target) of the innermost regressor in the unit of y."""
        for transformer in reversed(transformers_of(self.parts.back)):
            values = np.asarray(transformer.inverse_transform(values), dtype=np.float64)
        return values


def may_tell_spread(model: Any) -> bool:
    """Whether a model that need not be fitted tells a spread, as far as that is known: a search may choose one."""
    estimator, _ = _innermost(model, None)
    return hasattr(estimator, "estimator") or _kind_of(estimator) is not None


def _kind_of(estimator: Any) -> Any:
    """What the innermost regressor tells of the spread; None if nothing, or one quantile alone."""
    kind: Any = None
    if isinstance(estimator, RecurrentRegressor):
        kind = spread_of(estimator)
    else:
        with suppress(ValueError, TypeError):  # compiled code has no signature
            kind = "std" if "return_std" in inspect.signature(estimator.predict).parameters else None
    return None if kind is None or (kind != "std" and len(kind) < 2) else kind


def is_scaled(parts: Parts) -> bool:
    """Whether the regressor of a model measures windows in units of their own, see ``scaling``."""
    estimator, _ = _innermost(parts.back, None)
    return isinstance(estimator, RecurrentRegressor) and estimator.scaling_ is not None


def sizes_of_windows(parts: Parts, X: Any) -> np.ndarray | None:
    """These units (n, output); None if there are none."""
    return sizes_of(*_innermost(parts.back, X)) if is_scaled(parts) else None


def _innermost(model: Any, X: Any) -> tuple[Any, Any]:
    """The regressor within a model, and what it reads where the model reads X; None instead of X if not fitted."""
    if hasattr(model, "best_estimator_"):
        return _innermost(model.best_estimator_, X)
    if hasattr(model, "steps"):
        return _innermost(model.steps[-1][1], X if X is None or len(model.steps) == 1 else model[:-1].transform(X))
    inner = inner_of(model)
    return (model, X) if inner is None else _innermost(getattr(model, inner), X)
