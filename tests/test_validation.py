"""Bad input: a clear sentence in scikit-learn's wording, no torch in the traceback, nothing half-fitted."""

import re
import traceback
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from conftest import REGRESSORS
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import f1_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

import skrnn
from skrnn import (
    GRUClassifier,
    GRURegressor,
    IncompleteWindowWarning,
    LSTMRegressor,
    RNNRegressor,
    SlidingWindowTransformer,
    complete_windows,
    forecast,
    horizon_targets,
    pad_sequences,
)

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


def objects_of(value):
    objects = np.empty((12, 8), dtype=object)
    for row in objects:
        row[:] = [value] * 8
    return objects


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
    "windows that need grad": (torch.tensor(X3, requires_grad=True), TypeError, "X is a tensor that requires grad"),
    "bfloat16": (torch.tensor(X2, dtype=torch.bfloat16), TypeError, r"bfloat16, X.detach\(\).cpu\(\).float\(\)"),
    "on another device": (torch.empty(12, 8, device="meta"), TypeError, "device meta.*which NumPy cannot read"),
    "records": (np.zeros((12, 8), dtype=[("a", float)]), TypeError, "which is no number for GRURegressor"),
    "times as objects": (np.full((12, 8), pd.Timestamp("2024"), object), TypeError, "a real number, not 'Timestamp'"),
    "spans as objects": (objects_of(np.timedelta64(1, "s")), TypeError, "a real number, not 'timedelta64'"),
    "huge integers": (np.full((12, 8), 10**400, object), ValueError, "int too large to convert to float, in X at"),
    "a set": ({1.0, 2.0}, TypeError, "expects X to be an array or a data frame, got set"),
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
    "strings": (np.full(12, "a"), "could not convert string to float: .*'a'.*, in y at 0"),
    "masked": (np.ma.MaskedArray(Y, np.arange(12) == 3), "y is a masked array with masked entries"),
    "complex": (Y + 1j, "Complex data not supported: y has dtype complex128"),
    "missing values": (pd.Series(Y, dtype="Float64").where(Y < 0.5), "Input y contains NaN"),
    "missing objects": (pd.Series(Y).astype(object).where(Y < 0.5, None), "Input y contains NaN"),
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


NO_NUMBERS = {
    "masked": (np.ma.MaskedArray(Y, np.arange(12) == 3), ValueError, "is a masked array with masked entries"),
    "datetimes": (np.arange(12).astype("M8[D]"), TypeError, r"has dtype datetime64\[D\]"),
    "dates with a zone": (pd.date_range("2024", periods=12, tz="UTC"), (TypeError, ValueError), "datetime64|Timestamp"),
    "stamps": (np.array(pd.date_range("2024", periods=12), dtype=object), TypeError, "a real number, not 'Timestamp'"),
    "spans": (np.arange(12).astype("m8[s]"), TypeError, r"has dtype timedelta64\[s\]"),
    "spans as objects": (
        np.array(list(np.arange(12).astype("m8[s]")), object),
        TypeError,
        "a real number, not 'timedelta64'",
    ),
    "complex": (Y + 1j, ValueError, "Complex data not supported"),
    "complex objects": ((Y + 1j).astype(object), TypeError, "a real number, not 'complex'"),
    "text": (np.full(12, "high"), ValueError, "could not convert string to float"),
    "records": (np.zeros(12, dtype=[("a", float)]), TypeError, "has dtype"),
    "a set": (set(Y), TypeError, "got set"),
    "needs grad": (torch.tensor(Y, requires_grad=True), TypeError, "is a tensor that requires grad"),
    "bfloat16": (torch.tensor(Y, dtype=torch.bfloat16), TypeError, "dtype torch.bfloat16"),
}


def stepwise(y):
    """The same values as targets at each step; None where they have no shape."""
    if hasattr(y, "expand"):
        return y[:, None].expand(12, 4)
    if y is None or isinstance(y, set):
        return y
    y = y if isinstance(y, np.ma.MaskedArray) else np.asarray(y)
    return y[:, None].repeat(4, axis=1)


with warnings.catch_warnings(action="ignore"):
    FITTED = GRURegressor(3, max_iter=1, linear_skip=False).fit(X3, Y)
    FITTED_CLASSIFIER = GRUClassifier(3, max_iter=1).fit(X3, Y > 0)
