"""Checks of what X is paired with: targets, weights, a validation set."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.multiclass import check_classification_targets

from skrnn._validation.door import check_sample_weight, check_y
from skrnn._validation.numbers import read_array, read_numbers
from skrnn._validation.quality import warn_of_lost_precision

_LEAST = 1e-50  # largest weight that is taken as it is


def check_target(estimator: Any, y: Any, n_samples: int) -> np.ndarray:
    """Targets of a regressor as float64, of shape (n,) or (n, k)."""
    if y is None:
        raise ValueError(_no_target(estimator))
    y = read_numbers(y, "y", type(estimator).__name__)
    if y.ndim > 2:
        raise ValueError(f"Found y with dim {y.ndim}; expected shape (n_samples,) or (n_samples, n_outputs).")
    try:
        y = np.asarray(check_y(y, multi_output=True, y_numeric=True, estimator=estimator))
    except ValueError as error:
        if "contains NaN" not in str(error):
            raise
        raise ValueError(f"{error} Leave out the rows whose target is missing, in X and in y.") from None
    check_consistent_length(np.empty(n_samples), y)
    warn_of_lost_precision(y.reshape(n_samples, -1), "Output {} of y")
    return y.astype(np.float64)


def check_step_target(y: Any, observed: np.ndarray, *, max_dim: int) -> np.ndarray:
    """Targets at each step, as an array; its first axes are those of ``observed`` (n, step)."""
    if y is None:
        raise ValueError("return_sequences=True requires y to be passed, but the target y is None.")
    ragged = "y contains sequences of different lengths. Pass skrnn.pad_sequences(y), as for X."
    y = read_array(y, "y", "return_sequences=True", ragged=ragged)
    check_consistent_length(observed, y)
    if not 2 <= y.ndim <= max_dim or y.shape[:2] != observed.shape:
        shapes = " or ".join(("(n_samples, n_steps)", "(n_samples, n_steps, n_outputs)")[: max_dim - 1])
        raise ValueError(
            f"return_sequences=True needs y of shape {shapes} with n_samples, n_steps = {observed.shape} as in X; got "
            f"y of shape {y.shape}."
        )
    return y


def check_step_numbers(y: Any, observed: np.ndarray) -> np.ndarray:
    """Numeric targets (n, step) or (n, step, target) as float64, with 0 at steps that are not observed."""
    y = check_step_target(y, observed, max_dim=3)
    try:
        y = np.array(read_numbers(y, "y", "return_sequences=True"), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error} y must hold numbers at all steps, or NaN at those that are skipped.") from None
    y[~observed] = 0.0
    assert_all_finite(y, input_name="y")
    return y


def check_domain(y: np.ndarray, loss: Any, name: Any) -> None:
    """Targets (n, target) or (n,) lie where the loss wants them."""
    if getattr(loss, "domain", "real") == "non-negative" and (y.min() < 0 or not y.any()):
        raise ValueError(f"loss={name!r} requires non-negative y and sum(y) > 0.")


def check_labels(estimator: Any, y: Any, n_samples: int) -> np.ndarray:
    """Labels of a classifier, of shape (n,)."""
    if y is None:
        raise ValueError(_no_target(estimator))
    y = np.asarray(check_y(read_labels(y, "y", type(estimator).__name__), estimator=estimator))
    check_classification_targets(y)
    check_consistent_length(np.empty(n_samples), y)
    return y


def read_labels(labels: Any, name: str, who: str) -> Any:
    """Labels as they came, if they can be put in order."""
    array = read_array(labels, name, who)
    _check_label_types(array, name)
    if array.dtype.kind == "f":
        assert_all_finite(array, input_name=name)
    return labels


def check_step_labels(y: Any, observed: np.ndarray) -> np.ndarray:
    """Labels at each step (n, step); what stands at steps that are not observed is arbitrary."""
    y = check_step_target(y, observed, max_dim=2)
    seen = y[observed]
    if seen.dtype.kind == "f":
        assert_all_finite(seen, input_name="y")
    elif seen.dtype.kind == "O" and any(isinstance(label, float) and label != label for label in seen):
        raise ValueError("Input y contains NaN at steps that X observes.")
    _check_label_types(seen)
    if len(seen):
        check_classification_targets(seen.tolist())
    return y


def _check_label_types(labels: np.ndarray, name: str = "y") -> None:
    """Labels have an order: they are of one kind, and none is missing."""
    kinds = {type(label) for label in labels.flat} if labels.dtype == object else set()
    if kinds and not (all(issubclass(kind, str) for kind in kinds) or all(issubclass(kind, Real) for kind in kinds)):
        names = sorted(kind.__name__ for kind in kinds)
        raise ValueError(f"Labels {name} must be uniformly strings or numbers, none of them missing. Got {names}.")


def encode_labels(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Number of the class of each label."""
    unknown = sorted(set(labels.tolist()) - set(classes.tolist()))
    if unknown:
        raise ValueError(f"y contains labels that are not among the classes of the fit: {unknown}.")
    return np.searchsorted(classes, labels)


