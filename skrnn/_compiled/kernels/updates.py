"""Steps of solvers: what those of ``skrnn._training.solvers`` do to n weights, from their gradient.

``first`` and ``second`` are the solver's own numbers, one of each for a weight; steps are counted from 1.
"""

from __future__ import annotations

import math

from skrnn._compiled.kernels.jit import Numbers, form, leaf, number


@form
def update_at(
    weights: Numbers,
    gradient: Numbers,
    first: Numbers,
    second: Numbers,
    n: int,
    step: int,
    rate: float,
    momentum: float,
) -> None:
    """One of the functions below."""


@leaf
def adam(
    weights: Numbers,
    gradient: Numbers,
    first: Numbers,
    second: Numbers,
    n: int,
    step: int,
    rate: float,
    momentum: float,
) -> None:
    """``first`` and ``second`` are moving means of the gradient and of its square."""
    size = number(rate / (1 - 0.9**step))
    root = number(math.sqrt(1 - 0.999**step))
    of_mean, of_square, kept, least = number(1 - 0.9), number(1 - 0.999), number(0.999), number(1e-8)
    for i in range(n):
        slope = gradient[i]
        mean = first[i] + (slope - first[i]) * of_mean
        square = second[i] * kept + of_square * slope * slope
        first[i] = mean
        second[i] = square
        weights[i] -= size * mean / (math.sqrt(square) / root + least)


@leaf
def sgd(
    weights: Numbers,
    gradient: Numbers,
    first: Numbers,
    second: Numbers,
    n: int,
    step: int,
    rate: float,
    momentum: float,
) -> None:
    """``first`` is the momentum."""
    size, kept = number(rate), number(momentum)
    for i in range(n):
        first[i] = first[i] * kept + gradient[i]
        weights[i] -= size * first[i]


@leaf
def rmsprop(
    weights: Numbers,
    gradient: Numbers,
    first: Numbers,
    second: Numbers,
    n: int,
    step: int,
    rate: float,
    momentum: float,
) -> None:
    """``first`` is a moving mean of the square of the gradient."""
    size, kept, new, least = number(rate), number(0.99), number(1 - 0.99), number(1e-8)
    for i in range(n):
        slope = gradient[i]
        square = first[i] * kept + new * slope * slope
        first[i] = square
        weights[i] -= size * slope / (math.sqrt(square) + least)


@form
def pull_at(weights: Numbers, gradient: Numbers, origin: Numbers, n: int, rate: float, decay: float) -> None:
    """One of the functions below: pulls weights towards an origin."""


@leaf
def decay_weights(weights: Numbers, gradient: Numbers, origin: Numbers, n: int, rate: float, decay: float) -> None:
    share = number(rate * decay)
    for i in range(n):
        weights[i] += share * (origin[i] - weights[i])


@leaf
def decay_gradient(weights: Numbers, gradient: Numbers, origin: Numbers, n: int, rate: float, decay: float) -> None:
    share = number(decay)
    for i in range(n):
        gradient[i] += share * (weights[i] - origin[i])
