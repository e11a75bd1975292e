"""Every example runs as a script, without a word on standard error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("plot_*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_runs(script, tmp_path):
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": "default"}
    environment.pop("SCIPY_ARRAY_API", None)
    run = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "skrnn" not in run.stderr, run.stderr
    assert list(tmp_path.glob("*.png")), "the example leaves a figure"


def test_there_are_examples():
    assert len(EXAMPLES) >= 3
