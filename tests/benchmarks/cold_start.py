"""How long the first fit takes: with nothing compiled yet, and with the compiled loops on disk.

Figures are multiples of ``python -c "import torch, sklearn, pandas, numba"`` in the same round, and medians over the
rounds, by the clock and by the CPU's time; on a busy machine the latter is steadier. In each round the imports, a
process that finds nothing compiled and one that finds all of it run one after another. The first fit counts with its
process, imports and all; further cells and precisions are fits in that process; where all is on disk, what comes
after these imports counts: to import skrnn, to load and to fit::

    python tests/benchmarks/cold_start.py [--repeats 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from _common import print_machine, print_table, quiet_fit, write_json

IMPORTS = "import torch, sklearn, pandas, numba"
FIRST, WARM = "first fit, whole process", "fit with all on disk, after the imports"
FURTHER = {  # what is fitted after GRURegressor in double precision
    "single precision": ("GRURegressor", "float32"),
    "LSTM": ("LSTMRegressor", "float64"),
    "RNN": ("RNNRegressor", "float64"),
}


def fits(chosen: list[str]) -> None:
    """Fit the first and some further estimators, and print the seconds of each by the clock and of the CPU."""
    exec(IMPORTS)
    taken = {}
    for name, (estimator, dtype) in {FIRST: ("GRURegressor", "float64"), **FURTHER}.items():
        if name in (FIRST, *chosen):
            clock, cpu = time.perf_counter(), time.process_time()
            fit(estimator, dtype)
            taken[name] = time.perf_counter() - clock, time.process_time() - cpu
    print(json.dumps(taken))


def fit(estimator: str, dtype: str) -> None:
    import numpy as np

    import skrnn

    X = np.random.default_rng(0).normal(size=(200, 12, 2)).astype(dtype)
    quiet_fit(getattr(skrnn, estimator)(max_iter=2), X, X[:, -1, 0])


def process(*arguments: str, **environment: str) -> tuple[tuple[float, float], str]:
    """Seconds of a process, by the clock and of the CPU, and what it prints."""
    clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([sys.executable, *arguments], check=True, text=True, stdout=subprocess.PIPE, env=environment)
    clock, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
    return (clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), run.stdout


def one_round(chosen: list[str]) -> dict[str, tuple[float, ...]]:
    """Each figure by the clock and by the CPU's time."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        imports, _ = process("-c", IMPORTS, **environment)
        whole, printed = process(__file__, "--fits", ",".join(chosen), **environment)
        _, printed_warm = process(__file__, "--fits", "", **environment)
    taken, warm = (json.loads(text.splitlines()[-1]) for text in (printed, printed_warm))
    further = {name: taken[name] for name in chosen}
    first = [seconds - sum(times) for seconds, *times in zip(whole, *further.values(), strict=True)]
    figures = {FIRST: first, **further, WARM: warm[FIRST]}
    return {"imports": imports} | {
        name: tuple(seconds / others for seconds, others in zip(times, imports, strict=True))
        for name, times in figures.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--quick", action="store_true", help="one round, of the first fit only: to see that it works")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--fits", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fits is not None:
        fits(arguments.fits.split(","))
        return
    print_machine()
    chosen, n_rounds = ([], 1) if arguments.quick else (list(FURTHER), arguments.repeats)
    rounds = [one_round(chosen) for _ in range(n_rounds)]
    figures = {name: zip(*(others[name] for others in rounds), strict=True) for name in rounds[0]}
    medians = {name: [median(times) for times in both] for name, both in figures.items()}
    rows = [{"what": name, "clock": clock, "cpu": cpu} for name, (clock, cpu) in medians.items()]
    print_table("Seconds of the imports, and how many times these the others take", rows)
    write_json(arguments.json, {"cold_start": rows})


if __name__ == "__main__":
    main()
