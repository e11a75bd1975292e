"""The tasks of ``accuracy.py``: data, protocol, measure, and what was published on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from _problem import PENALTIES, Measure, Problem, Task
from _series import airline, hourly, mackey_glass, pollution, sine, taxi, transformer
from sklearn.linear_model import RidgeClassifierCV, RidgeCV

from skrnn import GRUClassifier, GRURegressor, pad_sequences


def japanese_vowels(data: Path) -> Problem:
    """Who of nine speakers says "ae": 270 utterances to train, 370 to test, 12 coefficients, 7 to 29 steps.

    Kudo, Toyama and Shimbo (1999). Published: 0.965 of a reservoir network (Ismail Fawaz et al., 2019).
    """
    folder = data / "japanese_vowels"
    (X, y), (X_test, y_test) = (read_ts(folder / f"JapaneseVowels_{part}.ts") for part in ("TRAIN", "TEST"))
    X, X_test = pad_sequences(X), pad_sequences(X_test)

    def flat(sequences: np.ndarray) -> np.ndarray:
        """The last 20 steps, the first observed one repeated in front."""
        steps = np.maximum(np.arange(-20, 0) + sequences.shape[1], np.isnan(sequences[:, :, 0]).sum(axis=1)[:, None])
        return np.take_along_axis(sequences, steps[:, :, None], axis=1).reshape(len(sequences), -1)

    return Problem(
        network=lambda parameters: GRUClassifier(**parameters).fit(X, y).predict(X_test),
        errors=[lambda answer: float(np.mean(answer != y_test))],
        simple={"ridge": lambda: RidgeClassifierCV(PENALTIES).fit(flat(X), y).predict(flat(X_test))},
    )


def read_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences (step, channel) and labels of a file of the UCR archive."""
    sequences, labels = [], []
    for line in path.read_text().splitlines():
        if line and line[0] not in "#@":
            *channels, label = line.split(":")
            sequences.append(np.array([[float(value) for value in c.split(",")] for c in channels]).T)
            labels.append(label)
    return sequences, np.array(labels)


def adding(_: Path) -> Problem:
    """Add the two of 200 numbers from U(0, 1) that a second channel marks; 10,000 sequences to train, 1,000 to test.

    Hochreiter and Schmidhuber (1997). Answering the mean errs by 1/6; published: 0.164 of an LSTM at length 600
    (Bai, Kolter and Koltun, 2018).
    """
    rng = np.random.default_rng(0)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        X = np.zeros((n, 200, 2), np.float32)
        X[:, :, 0] = rng.uniform(size=(n, 200))
        first = rng.integers(0, 200, n)
        for marked in (first, (first + rng.integers(1, 200, n)) % 200):
            X[np.arange(n), marked, 1] = 1
        return X, (X[:, :, 0] * X[:, :, 1]).sum(axis=1)

    (X, y), (X_test, y_test) = draw(10_000), draw(1_000)
    ridge = RidgeCV(PENALTIES)
    return Problem(
        network=lambda parameters: GRURegressor(**parameters).fit(X, y).predict(X_test),
        errors=[lambda answer: float(np.mean((answer - y_test) ** 2))],
        simple={"ridge": lambda: ridge.fit(X.reshape(len(X), -1), y).predict(X_test.reshape(len(X_test), -1))},
    )


ETT = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
HOURS_OF_DAY = {"segment_size": 24}
TASKS = {
    "ett24": Task(
        [Measure("MSE", 0.114, 0.0262), Measure("MAE", 0.272, None)],
        lambda data: transformer(data, ["OT"], 24).problem(),
        HOURS_OF_DAY,
    ),
    "ett96": Task(
        [Measure("MSE", 0.193, 0.055), Measure("MAE", 0.358, None)],
        lambda data: transformer(data, ["OT"], 96).problem(),
        HOURS_OF_DAY,
        in_mean=False,
    ),
    "ett7": Task(
        [Measure("MSE", 1.135, 0.372), Measure("MAE", 0.844, None)],
        lambda data: transformer(data, ETT, 96).problem(),
        HOURS_OF_DAY,
    ),
    "taxi": Task([Measure("NRMSE", 0.293, 0.236)], lambda data: taxi(data).problem(), {"segment_size": 48}),
    "hourly": Task(
        [Measure("MASE", 3.048, 1.10), Measure("sMAPE", 14.698, 13.0)],
        lambda data: hourly(data).problem(),
        HOURS_OF_DAY,
    ),
    "glass": Task(
        [Measure("NRMSE, %", 5.87, 5.0)],
        lambda data: mackey_glass(data).problem(),
        {"segment_size": 16, "hidden_size": 64},
    ),
    "vowels": Task([Measure("1 - accuracy", 0.035, 0.011)], japanese_vowels),
    "adding": Task([Measure("MSE", 0.164, 1e-3)], adding, in_mean=False),
    "pollution": Task(
        [Measure("RMSE", 26.496, 26.1), Measure("MAE", None, None)], lambda data: pollution(data).problem()
    ),
    "airline": Task([Measure("RMSE", 47.53, 16.0)], lambda data: airline(data).problem()),
    "sine": Task([Measure("MSE", None, 1e-7), Measure("RMSE of 100 steps", None, 1e-2)], sine, in_mean=False),
}
