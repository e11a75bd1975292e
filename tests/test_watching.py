"""A fit that is watched: by functions, by scikit-learn's callbacks, and in searches and pipelines."""

import io
import itertools
import pickle
import warnings

import joblib
import numpy as np
import pytest
from conftest import REGRESSORS
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

import skrnn
from skrnn import GRUClassifier, GRURegressor, LSTMClassifier, RNNClassifier, RNNRegressor, SlidingWindowTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
has_callbacks = pytest.mark.skipif(
    not hasattr(skrnn.GRURegressor, "set_callbacks"), reason="scikit-learn < 1.9 has no callbacks"
)


@pytest.fixture
def data(rng):
    X = rng.normal(size=(60, 4, 1))
    return X, X[:, -1, 0] * X[:, -2, 0] + 2 * X[:, -1, 0]


def small(kind=GRURegressor, **changes):
    words = {"hidden_size": 3, "max_iter": 4, "random_state": 0, "refit": False, "learning_rate": "constant"}
    return kind(**{**words, **changes})


class Notes(list):
    """Keeps what it is called with."""

    def __call__(self, *given):
        self.append(given)


@pytest.mark.parametrize("kind", [*REGRESSORS, GRUClassifier, LSTMClassifier, RNNClassifier])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_function_is_told_of_each_epoch_and_its_losses(kind, early_stopping, data):
    X, y = data
    y = y > 0 if "Classifier" in kind.__name__ else y
    notes = Notes()
    watched = {"X_val": X, "y_val": y} if early_stopping else {}
    model = small(kind, linear_skip=False, early_stopping=early_stopping, callbacks=notes).fit(X, y, **watched)
    assert [epoch for epoch, _, _ in notes] == [1, 2, 3, 4]
    curves = {"loss": model.loss_curve_}
    if early_stopping:
        curves["validation_loss"] = model.validation_loss_curve_
    assert [losses for _, losses, _ in notes] == [
        dict(zip(curves, row, strict=True)) for row in zip(*curves.values(), strict=True)
    ]
    assert model.best_epoch_ > 0
    best = notes[model.best_epoch_ - 1][2]
    np.testing.assert_array_equal(best.predict(X), model.predict(X))
    assert [now.n_iter_ for _, _, now in notes] == [now.best_epoch_ for _, _, now in notes] == [1, 2, 3, 4]
    answers = [now.predict(X) if not hasattr(now, "predict_proba") else now.predict_proba(X) for _, _, now in notes]
    assert all((one != other).any() for one, other in itertools.pairwise(answers))


@pytest.mark.parametrize("norm", [None, "batch"])
@pytest.mark.parametrize("n_epochs", [1, 3])
def test_the_copy_is_the_estimator_as_if_the_fit_ended_there(norm, n_epochs, data):
    notes = Notes()
    words = {"early_stopping": False, "norm": norm, "linear_skip": False, "dropout": 0.2}
    model = small(callbacks=[notes], **words).fit(*data)
    shorter = small(max_iter=n_epochs, **words).fit(*data)
    now = notes[n_epochs - 1][2]
    np.testing.assert_array_equal(now.predict(data[0]), shorter.predict(data[0]))
    assert now.loss_curve_ == shorter.loss_curve_
    assert set(vars(now)) == set(vars(shorter))
    # Training goes on from it to the bit, and changes no other.
    before = notes[n_epochs][2].predict(data[0])
    np.testing.assert_array_equal(now.partial_fit(*data).predict(data[0]), before)
    np.testing.assert_array_equal(notes[n_epochs][2].predict(data[0]), before)
    np.testing.assert_array_equal(notes[-1][2].predict(data[0]), model.predict(data[0]))


def test_watching_changes_nothing(data):
    words = {"refit": True, "early_stopping": True, "norm": "batch", "dropout": 0.2, "learning_rate": "cosine"}
    plain, watched = small(**words).fit(*data), small(callbacks=lambda *_: None, **words).fit(*data)
    np.testing.assert_array_equal(plain.predict(data[0]), watched.predict(data[0]))
    assert plain.loss_curve_ == watched.loss_curve_


@pytest.mark.parametrize("kind_of_true", [bool, np.bool_])
def test_true_ends_training_and_the_best_weights_stay(kind_of_true, data):
    notes = Notes()

    def rises(_, losses, now):
        return kind_of_true(losses["validation_loss"] > min(now.validation_loss_curve_))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(
            early_stopping=True, linear_skip=False, learning_rate_init=0.05, max_iter=50, callbacks=[rises, notes]
        ).fit(*data)
    assert 2 < model.n_iter_ == len(notes) < 50
    assert model.best_epoch_ == model.n_iter_ - 1
    np.testing.assert_array_equal(model.predict(data[0]), notes[-2][2].predict(data[0]))


@pytest.mark.parametrize("answer", [1, "yes", 3.0, [True], np.ones(2)])
def test_other_answers_than_true_end_nothing(answer, data):
    assert small(callbacks=lambda *_: answer).fit(*data).n_iter_ == 4


