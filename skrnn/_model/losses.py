"""Losses: how wide the head is, how bad an answer is, and how an answer is read.

See ``loss_contract`` for what a loss is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from numbers import Real
from typing import TYPE_CHECKING, Any

from skrnn._data.robust import weighted_quantiles
from skrnn._model.loss_contract import Loss, as_loss

if TYPE_CHECKING:
    import torch

_LARGEST = 30.0  # largest log of a mean or a variance, either way


def _compiled_as(name: str, parameters: Callable[[Any], tuple[float, ...]] = lambda _: ()) -> Callable[[Any], Any]:
    """Tell that a gradient is the compiled function ``name`` of ``skrnn._compiled.kernels.slopes`` too.

    A gradient that overrides it is not.
    """

    def tell(gradient: Any) -> Any:
        gradient.compiled = lambda loss: (name, parameters(loss))
        return gradient

    return tell


@dataclass(frozen=True)
class SquaredError:
    """Squared error, averaged over the targets of a row; its answer is the mean."""

    equivariant: bool = field(default=True, init=False)

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).square().mean(dim=1)

    @_compiled_as("squared_error")
    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).mul_(2 / y.shape[1])

    def constant(self, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return weight @ y / weight.sum()

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return raw


@dataclass(frozen=True)
class AbsoluteError:
    """Absolute error, averaged over the targets of a row; its answer is the median."""

    equivariant: bool = field(default=True, init=False)
    robust: bool = field(default=True, init=False)

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).abs().mean(dim=1)

    @_compiled_as("absolute_error")
    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).sign() / y.shape[1]

    def constant(self, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return _quantiles(y, weight, (0.5,))

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return raw


@dataclass(frozen=True)
class Huber:
    """Half the squared error up to ``delta``, ``delta * (|error| - delta / 2)`` beyond (Huber, 1964).

    ``delta`` is in units of standardised targets.
    """

    delta: float = 1.0
    equivariant: bool = field(default=True, init=False)
    robust: bool = field(default=True, init=False)

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        error = (raw - y).abs()
        inner = error.clamp(max=self.delta)
        return (inner * (error - inner / 2)).mean(dim=1)

    @_compiled_as("huber", lambda loss: (loss.delta,))
    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw - y).clamp_(-self.delta, self.delta).div_(y.shape[1])

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return raw


@dataclass(frozen=True)
class Quantile:
    """Pinball loss ``max(q * (y - raw), (q - 1) * (y - raw))``, averaged over levels q and targets.

    Its answers are quantiles (Koenker and Bassett, 1978). Those of several levels are sorted, so that they never
    cross; sorting never makes them worse (Chernozhukov, Fernandez-Val and Galichon, 2010).
    """

    quantile: float | tuple[float, ...] = 0.5
    equivariant: bool = field(default=True, init=False)
    robust: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        levels = self.levels
        possible = all(isinstance(level, Real) and 0 < float(level) < 1 for level in levels)
        if not levels or not possible or not all(low < high for low, high in pairwise(levels)):
            raise ValueError(
                f"quantile must be a level in (0, 1), or a tuple of several in increasing order; got {self.quantile!r}."
            )

    @property
    def levels(self) -> tuple[float, ...]:
        return self.quantile if isinstance(self.quantile, tuple) else (self.quantile,)

    def width(self, n_targets: int) -> int:
        return n_targets * len(self.levels)

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        error = y[:, :, None] - self._by_level(raw)
        return (error * (self._levels(raw) - (error < 0).to(raw.dtype))).mean(dim=(1, 2))

    @_compiled_as("quantile", lambda loss: loss.levels)
    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        error = y[:, :, None] - self._by_level(raw)
        slope = (error < 0).to(raw.dtype) - self._levels(raw)
        return slope.flatten(1).div_(raw.shape[1])

    def constant(self, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return _quantiles(y, weight, self.levels)

    def raw_of(self, answers: torch.Tensor) -> torch.Tensor:
        return answers.repeat_interleave(len(self.levels), dim=1)

    def correction(self, raw: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        errors = y[:, :, None] - self._by_level(raw)
        found = raw.new_empty(errors.shape[1:])
        for i, level in enumerate(self.levels):
            found[:, i] = _quantiles(errors[:, :, i], weight, (level,))
        return found.flatten()

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        central = min(range(len(self.levels)), key=lambda i: abs(self.levels[i] - 0.5))
        return self.quantiles(raw)[:, :, central]

    def quantiles(self, raw: torch.Tensor) -> torch.Tensor:
        return self._by_level(raw).sort(dim=2).values

    def _by_level(self, raw: torch.Tensor) -> torch.Tensor:
        """Raw outputs (batch, target, level)."""
        return raw.unflatten(1, (-1, len(self.levels)))

    def _levels(self, raw: torch.Tensor) -> torch.Tensor:
        """The levels (level,), made on the device of ``raw``: a copy of them would have to be waited for."""
        levels = raw.new_empty(len(self.levels))
        for i, level in enumerate(self.levels):
            levels[i].fill_(level)
        return levels


@dataclass(frozen=True)
class Poisson:
    """Half the deviance of Poisson counts with mean ``exp(raw)``, less what does not depend on it.

    ``exp(raw) - y * raw`` (McCullagh and Nelder, 1989), averaged over the targets of a row.
    """

    equivariant: bool = field(default=True, init=False)
    domain: str = field(default="non-negative", init=False)

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (self.predict(raw) - y * raw).mean(dim=1)

    @_compiled_as("poisson")
    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (raw.clamp(max=_LARGEST).exp() - y).div_(y.shape[1])

    def constant(self, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return (weight @ y / weight.sum()).log().clamp(min=-_LARGEST)

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        # Beyond exp(30), which only a diverging network says, the exponential goes on as a straight line.
        inner = raw.clamp(max=_LARGEST)
        return inner.exp() * (1 + raw - inner)


@dataclass(frozen=True)
class Gaussian:
    """Negative log-likelihood of a normal distribution whose mean and log-variance are both outputs.

    ``(s + (y - m)^2 / exp(s) + log(2 pi)) / 2`` (Nix and Weigend, 1994), averaged over the targets of a row. The raw
    outputs are all means, then all log-variances s.
    """

    equivariant: bool = field(default=True, init=False)

    def width(self, n_targets: int) -> int:
        return 2 * n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self._read(raw)
        # Beyond a bound, which only a diverging network says, the loss rises in a straight line: there is a way back.
        outer = (raw[:, y.shape[1] :] - log_variance).abs()
        value = log_variance + outer + (y - mean).square() * (-log_variance).exp() + math.log(2 * math.pi)
        return value.mean(dim=1) / 2

    @_compiled_as("gaussian")
    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self._read(raw)
        precision = (-log_variance).exp()
        by_mean = (mean - y) * precision
        by_log_variance = (1 - (mean - y) * by_mean) / 2
        both = by_mean.new_empty(raw.shape)
        n_targets = y.shape[1]
        both[:, :n_targets] = by_mean
        outer = raw[:, n_targets:] - log_variance
        both[:, n_targets:] = by_log_variance.where(outer == 0, outer.sign() / 2)
        return both.div_(n_targets)

    def constant(self, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        mean = weight @ y / weight.sum()
        log_variance = (weight @ (y - mean).square() / weight.sum()).log()
        return mean.new_tensor([*mean, *log_variance.clamp(-_LARGEST / 2, _LARGEST / 2)])

    def raw_of(self, answers: torch.Tensor) -> torch.Tensor:
        raw = answers.new_zeros(len(answers), 2 * answers.shape[1])
        raw[:, : answers.shape[1]] = answers
        return raw

    def correction(self, raw: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self._read(raw)
        squares = (y - mean).square() * (-log_variance).exp()
        found = raw.new_zeros(raw.shape[1])
        found[y.shape[1] :] = (weight @ squares / weight.sum()).log().clamp(-_LARGEST / 2, _LARGEST / 2)
        return found

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return self._read(raw)[0]

    def std(self, raw: torch.Tensor) -> torch.Tensor:
        return (self._read(raw)[1] / 2).exp()

    def _read(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = raw.chunk(2, dim=1)
        return mean, log_variance.clamp(-_LARGEST / 2, _LARGEST / 2)


@dataclass(frozen=True)
class LogLoss:
    """Negative log-likelihood of classes, from indicators of them.

    One indicator for two classes, read by a logistic function, or one for each of more classes, read by a softmax.
    """

    equivariant: bool = field(default=False, init=False)

    def width(self, n_targets: int) -> int:
        return n_targets

    def __call__(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if raw.shape[1] == 1:
            from torch.nn.functional import logsigmoid

            # Alike in both classes, to the bit.
            return -(y * logsigmoid(raw) + (1 - y) * logsigmoid(-raw))[:, 0]
        return -(y * raw.log_softmax(dim=1)).sum(dim=1)

    @_compiled_as("log_loss")
    def gradient(self, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.predict(raw) - y

    def constant(self, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        share = weight @ y / weight.sum()
        odds = share.logit() if len(share) == 1 else share.log()
        return odds.clamp(-_LARGEST, _LARGEST)

    def predict(self, raw: torch.Tensor) -> torch.Tensor:
        return raw.sigmoid() if raw.shape[1] == 1 else raw.softmax(dim=1)


def _quantiles(y: torch.Tensor, weight: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Quantiles (target * level,) of targets (n, target)."""
    found = weighted_quantiles(y.numpy(force=True), weight.numpy(force=True), levels)
    return y.new_tensor(found.T.ravel())


REGRESSION_LOSSES: dict[str, type[Loss]] = {
    "absolute_error": AbsoluteError,
    "gaussian": Gaussian,
    "huber": Huber,
    "poisson": Poisson,
    "quantile": Quantile,
    "squared_error": SquaredError,
}
CLASSIFICATION_LOSSES: dict[str, type[Loss]] = {"log_loss": LogLoss}


def make_loss(table: Mapping[str, type[Loss]], loss: Any, parameters: Mapping[str, Any]) -> Loss:
    """A loss by its name, with those of the parameters that it has; for others see ``as_loss``."""
    if not isinstance(loss, str):
        return as_loss(loss)
    kind: Any = table[loss]
    return kind(**{each.name: parameters[each.name] for each in fields(kind) if each.init})


def has_reading(table: Mapping[str, type[Loss]], loss: Any, reading: str) -> bool:
    """Whether a loss, given by its name or as an object, has one of the further readings."""
    return hasattr(table.get(loss) if isinstance(loss, str) else loss, reading)
