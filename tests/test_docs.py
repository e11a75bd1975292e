"""The documentation keeps its word: shared parameters are described alike, README's commands are those of the CI."""

import ast
import functools
import importlib
import inspect
import re
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from conftest import REGRESSORS
from sklearn import metrics, model_selection, pipeline, preprocessing

import skrnn

ROOT = Path(__file__).parents[1]
ESTIMATORS = [*REGRESSORS, skrnn.SlidingWindowTransformer]

SHOWN = re.compile(r"^(.+?)  # -> (.+)$", re.MULTILINE)  # an expression and its value
LITERAL = re.compile(r"(?:^\.\. code-block:: python|::)\n\n((?:(?: +[^\n]*)?\n)+)", re.MULTILINE)


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


def first_snippet():
    """The code of README that a newcomer sees first."""
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return snippet.strip()


def test_the_landing_page_shows_the_snippet_of_the_readme():
    page = (ROOT / "docs" / "index.rst").read_text()
    (landing,) = re.findall(r"^\.\. code-block:: python\n\n((?:(?: +[^\n]*)?\n)+)", page, re.MULTILINE)
    assert textwrap.dedent(landing).strip() == first_snippet()


@pytest.mark.slow
def test_the_first_snippet_runs_alone_without_a_warning_and_forecasts_well(monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what a new user sees first is no warning
        exec(first_snippet(), namespace)
    tomorrow = namespace["tomorrow"]
    hires = namespace["df"]["hires"]
    error = np.sqrt(np.mean((tomorrow["hires"] - hires[tomorrow.index]) ** 2))
    week_before = np.sqrt(np.mean((hires.shift(168, freq="h") - hires)[tomorrow.index] ** 2))
    assert error < 0.75 * week_before
    assert hires[tomorrow.index].between(tomorrow["hires_lower"], tomorrow["hires_upper"]).mean() > 0.8


def test_the_first_snippet_is_short():
    lines = [line for line in first_snippet().splitlines() if line.strip()]
    assert len(lines) <= 15


@pytest.mark.filterwarnings("ignore")  # two epochs are no training
def test_the_first_snippet_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = {}
    exec(first_snippet().replace("random_state=0", "random_state=0, max_iter=2"), namespace)
    assert namespace["tomorrow"].shape == (24, 3)


MODELS = {"One step at a time": "network"}  # what "model" is where a section begins, if no forecaster


@pytest.fixture
def at_hand():
    """What a reader of the guide has at hand: names, a series, sequences, fitted models. Networks are small."""
    rng = np.random.default_rng(0)
    load = np.sin(2 * np.pi * np.arange(1200) / 24) + rng.normal(scale=0.1, size=1200)
    sequences = [rng.normal(size=(n, 2)) for n in rng.integers(4, 9, size=30)]
    names = {"np": np, "pd": pd, "sklearn": sklearn, "h": 3, "sequences": sequences}
    for module in (metrics, model_selection, pipeline, preprocessing, skrnn):
        names.update({name: value for name, value in vars(module).items() if not name.startswith("_")})
    for name in skrnn.__all__:
        if name.endswith(("Regressor", "Classifier")):
            names[name] = functools.partial(getattr(skrnn, name), hidden_size=2, max_iter=2)
    names["df"] = df = pd.DataFrame({"load": load}, index=pd.date_range("2024-01-01", periods=1200, freq="h"))
    names["targets"] = [rows.sum(axis=1) for rows in sequences]
    names["labels"] = [(rows.sum(axis=1) > 0).astype(float) for rows in sequences]
    names["stream"] = [rng.normal(size=(4, 2)) for _ in range(3)]
    windows = skrnn.SlidingWindowTransformer(24, horizon=names["h"])
    names["forecaster"] = pipeline.make_pipeline(windows, names["GRURegressor"]()).fit(df, df["load"])
    names["network"] = names["GRURegressor"](linear_skip=False).fit(rng.normal(size=(30, 5, 2)), rng.normal(size=30))
    return names


@pytest.mark.usefixtures("plt")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", ["windows", "forecasting", "networks", "training", "practice"])
def test_the_code_of_each_section_of_the_guide_runs(at_hand, page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / f"guide_{page}.rst").read_text()
    titles = list(re.finditer(r"^(\S[^\n]*)\n[-=~]{3,}$", text, re.MULTILINE))
    blocks = list(LITERAL.finditer(text))
    assert len(blocks) == text.count("::\n\n    ") + text.count("code-block:: python\n") > 0
    config, names = sklearn.get_config(), {}
    for block in blocks:
        title = [title[1] for title in titles if title.start() < block.start()][-1]
        if names.get("title") != title:
            names = {**at_hand, "title": title, "model": at_hand[MODELS.get(title, "forecaster")]}
        code = textwrap.dedent(block[1])
        exec(compile("\n" * text[: block.start(1)].count("\n") + code, f"guide_{page}.rst", "exec"), names)
        for expression, shown in SHOWN.findall(code):
            assert repr(eval(expression, names)) == shown, expression
    assert sklearn.get_config() == config


@pytest.mark.filterwarnings("ignore")  # two epochs are no training
def test_the_programs_of_the_page_for_those_who_come_from_elsewhere_run(at_hand):
    text = (ROOT / "docs" / "coming_from.rst").read_text()
    blocks = re.findall(r"^( *)\.\. code-block:: python\n\n((?:(?:\1   [^\n]*)?\n)+)", text, re.MULTILINE)
    programs = [textwrap.dedent(code) for _, code in blocks]
    assert len(programs) == 6  # five packages, and the preset
    for program in programs:
        names = {**at_hand, "GRURegressor": skrnn.GRURegressor}
        quick = program.replace("(64)", "(2, max_iter=2)").replace("(64,", "(2,").replace("epochs = 50", "epochs = 2")
        exec(quick, names)
        answer = np.ravel(names["answer"]) if "answer" in names else names["model"].predict(names["df"][-100:])
        assert answer.shape == (100,)
        assert np.isfinite(answer).all()
    spec = names["model"][-1]
    assert spec.n_iter_ == spec.best_epoch_ == 2
    assert spec.anchor_ is None


@pytest.mark.filterwarnings("ignore::UserWarning")  # a few epochs on noise
def test_the_cell_of_the_page_on_extending_trains(tmp_path, monkeypatch):
    loss, cell = LITERAL.findall((ROOT / "docs" / "extending.rst").read_text())
    exec(textwrap.dedent(loss), {})
    (tmp_path / "mgu.py").write_text(textwrap.dedent(cell))
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("mgu")
    X = np.random.default_rng(0).normal(size=(200, 6, 1))
    y = X[:, -1, 0] * X[:, -2, 0]
    network = module.MGURegressor(16, max_iter=60, learning_rate_init=0.02, random_state=0).fit(X, y)
    assert network.uses_recurrence_
    assert network.score(X, y) > 0.5  # a linear answer has 0
    X[:, 0] = np.nan
    np.testing.assert_allclose(network.predict(X), network.predict(X[:, 1:]), atol=1e-6)


def words_of(path):
    """The strings of a file, adjacent ones joined, with "…" in place of what is put in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = (
                ast.literal_eval(part) if isinstance(part, ast.Constant) else "…" for part in ast.iter_child_nodes(node)
            )
            yield re.sub("…+", "…", "".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_each_message_of_the_page_on_troubleshooting_is_one_of_the_package():
    page = (ROOT / "docs" / "troubleshooting.rst").read_text()
    messages = re.findall(r"^``(.+)``$", page, re.MULTILINE)
    assert len(messages) > 25
    words = [text for path in (ROOT / "skrnn").rglob("*.py") for text in words_of(path)]
    of_sklearn = ["Input y contains NaN"]
    for message in messages:
        fragment = message.strip("…")
        assert message in of_sklearn or any(fragment in text for text in words), message


def test_every_client_is_on_its_page():
    shown = re.findall(
        r"literalinclude:: \.\./tests/clients/(\w+\.py)$", (ROOT / "docs" / "clients.rst").read_text(), re.MULTILINE
    )
    scripts = {path.name for path in (ROOT / "tests" / "clients").glob("*.py")} - {"run.py"}
    assert len(scripts) >= 17
    assert sorted(shown) == sorted(scripts)
