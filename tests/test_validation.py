"""Bad input: a clear sentence in scikit-learn's wording, no torch in the traceback, nothing half-fitted."""

import re
import traceback
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from conftest import REGRESSORS
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skrnn import GRURegressor, RNNRegressor, SlidingWindowTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X3 = RNG.normal(size=(12, 4, 2))
X2 = X3.reshape(12, 8)
Y = RNG.normal(size=12)
FRAME = pd.DataFrame(X2, columns=list("abcdefgh"))


def with_value(X, value):
    X = X.copy()
    X.flat[3] = value
    return X


def masked():
    return np.ma.MaskedArray(X2, mask=np.eye(12, 8, dtype=bool))


BAD_X = {
    "none": (None, ValueError, "X is None; GRURegressor needs an array"),
    "1-D": (Y, ValueError, "Expected 2D array, got 1D array instead.*Reshape your data"),
    "scalar": (3.0, ValueError, "Expected 2D array, got scalar array instead"),
    "4-D": (np.zeros((12, 2, 2, 2)), ValueError, "Found array with dim 4"),
    "no samples": (np.zeros((0, 8)), ValueError, r"0 sample\(s\)"),
    "no steps": (np.zeros((12, 0, 2)), ValueError, "minimum of 1 is required"),
    "no channels": (np.zeros((12, 4, 0)), ValueError, "minimum of 1 is required"),
    "infinity": (with_value(X2, np.inf), ValueError, "Input X contains infinity"),
    "infinity in windows": (with_value(X3, -np.inf), ValueError, "Input X contains infinity"),
    "strings": (np.full((12, 8), "a"), ValueError, "could not convert string to float"),
    "complex": (X2 + 1j, ValueError, "Complex data not supported"),
    "complex windows": (X3 + 1j, ValueError, "Complex data not supported"),
    "datetimes": (np.full((12, 4, 1), np.datetime64("2024-01-01")), (TypeError, ValueError), "datetime64"),
    "sparse": (scipy.sparse.csr_array(X2), TypeError, "Sparse data was passed for X, but dense data is required"),
    "masked": (masked(), ValueError, "X is a masked array with masked entries"),
    "dict": ({"a": [1.0]}, TypeError, "expects X to be an array or a data frame, got dict"),
    "generator": ((row for row in X2), TypeError, "expects X to be an array or a data frame, got generator"),
    "ragged": ([[[1.0], [2.0]], [[3.0]]], ValueError, "X contains sequences of different lengths"),
    "needs grad": (torch.tensor(X2, requires_grad=True), TypeError, r"Pass X.detach\(\).cpu\(\).numpy\(\)"),
    "dates in a column": (FRAME.assign(d=pd.Timestamp("2024")), TypeError, "Column 'd' of X has dtype datetime64"),
    "spans in a column": (FRAME.assign(d=pd.Timedelta("1h")), TypeError, "Column 'd' of X has dtype timedelta64"),
    "periods in a column": (FRAME.assign(d=pd.Period("2024")), TypeError, "Column 'd' of X has dtype period"),
    "mixed names": (FRAME.rename(columns={"a": 1}), TypeError, "Feature names are only supported if"),
    "a series": (FRAME["a"], ValueError, "Expected a 2-dimensional container"),
}


@pytest.mark.parametrize("name", BAD_X)
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_bad_x_is_refused_in_words(name, method):
    X, kind, words = BAD_X[name]
    model = GRURegressor(3, max_iter=1)
    if method == "predict":
        model.fit(X3 if getattr(X, "ndim", 2) == 3 else X2, Y)
    before = dict(vars(model))
    with pytest.raises(kind, match=re.compile(words, re.DOTALL)) as info:
        model.fit(X, Y) if method == "fit" else model.predict(X)
    assert vars(model) == before
    assert "/torch/" not in traceback.extract_tb(info.tb)[-1].filename


BAD_Y = {
    "none": (None, "requires y to be passed, but the target y is None"),
    "other length": (Y[:5], "Found input variables with inconsistent numbers of samples"),
    "nan": (with_value(Y, np.nan), r"Input y contains NaN\. Leave out the rows whose target is missing"),
    "infinity": (with_value(Y, np.inf), "Input y contains infinity"),
    "3-D": (Y.reshape(12, 1, 1), "Found y with dim 3"),
    "strings": (np.full(12, "a"), "could not convert string to float|Unknown label type|dtype='numeric'"),
    "another order": (pd.Series(Y, index=range(11, -1, -1)), r"pass y.loc\[X.index\]"),
}


