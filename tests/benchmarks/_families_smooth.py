"""Families of series near a line, a season or a level: linear laws, seasons, changes of level and of variance."""

from __future__ import annotations

import numpy as np
from _family import BURN_IN, Made, family, linear_past, n_training_rows

# Linear


@family("linear", "choose")
def white_noise(rng: np.random.Generator, n: int) -> Made:
    return Made(3 + rng.normal(size=n), np.full(n, 3.0))


@family("linear", "table")
def ar_two(rng: np.random.Generator, n: int) -> Made:
    """A noisy oscillation of about eleven rows."""
    return Made(*linear_past({1: 1.5, 2: -0.8}, rng.normal(size=BURN_IN + n), n))


@family("linear", "choose")
def arma(rng: np.random.Generator, n: int) -> Made:
    noise = rng.normal(size=BURN_IN + n)
    y, _ = linear_past({1: 0.8}, noise + 0.6 * np.append(0, noise[:-1]), n)
    return Made(10 + y, 10 + y - noise[-n:])


@family("linear", "table")
def random_walk(rng: np.random.Generator, n: int) -> Made:
    return Made(*linear_past({1: 1.0}, rng.normal(size=n), n))


@family("linear", "choose")
def integrated_ar(rng: np.random.Generator, n: int) -> Made:
    """A walk whose steps are autoregressive."""
    return Made(*linear_past({1: 1.6, 2: -0.6}, rng.normal(size=n), n))


@family("linear", "table", season=12)
def seasonal_ar(rng: np.random.Generator, n: int) -> Made:
    return Made(*linear_past({1: 0.5, 12: 0.9, 13: -0.45}, rng.normal(size=2 * BURN_IN + n), n))


@family("linear", "table", inputs=("b", "c", "d"))
def vector_ar(rng: np.random.Generator, n: int) -> Made:
    """Four series, each led by the next one."""
    weights = 0.5 * np.eye(4) + 0.4 * np.eye(4, k=1) - 0.3 * np.eye(4, k=-2)
    noise = rng.normal(size=(BURN_IN + n, 4))
    values = np.zeros_like(noise)
    for t in range(1, len(values)):
        values[t] = weights @ values[t - 1] + noise[t]
    y = values[-n:, 0]
    return Made(y, y - noise[-n:, 0], values[-n:, 1:])


@family("linear", "choose", inputs=tuple(f"x{i}" for i in range(1, 12)))
def twelve_columns(rng: np.random.Generator, n: int) -> Made:
    """Eleven columns beside the series, two of which lead it."""
    inputs, noise = rng.normal(size=(BURN_IN + n, 11)), 0.5 * rng.normal(size=BURN_IN + n)
    led = np.roll(inputs[:, 0], 1) - 0.7 * np.roll(inputs[:, 1], 3)
    y, _ = linear_past({1: 0.5}, led + noise, n)
    return Made(y, y - noise[-n:], inputs[-n:])


# Trends and seasons


def profile(rng: np.random.Generator, period: int, n: int) -> np.ndarray:
    """A random shape that repeats, with mean 0 and spread 1."""
    shape = rng.normal(size=period) + 2 * np.sin(2 * np.pi * (np.arange(period) / period + rng.uniform()))
    return ((shape - shape.mean()) / shape.std())[np.arange(n) % period]


def with_noise(rng: np.random.Generator, signal: np.ndarray, scale: float | np.ndarray) -> Made:
    """A signal seen through noise; the best forecast is the signal itself, which nobody can better."""
    return Made(signal + scale * rng.normal(size=len(signal)), signal)


@family("seasons", "table", season=12)
def season_sum(rng: np.random.Generator, n: int) -> Made:
    """A line and a season."""
    return with_noise(rng, 20 + 10 * np.arange(n) / n + 3 * profile(rng, 12, n), 1.0)


@family("seasons", "choose", season=12)
def season_product(rng: np.random.Generator, n: int) -> Made:
    """A line times a season; the noise grows with both."""
    level = 10 + 40 * np.arange(n) / n
    return with_noise(rng, level * (1 + 0.3 * profile(rng, 12, n)), 0.04 * level)


@family("seasons", "choose", window=48, season=24)
def two_seasons(rng: np.random.Generator, n: int) -> Made:
    return with_noise(rng, 2 * profile(rng, 24, n) + profile(rng, 7, n), 0.5)


@family("seasons", "table", season=12)
def growing_season(rng: np.random.Generator, n: int) -> Made:
    """Growth by factors: level, season and noise are products."""
    logs = 1.5 * np.arange(n) / n + 0.25 * profile(rng, 12, n)
    noise = 0.08 * rng.normal(size=n)
    return Made(100 * np.exp(logs + noise), 100 * np.exp(logs + 0.08**2 / 2))