def test_the_second_training_repeats_what_the_stopped_one_found_best(data):
    stop = {"early_stopping": True, "refit": True, "callbacks": lambda epoch, *_: epoch == 2}
    stopped, shorter = (
        small(max_iter=50, **stop).fit(*data),
        small(max_iter=2, early_stopping=True, refit=True).fit(*data),
    )
    np.testing.assert_array_equal(stopped.predict(data[0]), shorter.predict(data[0]))


def test_spreads_are_corrected_by_networks_that_end_where_the_model_was_stopped(data):
    words = {"loss": "gaussian", "early_stopping": False, "linear_skip": False}
    stopped = small(max_iter=50, callbacks=lambda epoch, *_: epoch == 2, **words).fit(*data)
    expected = small(max_iter=2, **words).fit(*data).predict(data[0], return_std=True)
    np.testing.assert_array_equal(stopped.predict(data[0], return_std=True), expected)


class PrunedError(Exception):
    pass


@pytest.mark.parametrize("error", [PrunedError, KeyboardInterrupt, FloatingPointError, StopIteration])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("verbose", [0, 1])
def test_an_error_of_a_function_comes_out_and_the_estimator_stays_as_it_was(error, method, verbose, data):
    def prune(*_):
        raise error("no further")

    model = small(verbose=verbose).fit(*data).set_params(callbacks=prune)
    before = dict(vars(model))
    with pytest.raises(error, match="no further"):
        getattr(model, method)(*data)
    assert vars(model) == before
    new = small(callbacks=prune)
    with pytest.raises(error, match="no further"):
        getattr(new, method)(*data)
    assert vars(new) == vars(clone(new))


@pytest.mark.parametrize("kind", [GRURegressor, GRUClassifier])
def test_epochs_are_counted_on_in_partial_fit_and_with_warm_start(kind, data):
    X, y = data[0], data[1] > 0
    notes = Notes()
    model = small(kind, max_iter=2, warm_start=True, early_stopping=False, callbacks=notes)
    model.partial_fit(X, y).partial_fit(X, y).fit(X, y)
    assert [epoch for epoch, _, _ in notes] == [1, 2, 3, 4] == list(range(1, model.n_iter_ + 1))
    assert [losses["loss"] for _, losses, _ in notes] == model.loss_curve_ == notes[-1][2].loss_curve_
    # A copy of within partial_fit is one like any.
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), clone(notes[0][2]).fit(X, y).predict(X))
    assert set(vars(notes[0][2])) == set(vars(model))


def test_clones_share_their_functions_and_not_their_list():
    notes, file = Notes(), io.BytesIO()
    model = small(callbacks=[notes, file.write])
    copy = clone(model)
    assert copy.callbacks[0] is notes
    copy.callbacks.append(print)
    assert model.callbacks == [notes, file.write]
    assert clone(small(callbacks=notes)).callbacks is notes
    assert clone(small(callbacks=(notes,))).callbacks == (notes,)
    changed = clone(small(RNNRegressor, nonlinearity="relu", callbacks=notes))
    assert (changed.nonlinearity, changed.max_iter) == ("relu", 4)