@pytest.mark.parametrize("name", BAD_Y)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_y_is_refused_in_words(name, method):
    y, words = BAD_Y[name]
    model = GRURegressor(3, max_iter=1)
    with pytest.raises(ValueError, match=words):
        getattr(model, method)(FRAME, y)
    assert vars(model) == vars(clone(model))


BAD_WEIGHT = {
    "other length": (np.ones(5), "sample_weight.shape"),
    "2-D": (np.ones((12, 2)), "Sample weights must be 1D array or scalar"),
    "nan": (with_value(np.ones(12), np.nan), "Input sample_weight contains NaN"),
    "negative": (-np.ones(12), "Negative values in data"),
    "zero": (np.zeros(12), "must contain at least one non-zero number"),
}


@pytest.mark.parametrize("name", BAD_WEIGHT)
def test_bad_weights_are_refused_in_words(name):
    weight, words = BAD_WEIGHT[name]
    with pytest.raises(ValueError, match=words):
        GRURegressor(3, max_iter=1).fit(X2, Y, sample_weight=weight)


BAD_PARAMETERS = [
    ("hidden_size", [0, -1, 2.5, "8", True]),
    ("num_layers", [0, None]),
    ("bidirectional", ["yes", None]),
    ("dropout", [-0.1, 1.0, "a"]),
    ("norm", ["instance", True]),
    ("pooling", ["sum", None]),
    ("segment_size", [0, -1, 1.5, True, None]),
    ("linear_skip", [0, -3, 2.5, "all", None]),
    ("missing", ["zero", None]),
    ("return_sequences", ["yes"]),
    ("loss", ["msee", len, 3]),
    ("quantile", [0.0, 1.0, "half", [0.1, 0.9]]),
    ("delta", [0.0, -1.0, "a"]),
    ("learning_rate", ["invscaling", 0.1]),
    ("solver", ["adamm", None]),
    ("learning_rate_init", [0, -1.0, float("nan"), "fast"]),
    ("momentum", [1.0, -0.1]),
    ("weight_decay", [-1.0]),
    ("clip_norm", [0.0, "a"]),
    ("batch_size", [0, "all", None]),
    ("max_iter", [0, 1.5]),
    ("shuffle", ["yes"]),
    ("tol", [-1e-3]),
    ("n_iter_no_change", [0]),
    ("early_stopping", ["never", 0.1]),
    ("validation_fraction", [0.0, 1.0]),
    ("warm_start", [2.0]),
    ("n_channels", [0, "all"]),
    ("device", ["gpu", "cuda:", "mps", 0]),
    ("dtype", ["float16", np.float32]),
    ("random_state", ["abc"]),
    ("verbose", [-1, "yes"]),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD_PARAMETERS for value in values])
def test_impossible_parameters_are_refused_in_fit(name, value):
    model = GRURegressor(**{name: value})
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GRURegressor must be"):
        model.fit(X2, Y)
    assert vars(model) == vars(clone(model))


def test_every_parameter_is_checked():
    assert {name for name, _ in BAD_PARAMETERS} == set(GRURegressor().get_params())
    with pytest.raises(ValueError, match="The 'nonlinearity' parameter of RNNRegressor"):
        RNNRegressor(nonlinearity="selu").fit(X2, Y)


@pytest.mark.skipif(torch.cuda.is_available(), reason="the error is that of a machine without CUDA")
@pytest.mark.parametrize("device", ["cuda", "cuda:9"])
def test_a_missing_device_is_told_before_any_work(device):
    with pytest.raises(ValueError, match=f"device='{device}' was requested, but torch .* finds no CUDA device"):
        GRURegressor(device=device).fit(X2, Y)
    assert GRURegressor(3, device="auto", max_iter=1).fit(X2, Y).predict(X2).shape == (12,)


@pytest.mark.parametrize(
    ("arguments", "params", "words"),
    [
        ({"X_val": X2}, {"early_stopping": True}, "X_val is provided, but y_val was not provided"),
        ({"y_val": Y}, {"early_stopping": True}, "y_val is provided, but X_val was not provided"),
        ({"X_val": X2, "y_val": Y}, {"early_stopping": False}, "while at the same time early_stopping is False"),
        (
            {"X_val": X2[:, :6], "y_val": Y},
            {"early_stopping": True},
            "X has 6 features, but GRURegressor is expecting 8",
        ),
        ({"X_val": X2, "y_val": Y[:5]}, {"early_stopping": True}, "inconsistent numbers of samples"),
        ({"X_val": X2, "y_val": np.c_[Y, Y]}, {"early_stopping": True}, "y_val has 2 outputs, but y has 1"),
        ({}, {"early_stopping": True, "validation_fraction": 0.99}, "leaves no sample to train on"),
        ({}, {"n_channels": 3}, "X has 8 features, which is not a multiple of n_channels=3"),
        ({}, {"learning_rate_init": 1e300}, "GRURegressor did not converge: the loss is .* after epoch"),
    ],
)
def test_impossible_requests_are_refused_in_words(arguments, params, words):
    model = GRURegressor(3, max_iter=3, clip_norm=None, random_state=0).set_params(**params)
    with pytest.raises(ValueError, match=words):
        model.fit(X2, Y, **arguments)
    assert vars(model) == vars(clone(model))


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_an_error_in_a_second_fit_leaves_the_first(regressor):
    model = regressor(3, max_iter=2, random_state=0).fit(X2, Y)
    expected = model.predict(X2)
    with pytest.raises(ValueError, match="infinity"):
        model.fit(with_value(X2, np.inf)[:, :4], Y)
    np.testing.assert_array_equal(model.predict(X2), expected)


