"""Families that answer inputs of the same moment, and families that need a long memory."""

from __future__ import annotations

import math

import numpy as np
from _family import BURN_IN, Made, family, from_past, linear_past


def driven(rng: np.random.Generator, clean: np.ndarray, inputs: list[np.ndarray], n: int, scale: float = 0.1) -> Made:
    """The last rows of an answer to inputs, read through noise."""
    clean = np.asarray(clean, float)[-n:]
    return Made(clean + scale * rng.normal(size=n), clean, np.column_stack(inputs).astype(float)[-n:])


def slow(rng: np.random.Generator, n: int, keeps: float = 0.9) -> np.ndarray:
    """A smooth input with a spread of 1."""
    return linear_past({1: keeps}, math.sqrt(1 - keeps**2) * rng.normal(size=BURN_IN + n), n)[0]


def events(rng: np.random.Generator, n: int, every: float) -> np.ndarray:
    """1 on one row in so many, else 0; the first row has one."""
    found = (rng.uniform(size=n) < 1 / every).astype(float)
    found[0] = 1
    return found


# Inputs


@family("inputs", "choose", horizon=0, inputs=("a", "b"))
def filtered(rng: np.random.Generator, n: int) -> Made:
    """Weighted sums of the last rows of two inputs."""
    a, b = rng.normal(size=(2, BURN_IN + n))
    clean = np.convolve(a, 0.8 ** np.arange(12))[: len(a)] - np.convolve(b, [0, 0, 1, 0.5])[: len(b)]
    return driven(rng, clean, [a, b], n, 0.3)


@family("inputs", "choose", horizon=0, inputs=("a", "b"))
def product(rng: np.random.Generator, n: int) -> Made:
    a, b = rng.normal(size=(2, BURN_IN + n))
    return driven(rng, np.roll(a, 1) * np.roll(b, 3) + 0.5 * a, [a, b], n)


@family("inputs", "table", horizon=0, inputs=("a", "b"))
def gate(rng: np.random.Generator, n: int) -> Made:
    """One input says by its sign which rows of the other one are answered."""
    a, b = rng.normal(size=BURN_IN + n), slow(rng, BURN_IN + n)
    return driven(rng, np.where(b > 0, np.roll(a, 2) + a, -np.roll(a, 1)), [a, b], n)


@family("inputs", "choose", horizon=0, inputs=("a",))
def hysteresis(rng: np.random.Generator, n: int) -> Made:
    """A follower with play: it moves where it is pushed."""
    a, place, clean = slow(rng, BURN_IN + n), 0.0, []
    for push in a:
        place = min(max(place, push - 0.7), push + 0.7)
        clean.append(place)
    return driven(rng, np.array(clean), [a], n, 0.05)


@family("inputs", "table", horizon=0, inputs=("a", "delay"))
def variable_delay(rng: np.random.Generator, n: int) -> Made:
    """The second input says how many rows late the first one comes."""
    a, rows = slow(rng, BURN_IN + n, 0.5), np.arange(BURN_IN + n)
    delay = np.clip(np.round(4 + 2.5 * slow(rng, BURN_IN + n, 0.95)), 0, 9)
    return driven(rng, a[np.maximum(rows - delay.astype(int), 0)], [a, delay], n)


@family("inputs", "table", horizon=0, inputs=("a",))
def saturation(rng: np.random.Generator, n: int) -> Made:
    """Squares are summed with a leak, and the sum saturates."""
    a = rng.normal(size=BURN_IN + n)
    clean = 2 * np.tanh(linear_past({1: 0.7}, 0.6 * (a * np.abs(a) + 0.3 * a**2), BURN_IN + n)[0])
    return driven(rng, clean, [a], n)


@family("inputs", "choose", horizon=0, inputs=("a", "reset"))
def reset_sum(rng: np.random.Generator, n: int) -> Made:
    """The sum of one input since the other one was 1."""
    a, reset = rng.normal(size=BURN_IN + n), events(rng, BURN_IN + n, 8)
    total, clean = 0.0, []
    for value, again in zip(a, reset, strict=True):
        total = value if again else total + value
        clean.append(total)
    return driven(rng, np.array(clean), [a, reset], n)


