"""Losses of users: functions and objects, what fit says of those that do not keep the contract, the documentation's."""

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import cross_val_score

from skrnn import GRUClassifier, GRURegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
PAGE = (Path(__file__).parents[1] / "docs" / "losses.rst").read_text()


def small(loss, **params):
    return GRURegressor(4, loss=loss, **{"max_iter": 5, "random_state": 0, **params})


@pytest.fixture
def data(rng):
    X = rng.normal(size=(120, 4, 1))
    return X, 300 + 20 * (X[:, -1, 0] + 0.5 * rng.normal(size=120))


def absolute(y_true, y_pred):
    return (y_true - y_pred).abs()


def of_rows(y_true, y_pred):
    assert y_true.shape == y_pred.shape
    return absolute(y_true, y_pred).mean(dim=1)


def relative(y_true, y_pred):
    """Means something in the units of y only."""
    return (y_pred / y_true).log().square().mean(dim=1)


@pytest.mark.parametrize("function", [absolute, of_rows, torch.nn.L1Loss(reduction="none")])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": False},
        {"linear_skip": False, "max_iter": 60, "early_stopping": False},
        {"dtype": "float32"},
    ],
)
def test_a_function_is_a_loss_in_the_units_of_y(data, function, params):
    X, y = data
    params = {"learning_rate_init": 0.02, **params}
    model = small(function, **params).fit(X, y)
    assert mean_absolute_error(y, model.predict(X)) < 1.1 * np.abs(20 * 0.5 * 0.8)
    tiny = small(function, **params).fit(X, 1e-6 * y)  # units do not matter
    np.testing.assert_allclose(1e6 * tiny.predict(X), model.predict(X), rtol=1e-2 if params.get("dtype") else 1e-4)
    assert tiny.loss_ == pytest.approx(model.loss_, rel=1e-2)


def test_a_function_sees_targets_as_they_are(data):
    X, y = data
    seen = []

    def loss(y_true, y_pred):
        seen.append((y_true.detach(), y_pred.detach()))
        return relative(y_true, y_pred)

    model = small(loss, batch_size=120, shuffle=False, max_iter=1, early_stopping=False).fit(X, y)
    assert any(len(y_true) == 120 and np.allclose(y_true[:, 0], y) for y_true, _ in seen)
    assert model.loss_ == pytest.approx(np.mean(np.log(seen[-1][1][:, 0].numpy() / y) ** 2) / model._model.loss.unit)
    mean = torch.full((120, 1), y.mean())
    assert model._model.loss.unit == pytest.approx(float(relative(torch.from_numpy(y)[:, None], mean).mean()))


def test_functions_work_for_several_targets_steps_and_weights(data, rng):
    X, y = data
    both = np.stack([y, -y], axis=1)
    found = small(of_rows).fit(X, both, rng.integers(1, 4, 120)).predict(X)
    assert np.corrcoef(found[:, 0], found[:, 1])[0, 1] < -0.9
    steps = small(of_rows, return_sequences=True, learning_rate_init=0.05, max_iter=60).fit(X, 10 + X)
    assert steps.score(X, 10 + X) > 0.5
    with pytest.raises(ValueError, match=r"one value for each row: a tensor of shape \(7,\); got shape \(7, 2\)"):
        small(absolute).fit(X, both)


def test_models_with_functions_are_cloned_saved_and_trained_further(data, tmp_path):
    X, y = data
    model = small(of_rows).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.partial_fit(X, y).predict(X), model.partial_fit(X, y).predict(X))
    assert len(cross_val_score(small(of_rows), X, y, cv=2, n_jobs=1)) == 2
    with pytest.raises(ValueError, match="loss of GRURegressor changed"):
        model.set_params(loss=absolute).partial_fit(X, y)
    with pytest.raises(ValueError, match="return_std=True needs loss='gaussian'"):
        loaded.predict(X, return_std=True)


@dataclass(frozen=True)
class Right:
    """Squared error that keeps the contract; what is replaced breaks it."""

    equivariant: object = True
    domain: object = "real"
    n: object = None
    values: object = lambda raw, y: (raw - y).square().mean(dim=1)
    slope: object = lambda raw, y: 2 * (raw - y) / y.shape[1]
    answer: object = lambda raw: raw

    def width(self, n_targets):
        return n_targets if self.n is None else self.n

    def __call__(self, raw, y):
        return self.values(raw, y)

    def gradient(self, raw, y):
        return self.slope(raw, y)

    def predict(self, raw):
        return self.answer(raw)


