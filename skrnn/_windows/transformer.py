"""Windows of the rows before each row, as a transformer that keeps the number of rows."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrnn._data.sequences import flat_windows
from skrnn._learning import as_it_is_now, learns
from skrnn._persistence import VersionedState
from skrnn._validation import (
    Count,
    HasMethods,
    Interval,
    Real,
    StrOptions,
    check_target_order,
    fit_context,
    plain,
    warn_of_given_target,
)
from skrnn._windows.axis import Axis
from skrnn._windows.keys import Keys
from skrnn._windows.lookup import Lookup
from skrnn._windows.memory import WindowMemory
from skrnn._windows.output import FlatOutput
from skrnn._windows.reading import read
from skrnn._windows.report import report, report_never_filled, report_unfilled
from skrnn._windows.spans import longest_gap, plain_span, unit_of_elapsed, whole_steps
from skrnn._windows.store import History

_LABEL = [str, Real, tuple, np.generic, HasMethods("strftime")]  # the last are dates and periods
_SPAN = [str, timedelta, np.timedelta64, HasMethods("rollforward")]  # the last are pandas' offsets


class SlidingWindowTransformer(FlatOutput, TransformerMixin, VersionedState, BaseEstimator):
    """Turn each row into the window of rows that ends at it, or ``horizon`` rows before it.

    The number of rows stays as it is and the target is never touched: n rows in, n windows out. A row's history is
    looked up by its key, which is the pandas index or a column, in the rows of the call and in the rows that ``fit``
    remembers. So the first rows of a test fold find their past in the training fold, and no window holds a later
    row. Missing rows are steps of NaN; nothing is filled in.

    Parameters
    ----------
    window_size : int, str, timedelta or pandas offset
        Number of steps in a window, or a span of time, such as "24h", that is a whole number of steps of the time grid.
        Of business days or months, spans are "20B" or "12MS".
    horizon : int, default=0
        How many steps a window ends before its row. With 0 the row itself is the newest step: use it where inputs of
        the same moment are known. With 1 or more the target's own past may be a column of X, and up to ``horizon``
        rows of future keys and NaN features can be passed to get forecasts.
    future_columns : label, tuple of labels or callable, default=None
        Columns whose value at a row's own moment is known in advance (calendar, prices, weather forecasts). Each step
        pairs the past of the other columns with the value of these ``horizon`` steps later. Columns of a data frame
        are named by their labels, also where these are numbers or tuples; those of an array by their positions. A
        callable names them from X, like scikit-learn's ``make_column_selector``.
    time_column : label, default=None
        Column that holds the time. It takes the place of the index and is no channel of the windows. For this and
        ``group_column`` a whole number is also a position in a data frame whose labels are all text without numbers.
    group_column : label, default=None
        Column that names the series of a row. It is no channel of the windows.
    freq : {"auto"}, str, number, pandas offset or None, default="auto"
        The time grid: a pandas frequency or offset, for numbers the step. "auto" takes the frequency of the index, or
        finds a grid of which at least half is filled: equal steps, up to a hundredth of one, business or other days of
        the week, months, opening hours. A row that is absent from the grid is a step of NaN in its place. None, or
        where there is no grid: the rows before, in order.
    history : {"all", "tail", "none"}, default="all"
        Which training rows are remembered: all, the last ``window_size - 1 + horizon`` of each series (enough for
        what comes after the training rows), or none.
    flatten : bool, default=False
        Return a table of shape (n_samples, window_size * n_channels), oldest step first, with column names such as
        ``load@t-2``, for estimators that take tables. The networks of this package read windows of three dimensions;
        from a table they need these names, or ``n_channels``.
    incomplete : {"warn", "ignore", "error"}, default="warn"
        What ``transform`` and ``forecast`` do about windows that miss steps. If the newest step of a window is later
        than all that is known, which ``horizon`` >= 1 makes possible, ``transform`` raises unless this is "ignore".
        ``fit_transform`` does neither, as first rows have no past; it warns if more than half of the windows do.
    max_gap : str, timedelta, pandas offset or number, default=None
        Longest time between neighbouring rows of a series within a window, such as "3h", for keys that are numbers a
        number. After a longer gap windows start anew: rows before it are not seen, so that their steps are NaN. On a
        time grid, rows of NaN and absent rows are no neighbours, and spans of business days or months are "5B" or
        "3MS". Without a grid the time up to the row itself counts too. None sees rows across any gap.
    elapsed : bool, default=False
        Add a last channel, "elapsed", for rows that lie on no time grid (``freq_`` is None): at each step the time
        until the row ``horizon`` rows later, at the newest step so until the window's own row; with ``horizon=0`` the
        time since the row before, 0 for the first row of a series. In seconds, for keys that are numbers or periods
        in their unit.
    static_columns : label, tuple of labels or callable, default=None
        Columns that hold one value for each series of a panel, such as the size of a shop, named like
        ``future_columns``. They are channels like the others, but need not be known for every row: where a row that
        holds other values lacks them, they are those of its series, and ``forecast`` carries them on by itself.

    Attributes
    ----------
    freq_ : str, number, pandas offset or None
        The time grid in use; an offset where pandas has no text that says all of it, such as its holidays.
    window_size_ : int
        Number of steps in a window.
    n_features_in_ : int
        Number of columns seen during fit, key columns included.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    complete_windows : Mask of the windows that miss no step.

    Notes
    -----
    The key of a row is its pandas index: numbers, datetimes, timedeltas or periods. In a MultiIndex the last level is
    the time and the levels before it name the series. A bare array without ``time_column`` carries no key: each call
    is one block of consecutive rows, and its first windows miss steps. In a pipeline,
    ``pipeline.set_output(transform="pandas")`` keeps the index through steps in front.

    A row that is in the history and in the call counts as it is in the call. Where most of the shared rows of a series
    hold other values, its history is ignored. Rows without a time (NaN in ``time_column``) have no history.

    Parameters that are changed after a fit count from the next fit on, but for ``incomplete``.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrnn import SlidingWindowTransformer
    >>> X = pd.DataFrame({"load": [1.0, 2.0, 3.0, 4.0]})
    >>> windows = SlidingWindowTransformer(2, horizon=1).fit(X)
    >>> windows.transform(X.iloc[2:])[:, :, 0]
    array([[1., 2.],
           [2., 3.]])
    """

    _memory: WindowMemory  # set by fit

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012  scikit-learn's name and form
        "window_size": [*_SPAN, Count(1)],
        "horizon": [Count(0)],
        "future_columns": [*_LABEL, "array-like", callable, None],
        "time_column": [*_LABEL, None],
        "group_column": [*_LABEL, None],
        "freq": [str, Interval(Real, 0, None, closed="neither"), timedelta, HasMethods("rollforward"), None],
        "history": [StrOptions({"all", "tail", "none"})],
        "flatten": ["boolean"],
        "incomplete": [StrOptions({"warn", "ignore", "error"})],
        "max_gap": [*_SPAN, Interval(Real, 0, None, closed="neither"), None],
        "elapsed": ["boolean"],
        "static_columns": [*_LABEL, "array-like", callable, None],
    }

    def __init__(
        self,
        window_size: Any,
        *,
        horizon: int = 0,
        future_columns: Any = None,
        time_column: Hashable = None,
        group_column: Hashable = None,
        freq: Any = "auto",
        history: str = "all",
        flatten: bool = False,
        incomplete: str = "warn",
        max_gap: Any = None,
        elapsed: bool = False,
        static_columns: Any = None,
    ) -> None:
        self.window_size = window_size
        self.horizon = horizon
        self.future_columns = future_columns
        self.time_column = time_column
        self.group_column = group_column
        self.freq = freq
        self.history = history
        self.flatten = flatten
        self.incomplete = incomplete
        self.max_gap = max_gap
        self.elapsed = elapsed
        self.static_columns = static_columns

    @learns
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the time grid and remember the rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows of one or several series.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target; only looked at to warn of a column that gives it away.

        Returns
        -------
        self : SlidingWindowTransformer
            The fitted transformer.
        """
        self._learn(X, y)
        return self

    @learns
    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, then return the windows of the same rows; as ``fit(X, y).transform(X)``, with fewer warnings.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows of one or several series.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            As in ``fit``.

        Returns
        -------
        windows : ndarray of shape (n_samples, window_size, n_channels) or (n_samples, window_size * n_channels)
            Windows, oldest step first. Read-only.
        """
        rows = self._learn(X, y)
        memory = self._memory
        found = memory.look_up(*rows, alone=True)
        report_never_filled(found, rows[0], memory, self.incomplete)
        return _in_shape(found, memory)

    @learns
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Append newly observed rows to the history; the first call is ``fit``.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            New rows. A row whose key is in the history takes its place.
        y : Ignored
            Not used.

        Returns
        -------
        self : SlidingWindowTransformer
            The transformer with a longer history.
        """
        if not hasattr(self, "_memory"):
            return self.fit(X, y)
        self._memory = self._memory.remembering(*read(self, X, self._memory)[:2])
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the window of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows, in any order. To predict the future: rows of future keys, at most ``horizon`` after the last known
            row, whose features are NaN except for ``future_columns``.

        Returns
        -------
        windows : ndarray of shape (n_samples, window_size, n_channels) or (n_samples, window_size * n_channels)
            Windows, oldest step first; float32 for float32 X, else float64. Read-only. A step that no row holds is
            NaN in all channels that are not known in advance.

        Raises
        ------
        ValueError
            If keys are of another kind than in ``fit``, lie off the time grid, or stand for different values; if a
            window's newest step is later than all known rows and ``incomplete`` is not "ignore".
        """
        now = as_it_is_now(self)
        check_is_fitted(now)
        memory = now._memory
        keys, values, _ = read(now, X, memory)
        found = memory.look_up(keys, values)
        report(found, keys, memory.horizon, now.incomplete)
        if memory.horizon and memory.columns.future.any():
            report_unfilled(values, memory.columns, now.incomplete)
        return _in_shape(found, memory)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _learn(self, X: Any, y: Any) -> tuple[Keys, np.ndarray]:
        """Fit on a first batch of rows and return their keys and values."""
        check_target_order(X, y)
        keys, values, columns = read(self, X, None)
        shown = np.flatnonzero(columns.future | (self.horizon == 0))
        if y is not None and len(shown):
            warn_of_given_target(values[:, shown], y, columns.channel_names[shown])
        axis, nothing = Axis.of(keys, plain(self.freq)), History.empty(values.shape[1])
        sizes = whole_steps(plain_span(self.window_size), axis, "window_size"), plain(self.horizon)
        gap = longest_gap(plain_span(self.max_gap), axis, "max_gap")
        unit = unit_of_elapsed(axis, columns.labels or ()) if self.elapsed else None
        memory = WindowMemory(columns, *sizes, bool(self.flatten), plain(self.history), axis, nothing, gap, unit)
        self._memory = memory.remembering(keys, values)
        self.freq_ = axis.freq
        self.window_size_ = memory.window_size
        return keys, values


def _in_shape(found: Lookup, memory: WindowMemory) -> np.ndarray:
    """The windows in the shape of the output."""
    return flat_windows(found.windows) if memory.flatten else found.windows
