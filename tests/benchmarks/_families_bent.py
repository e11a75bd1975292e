"""Families of series whose next value is no line of the past: maps, regimes, counts and uneven noise."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from _family import BURN_IN, Made, family, from_past, linear_past, n_training_rows

# Maps, chaos, delays


def basin_step(past: list[float]) -> float:
    return 0.9 * math.sin(2 * past[-1]) + 0.3 * past[-2]


@family("maps", "choose")
def noisy_map(rng: np.random.Generator, n: int) -> Made:
    return Made(*from_past(basin_step, 0.2 * rng.normal(size=BURN_IN + n), (0.1, 0.1), n))


@family("maps", "choose")
def logistic(rng: np.random.Generator, n: int) -> Made:
    def step(past: list[float]) -> float:
        return 3.8 * past[-1] * (1 - past[-1])

    return Made(*from_past(step, rng.uniform(-0.02, 0.02, size=BURN_IN + n), (rng.uniform(0.3, 0.7),), n))


@family("maps", "table")
def henon(rng: np.random.Generator, n: int) -> Made:
    """Without noise."""
    start = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1))
    return Made(from_past(lambda v: 1 - 1.4 * v[-1] ** 2 + 0.3 * v[-2], np.zeros(BURN_IN + n), start, n)[0])


@family("maps", "choose")
def lorenz(rng: np.random.Generator, n: int) -> Made:
    """The first coordinate of Lorenz' equations every tenth of the unit of time, without noise."""

    def slope(v: np.ndarray) -> np.ndarray:
        x, y, z = v
        return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    state, values = np.array([1.0, 1.0, 20.0]) + rng.normal(size=3), []
    for _ in range(5 * (BURN_IN + n)):
        a = slope(state)
        b = slope(state + 0.01 * a)
        c = slope(state + 0.01 * b)
        state = state + 0.02 / 6 * (a + 2 * b + 2 * c + slope(state + 0.02 * c))
        values.append(state[0])
    return Made(np.array(values[4::5][-n:]))


@family("maps", "table")
def sine_cosine(rng: np.random.Generator, n: int) -> Made:
    def step(past: list[float]) -> float:
        return 1.4 * math.sin(2 * past[-1]) + 0.8 * math.cos(1.5 * past[-2])

    return Made(*from_past(step, 0.05 * rng.normal(size=BURN_IN + n), (0.1, 0.2), n))


@family("maps", "table")
def mackey_glass(rng: np.random.Generator, n: int) -> Made:
    """A delay of 17 units of time, read every sixth unit through a little noise."""
    past = list(1.2 + 0.2 * rng.uniform(-0.5, 0.5, size=171))
    for _ in range(60 * (BURN_IN + n)):
        past.append(past[-1] + (0.2 * past[-171] / (1 + past[-171] ** 10) - 0.1 * past[-1]) / 10)
    clean = np.array(past[::60][-n:])
    return Made(clean + 0.02 * rng.normal(size=n), clean)


@family("maps", "choose")
def bilinear(rng: np.random.Generator, n: int) -> Made:
    """Past values times past noise."""
    noise = rng.normal(size=BURN_IN + n)
    values = [0.0]
    for before, shock in pairwise(noise):
        values.append(0.4 * values[-1] + 0.6 * values[-1] * before + shock)
    y = np.array(values[-n:])
    return Made(y, y - noise[-n:])


@family("maps", "table")
def delayed_feedback(rng: np.random.Generator, n: int) -> Made:
    """A hump, seven rows late, feeds a leaking sum."""

    def step(past: list[float]) -> float:
        return 0.5 * past[-1] + 2.2 * past[-7] / (1 + past[-7] ** 6)

    return Made(*from_past(step, 0.05 * rng.normal(size=BURN_IN + n), tuple(rng.uniform(0.5, 1.5, size=7)), n))


# Thresholds and regimes


@family("regimes", "choose")
def threshold_ar(rng: np.random.Generator, n: int) -> Made:
    """The law depends on the sign two rows ago."""

    def step(past: list[float]) -> float:
        return 1.5 - 0.9 * past[-1] if past[-2] > 0 else -0.5 + 0.8 * past[-1]

    return Made(*from_past(step, rng.normal(size=BURN_IN + n), (0.0, 0.0), n))


def stays(rng: np.random.Generator, n: int, length: float, n_regimes: int) -> np.ndarray:
    """Regimes by row; each stay ends at random, after ``length`` rows in the mean."""
    moves = np.cumsum((rng.uniform(size=n) < 1 / length) * rng.integers(1, n_regimes, size=n))
    return moves % n_regimes


def switching(rng: np.random.Generator, n: int, length: float) -> Made:
    """Two autoregressions take turns; the best forecast does not see the regime, so it is unknown."""
    regime, values = stays(rng, BURN_IN + n, length, 2), [0.0]
    for now, shock in zip(regime, 0.5 * rng.normal(size=BURN_IN + n), strict=True):
        values.append((0.9 * values[-1] if now else 2 - 0.8 * values[-1]) + shock)
    return Made(np.array(values[-n:]))


@family("regimes", "table")
def short_stays(rng: np.random.Generator, n: int) -> Made:
    return switching(rng, n, 8)


@family("regimes", "choose")
def long_stays(rng: np.random.Generator, n: int) -> Made:
    return switching(rng, n, 80)


