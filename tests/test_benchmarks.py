"""The benchmark scripts work, and memory stays that of the rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
BENCHMARKS = Path(__file__).parent / "benchmarks"
PRECISIONS = ["float32", "float64"]


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


@pytest.mark.parametrize("extra", [[], ["--grid"]], ids=["table", "grid"])
def test_speed_script_compares_training(extra, tmp_path):
    results = run_quickly("speed.py", tmp_path, "--cells", "GRU", "--dtype", "both", *extra)
    assert results["machine"]["cores"] > 0
    training = results["training"]
    assert [(case["hidden"], case["dtype"]) for case in training] == [(h, d) for h in (4, 8) for d in PRECISIONS]
    for case in training:
        assert {"skrnn", "torch loader"} <= set(case["ms"])
        assert set(case["ratio"]) == set(case["ms"]) - {"skrnn", "default", "matrix products"}
        assert ("default" in case["ms"]) == (not extra)
        assert (case["default_over_plain"] is None) if extra else (case["default_over_plain"] > 0)
        assert set(case["share_of_peak"]) == (set() if extra else set(case["ms"]))
        assert all(share > 0 for share in case["share_of_peak"].values())
        assert min([*case["ms"].values(), *case["ratio"].values(), *case["threads"].values()]) > 0
        assert (case["over_matrix_products"] is None) if extra else (case["over_matrix_products"] > 0)
        assert case["set_up_ms"] >= 0


def test_speed_script_compares_predict(tmp_path):
    results = run_quickly("speed.py", tmp_path, "--cells", "GRU", "--predict")
    (case,) = results["predict"]
    assert case["dtype"] == "float32"
    assert min(case[name] for name in ("skrnn_s", "torch_s", "ratio", "torch_threads", "one_window_ms")) > 0


def test_accuracy_script_leaves_tasks_without_data_out(tmp_path):
    path = tmp_path / "results.json"
    command = [sys.executable, BENCHMARKS / "accuracy.py", "--only", "airline,sine", "--seeds", "1", "--json", path]
    environment = {**os.environ, "SKRNN_DATA": str(tmp_path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert "airline is left out" in done.stdout
    rows = json.loads(path.read_text())["accuracy"]
    assert [row["task"] for row in rows] == ["sine", "sine"]
    for row in rows:
        assert 0 < row["median"] < row["persistence"]
        assert row["verdict"] == "better than all simple means"


def test_families_script_compares_with_simple_means_on_the_same_rows(tmp_path):
    options = ["--only", "ar_two,product", "--lengths", "120,160", "--baselines-from", "simple.json"]
    run("families.py", tmp_path, *options, "--without-model")
    run("families.py", tmp_path, *options, "--jobs", "2", "--set", "max_iter=2", "--json", "results.json")
    known, results = (json.loads((tmp_path / name).read_text()) for name in ("simple.json", "results.json"))
    assert results["parameters"] == {"max_iter": 2}
    assert [(row["family"], row["rows"]) for row in results["families"]] == [
        (name, n) for name in ("ar_two", "product") for n in (120, 160)
    ]
    for row, before in zip(results["families"], known["families"], strict=True):
        assert row["simple"] == before["simple"]
        assert 0 < row["noise"] < min(row["simple"].values())
        assert row["noise"] < row["errors"][0] < 2 * row["spread"]
    for half in results["summary"]:
        assert half["families"] == 1
        assert half["to best simple"] == pytest.approx(half["worst"])


def test_sequence_sets_script_compares_networks_with_simple_means(tmp_path):
    path = tmp_path / "results.json"
    chosen = ["--only", "taxi_days,templates,damping", "--set", "max_iter=2", "--set", "hidden_size=4", "--jobs", "2"]
    command = [sys.executable, BENCHMARKS / "sequence_sets.py", *chosen, "--json", path]
    environment = {**os.environ, "SKRNN_DATA": str(tmp_path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert "taxi_days is left out" in done.stdout
    results = json.loads(path.read_text())
    assert results["parameters"] == {"max_iter": 2, "hidden_size": 4}
    assert [row["set"] for row in results["sets"]] == ["templates", "damping"]
    for row in results["sets"]:
        assert row["epochs"] <= 2
        assert row["to simple"] == pytest.approx(row["median"] / min(row["1-NN"], row["ridge"], row["extra-trees"]))
        assert row["rocket"] < row["1-NN"]  # it learns, and from these rows
    assert [part["kind"] for part in results["summary"]] == ["classification", "regression", "both"]


@pytest.mark.parametrize("sections", ["rows", "predict,threads", "search", "busy"])
def test_scaling_script_measures_what_is_asked_for(sections, tmp_path):
    results = run_quickly("scaling.py", tmp_path, "--only", sections)
    assert list(results) == ["machine", *sections.split(",")]
    n_lines = {"rows": 2, "threads": 2, "search": 3, "predict": 3, "busy": 2}
    for section in sections.split(","):
        assert len(results[section]) == n_lines[section]
        for line in results[section]:
            figures = [value for name, value in line.items() if name not in ("who", "way", "peak_MB")]
            assert len(figures) >= 2
            assert min(figures) > 0


def test_cold_start_script_measures_first_fits(tmp_path):
    rows = {row["what"]: row for row in run_quickly("cold_start.py", tmp_path)["cold_start"]}
    assert list(rows) == ["imports", "first fit, whole process", "fit with all on disk, after the imports"]
    assert min(rows["imports"]["clock"], rows["imports"]["cpu"]) > 0
    # Far from the limits: other work on the machine must not fail this.
    assert 1 < rows["first fit, whole process"]["cpu"] < 5
    assert 0 < rows["fit with all on disk, after the imports"]["cpu"] < 1


def test_fit_parts_script_measures_what_is_not_training(tmp_path):
    rows = run_quickly("fit_parts.py", tmp_path)["fit_parts"]
    assert [row["fit of"] for row in rows] == ["regressor, own past", "regressor, other target", "classifier"]
    for row in rows:
        assert row["ten epochs, s"] > 0
        assert row["the rest, share"] < 10  # far from the limit: other work on the machine must not fail this


def test_several_steps_script_compares_three_ways(tmp_path):
    rows = run_quickly("several_steps.py", tmp_path)["several_steps"]
    assert len(rows) == 9
    for row in rows:
        assert min(row[str(step)] for step in (1, 3, 6, 12, 24)) > 0


def test_shop_sizes_script_compares_ways_to_measure(tmp_path):
    rows = run_quickly("shop_sizes.py", tmp_path)["shop_sizes"]
    assert len(rows) == 8
    for row in rows:
        assert min(row["mean"], row["smallest"], row["largest"], row["seconds"]) > 0
    plain, scaled = (
        [row["smallest"] for row in rows if row["measured"] == way] for way in ("as they are", 'scaling="mean"')
    )
    assert all(of_plain > of_scaled for of_plain, of_scaled in zip(plain, scaled, strict=True))
    assert max(plain) > 3 * max(scaled)


def run_quickly(script, folder, *arguments):
    """What a script writes as JSON when it runs with tiny sizes."""
    run(script, folder, "--quick", "--json", "results.json", *arguments)
    return json.loads((folder / "results.json").read_text())


def run(script, folder, *arguments):
    """Output of a script: its last line, if that is JSON."""
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    last = finished.stdout.splitlines()[-1]
    return json.loads(last) if last.startswith("{") else finished.stdout
