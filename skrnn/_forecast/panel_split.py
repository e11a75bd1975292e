"""A splitter that cuts all series of a panel at the same moments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_consistent_length

from skrnn._forecast.rows import Layout, read_row_keys, read_table
from skrnn._validation import Count
from skrnn._windows.axis import Axis
from skrnn._windows.keys import Keys, block_keys, read_keys
from skrnn._windows.table import Columns, Table


class PanelTimeSeriesSplit(BaseCrossValidator):
    """Train on the rows before a moment and test on those after it, for all series at once.

    What ``sklearn.model_selection.TimeSeriesSplit`` does with the rows of one series, in their order, is done here with
    the distinct times of a panel, whatever the order of its rows: the test rows of a split are those of ``test_size``
    successive times, and no training row is as late as any of them.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits.
    steps : int, default=1
        How many values each target holds, as ``steps`` of ``horizon_targets``: training rows whose targets reach into
        the test rows of their series are left out, ``steps - 1`` steps of the time grid before the first of these. A
        model with ``horizon=h`` and y at the row itself needs no such gap, whatever h.
    max_train_size : int, default=None
        Number of distinct times to train on, at most, the last ones. None is all.
    test_size : int, default=None
        Number of distinct times in each test set; ``n_times // (n_splits + 1)`` if None.
    gap : int, default=0
        Steps of the time grid that are left out before the test rows of a series, beyond those that ``steps`` leaves
        out.
    time_column, group_column : label or position, default=None
        Columns of X that hold the time and name the series, as for ``SlidingWindowTransformer``. If None, the pandas
        index of X tells.

    See Also
    --------
    horizon_targets : Targets of models that predict several steps at once.
    backtest : Errors by step ahead.

    Notes
    -----
    For one series whose rows are in order, ``TimeSeriesSplit(gap=steps - 1)`` gives the same splits, if no row is
    absent.

    Rows that are left out are neither in the fit nor in the call that scores, so that the first test windows miss their
    newest steps: such scores are a little too bad.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skrnn import PanelTimeSeriesSplit
    >>> index = pd.MultiIndex.from_product([["north", "south"], range(6)], names=["shop", "day"])
    >>> X = pd.DataFrame({"sales": np.arange(12.0)}, index=index)
    >>> for train, test in PanelTimeSeriesSplit(n_splits=2, steps=2).split(X):
    ...     print(train, test)
    [0 6] [2 3 8 9]
    [0 1 2 6 7 8] [ 4  5 10 11]
    """

    __metadata_request__split: ClassVar[dict[str, Any]] = {"groups": True}

    def __init__(
        self,
        n_splits: int = 5,
        *,
        steps: int = 1,
        max_train_size: int | None = None,
        test_size: int | None = None,
        gap: int = 0,
        time_column: Any = None,
        group_column: Any = None,
    ) -> None:
        given = {"n_splits": n_splits, "steps": steps, "max_train_size": max_train_size, "test_size": test_size}
        for name, value in {**given, "gap": gap}.items():
            least, may_be_none = int(name != "gap"), name in ("max_train_size", "test_size")
            if not (Count(least).is_satisfied_by(value) or (may_be_none and value is None)):
                expected = f"an int not less than {least}{' or None' * may_be_none}"
                raise ValueError(f"{name} of PanelTimeSeriesSplit must be {expected}. Got {value!r} instead.")
        self.n_splits = n_splits
        self.steps = steps
        self.max_train_size = max_train_size
        self.test_size = test_size
        self.gap = gap
        self.time_column = time_column
        self.group_column = group_column

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Positions of the rows of each split.

        Parameters
        ----------
        X : data frame or array-like of n_samples rows
            Rows of one or several series. An array without ``time_column`` is one series in its order.
        y : array-like of shape (n_samples,), default=None
            Only its length is compared.
        groups : array-like of shape (n_samples,), default=None
            The time of each row, where X does not tell: numbers or dates. Steps are then counted over all rows alike.

        Yields
        ------
        train : ndarray
            Positions of the training rows, in their order.
        test : ndarray
            Positions of the test rows.

        Raises
        ------
        ValueError
            If there are too few times, or if nothing is left to train on.
        """
        check_consistent_length(*(each for each in (X, y, groups) if each is not None))
        keys = self._keys(X, groups)
        place = _places(keys)
        times = np.unique(keys.time)
        test_size = self.test_size or len(times) // (self.n_splits + 1)
        if not test_size or self.n_splits * test_size >= len(times):
            raise ValueError(
                f"Too many splits={self.n_splits} for number of distinct times={len(times)}, of which each split tests "
                f"test_size={test_size or 1}, and at least one more is needed to train on."
            )
        for first in range(len(times) - self.n_splits * test_size, len(times), test_size):
            train = self._train(keys, place, times[first])
            if not len(train):
                raise ValueError(
                    f"No row is left to train on before the test rows from the time number {first} of {len(times)} on, "
                    f"with steps={self.steps} and gap={self.gap}. Use fewer splits or a smaller test_size."
                )
            yield train, np.flatnonzero((keys.time >= times[first]) & (keys.time <= times[first + test_size - 1]))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """Number of splits; the arguments are ignored."""
        return self.n_splits

    def _keys(self, X: Any, groups: Any) -> Keys:
        if groups is not None:
            keys = read_keys(None, groups)
            assert keys is not None
        elif (n_axes := getattr(X, "ndim", 2)) > 2 or (n_axes == 1 and not hasattr(X, "to_frame")):
            return block_keys(len(X))  # such as windows, which carry no key
        else:
            X = X.to_frame() if n_axes == 1 else X
            frame, is_array, has_index = read_table(X)
            columns = Columns.of(Table(frame), self.time_column, self.group_column, None)
            keys = read_row_keys(frame, Layout(is_array, has_index, *columns.keys))
        if not keys.known.all():
            raise ValueError(f"{int(np.sum(~keys.known))} rows have no time, so that they are in no split.")
        return keys

    def _train(self, keys: Keys, place: np.ndarray, start: Any) -> np.ndarray:
        """Rows whose targets end before the first row of their series that is not earlier than ``start``."""
        later = keys.time >= start
        border = np.full(len(keys.labels), np.inf)
        np.minimum.at(border, keys.series[later], place[later])
        is_train = ~later & (place + self.steps - 1 + self.gap < border[keys.series])
        if self.max_train_size is not None:
            is_train &= np.isin(keys.time, np.unique(keys.time[is_train])[-self.max_train_size :])
        return np.flatnonzero(is_train)


def _places(keys: Keys) -> np.ndarray:
    """The step of each row (n,) on the time grid; without a grid its rank within its series."""
    import pandas as pd

    placed = Axis.of(keys, "auto").placed(keys) if keys.kind != "block" else keys
    if placed.position is not None:
        return placed.position
    return np.asarray(pd.Series(keys.time).groupby(keys.series).rank(method="dense"))
