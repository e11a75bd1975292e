"""The benchmark scripts work, and memory stays that of the rows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc")
def test_windows_of_a_long_series_are_never_copied(tmp_path):
    # A million rows: the dense windows would take 1,600 MB.
    results = run("memory.py", tmp_path, "--case", "series", "--rows", "1000000")
    assert results["windows"] == "view"
    assert results["peak_above_start_MB"] <= 150


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc")
def test_memory_script_writes_its_table(tmp_path):
    path = tmp_path / "results.json"
    run("memory.py", tmp_path, "--rows", "20000", "--json", str(path))
    assert [result["windows"] for result in json.loads(path.read_text())] == ["view", "dense"]


def run(script, folder, *arguments):
    """Output of a script: its last line, if that is JSON."""
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    last = finished.stdout.splitlines()[-1]
    return json.loads(last) if last.startswith("{") else finished.stdout
