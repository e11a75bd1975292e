"""How times grow with rows, threads, searches and a busy machine.

- rows: one epoch of a pipeline on 10,000, 100,000 and 1,000,000 rows, each in a process of its own: seconds of the
  whole fit, and the memory above the start where /proc tells it (Linux);
- threads: a training step on one thread and on all, of skrnn and of a PyTorch loop with a DataLoader;
- search: a GridSearchCV of 8 fits on one thread, on all threads, and in two processes;
- predict: a pipeline's predict of 1, 100 and 100,000 rows that follow its training rows;
- busy: a training step on two threads, alone and while another process keeps one of two cores busy.

What is compared runs in turns, figures are medians over the rounds, ratios medians of the ratios of each round::

    python tests/benchmarks/scaling.py [--busy] [--only rows,threads] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from _common import (
    in_rounds,
    measured_apart,
    median_ratio,
    names,
    peak_above_start,
    print_machine,
    print_table,
    quiet_fit,
    seconds,
    write_json,
)
from _contestants import Case, on_threads, skrnn_epochs, skrnn_fits, torch_loader
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

SIZES = [10_000, 100_000, 1_000_000]  # each is compared with the second
QUICK_SIZES = [1_000, 20_000]
PLAIN = {"linear_skip": False, "anchor": None, "early_stopping": False}  # nothing but the network, as in ``speed.py``
SPIN = "import time\nend = time.monotonic() + 600\nwhile time.monotonic() < end: pass"


def series(n_rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A float32 series of four channels, of which the first is to be predicted."""
    values = np.random.default_rng(0).normal(size=(n_rows, 4)).astype(np.float32)
    index = pd.date_range("2000-01-01", periods=n_rows, freq="min")
    return pd.DataFrame(values, index=index, columns=list("abcd")), values[:, 0]


def pipeline() -> Pipeline:
    window = SlidingWindowTransformer(24, horizon=1)
    return make_pipeline(window, GRURegressor(16, batch_size=256, max_iter=1, random_state=0, **PLAIN))


def measure_rows(arguments: argparse.Namespace) -> list[dict]:
    sizes = QUICK_SIZES if arguments.quick else SIZES
    runs = {size: partial(measured_apart, __file__, "--apart", "rows", "--size", size) for size in sizes}
    rounds = in_rounds(runs, arguments.repeats)
    per_row = {size: [run["fit_s"] / size for run in rounds[size]] for size in sizes}
    results = []
    for size in sizes:
        peaks = [run["peak_MB"] for run in rounds[size] if run["peak_MB"] is not None]
        results.append(
            {
                "rows": size,
                "fit_s": median(run["fit_s"] for run in rounds[size]),
                "us_per_row": 1e6 * median(per_row[size]),
                f"per_row_to_{sizes[1]}": median_ratio(per_row[size], per_row[sizes[1]]),
                "peak_MB": median(peaks) if peaks else None,
            }
        )
    return results


def fit_here(arguments: argparse.Namespace) -> dict:
    """One fit in this process, after a small one that loads what is loaded once."""
    X, y = series(arguments.size)
    quiet_fit(pipeline(), X[:600], y[:600])
    found = []

    def fit() -> None:
        found.append(seconds(lambda: quiet_fit(pipeline(), X, y)))

    if Path("/proc/self/clear_refs").exists():
        return {"peak_MB": peak_above_start(fit) / 1e6, "fit_s": found[0]}
    fit()
    return {"peak_MB": None, "fit_s": found[0]}


def measure_threads(arguments: argparse.Namespace) -> list[dict]:
    shapes = [(24, 8, 64, 64, 20), (24, 8, 64, 256, 10), (96, 8, 128, 64, 8), (96, 8, 128, 256, 4)]
    results = []
    for shape in [(3, 2, 8, 16, 2)] if arguments.quick else shapes:
        case = Case("GRU", *shape)
        epochs = epochs_in_turns(
            {"one": skrnn_and_loader(case, 1), "all": skrnn_and_loader(case, arguments.threads)}, arguments.repeats
        )
        results += [
            {"who": who, "steps": case.steps, "hidden": case.hidden, "batch": case.batch, "threads": arguments.threads}
            | {"ms_on_one": 1e3 * median(epochs["one"][who]) / case.n_batches}
            | {"ms_on_all": 1e3 * median(epochs["all"][who]) / case.n_batches}
            | {"gain": median_ratio(epochs["one"][who], epochs["all"][who])}
            for who in epochs["one"]
        ]
    return results


