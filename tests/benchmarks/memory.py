"""Peak memory of one fit, each in a process of its own.

One epoch of a small network on windows of 100 steps over one long series, and over a panel of 100 series in one frame.
Linux only, since the peak is read from /proc::

    python tests/benchmarks/memory.py [--rows N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from _common import measured_apart, peak_above_start

WINDOW = 100
N_CHANNELS = 4
N_SERIES = 100


def measure(case: str, n_rows: int) -> dict[str, float | str | int]:
    """Fit once and tell what it took."""
    import numpy as np
    import pandas as pd
    import torch
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.utils._testing import ignore_warnings

    from skrnn import GRURegressor, SlidingWindowTransformer

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n_rows, N_CHANNELS)).astype(np.float32)
    index = pd.date_range("2000-01-01", periods=n_rows, freq="min")
    if case == "panel":
        times = index[: n_rows // N_SERIES]
        index = pd.MultiIndex.from_product([range(N_SERIES), times], names=["series", "time"])
    X = pd.DataFrame(values, index=index, columns=list("abcd"))
    y = X["a"].to_numpy()
    window = SlidingWindowTransformer(WINDOW, horizon=1)
    model = make_pipeline(window, GRURegressor(4, max_iter=1, batch_size=400, random_state=0))
    warm_up = make_pipeline(SlidingWindowTransformer(2, horizon=1), GRURegressor(2, max_iter=1))
    with ignore_warnings(category=ConvergenceWarning):
        warm_up.fit(X.iloc[:2000], y[:2000])  # what libraries allocate once, those too that only longer series need
        peak = peak_above_start(lambda: model.fit(X, y))
        begin = time.perf_counter()
        windows = window.fit_transform(X)
        first = time.perf_counter() - begin
        is_view = windows.strides[0] == windows.strides[1]
        del windows
        begin = time.perf_counter()
        window.fit_transform(X)
        seconds = time.perf_counter() - begin
    return {
        "case": case,
        "rows": n_rows,
        "windows": "view" if is_view else "dense",
        "window_step_first_s": round(first, 3),
        "window_step_again_s": round(seconds, 3),
        "dense_windows_MB": round(n_rows * WINDOW * N_CHANNELS * 4 / 1e6),
        "peak_above_start_MB": round(peak / 1e6),
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--case", choices=["series", "panel"], help="one case, in this process")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.rows)))
        return
    results = [measured_apart(__file__, "--case", case, "--rows", arguments.rows) for case in ("series", "panel")]
    for result in results:
        print("  ".join(f"{name}={value}" for name, value in result.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
