"""Errors and skills of forecasts by step ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from skrnn._displays.figure import FIRST, NEUTRAL, SECOND, ink, many_axes, note, styled
from skrnn._forecast import backtest
from skrnn._validation import check_matplotlib_support

_SKILL = "skill_over_"
_STYLES = ((SECOND, "--"), (NEUTRAL, "-."))


class BacktestDisplay:
    """Error of a model by step ahead beside those of naive forecasts, and its skill over these.

    Use ``from_table`` or ``from_estimator`` to make one.

    Parameters
    ----------
    table : DataFrame of shape (steps, n_columns)
        What ``backtest`` returns.
    error_name : str, default="error"
        What the errors are, with their unit.

    Attributes
    ----------
    error_lines_ : dict of str to matplotlib Line2D
        Errors of the model and of each naive forecast, by the names of the columns.
    skill_lines_ : dict of str to matplotlib Line2D
        Skills over each naive forecast, by the name of this forecast.
    zero_line_ : matplotlib Line2D
        No skill.
    ax_ : ndarray of matplotlib Axes of shape (2,)
        Axes of errors and of skills.
    figure_ : matplotlib Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import BacktestDisplay, SlidingWindowTransformer, backtest
    >>> X = pd.DataFrame({"load": np.sin(np.arange(200) / 4)})
    >>> model = make_pipeline(SlidingWindowTransformer(8, horizon=1, flatten=True), SimpleImputer(), Ridge(1e-6))
    >>> table = backtest(model, X, X["load"], steps=5)
    >>> display = BacktestDisplay.from_table(table, error_name="RMSE")
    >>> plt.show()
    """

    def __init__(self, table: Any, *, error_name: str = "error") -> None:
        self.table = table
        self.error_name = error_name

    @classmethod
    def from_table(
        cls, table: Any, *, error_name: str = "error", ax: Any = None, line_kwargs: Mapping[str, Any] | None = None
    ) -> BacktestDisplay:
        """Plot what ``backtest`` has found.

        Parameters
        ----------
        table : DataFrame of shape (steps, n_columns)
            What ``backtest`` returns: columns "model", and for each naive forecast its error and the skill over it.
        error_name : str, default="error"
            What the errors are, with their unit, for instance "RMSE (MW)".
        ax : matplotlib Axes or array of two, default=None
            Axes to draw on, two or one that is divided; those of a new figure if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the errors of the model.

        Returns
        -------
        display : BacktestDisplay
            The display.

        Raises
        ------
        ValueError
            If the table has not the columns that ``backtest`` returns.
        """
        check_matplotlib_support(f"{cls.__name__}.from_table")
        return cls(table, error_name=error_name).plot(ax, line_kwargs=line_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        steps: int,
        ax: Any = None,
        line_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> BacktestDisplay:
        """Run ``backtest`` and plot what it finds.

        Parameters
        ----------
        estimator : estimator
            Pipeline with a ``SlidingWindowTransformer``; a clone is fitted.
        X : array-like or data frame of shape (n_samples, n_features)
            Rows of one or several series.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target of each row.
        steps : int
            Length of the forecasts.
        ax : matplotlib Axes or array of two, default=None
            Axes to draw on, two or one that is divided; those of a new figure if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the errors of the model.
        **options : dict
            What else ``backtest`` takes, such as ``stride`` and ``season``.

        Returns
        -------
        display : BacktestDisplay
            The display.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        table = backtest(estimator, X, y, steps=steps, **options)
        metric = options.get("metric")
        name = "RMSE" if metric is None else getattr(metric, "__name__", "error").replace("_", " ")
        return cls.from_table(table, error_name=name, ax=ax, line_kwargs=line_kwargs)

    def plot(self, ax: Any = None, *, line_kwargs: Mapping[str, Any] | None = None) -> Self:
        """Draw errors and skills.

        Parameters
        ----------
        ax : matplotlib Axes or array of two, default=None
            Axes to draw on, two or one that is divided; those of a new figure if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for the errors of the model.

        Returns
        -------
        display : BacktestDisplay
            The display.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        table, rivals = self.table, _rivals(self.table)
        axes = many_axes(ax, 2, columns=2, size=(4.6, 3.6), caller=type(self).__name__)
        steps = np.asarray(table.index)
        marker = "o" if len(steps) <= 30 else "none"
        of_model = styled(
            {"color": FIRST, "linewidth": 2, "marker": marker, "markersize": 4, "label": "model"}, line_kwargs
        )
        self.error_lines_ = {"model": axes[0].plot(steps, table["model"], **of_model)[0]}
        self.skill_lines_: dict[str, Any] = {}
        for name, (color, linestyle) in zip(rivals, _STYLES, strict=False):
            style = {"color": color, "linestyle": linestyle, "marker": marker, "markersize": 3}
            label = name.replace("_", " ")
            (self.error_lines_[name],) = axes[0].plot(steps, table[name], label=label, **style)
            (self.skill_lines_[name],) = axes[1].plot(steps, table[_SKILL + name], label=label, **style)
        self.zero_line_ = axes[1].axhline(0.0, color=ink(), linewidth=1)
        axes[0].set(xlabel="steps ahead", ylabel=self.error_name, title="Error")
        axes[0].set_ylim(bottom=min(0.0, axes[0].get_ylim()[0]))
        axes[1].set(
            xlabel="steps ahead", ylabel="1 - error of model / of the naive", title="Skill over naive forecasts"
        )
        for own in axes:
            own.xaxis.get_major_locator().set_params(integer=True)
            own.title.set_fontsize("medium")
        note(axes, self._message(rivals), given=ax)
        self.ax_, self.figure_ = axes, axes[0].figure
        return self

    def _message(self, rivals: list[str]) -> str:
        wins = [f"than {name.replace('_', ' ')} at {int((self.table[_SKILL + name] > 0).sum())}" for name in rivals]
        return f"The model is better {', '.join(wins)} of {len(self.table)} steps ahead"


def _rivals(table: Any) -> list[str]:
    """The naive forecasts of a table, in the order of their errors."""
    labels = [str(label) for label in getattr(table, "columns", ())]
    rivals = [label for label in labels if _SKILL + label in labels]
    if "model" not in labels or not rivals:
        raise ValueError(
            "BacktestDisplay needs the table that backtest returns, with columns 'model', 'persistence' and "
            f"'skill_over_persistence'; got {labels or type(table).__name__}."
        )
    return rivals
