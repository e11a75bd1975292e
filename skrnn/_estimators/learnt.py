"""What a fit has learnt, in words and units that users know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from skrnn._model.model import Model


class Learnt:
    """Fitted attributes that are read from the model."""

    _model: Model

    @property
    def weights_(self) -> dict[str, np.ndarray]:
        check_is_fitted(self)
        return {name: array.copy() for name, array in self._model.weights.items()}

    @property
    def n_parameters_(self) -> int:
        check_is_fitted(self)
        return self._model.n_parameters

    @property
    def uses_recurrence_(self) -> bool:
        check_is_fitted(self)
        return self._model.uses_recurrence

    @property
    def linear_steps_(self) -> int:
        check_is_fitted(self)
        return self._model.spec.linear_steps

    @property
    def linear_coef_(self) -> np.ndarray:
        return self._linear_part()[0]

    @property
    def linear_intercept_(self) -> np.ndarray:
        return self._linear_part()[1]

    def _linear_part(self) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        if not self.linear_steps_:
            raise AttributeError(f"This {type(self).__name__} was fitted without a linear map (see linear_skip).")
        return self._model.linear_part()
