"""Targets of models that predict all steps at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrnn._forecast.rows import Layout, read_row_keys
from skrnn._validation import Count, read_numbers, validate_params
from skrnn._windows.axis import Axis
from skrnn._windows.store import distinct_rows


@validate_params({"steps": [Count(1)]}, prefer_skip_nested_validation=True)
def horizon_targets(y: Any, steps: int) -> Any:
    """Put the values of y at a row and at the next ones side by side, as targets of a direct multi-step model.

    Behind ``SlidingWindowTransformer(window_size, horizon=1)``, which reads the rows before a row, a model that is
    fitted on these targets predicts the row itself and the ``steps - 1`` rows after it, all from one window.

    Parameters
    ----------
    y : Series, data frame of one column, or array-like of shape (n,)
        Values. Those with a pandas index are looked up by key, within each series of a MultiIndex and on the time grid,
        as by ``SlidingWindowTransformer``; those of an array by position.
    steps : int
        How many values stand side by side.

    Returns
    -------
    targets : pandas.DataFrame or ndarray of shape (n, steps)
        Row i and column j hold the value j steps after row i; a frame, with the index of y and columns such as
        ``load+2``, for pandas input. NaN where y holds no such value.

    Raises
    ------
    ValueError
        If y has more than one column, or different values under one key.

    Notes
    -----
    A network takes no NaN in y: fit on the rows without, ``rows = targets.notna().all(axis=1)``. These are all but the
    last ``steps - 1`` of each series, where no row is absent. In cross-validation the targets of the last training rows
    must not lie among the test rows: ``PanelTimeSeriesSplit(steps=steps)`` leaves as many rows out between them as it
    takes, also those of a single series. ``early_stopping=True`` of the regressors leaves ``steps - 1`` rows out by
    itself, which is right for one series; for a panel pass ``X_val``.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrnn import horizon_targets
    >>> horizon_targets(pd.Series([1.0, 2.0, 3.0, 4.0], name="load"), 3)
       load+0  load+1  load+2
    0     1.0     2.0     3.0
    1     2.0     3.0     4.0
    2     3.0     4.0     NaN
    3     4.0     NaN     NaN
    """
    values = read_numbers(y, "y", "horizon_targets").astype(np.float64)
    if values.ndim > 2 or (values.ndim == 2 and values.shape[1] != 1):
        raise ValueError(f"y must hold one column, got shape {values.shape}.")
    values = values.ravel()
    index = getattr(y, "index", None)
    if index is None or callable(index):  # lists have a method of this name
        return _side_by_side(values, np.zeros(len(values), dtype=np.int64), np.arange(len(values)), steps)
    import pandas as pd

    layout = Layout(is_array=False, has_index=True, time_column=None, group_column=None)
    keys = read_row_keys(pd.DataFrame({"y": values}, index=index), layout)
    keys = Axis.of(keys, "auto").placed(keys)
    rows, slot = distinct_rows(keys, values[:, None])
    distinct = keys.take(rows)
    found = _side_by_side(values[rows], distinct.series, distinct.steps, steps)[slot]
    name = y.columns[0] if hasattr(y, "columns") else y.name
    return pd.DataFrame(found, index=index, columns=[f"{'y' if name is None else name}+{j}" for j in range(steps)])


def _side_by_side(values: np.ndarray, series: np.ndarray, position: np.ndarray, steps: int) -> np.ndarray:
    """Values (n, step) at each distinct place of each series and at the next ones."""
    import pandas as pd

    places = pd.MultiIndex.from_arrays([series, position])
    found = np.full((len(values), steps), np.nan)
    for step in range(steps):
        at = places.get_indexer(pd.MultiIndex.from_arrays([series, position + step]))
        found[at >= 0, step] = values[at[at >= 0]]
    return found
