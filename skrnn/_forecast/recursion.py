"""The recursion: predictions become the rows that the next windows read, from any number of origins at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skrnn._forecast.distribution import is_scaled, sizes_of_windows
from skrnn._forecast.parts import Parts, handed
from skrnn._forecast.sheet import Sheet
from skrnn._windows.lookup import Lookup

_VALUES_AT_ONCE = 4_000_000  # of the windows that are copied
# From windows of (origin * step) rows, as the back reads them, and the count of steps: (origin * step, output, reading)
Read = Callable[[Any, int], np.ndarray]


def at_a_time(horizon: int, steps: int) -> int:
    """How many steps of a forecast are predicted at once: they do not read each other."""
    return min(horizon, steps) or steps


def recurse(
    parts: Parts, sheet: Sheet, at: np.ndarray, targets: Sequence[int] | None, read: Read
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecast the steps after some origins, and tell the sizes in which the model measures the series there.

    These are the sizes of the windows of the first step, which hold no predictions.

    Returns
    -------
    found : ndarray of shape (n_origins, steps, n_outputs, n_readings)
        What is read.
    sizes : ndarray of shape (n_origins, steps, n_outputs)
        The sizes, see ``scaling`` of the regressor; 1 if it has none.
    missing : ndarray of shape (n_origins, steps)
        Whether the window of a step misses steps from before its origin.
    """

    def read_all(X: Any, n_steps: int) -> np.ndarray:
        found, sizes = read(X, n_steps), sizes_of_windows(parts, X)
        return found if sizes is None else np.concatenate([found, sizes[..., None]], axis=-1)

    found, missing = recurse_reading(parts, sheet, at, targets, read_all)
    if not is_scaled(parts):
        return found, np.ones(found.shape[:3]), missing
    return found[..., :-1], np.broadcast_to(found[:, :1, :, -1], found.shape[:3]), missing


