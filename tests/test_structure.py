"""The house: who imports whom, how long things are, and what an import loads."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

import skrnn

PACKAGE = Path(skrnn.__file__).parent
DESIGN = Path(__file__).parents[1] / "docs" / "design.rst"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each room, and the rooms that it may import from: all of them stand further down. Files within a room import each
# other, but not in a circle.
ROOMS = {
    "__init__": {"_displays", "_forecast", "_estimators", "_windows", "_validation"},
    "__main__": {"_compiled"},
    "_displays": {"_forecast", "_estimators", "_windows", "_validation", "_data"},
    "_forecast": {"_estimators", "_windows", "_validation", "_data"},
    "_estimators": {"_model", "_training", "_compiled", "_validation", "_learning", "_persistence", "_data"},
    "_windows": {"_validation", "_learning", "_persistence", "_data"},
    "_model": {"_compiled", "_compiled.kernels", "_data"},
    "_training": {"_data"},
    "_compiled": {"_compiled.kernels", "_data"},
    "_compiled.kernels": set(),
    "_validation": {"_data"},
    "_learning": set(),
    "_persistence": set(),
    "_data": set(),
}
# Rooms, and single files of other rooms, that may name a library.
KNOW_TORCH = {"_model", "_training", "_compiled", "_data.on_device", "_data.spec"}
KNOW_TORCH |= {"_estimators.fitting", "_estimators.start"}
KNOW_SKLEARN = {"_displays", "_forecast", "_estimators", "_validation", "_persistence"}
KNOW_SKLEARN |= {"_windows.transformer", "_windows.output"}
KNOW_NUMBA = {"_compiled.kernels"}


def name_of(path):
    """Dotted name of a file below the package; that of a room for its ``__init__.py``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room_of(name):
    """The innermost room that holds a dotted name."""
    return max((room for room in ROOMS if f"{name}.".startswith(f"{room}.")), key=len)


def ours(path):
    """Dotted names, below the package, of what a file imports from it."""
    return {name.removeprefix("skrnn.") for name in imports_of(path) if name.startswith("skrnn.")}


def imports_of(path):
    """All that a file names in its imports, also within functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_rooms_stand_in_one_order():
    order = list(ROOMS)
    for room, below in ROOMS.items():
        assert all(order.index(other) > order.index(room) for other in below), room
    assert {room_of(name_of(path)) for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down_only(path):
    room = room_of(name_of(path))
    for name in ours(path):
        assert room_of(name) in {room, *ROOMS[room]}, f"{room} imports {name}"


def test_the_design_page_shows_the_rooms_and_their_imports():
    lines = [re.split("  +", line) for line in DESIGN.read_text().splitlines() if line.startswith("``_")]
    names = [[name.removesuffix("/") for name in re.findall(r"_[\w/]+", room + below)] for room, _, below in lines]
    shown = {room.replace("/", "."): {name.replace("/", ".") for name in below} for room, *below in names}
    assert shown == {room: below for room, below in ROOMS.items() if not room.startswith("__")}


def test_no_files_import_each_other_in_a_circle():
    TopologicalSorter({name_of(path): ours(path) for path in FILES}).prepare()  # raises CycleError


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_rooms_know_only_their_own_libraries(path):
    loaded, name = {name.split(".")[0] for name in imports_of(path)}, name_of(path)
    for library, knowing in {"torch": KNOW_TORCH, "sklearn": KNOW_SKLEARN, "numba": KNOW_NUMBA}.items():
        assert library not in loaded or {name, room_of(name)} & knowing, f"{name} imports {library}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_functions_and_classes_are_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            has_docstring = ast.get_docstring(node) is not None
            body = node.body[1:] if has_docstring else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= 45, f"{node.name} has {length} lines"
        if isinstance(node, ast.ClassDef):
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            assert len(methods) <= 12, f"{node.name} has {len(methods)} methods"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_private_helpers_of_scikit_learn_enter_by_one_door(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklearn"):
            private = any(part.startswith("_") for part in node.module.split(".")) or any(
                alias.name.startswith("_") for alias in node.names
            )
            assert not private or room_of(name_of(path)) == "_validation"


def test_all_is_sorted_and_complete():
    assert skrnn.__all__ == sorted(skrnn.__all__)
    public = {
        name for name, value in vars(skrnn).items() if not (name.startswith("_") or isinstance(value, ModuleType))
    }
    assert public == set(skrnn.__all__)


def test_import_loads_nothing_that_scikit_learn_does_not_and_starts_no_thread():
    code = (
        "import sys, threading, sklearn.base, sklearn.utils.validation, sklearn.utils.metaestimators;"
        "before = set(sys.modules); import skrnn; new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "assert not new & {'torch', 'pandas', 'matplotlib', 'numba', 'tqdm'}, new; assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
