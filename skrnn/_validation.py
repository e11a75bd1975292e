"""Checks of what users pass in, and the one door to scikit-learn's private helpers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils import assert_all_finite, check_array, check_consistent_length
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, StrOptions
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight, _check_y, validate_data

from skrnn._lag_names import channels_in_names
from skrnn._sequences import Sequences

__all__ = [
    "Count",
    "DeviceName",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Real",
    "StrOptions",
    "check_feature_names_in",
    "check_rows",
    "check_same_outputs",
    "check_sequences",
    "check_target",
    "check_target_order",
    "check_validation_set",
    "check_weight",
    "fit_context",
    "unchanged_on_error",
    "warn_of_given_target",
    "warn_of_lost_steps",
]

_FLOATS = [np.float64, np.float32]


class Count(Interval):
    """Whole numbers from ``low`` on; True and False are none."""

    def __init__(self, low: int) -> None:
        super().__init__(Integral, low, None, closed="left")

    def is_satisfied_by(self, value: Any) -> bool:
        return not isinstance(value, bool | np.bool_) and bool(super().is_satisfied_by(value))


class DeviceName(StrOptions):
    """Names of devices: "auto", "cpu", "cuda" or "cuda:<n>"."""

    def __init__(self) -> None:
        super().__init__({"auto", "cpu", "cuda", "cuda:<n>"})

    def is_satisfied_by(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(r"auto|cpu|cuda(:\d+)?", value) is not None


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator the attributes that it had, if the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_rows(estimator: Any, X: Any, *, key_columns: Sequence[int] = (), reset: bool) -> np.ndarray:
    """The columns of a table as floats, without the key columns (positions) of a data frame.

    Returns
    -------
    values : ndarray of shape (n, n_columns)
        float32 or float64. May contain NaN.
    """
    _refuse_unsuited(estimator, X, key_columns)
    if not key_columns:
        return _check_table(estimator, X, reset=reset)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    kept = [i for i in range(X.shape[1]) if i not in key_columns]
    return np.asarray(
        check_array(X.iloc[:, kept], dtype=_FLOATS, ensure_all_finite="allow-nan", estimator=estimator, input_name="X")
    )


def check_sequences(estimator: Any, X: Any, *, n_channels: int | str, reset: bool) -> Sequences:
    """Sequences from an array of windows or from a table whose rows are unrolled windows.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and ``feature_names_in_`` if ``reset``, and is compared with them otherwise.
    X : array-like of shape (n, n_steps, n_channels) or (n, n_steps * n_channels)
        The input.
    n_channels : int or "auto"
        How a row of a table is cut into steps.
    reset : bool
        Whether X is the input of a first fit.
    """
    _refuse_unsuited(estimator, X)
    n_dim = X.ndim if hasattr(X, "ndim") else _as_array(X).ndim
    _check_dimensions(estimator, n_dim, reset)
    if n_dim == 3:
        return _check_windows(estimator, _as_array(X), reset)
    if n_dim > 3:
        raise ValueError(
            f"Found array with dim {n_dim}. {type(estimator).__name__} accepts windows of shape (n_samples, n_steps, "
            "n_channels), or a table of shape (n_samples, n_steps * n_channels)."
        )
    table = _check_table(estimator, X, reset=reset)
    if n_channels == "auto":
        n_channels = channels_in_names(getattr(estimator, "feature_names_in_", None))
        if reset and n_channels == 1:
            _warn_of_raw_table(X)
    assert isinstance(n_channels, int)
    if table.shape[1] % n_channels:
        raise ValueError(
            f"X has {table.shape[1]} features, which is not a multiple of n_channels={n_channels}: each row of a table "
            f"is one unrolled window, n_steps * n_channels wide."
        )
    return Sequences.of(table.reshape(len(table), -1, n_channels))


def check_target(estimator: Any, y: Any, n_samples: int) -> np.ndarray:
    """Targets of a regressor as float64, of shape (n,) or (n, k)."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    n_dim = np.asarray(y).ndim
    if n_dim > 2:
        raise ValueError(f"Found y with dim {n_dim}; expected shape (n_samples,) or (n_samples, n_outputs).")
    y = np.asarray(_check_y(y, multi_output=True, y_numeric=True, estimator=estimator), dtype=np.float64)
    check_consistent_length(np.empty(n_samples), y)
    return y


