"""Compiled functions: once for each precision, and kept on disk; always the right ones, whatever other processes do."""

from __future__ import annotations  # they are read as text

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import caching, event

import skrnn
from skrnn.__main__ import main
from skrnn._compiled.kernels.files import Files
from skrnn._compiled.kernels.jit import Array1, Numbers, entry, leaf, number
from skrnn._compiled.kernels.turns import one_at_a_time

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(skrnn.__file__).parents[1])}


@leaf
def add_one(out: Numbers, n: int) -> None:
    for i in range(n):
        out[i] += number(1)


@entry
def add_one_to(x: Array1) -> None:
    add_one(x, x.size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_leaf_is_called_by_name_in_the_precision_of_its_caller(dtype):
    x = np.arange(5, dtype=dtype)
    add_one_to.of(x.dtype)(x)
    np.testing.assert_array_equal(x, np.arange(5) + 1)
    assert add_one_to.of(dtype) is add_one_to.of(x.dtype)
    call = add_one.of(dtype).ctypes
    call(ctypes.cast(x.ctypes.data, call.argtypes[0]), 2)
    np.testing.assert_array_equal(x, [2, 3, 3, 4, 5])


@pytest.mark.parametrize("x", [np.zeros(6)[::2], np.zeros(3, np.float32), np.zeros(3, int), np.zeros((2, 3)), [0.0]])
def test_arrays_of_another_layout_or_type_are_refused_and_not_compiled_for(x):
    compiled = add_one_to.of("float64")
    with pytest.raises(TypeError, match="No matching definition"):
        compiled(x)
    assert len(compiled.overloads) == 1


def run(code, folder, **environment):
    """Standard output of a script in a process of its own, without the lines of others."""
    path = folder / "script.py"
    path.write_text(code)
    environment = {**ENVIRONMENT, "NUMBA_CACHE_DIR": str(folder / "cache"), **environment}
    return subprocess.run([sys.executable, path], capture_output=True, text=True, check=True, env=environment).stdout


PROBE = """from __future__ import annotations
import numpy as np
from skrnn._compiled.kernels.blocks import copy
from skrnn._compiled.kernels.jit import Array1, entry

@entry
def probe(out: Array1, x: Array1) -> None:
    copy(out, x, x.size)

out = np.zeros(2)
probe.of(out.dtype)(out, np.ones(2))
print(*out)
"""


@pytest.mark.slow
def test_a_change_of_a_function_that_is_called_is_noticed(tmp_path):
    package = tmp_path / "package" / "skrnn"
    shutil.copytree(Path(skrnn.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    place = {"PYTHONPATH": str(package.parent)}
    found = [run(PROBE, tmp_path, **place)]
    blocks = package / "_compiled" / "kernels" / "blocks.py"
    blocks.write_text(blocks.read_text().replace("out[i] = other[i]", "out[i] = other[i] + other[i]"))
    found.append(run(PROBE, tmp_path, **place))
    assert [line.split() for line in found] == [["1.0", "1.0"], ["2.0", "2.0"]]


@pytest.mark.slow
def test_of_two_processes_that_need_the_same_code_one_compiles(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(PROBE)
    environment = {**ENVIRONMENT, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, path]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    lines = [process.communicate()[0].split() for process in both]
    assert lines == [["1.0", "1.0"]] * 2
    assert len(list(tmp_path.rglob("*.nbc"))) == 2  # those of the leaf and of what calls it


def test_the_turn_of_a_process_that_is_killed_ends(tmp_path):
    code = (
        "import sys, time; from skrnn._compiled.kernels.turns import one_at_a_time\n"
        "with one_at_a_time(sys.argv[1], 'work'): print('begun', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, tmp_path]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert other.stdout.readline() == "begun\n"
    with one_at_a_time(str(tmp_path), "other work"):
        pass
    mine = []

    def work():
        with one_at_a_time(str(tmp_path), "work"):
            mine.append(other.poll())

    waiting = threading.Thread(target=work)
    waiting.start()
    time.sleep(0.2)
    assert not mine
    other.send_signal(signal.SIGKILL)
    other.wait()
    waiting.join(5)
    assert len(mine) == 1


@pytest.fixture
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def test_folders_that_take_no_files_are_read(cache_folder, monkeypatch):
    def function(x):
        return x + 1

    def compiles():
        kept = numba.njit(function)
        kept._cache = Files(function)
        with event.install_recorder("numba:compile") as compiled:
            kept.compile((numba.int64,))
        assert kept(1) == 2
        return len(compiled.buffer) > 0

    def refuse(*_, **__):
        raise OSError("read-only file system")

    assert compiles()
    assert not compiles()
    monkeypatch.setattr(caching.tempfile, "TemporaryFile", refuse)
    assert Files(function).folder is None
    assert not compiles()
    shutil.rmtree(cache_folder)
    assert compiles()


@pytest.mark.parametrize("content", [b"", b"cut", None])
def test_files_that_cannot_be_read_or_written_cost_only_time(cache_folder, content):
    def function(x):
        return x + 1

    def compile_and_call():
        kept = numba.njit(function)
        kept._cache = Files(function)
        kept.compile((numba.int64,))
        assert kept(1) == 2

    compile_and_call()
    (file,) = cache_folder.rglob("*.nbc")
    if content is None:  # what cannot be replaced either
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(content)
    compile_and_call()


@pytest.mark.usefixtures("cache_folder")
def test_processes_that_compile_at_once_do_not_mix_up_their_code():
    def function(x):
        return x + 1

    files = [Files(function)._cache_file for _ in range(2)]
    save_data = files[0]._save_data

    def save_late(name, data):
        files[1]._load_index = dict  # it looked before the first one wrote
        files[1].save("other types", "their code")
        save_data(name, data)

    files[0]._save_data = save_late
    files[0].save("types", "code")
    fresh = Files(function)._cache_file
    assert fresh.load("types") in (None, "code")
    assert fresh.load("other types") == "their code"


@pytest.mark.slow
def test_two_processes_give_what_they_compile_different_names(tmp_path):
    # What is kept on disk by one process is linked with what others keep there.
    code = """
from __future__ import annotations
from numba import int64
from skrnn._compiled.kernels.jit import compiled_into_callers, entry, leaf
@leaf
def part(n: int) -> None: pass
@entry
def whole(n: int) -> None: part(n)
@compiled_into_callers
def inner(n): pass
inner.compile((int64,))
print(part.of("float64").native_name, *(f.fndesc.mangled_name for f in whole.of("float64").overloads.values()))
print(inner.overloads[int64,].fndesc.mangled_name)
"""
    names = set()
    for folder in (tmp_path / "one", tmp_path / "other"):  # with what is kept of each
        folder.mkdir()
        names |= set(run(code, folder, PYTHONHASHSEED="0").split())  # the names hold the order of a set
    assert len(names) == 6


@pytest.mark.slow
def test_without_a_folder_that_takes_files_fits_compile_anew(tmp_path):
    code = (
        "from numba.core import caching\n"
        "for locator in caching.CompileResultCacheImpl._locator_classes:\n"
        "    locator.from_function = classmethod(lambda *_: None)\n"
        "from skrnn._compiled.kernels import kernel_of\n"
        "import numpy as np, warnings; warnings.simplefilter('ignore')\n"
        "from skrnn import RNNRegressor\n"
        "X = np.zeros((5, 3, 1)); RNNRegressor(2, max_iter=1).fit(X, np.arange(5.0)).predict(X)\n"
        "assert kernel_of('torch.nn.RNN') is not None"
    )
    run(code, tmp_path)
    assert not list(tmp_path.rglob("*.nbc"))


def test_commands_that_are_none_are_refused(capsys):
    for arguments in ([], ["train"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
        assert "usage: python -m skrnn" in capsys.readouterr().err


def test_help_says_what_the_commands_do(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    assert "compile" in capsys.readouterr().out


def test_the_command_fails_where_no_folder_takes_files(monkeypatch, capsys):
    monkeypatch.setattr("skrnn._compiled.ahead.compile_all", lambda: {"/here", None})
    with pytest.raises(SystemExit, match="NUMBA_CACHE_DIR"):
        main(["compile"])
    assert not capsys.readouterr().out


@pytest.mark.slow
def test_after_the_command_fits_compile_nothing(tmp_path):
    environment = {**ENVIRONMENT, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "skrnn", "compile"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert said.startswith(f"The compiled loops are in {tmp_path}")
    code = """
import itertools, sys
import numpy as np, warnings; warnings.simplefilter("ignore")
from numba.core import event
import skrnn
variants = {}, {"segment_size": 2}, {"return_sequences": True}, {"bidirectional": True, "linear_skip": False}
variants += {"pooling": "max"}, {"loss": "huber", "solver": "sgd", "weight_decay": 0.1}
with event.install_recorder("numba:compile") as compiled:
    for dtype, cell, options in itertools.product(("f4", "f8"), ("GRU", "LSTM", "RNN"), variants):
        X = np.random.default_rng(0).normal(size=(20, 6, 2)).astype(dtype)
        X[::3, 1] = np.nan
        y = np.nan_to_num(X[:, :, 0]) if "return_sequences" in options else X[:, -1, 0]
        getattr(skrnn, cell + "Regressor")(4, max_iter=1, num_layers=2, **options).fit(X, y).predict(X)
        if (dtype, cell, options) == ("f4", "GRU", {}):  # the first one, which needs no autograd
            assert not {"sympy", "sklearn.ensemble"} & set(sys.modules)
print(len(compiled.buffer))
"""
    assert run(code, tmp_path) == "0\n"
