"""Bands around a forecast, from its errors on rows that were not used to fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skrnn._forecast.parts import Parts
from skrnn._forecast.recursion import check_outputs, recurse
from skrnn._forecast.rows import Rows
from skrnn._forecast.sheet import Sheet, next_steps, on_grid
from skrnn._forecast.units import Unit

FEWEST_ERRORS = 10  # of which sample paths are made


@dataclass(frozen=True)
class Errors:
    """Errors (origin, step, target) of forecasts, in a unit and in sizes of their series: truth less forecast.

    NaN where the truth is not known, infinite where it has no value in this unit. Sizes (origin, step, target) are what
    the model scales its answers with at the origins, see ``scaling``; 1 for other models.
    """

    unit: Unit
    values: np.ndarray

    @classmethod
    def between(cls, unit: Unit, truth: np.ndarray, predicted: np.ndarray, sizes: np.ndarray) -> Errors:
        """Errors of forecasts of some truth (origin, step, target), which is NaN where it is not known."""
        n_targets = predicted.shape[2]
        seen = ~np.isnan(truth)
        flat = [values.reshape(-1, n_targets) for values in (np.where(seen, truth, predicted), predicted)]
        values = (unit.into(flat[0]) - unit.into(flat[1])).reshape(truth.shape)
        with np.errstate(divide="ignore"):
            values = values / np.where(values == 0, 1, sizes)
        return cls(unit, np.where(seen, np.where(np.isnan(values), np.inf, values), np.nan))

    @property
    def n_seen(self) -> np.ndarray:
        """How many errors there are at each step (step,), at least for each target."""
        return np.asarray((~np.isnan(self.values)).sum(axis=0).min(axis=1))

    def widths(self, level: float) -> np.ndarray:
        """Half-widths (step, target): the ``ceil((n + 1) * level)``-th smallest of the n absolute errors of a step.

        Infinite where there are too few.
        """
        n_seen = (~np.isnan(self.values)).sum(axis=0)
        errors = np.sort(np.nan_to_num(np.abs(self.values), nan=np.inf, posinf=np.inf), axis=0)
        errors = np.append(errors, np.full_like(self.values[:1], np.inf), axis=0)
        place = np.minimum(_rank(n_seen, level) - 1, len(errors) - 1)
        return np.asarray(np.take_along_axis(errors, place[None], axis=0)[0])

    def around(self, predicted: np.ndarray, sizes: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends (series, step, target) of the bands around forecasts, whose sizes have the same shape."""
        widths = self.widths(level)[: predicted.shape[1]] * sizes
        n_targets = predicted.shape[2]
        lower, upper = self.unit.around(predicted.reshape(-1, n_targets), widths.reshape(-1, n_targets))
        return lower.reshape(predicted.shape), upper.reshape(predicted.shape)

    def blocks(self, n_steps: int) -> np.ndarray:
        """The errors (origin, step, target) of the first steps from those origins of which all are known."""
        found = self.values[:, :n_steps]
        return found[np.isfinite(found).all(axis=(1, 2))]


def held_out_errors(
    parts: Parts, rows: Rows, steps: int, targets: Sequence[int], level: float | None
) -> tuple[Errors, np.ndarray]:
    """Errors, in the unit in which the model answers, and which of the windows (origin, step) behind them miss steps.

    Forecasts start from the last row that is remembered from ``fit`` and from each later row of X. There must be
    enough errors of all series together for bands of some level; without one, for sample paths.
    """
    begin, first, before = _held_out(parts, rows)
    n_held_out = int(np.maximum(rows.last - first + 1, 0).sum())
    if not n_held_out:
        _check_enough(np.zeros(steps, dtype=np.int64), level, n_held_out)
    sheet = on_grid(rows, np.where(first <= rows.last, begin, rows.last + 1))
    truth = sheet.values(rows.values(targets))
    origins, members = _origins(sheet, truth, before)
    at, there = next_steps(sheet, origins, members, steps)
    known = np.where(there[..., None], truth[at], np.nan)  # (origin, step, target)
    _check_enough((~np.isnan(known)).sum(axis=0).min(axis=1), level, n_held_out)
    found, sizes, missing = recurse(parts, sheet, at, targets, lambda X, _: parts.predict(X)[..., None])
    predicted = found[..., 0]
    check_outputs(targets, predicted.shape[2])
    flat = np.where(np.isnan(known), predicted, known).reshape(-1, len(targets))
    return Errors.between(Unit.of(parts.back, flat), known, predicted, sizes), missing


