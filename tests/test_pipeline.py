"""In company: pipelines, searches over everything, cross-validation, target transformers, metadata."""

import numpy as np
import pandas as pd
import pytest
from conftest import REGRESSORS
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skrnn import GRURegressor, IncompleteWindowWarning, RNNRegressor, SlidingWindowTransformer, complete_windows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALTERNATIVES = {
    "hidden_size": [3, 5],
    "num_layers": [1, 2],
    "bidirectional": [False, True],
    "dropout": [0.0, 0.2],
    "norm": [None, "batch", "layer"],
    "pooling": ["last", "mean", "max", "attention"],
    "segment_size": ["auto", 1, 2],
    "linear_skip": [False, True, 3],
    "anchor": ["auto", "last", None],
    "scaling": ["mean", "std", None],
    "missing": ["skip", "indicator"],
    "return_sequences": [False],  # True wants a y that no window step gives
    "loss": ["squared_error", "absolute_error", "huber", "quantile", "gaussian"],
    "quantile": [0.5, (0.1, 0.5)],
    "delta": [0.5, 1.0],
    "solver": ["adam", "adamw", "sgd", "rmsprop"],
    "learning_rate": ["constant", "cosine", "adaptive"],
    "learning_rate_init": [0.001, 0.01],
    "momentum": [0.0, 0.5],
    "weight_decay": [0.0, 0.1],
    "clip_norm": [None, 0.1],
    "batch_size": ["auto", 16],
    "max_iter": [1, 2],
    "shuffle": [False, True],
    "tol": [0.0, 1.0],
    "n_iter_no_change": [1, 5],
    "early_stopping": [False, True],
    "validation_fraction": [0.1, 0.3],
    "refit": [False, True],
    "warm_start": [False, True],
    "n_channels": ["auto", 2],
    "device": ["cpu", "auto"],
    "dtype": ["auto", "float32", "float64"],
    "random_state": [0, 1],
    "verbose": [0, False],
    "callbacks": [None, lambda *_: None, [lambda epoch, *_: epoch == 1]],
    "nonlinearity": ["tanh", "relu"],
}


def forecaster(regressor=GRURegressor, **params):
    model = regressor(**{"hidden_size": 4, "max_iter": 2, "random_state": 0, **params})
    return make_pipeline(SlidingWindowTransformer(6, horizon=1), model)


def test_every_parameter_is_searched():
    assert set(ALTERNATIVES) == set(RNNRegressor().get_params())


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_a_search_runs_over_every_parameter(name, series):
    model = TransformedTargetRegressor(forecaster(RNNRegressor), transformer=MinMaxScaler())
    grid = {f"regressor__rnnregressor__{name}": ALTERNATIVES[name]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2), error_score="raise")
    search.fit(series, series["load"])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "scoring",
    [
        None,
        ["r2", "neg_max_error"],
        pytest.param("neg_mean_absolute_error", marks=pytest.mark.slow),
        pytest.param("r2", marks=pytest.mark.slow),
    ],
)
def test_a_search_over_windows_runs_on_two_processes_with_any_scorer(series, scoring):
    model = TransformedTargetRegressor(forecaster(), transformer=MinMaxScaler())
    grid = {
        "regressor__slidingwindowtransformer__window_size": [3, 6],
        "regressor__slidingwindowtransformer__history": ["all", "tail"],
        "regressor__gruregressor__hidden_size": [2, 4],
    }
    refit = "r2" if isinstance(scoring, list) else True
    search = GridSearchCV(
        model, grid, cv=TimeSeriesSplit(2), scoring=scoring, refit=refit, n_jobs=2, error_score="raise"
    )
    search.fit(series, series["load"])
    assert search.predict(series).shape == (200,)
    one = clone(search).set_params(n_jobs=1).fit(series, series["load"])
    for key in one.cv_results_:
        if "test" in key and "rank" not in key:
            np.testing.assert_allclose(search.cv_results_[key], one.cv_results_[key], rtol=1e-6)


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_a_test_fold_has_its_whole_past(regressor, series, recwarn):
    model = forecaster(regressor)
    cross_val_score(model, series, series["load"], cv=TimeSeriesSplit(3), error_score="raise")
    assert not [w for w in recwarn if issubclass(w.category, IncompleteWindowWarning)]


