"""What a network gives for some sequences, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from skrnn._compiled.threads import alone
from skrnn._data.sequences import Sequences
from skrnn._model.loss_contract import Loss


@dataclass(frozen=True)
class Outputs:
    """Raw outputs; what the loss reads from them is multiplied by a spread, and an origin is added."""

    raw: torch.Tensor  # (n, width) or (n, step, width)
    of: Sequences  # what was read
    loss: Loss
    spread: np.ndarray  # (target,) or (n, target)
    origin: np.ndarray  # (target,) or (n, target)

    def answers(self) -> np.ndarray:
        """Answers in the units of y (..., target)."""
        return self._read(self.loss.predict) * self.spread + self.origin

    def std(self) -> np.ndarray:
        """Standard deviations in the units of y (..., target)."""
        return self._read(self.loss.std) * self.spread  # type: ignore[attr-defined]

    def quantiles(self) -> np.ndarray:
        """Quantiles in the units of y (..., target, level)."""
        return self._read(self.loss.quantiles) * self.spread[..., None] + self.origin[..., None]  # type: ignore[attr-defined]

    @alone
    def _read(self, reading: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        """Apply a reading of the loss, which takes rows (n, width), to raw outputs (..., width)."""
        with torch.no_grad():
            found = reading(self.raw.flatten(0, -2)).cpu().numpy().astype(np.float64, copy=False)
        return found.reshape(*self.raw.shape[:-1], *found.shape[1:])
