"""What all regressors share: their parameters, targets that are numbers, and predictions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrnn._base import RecurrentEstimator
from skrnn._losses import REGRESSION_LOSSES, Loss
from skrnn._validation import HasMethods, StrOptions, check_sequences, check_target


class RecurrentRegressor(RegressorMixin, RecurrentEstimator):
    """Abstract: a face adds its layer."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RecurrentEstimator._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES)), HasMethods(["width", "__call__", "predict"])],
    }

    def __init__(
        self,
        hidden_size: int = 32,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        loss: Any = "squared_error",
        solver: str = "adam",
        learning_rate_init: float = 0.005,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        clip_norm: float | None = 5.0,
        batch_size: int | str = "auto",
        max_iter: int = 100,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        n_channels: int | str = "auto",
        device: str = "cpu",
        dtype: str = "auto",
        random_state: Any = None,
        verbose: int | bool = 0,
    ) -> None:
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.loss = loss
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.n_channels = n_channels
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X: Any) -> np.ndarray:
        """Predict the target of each sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences. Their number of steps may differ from that in ``fit`` if X has three dimensions.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the shape of the ``y`` of ``fit``; float32 for float32 X, else float64. A sequence
            without an observed step gets the answer of the initial state.
        """
        check_is_fitted(self)
        sequences = check_sequences(self, X, n_channels=self._model.spec.input_size, reset=False)
        answer = self._model.predict(sequences, self.device).astype(sequences.base.dtype)
        return answer if self._column_target else answer.ravel()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_target(self, y: Any, n_samples: int, *, reset: bool) -> np.ndarray:
        y = check_target(self, y, n_samples)
        if reset:
            self._column_target = y.ndim == 2
        return y.reshape(n_samples, -1)

    def _make_loss(self) -> Loss:
        return REGRESSION_LOSSES[self.loss]() if isinstance(self.loss, str) else self.loss
