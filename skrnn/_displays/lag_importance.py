"""Which lags and which channels move the answer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from skrnn._displays.figure import FIRST, NEUTRAL, SECOND, THIRD, head, ink, many_axes, note
from skrnn._displays.readers import Reader, reader_of
from skrnn._estimators.base import RecurrentEstimator
from skrnn._estimators.slopes import slopes
from skrnn._validation import check_matplotlib_support

_STYLES = ((FIRST, "-", "o"), (SECOND, "--", "s"), (THIRD, "-.", "^"), ("ink", ":", "D"))
_KINDS = ("gradient", "permutation")


class LagImportanceDisplay:
    """How much each lag of each channel moves the answer, and the coefficients of the linear part beside it.

    Use ``from_estimator`` to make one.

    Parameters
    ----------
    importances : ndarray of shape (n_steps, n_channels)
        Importance of each step of each channel, oldest step first.
    lags : ndarray of shape (n_steps, n_channels)
        How many steps each lies back.
    channels : list of str
        Names of the channels.
    linear : ndarray of shape (n_linear_steps, n_channels), default=None
        Coefficients of the linear part, per spread of the channel; None if there is none.
    importance_name : str, default="importance"
        What the importances are, with their unit.
    linear_name : str, default="linear part"
        The same for the coefficients.
    lag_name : str, default="lag"
        From where lags are counted.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        Importances over the lags, by the names of the channels.
    linear_lines_ : dict of str to matplotlib Line2D
        Coefficients over the lags; empty if there is no linear part.
    ax_ : ndarray of matplotlib Axes
        Axes of importances and, if there is a linear part, of coefficients.
    figure_ : matplotlib Figure
        Figure that holds them.

    Notes
    -----
    All are in units of the answer for one spread (standard deviation over the windows) of the channel, so that channels
    and lags compare. A gradient says what a small change does while all else stays. A permutation says how much is
    lost without a lag; where neighbouring lags tell the same, each of them alone may be missed little.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from skrnn import GRURegressor, LagImportanceDisplay
    >>> X = np.random.default_rng(0).normal(size=(100, 6, 2))
    >>> model = GRURegressor(8, max_iter=20, early_stopping=False, random_state=0)
    >>> model = model.fit(X, X[:, 3, 0] * X[:, 4, 0] + X[:, 5, 1])
    >>> display = LagImportanceDisplay.from_estimator(model, X)
    >>> plt.show()
    """

    def __init__(
        self,
        importances: np.ndarray,
        lags: np.ndarray,
        channels: list[str],
        *,
        linear: np.ndarray | None = None,
        importance_name: str = "importance",
        linear_name: str = "linear part",
        lag_name: str = "lag",
    ) -> None:
        self.importances = importances
        self.lags = lags
        self.channels = channels
        self.linear = linear
        self.importance_name = importance_name
        self.linear_name = linear_name
        self.lag_name = lag_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        kind: str = "gradient",
        output: int = 0,
        n_repeats: int = 5,
        subsample: int | None = 1000,
        random_state: Any = None,
        ax: Any = None,
    ) -> LagImportanceDisplay:
        """Measure and plot importances.

        Parameters
        ----------
        estimator : estimator
            Fitted network, or fitted pipeline with a ``SlidingWindowTransformer``.
        X : array-like or data frame
            Sequences for a network, rows for a pipeline.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets; needed for ``kind="permutation"``.
        kind : {"gradient", "permutation"}, default="gradient"
            "gradient": mean absolute derivative of the answer; of a classifier, of its ``decision_function``; within a
            ``TransformedTargetRegressor``, of the answer before it is brought back. Only for networks of this package.
            "permutation": rise of the error (root mean squared error, or log loss of a classifier) when one lag of one
            channel is shuffled among the samples where it is known; for any model.
        output : int, default=0
            Which output, if there are several. Ignored for the log loss.
        n_repeats : int, default=5
            How often each lag is shuffled. Ignored unless ``kind="permutation"``.
        subsample : int or None, default=1000
            Number of windows to take, evenly from all; all if None.
        random_state : int, RandomState instance or None, default=None
            Shuffles. Ignored unless ``kind="permutation"``.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on: two if there is a linear part, else one; or one that is divided. Those of a new figure if
            None.

        Returns
        -------
        display : LagImportanceDisplay
            The display.

        Raises
        ------
        ValueError
            If ``kind="permutation"`` without y, if gradients cannot be had, or if there is no such output.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}.")
        reader = reader_of(estimator, X, cls.__name__)
        chosen = _some(reader, None if kind == "gradient" else _targets(y, reader), subsample)
        windows = reader.windows[chosen]
        with np.errstate(invalid="ignore"):
            spread = np.nan_to_num(np.nanstd(windows.reshape(-1, windows.shape[2]).astype(np.float64), axis=0))
        if kind == "gradient":
            importances = _gradients(reader, windows, output) * spread
            name = f"mean |gradient| {_unit(reader)}"
        else:
            importances = _rises(reader, windows, _targets(y, reader)[chosen], output, n_repeats, random_state)
            name = f"rise of {'log loss' if reader.is_classifier else 'RMSE'} when shuffled"
        linear = None if reader.network is None else _linear(reader.network, output)
        return cls(
            importances,
            reader.lags,
            reader.channels,
            linear=None if linear is None else linear * spread,
            importance_name=name,
            linear_name=f"linear part {_unit(reader, of_coef=True)}",
            lag_name=f"steps before the {'row' if reader.of_rows else 'last step'}",
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw importances and the linear part.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on: two if there is a linear part, else one; or one that is divided. Those of a new figure if
            None.

        Returns
        -------
        display : LagImportanceDisplay
            The display.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        n = 1 if self.linear is None else 2
        size = (6.4, 4.2) if n == 1 else (4.8, 3.6)
        axes = many_axes(ax, n, columns=n, size=size, caller=type(self).__name__)
        self.lines_ = self._draw(axes[0], self.importances)
        axes[0].set_ylabel(self.importance_name)
        self.linear_lines_ = {}
        if self.linear is not None:
            self.linear_lines_ = self._draw(axes[1], self.linear)
            axes[0].set_title("Importance", fontsize="medium")
            axes[1].set_title("Linear part", fontsize="medium")
            axes[1].set_ylabel(self.linear_name)
        for own in axes:
            own.axhline(0.0, color=ink(), linewidth=1)
            own.set_xlabel(self.lag_name)
            own.invert_xaxis()
            own.xaxis.get_major_locator().set_params(integer=True)
        if n == 1:
            head(axes[0], self._message())
        else:
            note(axes, self._message(), given=ax)
        self.ax_, self.figure_ = axes, axes[0].figure
        return self

    def _draw(self, ax: Any, values: np.ndarray) -> dict[str, Any]:
        """A line for each channel, over the last lags; those of channels beyond the fourth in importance are grey."""
        order = np.argsort(-np.abs(self.importances).max(axis=0), kind="stable")
        lags, lines = self.lags[len(self.lags) - len(values) :], {}
        for rank, channel in enumerate(order):
            color, linestyle, marker = _STYLES[rank] if rank < len(_STYLES) else (NEUTRAL, "-", "none")
            label = self.channels[channel] if rank < len(_STYLES) else "others"
            (lines[self.channels[channel]],) = ax.plot(
                lags[:, channel],
                values[:, channel],
                color=ink() if color == "ink" else color,
                linestyle=linestyle,
                marker=marker if len(values) <= 40 else "none",
                markersize=4,
                linewidth=1.5 if rank < len(_STYLES) else 0.7,
                label=label,
                zorder=3 - (rank >= len(_STYLES)),
            )
        return lines

    def _message(self) -> str:
        if not np.any(self.importances > 0):
            return "No lag moves the answer"
        step, channel = np.unravel_index(int(np.argmax(self.importances)), self.importances.shape)
        return f"{self.channels[channel]} at lag {self.lags[step, channel]} moves the answer most"


def _targets(y: Any, reader: Reader) -> np.ndarray:
    """Targets of the windows."""
    if y is None:
        raise ValueError('kind="permutation" needs y: it compares errors. Pass y, or take kind="gradient".')
    targets = np.asarray(y) if reader.is_classifier else np.asarray(y, dtype=np.float64)
    if len(targets) != len(reader.windows):
        raise ValueError(f"X and y must have as many samples; got {len(reader.windows)} and {len(targets)}.")
    return targets


def _some(reader: Reader, y: np.ndarray | None, subsample: int | None) -> np.ndarray:
    """Which windows to take, evenly from those that hold a value and whose target is known."""
    places = np.arange(len(reader.windows))
    if y is not None and y.dtype.kind == "f":
        places = np.flatnonzero(np.isfinite(y.reshape(len(y), -1)).all(axis=1))
    if subsample is not None and len(places) > subsample:
        places = places[np.linspace(0, len(places) - 1, subsample).round().astype(np.int64)]
    places = places[~np.isnan(reader.windows[places]).all(axis=(1, 2))]
    if not len(places):
        raise ValueError("No window of X holds a value whose importance could be measured.")
    return places


def _gradients(reader: Reader, windows: np.ndarray, output: int) -> np.ndarray:
    """Mean absolute derivatives (step, channel), each over the samples where the value is known."""
    if reader.network is None:
        raise ValueError(
            'kind="gradient" needs a network of skrnn right behind the SlidingWindowTransformer, but there is '
            f'{type(reader.predictor).__name__}. Take kind="permutation".'
        )
    found = slopes(reader.network, reader.handed(windows))
    _check_output(output, found.shape[1])
    n_known = np.maximum((~np.isnan(windows)).sum(axis=0), 1)
    return np.asarray(np.abs(found[:, output]).sum(axis=0) / n_known)


def _rises(
    reader: Reader, windows: np.ndarray, y: np.ndarray, output: int, n_repeats: int, random_state: Any
) -> np.ndarray:
    """Mean rise (step, channel) of the error when one lag of one channel is shuffled."""
    _check_output(output, 1 if reader.is_classifier else y.reshape(len(y), -1).shape[1])
    random = check_random_state(random_state)
    before = reader.errors(windows, y, output)
    found = np.zeros(windows.shape[1:])
    for step, channel in np.ndindex(*found.shape):
        column = windows[:, step, channel]
        known = np.flatnonzero(~np.isnan(column))
        for _ in range(n_repeats):
            shuffled = windows.copy()
            shuffled[known, step, channel] = column[random.permutation(known)]
            found[step, channel] += (reader.errors(shuffled, y, output) - before) / n_repeats
    return found


def _linear(network: RecurrentEstimator, output: int) -> np.ndarray | None:
    """Coefficients (step, channel) of the linear part of one output; of several quantiles that which is predicted."""
    if not network.linear_steps_:
        return None
    coef = network.linear_coef_
    level = 0
    n_levels = len(coef) // network.n_outputs_
    if n_levels > 1:
        level = int(np.argmin(np.abs(np.asarray(network.get_params(deep=False)["quantile"]) - 0.5)))
    return np.asarray(coef[output * n_levels + level])


def _check_output(output: int, n_outputs: int) -> None:
    if not 0 <= output < n_outputs:
        raise ValueError(f"output must be a whole number below {n_outputs}, the number of outputs, got {output!r}.")


def _unit(reader: Reader, *, of_coef: bool = False) -> str:
    """Units of the answer and, where they differ, those of the coefficients."""
    if of_coef and reader.network is not None and not reader.is_classifier:
        loss = reader.network.get_params(deep=False)["loss"]
        if not isinstance(loss, str) or loss == "poisson":
            return "(unit of linear_coef_ per spread)"
    return f"({'log-odds' if reader.is_classifier else 'unit of y'} per spread)"
