"""Errors on published tasks, beside the published figure of a recurrent network and what simple means reach.

Each task keeps the split, the scaling and the measure under which its figure was published; ``_tasks.py`` says them
once. The networks have their defaults; what a task sets beside is in its row of the table. Simple means are computed in
the same run, such as ridge regression with its penalty chosen by cross-validation. The data is looked for in
``SKRNN_DATA``; tasks whose data is not there are left out, with a word::

    python tests/benchmarks/accuracy.py [--only taxi,adding] [--seeds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

from _common import names, print_machine, print_table, write_json
from _problem import Task
from _tasks import TASKS

SIMPLE = ("persistence", "season", "ridge", "boosting")


def measure(name: str, task: Task, n_seeds: int) -> list[dict[str, object]]:
    """Errors of some seeds and of simple means, one row for each measure."""
    problem = task.load(Path(os.environ.get("SKRNN_DATA", Path(__file__).parents[3] / "shared" / "data")))
    answers, times = [], []
    for seed in range(n_seeds):
        begin = time.perf_counter()
        answers.append(problem.network({**task.own, "random_state": seed}))
        times.append(time.perf_counter() - begin)
    simple_answers = {name: answer() for name, answer in problem.simple.items()}
    rows = []
    for measure, error in zip(task.measures, problem.errors, strict=True):
        found = [error(answer) for answer in answers]
        simple = {name: error(answer) for name, answer in simple_answers.items()}
        figures = {"median": median(found), "worst": max(found)}
        figures |= {"wanted": measure.wanted, "published": measure.published}
        figures |= {name: simple.get(name) for name in SIMPLE}
        figures["to best simple"] = figures["median"] / min(simple.values())
        row = {"task": name, "error": measure.name, **figures, "verdict": verdict(figures), "s": median(times)}
        rows.append({**row, "own parameters": json.dumps(task.own), "in mean": task.in_mean and not rows})
    return rows


def verdict(figures: dict[str, float | None]) -> str:
    """What the median is compared with, and the outcome: the first comparison that says something."""
    found = figures["median"]
    if found is None or found > (figures["persistence"] or math.inf):
        return "worse than repeating the last value"
    if figures["to best simple"] is not None and figures["to best simple"] < 1:
        return "better than all simple means"
    published = figures["published"]
    if published is not None and found < published:
        return "better than published, not than all simple means"
    return "not better than the best simple mean"


def mean_ratio(rows: list[dict[str, Any]]) -> float:
    """Geometric mean of the errors over those of the best simple means, each ratio between a half and two."""
    ratios = [min(max(row["to best simple"], 0.5), 2.0) for row in rows if row["in mean"]]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


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
            found = measure(name, TASKS[name], arguments.seeds)
        except FileNotFoundError as error:
            print(f"{name} is left out: {error.filename} is not there. Set SKRNN_DATA to the folder of the data.")
            continue
        rows.extend(found)
        print_table(f"{name}, {arguments.seeds} seeds", found)
    if rows:
        print_table("Errors", rows)
        print(f"Geometric mean of the ratios to the best simple means: {mean_ratio(rows):.3f}")
    write_json(arguments.json, {"accuracy": rows})


if __name__ == "__main__":
    main()
