"""What all regressors share: their parameters, targets that are numbers, and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrnn._estimators.base import RecurrentEstimator
from skrnn._estimators.learnt import MeasuredFromThePast
from skrnn._estimators.settings import keep
from skrnn._learning import as_it_is_now
from skrnn._model.loss_contract import Loss
from skrnn._model.losses import REGRESSION_LOSSES, has_reading, make_loss
from skrnn._validation import (
    Interval,
    Real,
    StrOptions,
    available_with,
    check_domain,
    check_step_numbers,
    check_target,
    plain,
    plain_parameters,
    read_numbers,
    read_weight,
    score_steps,
)

if TYPE_CHECKING:
    from skrnn._model.outputs import Outputs


def _has_quantiles(estimator: Any) -> bool:
    loss = (estimator._model if estimator.__sklearn_is_fitted__() else estimator).loss
    return has_reading(REGRESSION_LOSSES, loss, "quantiles")


_with_quantiles = available_with('loss="quantile" in fit', _has_quantiles)


def spread_of(estimator: Any) -> str | tuple[float, ...] | None:
    """How a regressor tells the spread of its answers: "std", the levels of its quantiles, or None.

    Before ``fit`` this is what the parameters say.
    """
    loss = estimator._model.loss if hasattr(estimator, "_model") else estimator._make_loss()
    if has_reading(REGRESSION_LOSSES, loss, "std"):
        return "std"
    return getattr(loss, "levels", None) if has_reading(REGRESSION_LOSSES, loss, "quantiles") else None


def sizes_of(estimator: Any, X: Any) -> np.ndarray | None:
    """By what the answers of a fitted regressor were multiplied (n, target), see ``scaling``; None for nothing."""
    now = as_it_is_now(estimator)
    units = now._model.units
    levels = units.levels(now._sequences(X))
    return None if levels is None or levels.sizes is None else units.anchor.sizes_of_targets(levels.sizes)


class RecurrentRegressor(MeasuredFromThePast, RegressorMixin, RecurrentEstimator):
    """Abstract: a face adds its layer."""

    _shaping: ClassVar[tuple[str, ...]] = (*RecurrentEstimator._shaping, "anchor", "scaling")
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RecurrentEstimator._parameter_constraints,
        "anchor": [StrOptions({"auto", "last"}), None],
        "scaling": [StrOptions({"mean", "std"}), None],
        "loss": [StrOptions(set(REGRESSION_LOSSES)), callable],
        "quantile": [Interval(Real, 0, 1, closed="neither"), tuple],
        "delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        hidden_size: int = 32,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        norm: str | None = None,
        pooling: str = "last",
        segment_size: int | str = "auto",
        linear_skip: bool | int = True,
        anchor: str | None = "auto",
        scaling: str | None = None,
        missing: str = "skip",
        return_sequences: bool = False,
        loss: Any = "squared_error",
        quantile: float | tuple[float, ...] = 0.5,
        delta: float = 1.0,
        solver: str = "adam",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.005,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        clip_norm: float | None = 5.0,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: int = 30,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        refit: bool = True,
        warm_start: bool = False,
        n_channels: int | str = "auto",
        device: str = "cpu",
        dtype: str = "auto",
        random_state: Any = None,
        verbose: int | bool = 0,
        callbacks: Any = None,
    ) -> None:
        keep(self, locals())

    def predict(self, X: Any, return_std: bool = False, linear_only: bool = False) -> Any:
        """Predict the target of each sequence, or of each step.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences. Their number of steps may differ from that in ``fit`` if X has three dimensions.
        return_std : bool, default=False
            Return standard deviations too. Needs ``loss="gaussian"``.
        linear_only : bool, default=False
            Leave out what the recurrent layers add, and answer with the linear map alone; see ``linear_skip``.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the shape of the ``y`` of ``fit``; float32 for float32 X, else float64. A sequence
            without an observed step gets the answer of the initial state, with a warning. With
            ``return_sequences=True`` of shape (n_samples, n_steps) or (n_samples, n_steps, n_outputs); a skipped step
            has the answer of the step before.
        y_std : ndarray
            Standard deviations of the targets around the predictions, in the same shape. Only with ``return_std=True``.
        """
        now = as_it_is_now(self)
        outputs, dtype = now._infer(X, linear_only=linear_only)
        answer = now._answer(outputs, dtype)
        return (answer, now._shaped(_std(outputs), dtype, outputs)) if return_std else answer

    @_with_quantiles
    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Predict the levels of ``quantile``. Only with ``loss="quantile"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences, as in ``predict``.

        Returns
        -------
        y_quantiles : ndarray of shape (n_samples, n_levels)
            Quantiles in the order of the levels; they never cross. For y of shape (n_samples, n_outputs) of shape
            (n_samples, n_outputs, n_levels), with an axis of steps in front of both with ``return_sequences=True``.
        """
        now = as_it_is_now(self)
        outputs, dtype = now._infer(X)
        return now._shaped(outputs.quantiles(), dtype, outputs, axis=-2)

    def predict_step(self, X: Any, state: tuple[np.ndarray, ...] | None = None, return_std: bool = False) -> Any:
        """Read one more step of each sequence and predict.

        Nothing is kept in the estimator: the state goes in and comes out. A sequence that is stepped through from its
        start ends with the answer that ``predict`` gives for it. The cost does not depend on how long the past is;
        but with a linear map, an anchor, ``segment_size``, ``bidirectional`` or a ``pooling`` other than "last", the
        last steps are read anew each time, as many as the sequences of ``fit`` had, and older ones are forgotten.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels)
            The newest step of each sequence. A step that is skipped, since it contains NaN, leaves the state as it is.
        state : tuple of ndarray of shape (_, n_samples, _), default=None
            What the last call returned for these sequences: for each layer an array of shape (n_states, n_samples,
            hidden_size), with one state (two for LSTM) of each sequence; where the last steps are read anew, one array
            of these, of shape (n_steps, n_samples, n_channels). ``tuple(array[:, rows] for array in state)`` takes
            some of the sequences. None is the start.
        return_std : bool, default=False
            Return standard deviations too. Needs ``loss="gaussian"``.

        Returns
        -------
        y_pred : ndarray
            Predictions after this step, as from ``predict`` without an axis of steps.
        y_std : ndarray
            Standard deviations, in the same shape. Only with ``return_std=True``.
        state : tuple of ndarray
            The state to pass in with the next step; new arrays.

        Raises
        ------
        ValueError
            If the state is not one that this estimator returns for as many sequences. If ``return_std=True`` without
            ``loss="gaussian"``.
        """
        now = as_it_is_now(self)
        if not return_std:
            return now._step(X, state, now._answer)
        (answer, std), after = now._step(
            X, state, lambda outputs, dtype: (now._answer(outputs, dtype), now._shaped(_std(outputs), dtype, outputs))
        )
        return answer, std, after

    @_with_quantiles
    def predict_quantiles_step(
        self, X: Any, state: tuple[np.ndarray, ...] | None = None
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Read one more step of each sequence and predict the levels of ``quantile``. Only with ``loss="quantile"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels)
            The newest step of each sequence, as in ``predict_step``.
        state : tuple of ndarray of shape (_, n_samples, _), default=None
            What the last call, or one of ``predict_step``, returned for these sequences. None is the start.

        Returns
        -------
        y_quantiles : ndarray
            Quantiles after this step, as from ``predict_quantiles`` without an axis of steps.
        state : tuple of ndarray
            The state to pass in with the next step; new arrays.
        """
        now = as_it_is_now(self)
        return now._step(X, state, lambda outputs, dtype: now._shaped(outputs.quantiles(), dtype, outputs, axis=-2))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Coefficient of determination of the predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences.
        y : array-like
            Targets in the shape of those of ``fit``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        score : float
            R2, averaged over the outputs. With ``return_sequences=True`` over all steps that are not skipped.
        """
        now = as_it_is_now(self)
        check_is_fitted(now)
        if not now._model.spec.return_sequences:
            y = read_numbers(y, "y", type(self).__name__)
            return float(super(RecurrentRegressor, now).score(X, y, read_weight(sample_weight)))
        observed = now._observed(X)
        return score_steps(r2_score, check_step_numbers(y, observed), now.predict(X), observed, sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

    def _answer(self, outputs: Outputs, dtype: np.dtype) -> np.ndarray:
        return self._shaped(outputs.answers(), dtype, outputs)

    def _shaped(self, answer: np.ndarray, dtype: np.dtype, outputs: Outputs, axis: int = -1) -> np.ndarray:
        """An answer with or without the axis of targets."""
        return self._finite(answer if self._column_target else answer.take(0, axis), dtype, outputs.of)

    def _check_target(self, y: Any, n_samples: int, observed: np.ndarray | None, *, reset: bool) -> np.ndarray:
        y = check_target(self, y, n_samples) if observed is None else check_step_numbers(y, observed)
        check_domain(y, self._make_loss(), self.loss)
        n_axes = 1 if observed is None else 2
        if reset:
            self._column_target = y.ndim > n_axes
        return y.reshape(*y.shape[:n_axes], -1)

    def _make_loss(self) -> Loss:
        return make_loss(REGRESSION_LOSSES, plain(self.loss), plain_parameters(self, "quantile", "delta"))


def _std(outputs: Outputs) -> np.ndarray:
    """Standard deviations (..., target); ValueError if the loss has none."""
    loss = outputs.loss
    if not hasattr(loss, "std"):
        fitted_with = next((name for name, kind in REGRESSION_LOSSES.items() if type(loss) is kind), loss)
        raise ValueError(f"return_std=True needs loss='gaussian', but this model was fitted with {fitted_with!r}.")
    return outputs.std()