class WithoutEquivariant:
    def width(self, n_targets):
        return n_targets

    def __call__(self, raw, y):
        return (raw - y).square().mean(dim=1)

    def predict(self, raw):
        return raw


class WithoutPredict:
    equivariant = True

    def width(self, n_targets):
        return n_targets

    def __call__(self, raw, y):
        return (raw - y).square().mean(dim=1)


right = Right()
ONE_VALUE = "must return one value for each row: a tensor of "
ONE_OF_5 = ONE_VALUE + r"shape \(5,\); got "
BROKEN = {
    "a class": (Right, "loss is the class Right. Pass an object of it"),
    "no equivariant": (WithoutEquivariant(), "attribute equivariant of loss=.* must be True or False; got None"),
    "a word for equivariant": (replace(right, equivariant="yes"), "equivariant of loss=.* got 'yes'"),
    "unknown domain": (
        replace(right, domain="positive"),
        "domain of loss=.* one of .*'non-negative'.* 'positive'",
    ),
    "no predict": (WithoutPredict(), r"it lacks \['predict'\]"),
    "no width": (replace(right, n=0), "width of loss=.* must return a positive whole number; got 0"),
    "half a width": (replace(right, n=1.5), "positive whole number; got 1.5"),
    "scalar": (
        replace(right, values=lambda raw, y: (raw - y).square().mean()),
        ONE_OF_5 + r"shape \(\)",
    ),
    "column": (
        replace(right, values=lambda raw, y: (raw - y).square()),
        ONE_OF_5 + r"shape \(5, 1\)",
    ),
    "list": (replace(right, values=lambda _, y: [0.0] * len(y)), ONE_OF_5 + "list"),
    "NaN": (replace(right, values=lambda raw, y: (raw - y).sum(1) * np.nan), ONE_VALUE + "finite numbers; got NaN"),
    "answers of rows": (replace(right, answer=lambda raw: raw[:, 0]), r"predict of loss=.* got shape \(5,\)"),
    "gradient of rows": (replace(right, slope=lambda raw, y: (raw - y)[:, 0]), r"gradient of loss=.* got shape \(5,\)"),
    "endless gradient": (replace(right, slope=lambda raw, _: 1 / raw), "gradient of loss=.* finite numbers"),
    "function of numpy": (lambda t, p: np.abs(t.numpy() - p.numpy()).mean(1), "cannot be computed from tensors"),
    "another function": (len, "cannot be computed from tensors .* TypeError"),
    "function of one": (lambda t: t.mean(1), "cannot be computed from tensors .* TypeError"),
    "function without slope": (lambda t, p: (t - p.detach()).abs().mean(1), "do not depend on its outputs"),
    "function that sums": (lambda t, p: (t - p).abs().sum(), ONE_OF_5 + r"shape \(\)"),
    "not a function": (3, "'loss' parameter of GRURegressor must be"),
    "unknown name": ("mse", "'loss' parameter of GRURegressor must be"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("params", [{}, {"linear_skip": False}], ids=str)
def test_what_breaks_the_contract_is_told_before_training(data, name, params):
    loss, words = BROKEN[name]
    model = small(loss, **params)
    with pytest.raises(ValueError, match=words):
        model.fit(*data)
    assert vars(model) == vars(small(loss, **params))


def test_an_object_that_keeps_the_contract_is_trained(data):
    X, y = data
    expected = small("squared_error").fit(X, y).predict(X)
    np.testing.assert_allclose(small(right).fit(X, y).predict(X), expected, rtol=1e-3)


def test_classifiers_take_objects(data):
    X, y = data
    with pytest.raises(ValueError, match="loss is the class Right"):
        GRUClassifier(loss=Right).fit(X, y > 300)
    with pytest.raises(ValueError, match="'loss' parameter of GRUClassifier must be"):
        GRUClassifier(loss=absolute).fit(X, y > 300)


def test_the_examples_of_the_documentation_run(monkeypatch):
    code = re.findall(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE)
    assert len(code) == 3
    shown = {"__name__": "shown"}
    monkeypatch.setitem(sys.modules, "shown", sys)  # where dataclasses look for their names
    for block in code:
        exec(re.sub("^   ", "", block, flags=re.MULTILINE), shown)
        assert shown["enough"] == pytest.approx(0.8, abs=0.05)
    assert shown["model"].uses_recurrence_
    assert np.mean(shown["std"]) == pytest.approx(2**0.5 * 8, rel=0.15)  # noise of 10 has a mean absolute error of 8
