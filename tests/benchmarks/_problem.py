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
    """``network(parameters)`` and each of ``simple`` answer the test rows; ``errors`` compare with the truth."""

    network: Callable[[dict[str, Any]], np.ndarray]
    errors: list[Callable[[np.ndarray], float]]  # in the order of the measures of the task
    simple: dict[str, Callable[[], np.ndarray]]


@dataclass(frozen=True)
class Measure:
    """One error of a task: what was published of a recurrent network, and what is wanted."""

    name: str
    published: float | None
    wanted: float | None


@dataclass(frozen=True)
class Task:
    """Measures, the first of which counts, and the parameters of this task alone."""

    measures: list[Measure]
    load: Callable[[Path], Problem]
    own: dict[str, Any] = field(default_factory=dict)
    in_mean: bool = True  # whether its ratio to the best simple answer enters the mean over the tasks
