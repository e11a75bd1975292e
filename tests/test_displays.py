"""What all displays keep: described parameters, a clear error without matplotlib, nothing global changed."""

import inspect
import re
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skrnn
from skrnn import GRURegressor, SlidingWindowTransformer, calibrate

DISPLAYS = [getattr(skrnn, name) for name in skrnn.__all__ if name.endswith("Display")]
CALLS = [
    pytest.param(display, name, id=f"{display.__name__}.{name}")
    for display in DISPLAYS
    for name, _ in inspect.getmembers(display, callable)
    if name == "plot" or name.startswith("from_")
]

FROM = [call for call in CALLS if not call.id.endswith(".plot")]


def parameters_of(function):
    return {
        name: p
        for name, p in inspect.signature(function).parameters.items()
        if name != "self" and p.kind != p.VAR_KEYWORD
    }


def test_each_display_can_be_made_of_something_and_plotted():
    assert len(DISPLAYS) == 6
    for display in DISPLAYS:
        assert len([name for name in vars(display) if name.startswith("from_")]) >= 1
        assert inspect.signature(display.plot).parameters["ax"].default is None


@pytest.mark.parametrize(("display", "name"), CALLS)
def test_parameters_are_described_with_their_defaults(display, name):
    section = re.search(r"Parameters\n-+\n(.*?)\n\n\w+\n---", inspect.getdoc(getattr(display, name)), re.DOTALL)[1]
    entries = dict(re.findall(r"^(\w+) : (.*)$", section, re.MULTILINE))
    signature = parameters_of(getattr(display, name))
    assert list(entries) == list(signature)
    for parameter, of in signature.items():
        if of.default is not inspect.Parameter.empty:
            default = f'"{of.default}"' if isinstance(of.default, str) else of.default
            assert entries[parameter].endswith(f"default={default}"), parameter


@pytest.mark.parametrize("display", DISPLAYS)
def test_parameters_of_the_constructor_are_described(display):
    section = re.search(r"Parameters\n-+\n(.*?)\nAttributes\n---", inspect.getdoc(display), re.DOTALL)[1]
    assert re.findall(r"^(\w+) : ", section, re.MULTILINE) == list(parameters_of(display))


