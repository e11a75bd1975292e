"""A calibrated model is fitted on all rows, and its bands hold their share of fresh values."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import GRURegressor, SlidingWindowTransformer, backtest, calibrate, forecast

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning"),
    pytest.mark.filterwarnings("ignore:GRURegressor answers without:UserWarning"),
]

PHI, STEPS = 0.7, 3
NOISES = {
    "gaussian": lambda rng, size: rng.normal(size=size),
    "exponential": lambda rng, size: rng.exponential(size=size),
    "Student t3": lambda rng, size: rng.standard_t(3, size=size),
    "lognormal": lambda rng, size: rng.lognormal(size=size),
}


def pipe(window=3, horizon=1, *, last=None, **params):
    fill = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    return make_pipeline(windows, fill, last or Ridge())


def table(n=100, seed=0):
    rng = np.random.default_rng(seed)
    load = 3 + np.sin(np.arange(n) / 3) + 0.3 * rng.normal(size=n)
    return pd.DataFrame({"load": load}, index=pd.date_range("2024-01-01", periods=n, freq="h", name="time"))


def coverage(model, noise, *, n_models, n_rows, n_fresh, test_size):
    """Shares of fresh values (level, step) within bands of models that are fitted on all rows."""
    held = np.zeros((2, STEPS))
    for seed in range(n_models):
        rng = np.random.default_rng(seed)
        x = lfilter([1.0], [1.0, -PHI], NOISES[noise](rng, 50 + n_rows))[50:]
        X = pd.DataFrame({"x": x})
        calibrated = calibrate(model, X, x, steps=STEPS, test_size=test_size)
        fresh = lfilter([1.0], [1.0, -PHI], NOISES[noise](rng, (n_fresh, 40)))[:, 30:]
        keys = pd.MultiIndex.from_product([range(n_fresh), range(10 - STEPS)])
        known = pd.DataFrame({"x": fresh[:, :-STEPS].ravel()}, index=keys)
        point = forecast(calibrated, known, STEPS)["x"].to_numpy().reshape(n_fresh, STEPS)
        for i, level in enumerate((0.8, 0.9)):
            found = forecast(calibrated, X, STEPS, confidence_level=level)  # whose bands are as wide
            lower, upper = (point + (found[f"x_{end}"] - found["x"]).to_numpy() for end in ("lower", "upper"))
            held[i] += ((lower <= fresh[:, -STEPS:]) & (fresh[:, -STEPS:] <= upper)).mean(axis=0) / n_models
    return held


@pytest.mark.parametrize(
    "noise", [pytest.param(noise, marks=[pytest.mark.slow] * (noise != "lognormal")) for noise in NOISES]
)
def test_bands_of_a_linear_model_on_all_rows_hold_their_share(noise):
    held = coverage(pipe(last=LinearRegression()), noise, n_models=20, n_rows=1600, n_fresh=100, test_size=0.5)
    np.testing.assert_allclose(held, [[0.8] * STEPS, [0.9] * STEPS], atol=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_bands_of_a_network_on_all_rows_hold_their_share(noise):
    network = GRURegressor(4, max_iter=20, random_state=0)
    model = make_pipeline(SlidingWindowTransformer(6, horizon=1), network)
    held = coverage(model, noise, n_models=12, n_rows=1600, n_fresh=170, test_size=0.5)
    np.testing.assert_allclose(held, [[0.8] * STEPS, [0.9] * STEPS], atol=0.03)


@pytest.mark.parametrize("refit", [False, 5, True])
def test_half_widths_are_errors_of_the_backtest_around_the_model_of_all_rows(refit):
    X = pd.concat({"b": table(), "a": table(90, seed=1) + 7}, names=["site", "time"])
    params = {"steps": 3, "stride": 2, "test_size": 30, "refit": refit}
    calibrated = calibrate(pipe(), X, X["load"], **params)
    _, forecasts = backtest(pipe(), X, X["load"], return_forecasts=True, **params)
    fitted = pipe().fit(X, X["load"])
    found = forecast(calibrated, X, 3, confidence_level=0.8)
    np.testing.assert_allclose(found["load"], forecast(fitted, X, 3)["load"])
    np.testing.assert_allclose(calibrated.predict(X), fitted.predict(X))
    for step, rows in forecasts.groupby(level="step"):
        errors = np.sort((rows["y_true"] - rows["model"]).abs())
        width = errors[int(np.ceil(round(0.8 * (len(errors) + 1), 9))) - 1]
        for name in "ab":
            row = found.loc[name].iloc[step - 1]
            np.testing.assert_allclose(row[["load_lower", "load_upper"]], row["load"] + np.array([-width, width]))


def test_one_calibration_serves_forecasts_of_any_level_length_and_later_rows():
    X = table(140)
    calibrated = calibrate(pipe(), X[:100], X["load"][:100], steps=4)
    first = forecast(calibrated, X[:100], 4, confidence_level=0.8)
    width = (first["load_upper"] - first["load"]).to_numpy()
    later = forecast(calibrated, X, 2, confidence_level=0.8)
    np.testing.assert_allclose(later["load_upper"] - later["load"], width[:2])
    assert later.index[0] == X.index[-1] + X.index.freq
    wider = forecast(calibrated, X[:100], 4, confidence_level=0.9)
    assert (wider["load_upper"] - wider["load"] >= width).all()


def test_paths_are_made_of_errors_of_the_backtest():
    X = table(400)
    calibrated = calibrate(pipe(last=LinearRegression()), X, X["load"], steps=2, test_size=200)
    paths = forecast(calibrated, X, 6, n_paths=500, random_state=0)["load"]
    point = forecast(calibrated, X, 1)["load"].iloc[0]
    drawn = np.unique(np.round(paths.iloc[0] - point, 9))
    assert set(drawn) <= set(np.round(calibrated.residuals[:, 0, 0], 9))
    assert len(drawn) > 100


@pytest.mark.parametrize("transformer", ["log", "scaler"])
def test_errors_are_those_in_the_unit_of_the_model_of_all_rows(transformer):
    X = np.exp(table())
    params = {"func": np.log, "inverse_func": np.exp} if transformer == "log" else {"transformer": StandardScaler()}
    calibrated = calibrate(TransformedTargetRegressor(pipe(), **params), X, X["load"], steps=2)
    found = forecast(calibrated, X, 2, confidence_level=0.8)
    up, down = found["load_upper"], found["load_lower"]
    if transformer == "log":
        np.testing.assert_allclose(up * down, found["load"] ** 2)
    else:
        plain = forecast(calibrate(pipe(), X, X["load"], steps=2), X, 2, confidence_level=0.8)
        np.testing.assert_allclose(up - down, plain["load_upper"] - plain["load_lower"], rtol=0.05)


def test_a_calibrated_model_is_saved_and_nothing_else_changes():
    X = table()
    network = GRURegressor(2, max_iter=2, random_state=0)
    model = make_pipeline(SlidingWindowTransformer(3, horizon=2), network)
    before = pickle.dumps((model, X))
    calibrated = calibrate(model, X, X["load"], steps=3)
    assert pickle.dumps((model, X)) == before
    file = io.BytesIO()
    joblib.dump(calibrated, file)
    file.seek(0)
    loaded = joblib.load(file)
    for params in ({"confidence_level": 0.8}, {"n_paths": 5, "random_state": 0}):
        expected = forecast(calibrated, X, 3, **params)
        pd.testing.assert_frame_equal(forecast(loaded, X, 3, **params), expected)


def test_rows_in_any_order_give_the_same():
    X = table()
    shuffled = X.sample(frac=1, random_state=0)
    models = [calibrate(pipe(), rows, rows["load"], steps=2) for rows in (X, shuffled)]
    expected, found = (forecast(model, X, 2, confidence_level=0.8) for model in models)
    pd.testing.assert_frame_equal(found, expected)


X = table()
CALIBRATED = calibrate(pipe(horizon=2), X, X["load"], steps=1, test_size=6)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"steps": 2, "confidence_level": 0.5}, r"calibrated for 1 steps, so that bands of steps=2 are not known"),
        ({"steps": 1, "confidence_level": 0.9}, "needs more errors than the 6 that calibrate found at step 1"),
        ({"steps": 2, "n_paths": 3}, "predicts 2 steps at once, but it was calibrated for 1"),
        ({"steps": 1, "n_paths": 3}, "at least 10; there are 6"),
    ],
)
def test_what_the_calibration_does_not_tell_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        forecast(CALIBRATED, X, **params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": Ridge()}, "calibrate needs a pipeline with a SlidingWindowTransformer, got Ridge"),
        ({"steps": 0}, "'steps' parameter of calibrate"),
        ({"test_size": 100}, "X holds 100 times, of which test_size=100 keeps 100 for forecasts"),
        ({"y": None}, "y is None; calibrate needs an array"),
        ({"model": pipe()[:2]}, "calibrate needs a model that predicts"),
        ({"y": X["load"].where(np.arange(100) % 2 == 1, np.nan)}, "y is never known|NaN"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        calibrate(**{"model": pipe(), "X": X, "y": X["load"], "steps": 1, **params})


@pytest.mark.parametrize("function", [backtest, calibrate])
def test_what_is_calibrated_is_not_fitted_anew_and_says_where_the_model_is(function):
    X = table()
    calibrated = calibrate(pipe(), X, X["load"], steps=2)
    with pytest.raises(ValueError, match=r"got one that is calibrated\. Pass its attribute ``model``"):
        function(calibrated, X, X["load"], steps=2)
    function(calibrated.model, X, X["load"], steps=2)
