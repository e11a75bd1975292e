"""Coverage and width of bands that ought to hold 80 % of the values, on the generated families of ``families.py``.

Three ways to a band one step ahead: two quantiles, a mean and a standard deviation (``loss="gaussian"``), and split
conformal bands around the default network, whose half-width comes from its errors on the last fifth of the training
rows, which its fit then lacks. Beside them split conformal bands around ridge regression on the same windows. A width
is given as its ratio to that of the last::

    python tests/benchmarks/bands.py [--half table] [--lengths 300,1500] [--only lorenz,saw] [--jobs 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import NormalDist, fmean, median
from typing import Any

import numpy as np
from _common import names, print_machine, print_table, shown, write_json
from _families import FAMILIES, HALVES, Family, n_training_rows
from _problem import PENALTIES
from families import geometric_mean
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skrnn import GRURegressor

LEVEL = 0.8
NEAR = 0.1  # coverages within this of the level count as right
Row = dict[str, Any]
Ends = tuple[np.ndarray, np.ndarray]


def from_quantiles(family: Family, X: Any, y: np.ndarray, n: int) -> Ends:
    tail = (1 - LEVEL) / 2
    network = GRURegressor(loss="quantile", quantile=(tail, 1 - tail), random_state=0)
    model = make_pipeline(family.window_step(), network).fit(X[:n], y[:n])
    lower, upper = model[-1].predict_quantiles(model[:-1].transform(X[n:])).T
    return lower, upper


def from_deviations(family: Family, X: Any, y: np.ndarray, n: int) -> Ends:
    model = make_pipeline(family.window_step(), GRURegressor(loss="gaussian", random_state=0)).fit(X[:n], y[:n])
    mean, std = model.predict(X[n:], return_std=True)
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * std
    return mean - half, mean + half


def conformal(regressor: Any) -> Any:
    """Bands of one width for all rows, from errors on rows after those of the fit."""

    def band(family: Family, X: Any, y: np.ndarray, n: int) -> Ends:
        first = n - n // 5
        flatten = not isinstance(regressor(), GRURegressor)
        model = make_pipeline(family.window_step(flatten=flatten), regressor())
        begin = family.window - 1 + family.horizon  # the windows before lack steps
        model[0].fit(X[:first])
        model[1].fit(model[0].transform(X)[begin:first], y[begin:first])
        answers = model.predict(X[first:])
        errors = np.sort(np.abs(answers[: n - first] - y[first:n]))
        half = errors[min(math.ceil((len(errors) + 1) * LEVEL), len(errors)) - 1]
        return answers[n - first :] - half, answers[n - first :] + half

    return band


WAYS = {
    "quantiles": from_quantiles,
    "deviations": from_deviations,
    "conformal": conformal(lambda: GRURegressor(random_state=0)),
    "conformal ridge": conformal(lambda: make_pipeline(StandardScaler(), RidgeCV(PENALTIES))),
}


def measure(name: str, n_rows: int) -> Row:
    """Coverage and mean width on the test rows of a family, by way."""
    family, n = FAMILIES[name], n_training_rows(n_rows)
    X, y, _ = family.data(n_rows)
    found: Row = {"family": name, "half": family.half, "rows": n_rows}
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        for way, band in WAYS.items():
            lower, upper = band(family, X, y, n)
            covered = float(np.mean((lower <= y[n:]) & (y[n:] <= upper)))
            found |= {f"{way}, coverage": covered, f"{way}, width": float(np.mean(upper - lower))}
    return found


def summary(half: str, n_rows: int, rows: list[Row]) -> list[Row]:
    """Coverages and widths by way."""
    lines = []
    for way in WAYS:
        covered = [row[f"{way}, coverage"] for row in rows]
        widths = [row[f"{way}, width"] / row["conformal ridge, width"] for row in rows]
        near = fmean(abs(coverage - LEVEL) <= NEAR for coverage in covered)
        lines.append(
            {"half": half, "rows": n_rows, "way": way, "mean": fmean(covered), "median": median(covered)}
            | {"least": min(covered), f"within {NEAR}": near, "width": geometric_mean(widths)}
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half", choices=[*HALVES, "both"], default="both")
    parser.add_argument("--only", type=names(FAMILIES), default=list(FAMILIES), help="names of families")
    parser.add_argument("--lengths", type=lambda text: [int(n) for n in text.split(",")], default=[300, 1500])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print_machine()
    asked = [name for name in arguments.only if arguments.half in ("both", FAMILIES[name].half)]
    cases = [(name, n_rows) for name in asked for n_rows in arguments.lengths]
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # of the processes to come
    rows, halves = [], {}
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        for row in pool.map(measure, *zip(*cases, strict=True)):
            print(*map(shown, row.values()), flush=True)
            rows.append(row)
            halves.setdefault((row["half"], row["rows"]), []).append(row)
    print_table(f"Coverage of {LEVEL:.0%} bands", rows)
    lines = [line for key in sorted(halves) for line in summary(*key, halves[key])]
    print_table("By half of the families and way", lines)
    write_json(arguments.json, {"families": rows, "summary": lines})


if __name__ == "__main__":
    main()
