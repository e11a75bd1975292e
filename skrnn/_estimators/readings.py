"""What a fitted estimator can be asked beside its predictions: attention weights, and one step at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrnn._data.sequences import in_whole_segments
from skrnn._learning import as_it_is_now
from skrnn._validation import (
    available_with,
    check_segments,
    check_sequences,
    check_states,
    check_step,
    warn_of_new_values,
    warn_of_unobserved,
)

if TYPE_CHECKING:
    from skrnn._data.sequences import Sequences
    from skrnn._model.model import Model
    from skrnn._model.outputs import Outputs

_Reading = TypeVar("_Reading")


class Readings(ABC):
    """Abstract: a task adds how an answer is read from raw outputs."""

    _model: Model
    device: str
    pooling: str

    @available_with(
        'pooling="attention" and return_sequences=False in fit',
        lambda self: _has_attention(self._model.spec if self.__sklearn_is_fitted__() else self),
    )
    def attention_weights(self, X: Any) -> np.ndarray:
        """Weight of each step in the summary that the output reads.

        Only with ``pooling="attention"`` and without ``return_sequences=True``, which makes no summary.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences, as in ``predict``.

        Returns
        -------
        weights : ndarray of shape (n_samples, n_steps // segment_size)
            Not negative; each row sums to 1. Exactly 0 at skipped steps; a sequence without an observed step has only
            zeros.
        """
        now = as_it_is_now(self)
        sequences = now._sequences(X)
        weights = now._model.attention(sequences, now.device)
        return now._finite(weights, weights.dtype, sequences)

    def predict_step(
        self, X: Any, state: tuple[np.ndarray, ...] | None = None
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Read one more step of each sequence and predict.

        Nothing is kept in the estimator: the state goes in and comes out. A sequence that is stepped through from its
        start ends with the answer that ``predict`` gives for it. The cost does not depend on how long the past is;
        but with a linear map, ``segment_size``, ``bidirectional`` or a ``pooling`` other than "last", the last steps
        are read anew each time, as many as the sequences of ``fit`` had, and older ones are forgotten.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels)
            The newest step of each sequence. A step that is skipped, since it contains NaN, leaves the state as it is.
        state : tuple of ndarray of shape (_, n_samples, _), default=None
            What the last call returned for these sequences: for each layer an array of shape (n_states, n_samples,
            hidden_size), with one state (two for LSTM) of each sequence; where the last steps are read anew, one array
            of these, of shape (n_steps, n_samples, n_channels). ``tuple(array[:, rows] for array in state)`` takes
            some of the sequences. None is the start.

        Returns
        -------
        y_pred : ndarray
            Predictions after this step, as from ``predict`` without an axis of steps.
        state : tuple of ndarray
            The state to pass in with the next step; new arrays.

        Raises
        ------
        ValueError
            If the state is not one that this estimator returns for as many sequences.
        """
        now = as_it_is_now(self)
        return now._step(X, state, now._answer)

    def _step(
        self, X: Any, state: tuple[np.ndarray, ...] | None, read: Callable[[Outputs, np.dtype], _Reading]
    ) -> tuple[_Reading, tuple[np.ndarray, ...]]:
        """What ``read`` gives of the outputs after one more step and of the precision of X, and the state then."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # which says so, but takes its time where nothing is to be said
        from skrnn._model.steps import step

        values = check_step(self, X, self._model.units.n_channels)
        model = self._model
        state = check_states(state, len(values), model.state_shapes, allow_nan=model.reads_windows)
        answer, outputs, after = step(model, values, state, self.device, lambda outputs: read(outputs, values.dtype))
        warn_of_new_values(self, outputs.of, model.units.x)
        for array in () if model.reads_windows else after:
            self._finite(array, array.dtype, outputs.of)
        return answer, after

    @abstractmethod
    def _answer(self, outputs: Outputs, dtype: np.dtype) -> np.ndarray:
        """Predictions from outputs, in the shape that users see."""

    def _infer(self, X: Any, *, linear_only: bool = False) -> tuple[Outputs, np.dtype]:
        """Outputs, and the precision of X."""
        sequences = self._sequences(X)
        warn_of_unobserved(self, sequences, self._model.units.missing)
        model = self._model
        if linear_only:
            if not model.spec.linear_steps:
                raise ValueError(
                    f"linear_only=True needs a linear map, but this {type(self).__name__} was fitted without one (see "
                    "linear_skip)."
                )
            model = model.linear_alone()
        return model.infer(sequences, self.device), sequences.base.dtype

    def _finite(self, answer: np.ndarray, dtype: np.dtype, sequences: Sequences) -> np.ndarray:
        """An answer to sequences in some precision; ValueError, with the likely cause, if it is not finite."""
        with np.errstate(over="ignore") if answer.dtype != dtype else nullcontext():
            converted = answer.astype(dtype, copy=False)
        if np.isfinite(converted).all():
            return converted
        name = type(self).__name__
        if np.isfinite(answer).all():
            raise ValueError(
                f"The answers of {name} reach {np.abs(answer).max():.4g}, beyond {dtype}, the precision of X. Pass X "
                "in float64."
            )
        distance, channel, value = self._model.units.farthest(sequences)
        raise ValueError(
            f"The answer of {name} is not finite for some samples of X. The value of X that is farthest from those of "
            f"fit is {value:.4g} in channel {channel}, {distance:.4g} standard deviations from the mean. If that is "
            "right, fit with dtype='float64'; if it is not far, training went astray: lower learning_rate_init."
        )

    def _observed(self, X: Any) -> np.ndarray:
        """Steps of X that are read (n, step)."""
        return self._sequences(X).observed_steps(self._model.units.missing)

    def _sequences(self, X: Any) -> Sequences:
        check_is_fitted(self)
        sequences = check_sequences(self, X, n_channels=self._model.units.n_channels, reset=False)
        size = self._model.spec.segment_size
        if self._model.asked.get("segment_size") == "auto":
            sequences = in_whole_segments(sequences, size)
        check_segments(sequences, size)
        warn_of_new_values(self, sequences, self._model.units.x)
        return sequences

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")


def _has_attention(shape: Any) -> bool:
    """Whether a summary by attention is made, of parameters or of what a network was built from."""
    return bool(shape.pooling == "attention" and not shape.return_sequences)
