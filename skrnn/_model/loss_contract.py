"""What a loss is, whether an object is one, and functions as losses.

A loss is an object with

* ``width(n_targets)``, the number of outputs of the head,
* ``__call__(raw, y)``, one value for each row, from tensors of shape (batch, width) and (batch, n_targets),
* ``predict(raw)``, the answer of shape (batch, n_targets); for classifiers, whose targets are indicators of the
  classes, these are probabilities,
* ``equivariant``, whether a change of y's unit that keeps its domain changes the answer alike, so that y may be
  standardised, and optionally
* ``gradient(raw, y)``, the derivative of ``__call__`` by ``raw``; without it, autograd serves,
* ``constant(y, weight)``, the output (width,) with the least weighted loss if it is the same in all rows; without it,
  it is searched for,
* ``domain``, which targets it takes: "real", as without it, or "non-negative", where y is divided by its mean,
* ``raw_of(answers)``, outputs (batch, width) whose answers are these; without it, an equivariant loss of width
  ``n_targets`` answers its outputs. Training of equivariant losses can then start from a linear regression,
* ``correction(raw, y, weight)``, what to add to all outputs (width,) so that the spread that they tell is that of the
  targets; without held-out samples it is applied to answers to samples that were not trained on,
* ``robust``, whether single large errors hardly move its answers: units are then measured by medians and quantiles,
* ``std(raw)``, standard deviations of shape (batch, n_targets), and
* ``quantiles(raw)`` of shape (batch, n_targets, n_levels).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch

DOMAINS = ("real", "non-negative")
_ROWS = 3  # more than targets and outputs: then no shape is right by chance


class Loss(Protocol):
    """The contract of a loss, as this module's first lines tell it."""

    @property
    def equivariant(self) -> bool: ...

    def width(self, n_targets: int) -> int: ...

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor: ...

    def predict(self, raw: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True)
class FunctionLoss:
    """A function ``(y_true, y_pred) -> (n,)`` of tensors (n, target) in the units of y.

    The network answers in standardised units all the same, and the loss is in units of what it is for the mean of y.
    """

    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    equivariant: bool = field(default=False, init=False)
    offset: tuple[float, ...] = field(default=(), compare=False)  # y = standardised y * factor + offset
    factor: tuple[float, ...] = field(default=(), compare=False)
    unit: float = field(default=1.0, compare=False)

    def in_units_of_y(self, mean: np.ndarray, std: np.ndarray) -> FunctionLoss:
        """The loss for standardised targets."""
        return replace(self, offset=tuple(mean.tolist()), factor=tuple(std.tolist()), unit=1.0)

    def in_unit_of(self, y: torch.Tensor, weight: torch.Tensor) -> FunctionLoss:
        """The loss in units of what it is for the mean of standardised targets (n, target) with weights (n,)."""
        plain = replace(self, unit=1.0)
        size = float(weight @ plain(y.new_zeros(y.shape), y) / weight.sum())
        return replace(plain, unit=size) if 0 < size < np.inf else plain

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        offset, factor = raw.new_tensor(self.offset), raw.new_tensor(self.factor)
        values = self.function(y * factor + offset, raw * factor + offset)
        if getattr(values, "shape", None) == (len(y), 1):  # of a function that takes each number by itself
            values = values[:, 0]
        return values / self.unit

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return raw

    def __repr__(self) -> str:
        return repr(self.function)


def outputs_of_answers(loss: Loss, width: int, n_targets: int) -> np.ndarray | None:
    """Which outputs move with which answers: a matrix (target, output) of 0 and 1; None if that is not known.

    Only of losses whose answers move with y.
    """
    import torch

    raw_of = getattr(loss, "raw_of", (lambda answers: answers) if width == n_targets else None)
    return None if raw_of is None else np.asarray(raw_of(torch.eye(n_targets, dtype=torch.float64)).numpy())


def is_robust(loss: Loss) -> bool:
    return bool(getattr(loss, "robust", False))