def measure_search(arguments: argparse.Namespace) -> list[dict]:
    X, y = Case("GRU", 24, 8, 64, batch=64, n_batches=2 if arguments.quick else 32).arrays()
    model = GRURegressor(batch_size=64, max_iter=1 if arguments.quick else 10, random_state=0, **PLAIN)
    candidates = {"hidden_size": [32, 64], "learning_rate_init": [1e-3, 1e-2]}

    def search(n_jobs: int, n_windows: int) -> float:
        model_search = GridSearchCV(model, candidates, cv=2, n_jobs=n_jobs, refit=False)
        return seconds(lambda: quiet_fit(model_search, X[:n_windows], y[:n_windows]))

    for n_jobs in (1, 2):
        search(n_jobs, 32)  # processes start and load what they need
    ways = {"one process, one thread": (1, 1), "one process, all threads": (1, arguments.threads)}
    ways["two processes"] = (2, arguments.threads)
    runs = {way: on_threads(count, partial(search, n_jobs, len(X))) for way, (n_jobs, count) in ways.items()}
    rounds = in_rounds(runs, arguments.repeats)
    first = rounds["one process, one thread"]
    return [{"way": way, "s": median(times), "gain": median_ratio(first, times)} for way, times in rounds.items()]


def measure_predict(arguments: argparse.Namespace) -> list[dict]:
    n_train, sizes = (600, [1, 20, 200]) if arguments.quick else (10_000, [1, 100, 100_000])
    X, y = series(n_train + sizes[-1])
    model = pipeline()
    quiet_fit(model, X[:n_train], y[:n_train])

    def predict(n_rows: int) -> float:
        rows = X[n_train : n_train + n_rows]
        return median(seconds(lambda: model.predict(rows)) for _ in range(20 if n_rows <= 100 else 1))

    predict(1)
    rounds = in_rounds({size: partial(predict, size) for size in sizes}, arguments.repeats)
    return [{"rows": n, "ms": 1e3 * median(rounds[n]), "us_per_row": 1e6 * median(rounds[n]) / n} for n in sizes]


def measure_busy(arguments: argparse.Namespace) -> list[dict]:
    quick = ["--quick"] if arguments.quick else []
    return measured_apart(__file__, "--apart", "busy", "--repeats", arguments.repeats, *quick)


def busy_here(arguments: argparse.Namespace) -> list[dict]:
    """Two threads of this process and the process beside them share two cores, where the system lets us say so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    case = Case("GRU", *((3, 2, 8, 16, 2) if arguments.quick else (24, 8, 64, 64, 20)))
    alone = skrnn_and_loader(case, 2)
    busy = {key: partial(beside_another, run) for key, run in alone.items()}
    epochs = epochs_in_turns({"alone": alone, "busy": busy}, arguments.repeats)
    return [
        {"who": who, "alone_ms": 1e3 * median(epochs["alone"][who]) / case.n_batches}
        | {"busy_ms": 1e3 * median(epochs["busy"][who]) / case.n_batches}
        | {"slow_down": median_ratio(epochs["busy"][who], epochs["alone"][who])}
        for who in epochs["alone"]
    ]


def beside_another(run: Callable[[], float]) -> float:
    """What a call gives while another process keeps a core busy."""
    spinning = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        time.sleep(0.3)  # it has started
        return run()
    finally:
        spinning.kill()
        spinning.wait()


def skrnn_and_loader(case: Case, n_threads: int) -> dict[tuple[str, int], Callable[[], float]]:
    """Runs of skrnn and of the PyTorch loop, by name and number of epochs."""
    fits = {("skrnn", n_epochs): fit for n_epochs, fit in skrnn_fits(case, n_threads, plain=True).items()}
    return {**fits, ("torch loader", 1): on_threads(n_threads, torch_loader(case))}


def epochs_in_turns(ways: dict[str, dict], n_rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of an epoch in each round, by way and by name, of several ``skrnn_and_loader``; the first run is lost."""
    contestants = {(way, *key): run for way, runs in ways.items() for key, run in runs.items()}
    in_rounds(contestants, 1)
    rounds = in_rounds(contestants, n_rounds)
    epochs = {}
    for way, runs in ways.items():
        fits = {n_epochs: rounds[way, who, n_epochs] for who, n_epochs in runs if who == "skrnn"}
        epochs[way] = {"skrnn": skrnn_epochs(fits)[0], "torch loader": rounds[way, "torch loader", 1]}
    return epochs


SECTIONS = {
    "rows": measure_rows,
    "threads": measure_threads,
    "search": measure_search,
    "predict": measure_predict,
    "busy": measure_busy,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=names(SECTIONS), default=["rows", "threads", "search", "predict"])
    parser.add_argument("--busy", action="store_true", help="add the section of that name")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="what is called all threads")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once: only to see that it works")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--apart", choices=["rows", "busy"], help="one measurement, in this process")
    parser.add_argument("--size", type=int, default=SIZES[0], help="number of rows, with --apart rows")
    arguments = parser.parse_args()
    arguments.repeats = 1 if arguments.quick else arguments.repeats
    if arguments.apart:
        here = fit_here if arguments.apart == "rows" else busy_here
        print(json.dumps(here(arguments)))
        return
    print_machine()
    results = {}
    for section in dict.fromkeys([*arguments.only, *(["busy"] if arguments.busy else [])]):
        results[section] = SECTIONS[section](arguments)
        print_table(section, results[section])
    write_json(arguments.json, results)


if __name__ == "__main__":
    main()
