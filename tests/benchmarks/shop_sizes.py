"""One network for a panel of shops whose sizes reach from 1 to 10,000, by the way in which they are measured.

Sales have a week, a payday in the month, and a level that drifts, all in shares of the size. With "shares" noise is a
share, too, of 10 %; "counts" are whole numbers, of which small shops have many 0. A figure is the mean absolute error
of each shop on later days, in units of that of repeating the week before on the days of the fit: its mean over shops
and over draws, and that of the smallest and of the largest shop::

    python tests/benchmarks/shop_sizes.py [--draws 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _common import print_machine, print_table, write_json
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import GRURegressor, SlidingWindowTransformer

WEEK = np.array([0.8, 0.85, 0.9, 1.0, 1.3, 1.5, 0.65])
WINDOW = 35


def shops(seed: int, kind: str, n_days: int) -> pd.DataFrame:
    """Sales of eight shops, shop by shop."""
    rng, day, parts = np.random.default_rng(seed), np.arange(n_days), {}
    for size in np.geomspace(1 if kind == "shares" else 2, 10_000, 8):
        level = np.exp(np.cumsum(rng.normal(scale=0.02, size=n_days)))
        week, payday = (WEEK ** rng.uniform(0.5, 1.5))[day % 7], 1 + 0.6 * np.exp(-((day % 30 - 3) ** 2) / 4)
        sold = size * level / level.mean() * week * payday * np.exp(rng.normal(scale=0.1, size=n_days))
        parts[round(size)] = sold if kind == "shares" else rng.poisson(sold).astype(float)
    index = pd.MultiIndex.from_product([parts, pd.date_range("2022-01-01", periods=n_days)], names=["shop", "day"])
    return pd.DataFrame({"sold": np.concatenate(list(parts.values()))}, index=index)


def models(n_epochs: int) -> Iterator[tuple[str, Any]]:
    window, network = (
        SlidingWindowTransformer(WINDOW, horizon=1),
        GRURegressor(16, max_iter=n_epochs, random_state=0),
    )
    yield "as they are", make_pipeline(window, network)
    logs = make_pipeline(FunctionTransformer(np.log1p), window, network)
    yield "np.log1p", TransformedTargetRegressor(logs, func=np.log1p, inverse_func=np.expm1)
    for scaling in ("mean", "std"):
        scaled = GRURegressor(16, max_iter=n_epochs, random_state=0, scaling=scaling)
        yield f'scaling="{scaling}"', make_pipeline(window, scaled)


def errors_by_shop(model: Any, table: pd.DataFrame, n_train: int) -> np.ndarray:
    """Errors (shop,) on later days in units of those of the week before."""
    is_late = table.groupby("shop").cumcount() >= n_train
    model.fit(table[~is_late], table["sold"][~is_late])
    error = (pd.Series(model.predict(table), index=table.index) - table["sold"]).abs()
    naive = table["sold"].groupby("shop").diff(7).abs()
    return (error[is_late].groupby("shop").mean() / naive[~is_late].groupby("shop").mean()).to_numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3, help="draws of each panel")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the script")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    n_draws, n_days, n_train, n_epochs = (1, 120, 84, 2) if arguments.quick else (arguments.draws, 1000, 699, 200)
    warnings.simplefilter("ignore")
    print_machine()
    lines = []
    for kind in ("shares", "counts"):
        for name, _ in models(n_epochs):
            begin = time.perf_counter()
            found = np.mean(
                [
                    errors_by_shop(dict(models(n_epochs))[name], shops(seed, kind, n_days), n_train)
                    for seed in range(n_draws)
                ],
                axis=0,
            )
            ends = {"mean": found.mean(), "smallest": found[0], "largest": found[-1]}
            seconds = (time.perf_counter() - begin) / n_draws
            lines.append({"sales": kind, "measured": name, **ends, "seconds": seconds})
        print_table(f"{kind}: error by way", lines[-4:])
    write_json(arguments.json, {"shop_sizes": lines})


if __name__ == "__main__":
    main()
