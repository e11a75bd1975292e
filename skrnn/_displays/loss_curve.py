"""How the losses went while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from skrnn._displays.figure import FIRST, NEUTRAL, SECOND, head, ink, one_axes, styled
from skrnn._displays.models import network_of
from skrnn._estimators.base import RecurrentEstimator
from skrnn._validation import check_matplotlib_support


class LossCurveDisplay:
    """Losses of training, epoch by epoch.

    Use ``from_estimator`` to make one.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        Training loss of each epoch.
    initial_loss : float
        Watched loss before the first epoch.
    best_epoch : int
        Number of epochs after which the weights are best; 0 for those before training.
    validation_loss_curve : array-like of shape (n_last_epochs,), default=None
        Loss of the held-out samples after each of the last epochs; None if none were held out.
    start : str, default="start"
        What answers before training.
    loss_name : str, default="loss"
        Name of the loss, with its unit.

    Attributes
    ----------
    train_line_ : matplotlib Line2D
        Training loss.
    validation_line_ : matplotlib Line2D or None
        Held-out loss; it begins with the loss before training if samples were held out from the first epoch on.
    initial_line_ : matplotlib Line2D
        The loss before training, a level line.
    best_line_ : matplotlib Line2D
        The epoch that stays, an upright line.
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from skrnn import GRURegressor, LossCurveDisplay
    >>> X = np.random.default_rng(0).normal(size=(60, 5, 1))
    >>> model = GRURegressor(8, learning_rate_init=0.05, max_iter=20, random_state=0)
    >>> model = model.fit(X, X[:, 3, 0] * X[:, 4, 0])
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> plt.show()
    """

    def __init__(
        self,
        loss_curve: Any,
        initial_loss: float,
        best_epoch: int,
        *,
        validation_loss_curve: Any = None,
        start: str = "start",
        loss_name: str = "loss",
    ) -> None:
        self.loss_curve = loss_curve
        self.initial_loss = initial_loss
        self.best_epoch = best_epoch
        self.validation_loss_curve = validation_loss_curve
        self.start = start
        self.loss_name = loss_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, line_kwargs: Mapping[str, Any] | None = None
    ) -> LossCurveDisplay:
        """Plot the losses of a fitted network.

        Parameters
        ----------
        estimator : estimator
            Fitted network, or a fitted pipeline or search that ends with one.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for both curves.

        Returns
        -------
        display : LossCurveDisplay
            The display.

        Raises
        ------
        ValueError
            If the model ends with no network of skrnn.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        network = network_of(estimator, cls.__name__)
        display = cls(
            network.loss_curve_,
            network.initial_loss_,
            network.best_epoch_,
            validation_loss_curve=network.validation_loss_curve_,
            start=_start(network),
            loss_name=_loss_name(network),
        )
        return display.plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax: Any = None, *, line_kwargs: Mapping[str, Any] | None = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure if None.
        line_kwargs : dict, default=None
            Keywords of ``matplotlib``'s ``plot`` for both curves.

        Returns
        -------
        display : LossCurveDisplay
            The display.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        ax = one_axes(ax)
        n_epochs = len(self.loss_curve)
        dot = {"marker": "."} if n_epochs == 1 else {}
        train = styled({"color": FIRST, "linestyle": "--", "label": "training", **dot}, line_kwargs)
        (self.train_line_,) = ax.plot(np.arange(1, n_epochs + 1), self.loss_curve, **train)
        self.validation_line_ = None
        epochs, losses = self._watched()
        if self.validation_loss_curve is not None:
            held_out = styled({"color": SECOND, "label": "held out"}, line_kwargs)
            (self.validation_line_,) = ax.plot(epochs, losses, **held_out)
        self.initial_line_ = ax.axhline(self.initial_loss, color=NEUTRAL, linestyle=":", label=self.start)
        self.best_line_ = ax.axvline(self.best_epoch, color=ink(), linewidth=1, label="best epoch")
        stays = losses[epochs == self.best_epoch]
        ax.plot(np.full(len(stays), self.best_epoch), stays, "o", color=ink(), markersize=5)
        ax.set(xlabel="epoch", ylabel=self.loss_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        head(ax, self._message(stays))
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _watched(self) -> tuple[np.ndarray, np.ndarray]:
        """The epochs after which the watched loss is known, and this loss."""
        n_epochs = len(self.loss_curve)
        curve: Sequence[float] = self.loss_curve if self.validation_loss_curve is None else self.validation_loss_curve
        losses, epochs = np.asarray(curve, dtype=float), np.arange(n_epochs + 1 - len(curve), n_epochs + 1)
        if len(curve) == n_epochs:
            losses, epochs = np.append(self.initial_loss, losses), np.append(0, epochs)
        return epochs, losses

    def _message(self, stays: np.ndarray) -> str:
        if not self.best_epoch:
            return "No epoch of training is better than the answer without it"
        loss = f": {stays[0]:.3g}, {self.start} {self.initial_loss:.3g}" if len(stays) else ""
        if self.validation_loss_curve is None:
            return f"Training loss after the last epoch, {self.best_epoch}{loss}"
        return f"Held-out loss is best after epoch {self.best_epoch}{loss}"


def _start(network: RecurrentEstimator) -> str:
    """What answered before training; the network that linear_skip="auto" trains has no linear map."""
    from_line = network.linear_steps_ and network.get_params(deep=False)["linear_skip"] != "auto"
    return "linear start" if from_line else "constant answer"


def _loss_name(network: RecurrentEstimator) -> str:
    """The loss, and its unit where this can be said in a few words."""
    loss = network.get_params(deep=False)["loss"]
    if loss == "squared_error":
        return f"squared error (1 = {_start(network)} in training)"
    return loss.replace("_", " ") if isinstance(loss, str) else "loss"
