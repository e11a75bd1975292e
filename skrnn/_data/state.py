"""Where a training run stands, or that it went astray."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


class DivergenceError(FloatingPointError):
    """Training reached numbers that are not finite."""


@dataclass(frozen=True)
class TrainingState:
    """Where a run stands, as plain values; with the weights it is all that is needed to go on bit by bit."""

    seed: int
    n_epochs: int = 0
    reduction: float = 1.0  # see Schedule
    solver: dict[str, np.ndarray] = field(default_factory=dict)
