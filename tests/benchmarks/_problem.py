"""What a task of ``accuracy.py`` is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

PENALTIES = np.logspace(-3, 6, 19)  # among which ridge regression chooses by cross-validation


@dataclass(frozen=True)
class Problem:
    """``network(parameters)`` and each of ``simple`` answer the test rows; ``error`` compares with the truth."""

    network: Callable[[dict[str, Any]], np.ndarray]
    error: Callable[[np.ndarray], float]
    simple: dict[str, Callable[[], np.ndarray]]


@dataclass(frozen=True)
class Task:
    """What was published of a recurrent network, what is wanted, and the parameters of this task alone."""

    measure: str
    published: float
    wanted: float
    load: Callable[[Path], Problem]
    own: dict[str, Any] = field(default_factory=dict)
