"""Learning-rate schedules: one small class for each, and the table of names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol


class Schedule(Protocol):
    """Factors on ``learning_rate_init``."""

    @property
    def n_epochs(self) -> int:
        """How many epochs there are at most."""

    @property
    def reduction(self) -> float:
        """What stalls have left of the rate."""

    @property
    def ends_at_rest(self) -> bool:
        """Whether the rate is zero behind the last of the epochs."""

    def factor(self, epoch: int) -> float:
        """Factor of an epoch, counted from 0 in each call of fit."""

    def lower(self, epoch: int) -> bool:
        """Answer to a loss that has stalled before this epoch: whether training goes on, at lower rates."""


@dataclass
class Constant:
    """The same rate in all epochs; a stalled loss ends training."""

    n_epochs: int
    n_iter_no_change: int
    reduction: float = 1.0
    ends_at_rest: ClassVar[bool] = False

    def factor(self, epoch: int) -> float:
        return 1.0

    def lower(self, epoch: int) -> bool:
        return False


@dataclass
class Cosine(Constant):
    """Half a period of a cosine from the first rate down to zero (Loshchilov and Hutter, 2017, without restarts).

    What is left of it at a stall passes in ``n_iter_no_change`` epochs: a loss that stalls at a high rate falls again
    at lower ones.
    """

    ends_at_rest = True
    stall: tuple[int, float] = (0, 0.0)  # the epoch, and how much of the way to zero lies behind it

    def factor(self, epoch: int) -> float:
        return (1 + math.cos(math.pi * self._way(epoch))) / 2

    def lower(self, epoch: int) -> bool:
        self.stall = epoch, self._way(epoch)
        self.n_epochs = min(self.n_epochs, epoch + self.n_iter_no_change)
        return epoch < self.n_epochs

    def _way(self, epoch: int) -> float:
        begin, way = self.stall
        return way + (1 - way) * (epoch - begin) / (self.n_epochs - begin)


@dataclass
class Adaptive(Constant):
    """A fifth of the rate at each stall, down to a millionth; further stalls end training."""

    def factor(self, epoch: int) -> float:
        return self.reduction

    def lower(self, epoch: int) -> bool:
        if self.reduction <= 1e-6:
            return False
        self.reduction /= 5
        return True


@dataclass
class Replay(Constant):
    """The rates of the first epochs of another training."""

    factors: tuple[float, ...] = ()

    @classmethod
    def of(cls, factors: tuple[float, ...], reduction: float, *, to_rest: bool) -> Replay:
        """With ``to_rest``, the last quarter of the rates falls to zero, from which no epoch is picked as the best one.

        There are an eighth more epochs then, so that the rates have the same sum.
        """
        if to_rest and factors:
            n_more = math.ceil(len(factors) / 8)
            kept, falling = factors[: len(factors) - n_more], factors[-n_more:] + factors[-1:] * n_more
            factors = kept + tuple(f * (1 - (i + 0.5) / len(falling)) for i, f in enumerate(falling))
        return cls(len(factors), len(factors), reduction, factors)

    def factor(self, epoch: int) -> float:
        return self.factors[epoch]


SCHEDULES: dict[str, type[Constant]] = {
    "adaptive": Adaptive,
    "constant": Constant,
    "cosine": Cosine,
}
