"""scikit-learn's own checks, all of them, for the default estimators."""

import warnings

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_get_feature_names_out_error,
    check_global_output_transform_pandas,
    check_param_validation,
    check_sample_weight_equivalence_on_dense_data,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)

from skrnn import (
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    LSTMRegressor,
    RNNClassifier,
    RNNRegressor,
    SlidingWindowTransformer,
)

REGRESSORS = [GRURegressor(), LSTMRegressor(), RNNRegressor()]
CLASSIFIERS = [GRUClassifier(), LSTMClassifier(), RNNClassifier()]
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


# One cell stands for all in the quick tests: the others differ from it in their layer alone.
ALL_CHECKS = [pytest.param(estimator, 59, marks=pytest.mark.slow) for estimator in REGRESSORS[1:]]
ALL_CHECKS += [pytest.param(estimator, 62, marks=pytest.mark.slow) for estimator in CLASSIFIERS]
ALL_CHECKS += [(GRURegressor(), 59), (GRUClassifier(8, max_iter=60), 62)]
ALL_CHECKS += [(transformer, 46) for transformer in TRANSFORMERS]


@pytest.mark.parametrize(("estimator", "n_checks"), ALL_CHECKS, ids=repr)
def test_every_check_of_scikit_learn_runs_and_passes(estimator, n_checks):
    results = results_of(estimator)
    assert [(r["check_name"], r["status"], r["exception"]) for r in results if r["status"] != "passed"] == []
    # Tags can switch checks off, which would pass as well.
    assert len(results) == n_checks


WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
FIT = "check_regressors_train"
OPTIONS = [
    # Options, and the checks that they break.
    ({"bidirectional": True}, set()),
    ({"num_layers": 2}, set()),
    # Beside a linear forecast nothing but rounding is left of the 15 rows of a check of weights.
    ({"norm": "layer", "linear_skip": False, "learning_rate_init": 0.02}, set()),
    ({"pooling": "max"}, set()),
    # With the default step size, training on 15 rows is unstable: gradients spike, and rounding grows with them.
    ({"pooling": "mean", "learning_rate_init": 0.001}, set()),
    ({"pooling": "attention", "learning_rate_init": 0.001}, set()),
    ({"missing": "indicator"}, set()),
    ({"learning_rate": "adaptive"}, set()),
    # A row that counts twice is not the same as two rows: each has a mask, or a part in the statistics, of its own.
    # A linear forecast fits the 15 rows of the check so well that nothing is left to train.
    ({"norm": "batch", "linear_skip": False, "learning_rate_init": 0.02}, {WEIGHTS}),
    ({"dropout": 0.2, "linear_skip": False, "learning_rate_init": 0.02}, {WEIGHTS}),
]
REGRESSOR_OPTIONS = [
    ({"loss": "absolute_error"}, set()),
    ({"loss": "huber"}, set()),
    # Their channels hold no past of the target, so that nothing is scaled.
    ({"scaling": "mean"}, set()),
    ({"scaling": "std"}, set()),
    ({"loss": "quantile"}, set()),
    ({"segment_size": 1}, set()),
    ({"learning_rate": "cosine"}, set()),
    ({"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}, set()),
    # Some targets of this check are negative.
    ({"loss": "poisson"}, {"check_regressor_multioutput"}),
    ({"linear_skip": 3, "early_stopping": False}, set()),
    ({"linear_skip": False, "early_stopping": False}, set()),
    ({"linear_skip": False, "learning_rate_init": 0.02}, set()),
]


CASES = [(GRURegressor(**options), breaks) for options, breaks in OPTIONS + REGRESSOR_OPTIONS]
CASES += [(GRURegressor(loss="gaussian"), set()), (GRUClassifier(class_weight="balanced"), set())]
CASES += [(GRUClassifier(**options), breaks) for options, breaks in OPTIONS if "norm" not in options]
CASES += [
    (GRUClassifier(norm="layer"), set()),
    (GRUClassifier(pooling="last"), set()),
    # Rows of hardly any weight take their part in the statistics of a batch.
    (
        GRUClassifier(norm="batch", linear_skip=False, learning_rate_init=0.005),
        {WEIGHTS},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "breaks"), CASES, ids=[repr(estimator) for estimator, _ in CASES])
def test_options_break_no_check_but_those_that_they_must(estimator, breaks):
    results = results_of(estimator)
    failed = {r["check_name"] for r in results if r["status"] != "passed"}
    assert failed == breaks


INTEGER_WEIGHTS = [estimator for estimator, breaks in CASES if WEIGHTS not in breaks]


@pytest.mark.parametrize(
    "estimator",
    [REGRESSORS[0], CLASSIFIERS[0]]
    + [
        pytest.param(estimator, marks=[pytest.mark.slow, pytest.mark.numbers])
        for estimator in REGRESSORS[1:] + CLASSIFIERS[1:] + INTEGER_WEIGHTS
    ],
    ids=repr,
)
def test_integer_weights_are_repetitions(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_sample_weight_equivalence_on_dense_data(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", REGRESSORS + CLASSIFIERS + TRANSFORMERS, ids=repr)
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
