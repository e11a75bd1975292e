"""Learning-rate schedules: one small class for each, and the table of names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """Factors on ``learning_rate_init``."""

    @property
    def reduction(self) -> float:
        """What stalls have left of the rate."""

    def factor(self, epoch: int) -> float:
        """Factor of an epoch, counted from 0 in each call of fit."""

    def lower(self) -> bool:
        """Answer to a stalled loss: whether training goes on, at a lower rate."""


@dataclass
class Constant:
    """The same rate in all epochs; a stalled loss ends training."""

    max_iter: int
    reduction: float = 1.0

    def factor(self, epoch: int) -> float:
        return 1.0

    def lower(self) -> bool:
        return False


@dataclass
class Cosine(Constant):
    """Half a period of a cosine from the first rate down to zero (Loshchilov and Hutter, 2017, without restarts)."""

    def factor(self, epoch: int) -> float:
        return (1 + math.cos(math.pi * epoch / self.max_iter)) / 2


@dataclass
class Adaptive(Constant):
    """A fifth of the rate at each stall, down to a millionth; further stalls end training."""

    def factor(self, epoch: int) -> float:
        return self.reduction

    def lower(self) -> bool:
        if self.reduction <= 1e-6:
            return False
        self.reduction /= 5
        return True


SCHEDULES: dict[str, Callable[[int, float], Schedule]] = {"adaptive": Adaptive, "constant": Constant, "cosine": Cosine}
