"""Measures of forecasts by step ahead: of their points, and of their quantiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from skrnn._forecast.bands import Errors
from skrnn._forecast.rolling import Rolled

Metric = str | Callable[[np.ndarray, np.ndarray], float]


def smape(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean of ``2 |error| / (|y_true| + |y_pred|)``, from 0 to 2; 0 where both are 0."""
    size = np.abs(y_true) + np.abs(y_pred)
    return float(np.mean(2 * np.abs(y_true - y_pred) / np.where(size > 0, size, 1)))


POINT = {"rmse": root_mean_squared_error, "mae": mean_absolute_error, "smape": smape}
SPREAD = ("pinball", "coverage")
NAMES = {*POINT, "mase", *SPREAD}


def check_metrics(metric: Any) -> list[Metric]:
    """The metrics as a list."""
    found = list(metric) if isinstance(metric, list | tuple) else ["rmse" if metric is None else metric]
    wrong = [each for each in found if not (callable(each) or (isinstance(each, str) and each in NAMES))]
    if wrong or not found:
        raise ValueError(
            f"The 'metric' parameter of backtest must name one of {sorted(NAMES)}, be a function, or a list of these. "
            f"Got {metric!r} instead."
        )
    repeated = sorted({name for name in map(name_of, found) if list(map(name_of, found)).count(name) > 1})
    if repeated:
        raise ValueError(f"The 'metric' parameter of backtest holds several metrics of the name {repeated[0]!r}.")
    return found


def name_of(metric: Metric) -> str:
    """What a metric is called in a table."""
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)


def errors_by_step(metric: Metric, rolled: Rolled, seasonal: bool, bands: np.ndarray, levels: Sequence[float]) -> Any:
    """A metric by step ahead, as a frame: of the model, and unless it measures quantiles of the naive forecasts.

    ``bands`` are quantiles (origin, step, output, level), NaN where there are none.
    """
    import pandas as pd

    truth, forecasts = rolled.truth, _forecasts(rolled, seasonal)
    table = pd.DataFrame(index=pd.RangeIndex(1, truth.shape[1] + 1, name="step"))
    known = _known(rolled, seasonal)
    steps = range(truth.shape[1])
    if isinstance(metric, str) and metric in SPREAD:
        known &= np.isfinite(bands).all(axis=3)
        table["model"] = [_of_spread(metric, truth[:, i], bands[:, i], levels, known[:, i]) for i in steps]
        return table
    for name, predicted in forecasts.items():
        table[name] = [_of_points(metric, truth[:, i], predicted[:, i], rolled.scale, known[:, i]) for i in steps]
        if name != "model":
            table[f"skill_over_{name}"] = 1 - table["model"] / table[name]
    return table


def earlier_bands(rolled: Rolled, level: float) -> np.ndarray:
    """Bands (origin, step, output, end) made of errors that were known at their origin, in the unit of its fit.

    NaN where there are too few of them.
    """
    ends = np.full((*rolled.predicted.shape, 2), np.nan)
    for group, unit in enumerate(rolled.units):
        errors = Errors.between(unit, rolled.truth, rolled.predicted, rolled.sizes)
        for time in np.unique(rolled.when[rolled.group == group]):
            mine = np.flatnonzero((rolled.when == time) & (rolled.group == group))
            known = np.where((rolled.known_at <= time)[..., None], errors.values, np.nan)
            enough = np.isfinite(Errors(unit, known).widths(level)).all(axis=1)  # (step,)
            if enough.any():
                middle, sizes = (each[mine][:, enough] for each in (rolled.predicted, rolled.sizes))
                around = Errors(unit, known[:, enough]).around(middle, sizes, level)
                ends[np.ix_(mine, np.flatnonzero(enough))] = np.stack(around, axis=-1)
    return ends


def check_earlier_errors(rolled: Rolled, level: float) -> None:
    """Refuse a level for which ``earlier_bands`` has too few errors even at the last origin, which knows most."""
    errors = Errors.between(rolled.units[-1], rolled.truth, rolled.predicted, rolled.sizes)
    known = np.where((rolled.known_at <= rolled.when.max())[..., None], errors.values, np.nan)
    if not np.isfinite(Errors(errors.unit, known).widths(level)).all():
        raise ValueError(
            f"confidence_level={level} needs more errors of earlier origins than there are at some step. Raise "
            "test_size, or lower stride, steps or confidence_level."
        )


def _of_spread(metric: str, truth: np.ndarray, bands: np.ndarray, levels: Sequence[float], known: np.ndarray) -> float:
    """The pinball loss or the coverage of one step (origin, output, level) over what is known."""
    if not known.any():
        return np.nan
    y_true, quantiles = truth[known], bands[known]
    if metric == "coverage":
        return float(np.mean((quantiles[:, 0] <= y_true) & (y_true <= quantiles[:, -1])))
    error = y_true[:, None] - quantiles
    return float(np.mean(error * (np.asarray(levels) - (error < 0))))


def _of_points(metric: Metric, truth: np.ndarray, predicted: np.ndarray, scale: np.ndarray, known: np.ndarray) -> float:
    """A metric of one step (origin, output) over what is known."""
    if metric == "mase":
        known = known & (scale > 0)
        return float(np.mean((np.abs(truth - predicted) / np.where(known, scale, 1))[known])) if known.any() else np.nan
    measure = POINT[metric] if isinstance(metric, str) else metric
    return float(measure(truth[known], predicted[known]))


def check_known(rolled: Rolled, seasonal: bool) -> None:
    """Refuse steps at which there is nothing to compare."""
    if not _known(rolled, seasonal).any(axis=(0, 2)).all():
        raise ValueError(
            "At some step no value is known together with those that it is compared with: there are too few rows "
            "before the origins for this season, or y is NaN."
        )


def _known(rolled: Rolled, seasonal: bool) -> np.ndarray:
    """Which values (origin, step, output) are known together with all forecasts of them."""
    return ~np.isnan(np.stack([rolled.truth, *_forecasts(rolled, seasonal).values()])).any(axis=0)


def _forecasts(rolled: Rolled, seasonal: bool) -> dict[str, np.ndarray]:
    """The forecasts by their names in a table."""
    forecasts = {"model": rolled.predicted, "persistence": rolled.persistence}
    return {**forecasts, "seasonal_naive": rolled.seasonal} if seasonal else forecasts