READERS = {
    "y": lambda values: GRURegressor(3, max_iter=1).fit(X3, values),
    "y at each step": lambda values: GRURegressor(3, max_iter=1, return_sequences=True).fit(X3, stepwise(values)),
    "y of a score": lambda values: FITTED.score(X3, values),
    "weights of a score": lambda values: FITTED.score(X3, Y, values),
    "weights of an accuracy": lambda values: FITTED_CLASSIFIER.score(X3, Y > 0, values),
    "sample_weight": lambda values: GRURegressor(3, max_iter=1).fit(X3, Y, values),
    "y_val": lambda values: GRURegressor(3, max_iter=1, early_stopping=True).fit(X3, Y, X_val=X3, y_val=values),
    "sample_weight_val": lambda values: GRURegressor(3, max_iter=1, early_stopping=True).fit(
        X3, Y, X_val=X3, y_val=Y, sample_weight_val=values
    ),
    "a state": lambda values: FITTED.predict_step(X3[:, 0], (values,)),
    "horizon_targets": lambda values: horizon_targets(values, 2),
    "complete_windows": complete_windows,
    "a sequence": lambda values: pad_sequences([values, values]),
}


LABELS = {"stamps", "spans as objects", "complex objects", "text"}  # which pad_sequences takes, too


@pytest.mark.parametrize(
    ("reader", "kind"),
    [(reader, kind) for reader in READERS for kind in NO_NUMBERS if reader != "a sequence" or kind not in LABELS],
)
def test_whoever_reads_numbers_refuses_what_is_none(reader, kind):
    values, error, words = NO_NUMBERS[kind]
    with pytest.raises(error, match=words):
        READERS[reader](values)


@pytest.mark.parametrize("reader", [name for name in READERS if "weight" not in name and name != "y_val"])
def test_none_is_no_array(reader):
    with pytest.raises((TypeError, ValueError), match="None"):
        READERS[reader](None)


def as_frame(X):
    return pd.DataFrame(X, columns=list("abcdefgh"))


SAME_NUMBERS = {
    "objects": lambda X: as_frame(X).astype(object),
    "Decimal": lambda X: as_frame(X).map(Decimal),
    "Fraction": lambda X: as_frame(X).map(Fraction),
    "text": lambda X: as_frame(X).map(repr),
    "missing as pandas.NA": lambda X: as_frame(X).astype(object).where(~np.isnan(X), pd.NA),
    "missing as None": lambda X: as_frame(X).astype(object).where(~np.isnan(X), None),
    "an array with pandas.NA": lambda X: as_frame(X).astype(object).where(~np.isnan(X), pd.NA).to_numpy(),
    "lists with pandas.NA": lambda X: as_frame(X).astype(object).where(~np.isnan(X), pd.NA).to_numpy().tolist(),
    "nullable": lambda X: as_frame(X).astype("Float64"),
    "masked, none of them": lambda X: np.ma.MaskedArray(X, np.zeros(X.shape, bool)),
    "a tensor": torch.tensor,
}


@pytest.mark.parametrize("kind", SAME_NUMBERS)
@pytest.mark.parametrize("windows", [False, True])
def test_the_same_numbers_in_other_types_give_the_same_answers(kind, windows):
    X = with_value(X2, np.nan) if kind not in {"Decimal", "Fraction"} else X2
    model, other = (GRURegressor(3, max_iter=2, n_channels=2, random_state=0) for _ in range(2))
    given = SAME_NUMBERS[kind](X)
    if windows:
        X = X.reshape(12, 4, 2)
        given = np.asarray(given, dtype=None if kind == "a tensor" else object).reshape(12, 4, 2)
    expected = model.fit(X, Y).predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        np.testing.assert_array_equal(other.fit(given, Y).predict(given), expected)
        if not windows:
            np.testing.assert_array_equal(
                SlidingWindowTransformer(2, incomplete="ignore").fit_transform(given),
                SlidingWindowTransformer(2, incomplete="ignore").fit_transform(X),
            )


