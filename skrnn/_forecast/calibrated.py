"""A model that was fitted on all rows, and what its errors were when it was tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skrnn._forecast.bands import Errors


@dataclass(frozen=True)
class CalibratedModel:
    """What ``calibrate`` returns: pass it to ``forecast`` and to displays of fitted models in place of the model.

    Attributes
    ----------
    model : estimator
        The model, fitted on all rows.
    residuals : ndarray of shape (n_origins, steps, n_targets)
        The errors of the forecasts of the backtest, truth less forecast, in the unit in which the regressor answers,
        with ``scaling`` in sizes of the window at the origin; NaN where the truth is not known.
    """

    model: Any
    errors: Errors = field(repr=False)

    @property
    def residuals(self) -> np.ndarray:
        return self.errors.values.copy()

    def predict(self, X: Any) -> Any:
        """What the model predicts."""
        return self.model.predict(X)
