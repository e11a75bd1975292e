"""scikit-learn's own checks, all of them, for the default estimators."""

import warnings

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_get_feature_names_out_error,
    check_global_output_transform_pandas,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)

from skrnn import GRURegressor, LSTMRegressor, RNNRegressor, SlidingWindowTransformer

REGRESSORS = [GRURegressor(), LSTMRegressor(), RNNRegressor()]
TRANSFORMERS = [
    SlidingWindowTransformer(window_size=1),
    SlidingWindowTransformer(window_size=4, time_column=0),
    SlidingWindowTransformer(window_size=4, time_column=0, horizon=2),
    SlidingWindowTransformer(window_size=4, time_column=0, flatten=True),
]


def results_of(estimator):
    """Statuses by check; warnings are not the point here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return check_estimator(estimator, on_fail=None, on_skip=None)


@pytest.mark.parametrize(
    ("estimator", "n_checks"),
    [(estimator, 59) for estimator in REGRESSORS] + [(estimator, 46) for estimator in TRANSFORMERS],
    ids=repr,
)
def test_every_check_of_scikit_learn_runs_and_passes(estimator, n_checks):
    results = results_of(estimator)
    assert [(r["check_name"], r["status"], r["exception"]) for r in results if r["status"] != "passed"] == []
    # Tags can switch checks off, which would pass as well.
    assert len(results) == n_checks


@pytest.mark.parametrize("estimator", REGRESSORS + TRANSFORMERS, ids=repr)
@pytest.mark.parametrize("check", [check_param_validation, check_dataframe_column_names_consistency])
def test_checks_that_scikit_learn_runs_on_itself_pass(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(type(estimator).__name__, estimator)


@pytest.mark.parametrize(
    "check",
    [
        check_get_feature_names_out_error,
        check_global_output_transform_pandas,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
def test_output_checks_pass_for_flat_windows(check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check("SlidingWindowTransformer", SlidingWindowTransformer(window_size=2, time_column=0, flatten=True))
