"""What predictions leave unexplained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from skrnn._displays.figure import FIRST, NEUTRAL, SECOND, ink, many_axes, note, styled
from skrnn._displays.tables import as_frame, by_series, places, short_dates, time_name, title_of
from skrnn._validation import check_matplotlib_support

_LAGS = 40


class ResidualDisplay:
    """Residuals over time, their histogram and their autocorrelation.

    Use ``from_predictions`` or ``from_estimator`` to make one.

    Parameters
    ----------
    y_true : DataFrame, Series or array-like of shape (n,) or (n, n_outputs)
        Targets; see ``from_predictions``.
    y_pred : DataFrame, Series or array-like of shape (n,) or (n, n_outputs)
        Predictions.

    Attributes
    ----------
    residuals_ : Series
        Truth minus prediction, series after series in the order of time.
    autocorrelation_ : ndarray of shape (n_lags,)
        Autocorrelation of the residuals at lags 1, 2, ..., counted in rows: a lag spans more time where rows are
        absent. A row whose truth is NaN keeps its place.
    bound_ : float
        1.96 / sqrt(n) with n residuals: 95 % of the autocorrelations of white noise lie within it.
    residual_lines_ : list of matplotlib Line2D
        Residuals over time, one line for each series.
    histogram_ : matplotlib BarContainer
        Their histogram.
    autocorrelation_bars_ : matplotlib BarContainer
        Their autocorrelation.
    ax_ : ndarray of matplotlib Axes of shape (3,)
        Axes of the three.
    figure_ : matplotlib Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from skrnn import ResidualDisplay
    >>> y_true = np.random.default_rng(0).normal(size=200)
    >>> display = ResidualDisplay.from_predictions(y_true, np.zeros(200))
    >>> plt.show()
    """

    def __init__(self, y_true: Any, y_pred: Any) -> None:
        self.y_true = y_true
        self.y_pred = y_pred

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        n_lags: int | None = None,
        ax: Any = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> ResidualDisplay:
        """Plot the residuals of predictions.

        Parameters
        ----------
        y_true : Series or array-like of shape (n,)
            Targets. The last level of a pandas index is the time, the levels before it name the series. NaN is left
            out, and keeps its place.
        y_pred : Series or array-like of shape (n,)
            Predictions. Two pandas objects are matched by their index, all else by position.
        n_lags : int, default=None
            Number of lags of the autocorrelation, counted in rows as they are, whether or not steps of time are absent
            between them; 40 if None, or a quarter of the rows of the longest series if these are fewer.
        ax : matplotlib Axes or array of three, default=None
            Axes to draw on, three or one that is divided; those of a new figure if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the residuals over time.

        Returns
        -------
        display : ResidualDisplay
            The display.

        Raises
        ------
        ValueError
            If there are several outputs, or no residual is known.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        return cls(y_true, y_pred).plot(ax, n_lags=n_lags, line_kwargs=line_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_lags: int | None = None,
        ax: Any = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> ResidualDisplay:
        """Predict and plot the residuals.

        Parameters
        ----------
        estimator : estimator
            Fitted regressor or pipeline.
        X : array-like or data frame
            What it predicts from. The index of a frame is that of the residuals.
        y : array-like of shape (n,)
            Targets, paired by position.
        n_lags : int, default=None
            As in ``from_predictions``.
        ax : matplotlib Axes or array of three, default=None
            As in ``from_predictions``.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the residuals over time.

        Returns
        -------
        display : ResidualDisplay
            The display.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        y_pred, index = np.asarray(estimator.predict(X)), getattr(X, "index", None)
        if hasattr(index, "nlevels"):
            import pandas as pd

            y = pd.DataFrame(np.asarray(y, dtype=float).reshape(len(y_pred), -1), index=index)
        return cls.from_predictions(y, y_pred, n_lags=n_lags, ax=ax, line_kwargs=line_kwargs)

    def plot(self, ax: Any = None, *, n_lags: int | None = None, line_kwargs: Mapping[str, Any] | None = None) -> Self:
        """Draw residuals, histogram and autocorrelation.

        Parameters
        ----------
        ax : matplotlib Axes or array of three, default=None
            Axes to draw on, three or one that is divided; those of a new figure if None.
        n_lags : int, default=None
            As in ``from_predictions``.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the residuals over time.

        Returns
        -------
        display : ResidualDisplay
            The display.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        series = _residuals(self.y_true, self.y_pred)
        axes = many_axes(ax, 3, columns=3, size=(3.9, 3.2), caller=type(self).__name__)
        values = [np.asarray(part, dtype=float) for part in series.values()]
        known = np.concatenate(values)
        known = known[np.isfinite(known)]
        longest = max(map(len, values))
        lags = max(1, min(_LAGS, longest // 4)) if n_lags is None else n_lags
        self.autocorrelation_ = _autocorrelation(values, lags)
        self.bound_ = 1.96 / np.sqrt(len(known))
        self._draw_times(axes[0], series, line_kwargs)
        bins = int(np.clip(np.sqrt(len(known)), 5, 40))
        self.histogram_ = axes[1].hist(known, bins=bins, color=FIRST, alpha=0.8)[2]
        axes[1].axvline(0.0, color=ink(), linewidth=1)
        axes[1].set(xlabel="residual", ylabel="number", title=f"Mean {known.mean():.2g}, spread {known.std():.2g}")
        self._draw_autocorrelation(axes[2])
        for own in axes:
            own.title.set_fontsize("small")
        note(axes, self._message(known), given=ax)
        self.ax_, self.figure_ = axes, axes[0].figure
        return self

    def _draw_times(self, ax: Any, series: Mapping[Any, Any], line_kwargs: Mapping[str, Any] | None) -> None:
        """Draw the residuals of each series over time."""
        import pandas as pd

        self.residuals_ = pd.concat(dict(series)) if len(series) > 1 else next(iter(series.values()))
        palette = (FIRST, SECOND, NEUTRAL, ink())
        few = 1 < len(series) <= len(palette)
        self.residual_lines_ = []
        for i, (label, part) in enumerate(series.items()):
            own = {"color": palette[i], "label": title_of(label)} if few else {"color": FIRST}
            style = styled(
                {"marker": ".", "markersize": 3, "linewidth": 0.7 if len(series) == 1 else 0, **own}, line_kwargs
            )
            self.residual_lines_ += ax.plot(places(part.index), part.to_numpy(dtype=float), **style)
        ax.axhline(0.0, color=ink(), linewidth=1)
        ax.set(xlabel=time_name(part.index), ylabel="truth - prediction", title="Over time")
        short_dates(ax)

    def _draw_autocorrelation(self, ax: Any) -> None:
        """Draw the autocorrelation and the band of white noise."""
        found = self.autocorrelation_
        lags = np.arange(1, len(found) + 1)
        ax.axhspan(-self.bound_, self.bound_, color=NEUTRAL, alpha=0.3, linewidth=0)
        beyond = np.abs(found) > self.bound_
        colors = [SECOND if is_beyond else FIRST for is_beyond in beyond]
        self.autocorrelation_bars_ = ax.bar(lags, np.nan_to_num(found), width=0.5, color=colors)
        ax.axhline(0.0, color=ink(), linewidth=1)
        top = 1.1 * max(float(np.nanmax(np.abs(found), initial=0.0)), 2 * self.bound_)
        ax.set(xlabel="lag (rows)", ylabel="autocorrelation", ylim=(-top, top))
        ax.set_title(f"{int(beyond.sum())} of {len(found)} lags beyond ±1.96/√n")
        ax.xaxis.get_major_locator().set_params(integer=True)

    def _message(self, known: np.ndarray) -> str:
        found = self.autocorrelation_
        largest = ""
        if np.isfinite(found).any():
            lag = int(np.nanargmax(np.abs(found)))
            largest = f", largest autocorrelation {found[lag]:.2f} at lag {lag + 1}"
        return f"Residuals: RMSE {np.sqrt(np.mean(known**2)):.3g}{largest}"


def _residuals(y_true: Any, y_pred: Any) -> dict[Any, Any]:
    """Truth minus prediction of each series, in the order of time."""
    like = y_pred if hasattr(y_pred, "iloc") else y_true if hasattr(y_true, "iloc") else None
    like = as_frame(np.asarray(y_pred, dtype=float) if like is None else like, "y_pred")
    truth, predicted = (as_frame(values, name, like=like) for values, name in ((y_true, "y_true"), (y_pred, "y_pred")))
    if truth.shape[1] != 1 or predicted.shape[1] != 1:
        raise ValueError(
            f"ResidualDisplay takes one output, but y_true has {truth.shape[1]}. Pass one column at a time."
        )
    difference = truth.iloc[:, 0] - predicted.iloc[:, 0]
    if not np.isfinite(difference.to_numpy(dtype=float)).any():
        raise ValueError("No residual is known: y_true - y_pred is NaN everywhere, or their indexes share no time.")
    return {label: frame.iloc[:, 0] for label, frame in by_series(difference.to_frame()).items()}


def _autocorrelation(parts: list[np.ndarray], n_lags: int) -> np.ndarray:
    """Autocorrelation at lags 1 ... n_lags (n_lags,), of pairs within one series of which both are known.

    Each is the mean product of the pairs, as a share of the variance; NaN without a pair.
    """
    known = np.concatenate(parts)
    known = known[np.isfinite(known)]
    centred = [np.where(np.isfinite(part), part, np.nan) - known.mean() for part in parts]
    variance = np.mean((known - known.mean()) ** 2)
    found = np.full(n_lags, np.nan)
    for lag in range(1, n_lags + 1):
        products = np.concatenate([part[lag:] * part[:-lag] for part in centred])
        if np.isfinite(products).any() and variance > 0:
            found[lag - 1] = np.nanmean(products) / variance
    return found