def test_copies_can_be_saved_though_the_functions_cannot(data, tmp_path):
    def save(epoch, _, estimator):
        if epoch % 2 == 0:
            joblib.dump(estimator, tmp_path / f"{epoch}.joblib")

    model = small(early_stopping=False, callbacks=save).fit(*data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.joblib", "4.joblib"]
    saved = joblib.load(tmp_path / "4.joblib")
    assert saved.callbacks is None
    np.testing.assert_array_equal(saved.predict(data[0]), model.predict(data[0]))
    saved.set_params(warm_start=True).fit(*data)
    assert saved.n_iter_ == 8


def stop_after_two(epoch, *_):
    return epoch == 2


@pytest.mark.parametrize("callbacks", [stop_after_two, [stop_after_two]])
def test_functions_of_modules_are_pickled(callbacks, data):
    model = pickle.loads(pickle.dumps(small(callbacks=callbacks)))
    assert model.fit(*data).n_iter_ == 2


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_functions_stop_fits_within_a_search_over_a_pipeline(n_jobs, series):
    pipe = make_pipeline(SlidingWindowTransformer(3, horizon=1), small(callbacks=stop_after_two, refit=True))
    grid = {"gruregressor__hidden_size": [2, 3], "gruregressor__callbacks": [None, lambda *_: True, stop_after_two]}
    search = GridSearchCV(pipe, grid, cv=TimeSeriesSplit(2), n_jobs=n_jobs, error_score="raise")
    search.fit(series, series["load"])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    expected = {None: 4, stop_after_two: 2}.get(search.best_params_["gruregressor__callbacks"], 1)
    assert search.best_estimator_[-1].n_iter_ == expected


def test_a_stateful_function_sees_the_fits_of_all_folds(series):
    notes = Notes()
    pipe = make_pipeline(SlidingWindowTransformer(3, horizon=1), small(callbacks=notes))
    cross_val_score(pipe, series, series["load"], cv=TimeSeriesSplit(3))
    assert [epoch for epoch, _, _ in notes] == [1, 2, 3, 4] * 3


@pytest.mark.parametrize("bad", ["progress", 3, [print, None], Notes, [Notes], {"f": print}])
def test_what_is_no_function_is_refused(bad, data):
    with pytest.raises(
        ValueError, match=r"The 'callbacks' parameter of GRURegressor must be a function f\(epoch, loss"
    ):
        small(callbacks=bad).fit(*data)


class Recorder:
    """A callback of scikit-learn's that passes to all estimators within."""

    max_propagation_depth = None

    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.events = []
        self.fitted = []

    def setup(self, estimator, context):  # noqa: ARG002  named by scikit-learn
        self.events.append("setup")

    def teardown(self, estimator, context):  # noqa: ARG002
        self.events.append("teardown")

    def on_fit_task_begin(self, _, context, *, X=None, y=None, metadata=None):
        self.events.append((context.task_name, context.task_id, "begin"))
        self.given = X, y, metadata

    def on_fit_task_end(self, _, context, *, fitted_estimator=None):
        self.events.append((context.task_name, context.task_id, "end"))
        self.fitted.append(fitted_estimator)
        return context.task_name == "epoch" and context.task_id == self.stop_at


@has_callbacks
def test_scikit_learns_callbacks_see_a_fit_and_its_epochs(data):
    X, y = data
    weight = np.ones(len(X))
    recorder = Recorder()
    model = small(max_iter=3, early_stopping=False).set_callbacks(recorder)
    before = set(vars(model))
    model.fit(X, y, sample_weight=weight)
    epochs = [("epoch", i, when) for i in range(3) for when in ("begin", "end")]
    assert recorder.events == ["setup", ("fit", 0, "begin"), *epochs, ("fit", 0, "end"), "teardown"]
    assert recorder.given[0] is X
    assert recorder.given[1] is y
    assert recorder.given[2]["sample_weight"] is weight
    assert [fitted.n_iter_ for fitted in recorder.fitted] == [1, 2, 3, 3]
    shorter = small(max_iter=1, early_stopping=False).fit(X, y)
    np.testing.assert_array_equal(recorder.fitted[0].predict(X), shorter.predict(X))
    np.testing.assert_array_equal(recorder.fitted[-1].predict(X), model.predict(X))
    assert set(vars(model)) - before == set(vars(shorter)) - set(vars(small()))


@has_callbacks
def test_scikit_learns_callbacks_stop_a_fit_and_are_torn_down_after_an_error(data):
    recorder = Recorder(stop_at=1)
    assert small().set_callbacks(recorder).fit(*data).n_iter_ == 2
    recorder.events.clear()
    model = small().set_callbacks(recorder)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(data[0], np.full(60, np.nan))
    assert recorder.events[-1] == "teardown"
    assert set(vars(model)) == {*vars(small()), "_skl_callbacks"}


@has_callbacks
def test_scikit_learns_callbacks_reach_a_network_within_a_search(series):
    recorder = Recorder()
    pipe = make_pipeline(SlidingWindowTransformer(3, horizon=1), small(max_iter=2))
    search = GridSearchCV(pipe, {"gruregressor__hidden_size": [2, 3]}, cv=TimeSeriesSplit(2)).set_callbacks(recorder)
    search.fit(series, series["load"])
    # Four fits of the search and one of all rows.
    assert sum(event[:1] == ("epoch",) for event in recorder.events) == 2 * 2 * 5
    assert not hasattr(search.best_estimator_[-1], "_parent_callback_ctx")


@has_callbacks
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_scoring_monitor_scores_each_epoch_of_each_fold(n_jobs, series):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="r2")
    network = small(max_iter=3, early_stopping=False).set_callbacks(monitor)
    pipe = make_pipeline(SlidingWindowTransformer(3, horizon=1, incomplete="ignore"), network)
    search = GridSearchCV(pipe, {"gruregressor__hidden_size": [2]}, cv=TimeSeriesSplit(2), n_jobs=n_jobs)
    search.fit(series, series["load"])
    logs = [row for run in monitor.get_logs(select="all") for row in run.data if row["task_name"] == "epoch"]
    assert len(logs) == 3 * 3
    alone = ScoringMonitor(scoring="r2")
    windows = pipe[0].fit_transform(series)
    model = small(max_iter=3, early_stopping=False).set_callbacks(alone).fit(windows, series["load"])
    scores = [row["r2"] for row in alone.get_logs().data if row["task_name"] == "epoch"]
    expected = [
        small(max_iter=n, early_stopping=False).fit(windows, series["load"]).score(windows, series["load"])
        for n in (1, 2, 3)
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    assert model.n_iter_ == 3
