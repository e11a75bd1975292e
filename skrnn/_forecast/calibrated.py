"""A model that was fitted on all rows, and what its errors were when it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skrnn._forecast.bands import Errors


@dataclass(frozen=True)
class CalibratedModel:
    """What ``calibrate`` returns: pass it to ``forecast`` in place of the model.

    Attributes
    ----------
    model : estimator
        The model, fitted on all rows.
    errors : Errors
        ``errors.values`` (n_origins, steps, n_targets) are the errors of the forecasts of the backtest, truth less
        forecast, in the unit in which the regressor answers; NaN where the truth is not known.
    """

    model: Any
    errors: Errors

    @property
    def steps(self) -> int:
        """How many steps ahead the errors are known."""
        return int(self.errors.values.shape[1])

    def predict(self, X: Any) -> Any:
        """What the model predicts."""
        return self.model.predict(X)
