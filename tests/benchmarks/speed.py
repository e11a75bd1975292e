"""Seconds of training and of predict, skrnn against loops in PyTorch and other packages.

Every network is one recurrent layer and a linear head; all train on the same random windows. In each round every
contestant runs once, so that what slows the machine down slows all of them; a figure is the median over the rounds,
a ratio the median of the ratios of each round. PyTorch and the other packages run on one thread and on all, and the
better of the two counts; "@1" says that it was one. A count that takes a plain loop four times as long as the other
is left out. "default" is skrnn's default estimator, on the same windows as the plain network beside it. On the CPU a
percentage says how much of the peak rate was reached: that of a large product on as many threads, measured in the
same rounds; it counts the products of the network alone. A package that is not installed shows "-". The whole table
takes some ten minutes::

    python tests/benchmarks/speed.py [--dtype both] [--cells GRU,LSTM] [--rows 0,1] [--json FILE]
    python tests/benchmarks/speed.py --grid       # many sizes, against the DataLoader loop only
    python tests/benchmarks/speed.py --predict    # 100,000 windows, and one
    python tests/benchmarks/speed.py --device cuda
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import torch
from _common import in_rounds, median_ratio, names, print_machine, print_table, quiet_fit, seconds, shown, write_json
from _contestants import (
    CELLS,
    FEWEST,
    PEERS,
    Case,
    Network,
    matrix_products,
    on_threads,
    peak_rate,
    skrnn_epochs,
    skrnn_fits,
    torch_direct,
)

import skrnn

TABLE = [  # steps, channels, hidden, batch
    (10, 1, 50, 1),
    (24, 8, 64, 64),
    (48, 8, 32, 128),
    (50, 1, 20, 800),
    (96, 8, 128, 256),
    (96, 8, 256, 256),
]
GRID = [(*sizes[2:], 1, *sizes[:2]) for sizes in product([8, 32, 128, 512], [1, 32, 256], [1, 8, 48, 256])]
QUICK = [(3, 1, 4, 1), (5, 2, 8, 16)]
PREDICTED = (24, 8, 64, 100_000)
QUICK_PREDICTED = (5, 2, 8, 500)
OURS, DEFAULT, FLOOR = "skrnn", "default", "matrix products"
PEAK, QUICK_PEAK = 1536, 128  # rows and columns of the large product
CHUNK = 4096  # windows that PyTorch predicts at once


def measure(
    case: Case, prepare: dict, n_threads: int, counts: list[int], n_rounds: int, *, default: bool, peak: int | None
) -> dict:
    """Milliseconds of a training step of skrnn, on up to so many threads, and of others on some numbers of threads.

    ``default`` asks for the default estimator too, ``peak`` for shares of the rate of products of that size.
    """
    ours = {OURS: skrnn_fits(case, n_threads, plain=True)}
    if default:
        ours[DEFAULT] = skrnn_fits(case, n_threads, plain=False)
    runs = {(name, n_epochs): fit for name, fits in ours.items() for n_epochs, fit in fits.items()}
    for name in prepare:
        try:
            train = prepare[name](case)
        except ImportError:
            continue
        if train is not None:
            tried = {1, n_threads} if name == FLOOR else counts
            runs |= {(name, count): on_threads(count, train) for count in tried}
    for count in {1, n_threads} if peak else ():
        runs["peak", count] = on_threads(count, partial(peak_rate, peak, case.dtype))
    rounds = in_rounds(runs, n_rounds)
    epochs, set_up = {}, {}
    for name, fits in ours.items():
        epochs[name], set_up[name] = skrnn_epochs({n_epochs: rounds[name, n_epochs] for n_epochs in fits})
    threads = dict.fromkeys(ours, n_threads)
    for name in prepare:
        times = {count: rounds[name, count] for other, count in runs if other == name}
        if times:
            threads[name] = fastest(times)
            epochs[name] = times[threads[name]]
    ms = {name: 1e3 * median(values) / case.n_batches for name, values in epochs.items()}
    rates = {count: median(rounds["peak", count]) for other, count in runs if other == "peak"}
    return {
        **asdict(case),
        "rounds": n_rounds,
        "ms": ms,
        "threads": {name: count for name, count in threads.items() if name not in ours},
        "ratio": {name: median_ratio(epochs[name], epochs[OURS]) for name in epochs if name not in (*ours, FLOOR)},
        "over_matrix_products": median_ratio(epochs[OURS], epochs[FLOOR]) if FLOOR in epochs else None,
        "default_over_plain": median_ratio(epochs[DEFAULT], epochs[OURS]) if default else None,
        "peak_gflops": {count: rate / 1e9 for count, rate in rates.items()},
        "share_of_peak": {name: 1e3 * case.flop / ms[name] / rates[threads[name]] for name in epochs if rates},
        "set_up_ms": 1e3 * set_up[OURS],
    }


def sized(case: Case, counts: list[int], target: float) -> tuple[Case, list[int]]:
    """The case with batches for so many seconds of a plain loop, and the numbers of threads worth trying, best first.

    Where cores are busy, threads that wait for each other can take a hundred times as long as one.
    """
    train, found = torch_direct(case), {}
    for count in counts:
        once = on_threads(count, train)
        times = [once()]
        while len(times) < 5 and sum(times) < 2:
            times.append(once())
        found[count] = min(times)
    best = min(found.values())
    tried = sorted((count for count in counts if found[count] < 4 * best), key=found.__getitem__)
    return replace(case, n_batches=min(max(round(target / best), FEWEST), 2000)), tried


def training(arguments: argparse.Namespace) -> list[dict]:
    """One result for each cell, shape and precision."""
    cuda, grid, quick = arguments.device == "cuda", arguments.grid, arguments.quick
    shapes = QUICK if quick else GRID if grid else TABLE
    target = 0.01 if quick else 0.1 if grid else 0.3  # seconds of an epoch of a plain loop
    counts = [arguments.threads] if cuda else sorted({1, arguments.threads})
    peers = ["torch loader"] if grid else arguments.against
    prepare = {name: PEERS[name] for name in peers if not cuda or name.startswith("torch")}
    if not cuda and not grid:
        prepare[FLOOR] = matrix_products
    if arguments.rows != "all":
        rows = [int(row) for row in arguments.rows.split(",")]
        if not set(rows) <= set(range(len(shapes))):
            sys.exit(f"--rows are numbers from 0 to {len(shapes) - 1}.")
        shapes = [shapes[row] for row in rows]
    results = []
    for cell, shape, dtype in product(arguments.cells, shapes, arguments.dtype):
        print(f"{cell} {shape} {dtype}", file=sys.stderr, flush=True)
        case, tried = sized(Case(cell, *shape, dtype=dtype, device=arguments.device), counts, target)
        n_rounds = min(arguments.repeats, 3) if grid else arguments.repeats
        if grid and case.n_batches == FEWEST:
            n_rounds = 1  # a slow corner
        peak = None if cuda or grid else QUICK_PEAK if quick else PEAK
        tried = tried[:1] if grid else tried
        results.append(measure(case, prepare, arguments.threads, tried, n_rounds, default=not grid, peak=peak))
    return results


def predicting(arguments: argparse.Namespace) -> list[dict]:
    """Seconds of predict for each cell and precision."""
    shape = QUICK_PREDICTED if arguments.quick else PREDICTED
    results = []
    for cell, dtype in product(arguments.cells, arguments.dtype):
        print(f"{cell} predict {dtype}", file=sys.stderr, flush=True)
        case = Case(cell, *shape, dtype=dtype, device=arguments.device)
        results.append(measure_predict(case, arguments.threads, arguments.repeats))
    return results


def measure_predict(case: Case, n_threads: int, n_rounds: int) -> dict:
    """Seconds of predict for many windows, against the best of PyTorch's ways, and milliseconds for one window."""
    X, y = case.arrays()
    x, network = torch.from_numpy(X).to(case.device), Network(case).eval()
    model = getattr(skrnn, f"{case.cell}Regressor")(case.hidden, max_iter=1, linear_skip=False, device=case.device)
    quiet_fit(model, X[:200], y[:200])

    def torch_predict(size: int) -> None:
        with torch.inference_mode():
            torch.cat([network(part) for part in x.split(size)]).cpu().numpy()

    runs = {"skrnn": on_threads(n_threads, lambda: seconds(lambda: model.predict(X)))}
    for count, size in product(sorted({1, n_threads}), (min(CHUNK, len(X)), len(X))):
        runs[count, size] = on_threads(count, lambda size=size: seconds(lambda: torch_predict(size)))
    model.predict(X[:1])
    rounds = in_rounds(runs, n_rounds)
    ours = rounds.pop("skrnn")
    best = fastest(rounds)
    one = on_threads(n_threads, lambda: seconds(lambda: model.predict(X[:1])))
    return {
        **asdict(case),
        "rounds": n_rounds,
        "skrnn_s": median(ours),
        "torch_s": median(rounds[best]),
        "ratio": median_ratio(rounds[best], ours),
        "torch_threads": best[0],
        "torch_at_once": best[1],
        "one_window_ms": 1e3 * median(one() for _ in range(200)),
    }