def check_drawn_from(n: int) -> None:
    """Refuse sample paths that repeat a few errors."""
    if n < FEWEST_ERRORS:
        raise ValueError(
            f"n_paths draws from errors on rows that were not used to fit, at least {FEWEST_ERRORS}; there are {n} at "
            "some step. Fit on fewer rows and pass the later ones in X too, or let skrnn.calibrate fit the model."
        )


def check_taken(errors: Errors, level: float, names: str) -> None:
    """Refuse a level whose bands would hold values that the unit does not take."""
    if not np.isfinite(errors.widths(level)).all():
        raise ValueError(
            f"Rows of X after those of fit hold values of {names} that the transformer of the "
            "TransformedTargetRegressor does not take, so that confidence_level cannot be reached in its unit."
        )


def _held_out(parts: Parts, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of X by series: that from which rows are read, the first that was not used to fit, the first origin.

    The first origin is the last row of ``fit``. Where X does not hold it, it is first - 1 if the first row comes right
    after it, else the first row itself. A series that ``fit`` has not seen starts where a window is complete, which
    holds rows of X alone; other windows find the rows before in the history.
    """
    history = parts.memory.history
    if rows.keys.kind == "block" or not len(history):
        raise ValueError(
            "confidence_level and n_paths need to know which rows were not used to fit, but the window step remembers "
            "no rows: "
            + ("they carry no key. Give X an index." if rows.keys.kind == "block" else 'use history="all" or "tail".')
            + " Or let skrnn.calibrate fit the model."
        )
    ends = np.append(np.flatnonzero(np.diff(history.series)), len(history) - 1)
    remembered = {history.labels[history.series[end]]: end for end in ends}
    begin, first, before = rows.first.copy(), rows.first + parts.reach, rows.first + parts.reach - 1
    for i, (start, last) in enumerate(zip(rows.first, rows.last, strict=True)):
        end = remembered.get(rows.keys.labels[rows.keys.series[start]])
        if end is None:
            continue
        place = rows.keys.place[start : last + 1]
        first[i] = start + np.searchsorted(place, history.place[end], side="right")
        in_X = first[i] > start and rows.keys.place[first[i] - 1] == history.place[end]
        follows = rows.grid is None or (first[i] <= last and rows.keys.place[first[i]] == history.place[end] + 1)
        before[i] = first[i] - 1 if in_X or follows else first[i]
        begin[i] = first[i] - 1 if in_X else first[i]
    return begin, first, before


def _origins(sheet: Sheet, truth: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the sheet from which forecasts start, and a row of the series of each."""
    observed = (sheet.order >= 0) & ~np.isnan(truth).any(axis=1)
    origins, members = [], []
    for series in np.unique(sheet.series):
        begin, end = np.searchsorted(sheet.series, [series, series + 1])
        held = begin + np.flatnonzero(sheet.order[begin:end] >= before[series])
        found = held[observed[held]]
        if sheet.order[begin] > before[series]:  # the last row of fit is not in X, but right before it
            found = np.append(begin - 1, found)
        found = found[found < end - 1]
        origins.append(found)
        members.append(np.full(len(found), begin))
    return np.concatenate(origins), np.concatenate(members)


def _rank(n: np.ndarray, level: float) -> np.ndarray:
    """Which of the n sorted errors is the half-width; larger than n if there are too few."""
    return np.ceil(np.round((n + 1) * level, 9)).astype(np.int64)


def _check_enough(n: np.ndarray, level: float | None, n_held_out: int) -> None:
    """Refuse a level for which a step has too few errors; without one, sample paths from too few."""
    if level is None:
        check_drawn_from(int(n.min()))
        return
    few = np.flatnonzero(_rank(n, level) > n)
    if not len(few):
        return
    n_needed = math.ceil(round(level / (1 - level), 9))
    step = int(few[-1]) + 1
    raise ValueError(
        f"confidence_level={level} needs {n_needed} errors at each step, for one series {n_needed + len(n) - 1} rows "
        f"of X after those of fit; step {step} has {n[few[-1]]}, from {n_held_out} rows. Fit on fewer rows and pass "
        "the later ones in X too, let skrnn.calibrate fit the model, or lower confidence_level or steps."
    )
