"""The data of ``sequence_sets.py``: labelled sequences, generated or out of packages and published files.

Each set has a fixed split. Those of the half "choose" may be looked at when defaults are chosen; those of "table" only
show what was reached. All that is generated is drawn from fixed seeds, training rows first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from _tasks import read_ts
from sklearn.datasets import load_digits

from skrnn import pad_sequences

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # X_train, y_train, X_test, y_test
Rows = np.random.Generator


@dataclass(frozen=True)
class SequenceSet:
    """Sequences (n, n_steps, n_channels), shorter ones with NaN in front, and a label or a number for each."""

    half: str  # "choose" or "table"
    kind: str  # "classification" or "regression"
    data: Callable[[], Split]


def file_of(name: str) -> Path:
    """A file of the folder of the data."""
    return Path(os.environ.get("SKRNN_DATA", Path(__file__).parents[3] / "shared" / "data")) / name


def split(X: np.ndarray, y: np.ndarray, n_train: int) -> Split:
    """The first rows to train, the others to test."""
    X = X.astype(np.float32)
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def curves(rng: Rows, n: int, n_waves: int) -> Callable[[np.ndarray], np.ndarray]:
    """n random smooth functions on [0, 1]: from times (n, n_steps) to values; slow waves are the larger ones."""
    waves = np.arange(1, n_waves + 1)
    size = rng.normal(size=(n, n_waves)) / np.sqrt(waves)
    phase = rng.uniform(0, 2 * np.pi, (n, n_waves))
    return lambda t: np.einsum("nw,ntw->nt", size, np.sin(np.pi * waves * t[:, :, None] + phase[:, None]))


def warps(rng: Rows, n: int, n_steps: int, strength: float) -> np.ndarray:
    """Times (n, n_steps) that go from 0 to 1, now faster and now slower."""
    even = np.tile(np.linspace(0, 1, n_steps), (n, 1))
    t = np.cumsum(np.exp(strength * curves(rng, n, 4)(even)), axis=1)
    return (t - t[:, :1]) / (t[:, -1:] - t[:, :1])


def templates() -> Split:
    """Four curves that differ in details, each drawn out and pressed together in time, on a drifting level."""
    rng, n, n_steps = np.random.default_rng(10), 400, 150
    label = rng.integers(0, 4, n)
    common, own = curves(rng, 1, 6), curves(rng, 4, 8)
    t = warps(rng, n, n_steps, 0.4)
    each = np.stack([own(np.tile(row, (4, 1)))[c] for row, c in zip(t, label, strict=True)])
    drift = curves(rng, n, 2)(np.tile(np.linspace(0, 1, n_steps), (n, 1)))
    X = common(t.reshape(1, -1)).reshape(n, n_steps) + 0.4 * each + 0.4 * drift + rng.normal(0, 0.2, (n, n_steps))
    return split(X[:, :, None], label, 100)


def motions() -> Split:
    """Four ways to move, six sensors: rest, a slow gait, a quick gait, and strokes now and then; any phase and pose."""
    rng, n, n_steps, n_sensors = np.random.default_rng(11), 320, 100, 6
    label = rng.integers(0, 4, n)
    patterns = rng.normal(size=(4, 2, n_sensors)) + rng.normal(size=(1, 2, n_sensors))
    t = warps(rng, n, n_steps, 0.15)
    pace = np.array([0.0, 5.0, 7.0, 5.0])[label] * rng.uniform(0.8, 1.2, n)
    angle = 2 * np.pi * (pace[:, None] * t + rng.uniform(size=(n, 1)))
    waves = np.stack([np.sin(angle), np.sin(2 * angle + 1)], axis=2)
    strokes = waves * np.repeat(rng.uniform(size=(n, n_steps // 20, 1)) < 0.5, 20, axis=1)
    waves = np.where((label == 3)[:, None, None], 1.5 * strokes, waves) * (label > 0)[:, None, None]
    turned = patterns[label] + 0.4 * rng.normal(size=(n, 2, n_sensors))
    pose = rng.normal(size=(n, 1, n_sensors))
    X = waves @ turned * rng.uniform(0.5, 1.5, (n, 1, 1)) + pose + rng.normal(0, 0.6, (n, n_steps, n_sensors))
    return split(X, label, 80)


def outlines() -> Split:
    """Six kinds of leaves, as distances of the outline from the middle; where the outline begins is chance."""
    rng, n, n_steps = np.random.default_rng(12), 440, 420
    label, k = rng.integers(0, 6, n), np.arange(1, 13)
    size, phase = rng.normal(size=(6, 12)) / np.sqrt(k), rng.uniform(0, 2 * np.pi, (6, 12))
    size, phase = size[label] * rng.lognormal(0, 0.3, (n, 12)), phase[label] + rng.normal(0, 0.4, (n, 12))
    angle = np.linspace(0, 2 * np.pi, n_steps, endpoint=False) + rng.uniform(0, 2 * np.pi, (n, 1))
    X = np.einsum("nk,ntk->nt", size, np.sin(k * angle[:, :, None] + phase[:, None]))
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True) + rng.normal(0, 0.1, X.shape)
    return split(X[:, :, None], label, 200)


def formants() -> Split:
    """Eight syllables of many speakers: four resonances glide from one place to another in 20 to 60 steps."""
    rng, n = np.random.default_rng(13), 600
    label = rng.integers(0, 8, n)
    begin, end = rng.normal(size=(2, 8, 4))
    speaker, stretch = rng.normal(0, 0.5, (n, 4)), rng.normal(1, 0.1, (n, 1))
    sequences = []
    for i, c in enumerate(label):
        t = np.linspace(0, 1, rng.integers(20, 61))[:, None]
        share = 1 / (1 + np.exp(-(t - rng.uniform(0.3, 0.7)) / rng.uniform(0.03, 0.15)))
        path = stretch[i] * ((1 - share) * begin[c] + share * end[c]) + speaker[i]
        wander = np.cumsum(rng.normal(0, 0.12, path.shape), axis=0)
        sequences.append(path + wander - wander.mean(axis=0) + rng.normal(0, 0.3, path.shape))
    return split(pad_sequences(sequences), label, 240)


def order() -> Split:
    """Two events, each up or down, at random places of a noisy line: four classes; a second line says nothing."""
    rng, n, n_steps = np.random.default_rng(14), 900, 120
    signs = rng.integers(0, 2, (n, 2))
    X = rng.normal(0, 0.5, (n, n_steps, 2))
    first = rng.integers(0, 60, n)
    second = first + rng.integers(20, 50, n)
    for place, sign in zip((first, second), signs.T, strict=True):
        for j in range(10):
            X[np.arange(n), place + j, 0] += np.where(sign, 1, -1) * (1.5 if j < 5 else -0.75)
    return split(X, 2 * signs[:, 0] + signs[:, 1], 400)


def taxi_days() -> Split:
    """Which day of the week it was, by the taxi passengers of its 48 half hours in New York; a year, days mixed."""
    table = pd.read_csv(file_of("nyc_taxi/nyc_taxi.csv"), skiprows=[1, 2], parse_dates=["timestamp"])
    X = table["passenger_count"].to_numpy(float).reshape(-1, 48, 1)
    day = table["timestamp"].dt.dayofweek.to_numpy()[::48]
    mixed = np.random.default_rng(15).permutation(len(X))
    return split(X[mixed], day[mixed], 182)


def adding() -> Split:
    """The sum of the two of 60 numbers that a second channel marks."""
    rng, n, n_steps = np.random.default_rng(16), 1500, 60
    X = np.zeros((n, n_steps, 2))
    X[:, :, 0] = rng.uniform(size=(n, n_steps))
    marked = np.argsort(rng.uniform(size=(n, n_steps)), axis=1)[:, :2]
    np.put_along_axis(X[:, :, 1], marked, 1, axis=1)
    return split(X, X.prod(axis=2).sum(axis=1), 1000)


def peaks() -> Split:
    """How many peaks, 0 to 9, of uneven height and width stand in 200 noisy steps."""
    rng, n, n_steps = np.random.default_rng(17), 1000, 200
    number, t = rng.integers(0, 10, n), np.arange(n_steps)
    X = rng.normal(0, 0.2, (n, n_steps))
    for row, m in zip(X, number, strict=True):
        place = np.sort(rng.choice(np.arange(5, n_steps - 5, 12), m, replace=False)) + rng.uniform(-3, 3, m)
        width, height = rng.uniform(1.5, 3, (m, 1)), rng.uniform(0.6, 1.4, (m, 1))
        row += (height * np.exp(-(((t - place[:, None]) / width) ** 2))).sum(axis=0)
    return split(X[:, :, None], number.astype(float), 500)


def damping() -> Split:
    """How fast an oscillation dies away, out of 100 noisy steps; frequency, phase and size are chance."""
    rng, n = np.random.default_rng(18), 700
    t, rate = np.arange(100), np.exp(rng.uniform(np.log(0.005), np.log(0.08), n))
    angle = rng.uniform(0.2, 0.8, (n, 1)) * t + rng.uniform(0, 2 * np.pi, (n, 1))
    X = rng.uniform(0.5, 2, (n, 1)) * np.exp(-rate[:, None] * t) * np.sin(angle) + rng.normal(0, 0.1, (n, 100))
    return split(X[:, :, None], np.log(rate), 300)


def digits() -> Split:
    """Written digits, read row by row: 8 steps of 8 grey values."""
    X, y = load_digits(return_X_y=True)
    return split(X.reshape(-1, 8, 8), y, 898)


def power_days() -> Split:
    """The quarter of the year, by six loads of a transformer in the 24 hours of a day; two years, weeks mixed."""
    table = pd.read_csv(file_of("ett/ETTh1.csv"), parse_dates=["date"], index_col="date").iloc[: 24 * 721]
    X = table.drop(columns="OT").to_numpy().reshape(-1, 24, 6)
    mixed = (7 * np.random.default_rng(21).permutation(103)[:, None] + np.arange(7)).ravel()
    return split(X[mixed], table.index.quarter.to_numpy()[24 * mixed], 364)


def gestures() -> Split:
    """Six gestures of the hand, speeds in space, 60 to 140 steps at an uneven pace; size and heading vary."""
    rng, n = np.random.default_rng(22), 360
    label = rng.integers(0, 6, n)
    paths = curves(rng, 18, 5)
    sequences = []
    for c in label:
        t = warps(rng, 1, rng.integers(60, 141), 0.5)
        where = paths(np.tile(t, (18, 1)))[3 * c : 3 * c + 3].T
        where = where + 0.3 * curves(rng, 3, 4)(np.tile(t, (3, 1))).T
        a = rng.normal(0, 0.5)
        heading = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        speed = np.gradient(where @ heading, axis=0) * rng.uniform(0.7, 1.3) * len(where)
        sequences.append(speed + rng.normal(0, 1.5, speed.shape))
    return split(pad_sequences(sequences), label, 120)


def vowels() -> Split:
    """Who of nine speakers says "ae" (Kudo, Toyama and Shimbo, 1999): 12 coefficients, 7 to 29 steps."""
    train, test = (read_ts(file_of(f"japanese_vowels/JapaneseVowels_{part}.ts")) for part in ("TRAIN", "TEST"))
    return split(pad_sequences([*train[0], *test[0]]), np.concatenate([train[1], test[1]]), len(train[0]))


def events() -> Split:
    """Which of four things happens once, somewhere in 200 noisy steps: a hump, a box, a ramp, or a burst of waves."""
    rng, n, n_steps, length = np.random.default_rng(24), 800, 200, 30
    label, t = rng.integers(0, 4, n), np.linspace(0, 1, length)
    shapes = np.stack([np.sin(np.pi * t), np.ones(length), 1.5 * t, np.sin(6 * np.pi * t)])
    X = rng.normal(0, 0.4, (n, n_steps))
    place = rng.integers(0, n_steps - length, n)
    for row, c, i in zip(X, label, place, strict=True):
        row[i : i + length] += shapes[c] * rng.uniform(0.8, 1.4)
    return split(X[:, :, None], label, 300)


def devices() -> Split:
    """Five devices by the power that they draw in 430 steps: how long on, how long off, the surge, the hum."""
    rng, n, n_steps = np.random.default_rng(25), 400, 430
    label = rng.integers(0, 5, n)
    on, off = np.array([20, 20, 40, 10, 60])[label], np.array([30, 60, 30, 15, 20])[label]
    surge, hum = np.array([1.0, 0.2, 0.2, 0.5, 1.0])[label], np.array([0.1, 0.1, 0.4, 0.1, 0.4])[label]
    X = rng.normal(0, 0.05, (n, n_steps))
    for i, row in enumerate(X):
        start = -rng.integers(0, on[i] + off[i])
        while start < n_steps:
            stop = start + int(on[i] * rng.uniform(0.7, 1.3))
            t = np.arange(max(start, 0), min(max(stop, 0), n_steps))
            row[t] += 1 + surge[i] * np.exp(-(t - start) / 3) + hum[i] * np.sin(1.3 * t)
            start = stop + int(off[i] * rng.uniform(0.7, 1.3))
    return split((X * rng.uniform(0.6, 1.4, (n, 1)))[:, :, None], label, 200)


def frequency() -> Split:
    """The frequency of the larger of two oscillations, out of 128 noisy steps on a drifting level."""
    rng, n, n_steps = np.random.default_rng(26), 800, 128
    t, found, other = np.arange(n_steps), rng.uniform(0.1, 1.0, (n, 1)), rng.uniform(0.1, 1.0, (n, 1))
    X = np.sin(found * t + rng.uniform(0, 6.28, (n, 1))) + 0.4 * np.sin(other * t + rng.uniform(0, 6.28, (n, 1)))
    X += 0.5 * curves(rng, n, 2)(np.tile(t / n_steps, (n, 1))) + rng.normal(0, 0.3, (n, n_steps))
    return split(X[:, :, None], found[:, 0], 400)


def system() -> Split:
    """The time constant of a first-order system with a delay, out of 200 steps of what goes in and what comes out."""
    rng, n, n_steps = np.random.default_rng(27), 900, 200
    constant, gain = np.exp(rng.uniform(np.log(2), np.log(40), n)), rng.uniform(0.5, 2, n)
    u = np.repeat(rng.normal(size=(n, n_steps // 20)), 20, axis=1)
    u = np.take_along_axis(u, np.maximum(np.arange(n_steps) - rng.integers(0, 20, (n, 1)), 0), axis=1)
    late = np.take_along_axis(u, np.maximum(np.arange(n_steps) - rng.integers(0, 6, (n, 1)), 0), axis=1)
    out, state = np.empty((n, n_steps)), np.zeros(n)
    for i in range(n_steps):
        state = state + (gain * late[:, i] - state) / constant
        out[:, i] = state
    X = np.stack([u, out + rng.normal(0, 0.05, out.shape)], axis=2)
    return split(X, np.log(constant), 500)


def weather() -> Split:
    """The logarithm of PM2.5 in Beijing, by the weather of 48 hours; three years to train, two to test."""
    table = pd.read_csv(file_of("pm25/pollution.csv"))
    wind = table["cbwd"]
    X = table[["DEWP", "TEMP", "PRES"]].assign(wind=np.log1p(table["Iws"]), north=wind.isin(["NW", "NE"]))
    X = X.assign(west=wind == "NW").to_numpy(float)
    y = np.log1p(table["pm2.5"].to_numpy(float))
    rng, known = np.random.default_rng(28), np.flatnonzero(~np.isnan(y))
    known = known[known >= 47]
    train = rng.choice(known[known < 26_304], 1200, replace=False)
    test = rng.choice(known[known >= 26_304 + 48], 800, replace=False)
    rows = np.concatenate([train, test])
    return split(X[rows[:, None] + np.arange(-47, 1)], y[rows], len(train))


SETS = {
    "templates": SequenceSet("choose", "classification", templates),
    "motions": SequenceSet("choose", "classification", motions),
    "outlines": SequenceSet("choose", "classification", outlines),
    "formants": SequenceSet("choose", "classification", formants),
    "order": SequenceSet("choose", "classification", order),
    "taxi_days": SequenceSet("choose", "classification", taxi_days),
    "adding": SequenceSet("choose", "regression", adding),
    "peaks": SequenceSet("choose", "regression", peaks),
    "damping": SequenceSet("choose", "regression", damping),
    "digits": SequenceSet("table", "classification", digits),
    "power_days": SequenceSet("table", "classification", power_days),
    "gestures": SequenceSet("table", "classification", gestures),
    "vowels": SequenceSet("table", "classification", vowels),
    "events": SequenceSet("table", "classification", events),
    "devices": SequenceSet("table", "classification", devices),
    "frequency": SequenceSet("table", "regression", frequency),
    "system": SequenceSet("table", "regression", system),
    "weather": SequenceSet("table", "regression", weather),
}
