"""A backtest refuses what it can before its first fit, and tells a warning of its fits once."""

import re
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skrnn import GRURegressor, SlidingWindowTransformer, backtest, calibrate
from skrnn._forecast.told import listen

HOURS = pd.date_range("2024-01-01", periods=40, freq="h", name="time")
X = pd.DataFrame({"load": np.sin(np.arange(40.0)), "wind": np.cos(np.arange(40.0))}, index=HOURS)


class Counting(RegressorMixin, BaseEstimator):
    """Says 0, counts its fits, and warns in each."""

    n_fits = 0

    def __init__(self, category=None):
        self.category = category

    def fit(self, X, y):  # noqa: ARG002
        type(self).n_fits += 1
        self.n_outputs_ = np.shape(y)[1:]
        if self.category is not None:
            warnings.warn(f"{len(y)} rows are few", self.category, stacklevel=2)
        return self

    def predict(self, X):
        return np.zeros((len(X), *self.n_outputs_))


@pytest.fixture(autouse=True)
def no_fits():
    Counting.n_fits = 0


def pipe(window=3, horizon=1, *, front=(), back=None, **params):
    windows = SlidingWindowTransformer(window, horizon=horizon, flatten=True, **params)
    return make_pipeline(*front, windows, Counting() if back is None else back)


def plain(model):
    return model


def with_front(model):
    return make_pipeline(MinMaxScaler().set_output(transform="pandas"), *(step for _, step in model.steps))


def nested(model):
    return make_pipeline("passthrough", model[:1], *(step for _, step in model.steps[1:]))


def of_changed_target(model):
    return TransformedTargetRegressor(model, func=np.asarray, inverse_func=np.asarray)


def searched(model):
    return GridSearchCV(model, {"slidingwindowtransformer__window_size": [2, 3]}, cv=2)


TWO = X[["load", "wind"]]
BY_NAME = [
    ({"target": "sun"}, "target='sun' is not a column of X"),
    ({"target": 0}, "target=0 is not a column of X"),
    ({"target": []}, "must name one or several distinct columns of X"),
    ({"target": ["load", "load"], "y": TWO}, "must name one or several distinct columns of X"),
    ({"target": ["load", "wind"]}, "predicts 1 outputs, but 2 columns of X"),
    ({"target": "load", "y": TWO}, "predicts 2 outputs, but 1 columns of X"),
    ({"y": TWO}, "y has 2 columns: name with target"),
    ({"future": "sun"}, "future='sun' is not a column of X"),
]
BY_ROWS = [
    ({}, "must be named with target. Candidates: 'load', 'wind'"),
    ({"target": "load"}, "values of 'wind' that nobody knows yet"),
    ({"target": "load", "future": "wind", "test_size": 2}, "test_size=2 keeps 2 for forecasts; at least steps=3"),
    ({"target": "load", "future": "wind", "y": X["load"].where(HOURS[31] > HOURS, np.nan)}, "At none of the origins"),
]


@pytest.mark.parametrize("function", [backtest, calibrate])
@pytest.mark.parametrize("wrapped", [plain, with_front, nested, of_changed_target])
@pytest.mark.parametrize(("params", "message"), [*BY_NAME, *BY_ROWS])
def test_what_arguments_and_rows_tell_is_refused_without_a_fit(function, wrapped, params, message):
    with pytest.raises(ValueError, match=message):
        function(wrapped(pipe()), X, **{"y": X["load"], "steps": 3, **params})
    assert Counting.n_fits == 0


@pytest.mark.parametrize(("params", "message"), BY_NAME)
def test_names_are_refused_before_a_search_is_fitted(params, message):
    with pytest.raises(ValueError, match=message):
        backtest(searched(pipe()), X, **{"y": X["load"], "steps": 3, **params})
    assert Counting.n_fits == 0


@pytest.mark.filterwarnings("ignore::skrnn.IncompleteWindowWarning")
def test_a_search_decides_over_the_horizon():
    model = GridSearchCV(pipe(), {"slidingwindowtransformer__horizon": [4]}, cv=2)
    assert len(backtest(model, X, X["load"], steps=4)) == 4  # not longer than the horizon that is found
    assert Counting.n_fits > 0


