"""The channel that holds a target's own past, found in sequences of one series or of several."""

import numpy as np
import pandas as pd
import pytest
from conftest import ar_series, windows
from hypothesis import given
from hypothesis import strategies as st

from skrnn import SlidingWindowTransformer, horizon_targets
from skrnn._data.sequences import Sequences
from skrnn._model.timeline import find_past


def found(X, y):
    """Channels, slopes and offsets (target,) of windows and their targets."""
    return find_past(Sequences.of(X), y.reshape(len(y), -1))


@given(
    size=st.integers(1, 9),
    horizon=st.integers(1, 9),
    slope=st.sampled_from([1e-9, 1.0, 1e9]),
    offset=st.sampled_from([0.0, -1e3]),
    place=st.integers(0, 2),
)
def test_it_is_found_at_any_place_horizon_and_unit(size, horizon, slope, offset, place):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(80, 3))
    x = table[:, place] = ar_series(rng, 80)
    X = np.lib.stride_tricks.sliding_window_view(table, size, axis=0)[: 81 - size - horizon].swapaxes(1, 2).copy()
    channel, slopes, offsets = found(X, slope * x[size + horizon - 1 :] + slope * offset)
    np.testing.assert_array_equal(channel, place)
    np.testing.assert_allclose([slopes[0], offsets[0]], [slope, slope * offset], rtol=1e-9, atol=1e-9 * slope)


def test_a_target_that_falls_where_the_channel_rises_has_none(rng):
    X, y = windows(ar_series(rng), 6)
    assert found(X, y)[0] == 0
    assert found(X, -y)[0] == -1


@pytest.mark.parametrize("kind", ["shuffled", "of another series", "of random sequences", "almost a channel"])
def test_without_a_past_there_is_none(rng, kind):
    X, y = windows(ar_series(rng), 6)
    order = rng.permutation(len(y))
    X, y = {
        "shuffled": (X[order].copy(), y[order]),
        "of another series": (X, ar_series(rng)[6:]),
        "of random sequences": (rng.normal(size=(50, 4, 2)), rng.normal(size=50)),
        "almost a channel": (X, y + 0.01 * rng.normal(size=len(y))),
    }[kind]
    channel, slope, offset = found(X, y)
    assert (channel[0], slope[0], offset[0]) == (-1, 0, 0)


def test_one_target_far_out_makes_no_channel_a_past(rng):
    for _ in range(20):
        y = np.where(np.arange(200) == 70, 1e6, rng.normal(size=200))
        assert found(rng.normal(size=(200, 6, 2)), y)[0] == -1


def test_it_is_found_beside_a_value_far_out(rng):
    x = ar_series(rng)
    x[70] = 1e6
    channel, slope, _ = found(*windows(x, 6))
    assert channel == 0
    np.testing.assert_allclose(slope, 1, rtol=1e-9)


def test_all_targets_that_vary_have_one_or_none_has(rng):
    X, y = windows(ar_series(rng), 6)
    np.testing.assert_array_equal(found(X, np.column_stack([np.ones(len(y)), 2 * y]))[0], [-1, 0])
    np.testing.assert_array_equal(found(X, np.column_stack([rng.normal(size=len(y)), 2 * y]))[0], [-1, -1])


def test_it_is_found_for_all_steps_of_rows_that_are_left_out_in_panels(rng):
    hours = np.arange(400)
    series = [np.sin(2 * np.pi * hours / 24 + i) + 10 * i + 0.1 * ar_series(rng) for i in range(30)]
    index = pd.MultiIndex.from_product([range(30), hours])
    frame = pd.DataFrame({"load": np.concatenate(series)}, index=index)
    targets = horizon_targets(frame["load"], 30)
    rows = targets.notna().all(axis=1).to_numpy() & (np.tile(hours, 30) % 12 == 0)
    X = SlidingWindowTransformer(36, horizon=1, incomplete="ignore").fit_transform(frame)[rows]
    channel, slope, _ = found(X, targets.to_numpy()[rows])
    np.testing.assert_array_equal(channel, 0)
    np.testing.assert_allclose(slope, 1, rtol=1e-9)


@pytest.mark.parametrize(("holes", "dropped"), [(0.2, 0.0), (0.0, 0.2), (0.1, 0.1)])
def test_it_is_found_with_holes_and_without_some_rows(rng, holes, dropped):
    x = ar_series(rng, 900).cumsum()
    X, _ = windows(np.where(rng.random(900) < holes, np.nan, x), 40)
    rows = np.flatnonzero(rng.random(800) >= dropped)
    targets = np.stack([x[40 + ahead : 840 + ahead] for ahead in (0, 11, 23)], axis=1)
    channel, slope, _ = found(X[rows].copy(), targets[rows])
    np.testing.assert_array_equal(channel, 0)
    np.testing.assert_allclose(slope, 1, rtol=1e-9)


def test_series_in_turn_are_series(rng):
    table = np.stack([ar_series(rng, 150) for _ in range(5)])
    X = np.lib.stride_tricks.sliding_window_view(table, 8, axis=1)[:, :-1].swapaxes(0, 1).reshape(-1, 8, 1)
    np.testing.assert_allclose(found(X.copy(), table[:, 8:].T.ravel()), [[0], [1], [0]], atol=1e-9)


@pytest.mark.parametrize("size", [1e5, 1e7, 1e9, 1e11])
def test_the_past_is_found_beside_series_whose_spread_is_rounding(size):
    for seed in range(10):
        series = [(10 + np.random.default_rng([seed, i]).normal(size=105)) * [1, size][i] for i in (0, 1)]
        X, y = (np.concatenate(parts) for parts in zip(*(windows(x, 5) for x in series), strict=True))
        standard = ((y - y.mean()) / y.std())[:, None]
        channel, slope, offset = find_past(Sequences.of(X), standard, rounding=1e-12)
        assert channel[0] == 0
        np.testing.assert_allclose(slope[0] * y + offset[0], standard[:, 0], rtol=1e-12)
