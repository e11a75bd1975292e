"""What a call tells of rows that changed, of stale windows and of windows that miss steps."""

from __future__ import annotations

import warnings

import numpy as np

from skrnn._validation import IncompleteWindowWarning
from skrnn._windows.keys import Keys
from skrnn._windows.lookup import Lookup
from skrnn._windows.memory import WindowMemory
from skrnn._windows.table import Columns

_GRID_HELP = (
    " Steps of the time grid that hold no rows, as at night, on Sundays or on holidays, count too: freq=None takes the "
    "rows in order, so that the next row is the next step."
)


def report(found: Lookup, keys: Keys, horizon: int, incomplete: str) -> None:
    """Tell of changed rows, of stale windows and of windows that miss steps."""
    if found.contradicted:
        labels = ", ".join(str(label) for label in found.contradicted[:3] if label != ())
        warnings.warn(
            f"Most rows of X that share a key with the training rows hold other values{labels and f' ({labels})'}: "
            "taken for another series, whose remembered history is ignored. Tell series apart with group_column or a "
            "MultiIndex.",
            UserWarning,
            stacklevel=4,
        )
    if found.n_changed:
        warnings.warn(
            f"{found.n_changed} rows of X share a key with a training row but hold other values; those of X are used. "
            "Rows to be forecast need keys after those of the training rows.",
            UserWarning,
            stacklevel=4,
        )
    if incomplete == "ignore":
        return
    no_key = (
        "the rows carry no key, so X is taken for one block of consecutive rows. Pass a data frame whose index is the "
        'time (pipeline.set_output(transform="pandas") keeps it through the steps in front), or name a time_column'
    )
    stale = np.flatnonzero(found.stale)
    if len(stale) and horizon:
        rows = "row" if horizon == 1 else f"{horizon} rows"
        raise ValueError(
            f"The windows of {len(stale)} rows ({keys.describe(stale)}) end after the last row that is known: "
            + (
                f"{no_key}."
                if keys.kind == "block"
                else f"with horizon={horizon} only the next {rows} can be predicted."
            )
            + _GRID_HELP * found.on_grid
            + " To forecast further ahead, use skrnn.forecast, pass the rows observed since in the same call, or use a "
            'longer horizon. incomplete="ignore" takes what is there.'
        )
    incomplete_rows = (found.n_missing > 0) | found.stale
    if incomplete_rows.any():
        why = no_key if keys.kind == "block" else _why(found, incomplete_rows)
        _warn_or_raise(f"{int(incomplete_rows.sum())} of {len(incomplete_rows)} windows miss steps: {why}.", incomplete)


def _why(found: Lookup, incomplete_rows: np.ndarray) -> str:
    """Why windows of rows with a key miss steps."""
    n_unseen, n_cut = (int(np.sum(incomplete_rows & some)) for some in (found.unseen, found.cut))
    return (
        "the rows before are neither in X nor remembered from fit"
        + f" ({n_unseen} of them belong to series that fit has not seen)" * (n_unseen > 0)
        + f", or lie before a gap longer than max_gap ({n_cut} of them)" * (n_cut > 0)
    )


def report_unfilled(values: np.ndarray, columns: Columns, incomplete: str) -> None:
    """Tell of rows to be forecast (n, channel) that lack what is known in advance."""
    missing, future = np.isnan(values), columns.future
    to_forecast = missing[:, ~columns.given].all(axis=1)
    lacking = missing[:, future] & to_forecast[:, None]
    if future.all() or incomplete == "ignore" or not lacking.any():
        return
    names = ", ".join(map(str, columns.channel_names[future][lacking.any(axis=0)]))
    _warn_or_raise(
        f"{int(lacking.any(axis=1).sum())} rows to be forecast hold NaN in columns that are known in advance "
        f"({names}), so that their newest steps are skipped. Fill them.",
        incomplete,
    )


def report_never_filled(found: Lookup, keys: Keys, memory: WindowMemory, incomplete: str) -> None:
    """Warn of a fit in which more than half of the windows miss steps.

    A fit raises no error, whatever ``incomplete`` says, since its first windows always miss steps.
    """
    lacking = found.n_missing > 0
    n_incomplete, n_cut = int(lacking.sum()), int(found.cut.sum())
    if incomplete == "ignore" or 2 * n_incomplete <= len(keys):
        return
    longest = int(np.bincount(keys.series).max())
    n_first = int(np.sum(lacking & _at_the_start(keys, memory)))
    smaller = "Choose a smaller window_size, or"
    if 2 * n_cut > n_incomplete:
        why = f"{n_cut} of them start anew after a gap longer than max_gap. {smaller} a longer max_gap."
    elif longest < memory.window_size + min(memory.horizon, 1):
        why = (
            f"no series is long enough for window_size={memory.window_size} (the longest has {longest} rows). "
            f"{smaller} fit on longer series."
        )
    elif 2 * n_first > n_incomplete:
        why = (
            f"{n_first} of them stand at the start of a series, before which there are no rows; the series are short "
            f"for window_size={memory.window_size}. {smaller} fit on longer series."
        )
    else:
        why = (
            f"rows within them are absent from the time grid (freq_={memory.axis.freq!r}; freq=None takes the rows "
            "before in order), such as those that a random split put aside (TimeSeriesSplit puts aside later rows "
            f"only). {smaller} fill these rows."
        )
    warnings.warn(
        f"{n_incomplete} of {len(keys)} windows of fit miss steps: {why}", IncompleteWindowWarning, stacklevel=6
    )


def _at_the_start(keys: Keys, memory: WindowMemory) -> np.ndarray:
    """Which windows (n,) reach before the first row of their series."""
    if memory.axis.grid is None:
        return np.ones(len(keys), dtype=bool)  # no others miss steps, unless a gap cuts them
    place = memory.placed(keys).place
    first = np.full(int(keys.series.max()) + 1, place.max())
    np.minimum.at(first, keys.series, place)
    return np.asarray(place - first[keys.series] < memory.reach)


def report_forecast(missing: np.ndarray, memory: WindowMemory, incomplete: str) -> None:
    """Tell of windows that a forecast reads and that miss steps of the past, as ``missing`` says of each."""
    n_incomplete = int(missing.sum())
    if incomplete == "ignore" or not n_incomplete:
        return
    remembered = "" if memory.axis.kind == "block" else ", and are not remembered from fit"
    remembered += "" if memory.max_gap is None else ", or lie before a gap longer than max_gap"
    _warn_or_raise(
        f"{n_incomplete} of {missing.size} windows of the forecast miss steps: rows before it are not in "
        f"X{remembered}. Pass the last {memory.reach} rows of each series.",
        incomplete,
    )


def _warn_or_raise(message: str, incomplete: str) -> None:
    if incomplete == "error":
        raise ValueError(message)
    warnings.warn(message, IncompleteWindowWarning, stacklevel=5)
