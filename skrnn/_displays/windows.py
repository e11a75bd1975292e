"""Which rows feed which prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from skrnn._displays.figure import FIRST, SECOND, THIRD, head, ink, one_axes
from skrnn._displays.models import uncalibrated
from skrnn._forecast.parts import window_alone
from skrnn._validation import check_matplotlib_support
from skrnn._windows.keys import Keys

_SHOWN = 6  # rows, unless the user names some
_APART = 40  # steps of a window whose cells are drawn apart
_HEIGHT = 0.7  # of a row; rows lie 1 apart


class WindowDisplay:
    """Windows of some rows, step by step: what they read, what is missing, and the row that they stand for.

    Use ``from_estimator`` to make one.

    Parameters
    ----------
    steps : ndarray of shape (n_rows, window_size)
        Places of the steps of each window on the time axis, in steps.
    share : ndarray of shape (n_rows, window_size)
        Share of the channels that are known at each step; 0 is a missing step.
    places : ndarray of shape (n_rows,)
        Places of the rows themselves.
    labels : list of str
        Names of the rows.
    future_steps : ndarray of shape (n_rows, window_size), default=None
        Places of the steps of channels that are known in advance; None if there are none.
    future_share : ndarray of shape (n_rows, window_size), default=None
        Share of these channels that are known.
    ticks : dict of int to str, default=None
        Places whose times are known.

    Attributes
    ----------
    known_, partial_, missing_ : matplotlib PolyCollection
        Steps at which all, some and none of the channels hold a value, a cell each.
    future_ : matplotlib PolyCollection
        Steps of ``future_columns``, above the others; those that lack some or all are in ``partial_`` and ``missing_``.
    rows_ : matplotlib PolyCollection
        The rows that the windows stand for.
    ax_ : matplotlib Axes
        Axes with the windows, the first row on top.
    figure_ : matplotlib Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skrnn import SlidingWindowTransformer, WindowDisplay
    >>> X = pd.DataFrame({"load": np.arange(30.0)}, index=pd.date_range("2024-01-01", periods=30))
    >>> windows = SlidingWindowTransformer(7, horizon=2).fit(X)
    >>> display = WindowDisplay.from_estimator(windows, X.drop(X.index[20]))
    >>> plt.show()
    """

    def __init__(
        self,
        steps: np.ndarray,
        share: np.ndarray,
        places: np.ndarray,
        labels: list[str],
        *,
        future_steps: np.ndarray | None = None,
        future_share: np.ndarray | None = None,
        ticks: dict[int, str] | None = None,
    ) -> None:
        self.steps = steps
        self.share = share
        self.places = places
        self.labels = labels
        self.future_steps = future_steps
        self.future_share = future_share
        self.ticks = ticks

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, rows: Any = None, ax: Any = None) -> WindowDisplay:
        """Plot the windows of some rows.

        Parameters
        ----------
        estimator : estimator
            Fitted ``SlidingWindowTransformer``, or a fitted pipeline that holds one.
        X : array-like or data frame of shape (n_samples, n_features)
            Rows, as for ``transform``. Steps are looked up in these and in the rows that ``fit`` remembers.
        rows : array-like of int, default=None
            Positions in X of the rows to draw. If None six neighbouring ones: the last ones, or those around the last
            window that misses steps.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure if None.

        Returns
        -------
        display : WindowDisplay
            The display.

        Raises
        ------
        ValueError
            If the model holds no window step, X no rows, or if ``rows`` are no positions in X.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        parts = window_alone(uncalibrated(estimator), cls.__name__)
        memory = parts.memory
        keys, found = parts.placed(X)
        chosen = _chosen(rows, found.n_missing)
        known = ~np.isnan(found.windows[chosen])
        place = _places(keys)
        ages = np.arange(memory.window_size)[::-1]
        past, future = ~parts.known, parts.known
        at = place[chosen]
        display = cls(
            at[:, None] - memory.horizon - ages,
            known[:, :, past].mean(axis=2) if past.any() else np.ones((len(chosen), len(ages))),
            at,
            [keys.describe(chosen[i : i + 1]) for i in range(len(chosen))],
            future_steps=at[:, None] - ages if future.any() else None,
            future_share=known[:, :, future].mean(axis=2) if future.any() else None,
            ticks=_ticks(keys, place, chosen, memory.reach),
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the windows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure if None.

        Returns
        -------
        display : WindowDisplay
            The display.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        ax = one_axes(ax)
        lanes = np.arange(len(self.places), dtype=float)
        split = self.future_steps is not None
        width = 0.84 if self.steps.shape[1] <= _APART else 1.0
        past = self.steps, self.share, lanes + 0.15 * split, _HEIGHT / (1 + split)
        drawn = [(FIRST, "read", past)]
        if self.future_steps is not None and self.future_share is not None:
            drawn.append((THIRD, "known in advance", (self.future_steps, self.future_share, lanes - 0.2, _HEIGHT / 3)))
        known, lacking = [], []
        for color, label, (steps, share, at, height) in drawn:
            parts = [_cells(steps, at, (width, height), where(share)) for where in _KINDS]
            known.append(_add(ax, parts[0], label, facecolor=color))
            lacking.append(parts[1:])
        partial, missing = (np.concatenate(parts) for parts in zip(*lacking, strict=True))
        self.known_, self.future_ = known[0], known[-1] if split else None
        self.partial_ = _add(ax, partial, "in part", facecolor="none", edgecolor=FIRST, hatch="....")
        self.missing_ = _add(ax, missing, "missing", facecolor="none", edgecolor=SECOND, hatch="////")
        of_rows = _cells(self.places[:, None], lanes, (width, _HEIGHT), np.ones((len(lanes), 1), dtype=bool))
        self.rows_ = _add(ax, of_rows, "row itself", facecolor="none", edgecolor=ink(), linewidth=1.5)
        ax.set_yticks(lanes, _short(self.labels))
        ax.set_ylim(len(lanes) - 0.4, -0.6)
        low, high = min(self.steps.min(), self.places.min()), self.places.max()
        ax.set_xlim(low - 1, high + 1)
        self._mark_times(ax, low, high)
        head(ax, self._message())
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _mark_times(self, ax: Any, low: int, high: int) -> None:
        """Times below the axis where they are known, else numbers of steps."""
        shown = sorted(place for place in self.ticks or {} if low <= place <= high)
        if len(shown) < 2 or self.ticks is None:
            ax.set_xlabel("steps")
            return
        shown = [shown[i] for i in np.unique(np.linspace(0, len(shown) - 1, 4).round().astype(int))]
        ax.set_xticks(shown, [text.replace(" ", "\n") for text in _short([self.ticks[place] for place in shown])])
        ax.set_xlabel("time")

    def _message(self) -> str:
        n_rows, size = self.steps.shape
        ahead = int(self.places[0] - self.steps[0, -1])
        where = f"the last {ahead} before the row" if ahead else "the last at the row"
        shares = self.share if self.future_share is None else np.hstack([self.share, self.future_share])
        n_short = int((shares == 0).any(axis=1).sum())
        missing = f"; {n_short} of {n_rows} windows miss some" if n_short else ""
        return f"{size} steps, {where}{missing}"


# Which steps are drawn in which way, by the share of their channels that hold a value.
_KINDS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda share: share == 1,
    lambda share: (share > 0) & (share < 1),
    lambda share: share == 0,
)