@pytest.mark.parametrize(
    "convert", [lambda y: [Decimal(v) for v in y], lambda y: y.astype(str), lambda y: pd.Series(y, dtype="Float64")]
)
def test_targets_and_weights_in_other_types_give_the_same_answers(convert):
    weight = np.abs(Y) + 0.1
    expected = GRURegressor(3, max_iter=2, random_state=0).fit(X3, Y, weight).predict(X3)
    found = GRURegressor(3, max_iter=2, random_state=0).fit(X3, convert(Y), convert(weight))
    np.testing.assert_array_equal(found.predict(X3), expected)
    assert found.score(X3, convert(Y)) == pytest.approx(r2_score(Y, expected))
    np.testing.assert_array_equal(horizon_targets(convert(Y), 2), horizon_targets(pd.Series(Y), 2))


@pytest.mark.parametrize("labels", [["a", None] * 6, ["a", 1] * 6, [pd.NA, "a"] * 6])
def test_labels_that_have_no_order_are_refused(labels):
    labels = np.array(labels, dtype=object)
    with pytest.raises(ValueError, match=r"uniformly strings or numbers|contains NaN"):
        GRUClassifier(3, max_iter=1).fit(X3, labels)
    with pytest.raises(ValueError, match=r"uniformly strings or numbers|contains NaN"):
        GRUClassifier(3, max_iter=1, return_sequences=True).fit(X3, np.stack([labels] * 4, axis=1))


@pytest.mark.parametrize("column", ["text", pd.Timestamp("2024"), 1j])
def test_a_column_of_objects_that_are_no_numbers_is_named(column):
    frame = FRAME.astype({"c": object})
    frame.loc[4, "c"] = column
    with pytest.raises((TypeError, ValueError), match=r"in X at 4\. Column 'c' of X has dtype object"):
        GRURegressor(3, max_iter=1).fit(frame, Y)


NO_LABELS = {
    "masked": (np.ma.MaskedArray(Y > 0, np.arange(12) == 3), ValueError, "is a masked array"),
    "datetimes": (np.arange(12).astype("M8[D]"), TypeError, "has dtype datetime64"),
    "complex": (Y + 1j, ValueError, "Complex data not supported"),
    "missing": ([None, "a"] * 6, ValueError, "must be uniformly strings or numbers, none of them missing"),
    "nothing": ([None] * 12, ValueError, "must be uniformly strings or numbers"),
    "pandas.NA": ([pd.NA] * 12, ValueError, "must be uniformly strings or numbers"),
    "nan": ([np.nan, 1.0] * 6, ValueError, "contains NaN"),
    "ragged": ([[1], [1, 2]], ValueError, "inhomogeneous shape"),
    "needs grad": (torch.tensor(Y, requires_grad=True), TypeError, "is a tensor that requires grad"),
    "bfloat16": (torch.tensor(Y, dtype=torch.bfloat16), TypeError, "dtype torch.bfloat16"),
}


@pytest.mark.parametrize("kind", NO_LABELS)
def test_whoever_reads_labels_refuses_what_is_none(kind):
    labels, error, words = NO_LABELS[kind]
    readers = [
        lambda: GRUClassifier(3, max_iter=1).fit(X3, labels),
        lambda: FITTED_CLASSIFIER.score(X3, labels),
        lambda: GRUClassifier(3, max_iter=1).partial_fit(X3, Y > 0, classes=labels),
    ]
    for reader in readers:
        with pytest.raises(error, match=words):
            reader()


@pytest.mark.parametrize("kind", ["needs grad", "bfloat16", "complex", "masked", "none"])
def test_rows_to_continue_that_are_no_numbers_are_refused(kind):
    X, error, words = BAD_X[kind]
    frame = pd.DataFrame({"v": Y})
    model = make_pipeline(SlidingWindowTransformer(2, horizon=1), GRURegressor(3, max_iter=1)).fit(frame, Y)
    with pytest.raises(error, match=words.replace("GRURegressor", "forecast")):
        forecast(model, X, 2)


def test_errors_of_the_validation_set_say_so():
    model = GRURegressor(3, max_iter=1, early_stopping=True)
    with pytest.raises(ValueError, match="In the validation set: Input X contains infinity"):
        model.fit(X2, Y, X_val=with_value(X2, np.inf), y_val=Y)
    with pytest.raises(TypeError, match="In the validation set: y has dtype datetime64"):
        model.fit(X2, Y, X_val=X2, y_val=np.arange(12).astype("M8[D]"))


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
    ("segment_size", [0, -1, 1.5, True, None, "half"]),
    ("linear_skip", [0, -3, 2.5, "all", None]),
    ("anchor", ["first", True, 0]),
    ("scaling", ["max", True, 1.0]),
    ("missing", ["zero", None]),
    ("return_sequences", ["yes"]),
    ("loss", ["msee", 3]),
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
    ("refit", ["yes", 1.5]),
    ("warm_start", [2.0]),
    ("n_channels", [0, "all"]),
    ("device", ["gpu", "cuda:", "mps", 0]),
    ("dtype", ["float16", np.float32]),
    ("random_state", ["abc"]),
    ("verbose", [-1, "yes"]),
    ("callbacks", ["progress", 1, [None], {"f": print}]),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD_PARAMETERS for value in values])