def in_the_other_basin(y: np.ndarray, best: np.ndarray) -> Made:
    """Turn the signs from three rows before the first test row on; the law is odd, so it still holds."""
    side, t = np.ones(len(y)), np.arange(len(y))
    turn = n_training_rows(len(y)) - 3
    side[turn:] = -1
    return Made(side * y, np.where(t == turn, best, side * best))


def well(past: list[float]) -> float:
    """Two places of rest, at 1 and at -1."""
    return past[-1] + 0.4 * (past[-1] - past[-1] ** 3)


@family("regimes", "choose")
def two_basins(rng: np.random.Generator, n: int) -> Made:
    """Around one place of rest in the training rows, around the other in the test rows."""
    return in_the_other_basin(*from_past(well, 0.1 * rng.normal(size=BURN_IN + n), (1.0,), n))


@family("regimes", "table")
def basin_map(rng: np.random.Generator, n: int) -> Made:
    """The noisy map with so little noise that it stays on one side, the other one in the test rows."""
    noise = rng.uniform(-0.03, 0.03, size=BURN_IN + n)
    return in_the_other_basin(*from_past(basin_step, noise, (1.0, 1.0), n))


@family("regimes", "table")
def basin_hops(rng: np.random.Generator, n: int) -> Made:
    """Noise carries the series from one place of rest to the other now and then."""
    return Made(*from_past(well, np.clip(0.35 * rng.normal(size=BURN_IN + n), -0.8, 0.8), (1.0,), n))


@family("regimes", "table")
def sticky_levels(rng: np.random.Generator, n: int) -> Made:
    """Three levels, each for some twenty-five rows, read through noise."""
    return Made(np.array([0.0, 3.0, 5.0])[stays(rng, n, 25, 3)] + 0.5 * rng.normal(size=n))


@family("regimes", "choose")
def relaxation(rng: np.random.Generator, n: int) -> Made:
    """A rise up to 3, then a fall down to 0, and so on: the way depends on which end was met last."""
    values, best, rising = [0.0], [], True
    for shock in 0.1 * rng.normal(size=BURN_IN + n):
        rising = values[-1] < 3 if rising else values[-1] < 0
        best.append(values[-1] + 0.25 if rising else 0.6 * values[-1] - 0.2)
        values.append(best[-1] + shock)
    return Made(np.array(values[-n:]), np.array(best[-n:]))


# Counts, intermittent demand, bounded and skewed noise


@family("counts", "choose")
def count_ar(rng: np.random.Generator, n: int) -> Made:
    """Counts whose mean follows the last count and the last mean."""
    means, counts = [3.0], [3]
    for _ in range(BURN_IN + n):
        means.append(0.6 + 0.4 * means[-1] + 0.4 * counts[-1])
        counts.append(rng.poisson(means[-1]))
    return Made(np.array(counts[-n:], float), np.array(means[-n:]))


@family("counts", "table", season=7)
def count_season(rng: np.random.Generator, n: int) -> Made:
    """Counts of a week with two quiet days, and of a year of 180 rows."""
    t = np.arange(n)
    mean = np.array([6.0, 5, 5, 6, 9, 2, 1])[t % 7] * np.exp(0.3 * np.sin(2 * np.pi * t / 180))
    return Made(rng.poisson(mean).astype(float), mean)


@family("counts", "choose")
def intermittent(rng: np.random.Generator, n: int) -> Made:
    """Demand on one row in five, likelier after demand, of an uneven size."""
    demand, chance = [0], [0.2]
    for _ in range(BURN_IN + n):
        chance.append(0.02 + 0.7 * chance[-1] + 0.2 * (demand[-1] > 0))
        demand.append(1 + rng.poisson(4) if rng.uniform() < chance[-1] else 0)
    return Made(np.array(demand[-n:], float), 5 * np.array(chance[-n:]))


@family("counts", "table")
def bounded(rng: np.random.Generator, n: int) -> Made:
    """Shares between 0 and 1 that stay near either end."""
    means, values = [0.5], [0.5]
    for _ in range(BURN_IN + n):
        means.append(1 / (1 + math.exp(-6 * (values[-1] - 0.5))))
        values.append(rng.beta(8 * means[-1], 8 * (1 - means[-1])))
    return Made(np.array(values[-n:]), np.array(means[-n:]))


@family("counts", "choose")
def skewed(rng: np.random.Generator, n: int) -> Made:
    """Exponentials of an autoregression."""
    y, best = linear_past({1: 0.8}, 0.5 * rng.normal(size=BURN_IN + n), n)
    return Made(np.exp(y), np.exp(best + 0.5**2 / 2))


@family("counts", "table")
def gamma_noise(rng: np.random.Generator, n: int) -> Made:
    """Shocks of one sign that fade."""
    return Made(*(1 + part for part in linear_past({1: 0.6, 2: 0.2}, rng.gamma(0.5, 2, size=BURN_IN + n) - 1, n)))


@family("counts", "table")
def censored(rng: np.random.Generator, n: int) -> Made:
    """An oscillation that is read as 0 where it is below."""
    return Made(np.maximum(linear_past({1: 1.5, 2: -0.8}, rng.normal(size=BURN_IN + n), n)[0], 0))


@family("counts", "choose")
def heavy_tails(rng: np.random.Generator, n: int) -> Made:
    """Shocks from Student's distribution with three degrees of freedom."""
    return Made(*linear_past({1: 1.1, 2: -0.4}, rng.standard_t(3, size=BURN_IN + n), n))
