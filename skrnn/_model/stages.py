"""What stands between recurrent layers and the head: norms, and summaries over the steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class BatchNorm(nn.Module):
    """Zero mean and unit variance of each column over a batch, then a learnt unit (Ioffe and Szegedy, 2015).

    Steps that are not observed do not count. Prediction uses fixed statistics, so that rows stay apart: means over
    all batches of the training data with the weights of the end, not moving ones, which lag behind the weights (Wu and
    Johnson, 2021). A training batch that holds a single value of each column is refused: it says nothing.
    """

    mean: torch.Tensor
    variance: torch.Tensor
    n_batches: torch.Tensor

    def __init__(self, width: int, **factory: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, **factory))
        self.bias = nn.Parameter(torch.empty(width, **factory))
        for name, shape in (("mean", (width,)), ("variance", (width,)), ("n_batches", ())):
            self.register_buffer(name, torch.empty(shape, **factory))

    def initialize(self, _: torch.Generator) -> None:
        for tensor, value in ((self.weight, 1.0), (self.bias, 0.0), (self.mean, 0.0), (self.variance, 1.0)):
            tensor.fill_(value)
        self.n_batches.fill_(0.0)

    def forget(self) -> None:
        """Let the next batch take the place of all that were; ValueError if one of them held a single value."""
        if self.variance.isnan().any() and not self.mean.isnan().any():
            _refuse_single(1)
        self.n_batches.fill_(0.0)

    def forward(self, x: torch.Tensor, observed: torch.Tensor | None = None) -> torch.Tensor:
        """Normalise (..., column); ``observed`` has the shape of x without columns."""
        mean, variance = self._measured(x, observed) if self.training else (self.mean, self.variance)
        return (x - mean) * (variance + 1e-5).rsqrt() * self.weight + self.bias

    def _measured(self, x: torch.Tensor, observed: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance of a batch, which are remembered; those of before where no step is observed."""
        if observed is None:
            seen = x.flatten(0, -2)
            _refuse_single(len(seen))
            mean, variance, n = seen.mean(0), seen.var(0, unbiased=False), self.n_batches.new_full((), len(seen))
        else:
            # Masked, not picked: a device would have to be asked how many there are. It tells ``forget`` of a single
            # value, of which the variance that is remembered is no number.
            unseen, axes = ~observed[..., None], tuple(range(x.ndim - 1))
            n = observed.sum().to(self.n_batches.dtype)
            if x.device.type == "cpu":
                _refuse_single(int(n))
            mean = torch.where(n > 0, x.masked_fill(unseen, 0.0).sum(axes) / n.clamp(min=1), self.mean)
            squares = (x - mean).masked_fill(unseen, 0.0).square().sum(axes)
            variance = torch.where(n > 0, squares / n.clamp(min=1), self.variance)
        self._remember(n, mean.detach(), variance.detach() * n / (n - 1))
        return mean, variance

    @torch.no_grad()
    def _remember(self, n: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Means over the batches of n > 0 values."""
        self.n_batches += n > 0
        share = (n > 0) / self.n_batches.clamp(min=1)
        self.mean.lerp_(mean, share)
        self.variance.lerp_(variance, share)


def _refuse_single(n: int) -> None:
    if n == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training with norm='batch', but a batch holds one "
            "sample, or one observed step. Set batch_size to 2 or more, or norm='layer' or None."
        )


class LayerNorm(nn.LayerNorm):
    """Zero mean and unit variance over the columns of each step, then a learnt unit (Ba, Kiros and Hinton, 2016)."""

    def initialize(self, _: torch.Generator) -> None:
        self.weight.fill_(1.0)
        self.bias.fill_(0.0)

    def forward(self, x: torch.Tensor, _: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(x)


class NoNorm(nn.Module):
    """Leaves everything as it is."""

    def __init__(self, width: int, **factory: Any) -> None:
        super().__init__()

    def initialize(self, _: torch.Generator) -> None:
        pass

    def forward(self, x: torch.Tensor, _: torch.Tensor | None = None) -> torch.Tensor:
        return x


class Pooling(nn.Module):
    """Summary of a layer's states over the observed steps.

    Called with the states (batch, step, column), those after all steps (batch, column), and which steps are observed
    (batch, step), or None for all; returns (batch, column), which is 0 where no step is observed.
    """

    def __init__(self, width: int, **factory: Any) -> None:
        super().__init__()

    def initialize(self, _: torch.Generator) -> None:
        pass


class LastPooling(Pooling):
    """The state after all steps, of each direction."""

    def forward(self, states: torch.Tensor, last: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        return last


class MeanPooling(Pooling):
    """Mean over the observed steps."""

    def forward(self, states: torch.Tensor, last: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        if observed is None:
            return states.mean(1)
        seen = observed.to(states.dtype)[:, :, None]
        return (states * seen).sum(1) / seen.sum(1).clamp(min=1)


class MaxPooling(Pooling):
    """Largest value of each column over the observed steps."""

    def forward(self, states: torch.Tensor, last: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        if observed is None:
            return states.amax(1)
        largest = states.masked_fill(~observed[:, :, None], -torch.inf).amax(1)
        return largest.masked_fill(~observed.any(1, keepdim=True), 0.0)


class AttentionPooling(Pooling):
    """Mean over the observed steps with learnt weights: the softmax of v . tanh(W h + b) over the steps.

    This is the additive attention of Bahdanau, Cho and Bengio (2015) without a query.
    """

    def __init__(self, width: int, **factory: Any) -> None:
        super().__init__(width)
        self.hidden = nn.Linear(width, width, **factory)
        self.score = nn.Linear(width, 1, bias=False, **factory)

    def initialize(self, generator: torch.Generator) -> None:
        draw_uniform(self, self.hidden.in_features, generator)

    def weights(self, states: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        """Weights of the steps (batch, step): they sum to 1, and are 0 at steps that are not observed."""
        scores = self.score(torch.tanh(self.hidden(states)))[:, :, 0]
        if observed is None:
            return torch.softmax(scores, 1)
        # A sequence without an observed step: a softmax over nothing would be NaN.
        counted = observed | ~observed.any(1, keepdim=True)
        return torch.softmax(scores.masked_fill(~counted, -torch.inf), 1) * observed

    def forward(self, states: torch.Tensor, last: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        return (states * self.weights(states, observed)[:, :, None]).sum(1)


class LinearMap(nn.Module):
    """Linear map of the first channels of the last steps.

    Called with sequences (batch, step, channel) and which of their steps are observed (batch, step), or None for all;
    returns (batch, width). The last step of a sequence is its last observed one. Steps before it that are not observed,
    or lie before the start of a sequence, count as the mean of those of the last steps that are; without any, as 0.
    """

    def __init__(self, n_steps: int, n_channels: int, width: int, **factory: Any) -> None:
        super().__init__()
        self.n_steps, self.n_channels = n_steps, n_channels
        self.weight = nn.Parameter(torch.empty(width, n_steps * n_channels, **factory))

    def columns(self, x: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        """What is multiplied with the weights (batch, step * channel)."""
        n_before, x = max(self.n_steps - x.shape[1], 0), x[:, :, : self.n_channels]
        if observed is None:
            x = x[:, -self.n_steps :]
            if not n_before:
                return x.flatten(1)
            seen = x.new_ones(x.shape[:2], dtype=torch.bool)
        else:
            x, seen = self._ended(x, observed)
        mean = (x * seen[:, :, None]).sum(1, keepdim=True) / seen.sum(1)[:, None, None].clamp(min=1)
        filled = torch.where(seen[:, :, None], x, mean)
        return torch.cat([mean.expand(-1, n_before, -1), filled], dim=1).flatten(1)

    def _ended(self, x: torch.Tensor, observed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The last steps of sequences that end with an observed step, and which of these are observed."""
        n_steps = x.shape[1]
        behind = observed.flip(1).int().argmax(1, keepdim=True)
        place = torch.arange(max(n_steps - self.n_steps, 0), n_steps, device=x.device) - behind
        row = place.clamp(min=0)
        seen = observed.gather(1, row) & (place >= 0)
        return x.gather(1, row[:, :, None].expand(-1, -1, x.shape[2])), seen

    def forward(self, x: torch.Tensor, observed: torch.Tensor | None) -> torch.Tensor:
        return nn.functional.linear(self.columns(x, observed), self.weight)


NORMS: dict[str | None, Callable[..., nn.Module]] = {None: NoNorm, "batch": BatchNorm, "layer": LayerNorm}
POOLINGS: dict[str, Callable[..., Pooling]] = {
    "attention": AttentionPooling,
    "last": LastPooling,
    "max": MaxPooling,
    "mean": MeanPooling,
}


def draw_uniform(module: nn.Module, fan_in: int, generator: torch.Generator) -> None:
    """Draw the weights of a module uniformly from +-1/sqrt(fan-in)."""
    for parameter in module.parameters():
        draw(parameter, fan_in, generator)


def draw(parameter: torch.Tensor, fan_in: int, generator: torch.Generator) -> None:
    """Draw some weights uniformly from +-1/sqrt(fan-in)."""
    # Drawn on the CPU in double precision: every device and precision starts from the same weights.
    draws = torch.empty(parameter.shape, dtype=torch.float64, device="cpu")
    parameter.copy_(draws.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator))


def take_memory(module: nn.Module, device: torch.device) -> None:
    """What ``to_empty`` does for a module built on the meta device; that would first import sympy, for a second."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            setattr(part, name, nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype, device=device)))
        for name, buffer in list(part.named_buffers(recurse=False)):
            setattr(part, name, torch.empty(buffer.shape, dtype=buffer.dtype, device=device))
