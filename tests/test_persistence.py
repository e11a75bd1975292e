"""Saved models: the same predictions anywhere, plain values inside, and a word on other versions."""

import copy
import io
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from conftest import REGRESSORS
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from skrnn import GRURegressor, SlidingWindowTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.fixture(params=REGRESSORS, ids=lambda regressor: regressor.__name__)
def model(request, series):
    return fitted(request.param, series)


def fitted(regressor, series):
    network = regressor(4, num_layers=2, bidirectional=True, max_iter=3, random_state=0, early_stopping=True)
    return make_pipeline(SlidingWindowTransformer(5, horizon=1), network).fit(series, series["load"])


@pytest.mark.parametrize("way", [through_joblib, lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
def test_a_copy_predicts_the_same(model, series, way):
    np.testing.assert_array_equal(way(model).predict(series), model.predict(series))


def test_another_process_predicts_the_same(series, tmp_path):
    models = [fitted(regressor, series) for regressor in REGRESSORS]
    joblib.dump(models, tmp_path / "models.joblib")
    series.to_pickle(tmp_path / "series.pkl")
    code = (
        "import joblib, numpy as np, pandas as pd;"
        f"models = joblib.load(r'{tmp_path / 'models.joblib'}'); X = pd.read_pickle(r'{tmp_path / 'series.pkl'}');"
        f"np.save(r'{tmp_path / 'answers.npy'}', [model.predict(X) for model in models])"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    expected = [model.predict(series) for model in models]
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), expected, rtol=1e-12)


def test_a_copy_goes_on_like_the_original_and_apart_from_it(series):
    X, y = SlidingWindowTransformer(5, horizon=1).fit_transform(series), series["load"]
    model = GRURegressor(4, batch_size=32, random_state=0).partial_fit(X, y)
    other = through_joblib(model)
    expected = model.predict(X)
    other.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected)
    model.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


def test_no_torch_object_is_stored(model):
    names = set()

    class Finder(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(module.split(".")[0])
            return super().find_class(module, name)

    Finder(io.BytesIO(pickle.dumps(model))).load()
    assert "torch" not in names
    assert {"skrnn", "numpy"} <= names


def test_loading_with_memory_maps_works_without_warnings(model, series, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
        np.testing.assert_array_equal(mapped.predict(series[50:]), model.predict(series[50:]))


@pytest.mark.parametrize("solver", ["adam", "rmsprop", "sgd"])
@pytest.mark.parametrize("options", [{}, {"norm": "batch"}])
def test_training_goes_on_from_memory_maps_as_from_memory(solver, options, series, tmp_path):
    X, y = SlidingWindowTransformer(5, horizon=1).fit_transform(series), series["load"]
    model = GRURegressor(4, max_iter=1, random_state=0, warm_start=True, solver=solver, **options).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
        mapped.partial_fit(X, y).fit(X, y)
    np.testing.assert_array_equal(mapped.predict(X), model.partial_fit(X, y).fit(X, y).predict(X))
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").n_iter_, 1)


def test_predict_reads_what_fit_learnt_not_todays_parameters(model, series):
    expected = model.predict(series)
    model[-1].set_params(
        hidden_size=99, num_layers=1, bidirectional=False, loss="absolute_error", dtype="float32", n_channels=7
    )
    np.testing.assert_array_equal(model.predict(series), expected)


def test_clone_is_not_fitted(model):
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(model[-1]))


@pytest.mark.parametrize("step", [0, 1])
def test_other_versions_are_told_and_equal_ones_are_not(model, step):
    estimator = model[step]
    saved = pickle.dumps(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.loads(saved)
    state = estimator.__getstate__()
    assert set(state["_skrnn_versions"]) == {"skrnn", "scikit-learn", "torch", "numpy"}
    state["_skrnn_versions"] = {**state["_skrnn_versions"], "torch": "1.0"}
    with pytest.warns(InconsistentVersionWarning, match=r"from version torch 1\.0 when using version torch 2"):
        type(estimator).__new__(type(estimator)).__setstate__(state)


def test_a_later_format_is_refused_in_words(model):
    state = {**model[1].__getstate__(), "_skrnn_format": 99, "_skrnn_versions": {"skrnn": "9.0"}}
    with pytest.raises(ValueError, match=r"saved by skrnn 9\.0 \(format 99\).*Upgrade skrnn to load it"):
        type(model[1]).__new__(type(model[1])).__setstate__(state)