def test_impossible_parameters_are_refused_in_fit(name, value):
    model = GRURegressor(**{name: value})
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GRURegressor must be"):
        model.fit(X2, Y)
    assert vars(model) == vars(clone(model))


PLAIN = {
    "hidden_size": 3,
    "num_layers": 2,
    "bidirectional": True,
    "dropout": 0.25,
    "norm": "layer",
    "pooling": "mean",
    "segment_size": 2,
    "linear_skip": 2,
    "anchor": "auto",
    "scaling": "mean",
    "missing": "indicator",
    "return_sequences": False,
    "nonlinearity": "relu",
    "loss": "quantile",
    "quantile": 0.25,
    "delta": 0.5,
    "solver": "adamw",
    "learning_rate": "cosine",
    "learning_rate_init": 0.125,
    "momentum": 0.5,
    "weight_decay": 0.125,
    "clip_norm": 0.5,
    "batch_size": 4,
    "max_iter": 2,
    "shuffle": False,
    "tol": 0.125,
    "n_iter_no_change": 2,
    "early_stopping": True,
    "validation_fraction": 0.25,
    "refit": False,
    "warm_start": True,
    "n_channels": 2,
    "device": "cpu",
    "dtype": "float32",
    "random_state": 3,
    "verbose": 0,
}
AS_NUMPY = {int: np.int64, float: np.float32, bool: np.bool_, str: np.str_}


def numpy_scalars(value):
    """Scalars of NumPy anywhere in what the package keeps."""
    if isinstance(value, np.generic):
        return [value]
    if hasattr(value, "__dict__") and type(value).__module__.startswith("skrnn"):
        value = vars(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [scalar for part in parts for scalar in numpy_scalars(part)]


@pytest.mark.parametrize("name", PLAIN)
def test_scalars_of_numpy_are_parameters_like_any(name):
    others = {"max_iter": 1, "random_state": 0, "n_channels": 2} | ({"loss": "huber"} if name == "delta" else {})
    value = PLAIN[name]
    given = AS_NUMPY[type(value)](value)
    model = RNNRegressor(**{**others, name: given}).fit(X2, Y)
    expected = RNNRegressor(**{**others, name: value}).fit(X2, Y)
    np.testing.assert_array_equal(model.predict(X2), expected.predict(X2))
    assert model.get_params()[name] is given
    assert clone(model).get_params()[name] == value
    learnt = {attribute: kept for attribute, kept in vars(model).items() if attribute not in model.get_params()}
    assert not numpy_scalars(learnt)


def test_every_scalar_parameter_is_tried():
    assert set(PLAIN) == set(RNNRegressor().get_params()) - {"callbacks"}


@pytest.mark.parametrize("quantile", [(np.float64(0.25), np.float64(0.5)), np.float64(0.25)])
def test_quantiles_of_numpy_are_plain_in_the_model(quantile):
    model = GRURegressor(3, max_iter=1, loss="quantile", quantile=quantile).fit(X2, Y)
    assert not numpy_scalars(model._model)


def test_scalars_of_numpy_are_plain_in_the_window_step():
    frame = FRAME.assign(t=np.arange(12.0), g="s")
    params = {"window_size": np.int64(3), "horizon": np.int32(1), "freq": np.float64(1), "history": np.str_("tail")}
    columns = {"time_column": np.str_("t"), "group_column": np.str_("g"), "future_columns": np.array(["a"])}
    model = SlidingWindowTransformer(**params, **columns, flatten=np.bool_(True)).fit(frame)
    plain = SlidingWindowTransformer(
        3, horizon=1, freq=1.0, history="tail", time_column="t", group_column="g", future_columns=("a",), flatten=True
    ).fit(frame)
    assert model.get_feature_names_out().tolist() == plain.get_feature_names_out().tolist()
    with warnings.catch_warnings(action="ignore"):
        np.testing.assert_array_equal(model.transform(frame), plain.transform(frame))
    assert not numpy_scalars({name: value for name, value in vars(model).items() if name not in model.get_params()})


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

    monkeypatch.setattr("skrnn._training.loop.evaluate", interrupt)
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
    if (isinstance(X, np.ndarray) and X.ndim == 3 and X.dtype.kind == "f") or isinstance(X, list):
        kind, words = ValueError, "dim 3|setting an array element"
    transformer = SlidingWindowTransformer(2)
    with pytest.raises(kind, match=re.compile(words, re.DOTALL)):
        transformer.fit(X)
    assert vars(transformer) == vars(clone(transformer))


def test_a_parameter_of_another_package_gets_pythons_error():
    for name in skrnn.__all__:
        if name.endswith(("Regressor", "Classifier")):
            with pytest.raises(TypeError, match=rf"^{name}\.__init__\(\) .*'hidden_layer_sizes'"):
                getattr(skrnn, name)(hidden_layer_sizes=(10,))
            with pytest.raises(TypeError, match=rf"^{name}\.__init__\(\) takes .* positional argument"):
                getattr(skrnn, name)(10, 2)


BEYOND = with_value(X3, 1e39)  # in channel 1


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("X", "y", "params", "words"),
    [
        (X2 * 1e200, Y, {}, "Channel 0 of X contains values too large to compute their standard deviation"),
        (X3 * [1, 1e300], Y, {}, "Channel 1 of X contains values too large"),
        (X3 * [1, 1e300], Y, {"missing": "indicator"}, "Channel 1 of X contains values too large"),
        (X2, np.c_[Y, Y * 1e200], {}, "Output 1 of y contains values too large to compute their standard deviation"),
        (X2, np.full(12, 1e308), {"loss": "poisson"}, "y contains values too large to compute their mean"),
        (
            X2,
            Y,
            {"learning_rate_init": 1e39, "max_iter": 1, "dtype": "float32"},
            "weights are not finite after the last",
        ),
    ],
)
def test_a_fit_that_would_end_in_infinity_says_which_input_did_it(X, y, params, words):
    model = GRURegressor(3, max_iter=2, random_state=0).set_params(**params)
    with pytest.raises(ValueError, match=words):
        model.fit(X, y).predict(X)


