"""What a fit spends outside training: checks, units, the search for the anchor, the linear start, held-out rows.

Fits of 10 and of 20 epochs take turns, without the second training of ``refit`` and the trials of ``segment_size``,
whose lengths differ. Their difference is ten epochs; what is left of the shorter one is the rest, as a share of ten
epochs. Medians over the rounds, by the CPU's time::

    python tests/benchmarks/fit_parts.py [--repeats 5] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import in_rounds, print_machine, print_table, quiet_fit, write_json

from skrnn import GRUClassifier, GRURegressor

EPOCHS = 10
OPTIONS = {"refit": False, "segment_size": 1, "tol": 0, "n_iter_no_change": 1000, "random_state": 0}


def data(n: int, *, own_past: bool) -> tuple[np.ndarray, np.ndarray]:
    """Windows of 24 steps and 8 channels with their targets: the next value of the first channel, or something else."""
    rng = np.random.default_rng(0)
    series = rng.normal(size=(n + 24, 8))
    series[:, 0] = np.cumsum(series[:, 0])
    X = np.lib.stride_tricks.sliding_window_view(series, 24, axis=0).swapaxes(1, 2)[:-1]
    return X, series[24:, 0] if own_past else np.abs(X[:, -1, 1]) + rng.normal(size=n)


def seconds(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    begin = time.process_time()
    quiet_fit(model, X, y)
    return time.process_time() - begin


def measure(n: int, n_rounds: int) -> list[dict[str, Any]]:
    cases = {
        "regressor, own past": (GRURegressor, *data(n, own_past=True)),
        "regressor, other target": (GRURegressor, *data(n, own_past=False)),
        "classifier": (GRUClassifier, *data(n, own_past=False)),
    }
    rows = []
    for case, (estimator, X, y) in cases.items():
        y = y if estimator is GRURegressor else y > 0.5
        models = {epochs: estimator(64, max_iter=epochs, **OPTIONS) for epochs in (EPOCHS, 2 * EPOCHS)}
        work = {epochs: partial(seconds, model, X, y) for epochs, model in models.items()}
        taken = in_rounds(work, n_rounds + 1)
        pairs = list(zip(taken[EPOCHS], taken[2 * EPOCHS], strict=True))[1:]  # the first round compiles
        training = median(longer - shorter for shorter, longer in pairs)
        rest = median(shorter for shorter, _ in pairs) - training
        rows.append({"fit of": case, "ten epochs, s": round(training, 3), "the rest, share": round(rest / training, 3)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few sequences, one round")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print_machine()
    n, n_rounds = (256, 1) if arguments.quick else (4096, arguments.repeats)
    rows = measure(n, n_rounds)
    print_table(f"Fits of {n} sequences of 24 steps and 8 channels, 64 units", rows)
    write_json(arguments.json, {"fit_parts": rows})


if __name__ == "__main__":
    main()
