"""How the answers of a fitted network move with what it reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skrnn._estimators.base import RecurrentEstimator
from skrnn._learning import as_it_is_now


def slopes(estimator: RecurrentEstimator, X: Any) -> np.ndarray:
    """Derivatives (n, output, step, channel) of the answers by the values of X, 0 where these are NaN.

    Those of a classifier are of its ``decision_function``.

    Raises
    ------
    ValueError
        If the network answers at each step.
    """
    from skrnn._model.slopes import slopes

    now = as_it_is_now(estimator)
    sequences = now._sequences(X)
    if now._model.spec.return_sequences:
        raise ValueError("Gradients by the inputs need a network with one answer for each sequence.")
    return slopes(now._model, sequences, of_answers=not is_classifier(now))
