"""The documentation keeps its word: shared parameters are described alike, README's commands are those of the CI."""

import inspect
import re
from pathlib import Path

import pytest
from conftest import REGRESSORS

import skrnn

ROOT = Path(__file__).parents[1]
ESTIMATORS = [*REGRESSORS, skrnn.SlidingWindowTransformer]


def described(cls, section):
    """Text of each entry of a section of a docstring."""
    text = inspect.getdoc(cls)
    body = re.search(rf"^{section}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)[1]
    entries = re.split(r"^(\w+) : ", body, flags=re.MULTILINE)[1:]
    return dict(zip(entries[::2], entries[1::2], strict=True))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_is_described_with_its_default(cls):
    entries = described(cls, "Parameters")
    signature = inspect.signature(cls).parameters
    assert list(entries) == list(signature)
    for name, parameter in signature.items():
        first = entries[name].splitlines()[0]
        if parameter.default is not inspect.Parameter.empty:
            default = parameter.default
            shown = f'"{default}"' if isinstance(default, str) else str(default).replace("0.0001", "1e-4")
            assert first.endswith(f"default={shown}"), (name, first)


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_what_the_regressors_share_is_described_alike(section):
    reference = described(REGRESSORS[0], section)
    for cls in REGRESSORS[1:]:
        entries = described(cls, section)
        for name in reference:
            assert entries[name] == reference[name]


@pytest.mark.parametrize("cls", REGRESSORS)
def test_faces_share_one_signature(cls):
    shared = inspect.signature(REGRESSORS[0]).parameters
    own = inspect.signature(cls).parameters
    assert {name: p.default for name, p in own.items() if name in shared} == {
        name: p.default for name, p in shared.items()
    }


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_every_attribute_that_fit_sets_is_described(cls, series):
    if cls is skrnn.SlidingWindowTransformer:
        fitted = cls(3).fit(series)
    else:
        fitted = cls(2, max_iter=1).fit(series, series["load"])
    learnt = {name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")}
    assert learnt <= set(described(cls, "Attributes"))


def test_every_public_name_is_in_the_reference():
    reference = (ROOT / "docs" / "api.rst").read_text()
    for name in skrnn.__all__:
        assert re.search(rf"^   {name}$", reference, re.MULTILINE), name