def _cells(steps: np.ndarray, lanes: np.ndarray, size: tuple[float, float], where: np.ndarray) -> np.ndarray:
    """Corners (cell, 4, 2) of the cells of some steps (row, step)."""
    x, y = steps[where].astype(float), np.broadcast_to(lanes[:, None], where.shape)[where]
    dx, dy = size[0] / 2, size[1] / 2
    return np.stack([np.stack([x + i, y + j], axis=1) for i, j in ((-dx, -dy), (dx, -dy), (dx, dy), (-dx, dy))], axis=1)


def _add(ax: Any, cells: np.ndarray, label: str, **style: Any) -> Any:
    """Draw cells; they have no name in the legend if there are none."""
    from matplotlib.collections import PolyCollection

    collection = PolyCollection(list(cells), label=label if len(cells) else "_nothing", **style)
    return ax.add_collection(collection)


def _short(times: list[str]) -> list[str]:
    """Times without seconds, and without hours, where all of them are zero."""
    for end in (":00", " 00:00"):
        if all(text.endswith(end) for text in times):
            times = [text.removesuffix(end) for text in times]
    return times


def _chosen(rows: Any, n_missing: np.ndarray) -> np.ndarray:
    """Positions of the rows to draw; ``n_missing`` (n,) steps are missing in their windows."""
    n = len(n_missing)
    if not n:
        raise ValueError("X holds no rows (n_samples=0).")
    if rows is None:
        short = np.flatnonzero(n_missing)
        end = min(n, max(_SHOWN, short[-1] + 1 + _SHOWN // 2)) if len(short) else n
        return np.arange(max(0, end - _SHOWN), end)
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu" or np.any((chosen < -n) | (chosen >= n)):
        raise ValueError(f"rows must be positions in X, whole numbers below {n}, got {rows!r}.")
    return np.asarray(chosen % n, dtype=np.int64)


def _places(keys: Keys) -> np.ndarray:
    """Place of each row on the time axis, in steps; without a grid its rank within its series."""
    if keys.position is not None:
        return keys.position
    order = np.lexsort((keys.time, keys.series))
    series = keys.series[order]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(series, series)
    return rank


def _ticks(keys: Keys, place: np.ndarray, chosen: np.ndarray, reach: int) -> dict[int, str] | None:
    """The times of places, from the rows of the series of the first chosen row; None if rows have no times."""
    if keys.kind == "block":
        return None
    drawn = (place >= place[chosen].min() - reach) & (place <= place[chosen].max())
    rows = np.flatnonzero(drawn & (keys.series == keys.series[chosen[0]]) & keys.known)
    return {int(place[row]): keys.time_in_words(int(row)) for row in rows}
