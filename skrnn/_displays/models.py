"""The network within a model."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skrnn._estimators.base import RecurrentEstimator


def network_of(model: Any, caller: str) -> RecurrentEstimator:
    """The fitted network that a model ends with: within pipelines, searches and what wraps one estimator.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If it ends with no network.
    """
    check_is_fitted(model)
    last = model
    while not isinstance(last, RecurrentEstimator):
        inner = [getattr(last, name) for name in ("best_estimator_", "regressor_", "estimator_") if hasattr(last, name)]
        if hasattr(last, "steps"):
            inner = [step for _, step in last.steps[-1:]]
        if not inner:
            raise ValueError(
                f"{caller} needs a network of skrnn, or a pipeline that ends with one, but {type(model).__name__} ends "
                f"with a {type(last).__name__}."
            )
        last = inner[0]
    check_is_fitted(last)
    return last
