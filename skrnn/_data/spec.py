"""What networks on torch's layers and on compiled loops share: what they are built from, and how dropout is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is built from.

    ``layer`` is the dotted path of a class that keeps the calling convention of ``torch.nn.GRU``: built as
    ``Layer(input_size, hidden_size, batch_first=True, **options)``, called as ``states, last = layer(x)`` with x
    of shape (batch, step, channel). ``norm`` and ``pooling`` are names of stages; with ``return_sequences`` the head
    answers at each step instead of reading a summary. The layers read ``segment_size`` steps at a time. A linear map of
    the first ``linear_size`` channels of the last ``linear_steps`` steps is added to the answers.
    """

    layer: str
    input_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    dropout: float
    width: int
    options: tuple[tuple[str, str], ...] = ()
    norm: str | None = None
    pooling: str = "last"
    return_sequences: bool = False
    segment_size: int = 1
    linear_steps: int = 0
    linear_size: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether nothing but recurrent layers, dropout, and a head on a summary without weights is asked for."""
        return self.norm is None and self.pooling != "attention" and not self.return_sequences

    @property
    def reads_windows(self) -> bool:
        """Whether an answer after one more step needs the steps before it, not only the states then."""
        step_by_step = self.pooling == "last" and not self.bidirectional and self.segment_size == 1
        return self.linear_steps > 0 or not step_by_step


def dropout_mask(x: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
    """Factors for ``x`` that keep its mean: 0 for a share ``rate`` of the numbers."""
    # torch's dropout takes no generator.
    kept = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    return kept.bernoulli_(1 - rate, generator=generator).div_(1 - rate)
