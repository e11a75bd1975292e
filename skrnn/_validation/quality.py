"""What is told of data that can be read, but that say little."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from skrnn._data.sequences import Sequences
from skrnn._data.units import Scale

_LOOKED_AT = 65536  # rows
_FEW_SPACINGS = 4  # between neighbouring numbers; changes that are smaller are mostly rounding


class IncompleteWindowWarning(UserWarning):
    """Some windows miss steps, since the rows before them are not known."""


def warn_of_unobserved(estimator: Any, sequences: Sequences, missing: str) -> None:
    """Warn of sequences without a step that is read, before they are answered."""
    n = int(unobserved(sequences, missing).sum())
    if n:
        warnings.warn(
            f"{n} of {len(sequences)} sequences of X hold no observed step: {type(estimator).__name__} answers them "
            "from its initial state, all alike.",
            IncompleteWindowWarning,
            stacklevel=4,
        )


def warn_of_many_unobserved(sequences: Sequences, missing: str) -> None:
    """Warn if many sequences of a fit hold no step that is read."""
    n = int(unobserved(sequences, missing).sum())
    if n > 0.1 * len(sequences):
        warnings.warn(
            f"{n} of {len(sequences)} sequences of X hold no observed step. All that is learnt from them is one answer "
            "for the initial state. Leave them out, for instance with sample_weight=0.",
            UserWarning,
            stacklevel=5,
        )


def warn_of_left_out(n: int, n_samples: int) -> None:
    """Warn of samples from which a fit does not learn, since steps are missing within them."""
    if n:
        warnings.warn(
            f"{n} of {n_samples} samples are left out of training: steps are missing within them, as around a gap of a "
            "series, in a channel that is measured from its last value. They are few, so that this does no harm, and "
            "predict answers such samples as well. Fill these steps to learn from them, too.",
            UserWarning,
            stacklevel=6,
        )


def warn_of_lost_order(found: tuple[int, bool] | None) -> None:
    """Warn of a channel that holds the values of y, but not as the past of samples in the order of time.

    ``found`` is the channel, and whether it holds them as the last step of the same samples.
    """
    if found is None:
        return
    channel, is_answer = found
    if is_answer:
        message = (
            f"The last step of channel {channel} of X is y itself: the answer is among what is read. If the rows of X "
            "are those of a series, put SlidingWindowTransformer(window_size, horizon=1) in front, so that each sample "
            "reads the rows before it; else leave this channel out."
        )
    else:
        message = (
            f"Channel {channel} of X holds the values of y, but the samples are not in the order of time, so that "
            "nothing is measured from its last value (see anchor). Keep the rows in order: split with TimeSeriesSplit, "
            "or with shuffle=False; if this is meant, set anchor=None."
        )
    warnings.warn(message, UserWarning, stacklevel=6)


def warn_of_no_scale(scaling: str | None, is_anchored: bool) -> None:
    """Warn if nothing can be scaled as it is asked for."""
    if scaling is not None and not is_anchored:
        warnings.warn(
            f"scaling={scaling!r} needs a channel of X that holds the past of y, with samples in the order of time; "
            "none was found, so that nothing is scaled (scaling_ is None). Keep the rows in order, or set "
            "scaling=None.",
            UserWarning,
            stacklevel=6,
        )


def warn_of_new_values(estimator: Any, sequences: Sequences, scale: Scale) -> None:
    """Warn of channels that were constant in fit and hold something else now."""
    for channel in np.isinf(scale.std).nonzero()[0]:
        values, constant = sequences.base[:, channel], scale.mean[channel]
        values = values[np.abs(values - constant) > 10 * np.finfo(values.dtype).eps * np.abs(constant)]
        if len(values):
            warnings.warn(
                f"Channel {channel} of X holds {values[0]:.6g}, but was constant ({constant:.6g}) or missing in the "
                f"fit of this {type(estimator).__name__}, which has learnt nothing from it: its values count for "
                "nothing. Fit on rows in which it varies.",
                UserWarning,
                stacklevel=5,
            )


def unobserved(sequences: Sequences, missing: str) -> np.ndarray:
    """Which sequences (n,) have no step that is read."""
    found = np.isnan(sequences.base[sequences.starts + sequences.n_steps - 1]).any(axis=1)
    if found.any():  # most often none: looked at closely only where the last step lacks something
        found[found] = ~sequences.take(found).observed_steps(missing).any(axis=1)
    return found


def warn_of_lost_precision(values: np.ndarray, names: str) -> None:
    """Warn of columns (n, column) that change by hardly more than the precision in which they came can tell.

    ``names`` says what a column is called, with ``{}`` for its number.
    """
    values = values[:_LOOKED_AT]
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    for i, column in enumerate(values.T):
        change = np.abs(np.diff(column))
        changes = change > 0
        if not changes.any():
            continue
        spacing = np.spacing(np.maximum(np.abs(column[1:]), np.abs(column[:-1])))[changes]
        if np.median(change[changes] / spacing) <= _FEW_SPACINGS:
            warnings.warn(
                f"{names.format(i)} changes by no more than rounding: near {np.nanmedian(column):.4g}, numbers of "
                f"{values.dtype} lie {np.median(spacing):.3g} apart, and what is smaller is lost. "
                f"{'Pass float64, or subtract' if values.dtype == np.float32 else 'Subtract'} an offset first.",
                UserWarning,
                stacklevel=5,
            )
