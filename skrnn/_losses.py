"""Losses: how wide the head is, how bad an answer is, and how an answer is read.

A loss is an object with

* ``width(n_targets)``, the number of outputs of the head,
* ``__call__(raw, y)``, one value for each row, from tensors of shape (batch, width) and (batch, n_targets),
* ``predict(raw)``, the answer of shape (batch, n_targets),
* ``equivariant``, whether an affine change of y changes the answer alike, so that y may be standardised, and
* optionally ``gradient(raw, y)``, the derivative of ``__call__`` by ``raw``; without it, autograd serves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class Loss(Protocol):
    """The contract of a loss, as this module's first lines tell it."""

    @property
    def equivariant(self) -> bool: ...

    def width(self, n_targets: int) -> int: ...

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor: ...

    def predict(self, raw: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True)
class SquaredError:
    """Squared error, averaged over the targets of a row; its answer is the mean."""

    equivariant: bool = field(default=True, init=False)

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).square().mean(dim=1)

    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).mul_(2 / y.shape[1])

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return raw


@dataclass(frozen=True)
class AbsoluteError:
    """Absolute error, averaged over the targets of a row; its answer is the median."""

    equivariant: bool = field(default=True, init=False)

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).abs().mean(dim=1)

    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).sign() / y.shape[1]

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return raw


REGRESSION_LOSSES: dict[str, type[Loss]] = {"absolute_error": AbsoluteError, "squared_error": SquaredError}
