"""The model that a user passes, and the network within it."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skrnn._estimators.base import RecurrentEstimator
from skrnn._forecast.calibrated import CalibratedModel


def uncalibrated(model: Any) -> Any:
    """The model itself of one that ``calibrate`` returned; any other as it is."""
    return model.model if isinstance(model, CalibratedModel) else model


def network_of(model: Any, caller: str) -> RecurrentEstimator:
    """The fitted network that a model ends with: within pipelines, searches and what wraps one estimator.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If it ends with no network.
    """
    last = model = uncalibrated(model)
    check_is_fitted(model)
    while not isinstance(last, RecurrentEstimator):
        inner = [getattr(last, name) for name in ("best_estimator_", "regressor_", "estimator_") if hasattr(last, name)]
        if hasattr(last, "steps"):
            inner = [step for _, step in last.steps[-1:]]
        if not inner:
            ends = "" if last is model else f", which ends with a {type(last).__name__}"
            raise ValueError(
                f"{caller} needs a network of skrnn, or a pipeline that ends with one; got a "
                f"{type(model).__name__}{ends}."
            )
        last = inner[0]
    check_is_fitted(last)
    return last
