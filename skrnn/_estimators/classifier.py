"""What all classifiers share: their parameters, labels, and probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from skrnn._estimators.base import RecurrentEstimator
from skrnn._estimators.settings import keep
from skrnn._learning import as_it_is_now, learns
from skrnn._model.loss_contract import Loss
from skrnn._model.losses import CLASSIFICATION_LOSSES, make_loss
from skrnn._validation import (
    Count,
    HasMethods,
    StrOptions,
    check_labels,
    check_step_labels,
    class_factors,
    encode_labels,
    plain,
    read_labels,
    read_weight,
    score_steps,
)

if TYPE_CHECKING:
    from skrnn._data.examples import Examples
    from skrnn._model.outputs import Outputs


class RecurrentClassifier(ClassifierMixin, RecurrentEstimator):
    """Abstract: a face adds its layer."""

    classes_: np.ndarray
    _class_totals: np.ndarray
    _in_partial_fit: bool = False
    _named_classes: np.ndarray | None = None  # set within partial_fit only

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RecurrentEstimator._parameter_constraints,
        "linear_skip": ["boolean", Count(1), StrOptions({"auto"})],
        "loss": [StrOptions(set(CLASSIFICATION_LOSSES)), HasMethods(["width", "__call__", "predict"])],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_size: int = 32,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        norm: str | None = None,
        pooling: str = "max",
        segment_size: int | str = "auto",
        linear_skip: bool | int | str = "auto",
        missing: str = "skip",
        return_sequences: bool = False,
        loss: Any = "log_loss",
        class_weight: Any = None,
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

    @learns
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for exactly one epoch.

        The units of X are measured in the first call. Later calls keep them, the weights and the state of the solver.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences, as in ``fit``.
        y : array-like of shape (n_samples,), or (n_samples, n_steps) with ``return_sequences=True``
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that may come, in the first call; those of its y if None. Ignored in later calls. If the first
            call lacks some of them, the linear map (see ``linear_skip``) starts at nothing. With
            ``class_weight="balanced"`` the classes have the shares that they had in all calls so far.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; 1 if None.

        Returns
        -------
        self : estimator
            The estimator after one more epoch.
        """
        name = type(self).__name__
        self._in_partial_fit = True
        self._named_classes = None if classes is None else np.unique(read_labels(classes, "classes", name))
        super().partial_fit(X, y, sample_weight)
        del self._in_partial_fit, self._named_classes
        return self

    def predict(self, X: Any, linear_only: bool = False) -> np.ndarray:
        """Predict the most probable class of each sequence, or of each step.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences. Their number of steps may differ from that in ``fit`` if X has three dimensions.
        linear_only : bool, default=False
            Leave out what the recurrent layers add, and answer with the linear map alone; see ``linear_skip``.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,), or (n_samples, n_steps) with ``return_sequences=True``
            Labels. A skipped step has the label of the step before, and a sequence without an observed step that of
            the initial state, with a warning.
        """
        now = as_it_is_now(self)
        return now._answer(*now._infer(X, linear_only=linear_only))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences, as in ``predict``.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), or (n_samples, n_steps, n_classes)
            In the order of ``classes_``, with ``return_sequences=True`` for each step; float32 for float32 X, else
            float64. They sum to 1.
        """
        now = as_it_is_now(self)
        outputs, dtype = now._infer(X)
        return _probabilities(now, outputs).astype(dtype)

    def decision_function(self, X: Any) -> np.ndarray:
        """Raw outputs of the network: log-odds for two classes, else logarithms of probabilities up to a constant.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences, as in ``predict``.

        Returns
        -------
        scores : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            With ``return_sequences=True`` there is an axis of steps behind that of samples.
        """
        outputs, dtype = self._infer(X)
        scores = self._finite(outputs.raw.cpu().numpy(), dtype, outputs.of)
        return scores[..., 0] if scores.shape[-1] == 1 else scores

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of right labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps * n_channels)
            Sequences.
        y : array-like of shape (n_samples,), or (n_samples, n_steps) with ``return_sequences=True``
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        score : float
            Accuracy. With ``return_sequences=True`` over all steps that are not skipped.
        """
        now = as_it_is_now(self)
        check_is_fitted(now)
        if not now._model.spec.return_sequences:
            y = read_labels(y, "y", type(self).__name__)
            return float(super(RecurrentClassifier, now).score(X, y, read_weight(sample_weight)))
        observed = now._observed(X)
        return score_steps(accuracy_score, check_step_labels(y, observed), now.predict(X), observed, sample_weight)

    def _answer(self, outputs: Outputs, _: np.dtype) -> np.ndarray:
        return self.classes_[_probabilities(self, outputs).argmax(axis=-1)]

    def _check_target(self, y: Any, n_samples: int, observed: np.ndarray | None, *, reset: bool) -> np.ndarray:
        y = check_labels(self, y, n_samples) if observed is None else check_step_labels(y, observed)
        seen = y if observed is None else y[observed]
        if reset:
            self.classes_ = np.unique(seen) if self._named_classes is None else self._named_classes
            if len(self.classes_) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs samples of at least 2 classes in the data, but the data contains "
                    f"only one class: {self.classes_.tolist()}."
                )
        codes = encode_labels(seen, self.classes_)
        places = np.zeros(y.shape, dtype=int)
        places[... if observed is None else observed] = codes
        indicators = np.eye(len(self.classes_))[places]
        return indicators[..., 1:] if len(self.classes_) == 2 else indicators

    def _suited(self, examples: Examples, *, reset: bool) -> Examples:
        """The examples with the weights of their classes."""
        labels, weight = _labels_of(examples.y), examples.answer_weight()
        if reset or self._in_partial_fit:
            seen = np.bincount(labels.ravel(), weight.ravel(), minlength=len(self.classes_))
            self._class_totals = seen if reset else self._class_totals + seen
        examples = examples.weighted(class_factors(self.class_weight, self.classes_, self._class_totals)[labels])
        if not examples.answer_weight().any():
            raise ValueError("class_weight gives all samples the weight 0, which leaves nothing to learn from.")
        return examples

    def _to_start_from(self, examples: Examples) -> Examples:
        """With all classes alike where some are yet to come: the linear map would rule these out."""
        if self._in_partial_fit and len(np.unique(_labels_of(examples.y))) < len(self.classes_):
            return replace(examples, y=np.full_like(examples.y, 1 / len(self.classes_)))
        return examples

    def _hold_out(self, examples: Examples) -> tuple[Examples, Examples]:
        if self.return_sequences:
            return examples.hold_out(plain(self.validation_fraction), gap=0)
        return examples.hold_out_of_each(_labels_of(examples.y), plain(self.validation_fraction))

    def _make_loss(self) -> Loss:
        return make_loss(CLASSIFICATION_LOSSES, plain(self.loss), vars(self))


def _probabilities(model: RecurrentClassifier, outputs: Outputs) -> np.ndarray:
    """Probabilities (..., class), also from those of the second of two (..., 1)."""
    answer = model._finite(outputs.answers(), np.dtype(np.float64), outputs.of)
    return answer if answer.shape[-1] > 1 else np.concatenate([1 - answer, answer], axis=-1)


def _labels_of(indicators: np.ndarray) -> np.ndarray:
    """Numbers of the classes (...), from indicators (..., class) or those of the second of two (..., 1)."""
    return indicators[..., 0].astype(int) if indicators.shape[-1] == 1 else indicators.argmax(axis=-1)
