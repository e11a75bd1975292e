"""Three ways to forecast several steps ahead: recursion, a model for each step, and one model of all steps.

All three are the same pipeline, fitted on the same rows, and forecast the same values of later rows: recursion is
``forecast`` with ``horizon=1``, a model for each step is ``horizon=h``, and one model of all steps is fitted on
``horizon_targets``. A figure is the root mean squared error in standard deviations of the series, 1 for its mean, and
the mean over several draws of the series; seconds are those of all fits of a way::

    python tests/benchmarks/several_steps.py [--draws 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
from _common import print_machine, print_table, write_json
from scipy.signal import lfilter
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer, backtest, horizon_targets

WINDOW = 48
AHEAD = (1, 3, 6, 12, 24)


def season(rng: np.random.Generator, n: int) -> np.ndarray:
    """A day of 24 steps whose size changes slowly, and noise that is an autoregression."""
    size = 1 + 0.4 * np.sin(2 * np.pi * np.arange(n) / 400 + rng.uniform(0, 6))
    noise = lfilter([1.0], [1.0, -0.8], rng.normal(scale=0.15, size=n))
    return size * np.sin(2 * np.pi * np.arange(n) / 24 + rng.uniform(0, 6)) + noise


def threshold(rng: np.random.Generator, n: int) -> np.ndarray:
    """An autoregression that turns round where it is high: its mean path is none that it ever takes."""
    x = np.zeros(n)
    for i in range(2, n):
        x[i] = (0.9 * x[i - 1] + 0.6 if x[i - 2] < 1 else 0.6 * x[i - 1] - 1.2) + 0.3 * rng.normal()
    return x


def hidden(rng: np.random.Generator, n: int) -> np.ndarray:
    """A slow wave beneath noise of its own size: the next step says little, many steps together say much."""
    return np.sin(2 * np.pi * np.arange(n) / 60 + rng.uniform(0, 6)) + rng.normal(scale=1.0, size=n)


SERIES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "season": season,
    "threshold": threshold,
    "hidden wave": hidden,
}


def model(horizon: int, n_epochs: int, seed: int) -> object:
    network = GRURegressor(16, max_iter=n_epochs, random_state=seed)
    return make_pipeline(SlidingWindowTransformer(WINDOW, horizon=horizon), network)


def rmse_by_step(x: np.ndarray, n_train: int, n_epochs: int, seed: int) -> dict[str, tuple[dict[int, float], float]]:
    """For each way the error of some steps ahead, over the same origins, and seconds."""
    X = pd.DataFrame({"x": x})
    y, steps = X["x"], max(AHEAD)
    origins = np.arange(n_train - 1, len(x) - steps)
    scale = float(np.std(x[n_train:]))

    def recursion() -> dict[int, float]:
        table = backtest(model(1, n_epochs, seed), X, y, steps=steps, test_size=len(x) - n_train)
        return {step: table.loc[step, "model"] for step in AHEAD}

    def one_each() -> dict[int, float]:
        found = {}
        for step in AHEAD:
            fitted = model(step, n_epochs, seed).fit(X[:n_train], y[:n_train])
            error = fitted.predict(X)[origins + step] - x[origins + step]
            found[step] = float(np.sqrt(np.mean(error**2)))
        return found

    def all_at_once() -> dict[int, float]:
        targets = horizon_targets(y[:n_train], steps)
        rows = targets.notna().all(axis=1)
        fitted = model(1, n_epochs, seed).fit(X[:n_train][rows], targets[rows])
        predicted = fitted.predict(X)[origins + 1]
        error = {step: predicted[:, step - 1] - x[origins + step] for step in AHEAD}
        return {step: float(np.sqrt(np.mean(error[step] ** 2))) for step in AHEAD}

    results = {}
    for name, way in {"recursion": recursion, "horizon=h": one_each, "horizon_targets": all_at_once}.items():
        begin = time.perf_counter()
        errors = {step: error / scale for step, error in way().items()}
        results[name] = errors, time.perf_counter() - begin
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3, help="draws of each series")
    parser.add_argument("--rows", type=int, default=1500, help="rows of the fit")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the script")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    n_train, n_test, n_epochs, n_draws = arguments.rows, 1000, 200, arguments.draws
    if arguments.quick:
        n_train, n_test, n_epochs, n_draws = 200, 60, 2, 1
    warnings.simplefilter("ignore")
    print_machine()
    lines = []
    for name, draw in SERIES.items():
        found = [
            rmse_by_step(draw(np.random.default_rng(seed), n_train + n_test), n_train, n_epochs, seed)
            for seed in range(n_draws)
        ]
        for way in found[0]:
            errors = {f"{step}": fmean(each[way][0][step] for each in found) for step in AHEAD}
            lines.append({"series": name, "way": way, **errors, "seconds": fmean(each[way][1] for each in found)})
        print_table(f"{name}: error by step ahead", lines[-3:])
    write_json(arguments.json, {"several_steps": lines})


if __name__ == "__main__":
    main()