def fastest(tried: dict) -> Any:
    """Key of the shortest times."""
    return min(tried, key=lambda key: median(tried[key]))


def print_training(results: list[dict], peers: list[str], n_dtypes: int) -> None:
    """Two tables; where there are two precisions, the second stands in brackets."""
    times, ratios = [], []
    floor = [FLOOR] if results[0]["over_matrix_products"] else []
    ours = [name for name in (OURS, DEFAULT) if name in results[0]["ms"]]
    for i in range(0, len(results), n_dtypes):
        group = results[i : i + n_dtypes]
        shape = {name: group[0][name] for name in ("cell", "steps", "channels", "hidden", "batch")}
        steps = {name: both(milliseconds(result, name) for result in group) for name in (*ours, *floor, *peers)}
        times.append(shape | steps | {"set-up of fit": both(shown(result["set_up_ms"]) for result in group)})
        others = {name: both(shown(result["ratio"].get(name)) for result in group) for name in peers}
        over = {f"skrnn / {FLOOR}": both(shown(result["over_matrix_products"]) for result in group) for _ in floor}
        added = {f"{name} / skrnn": both(shown(result["default_over_plain"]) for result in group) for name in ours[1:]}
        ratios.append(shape | added | others | over)
    precision = both(result["dtype"] for result in results[:n_dtypes])
    print_table(f"Milliseconds of a training step, {precision}", times)
    print_table(f"How many times the time of skrnn, {precision}", ratios)
    rates = [f"{rate:.0f} on {count}" for count, rate in results[0]["peak_gflops"].items()]
    if rates:
        print(f"\n100 % are the GFLOP/s of a large product: {', '.join(rates)} threads")