def moves_with_y(loss: Loss) -> bool:
    """Whether adding a number to y adds it to the answers."""
    return loss.equivariant and getattr(loss, "domain", "real") == "real"


def as_loss(loss: Any) -> Loss:
    """A loss from a function or an object that users pass; what can be told without data is checked."""
    if inspect.isclass(loss):
        raise ValueError(f"loss is the class {loss.__name__}. Pass an object of it: loss={loss.__name__}(...).")
    lacking = [name for name in ("width", "predict") if not callable(getattr(loss, name, None))]
    if not callable(loss) or len(lacking) == 1:
        raise ValueError(f"loss={loss!r} must have the methods width, __call__ and predict; it lacks {lacking}.")
    if lacking:
        return FunctionLoss(loss)
    for name in ("equivariant", "robust"):
        value = getattr(loss, name, None if name == "equivariant" else False)
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"The attribute {name} of loss={loss!r} must be True or False; got {value!r}.")
    if getattr(loss, "domain", "real") not in DOMAINS:
        raise ValueError(f"The domain of loss={loss!r} must be one of {DOMAINS}; got {loss.domain!r}.")
    return loss


def check_loss(loss: Loss, width: Any, y: torch.Tensor) -> None:
    """Try a loss on some standardised targets (n, target)."""
    import torch

    n_targets = y.shape[1]
    if not isinstance(width, Integral) or isinstance(width, bool) or width < 1:
        raise ValueError(f"width of loss={loss!r} must return a positive whole number; got {width!r}.")
    y = y[np.resize(np.arange(len(y)), int(width) + n_targets + _ROWS)]
    n = len(y)
    raw = y.new_zeros(n, int(width)).requires_grad_()
    try:
        values = loss(raw, y)
    except Exception as error:
        raise ValueError(
            f"loss={loss!r} cannot be computed from tensors of shape {(n, int(width))} (outputs) and {(n, n_targets)} "
            f"(targets): {type(error).__name__}: {error}"
        ) from error
    _check_tensor(values, (n,), f"loss={loss!r} must return one value for each row: a tensor")
    if hasattr(loss, "gradient"):
        slope = loss.gradient(raw.detach(), y)
    elif values.requires_grad:
        (slope,) = torch.autograd.grad(values.sum(), raw)
    else:
        raise ValueError(f"The values of loss={loss!r} do not depend on its outputs through operations of torch.")
    _check_tensor(slope, (n, int(width)), f"The gradient of loss={loss!r} must be a tensor")
    raw = raw.detach()
    _check_tensor(loss.predict(raw), (n, n_targets), f"predict of loss={loss!r} must return a tensor")
    if hasattr(loss, "raw_of"):
        _check_tensor(loss.raw_of(y), (n, int(width)), f"raw_of of loss={loss!r} must return a tensor")
    if hasattr(loss, "std"):
        _check_tensor(loss.std(raw), (n, n_targets), f"std of loss={loss!r} must return a tensor")
    if hasattr(loss, "constant"):
        _check_tensor(loss.constant(y, y.new_ones(n)), (int(width),), f"constant of loss={loss!r} must return a tensor")
    if hasattr(loss, "correction"):
        added = loss.correction(raw, y, y.new_ones(n))
        _check_tensor(added, (int(width),), f"correction of loss={loss!r} must return a tensor")
    if hasattr(loss, "quantiles"):
        found = loss.quantiles(raw)
        shape = (n, n_targets, *getattr(found, "shape", ())[2:3])
        _check_tensor(found, shape if len(shape) == 3 else (n, n_targets, 1), f"quantiles of loss={loss!r} must return")


def _check_tensor(found: Any, shape: tuple[int, ...], words: str) -> None:
    import torch

    if not isinstance(found, torch.Tensor):
        raise ValueError(f"{words} of shape {shape}; got {type(found).__name__}.")
    if tuple(found.shape) != shape:
        raise ValueError(f"{words} of shape {shape}; got shape {tuple(found.shape)}.")
    if not bool(found.isfinite().all()):
        raise ValueError(f"{words} of finite numbers; got NaN or infinity for outputs of 0.")