def test_an_interrupt_leaves_the_model_as_it_was(monkeypatch):
    model = GRURegressor(3, max_iter=2, random_state=0).fit(X2, Y)
    expected = model.predict(X2)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("skrnn._training.evaluate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(early_stopping=True).fit(X3, Y)
    np.testing.assert_array_equal(model.predict(X2), expected)


def test_predict_before_fit_and_with_other_columns():
    with pytest.raises(NotFittedError, match="This GRURegressor instance is not fitted yet"):
        GRURegressor().predict(X2)
    model = GRURegressor(3, max_iter=1).fit(FRAME, Y)
    with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
        model.predict(FRAME.rename(columns={"a": "z"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X2)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        GRURegressor(early_stopping=True).partial_fit(X2, Y)


@pytest.mark.parametrize(
    ("X", "kind", "words"),
    [(X, kind, words.replace("GRURegressor", "SlidingWindowTransformer")) for X, kind, words in BAD_X.values()],
    ids=list(BAD_X),
)
def test_the_window_step_refuses_the_same_tables(X, kind, words):
    if (getattr(X, "ndim", 2) == 3 and X.dtype.kind == "f") or isinstance(X, list):
        kind, words = ValueError, "dim 3|setting an array element"
    transformer = SlidingWindowTransformer(2)
    with pytest.raises(kind, match=re.compile(words, re.DOTALL)):
        transformer.fit(X)
    assert vars(transformer) == vars(clone(transformer))


def test_a_parameter_of_another_package_gets_pythons_error():
    with pytest.raises(TypeError, match="hidden_layer_sizes"):
        GRURegressor(hidden_layer_sizes=(10,))


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("X", "y"), [(X2 * 1e200, Y), (X2, Y * 1e200)], ids=["X", "y"])
def test_values_too_large_to_be_squared_are_refused(X, y):
    with pytest.raises(ValueError, match="values too large to compute their standard deviation"):
        GRURegressor(3, max_iter=1).fit(X, y)


def test_windows_stay_windows_and_tables_stay_tables():
    model = GRURegressor(3, max_iter=1)
    with pytest.raises(ValueError, match=r"fitted with windows of shape .*, but got a table"):
        model.fit(X3, Y).predict(X3[:, 0])
    with pytest.raises(ValueError, match=r"fitted with a table of shape .*, but got windows"):
        model.fit(X2, Y).predict(X3)
    with pytest.raises(ValueError, match="transform_input"):
        model.set_params(early_stopping=True).fit(X3, Y, X_val=X3[:, 0], y_val=Y)


def test_a_raw_table_of_a_series_is_told():
    raw = FRAME.set_axis(pd.date_range("2024", periods=12, freq="h"))
    with pytest.warns(UserWarning, match="put a SlidingWindowTransformer in front") as caught:
        GRURegressor(3, max_iter=1).fit(raw, Y)
    assert caught[0].filename == __file__
    column = raw.iloc[:, :1]
    with pytest.warns(UserWarning, match=r"one sequence \(n_steps=1\), though its index holds times"):
        GRURegressor(3, max_iter=1).fit(column, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        for size in (1, 3):
            window = SlidingWindowTransformer(size, flatten=True, incomplete="ignore").set_output(transform="pandas")
            GRURegressor(3, max_iter=1).fit(window.fit_transform(column), Y)
        GRURegressor(3, max_iter=1, n_channels=1).fit(raw, Y)
        GRURegressor(3, max_iter=1).fit(FRAME, Y)


@pytest.mark.parametrize("estimator", [GRURegressor(), SlidingWindowTransformer(2)])
def test_a_column_of_text_is_named(estimator):
    with pytest.raises(ValueError, match=r"could not convert string to float: .*Column 'when' of X"):
        estimator.fit(FRAME.assign(when="2024-01-01"), Y)
