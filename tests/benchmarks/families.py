"""Errors on generated families of series, beside those of simple means and of the noise.

64 families of eight kinds, each with a law of its own. Choices are made on one half of them; the other half is for
tables alone. The last quarter of the rows are test rows. The estimator and the simple means read the same windows: the
last value, the last season where it is known, ridge regression and boosting, each on values and on differences from
the last value. The best of these by its error on the test rows is the measure::

    python tests/benchmarks/families.py [--half choose] [--lengths 300,1500] [--seeds 3] [--kinds maps,counts]
        [--only lorenz,saw] [--estimator LSTMRegressor] [--set hidden_size=32] [--jobs 2] [--without-model]
        [--json FILE] [--baselines-from FILE]

``--baselines-from`` takes the errors of the simple means from a file and adds to it what it lacks. ``--jobs`` runs
families side by side, each on one thread. ``_families.py`` has the families for other experiments.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import multiprocessing
import os
import time
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import names, print_machine, print_table, write_json
from _families import FAMILIES, HALVES, KINDS, Family, n_training_rows, root_mean_squared
from _problem import PENALTIES
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import skrnn

ESTIMATORS = ("GRURegressor", "LSTMRegressor", "RNNRegressor")
SIMPLE = ("last", "mean", "season", "ridge", "ridge, diff.", "boosting", "boosting, diff.")
NEAR = 1.05  # of the best simple means
SERIES_OF_MAP = 4  # for the share of the variance that is explained
Row = dict[str, Any]


def differences(windows: np.ndarray, horizon: int) -> np.ndarray:
    """Windows (row, step, channel) measured from their last values.

    Of a series that reads its own past, that past alone is measured, and its level is left out; inputs of the same
    moment are all measured and keep their last values.
    """
    measured = np.array(windows)
    if horizon:
        measured[:, :, 0] -= windows[:, -1:, 0]
    else:
        measured[:, :-1] -= windows[:, -1:]
    return measured


def simple_errors(family: Family, n_rows: int, data_seed: int) -> dict[str, float]:
    """Errors of the simple means on the test rows."""
    X, y, X_test, y_test = family.windows(n_rows, data_seed)
    answers, series = {}, family.made(n_rows, data_seed)[1]
    n_test = len(y_test)
    if family.horizon:
        answers["last"] = series[-n_test - 1 : -1]
    else:
        answers["mean"] = np.full(n_test, y.mean())
    if family.season is not None:
        answers["season"] = series[-n_test - family.season : -family.season]
    level, level_test = (x[:, -1, 0] if family.horizon else np.zeros(len(x)) for x in (X, X_test))
    changes, changes_test = (differences(x, family.horizon) for x in (X, X_test))
    for name in ("ridge", "boosting"):
        answers[name] = answered(name, X, y, X_test)
        answers[f"{name}, diff."] = level_test + answered(name, changes, y - level, changes_test)
    return {name: root_mean_squared(answers[name], y_test) for name in SIMPLE if name in answers}


def answered(name: str, X: np.ndarray, y: np.ndarray, X_test: np.ndarray) -> np.ndarray:
    models = {
        "ridge": make_pipeline(StandardScaler(), RidgeCV(PENALTIES)),
        "boosting": HistGradientBoostingRegressor(random_state=0),
    }
    return models[name].fit(X.reshape(len(X), -1), y).predict(X_test.reshape(len(X_test), -1))


def measure(
    name: str, n_rows: int, data_seed: int, simple: dict[str, Any], estimator: str | None, settings: list[Row]
) -> Row:
    """Errors on one series: of the simple means unless they are known, and of the estimator with some settings."""
    family = FAMILIES[name]
    X, y, noise = family.data(n_rows, data_seed)
    rows = n_training_rows(n_rows)
    found: Row = {"family": name, "kind": family.kind, "half": family.half, "rows": n_rows, "data seed": data_seed}
    found |= {"spread": float(y[rows:].std()), "noise": noise, "checksum": zlib.crc32(X.to_numpy().tobytes())}
    found |= {"errors": [], "seconds": []}
    known = simple.get("checksum") == found["checksum"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with threadpool_limits(1):  # boosting's threads wait for each other where others are at work
            found["simple"] = simple["simple"] if known else simple_errors(family, n_rows, data_seed)
        for setting in settings if estimator else []:
            model = make_pipeline(family.window_step(), getattr(skrnn, estimator)(**setting))
            begin = time.perf_counter()
            model.fit(X[:rows], y[:rows])
            found["seconds"].append(time.perf_counter() - begin)
            found["errors"].append(root_mean_squared(model.predict(X[rows:]), y[rows:]))
    return found


def measured(arguments: argparse.Namespace) -> Iterator[Row]:
    """Rows of all families that are asked for, as they are ready."""
    known = {place(row): row for row in read_rows(arguments.baselines_from)}
    settings = [{**dict(arguments.set), "random_state": seed} for seed in range(arguments.seeds)]
    estimator = None if arguments.without_model else arguments.estimator
    n_series = {name: max(arguments.data_seeds, SERIES_OF_MAP if name == "noisy_map" else 1) for name in FAMILIES}
    cases = [(name, n, i) for name in asked(arguments) for n in arguments.lengths for i in range(n_series[name])]
    jobs = [(*case, known.get(case, {}), estimator, settings) for case in cases]
    if arguments.jobs == 1:
        yield from (measure(*job) for job in jobs)
        return
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # of the processes to come
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(measure, *zip(*jobs, strict=True))


def asked(arguments: argparse.Namespace) -> list[str]:
    return [
        name
        for name in arguments.only
        if FAMILIES[name].kind in arguments.kinds and arguments.half in ("both", FAMILIES[name].half)
    ]


def place(row: Row) -> tuple[str, int, int]:
    return row["family"], row["rows"], row["data seed"]


def read_rows(path: Path | None) -> list[Row]:
    return json.loads(path.read_text())["families"] if path is not None and path.exists() else []


def keep_baselines(path: Path, rows: list[Row]) -> None:
    """Add rows to a file, without the figures of the estimator."""
    bare = [{**row, "errors": [], "seconds": []} for row in rows]
    kept = {place(row): row for row in (*read_rows(path), *bare)}
    write_json(path, {"families": list(kept.values())})


def to_best_simple(row: Row) -> float:
    return median(row["errors"]) / min(row["simple"].values())


def line(row: Row) -> dict[str, object]:
    """A row of the table of families."""
    shown = {name: row[name] for name in ("family", "kind", "half", "rows", "data seed")}
    shown |= {name: row["simple"].get(name) for name in SIMPLE} | {"noise": row["noise"]}
    if not row["errors"]:
        return shown | {"best": min(row["simple"], key=row["simple"].get)}
    error = median(row["errors"])
    shown |= {"error": error, "to best simple": to_best_simple(row)}
    return shown | {"to noise": error / row["noise"] if row["noise"] else None, "s": median(row["seconds"])}


def summary(half: str, n_rows: int, rows: list[Row]) -> dict[str, object]:
    """How far the best simple means are from the noise, where it is known, and the estimator from both."""
    with_noise = [row for row in rows if row["noise"]]
    simple = [min(row["simple"].values()) / row["noise"] for row in with_noise]
    figures = {"half": half, "rows": n_rows, "families": len({row["family"] for row in rows})}
    figures |= {"best simple to noise": geometric_mean(simple)}
    if not rows[0]["errors"]:
        return figures
    ratios, worst = [to_best_simple(row) for row in rows], max(rows, key=to_best_simple)
    figures |= {"to noise": geometric_mean([median(row["errors"]) / row["noise"] for row in with_noise])}
    figures |= {"to best simple": geometric_mean(ratios), f"within {NEAR}": float(np.mean(np.array(ratios) <= NEAR))}
    figures |= {"worst": to_best_simple(worst), "of": worst["family"]}
    return figures | {"s": median(second for row in rows for second in row["seconds"])}


def geometric_mean(values: list[float]) -> float | None:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def explained(row: Row) -> dict[str, object]:
    """Shares of the variance of the test rows that are explained."""
    figures = {"boosting": row["simple"]["boosting"], "best simple": min(row["simple"].values()), "noise": row["noise"]}
    figures |= {f"seed {seed}": error for seed, error in enumerate(row["errors"])}
    shares = {name: 1 - (error / row["spread"]) ** 2 for name, error in figures.items()}
    return {"rows": row["rows"], "data seed": row["data seed"], **shares}


def report(rows: list[Row], n_series: int) -> list[dict[str, object]]:
    """Print the tables; the summaries come back."""
    counted = [row for row in rows if row["data seed"] < n_series]
    print_table("Errors: roots of the mean squares on the test rows", [line(row) for row in counted])
    if of_map := [row for row in rows if row["family"] == "noisy_map"]:
        print_table("The noisy map: R2", [explained(row) for row in of_map])
    halves = {}
    for row in counted:
        halves.setdefault((row["half"], row["rows"]), []).append(row)
    summaries = [summary(*half, halves[half]) for half in sorted(halves)]
    print_table("Geometric means of ratios of errors", summaries)
    return summaries


def setting(text: str) -> tuple[str, Any]:
    """A parameter and its value, as Python writes it or else as text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half", choices=[*HALVES, "both"], default="both")
    parser.add_argument("--kinds", type=names(KINDS), default=list(KINDS), help=f"some of {', '.join(KINDS)}")
    parser.add_argument("--only", type=names(FAMILIES), default=list(FAMILIES), help="names of families")
    parser.add_argument("--lengths", type=lambda text: [int(n) for n in text.split(",")], default=[300, 1500])
    parser.add_argument("--seeds", type=int, default=1, help="of the estimator; their median counts")
    parser.add_argument("--data-seeds", type=int, default=1, help="series of each family")
    parser.add_argument("--estimator", choices=ESTIMATORS, default=ESTIMATORS[0])
    parser.add_argument("--set", type=setting, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--without-model", action="store_true", help="the simple means alone")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--baselines-from", type=Path)
    arguments = parser.parse_args()
    if not asked(arguments):
        parser.error("no family is in all of --half, --kinds and --only")
    print_machine()
    begin, rows = time.perf_counter(), []
    for row in measured(arguments):
        rows.append(row)
        ratio = f"{to_best_simple(row):.3f}, {median(row['seconds']):.1f} s" if row["errors"] else "measured"
        print(*place(row), ratio, flush=True)
    summaries = report(rows, arguments.data_seeds)
    print(f"{time.perf_counter() - begin:.0f} s in all")
    write_json(arguments.json, {"parameters": dict(arguments.set), "families": rows, "summary": summaries})
    if arguments.baselines_from is not None:
        keep_baselines(arguments.baselines_from, rows)


if __name__ == "__main__":
    main()
