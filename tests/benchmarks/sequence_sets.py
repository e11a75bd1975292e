"""Errors on sets of sequences, classified or measured as a whole, beside what simple means reach on the same rows.

The sets and their fixed splits are in ``_sequence_sets.py``: half of them are for choosing defaults, half only for the
table. The networks have their defaults and what ``--set`` gives. The error is 1 - accuracy, or the root of the mean
squared error. Simple means are the nearest sequence, ridge and extra-trees on all steps side by side; random
convolutions with ridge stand beside. Data of files is looked for in ``SKRNN_DATA``; a set without its file is left out,
with a word::

    python tests/benchmarks/sequence_sets.py [--half choose] [--kind classification] [--seeds 3] [--only digits,vowels]
        [--set hidden_size=64 --set max_iter=300] [--jobs 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import names, print_machine, print_table, seconds, write_json
from _sequence_rivals import rocket_answer, simple_answers
from _sequence_sets import SETS

from skrnn import GRUClassifier, GRURegressor

SIMPLE = ("1-NN", "ridge", "extra-trees")
MARGIN = 0.02  # of accuracy below the nearest sequence


def measure(name: str, given: dict[str, Any], n_seeds: int) -> dict[str, Any]:
    """The row of one set, or the name of the file that it lacks."""
    warnings.simplefilter("ignore")
    kind = SETS[name].kind
    try:
        X, y, X_test, y_test = SETS[name].data()
    except FileNotFoundError as absent:
        return {"set": name, "lacks": str(absent.filename)}

    def error(answer: np.ndarray) -> float:
        """Never 0: half of a test row is wrong at least."""
        if kind == "classification":
            return max(float(np.mean(answer != y_test)), 0.5 / len(y_test))
        return max(float(np.sqrt(np.mean((answer - y_test) ** 2))), 1e-12)

    estimator = GRUClassifier if kind == "classification" else GRURegressor
    estimator(**{**given, "max_iter": 1}).fit(X, y)  # compiles, the first time on a machine
    errors, times = [], []
    for seed in range(n_seeds):
        network = estimator(**{"random_state": seed, **given})
        times.append(seconds(partial(network.fit, X, y)))
        errors.append(error(network.predict(X_test)))
    row = {"set": name, "kind": kind, "half": SETS[name].half, "train": len(X), "steps": X.shape[1]}
    row |= {"channels": X.shape[2], "median": median(errors), "worst": max(errors)}
    row |= {rival: error(answer()) for rival, answer in simple_answers(kind, X, y, X_test).items()}
    row["rocket"] = error(rocket_answer(kind, X, y, X_test))
    best = min(row[rival] for rival in SIMPLE)
    row |= {"to simple": row["median"] / best, "to all": row["median"] / min(best, row["rocket"])}
    below = kind == "classification" and row["median"] > row["1-NN"] + MARGIN
    return row | {"below 1-NN": below, "epochs": network.n_iter_, "s": median(times)}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Geometric means over classifications, regressions, and both."""
    found = []
    for kind in ("classification", "regression", "both"):
        of_kind = [row for row in rows if kind in (row["kind"], "both")]
        if of_kind:
            means = {to: math.exp(np.mean([math.log(row[to]) for row in of_kind])) for to in ("to simple", "to all")}
            below = sum(row["below 1-NN"] for row in of_kind)
            fits = sum(row["s"] for row in of_kind)
            found.append({"kind": kind, "sets": len(of_kind), **means, "below 1-NN": below, "s": fits})
    return found


def given(text: str) -> tuple[str, Any]:
    """A parameter as ``name=value``; what Python cannot read is text."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def share_cores(n_jobs: int) -> None:
    """So many processes side by side, each with its share of the cores."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // n_jobs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half", choices=["choose", "table", "both"], default="both")
    parser.add_argument("--kind", choices=["classification", "regression", "both"], default="both")
    parser.add_argument("--only", type=names(SETS), default=list(SETS), help=f"some of {', '.join(SETS)}")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", type=given, action="append", default=[], metavar="NAME=VALUE", dest="given")
    parser.add_argument("--jobs", type=int, default=1, help="sets that are measured side by side")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print_machine()
    chosen = [
        name
        for name in arguments.only
        if arguments.half in (SETS[name].half, "both") and arguments.kind in (SETS[name].kind, "both")
    ]
    parameters = dict(arguments.given)
    work = partial(measure, given=parameters, n_seeds=arguments.seeds)
    if arguments.jobs == 1:
        found = [work(name) for name in chosen]
    else:
        apart = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(arguments.jobs, apart, share_cores, (arguments.jobs,)) as pool:
            found = list(pool.map(work, chosen))
    for row in found:
        if "lacks" in row:
            print(f"{row['set']} is left out: {row['lacks']} is not there. Set SKRNN_DATA to the folder of the data.")
    rows = [row for row in found if "lacks" not in row]
    if rows:
        print_table(f"Errors, {arguments.seeds} seeds, {json.dumps(parameters)}", rows)
        print_table("Geometric means of the ratios to the best of the others", summary(rows))
    write_json(arguments.json, {"parameters": parameters, "sets": rows, "summary": summary(rows)})


if __name__ == "__main__":
    main()