def print_predicting(results: list[dict]) -> None:
    columns = ("cell", "dtype", "skrnn_s", "torch_s", "ratio", "torch_threads", "torch_at_once", "one_window_ms")
    rows = [{"windows": result["batch"]} | {name: result[name] for name in columns} for result in results]
    print_table("Seconds of predict", rows)


def milliseconds(result: dict, name: str) -> str:
    count = result["threads"].get(name)
    share = result["share_of_peak"].get(name)
    percents = "" if share is None else f" {100 * share:.0f}%"
    return shown(result["ms"].get(name)) + (f"@{count}" if count else "") + percents


def both(texts: Iterable[str]) -> str:
    first, *others = texts
    return " ".join([first, *(f"({text})" for text in others)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=names(CELLS), default=list(CELLS), help="such as GRU,LSTM")
    parser.add_argument("--rows", default="all", help="numbers of rows of the table from 0 on, such as 0,1")
    parser.add_argument("--against", type=names(PEERS), default=list(PEERS), help=", ".join(PEERS))
    parser.add_argument("--dtype", choices=["float32", "float64", "both"], default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="the larger number of threads")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--grid", action="store_true", help="many sizes in the place of the table")
    parser.add_argument("--predict", action="store_true", help="predict in the place of training")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once: only to see that it works")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.dtype = ["float32", "float64"] if arguments.dtype == "both" else [arguments.dtype]
    arguments.repeats = 1 if arguments.quick else arguments.repeats
    print_machine()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("PyTorch finds no CUDA device: nothing was measured.")
        return
    if arguments.predict:
        results = predicting(arguments)
        print_predicting(results)
        write_json(arguments.json, {"predict": results})
        return
    results = training(arguments)
    peers = ["torch loader"] if arguments.grid else arguments.against
    print_training(results, peers, len(arguments.dtype))
    write_json(arguments.json, {"training": results})


if __name__ == "__main__":
    main()
