"""What the benchmarks share: rounds, memory, processes of their own, facts of the machine and tables."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

Name = TypeVar("Name", bound=Hashable)

PACKAGES = ("torch", "numpy", "scikit-learn", "skrnn")


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def in_rounds(contestants: dict[Name, Callable[[], float]], n_rounds: int) -> dict[Name, list[float]]:
    """Figures of all contestants, each called once in each round; every other round goes backwards."""
    figures: dict[Name, list[float]] = {name: [] for name in contestants}
    for i in range(n_rounds):
        for name in list(contestants)[:: -1 if i % 2 else 1]:
            figures[name].append(contestants[name]())
    return figures


def median_ratio(numerators: list[float], denominators: list[float]) -> float:
    """Median of the ratios of each round: what slows a whole round down cancels out."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def quiet_fit(model: Any, X: Any, y: Any) -> None:
    """Fit without the warnings that so few epochs have not converged, or not helped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.fit(X, y)


def measured_apart(script: str, *arguments: object) -> Any:
    """What a script prints last, as JSON, when it runs in a process of its own."""
    command = [sys.executable, script, *map(str, arguments)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def resident(field: str) -> int:
    """A figure of this process in bytes; Linux only."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def peak_above_start(work: Callable[[], object]) -> int:
    """Bytes that this process held above its present size while a call ran; Linux only."""
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    work()
    return resident("VmHWM") - before


def machine() -> dict[str, str | int]:
    """What the figures depend on."""
    cpu, path = platform.processor(), Path("/proc/cpuinfo")
    if path.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", path.read_text(), flags=re.MULTILINE)
        cpu = found[1] if found else cpu
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"cores": n_cores, "cpu": cpu} | {package: importlib.metadata.version(package) for package in PACKAGES}


def print_machine() -> None:
    facts = machine()
    versions = ", ".join(f"{package} {facts[package]}" for package in PACKAGES)
    print(f"{facts['cores']} cores, {facts['cpu'] or 'unknown CPU'}; Python {platform.python_version()}, {versions}")


def print_table(title: str, rows: list[dict[str, object]]) -> None:
    """Rows under the names of their columns, flush right."""
    cells = [list(rows[0]), *([shown(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}")
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)), flush=True)


def shown(value: object) -> str:
    """Three digits of a number, "-" for what was not measured."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def write_json(path: Path | None, results: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), **results}, indent=2))


def names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A type for argparse: names from a list, with commas between."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(known)}")
        return chosen

    return parse
