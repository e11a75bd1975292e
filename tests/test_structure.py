"""The house: who imports whom, how long things are, and what an import loads."""

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import skrnn

PACKAGE = Path(skrnn.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# A file imports only from files of a lower rank, but for the neighbours named below.
RANKS = {
    "__init__": 5,
    "_gru": 4,
    "_lstm": 4,
    "_rnn": 4,
    "_classifier": 3,
    "_regressor": 3,
    "_base": 2,
    "_readings": 1,
    "_forecast": 2,
    "_windows": 1,
}
NEIGHBOURS = {
    "_batch": {"_sequences"},
    "_windows": {"_history"},
    "_compiled": {"_batch", "_network", "_threads", "kernels"},
    "_examples": {"_sequences"},
    "_linear_columns": {"_own_past", "_sequences"},
    "_linear_skip": {"_evidence", "_linear_columns", "_ridge", "_robust", "_sequences", "_values_or_differences"},
    "_losses": {"_loss_contract", "_robust"},
    "_sequences": {"_robust"},
    "_model": {
        "_batch",
        "_compiled",
        "_evidence",
        "_examples",
        "_linear_skip",
        "_loss_contract",
        "_network",
        "_sequences",
        "_threads",
        "_training",
        "kernels",
    },
    "_network": {"_batch", "_stages"},
    "_own_past": {"_sequences"},
    "_padding": {"_numbers", "_sequences"},
    "_linear_map": {"_training"},
    "_start": {
        "_examples",
        "_linear_map",
        "_linear_skip",
        "_loss_contract",
        "_model",
        "_network",
        "_robust",
        "_sequences",
        "_threads",
        "_training",
    },
    "_training": {"_batch", "_schedules", "_solvers"},
    "_validation": {"_history", "_lag_names", "_numbers", "_sequences"},
    "_values_or_differences": {"_evidence"},
}
WITHOUT_TORCH = {
    "_forecast",
    "_docstrings",
    "_evidence",
    "_examples",
    "_history",
    "_lag_names",
    "_learning",
    "_linear_columns",
    "_linear_skip",
    "_numbers",
    "_own_past",
    "_padding",
    "_progress",
    "_ridge",
    "_robust",
    "_schedules",
    "_sequences",
    "_validation",
    "kernels",
}
WITHOUT_SKLEARN = {
    "_batch",
    "_compiled",
    "_docstrings",
    "_evidence",
    "_examples",
    "_history",
    "_lag_names",
    "_learning",
    "_linear_columns",
    "_linear_map",
    "_linear_skip",
    "_loss_contract",
    "_losses",
    "_model",
    "_network",
    "_numbers",
    "_own_past",
    "_progress",
    "_ridge",
    "_robust",
    "_schedules",
    "_sequences",
    "_solvers",
    "_stages",
    "_start",
    "_threads",
    "_training",
    "kernels",
}


def part_of(path):
    """Name of the module, or of the folder, right below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path):
    """All modules that a file names in its imports, also within functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import"
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    part = part_of(path)
    for name in imports_of(path):
        if not name.startswith("skrnn."):
            continue
        other = name.split(".")[1]
        downwards = RANKS.get(other, 0) < RANKS.get(part, 0)
        assert other == part or downwards or other in NEIGHBOURS.get(part, set()), f"{part} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_leaves_know_only_their_own_library(path):
    loaded = {name.split(".")[0] for name in imports_of(path)}
    assert not (part_of(path) in WITHOUT_TORCH and "torch" in loaded)
    assert not (part_of(path) in WITHOUT_SKLEARN and "sklearn" in loaded)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_private_helpers_of_scikit_learn_enter_by_one_door(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklearn"):
            private = any(part.startswith("_") for part in node.module.split(".")) or any(
                alias.name.startswith("_") for alias in node.names
            )
            assert not private or part_of(path) == "_validation"


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