def class_factors(class_weight: Any, classes: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Factor on the weights of each class; "balanced" gives all classes that occur the same total."""
    if class_weight == "balanced":
        present = total > 0
        return np.where(present, total.sum() / (present.sum() * np.where(present, total, 1.0)), 1.0)
    named, labels = class_weight or {}, classes.tolist()
    for label, factor in named.items():
        if not isinstance(factor, Real) or not 0 <= float(factor) < np.inf:
            raise ValueError(
                f"class_weight must hold finite numbers that are not negative; got {factor!r} for the label {label!r}."
            )
    unknown, unnamed = [label for label in named if label not in labels], [x for x in labels if x not in named]
    if unknown and unnamed:
        raise ValueError(
            f"The classes, {unnamed}, are not in class_weight, which names labels that y lacks: {unknown}."
        )
    factors = np.array([named.get(label, 1.0) for label in labels], dtype=np.float64)
    return factors / (factors.max() or 1.0)


def score_steps(
    metric: Callable[..., float], y: np.ndarray, answers: np.ndarray, observed: np.ndarray, sample_weight: Any
) -> float:
    """A metric over the observed steps (n, step), of checked numbers or labels."""
    weight = None
    if sample_weight is not None:
        weight = np.broadcast_to(check_weight(sample_weight, len(observed))[:, None], observed.shape)[observed]
    return float(metric(*(np.array(values[observed].tolist()) for values in (y, answers)), sample_weight=weight))


def check_weight(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Sample weights as float64; ones if there are none. Only their proportions count."""
    samples = np.empty((n_samples, 1))
    weight = check_sample_weight(read_weight(sample_weight), samples, dtype=np.float64, ensure_non_negative=True)
    if not np.any(weight):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    largest = weight.max()
    # Sums of extreme ones would leave the range of floats; what counts is their proportions.
    return np.asarray(weight if _LEAST < largest < 1 / _LEAST else weight / largest)


def read_weight(sample_weight: Any) -> Any:
    """Sample weights as numbers; None and a single number stay as they are."""
    if sample_weight is None or isinstance(sample_weight, Real):
        return sample_weight
    return read_numbers(sample_weight, "sample_weight", "this method")


def check_validation_set(estimator: Any, X_val: Any, y_val: Any) -> bool:
    """Whether a validation set was passed."""
    if X_val is None and y_val is None:
        return False
    if y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    if X_val is None:
        raise ValueError("y_val is provided, but X_val was not provided.")
    if not estimator.early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping is False. When passing X_val and "
            "y_val to fit, set early_stopping=True or 'auto'."
        )
    return True


@contextmanager
def validation_set_named() -> Iterator[None]:
    """Let errors say that they speak of the validation set."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"In the validation set: {error}") from None


def check_same_outputs(y_val: np.ndarray, y: np.ndarray) -> None:
    """The targets (n, target) of the validation set are as many as those of the training set."""
    if y_val.shape[-1] != y.shape[-1]:
        raise ValueError(f"y_val has {y_val.shape[-1]} outputs, but y has {y.shape[-1]}.")


def check_target_order(X: Any, y: Any) -> None:
    """Refuse a target whose index holds the labels of X in another order."""
    index, other = getattr(X, "index", None), getattr(y, "index", None)
    if index is None or other is None or not hasattr(index, "equals"):
        return
    if not hasattr(other, "equals") or len(index) != len(other) or index.equals(other):
        return
    try:
        same_labels = index.sort_values().equals(other.sort_values())
    except TypeError:  # labels that cannot be sorted
        return
    if same_labels:
        raise ValueError(
            "The index of y holds the labels of X in another order. Rows are paired by position: pass y.loc[X.index]."
        )


def warn_of_given_target(values: np.ndarray, y: Any, names: np.ndarray) -> None:
    """Warn of a channel that is the target itself in some unit."""
    try:
        target = np.asarray(y)
    except (RuntimeError, TypeError):  # a tensor that NumPy cannot read
        return
    if target.dtype.kind not in "iuf" or len(target) != len(values) or len(target) < 3:
        return
    target = target.reshape(len(target), -1).astype(np.float64)
    for name, channel in zip(names, values.T, strict=True):
        both = ~np.isnan(channel)[:, None] & ~np.isnan(target)
        for column, seen in zip(target.T, both.T, strict=True):
            if seen.sum() > 2 and _is_affine(channel[seen].astype(np.float64), column[seen]):
                warnings.warn(
                    f"Column {name!r} of X is the target itself, up to its unit, and the model is shown its value at "
                    "the very moment it is to predict. Forecast with horizon >= 1, without it in future_columns.",
                    UserWarning,
                    stacklevel=6,
                )
                return


def _no_target(estimator: Any) -> str:
    return f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."


def _is_affine(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two columns differ only by an offset and a factor."""
    first, second = first - first.mean(), second - second.mean()
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return bool(norms > 0 and 1 - abs(first @ second) / norms < 1e-12)
