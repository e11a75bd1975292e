"""What a fit has learnt, in words and units that users know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrnn._learning import as_it_is_now
from skrnn._validation import visual_block

if TYPE_CHECKING:
    from skrnn._model.model import Model


class MeasuredFromThePast:
    """Fitted attributes of what is measured from a target's own past."""

    _model: Model

    @property
    def anchor_(self) -> np.ndarray | None:
        check_is_fitted(self)
        anchor = self._model.units.anchor
        return None if anchor is None else anchor.channel.copy()

    @property
    def scaling_(self) -> str | None:
        check_is_fitted(self)
        anchor = self._model.units.anchor
        return None if anchor is None else anchor.scaling


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
    def segment_size_(self) -> int:
        check_is_fitted(self)
        return self._model.spec.segment_size

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

    def _sk_visual_block_(self) -> Any:
        """What scikit-learn's HTML view shows: below the name, what was learnt."""
        now = as_it_is_now(self)
        return visual_block(self, in_words(now) if hasattr(now, "_model") else "")


def in_words(estimator: Any) -> str:
    """What a fitted estimator has learnt, in one line: its parts, the weights that stay, and the anchor."""
    cell = estimator._model.spec.layer.rpartition(".")[2]
    steps = estimator.linear_steps_
    linear = f"linear map of {steps} step{'s' * (steps > 1)}" if steps else "constant"
    if estimator.uses_recurrence_:
        if estimator.segment_size_ > 1:
            cell += f" of {estimator.segment_size_} steps at a time"
        parts = [f"{cell} and {linear}" if steps else f"{cell} without a linear map"]
    else:
        parts = [f"{linear} alone, the {cell} takes no part"]
    best = estimator.best_epoch_
    parts.append(
        f"best epoch {best} of {estimator.n_iter_}" if best else f"none of {estimator.n_iter_} epochs is better"
    )
    if hasattr(estimator, "anchor_"):
        channels = [] if estimator.anchor_ is None else sorted({int(i) for i in estimator.anchor_ if i >= 0})
        names = ", ".join(map(str, channels))
        parts.append(f"anchor: channel{'s' * (len(channels) > 1)} {names}" if channels else "no anchor")
        if estimator.scaling_ is not None:
            parts.append(f"scaling: {estimator.scaling_}")
    return "; ".join(parts)