def check_weight(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Sample weights as float64; ones if there are none."""
    samples = np.empty((n_samples, 1))
    weight = _check_sample_weight(sample_weight, samples, dtype=np.float64, ensure_non_negative=True)
    if not np.any(weight):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return np.asarray(weight)


def check_validation_set(estimator: Any, X_val: Any, y_val: Any) -> bool:
    """Whether a validation set was passed."""
    if X_val is None and y_val is None:
        return False
    if y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    if X_val is None:
        raise ValueError("y_val is provided, but X_val was not provided.")
    if not estimator.early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping is False. When passing X_val and "
            "y_val to fit, set early_stopping=True."
        )
    return True


def check_same_outputs(y_val: np.ndarray, y: np.ndarray) -> None:
    """The targets (n, target) of the validation set are as many as those of the training set."""
    if y_val.shape[1] != y.shape[1]:
        raise ValueError(f"y_val has {y_val.shape[1]} outputs, but y has {y.shape[1]}.")


def warn_of_lost_steps(sequences: Sequences, weight: np.ndarray) -> None:
    """Warn if many steps are skipped only because some of their channels are NaN."""
    n_seen, n_lost, n_missing = 0.0, 0.0, np.zeros(sequences.n_channels)
    for values, uses in sequences.steps(weight):
        missing = np.isnan(values)
        seen = ~missing.all(axis=1)
        lost = seen & missing.any(axis=1)
        n_seen += uses[seen].sum()
        n_lost += uses[lost].sum()
        n_missing += uses[lost] @ missing[lost]
    if n_lost > 0.1 * n_seen:
        worst = int(np.argmax(n_missing))
        share, of_worst = n_lost / n_seen, n_missing[worst] / n_seen
        warnings.warn(
            f"{share:.0%} of the observed steps of X are skipped since they contain NaN in some channels, most of all "
            f"channel {worst} (NaN in {of_worst:.0%} of them). Fill that channel, or leave it out.",
            UserWarning,
            stacklevel=5,
        )


def check_target_order(X: Any, y: Any) -> None:
    """Refuse a target whose index holds the labels of X in another order."""
    index, other = getattr(X, "index", None), getattr(y, "index", None)
    if index is None or other is None or not hasattr(index, "equals"):
        return
    if not hasattr(other, "equals") or len(index) != len(other) or index.equals(other):
        return
    try:
        same_labels = index.sort_values().equals(other.sort_values())
    except TypeError:  # labels that cannot be sorted
        return
    if same_labels:
        raise ValueError(
            "The index of y holds the labels of X in another order. Rows are paired by position: pass y.loc[X.index]."
        )


def warn_of_given_target(values: np.ndarray, y: Any, names: np.ndarray) -> None:
    """Warn of a channel that is the target itself in some unit."""
    target = np.asarray(y)
    if target.dtype.kind not in "iuf" or len(target) != len(values) or len(target) < 3:
        return
    target = target.reshape(len(target), -1).astype(np.float64)
    for name, channel in zip(names, values.T, strict=True):
        both = ~np.isnan(channel)[:, None] & ~np.isnan(target)
        for column, seen in zip(target.T, both.T, strict=True):
            if seen.sum() > 2 and _is_affine(channel[seen].astype(np.float64), column[seen]):
                warnings.warn(
                    f"Column {name!r} of X is the target itself, up to its unit, and the model is shown its value at "
                    "the very moment it is to predict. Forecast with horizon >= 1, without it in future_columns.",
                    UserWarning,
                    stacklevel=5,
                )
                return


def _check_dimensions(estimator: Any, n_dim: int, reset: bool) -> None:
    """Windows stay windows and tables stay tables after a fit."""
    if reset:
        estimator._n_dim = n_dim
    elif n_dim in (2, 3) and n_dim != estimator._n_dim:
        kinds = {2: "a table of shape (n_samples, n_features)", 3: "windows of shape (n_samples, n_steps, n_channels)"}
        raise ValueError(
            f"{type(estimator).__name__} was fitted with {kinds[estimator._n_dim]}, but got {kinds[n_dim]}. X_val must "
            'be like X; in a pipeline, Pipeline(..., transform_input=["X_val"]) makes it so.'
        )


def _warn_of_raw_table(X: Any) -> None:
    """Warn of a data frame whose rows look like moments, not like unrolled sequences."""
    if type(getattr(X, "index", None)).__name__ in ("DatetimeIndex", "PeriodIndex") and X.shape[1] > 1:
        warnings.warn(
            f"Each row of X is read as a sequence of {X.shape[1]} steps, though its index holds times. If the rows are "
            "those of a time series, put a SlidingWindowTransformer in front; n_channels=1 says that they are "
            "sequences.",
            UserWarning,
            stacklevel=6,
        )


def _check_table(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    try:
        return np.asarray(validate_data(estimator, X, reset=reset, dtype=_FLOATS, ensure_all_finite="allow-nan"))
    except ValueError as error:
        if "could not convert string" not in str(error) or not hasattr(X, "iloc"):
            raise
        text = next(i for i in range(X.shape[1]) if X.iloc[:, i].dtype.kind not in "iufb")
        raise ValueError(
            f"{error} Column {X.columns[text]!r} of X has dtype {X.dtypes.iloc[text]}. Drop it or encode it; turn "
            "times into an index with pandas.to_datetime."
        ) from None


def _check_windows(estimator: Any, X: np.ndarray, reset: bool) -> Sequences:
    """Sequences from a 3-D array, checked on the rows that its windows share."""
    name = type(estimator).__name__
    if 0 in X.shape:
        raise ValueError(
            f"Found array with 0 sample(s), step(s) or channel(s) (shape={X.shape}) while a minimum of 1 is required "
            f"by {name}."
        )
    if X.dtype.kind not in "fiubO":
        check_array(X.reshape(len(X), -1), estimator=estimator, input_name="X")
    sequences = Sequences.of(X)
    base = sequences.base
    if base.dtype not in _FLOATS:
        base = check_array(base, dtype=_FLOATS, ensure_all_finite=False, ensure_min_samples=0, estimator=estimator)
    assert_all_finite(base, allow_nan=True, estimator_name=name, input_name="X")
    validate_data(estimator, np.empty((1, X.shape[2])), reset=reset, skip_check_array=True)
    return sequences.with_base(base)


def _as_array(X: Any) -> np.ndarray:
    try:
        return np.asarray(X)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            "X contains sequences of different lengths. Pad the shorter ones with NaN steps in front, which are "
            "skipped, to one array of shape (n_samples, n_steps, n_channels)."
        ) from None


def _refuse_unsuited(estimator: Any, X: Any, key_columns: Sequence[int] = ()) -> None:
    """Refuse what scikit-learn would take for numbers though it is none, or would reject without a way out."""
    name = type(estimator).__name__
    if X is None:
        raise ValueError(f"X is None; {name} needs an array of shape (n_samples, n_features).")
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(f"X is a masked array with masked entries. Pass X.filled(np.nan): {name} skips NaN steps.")
    if isinstance(X, dict | Iterator) and not hasattr(X, "toarray"):
        raise TypeError(f"{name} expects X to be an array or a data frame, got {type(X).__name__}.")
    if hasattr(X, "collect") and hasattr(X, "collect_schema"):
        raise TypeError(f"{name} expects X to be a data frame in memory, got a lazy one. Call X.collect() first.")
    if getattr(X, "requires_grad", False):
        raise TypeError(f"X is a tensor that requires grad. Pass X.detach().cpu().numpy() to {name}.")
    if getattr(getattr(X, "dtype", None), "kind", "") in ("m", "M"):
        raise TypeError(f"X has dtype {X.dtype}, which is no number for {name}. Turn times into features.")
    columns = zip(X.columns, X.dtypes, strict=True) if hasattr(X, "columns") and hasattr(X, "dtypes") else ()
    for i, (column, dtype) in enumerate(columns):
        kind = str(dtype).lower()
        if i not in key_columns and kind.startswith(("datetime", "timedelta", "duration", "period", "date")):
            raise TypeError(
                f"Column {column!r} of X has dtype {dtype}, which is no number for {name}. Drop it, turn it into "
                "features (hour, weekday, ...), or make it the index"
                f"{' or the time_column' if hasattr(estimator, 'time_column') else ''}."
            )


def _is_affine(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two columns differ only by an offset and a factor."""
    first, second = first - first.mean(), second - second.mean()
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return bool(norms > 0 and 1 - abs(first @ second) / norms < 1e-12)