@family("seasons", "table")
def chirp(rng: np.random.Generator, n: int) -> Made:
    """A sine whose period falls from 40 to 10 rows."""
    frequency = np.linspace(1 / 40, 1 / 10, n)
    return with_noise(rng, np.sin(2 * np.pi * (np.cumsum(frequency) + rng.uniform())), 0.1)


@family("seasons", "choose")
def saw(rng: np.random.Generator, n: int) -> Made:
    """A rise and a fall at once, of a period that is no whole number of rows."""
    return with_noise(rng, 2 * ((np.arange(n) / 17.3 + rng.uniform()) % 1) - 1, 0.1)


@family("seasons", "choose")
def beat(rng: np.random.Generator, n: int) -> Made:
    """Two sines of near periods."""
    t, (a, b) = np.arange(n), rng.uniform(size=2)
    return with_noise(rng, np.sin(2 * np.pi * (t / 9.1 + a)) + np.sin(2 * np.pi * (t / 10.7 + b)), 0.2)


CALENDAR = ("day_sin", "day_cos", "rest")


@family("seasons", "table", inputs=CALENDAR, future=CALENDAR, season=84)
def known_calendar(rng: np.random.Generator, n: int) -> Made:
    """Days of twelve rows, five of work and two of rest, with the calendar known; deviations last."""
    t = np.arange(n)
    day, rest = 2 * np.pi * t / 12, (t // 12 % 7 >= 5).astype(float)
    usual = np.where(rest, 5.0, 10.0) + profile(rng, 12, n) * np.where(rest, 0.5, 2.0)
    deviation, best = linear_past({1: 0.7}, 0.5 * rng.normal(size=BURN_IN + n), n)
    return Made(usual + deviation, usual + best, np.column_stack([np.sin(day), np.cos(day), rest]))


# Changes of level and of variance


def shifted(rng: np.random.Generator, n: int, row: int) -> Made:
    """An autoregression whose level rises by six standard deviations of its noise."""
    y, best = linear_past({1: 0.5}, rng.normal(size=BURN_IN + n), n)
    level, t = np.zeros(n), np.arange(n)
    level[row:] = 6
    return Made(y + level, best + np.where(t == row, 0, level))


@family("levels", "choose")
def shift_held_out(rng: np.random.Generator, n: int) -> Made:
    """The level moves among the last tenth of the training rows."""
    return shifted(rng, n, round(0.95 * n_training_rows(n)))


@family("levels", "table")
def shift_tested(rng: np.random.Generator, n: int) -> Made:
    """The level moves among the test rows."""
    return shifted(rng, n, round(0.875 * n))


@family("levels", "choose")
def many_shifts(rng: np.random.Generator, n: int) -> Made:
    """A new level about every sixty rows."""
    level = np.cumsum(np.where(rng.uniform(size=n) < 1 / 60, 4 * rng.normal(size=n), 0))
    return Made(level + linear_past({1: 0.3}, rng.normal(size=BURN_IN + n), n)[0])


@family("levels", "table")
def drift(rng: np.random.Generator, n: int) -> Made:
    """A level that bends slowly upwards, to where it never was."""
    level = 15 * (np.arange(n) / n) ** 2
    y, best = linear_past({1: 0.6}, rng.normal(size=BURN_IN + n), n)
    return Made(y + level, best + level)


@family("levels", "table")
def variance_change(rng: np.random.Generator, n: int) -> Made:
    """The noise is three times as large from half of the rows on."""
    scale = np.where(np.arange(BURN_IN + n) < BURN_IN + n // 2, 1.0, 3.0)
    return Made(*linear_past({1: 1.2, 2: -0.5}, scale * rng.normal(size=BURN_IN + n), n))


@family("levels", "choose")
def garch(rng: np.random.Generator, n: int) -> Made:
    """The variance follows the last shocks."""
    shocks, variance = np.zeros(BURN_IN + n), 1.0
    for t, draw in enumerate(rng.normal(size=BURN_IN + n)):
        shocks[t] = np.sqrt(variance) * draw
        variance = 0.1 + 0.3 * shocks[t] ** 2 + 0.6 * variance
    return Made(*linear_past({1: 0.5}, shocks, n))


@family("levels", "choose")
def outliers(rng: np.random.Generator, n: int) -> Made:
    """One row in thirty is read wrongly; the series goes on as if nothing had been."""
    y, best = linear_past({1: 0.9}, rng.normal(size=BURN_IN + n), n)
    return Made(y + np.where(rng.uniform(size=n) < 1 / 30, 10 * rng.normal(size=n), 0), best)


@family("levels", "table")
def growing_scale(rng: np.random.Generator, n: int) -> Made:
    """An oscillation, noise and all, of which the unit grows to four times the first."""
    y, best = linear_past({1: 1.5, 2: -0.8}, rng.normal(size=BURN_IN + n), n)
    unit = 1 + 3 * np.arange(n) / n
    return Made(unit * y, unit * best)