@pytest.mark.parametrize(("display", "name"), FROM)
def test_without_matplotlib_an_error_says_what_to_install(display, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    function = getattr(display, name)
    required = {name: None for name, p in parameters_of(function).items() if p.default is p.empty}
    with pytest.raises(ImportError, match=rf"{display.__name__}\.{name} requires matplotlib"):
        function(**required)


@pytest.mark.filterwarnings("ignore")
def test_settings_stay_as_they_are_and_nothing_is_covered(series, plt):
    X, y = series[["load"]], series["load"]
    window = SlidingWindowTransformer(3, horizon=1, flatten=True)
    model = make_pipeline(window, FunctionTransformer(np.nan_to_num), LinearRegression()).fit(X[:100], y[:100])
    network = skrnn.GRURegressor(2, max_iter=1).fit(np.ones((9, 2, 1)) * np.arange(9)[:, None, None], np.arange(9))
    with plt.style.context("dark_background"):
        before, random = dict(mpl.rcParams), np.random.get_state()[1].copy()  # noqa: NPY002
        displays = [
            skrnn.ForecastDisplay.from_estimator(model, X, y, steps=3, confidence_level=0.5),
            skrnn.BacktestDisplay.from_estimator(model, X, y, steps=2),
            skrnn.ResidualDisplay.from_estimator(model, X, y),
            skrnn.WindowDisplay.from_estimator(model, X),
            skrnn.LossCurveDisplay.from_estimator(network),
            skrnn.LagImportanceDisplay.from_estimator(model, X, y, kind="permutation", n_repeats=1, random_state=0),
        ]
        figure, (first, second, third) = plt.subplots(1, 3, figsize=(12, 3))
        displays.append(skrnn.BacktestDisplay(displays[1].table).plot([first, second]))
        displays.append(skrnn.BacktestDisplay(displays[1].table).plot(third))
        assert displays[-1].figure_ is figure
        for display in displays:
            display.figure_.draw_without_rendering()
            assert {ax.figure for ax in np.ravel(display.ax_)} == {display.figure_}
            _check_that_nothing_is_covered(display.figure_)
        assert dict(mpl.rcParams) == before
        np.testing.assert_array_equal(np.random.get_state()[1], random)  # noqa: NPY002


def _check_that_nothing_is_covered(figure):
    """No legend lies on axes, and titles and legends do not overlap."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    titles = [text for ax in figure.axes for text in (ax._left_title, ax.title) if text.get_text()]
    for box in [legend.get_window_extent() for legend in legends]:
        for other in [
            *(ax.get_window_extent() for ax in figure.axes if ax.axison),
            *(text.get_window_extent() for text in titles),
        ]:
            overlap = min(box.x1, other.x1) - max(box.x0, other.x0), min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(overlap) <= 1, (box, other)
        assert box.x1 <= figure.bbox.x1 + 1


@pytest.mark.filterwarnings("ignore")
def test_frames_of_polars_and_keys_in_columns_are_taken(series, plt):
    polars = pytest.importorskip("polars")
    X = pd.DataFrame({"time": series.index, "load": series["load"].to_numpy()})
    window = SlidingWindowTransformer(3, horizon=1, time_column="time", flatten=True)
    model = make_pipeline(window, FunctionTransformer(np.nan_to_num), LinearRegression())
    model.fit(X, X["load"])
    from_pandas = skrnn.ForecastDisplay.from_estimator(model, X, X["load"], steps=3)
    frame = polars.from_pandas(X)
    from_polars = skrnn.ForecastDisplay.from_estimator(model, frame, frame["load"], steps=3)
    for one, other in zip(from_pandas.ax_[0].lines, from_polars.ax_[0].lines, strict=True):
        np.testing.assert_array_equal(one.get_xdata(), other.get_xdata())
        np.testing.assert_allclose(one.get_ydata(), other.get_ydata())
    assert len(skrnn.WindowDisplay.from_estimator(model, frame).labels) == 6
    assert len(plt.get_fignums()) == 3


@pytest.mark.usefixtures("plt")
def test_a_calibrated_model_is_read_as_the_model_within():
    X = pd.DataFrame({"x": np.sin(np.arange(60.0))}, index=pd.date_range("2024", periods=60, name="day"))
    network = GRURegressor(2, max_iter=2, linear_skip=True, early_stopping=False, random_state=0)
    calibrated = calibrate(make_pipeline(SlidingWindowTransformer(3, horizon=1), network), X, X["x"], steps=2)
    both = calibrated, calibrated.model
    curve, own = (skrnn.LossCurveDisplay.from_estimator(model) for model in both)
    assert curve.loss_curve == own.loss_curve
    lags, own = (skrnn.LagImportanceDisplay.from_estimator(model, X, X["x"]) for model in both)
    np.testing.assert_array_equal(lags.importances, own.importances)
    windows, own = (skrnn.WindowDisplay.from_estimator(model, X) for model in both)
    np.testing.assert_array_equal(windows.steps, own.steps)
    shown = skrnn.ForecastDisplay.from_estimator(calibrated, X, X["x"], steps=2, confidence_level=0.8)
    assert len(shown.bands_[0]) == 1


@pytest.mark.parametrize("display", [skrnn.ForecastDisplay, skrnn.WindowDisplay])
def test_a_model_without_a_window_step_is_named_before_one_that_is_not_fitted(display):
    more = {"y": [1.0, 2.0], "steps": 1} if display is skrnn.ForecastDisplay else {}
    with pytest.raises(
        ValueError, match="needs a pipeline with a SlidingWindowTransformer, but GRURegressor holds none"
    ):
        display.from_estimator(GRURegressor(), [[1.0], [2.0]], **more)
    unfitted = make_pipeline(SlidingWindowTransformer(3, horizon=1), GRURegressor())
    with pytest.raises(NotFittedError):
        display.from_estimator(unfitted, [[1.0], [2.0]], **more)
