"""ForecastDisplay draws what `forecast` gives beside what y holds before and after the origin."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import ForecastDisplay, SlidingWindowTransformer, forecast

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("plt")]


def linear(**window):
    options = {"horizon": 1, "flatten": True, **window}
    return make_pipeline(SlidingWindowTransformer(4, **options), SimpleImputer(), LinearRegression())


@pytest.fixture
def load(series):
    return series[["load"]]


@pytest.fixture
def panel(load):
    return pd.concat({name: load + i for i, name in enumerate("abcde")}, names=["site"])


def drawn(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_the_forecast_starts_after_the_origin_and_knows_nothing_later(load):
    model = linear().fit(load[:150], load["load"][:150])
    display = ForecastDisplay.from_estimator(model, load, load["load"], steps=12, n_history=20)
    expected = forecast(model, load[:-12], 12)["load"]
    times, values = drawn(display.forecast_lines_[0])
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(times, expected.index.to_numpy())
    np.testing.assert_array_equal(drawn(display.truth_lines_[0])[1], load["load"][-12:])
    np.testing.assert_array_equal(drawn(display.history_lines_[0])[1], load["load"][-32:-12])
    assert set(display.origin_lines_[0].get_xdata()) == {load.index[-13].to_numpy()}
    rmse = np.sqrt(np.mean((expected - load["load"][-12:]) ** 2))
    assert display.ax_[0].get_title("left") == f"12 steps ahead: RMSE {rmse:.3g}"
    assert (display.ax_[0].get_xlabel(), display.ax_[0].get_ylabel()) == ("time", "load")


def test_an_origin_of_choice_leaves_later_rows_out(load):
    model = linear().fit(load[:150], load["load"][:150])
    display = ForecastDisplay.from_estimator(model, load, load["load"], steps=5, origin=load.index[159])
    np.testing.assert_array_equal(drawn(display.forecast_lines_[0])[1], forecast(model, load[:160], 5)["load"])
    np.testing.assert_array_equal(drawn(display.truth_lines_[0])[1], load["load"][160:165])


def test_bands_are_those_of_the_forecast(load):
    model = linear().fit(load[:100], load["load"][:100])
    display = ForecastDisplay.from_estimator(model, load, load["load"], steps=3, confidence_level=0.8)
    expected = forecast(model, load[:-3], 3, confidence_level=0.8)
    ((band,),) = display.bands_
    ends = band.get_paths()[0].vertices[:, 1]
    assert set(expected["load_lower"]) | set(expected["load_upper"]) == set(ends)
    assert "within the 80% band" in display.ax_[0].get_title("left")


def test_each_series_of_a_panel_has_axes_of_its_own(panel):
    early = panel.index.get_level_values("time") < panel.index[150][-1]
    model = linear().fit(panel[early], panel["load"][early])
    shuffled = panel.sample(frac=1, random_state=0)
    display = ForecastDisplay.from_estimator(model, shuffled, shuffled["load"], steps=6, series=["d", "b"])
    assert [ax.get_title() for ax in display.ax_] == ["d", "b"]
    expected = forecast(model, panel.groupby("site").head(194), 6)["load"]
    for line, truth, site in zip(display.forecast_lines_, display.truth_lines_, "db", strict=True):
        np.testing.assert_allclose(drawn(line)[1], expected[site])
        np.testing.assert_array_equal(drawn(truth)[1], panel["load"][site][-6:])


@pytest.mark.parametrize("as_array", [False, True])
def test_columns_known_in_advance_are_read_after_the_origin_and_others_are_not(load, as_array):
    X = load.assign(hour=np.arange(200) % 24 * 1.0)
    y = load["load"].copy()
    known = 1 if as_array else "hour"
    X_passed, target = (X.to_numpy(), 0) if as_array else (X, "load")
    model = linear(future_columns=known).fit(X_passed, y)
    display = ForecastDisplay.from_estimator(model, X_passed, y, steps=7, target=target)
    future = np.column_stack([np.full(7, np.nan), X["hour"][-7:]]) if as_array else X[["hour"]][-7:]
    past = X_passed[:-7] if as_array else X[:-7]
    expected = forecast(model, past, 7, target=target, future=future)
    times, values = drawn(display.forecast_lines_[0])
    np.testing.assert_array_equal(values, expected.iloc[:, 0])
    if as_array:
        assert times.tolist() == list(range(193, 200))
        assert drawn(display.history_lines_[0])[0][-1] == 192


def test_columns_known_in_advance_are_found_behind_a_scaler(load):
    X = load.assign(hour=np.arange(200) % 24 * 1.0)
    window = SlidingWindowTransformer(4, horizon=1, flatten=True, future_columns="hour")
    model = make_pipeline(StandardScaler(), window, SimpleImputer(), LinearRegression())
    model.set_output(transform="pandas").fit(X, X["load"])
    display = ForecastDisplay.from_estimator(model, X, X["load"], steps=7, target="load")
    expected = forecast(model, X[:-7], 7, target="load", future=X[["hour"]][-7:])
    np.testing.assert_array_equal(drawn(display.forecast_lines_[0])[1], expected["load"])


def test_an_array_of_several_series_is_counted_within_each(load):
    X = np.column_stack([np.repeat([0, 1], 100), load["load"]])
    model = linear(group_column=0).fit(X, X[:, 1])
    display = ForecastDisplay.from_estimator(model, X, X[:, 1], steps=4, target=1)
    for line, truth in zip(display.forecast_lines_, display.truth_lines_, strict=True):
        assert drawn(line)[0].tolist() == drawn(truth)[0].tolist() == [96, 97, 98, 99]


def test_arrays_go_on_where_the_history_ends():
    display = ForecastDisplay.from_predictions([4.0, 6.0], [5.0, 5.0], history=[1.0, 2.0, 3.0], bands=([4, 4], [6, 7]))
    assert drawn(display.forecast_lines_[0])[0].tolist() == [3, 4]
    assert drawn(display.truth_lines_[0])[0].tolist() == [3, 4]
    assert drawn(display.history_lines_[0])[0].tolist() == [0, 1, 2]
    assert set(display.origin_lines_[0].get_xdata()) == {2}
    assert display.ax_[0].get_title("left") == "2 steps ahead: RMSE 1, 100% within the band"


def test_several_bands_become_paler_and_the_widest_is_counted():
    zeros = np.zeros(4)
    bands = {"50 %": (zeros - 1, zeros + 1), "90 %": (zeros - 2, zeros + 2)}
    display = ForecastDisplay.from_predictions([0.5, 1.5, 2.5, np.nan], zeros, bands=bands)
    narrow, wide = display.bands_[0]
    assert narrow.get_alpha() > wide.get_alpha()
    assert "67% within the 90 %" in display.ax_[0].get_title("left")
    assert display.history_lines_ == display.origin_lines_ == [None]


def test_columns_of_ends_in_a_table_of_forecasts_are_bands_and_truth_need_not_be_known(load):
    model = linear().fit(load[:100], load["load"][:100])
    display = ForecastDisplay.from_predictions(None, forecast(model, load, 3, confidence_level=0.5))
    assert len(display.ax_) == 1
    assert len(display.bands_[0]) == 1
    assert display.truth_lines_ == [None]
    assert display.ax_[0].get_title("left") == "3 steps ahead"


@pytest.mark.parametrize(
    ("index", "first", "label"),
    [
        (pd.period_range("2024-01", periods=3, freq="M"), np.datetime64("2024-01-01"), "time"),
        (pd.timedelta_range("1h", periods=3, freq="h", name="age"), 1.0, "age (hours)"),
        (pd.date_range("2024-01-01", periods=3, tz="Asia/Tokyo"), np.datetime64("2024-01-01"), "time"),
        (pd.RangeIndex(7, 10), 7, "row"),
    ],
)
def test_all_kinds_of_times_can_be_drawn(index, first, label):
    values = pd.Series([1.0, 2.0, 3.0], index=index)
    display = ForecastDisplay.from_predictions(values, values + 1, origin=index[0])
    assert drawn(display.forecast_lines_[0])[0][0] == first
    assert display.origin_lines_[0].get_xdata()[0] == first
    assert display.ax_[0].get_xlabel() == label
    display.figure_.canvas.draw()


def test_outputs_have_axes_of_their_own():
    y = pd.DataFrame({"load": [1.0, 2.0], "price": [3.0, 4.0]})
    display = ForecastDisplay.from_predictions(y, y + 1)
    assert [ax.get_title() for ax in display.ax_] == ["load", "price"]


def test_many_series_are_cut_to_the_first_and_the_message_says_so():
    index = pd.MultiIndex.from_product([range(12), range(2)])
    display = ForecastDisplay.from_predictions(None, pd.Series(0.0, index=index))
    assert len(display.ax_) == 9
    assert display.figure_.get_suptitle() == "2 steps ahead, 9 of 12 series"


def test_one_axes_is_divided_and_several_are_taken_as_they_are(plt):
    index = pd.MultiIndex.from_product([["a", "b"], range(2)])
    y = pd.Series(0.0, index=index)
    figure, ax = plt.subplots()
    assert ForecastDisplay.from_predictions(y, y, ax=ax).figure_ is figure
    _, axes = plt.subplots(1, 2)
    assert list(ForecastDisplay.from_predictions(y, y, ax=axes).ax_) == list(axes)
    with pytest.raises(ValueError, match="draws on 2 axes, but ax holds 3"):
        ForecastDisplay.from_predictions(y, y, ax=plt.subplots(1, 3)[1])


def test_what_does_not_fit_together_is_refused(load):
    with pytest.raises(ValueError, match=r"y_true has shape \(2, 1\), but the predictions have shape \(3, 1\)"):
        ForecastDisplay.from_predictions([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="history holds int64, but that of y_pred datetime64"):
        ForecastDisplay.from_predictions(None, load["load"], history=[1.0])
    with pytest.raises(ValueError, match="series must name series"):
        ForecastDisplay.from_predictions(None, load["load"], series=["x"])
    model = linear().fit(load, load["load"])
    with pytest.raises(ValueError, match="needs more"):
        ForecastDisplay.from_estimator(model, load[:10], load["load"][:10], steps=10)
    with pytest.raises(ValueError, match="no row up to origin"):
        ForecastDisplay.from_estimator(model, load, load["load"], steps=2, origin=pd.Timestamp("2020"))
    with pytest.raises(ValueError, match="as many rows"):
        ForecastDisplay.from_estimator(model, load, load["load"][1:], steps=2)
