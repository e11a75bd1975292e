"""Checks of X: tables of rows, sequences, and single steps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import validate_data

from skrnn._data.lag_names import channels_in_names
from skrnn._data.sequences import Sequences
from skrnn._validation.numbers import numbers_of_objects, read_array, read_numbers, refuse_container

_FLOATS = [np.float64, np.float32]


def check_rows(estimator: Any, X: Any, *, key_columns: Sequence[int] = (), reset: bool) -> np.ndarray:
    """The columns of a table as float32 or float64, NaN among them, without the key columns (positions) of a frame."""
    _refuse_unsuited(estimator, X, key_columns)
    if not key_columns:
        return _check_table(estimator, X, reset=reset)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    kept = [i for i in range(X.shape[1]) if i not in key_columns]
    X = _with_numbers(X.iloc[:, kept])
    return np.asarray(check_array(X, dtype=_FLOATS, ensure_all_finite="allow-nan", estimator=estimator, input_name="X"))


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
    n_dim = X.ndim if hasattr(X, "ndim") else _as_array(X, type(estimator).__name__).ndim
    _check_dimensions(estimator, n_dim, reset)
    if n_dim == 3:
        return _check_windows(estimator, _as_array(X, type(estimator).__name__), reset)
    if n_dim > 3:
        raise ValueError(
            f"Found array with dim {n_dim}. {type(estimator).__name__} accepts windows of shape (n_samples, n_steps, "
            "n_channels), or a table of shape (n_samples, n_steps * n_channels)."
        )
    table = _check_table(estimator, X, reset=reset)
    if n_channels == "auto":
        named = channels_in_names(getattr(estimator, "feature_names_in_", None))
        if reset and named is None:
            _warn_of_raw_table(X)
        n_channels = named or 1
    assert isinstance(n_channels, int)
    if table.shape[1] % n_channels:
        raise ValueError(
            f"X has {table.shape[1]} features, which is not a multiple of n_channels={n_channels}: each row of a table "
            f"is one unrolled window, n_steps * n_channels wide."
        )
    return Sequences.of(table.reshape(len(table), -1, n_channels))


def check_segments(sequences: Sequences, segment_size: int | str) -> None:
    """The steps of sequences make whole segments, if it is said of which size."""
    if segment_size != "auto" and sequences.n_steps % int(segment_size):
        raise ValueError(
            f"X has {sequences.n_steps} steps, which is not a multiple of segment_size={segment_size}: the network "
            "reads whole segments. Choose a segment_size that divides the number of steps, or another window."
        )


def check_step(estimator: Any, X: Any, n_channels: int) -> np.ndarray:
    """The newest step of each sequence, as floats (n, n_channels)."""
    usual = type(X) is np.ndarray and X.dtype in _FLOATS and X.shape[1:] == (n_channels,) and len(X) > 0
    if usual and not np.isinf(X).any():  # what the checks below would find out, in a tenth of their time
        return X
    _refuse_unsuited(estimator, X)
    values = check_array(
        _with_numbers(X), dtype=_FLOATS, ensure_all_finite="allow-nan", estimator=estimator, input_name="X"
    )
    if values.shape[1] != n_channels:
        raise ValueError(
            f"X has {values.shape[1]} features, but {type(estimator).__name__}.predict_step is expecting {n_channels} "
            "features as input: one step of each sequence, of shape (n_samples, n_channels)."
        )
    return np.asarray(values)


def check_states(
    state: Any, n_sequences: int, shapes: Sequence[tuple[int, int]], *, allow_nan: bool
) -> tuple[np.ndarray, ...] | None:
    """The state that came in, if it is one that ``predict_step`` gives: an array for each of ``shapes``.

    These are the first and last axis; the middle one are the sequences. NaN is allowed where the arrays hold steps.
    """
    if state is None:
        return None
    wanted = [(first, n_sequences, last) for first, last in shapes]
    if type(state) is tuple and _are_usual(state, wanted, allow_nan):  # as for a step
        return state
    told = ", ".join(map(str, wanted))
    if not isinstance(state, tuple | list) or len(state) != len(wanted):
        got = f"{type(state).__name__} of {len(state)}" if isinstance(state, tuple | list) else type(state).__name__
        raise ValueError(f"state must be what predict_step returned, arrays of shape {told}, or None; got {got}.")
    arrays = tuple(read_numbers(array, "state", "predict_step") for array in state)
    for array, shape in zip(arrays, wanted, strict=True):
        if array.shape != shape:
            raise ValueError(
                f"state must hold arrays of shape {told}, as many sequences as X; got shape {array.shape}."
            )
        assert_all_finite(array, allow_nan=allow_nan, input_name="state")
    return arrays


def _are_usual(state: tuple[Any, ...], wanted: list[tuple[int, int, int]], allow_nan: bool) -> bool:
    """Whether a state holds arrays of floats of the wanted shapes that nothing is to be said of."""
    usual = len(state) == len(wanted) and all(
        type(array) is np.ndarray and array.dtype in _FLOATS and array.shape == shape
        for array, shape in zip(state, wanted, strict=True)
    )
    return usual and not any(np.isinf(array).any() if allow_nan else not np.isfinite(array).all() for array in state)


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
            stacklevel=6,
        )


def _check_dimensions(estimator: Any, n_dim: int, reset: bool) -> None:
    """Windows stay windows and tables stay tables after a fit."""
    if reset:
        estimator._n_dim = n_dim
    elif n_dim in (2, 3) and n_dim != estimator._n_dim:
        kinds = {2: "a table of shape (n_samples, n_features)", 3: "windows of shape (n_samples, n_steps, n_channels)"}
        raise ValueError(
            f"{type(estimator).__name__} was fitted with {kinds[estimator._n_dim]}, but got {kinds[n_dim]}. A "
            "single sequence needs an axis in front, X[np.newaxis]; an X_val of fit is brought into this form by "
            'make_pipeline(..., transform_input=["X_val"]), with sklearn.set_config(enable_metadata_routing=True) and '
            "set_fit_request(X_val=True, y_val=True) of the last step."
        )


def _warn_of_raw_table(X: Any) -> None:
    """Warn of a data frame whose rows look like moments, not like unrolled sequences."""
    if type(getattr(X, "index", None)).__name__ in ("DatetimeIndex", "PeriodIndex"):
        warnings.warn(
            f"Each row of X is read as one sequence (n_steps={X.shape[1]}), though its index holds times. If the rows "
            "are those of a time series, put a SlidingWindowTransformer in front; n_channels=1 says that they are "
            "sequences.",
            UserWarning,
            stacklevel=7,
        )


def _check_table(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    X = _with_numbers(X)
    return np.asarray(validate_data(estimator, X, reset=reset, dtype=_FLOATS, ensure_all_finite="allow-nan"))


def _check_windows(estimator: Any, X: np.ndarray, reset: bool) -> Sequences:
    """Sequences from a 3-D array, checked on the rows that its windows share."""
    name = type(estimator).__name__
    if 0 in X.shape:
        raise ValueError(
            f"Found array with 0 sample(s), step(s) or channel(s) (shape={X.shape}) while a minimum of 1 is required "
            f"by {name}."
        )
    sequences = Sequences.of(X)
    base = sequences.base
    if base.dtype.kind not in "fiub":
        base = numbers_of_objects(base, "X")
    if base.dtype not in _FLOATS:
        base = check_array(base, dtype=_FLOATS, ensure_all_finite=False, ensure_min_samples=0, estimator=estimator)
    assert_all_finite(base, allow_nan=True, estimator_name=name, input_name="X")
    validate_data(estimator, np.empty((1, X.shape[2])), reset=reset, skip_check_array=True)
    return sequences.with_base(base)


def _as_array(X: Any, who: str) -> np.ndarray:
    ragged = (
        "X contains sequences of different lengths. Pass skrnn.pad_sequences(X), one array of shape (n_samples, "
        "n_steps, n_channels) with NaN steps in front of the shorter ones, which are skipped."
    )
    return read_array(X, "X", who, ragged=ragged)


def _refuse_unsuited(estimator: Any, X: Any, key_columns: Sequence[int] = ()) -> None:
    """Refuse what scikit-learn would take for numbers though it is none, or would reject without a way out."""
    name = type(estimator).__name__
    if X is None:
        raise ValueError(f"X is None; {name} needs an array of shape (n_samples, n_features).")
    refuse_container(X, "X", name)
    columns = zip(X.columns, X.dtypes, strict=True) if hasattr(X, "columns") and hasattr(X, "dtypes") else ()
    for i, (column, dtype) in enumerate(columns):
        kind = str(dtype).lower()
        if i not in key_columns and kind.startswith(
            ("datetime", "timedelta", "timestamp", "duration", "period", "date")
        ):
            raise TypeError(
                f"Column {column!r} of X has dtype {dtype}, which is no number for {name}. Drop it, turn it into "
                "features (hour, weekday, ...), or make it the index"
                f"{' or the time_column' if hasattr(estimator, 'time_column') else ''}."
            )


def _with_numbers(X: Any) -> Any:
    """A table whose objects and text are numbers, where they can be read as such; None and pandas.NA are NaN."""
    if isinstance(X, list | tuple):
        with suppress(ValueError):  # of different lengths
            X = np.asarray(X)
    if isinstance(X, np.ndarray):
        return numbers_of_objects(X, "X") if X.dtype == object and X.ndim > 1 else X
    if not hasattr(X, "iloc") or not hasattr(X, "isetitem"):
        return X
    others = [i for i, dtype in enumerate(X.dtypes) if dtype.kind not in "iufbc"]
    if others:
        X = X.copy(deep=False)
    for i in others:
        try:
            X.isetitem(i, numbers_of_objects(np.asarray(X.iloc[:, i], dtype=object), "X"))
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{error} Column {X.columns[i]!r} of X has dtype {X.dtypes.iloc[i]}. Drop it or encode it; turn times "
                "into an index with pandas.to_datetime."
            ) from None
    return X