OPTIONS = [
    {},
    {"linear_skip": False},
    {"missing": "indicator"},
    {"segment_size": 2},
    {"pooling": "attention"},
    {"norm": "layer"},
    {"return_sequences": True},
]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_values_beyond_the_networks_precision_are_named(params):
    y = X3[:, :, 0] if "return_sequences" in params else Y
    model = GRURegressor(3, dtype="float32", max_iter=1, random_state=0, **params).fit(X3, y)
    with pytest.raises(ValueError, match=r"channel 1 of X holds 1e\+39, too far from the mean .* for float32"):
        model.predict(BEYOND)
    assert np.isfinite(model.predict(X3)).all()
    assert np.isfinite(model.set_params(dtype="float64").fit(X3, y).predict(BEYOND)).all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_every_reading_names_values_beyond_the_networks_precision():
    def fitted(kind, **params):
        return kind(3, dtype="float32", max_iter=1, linear_skip=False, **params).fit(
            X3, Y > 0 if "Cl" in kind.__name__ else Y
        )

    labels, spread = fitted(GRUClassifier), fitted(GRURegressor, loss="gaussian")
    readings = [
        labels.predict,
        labels.predict_proba,
        labels.decision_function,
        lambda X: labels.predict_step(X[:, 1]),
        lambda X: labels.score(X, Y > 0),
        lambda X: spread.predict(X, return_std=True),
        fitted(GRURegressor, loss="quantile", quantile=(0.1, 0.9)).predict_quantiles,
        fitted(GRURegressor, pooling="attention").attention_weights,
    ]
    for reading in readings:
        with pytest.raises(ValueError, match=r"channel 1 of X holds 1e\+39"):
            reading(BEYOND)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_answers_that_are_not_finite_are_not_returned():
    X32 = X3.astype(np.float32)
    model = GRURegressor(3, max_iter=1, random_state=0).fit(X32, Y * 1e39)
    with pytest.raises(ValueError, match=r"reach .*e\+3., beyond float32, the precision of X. Pass X in float64"):
        model.predict(X32)
    assert np.isfinite(model.predict(X3)).all()
    growing = RNNRegressor(8, nonlinearity="relu", linear_skip=False, dtype="float32", max_iter=3, random_state=0)
    growing.set_params(learning_rate_init=1.0)
    state = (np.full((1, 12, 8), 3e38),)
    with pytest.raises(ValueError, match=r"not finite for some samples of X.* in channel 1, .* standard deviations"):
        growing.fit(X3, Y).predict_step(X3[:, 0] * [1, 1e38], state)
    with pytest.raises(ValueError, match=r"y \(or y_val\) reaches .*e\+200, too far from its mean in fit for float32"):
        GRURegressor(3, dtype="float32", early_stopping=True).fit(X3, Y, X_val=X3, y_val=Y * 1e200)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("size", [2.0**1000, 2.0**1023, 2.0**-1000, 2.0**-1074])