@pytest.mark.parametrize(
    ("model", "params", "message"),
    [
        (pipe(), {"season": 40}, "no value is known together with those that it is compared with"),
        (pipe(), {"metric": "pinball"}, "metric='pinball' needs bands"),
        (pipe(back=GRURegressor()), {"metric": "coverage"}, "metric='coverage' needs bands"),
        (pipe(), {"confidence_level": 0.95}, "needs more errors of earlier origins"),
        (pipe(incomplete="error"), {"steps": 1, "test_size": 0.95}, "1 of 38 windows of the forecast miss steps"),
        (pipe(future_columns="wind"), {"future": []}, "future_columns of the window step names 'wind'"),
        (pipe(3, 0), {}, "it lacks 'load', 'wind'"),
        (make_pipeline(SlidingWindowTransformer(3)), {}, "needs a regressor behind the SlidingWindowTransformer"),
        (pipe(back=FunctionTransformer()), {}, "its last step is a FunctionTransformer"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_without_a_fit(model, params, message, monkeypatch):
    monkeypatch.setattr(GRURegressor, "fit", Counting.fit)
    with pytest.raises(ValueError, match=message):
        backtest(model, X, X["load"], **{"steps": 1, **params})
    assert Counting.n_fits == 0


def test_calibrate_refuses_steps_of_which_nothing_is_known_without_a_fit():
    y = X["load"].where(HOURS[-1] != HOURS, np.nan)
    with pytest.raises(ValueError, match="y is never known"):
        calibrate(pipe(), X, y, steps=2, test_size=2, target="load", future="wind")
    with pytest.raises(ValueError, match="windows of the forecast miss steps"):
        calibrate(pipe(incomplete="error"), X, X["load"], steps=1, test_size=0.95)
    assert Counting.n_fits == 0


@pytest.mark.parametrize(
    "back",
    [GRURegressor(loss="gaussian", max_iter=1, hidden_size=2), GridSearchCV(BayesianRidge(), {"max_iter": [10]}, cv=2)],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_models_that_may_tell_a_spread_are_fitted(back):
    model = pipe(front=[FunctionTransformer(np.nan_to_num)], back=back, incomplete="ignore")
    model = (
        model
        if isinstance(back, GRURegressor)
        else make_pipeline(*model[:-1], FunctionTransformer(np.nan_to_num), back)
    )
    assert np.isfinite(backtest(model, X, X["load"], steps=1, metric="pinball")["model"]).all()


def told_by(function, model, **params):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(model, X, X["load"], **{"steps": 1, "test_size": 8, **params})
    return [each for each in caught if "rows are few" in str(each.message)]


@pytest.mark.parametrize(
    ("category", "n_jobs"),
    [(UserWarning, None), (ConvergenceWarning, None), pytest.param(ConvergenceWarning, 2, marks=pytest.mark.slow)],
)
def test_a_warning_of_many_fits_comes_once_and_says_of_which(category, n_jobs):
    (told,) = told_by(backtest, pipe(back=Counting(category)), refit=2, n_jobs=n_jobs)
    assert (told.category, told.filename) == (category, __file__)
    assert str(told.message) == (
        "32 rows are few. This is of 4 of the 4 models that backtest fitted, first of that on the rows up to "
        "2024-01-02 07:00:00."
    )


def test_a_warning_of_a_single_fit_says_on_which_rows():
    (told,) = told_by(backtest, pipe(back=Counting(UserWarning)))
    assert str(told.message) == (
        "32 rows are few. This is of the model that backtest fitted on the rows up to 2024-01-02 07:00:00."
    )


def test_calibrate_says_whether_it_is_the_model_of_all_rows():
    told = told_by(calibrate, pipe(back=Counting(UserWarning)))
    assert [str(each.message) for each in told] == [
        "32 rows are few. This is of the model that calibrate fitted on the rows up to 2024-01-02 07:00:00.",
        "40 rows are few. This is of the model that calibrate fitted on all rows.",
    ]
    assert {each.filename for each in told} == {__file__}


def test_a_network_that_falls_back_says_that_it_is_one_of_the_backtest():
    back = GRURegressor(max_iter=1, hidden_size=2, learning_rate_init=3.0, early_stopping=True, random_state=0)
    with pytest.warns(UserWarning, match="without its recurrent layers") as caught:
        backtest(pipe(back=back), X, X["load"], steps=1, test_size=8, refit=2)
    (text,) = [str(each.message) for each in caught if "without its recurrent" in str(each.message)]
    assert re.search(r"This is of \d of the 4 models that backtest fitted, first of that on the rows up to", text)


def test_filters_of_the_caller_hold():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", message="32 rows are few")
        backtest(pipe(back=Counting(UserWarning)), X, X["load"], steps=1, test_size=8)
    assert not caught
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning, match="32 rows are few"):
            backtest(pipe(back=Counting(ConvergenceWarning)), X, X["load"], steps=1, test_size=8)


def test_what_is_meant_for_developers_is_shown_once_where_it_came_from():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        backtest(pipe(back=Counting(DeprecationWarning)), X, X["load"], steps=1, test_size=8, refit=True)
    (told,) = [each for each in caught if "rows are few" in str(each.message)]
    assert (told.category, str(told.message)) == (DeprecationWarning, "32 rows are few")
    assert told.filename.endswith("pipeline.py")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore", DeprecationWarning)
        backtest(pipe(back=Counting(DeprecationWarning)), X, X["load"], steps=1, test_size=8)
    assert not caught


class Failing(Counting):
    def predict(self, X):  # noqa: ARG002
        raise RuntimeError("no answer")


def test_what_was_warned_before_a_failure_is_shown():
    with pytest.warns(UserWarning, match="32 rows are few"), pytest.raises(RuntimeError, match="no answer"):
        backtest(pipe(back=Failing(UserWarning)), X, X["load"], steps=1, test_size=8)


def test_threads_beside_the_main_one_leave_the_shared_filters_alone():
    found = []
    before = [list(warnings.filters), warnings.showwarning]
    thread = threading.Thread(
        target=lambda: found.append(listen(lambda: [list(warnings.filters), warnings.showwarning]))
    )
    thread.start()
    thread.join()
    assert found == [(before, [])]


def test_fits_in_threads_show_their_warnings():
    with joblib.parallel_config("threading", n_jobs=2):
        assert told_by(backtest, pipe(back=Counting(UserWarning)), refit=4)
