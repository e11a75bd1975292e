"""Forecasts beside what came before and what came after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from skrnn._displays.figure import FIRST, NEUTRAL, head, ink, many_axes, note, styled
from skrnn._displays.origins import forecast_from
from skrnn._displays.panels import Panel, divided, message_of, read_panels
from skrnn._displays.tables import place_of, places, short_dates, time_name
from skrnn._validation import check_matplotlib_support


class ForecastDisplay:
    """Forecasts with their bands, the values before them and what came true.

    Use ``from_estimator`` or ``from_predictions`` to make one. Each series and each output has axes of its own.

    Parameters
    ----------
    y_pred : DataFrame, Series or array-like of shape (n,) or (n, n_outputs)
        Forecasts; see ``from_predictions``.
    y_true : DataFrame, Series or array-like, default=None
        What came true.
    bands : tuple or dict, default=None
        Ends of the bands.
    history : DataFrame, Series or array-like, default=None
        Values before the forecasts.
    origin : label, default=None
        Time of the last value that the forecasts know.

    Attributes
    ----------
    forecast_lines_ : list of matplotlib Line2D
        Forecasts, one line in each of ``ax_``.
    truth_lines_, history_lines_, origin_lines_ : list of matplotlib Line2D or None
        What came true, the values before and the origin; None where they are not known.
    bands_ : list of list of matplotlib PolyCollection
        Bands in each of ``ax_``, the widest last.
    ax_ : ndarray of matplotlib Axes
        One for each series and output.
    figure_ : matplotlib Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import ForecastDisplay, GRURegressor, SlidingWindowTransformer
    >>> index = pd.date_range("2024-01-01", periods=300, freq="h", name="time")
    >>> noise = np.random.default_rng(0).normal(scale=0.1, size=300)
    >>> df = pd.DataFrame({"load": np.sin(np.arange(300) / 4) + noise}, index=index)
    >>> model = make_pipeline(SlidingWindowTransformer(12, horizon=1), GRURegressor(4, max_iter=20, random_state=0))
    >>> model = model.fit(df[:200], df["load"][:200])
    >>> display = ForecastDisplay.from_estimator(model, df, df["load"], steps=24, confidence_level=0.8)
    >>> plt.show()
    """

    def __init__(
        self, y_pred: Any, *, y_true: Any = None, bands: Any = None, history: Any = None, origin: Any = None
    ) -> None:
        self.y_pred = y_pred
        self.y_true = y_true
        self.bands = bands
        self.history = history
        self.origin = origin

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        bands: Any = None,
        history: Any = None,
        origin: Any = None,
        series: Sequence[Any] | None = None,
        ax: Any = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> ForecastDisplay:
        """Plot forecasts.

        Pandas objects are matched by their index: the last level is the time, the levels before it name the series.

        Parameters
        ----------
        y_true : DataFrame, Series or array-like of shape (n,) or (n, n_outputs), or None
            What came true. An array belongs to the rows of ``y_pred``. None if it is not known.
        y_pred : DataFrame, Series or array-like of shape (n,) or (n, n_outputs)
            Forecasts, such as what ``forecast`` returns: columns ``<name>_lower`` and ``<name>_upper`` are bands.
        bands : (lower, upper) or dict of label to (lower, upper), default=None
            Ends of a band, each in the form of ``y_pred``; or those of several, from the narrowest to the widest, with
            labels such as "80 %".
        history : DataFrame, Series or array-like of shape (m,) or (m, n_outputs), default=None
            Values before the forecasts. An array ends where those begin, if they are an array too.
        origin : label, default=None
            Time of the last value that the forecasts know; the last of ``history`` if None.
        series : list of labels, default=None
            Series to draw; the first nine if None.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each series and output, or one that is divided; those of a new figure if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the forecasts.

        Returns
        -------
        display : ForecastDisplay
            The display.

        Raises
        ------
        ValueError
            If lengths or indexes do not fit together, or if ``series`` names one that there is not.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        display = cls(y_pred, y_true=y_true, bands=bands, history=history, origin=origin)
        return display.plot(ax, series=series, line_kwargs=line_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        steps: int,
        origin: Any = None,
        n_history: int | None = None,
        target: Any = None,
        future: Any = None,
        confidence_level: float | None = None,
        series: Sequence[Any] | None = None,
        ax: Any = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> ForecastDisplay:
        """Forecast from an origin within X, without a look at later targets, and plot it beside what came true.

        Parameters
        ----------
        estimator : estimator
            Fitted pipeline with a ``SlidingWindowTransformer``, as for ``forecast``. Fit it on rows up to the origin
            only, for a forecast of what it has not seen.
        X : array-like or data frame of shape (n_samples, n_features)
            Rows of one or several series. Rows after the origin give the columns that are known in advance.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target of each row, paired by position.
        steps : int
            Length of the forecast.
        origin : label, default=None
            Time of the last row that is known, a row number if X has no times; if None the last one that leaves
            ``steps`` times.
        n_history : int, default=None
            Number of values of each series to draw before the origin; three times ``steps`` if None.
        target : label or list of them, default=None
            As for ``forecast``.
        future : label or list of them, default=None
            Columns of X that are known in advance; those that ``future_columns`` of the window step names if None.
        confidence_level : float, default=None
            As for ``forecast``: rows between those of the fit and the origin then calibrate a band.
        series : list of labels, default=None
            Series to draw; the first nine if None.
        ax : matplotlib Axes or array of them, default=None
            As in ``from_predictions``.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the forecasts.

        Returns
        -------
        display : ForecastDisplay
            The display.

        Raises
        ------
        ValueError
            If X holds too few rows, or as ``forecast`` does.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        table, past, ahead = forecast_from(
            estimator,
            X,
            y,
            steps=steps,
            origin=origin,
            target=target,
            future=future,
            confidence_level=confidence_level,
            caller=cls.__name__,
        )
        n_shown = 3 * steps if n_history is None else n_history
        levels = list(range(past.index.nlevels - 1))
        last = None if levels else past.index[-1]
        past = past.groupby(level=levels, sort=False).tail(n_shown) if levels else past.tail(n_shown)
        y_pred, bands = divided(table)
        named = {f"{100 * confidence_level:g}% band": ends for ends in bands.values()} if confidence_level else None
        display = cls(y_pred, y_true=ahead, bands=named, history=past, origin=last)
        return display.plot(ax, series=series, line_kwargs=line_kwargs)

    def plot(
        self, ax: Any = None, *, series: Sequence[Any] | None = None, line_kwargs: Mapping[str, Any] | None = None
    ) -> Self:
        """Draw the forecasts.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each series and output, or one that is divided; those of a new figure if None.
        series : list of labels, default=None
            Series to draw; the first nine if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the forecasts.

        Returns
        -------
        display : ForecastDisplay
            The display.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        panels, which = read_panels(self.y_pred, self.y_true, self.bands, self.history, self.origin, series)
        one = len(panels) == 1
        size = (6.4, 4.2) if one else (4.0, 2.6)
        axes = many_axes(
            ax,
            len(panels),
            columns=2 if len(panels) in (2, 4) else min(3, len(panels)),
            size=size,
            caller=type(self).__name__,
        )
        self.forecast_lines_: list[Any] = []
        self.truth_lines_: list[Any] = []
        self.history_lines_: list[Any] = []
        self.origin_lines_: list[Any] = []
        self.bands_: list[list[Any]] = []
        for panel, own in zip(panels, axes, strict=True):
            self._draw(panel, own, line_kwargs)
            if not one:
                own.set_title(panel.name, fontsize="medium")
        message = message_of(panels, which)
        if one:
            head(axes[0], message)
        else:
            note(axes, message, given=ax)
        self.ax_, self.figure_ = axes, axes[0].figure
        return self

    def _draw(self, panel: Panel, ax: Any, line_kwargs: Mapping[str, Any] | None) -> None:
        """Draw one output of one series."""
        observed = {"color": ink(), "linewidth": 1.2}
        history = truth = origin = None
        if panel.history is not None:
            history = _line(ax, panel.history, label="history", **observed)
        if panel.truth is not None:
            truth = _line(
                ax, panel.truth, label="truth", marker=".", markersize=4, zorder=3, **{**observed, "linewidth": 0.5}
            )
        given = styled({"color": FIRST, "linewidth": 2, "label": "forecast"}, line_kwargs)
        forecast = _line(ax, panel.forecast, **given)
        at = places(panel.forecast.index)
        filled = []
        for i, (label, (lower, upper)) in enumerate(panel.bands.items()):
            ends = (end.reindex(panel.forecast.index).to_numpy(dtype=float) for end in (lower, upper))
            alpha = 0.35 / (1 + 0.6 * i)
            filled.append(ax.fill_between(at, *ends, color=forecast.get_color(), alpha=alpha, linewidth=0, label=label))
        if panel.origin is not None:
            origin = ax.axvline(
                place_of(panel.origin, panel.forecast.index), color=NEUTRAL, linestyle=":", label="origin"
            )
        ax.set(xlabel=time_name(panel.forecast.index), ylabel=str(panel.forecast.name))
        ax.margins(x=0.02)
        short_dates(ax)
        self.history_lines_.append(history)
        self.truth_lines_.append(truth)
        self.forecast_lines_.append(forecast)
        self.bands_.append(filled)
        self.origin_lines_.append(origin)


def _line(ax: Any, values: Any, **style: Any) -> Any:
    """A line of values by time; a single value is a dot."""
    style = {"marker": "o", **style} if len(values) == 1 else style
    return ax.plot(places(values.index), values.to_numpy(dtype=float), **style)[0]