@pytest.mark.parametrize(("estimator", "y"), [(GRURegressor, Y), (GRUClassifier, Y > 0)])
def test_weights_count_by_their_proportions_however_large(estimator, y, size):
    def answers(weight):
        model = estimator(3, max_iter=2, random_state=0).fit(X3, y, weight)
        return model.decision_function(X3) if estimator is GRUClassifier else model.predict(X3)

    np.testing.assert_array_equal(answers(np.full(12, size)), answers(None))


@pytest.mark.parametrize("value", [np.nan, np.inf, "text"])
def test_states_that_are_no_finite_numbers_are_refused(value):
    _, (state,) = FITTED.predict_step(X3[:, 0])
    state = state.astype(object)
    state[0, 3, 1] = value
    with pytest.raises(ValueError, match=r"state contains|could not convert string"):
        FITTED.predict_step(X3[:, 0], (state,))


@pytest.mark.parametrize("estimator", [GRURegressor, LSTMRegressor])
def test_states_of_another_cell_are_refused(estimator):
    model = estimator(3, max_iter=1, linear_skip=False).fit(X3, Y)
    _, (state,) = model.predict_step(X3[:, 0])
    for other in (state[:0], np.concatenate([state, state])):
        with pytest.raises(ValueError, match=rf"state must hold arrays of shape \({len(state)}, 12, 3\)"):
            model.predict_step(X3[:, 0], (other,))


@pytest.mark.parametrize("size", [2.0**-100, 2.0**500])
@pytest.mark.parametrize("linear_skip", [True, False])
def test_units_do_not_matter_beside_a_channel_that_is_always_missing(size, linear_skip):
    X = X3.copy()
    X[:, :, 1] = np.nan

    def answers(X):
        model = GRURegressor(3, max_iter=2, random_state=0, linear_skip=linear_skip)
        return model.fit(X, Y).predict(X)

    with warnings.catch_warnings(action="ignore"):
        np.testing.assert_array_equal(answers(X * size), answers(X))


@pytest.mark.parametrize("size", [2.0**-700, 2.0**-500, 2.0**450])
def test_units_do_not_matter_however_small_or_large(size):
    series = np.cumsum(np.random.default_rng(0).normal(size=40))
    windows = np.lib.stride_tricks.sliding_window_view(series, 3)[:-1, :, None]

    def answers(size):
        model = GRURegressor(3, max_iter=2, random_state=0).fit(windows * size, series[3:] * size)
        assert model.anchor_ == [0]
        return model.predict(windows * size)

    np.testing.assert_array_equal(answers(size), answers(1.0) * size)