def recurse_reading(
    parts: Parts, sheet: Sheet, at: np.ndarray, targets: Sequence[int] | None, read: Read
) -> tuple[np.ndarray, np.ndarray]:
    """Forecast the steps after some origins.

    The window of step a ends ``horizon`` steps before it. Its newest ``a - horizon`` steps lie after the origin: in
    the channels that are observed they hold predicted rows, which are the rows of the sheet with the
    predictions in the target columns.

    Parameters
    ----------
    parts : Parts
        The model.
    sheet : Sheet
        Rows before and after the origins. What their target columns hold after an origin is never used.
    at : ndarray of shape (n_origins, steps)
        For each origin, the rows of the sheet that are its next steps.
    targets : sequence of int or None
        Positions of the target columns; only needed if steps > horizon.
    read : callable
        What is read of windows. Later steps read the first reading of each answer.

    Returns
    -------
    found : ndarray of shape (n_origins, steps, n_outputs, n_readings)
        What is read.
    missing : ndarray of shape (n_origins, steps)
        Whether the window of a step misses steps from before its origin.
    """
    found = parts.look_up(sheet.given())
    windows, n_seen = found.windows, None
    if parts.memory.max_gap is not None and at.shape[1] > parts.horizon > 0:
        windows = parts.look_up(sheet.given(), across_gaps=True).windows
        n_seen = _n_seen(found, at, parts.horizon)
    example = parts.example(sheet.given(sheet.frame.iloc[:1]))
    n_values = at_a_time(parts.horizon, at.shape[1]) * int(np.prod(windows.shape[1:]))
    n_origins = max(_VALUES_AT_ONCE // n_values, 1)
    done = [
        _recurse(
            parts,
            sheet,
            windows,
            example,
            at[first : first + n_origins],
            None if n_seen is None else n_seen[first : first + n_origins],
            targets,
            read,
        )
        for first in range(0, len(at), n_origins)
    ]
    return np.concatenate(done), found.n_missing[at] > 0


def _recurse(
    parts: Parts,
    sheet: Sheet,
    windows: np.ndarray,
    example: Any,
    at: np.ndarray,
    n_seen: np.ndarray | None,
    targets: Sequence[int] | None,
    read: Read,
) -> np.ndarray:
    """``horizon`` steps at a time: they do not read each other. The newest ``n_seen`` steps of each window are read."""
    n, steps = at.shape
    n_fed = steps - parts.horizon if parts.horizon else 0  # steps whose predictions are read by later ones
    past = np.flatnonzero(parts.memory.observed)
    fed = np.empty((n, max(n_fed, 0), len(past)), dtype=windows.dtype)
    predicted = []
    width = at_a_time(parts.horizon, steps)
    for first in range(0, steps, width):
        stop = min(first + width, steps)
        shown = np.stack(
            [
                _after_origin(windows[at[:, i]], fed[:, : max(i + 1 - parts.horizon, 0)], past)
                for i in range(first, stop)
            ],
            axis=1,
        )  # (origin, step of the forecast, step of the window, channel)
        if n_seen is not None:
            shown = _behind_gaps(shown, n_seen[:, first:stop], parts)
        rows = at[:, first:stop].ravel()
        X = handed(shown.reshape(-1, *windows.shape[1:]), example, sheet.index.take(rows))
        answers = read(X, stop - first)  # (origin * step of the forecast, output, reading)
        predicted.append(answers.reshape(n, stop - first, *answers.shape[1:]))
        if first < n_fed:
            assert targets is not None
            check_outputs(targets, answers.shape[1])
            answered = predicted[-1][:, : n_fed - first, :, 0]
            next_rows = _with_answers(sheet, at[:, first : min(stop, n_fed)].ravel(), answered, targets)
            fed[:, first:stop] = parts.channels(next_rows)[:, past].reshape(n, -1, len(past))
    return np.concatenate(predicted, axis=1)


def _n_seen(found: Lookup, at: np.ndarray, horizon: int) -> np.ndarray:
    """How many of the newest steps the window of each step of a forecast sees (n_origins, steps).

    On a grid no gap lies between the origin and the steps that are predicted, whether or not the sheet holds them.
    """
    if not found.on_grid:
        return found.n_seen[at]
    n_fed = np.arange(1, at.shape[1] + 1) - horizon
    last = np.where(n_fed > 0, at[:, horizon - 1, None], at)  # the window of step ``horizon`` ends at the origin
    return np.asarray(found.n_seen[last] + np.maximum(n_fed, 0))


def _behind_gaps(windows: np.ndarray, n_seen: np.ndarray, parts: Parts) -> np.ndarray:
    """Windows (..., step, channel) without the steps before a gap; the newest ``n_seen`` (...) lie behind it."""
    ages, known = np.arange(windows.shape[-2])[::-1], parts.known
    age_of_row = ages[:, None] + np.where(known, 0, parts.horizon)  # (step, channel)
    return np.where(age_of_row < n_seen[..., None, None] + parts.horizon, windows, np.nan).astype(windows.dtype)


def check_outputs(targets: Sequence[int], n_outputs: int) -> None:
    """Refuse targets that are not one for each output."""
    if len(targets) != n_outputs:
        raise ValueError(
            f"The model predicts {n_outputs} outputs, but {len(targets)} columns of X are taken for their past values. "
            "Name one for each output with target. A model on horizon_targets answers several steps at once and needs "
            "no recursion: its forecast is steps=1."
        )


def _after_origin(windows: np.ndarray, fed: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Windows (n, step, channel) whose newest steps are predicted rows (n, step, past channel)."""
    n_steps = min(fed.shape[1], windows.shape[1])
    if not n_steps:
        return windows
    windows = windows.copy()
    windows[:, -n_steps:, past] = fed[:, -n_steps:]
    return windows


def _with_answers(sheet: Sheet, rows: np.ndarray, answers: np.ndarray, targets: Sequence[int]) -> Any:
    """Rows of the sheet that hold the answers (n, step, output) in the target columns."""
    import pandas as pd

    frame = sheet.frame.iloc[rows]
    for column, values in zip(targets, answers.reshape(len(rows), -1).T, strict=True):
        dtype = sheet.frame.dtypes.iloc[column]
        frame.isetitem(column, pd.array(values, dtype=dtype) if dtype.kind == "f" else values)
    return sheet.given(frame)
