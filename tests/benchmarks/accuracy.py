"""Errors on published tasks, beside the published figure of a recurrent network and what simple means reach.

Each task keeps the split, the scaling and the measure under which its figure was published; ``_tasks.py`` says them
once. The networks have the parameters in ``COMMON``; what a task sets beside is in its row of the table. Simple means
are computed in the same run, such as ridge regression with its penalty chosen by cross-validation. The data is looked
for in ``SKRNN_DATA``; tasks whose data is not there are left out, with a word::

    python tests/benchmarks/accuracy.py [--only taxi,adding] [--seeds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from pathlib import Path
from statistics import median

from _common import names, print_machine, print_table, write_json
from _problem import Task
from _tasks import TASKS

COMMON = {"early_stopping": True, "max_iter": 100}


def measure(name: str, task: Task, n_seeds: int) -> dict[str, object]:
    """Errors of some seeds, and those of simple means."""
    problem = task.load(Path(os.environ.get("SKRNN_DATA", Path(__file__).parents[3] / "shared" / "data")))
    found, times = [], []
    for seed in range(n_seeds):
        begin = time.perf_counter()
        found.append(problem.error(problem.network({**COMMON, **task.own, "random_state": seed})))
        times.append(time.perf_counter() - begin)
    simple = {name: problem.error(answer()) for name, answer in problem.simple.items()}
    return {
        "task": name,
        "error": task.measure,
        "median": median(found),
        "worst": max(found),
        "wanted": task.wanted,
        "published": task.published,
        **{name: simple.get(name) for name in ("persistence", "season", "ridge", "boosting")},
        "to_best_simple": median(found) / min(simple.values()) if simple else None,
        "s": median(times),
        "own parameters": json.dumps(task.own),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=names(TASKS), default=list(TASKS), help=f"some of {', '.join(TASKS)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print_machine()
    rows = []
    for name in arguments.only:
        try:
            rows.append(measure(name, TASKS[name], arguments.seeds))
        except FileNotFoundError as error:
            print(f"{name} is left out: {error.filename} is not there. Set SKRNN_DATA to the folder of the data.")
            continue
        print_table(f"{name}, {arguments.seeds} seeds", rows[-1:])
    if rows:
        print_table("Errors", rows)
    write_json(arguments.json, {"accuracy": rows})


if __name__ == "__main__":
    main()