def test_sequences_without_an_observed_step_are_told_and_answered_alike():
    X = X3.copy()
    X[3], X[7, :, 1] = np.nan, np.nan
    for model in (GRUClassifier(3, max_iter=1).fit(X3, Y > 0), GRURegressor(3, max_iter=1).fit(X3, Y)):
        with pytest.warns(IncompleteWindowWarning, match="2 of 12 sequences of X hold no observed step") as caught:
            answers = model.predict(X)
        assert caught[0].filename == __file__
        with pytest.warns(IncompleteWindowWarning, match=rf"1 of 1 .*: {type(model).__name__} answers them from"):
            assert model.predict(X[3:4]) == answers[3]
        with warnings.catch_warnings(action="error"):
            model.predict(X3)
    with pytest.warns(UserWarning, match="2 of 12 sequences of X hold no observed step. All that is learnt"):
        GRURegressor(3, max_iter=1).fit(X, Y)
    with warnings.catch_warnings(action="error"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        GRURegressor(3, max_iter=1).fit(X, Y, np.delete(np.ones(14), [3, 7]) * ~np.isnan(X).any(2).all(1))
        GRURegressor(3, max_iter=1, missing="indicator").fit(X, Y, ~np.isnan(X).all((1, 2)))


@pytest.mark.parametrize(
    ("level", "dtype", "words"),
    [
        (1e9, np.float32, "near 1e.09, numbers of float32 lie 64 apart.*Pass float64, or subtract an offset"),
        (1e17, np.float64, "near 1e.17, numbers of float64 lie 16 apart.*Subtract an offset"),
        (10**17, np.int64, "near 1e.17, numbers of float64 lie 16 apart.*Subtract an offset"),
    ],
)
def test_a_series_below_its_precision_is_told(level, dtype, words):
    series = (
        level + np.cumsum(np.random.default_rng(0).normal(1, 1, 60) * (1 if dtype is np.float32 else 0.3))
    ).astype(dtype)
    if dtype is np.int64:
        series = level + np.arange(60)
    windows = np.lib.stride_tricks.sliding_window_view(series, 3)[:-1, :, None]
    model = GRURegressor(3, max_iter=1, early_stopping=False)
    with pytest.warns(UserWarning, match=f"Channel 0 of X changes by no more than rounding: {words}"):
        model.fit(windows, Y[:1].repeat(57))
    with pytest.warns(UserWarning, match=f"Output 0 of y changes by no more than rounding: {words}"):
        model.fit(X3[:1].repeat(57, axis=0), series[3:])
    with warnings.catch_warnings(action="error"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((windows - windows[0, 0, 0]).astype(np.float64), np.arange(57.0))
        model.fit(np.full((57, 3, 1), level, dtype), np.arange(57))
        model.fit(np.arange(57 * 3, dtype=np.float32).reshape(57, 3, 1) % 7, np.arange(57))


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


def steps_with_gaps():
    X = X3.copy()
    X[::3, :2] = np.nan
    return X, ~np.isnan(X).any(axis=2), np.nancumsum(X[:, :, 0], axis=1)


@pytest.mark.parametrize("kind", [bool, np.int8, int, np.float32])
def test_a_score_over_steps_compares_numbers_whatever_type_y_has(kind):
    X, observed, sums = steps_with_gaps()
    y = sums.round().astype(kind)
    model = GRURegressor(4, return_sequences=True, max_iter=3, random_state=0).fit(X, y)
    expected = r2_score(y[observed].astype(float), model.predict(X)[observed])
    assert model.score(X, y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", [False, True])
def test_step_labels_with_nan_are_scored_and_split_as_the_guide_says(text):
    def f1_of_steps(model, X, y):
        observed = ~np.isnan(X).any(axis=2)
        return f1_score(y[observed], model.predict(X)[observed], average="macro")

    X, observed, sums = steps_with_gaps()
    sequences = [x[seen] for x, seen in zip(X, observed, strict=True)]
    labels = [
        np.where(s[seen] > 0, *(("up", "down") if text else (1, 0))) for s, seen in zip(sums, observed, strict=True)
    ]
    X, y = pad_sequences(sequences), pad_sequences(labels)
    model = GRUClassifier(3, return_sequences=True, max_iter=2, random_state=0)
    scores = cross_val_score(model, X, y, cv=KFold(3), scoring=f1_of_steps, error_score="raise")
    for score, (train, test) in zip(scores, KFold(3).split(X), strict=True):
        fitted = clone(model).fit(X[train], y[train])
        assert score == f1_of_steps(fitted, X[test], y[test])
        seen = ~np.isnan(X[test]).any(axis=2)
        assert fitted.score(X[test], y[test]) == np.mean(fitted.predict(X[test])[seen] == y[test][seen])
    search = GridSearchCV(model, {"max_iter": [1, 2]}, cv=KFold(2), scoring=f1_of_steps, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("estimator", [GRURegressor(), SlidingWindowTransformer(2)])
def test_a_column_of_text_is_named(estimator):
    with pytest.raises(ValueError, match=r"could not convert string to float: .*Column 'when' of X"):
        estimator.fit(FRAME.assign(when="2024-01-01"), Y)