def test_the_next_hours_are_predicted_from_rows_of_nan(series):
    model = make_pipeline(SlidingWindowTransformer(6, horizon=3), GRURegressor(4, max_iter=2, random_state=0))
    model.fit(series[:150], series["load"][:150])
    future = pd.DataFrame(np.nan, index=series.index[150:153], columns=series.columns)
    # Known or not, the rows of the next `horizon` hours are not read.
    np.testing.assert_allclose(model.predict(future), model.predict(series[150:153]), rtol=1e-12)
    with pytest.raises(ValueError, match=r"only the next 3 rows can be predicted.*forecast further"):
        model.predict(pd.DataFrame(np.nan, index=series.index[150:154], columns=series.columns))


def test_a_scaler_in_front_changes_nothing_once_the_key_is_kept(series):
    y = series["load"]
    plain = forecaster().fit(series, y)
    scaled = make_pipeline(MinMaxScaler(), *[clone(step) for _, step in plain.steps]).set_output(transform="pandas")
    scaled.fit(series[:150], y[:150])
    np.testing.assert_allclose(
        scaled.predict(series[150:]), clone(plain).fit(series[:150], y[:150]).predict(series[150:]), rtol=1e-6
    )
    bare = make_pipeline(MinMaxScaler(), *[clone(step) for _, step in plain.steps]).fit(series[:150], y[:150])
    with pytest.warns(IncompleteWindowWarning, match="6 of 50 windows miss steps: .*set_output"):
        bare.predict(series[150:])


def test_a_global_request_for_pandas_output_is_no_obstacle(series):
    with config_context(transform_output="pandas"):
        model = make_pipeline(MinMaxScaler(), SlidingWindowTransformer(6, horizon=1), GRURegressor(4, max_iter=2))
        model.fit(series[:150], series["load"][:150])
        assert model.predict(series[150:]).shape == (50,)


@pytest.mark.parametrize(
    "learner",
    [make_pipeline(SimpleImputer(), Ridge()), HistGradientBoostingRegressor(max_iter=5)],
    ids=["ridge", "boosting"],
)
def test_flat_windows_feed_any_regressor(learner, series):
    model = make_pipeline(SlidingWindowTransformer(6, horizon=1, flatten=True), learner)
    model.fit(series, series["load"])
    assert model.predict(series[50:]).shape == (150,)


def test_ridge_on_windows_recovers_an_autoregression():
    noise = np.random.default_rng(0).normal(size=3000)
    x = np.zeros(3000)
    for t in range(2, 3000):
        x[t] = 0.5 * x[t - 1] - 0.3 * x[t - 2] + noise[t]
    X = pd.DataFrame({"x": x})
    windows = SlidingWindowTransformer(2, horizon=1, flatten=True).set_output(transform="pandas").fit_transform(X)
    coefficients = dict(zip(windows.columns, Ridge().fit(windows[2:], x[2:]).coef_, strict=True))
    assert complete_windows(windows).sum() == 2998
    assert coefficients["x@t-1"] == pytest.approx(0.5, abs=0.05)
    assert coefficients["x@t-2"] == pytest.approx(-0.3, abs=0.05)


def test_weights_and_validation_rows_are_routed(series):
    y, weight = series["load"].to_numpy(), np.arange(150.0)
    with config_context(enable_metadata_routing=True):
        model = GRURegressor(4, max_iter=3, random_state=0, early_stopping=True)
        model.set_fit_request(sample_weight=True, X_val=True, y_val=True)
        pipeline = make_pipeline(SlidingWindowTransformer(6, horizon=1), model, transform_input=["X_val"])
        pipeline.fit(series[:150], y[:150], sample_weight=weight, X_val=series[150:], y_val=y[150:])
    window = SlidingWindowTransformer(6, horizon=1)
    by_hand = clone(model).fit(
        window.fit_transform(series[:150]),
        y[:150],
        sample_weight=weight,
        X_val=window.transform(series[150:]),
        y_val=y[150:],
    )
    np.testing.assert_allclose(pipeline[-1].validation_loss_curve_, by_hand.validation_loss_curve_)


def test_windows_first_then_cross_validation(series):
    windows = SlidingWindowTransformer(6, horizon=1).fit_transform(series)
    predicted = cross_val_predict(GRURegressor(4, max_iter=2), windows, series["load"], cv=4)
    assert predicted.shape == (200,)