@family("inputs", "table", inputs=("temperature",), future=("temperature",))
def known_weather(rng: np.random.Generator, n: int) -> Made:
    """A load that rises with frost and with heat and keeps a part of itself; the weather is known."""
    weather = slow(rng, BURN_IN + n, 0.95)
    noise = 0.2 * rng.normal(size=BURN_IN + n)
    y, _ = linear_past({1: 0.6}, np.maximum(np.abs(weather) - 0.5, 0) + noise, n)
    return Made(10 + y, 10 + y - noise[-n:], weather[-n:, None])


# Long memory, parity, copying


@family("memory", "choose", window=48)
def fractional(rng: np.random.Generator, n: int) -> Made:
    """Noise summed 0.4 times: its memory fades as a power."""
    weights = np.cumprod([1.0, *((k - 0.6) / k for k in range(1, 1000))])
    noise = rng.normal(size=999 + n)
    y = np.convolve(noise, weights, mode="valid")
    return Made(y, y - noise[-n:])


@family("memory", "choose", window=8, horizon=0, inputs=("bit",))
def parity(rng: np.random.Generator, n: int) -> Made:
    """The product of the last four signs."""
    signs = rng.choice([-1.0, 1.0], size=BURN_IN + n)
    return driven(rng, np.prod([np.roll(signs, i) for i in range(4)], axis=0), [signs], n)


@family("memory", "table", horizon=0, inputs=("a",))
def copying(rng: np.random.Generator, n: int) -> Made:
    """What came fifteen rows ago, without its sign where it is below."""
    a = rng.normal(size=BURN_IN + n)
    return driven(rng, np.maximum(np.roll(a, 15), 0), [a], n)


@family("memory", "choose", horizon=0, inputs=("a", "mark"))
def holding(rng: np.random.Generator, n: int) -> Made:
    """The last value that was marked."""
    a, mark = rng.normal(size=BURN_IN + n), events(rng, BURN_IN + n, 6)
    at = np.maximum.accumulate(np.where(mark > 0, np.arange(len(a)), 0))
    return driven(rng, a[at], [a, mark], n)


@family("memory", "table", horizon=0, inputs=("a", "b"))
def order(rng: np.random.Generator, n: int) -> Made:
    """Which of two kinds of events came last."""
    a, b = events(rng, BURN_IN + n, 8), events(rng, BURN_IN + n, 8)
    last_a, last_b = (np.maximum.accumulate(np.where(x > 0, np.arange(len(x)), 0)) for x in (a, b))
    return driven(rng, np.sign(last_a - last_b), [a, b], n)


@family("memory", "table", window=8)
def own_parity(rng: np.random.Generator, n: int) -> Made:
    """Signs, each the product of those two and five rows ago, one in twenty turned."""
    signs, best = list(rng.choice([-1.0, 1.0], size=5)), []
    for turned in rng.uniform(size=BURN_IN + n) < 0.05:
        product = signs[-2] * signs[-5]
        best.append(0.9 * product)
        signs.append(-product if turned else product)
    return Made(np.array(signs[-n:]), np.array(best[-n:]))


@family("memory", "choose")
def echo(rng: np.random.Generator, n: int) -> Made:
    """A bent echo after eighteen rows."""

    def step(past: list[float]) -> float:
        return 0.3 * past[-1] + 1.5 * math.sin(1.5 * past[-18])

    return Made(*from_past(step, 0.3 * rng.normal(size=BURN_IN + n), tuple(rng.normal(size=18)), n))


@family("memory", "table")
def pattern(rng: np.random.Generator, n: int) -> Made:
    """A word of nineteen random values, said again and again with a pause of up to four rows between."""
    word, parts = rng.normal(size=19), []
    while sum(map(len, parts)) < n:
        parts += [word, np.zeros(rng.integers(0, 5))]
    return Made(np.concatenate(parts)[:n] + 0.1 * rng.normal(size=n))
