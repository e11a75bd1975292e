"""Forecasts from origins that roll over the last rows, each by a clone that was fitted on rows up to it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skrnn._forecast.distribution import Distribution, may_tell_spread
from skrnn._forecast.origins import Examples, Origins, Plan
from skrnn._forecast.parts import Parts, fit_up_to_window, take_apart
from skrnn._forecast.recursion import recurse
from skrnn._forecast.told import Told, listen, tell
from skrnn._forecast.units import Unit
from skrnn._windows.memory import WindowMemory
from skrnn._windows.store import History


@dataclass(frozen=True)
class Rolled:
    """Forecasts from n origins: arrays (n, step, output) unless said otherwise."""

    truth: np.ndarray  # NaN where it is not known
    predicted: np.ndarray
    persistence: np.ndarray
    seasonal: np.ndarray  # NaN without a season
    sizes: np.ndarray  # what the model scales its answers with at the origin
    quantiles: np.ndarray  # (n, step, output, level), those that the model tells
    scale: np.ndarray  # (n, output), mean absolute error of the naive forecast on the rows of the fit
    missing: np.ndarray  # (n, step) whether a window misses steps
    there: np.ndarray  # (n, step) whether X holds the row
    when: np.ndarray  # (n,) the time of the origin as a number
    known_at: np.ndarray  # (n, step) the time of the row as a number
    group: np.ndarray  # (n,) which fit
    units: tuple[Unit, ...]  # of each fit
    origin: Any  # pandas index of the n origins
    time: Any  # pandas index of the n * step rows
    levels: tuple[float, ...]
    names: list[Any]
    memory: WindowMemory  # without rows

    @classmethod
    def joined(cls, found: Sequence[Rolled]) -> Rolled:
        """Those of all fits, one after another."""
        parts = [replace(each, group=np.full(len(each.when), i)) for i, each in enumerate(found)]
        whole: dict[str, Any] = {"units": tuple(unit for each in found for unit in each.units)}
        for name in (field.name for field in fields(cls)):
            first, *others = (getattr(each, name) for each in parts)
            if isinstance(first, np.ndarray):
                whole[name] = np.concatenate([first, *others])
            elif name in ("origin", "time"):
                whole[name] = first.append(others)
        return replace(found[0], **whole)


Fit = tuple[Rolled, list[Told]]


def roll(model: Any, examples: Examples, plan: Plan, caller: str, check: Callable[[Rolled], None]) -> Rolled:
    """Fit clones and forecast from all origins.

    ``check`` refuses what cannot be evaluated. It is asked before the first fit too, with the naive forecast in place
    of that of the model, so that what does not depend on the answers of the model costs no fit.
    """
    groups = plan.origins(examples.keys.time)
    rehearsed = _rehearse(model, examples, np.concatenate(groups), plan, caller)
    if rehearsed is not None:
        _check(rehearsed, check)
    parallel = Parallel(n_jobs=plan.n_jobs, return_as="generator")
    found = parallel(
        delayed(listen)(_fit_and_forecast, clone(model), examples, group, plan, caller) for group in groups
    )
    fits = list(_counted(found, groups, plan.verbose, caller))
    rows = [f"the rows up to {examples.in_words(group[0])}" for group in groups]
    tell([told for _, told in fits], rows, caller, stacklevel=5)
    rolled = Rolled.joined([each for each, _ in fits])
    _check(rolled, check)
    return rolled


def _check(rolled: Rolled, check: Callable[[Rolled], None]) -> None:
    if not len(rolled.when):
        raise ValueError("At none of the origins, y is known and a later row of the same series follows.")
    check(rolled)


def _counted(found: Iterable[Fit], groups: list[np.ndarray], verbose: bool, label: str) -> Iterator[Fit]:
    """The same, with a bar on standard error that counts origins if asked for."""
    if not verbose:
        yield from found
        return
    from tqdm import tqdm

    with tqdm(total=sum(map(len, groups)), desc=label, unit="origin") as bar:
        for group, each in zip(groups, found, strict=True):
            bar.update(len(group))
            yield each


def _rehearse(model: Any, examples: Examples, times: np.ndarray, plan: Plan, caller: str) -> Rolled | None:
    """The same with the naive forecast in place of the model; None if the window step cannot be found before a fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fits tell them again
        parts = fit_up_to_window(model, *examples.until(times[0]), caller)
        if parts is None:
            return None
        origins = Origins.of(parts, examples, times, plan)
        missing = np.zeros(origins.at.shape, dtype=bool)
        if parts.window.incomplete == "error" and len(origins.at):
            missing = parts.look_up(origins.sheet.given()).n_missing[origins.at] > 0
    levels = (0.5,) if plan.spread and may_tell_spread(parts.back) else ()
    found = np.repeat(origins.persistence[..., None], 1 + len(levels), axis=-1)
    return _compare(parts, origins, found, np.ones(origins.truth.shape), missing, levels)


def _fit_and_forecast(model: Any, examples: Examples, times: np.ndarray, plan: Plan, caller: str) -> Rolled:
    """Fit on the rows up to the first of some times, and forecast from all of them."""
    parts = take_apart(model.fit(*examples.until(times[0])), caller)
    origins = Origins.of(parts, examples, times, plan)
    return _compare(parts, origins, *_forecasts(parts, origins, plan.spread))


def _compare(
    parts: Parts,
    origins: Origins,
    found: np.ndarray,
    sizes: np.ndarray,
    missing: np.ndarray,
    levels: tuple[float, ...],
) -> Rolled:
    """Forecasts, as ``_forecasts`` gives them, beside the truth and the naive ones."""
    truth, predicted = origins.truth, found[..., 0]
    if predicted.shape[2] != truth.shape[2]:
        raise ValueError(f"The model predicts {predicted.shape[2]} outputs, but y has {truth.shape[2]}.")
    flat = np.where(np.isnan(truth), predicted, truth).reshape(-1, truth.shape[2])
    return Rolled(
        truth=truth,
        predicted=predicted,
        persistence=origins.persistence,
        seasonal=origins.seasonal,
        sizes=sizes,
        quantiles=found[..., 1:],
        scale=origins.scale,
        missing=missing & origins.there,
        there=origins.there,
        when=origins.when,
        known_at=origins.known_at,
        group=np.zeros(len(truth), dtype=np.int64),
        units=(Unit.of(parts.back, flat) if len(flat) else Unit(()),),
        origin=origins.sheet.index[origins.rows],
        time=origins.sheet.index[origins.at.ravel()],
        levels=levels,
        names=origins.names,
        memory=replace(parts.memory, history=History.empty(0)),
    )


def _forecasts(
    parts: Parts, origins: Origins, spread: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, ...]]:
    """Answers and quantiles (origin, step, output, 1 + level), sizes, which windows miss steps, and the levels."""
    distribution = Distribution.of(parts) if spread else None
    levels = () if distribution is None else distribution.levels
    at = origins.at
    if not len(at):
        nothing = np.empty((*origins.truth.shape, 1 + len(levels)))
        return nothing, nothing[..., 0], np.zeros(at.shape, dtype=bool), levels

    def read(X: Any, _: int) -> np.ndarray:
        answers = parts.predict(X)[..., None]
        return answers if distribution is None else np.concatenate([answers, distribution.quantiles(X)], axis=-1)

    return *recurse(parts, origins.sheet, at, origins.targets, read), levels
