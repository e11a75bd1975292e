"""One base array and row numbers: recognised, measured and taken as the dense windows would be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn import pad_sequences
from skrnn._data.sequences import Sequences, at_the_start, flat_windows
from skrnn._data.units import Scale


def view(n_rows, n_steps, n_channels, dtype=float, rng=None):
    rng = rng or np.random.default_rng(0)
    base = rng.normal(size=(n_rows, n_channels)).astype(dtype)
    return base, np.lib.stride_tricks.sliding_window_view(base, n_steps, axis=0).transpose(0, 2, 1)


def dense(sequences):
    return np.stack([sequences.base[start : start + sequences.n_steps] for start in sequences.starts])


@pytest.mark.parametrize(
    "cut",
    [
        lambda W: W,
        lambda W: W[3:9],
        lambda W: W[::2],
        lambda W: W[:, :, 1:],
        lambda W: W[:, 1:],
        lambda W: W[:1],
        lambda W: W[::-1],
        lambda W: W[:, ::-1],
        lambda W: W[::7],
        lambda W: W.copy(),
        lambda W: np.asfortranarray(W),
        lambda W: W[[5, 1, 1]],
    ],
)
def test_sequences_hold_what_the_windows_hold(cut):
    _, windows = view(30, 4, 3)
    np.testing.assert_array_equal(dense(Sequences.of(cut(windows))), cut(windows))


def test_base_of_a_view_is_shared_not_copied():
    base, windows = view(30, 4, 3)
    sequences = Sequences.of(windows)
    assert np.shares_memory(sequences.base, base)
    assert sequences.base.shape == base.shape


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 3), st.data())
def test_statistics_of_a_view_are_those_of_its_dense_windows(n_windows, n_steps, n_channels, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    base, windows = view(n_windows + n_steps - 1, n_steps, n_channels, rng=rng)
    base[rng.random(base.shape) < 0.2] = np.nan
    weight = rng.integers(1, 4, size=n_windows).astype(float)
    kept = np.sort(rng.choice(n_windows, size=rng.integers(1, n_windows + 1), replace=False))
    scale = Sequences.of(windows).take(kept).scale(weight[kept])

    steps = windows[kept].reshape(-1, n_channels)
    uses = np.repeat(weight[kept], n_steps)
    seen = ~np.isnan(steps).any(axis=1)
    seen = np.tile(seen[:, None], n_channels) if seen.any() else ~np.isnan(steps)  # else each channel by itself
    mean, std = np.zeros(n_channels), np.zeros(n_channels)
    for i in np.flatnonzero(seen.any(axis=0)):
        values, weights = steps[seen[:, i], i], uses[seen[:, i]]
        mean[i] = np.average(values, weights=weights)
        std[i] = np.sqrt(np.average((values - mean[i]) ** 2, weights=weights))
    np.testing.assert_allclose(scale.mean, mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(scale.std[std > 1e-12], std[std > 1e-12], rtol=1e-9)
    assert np.isinf(scale.std[std <= 1e-12]).all()  # what is constant counts for nothing


def test_statistics_do_not_depend_on_the_blocks(monkeypatch):
    _, windows = view(500, 7, 2)
    weight = np.random.default_rng(0).random(494)
    whole = Sequences.of(windows).scale(weight)
    monkeypatch.setattr("skrnn._data.sequences._BLOCK", 16)
    pieces = Sequences.of(windows).scale(weight)
    np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(pieces.std, whole.std, rtol=1e-12)
    assert Sequences.of(windows).observed().all()


def test_scale_and_its_inverse_cancel(rng):
    values = rng.normal(3, 5, size=(20, 2))
    scale = Scale.of(lambda: [(values, np.ones(20))], 2, values.dtype, "ab")
    scaled = scale.apply(values, np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    np.testing.assert_allclose(scale.invert(scaled), values)


def test_flat_windows_of_a_view_are_a_view():
    base, windows = view(30, 4, 3)
    flat = flat_windows(windows)
    np.testing.assert_array_equal(flat, windows.reshape(27, 12))
    assert np.shares_memory(flat, base)
    assert not flat.flags.writeable
    part = windows[:, :, 1:]
    np.testing.assert_array_equal(flat_windows(part), part.reshape(27, 8))


@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any),
    n_channels=st.none() | st.integers(1, 3),
    dtype=st.sampled_from([np.float32, np.float64, np.int64, bool]),
)
def test_padding_puts_nan_in_front_and_keeps_the_rest(lengths, n_channels, dtype):
    rng = np.random.default_rng(0)
    shape = () if n_channels is None else (n_channels,)
    sequences = [rng.integers(0, 2, size=(length, *shape)).astype(dtype) for length in lengths]
    padded = pad_sequences(sequences)
    assert padded.shape == (len(lengths), max(lengths), *shape)
    assert padded.dtype == (np.float32 if dtype is np.float32 else np.float64)
    for row, sequence in zip(padded, sequences, strict=True):
        n_padded = len(row) - len(sequence)
        assert np.isnan(row[:n_padded]).all()
        np.testing.assert_array_equal(row[n_padded:], sequence)


@pytest.mark.parametrize(
    ("sequences", "words"),
    [
        ([], "at least one"),
        ([[1.0], [[1.0]]], "sequence 1 has shape"),
        ([np.ones((2, 2)), np.ones((2, 3))], "channels"),
    ],
)
def test_sequences_that_do_not_fit_together_are_refused(sequences, words):
    with pytest.raises(ValueError, match=words):
        pad_sequences(sequences)


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    n_steps=st.integers(2, 6),
    n_channels=st.integers(1, 2),
    gaps=st.lists(st.integers(0, 40), max_size=3),
    copied=st.booleans(),
)
def test_windows_at_the_start_of_a_series_are_told_from_those_that_begin_with_a_gap(
    lengths, n_steps, n_channels, gaps, copied
):
    rng, windows, expected = np.random.default_rng(0), [], []
    for length in lengths:
        series = rng.normal(size=(n_steps - 1 + length, n_channels))
        series[: n_steps - 1] = np.nan
        # Not in the first row, nor so late that a window ends with nothing but gaps: the next series begins so.
        gaps_here = [n_steps + gap for gap in gaps if n_steps + gap <= len(series) - n_steps]
        series[gaps_here, 0] = np.nan
        view = np.lib.stride_tricks.sliding_window_view(series, n_steps, axis=0).transpose(0, 2, 1)
        windows.append(view)
        # A window alone, or the last one of a series that ends before its window is full, may be any sequence.
        expected.append((np.arange(length) < n_steps - 1) & (length > 1))
    X = windows[0] if len(windows) == 1 and not copied else np.concatenate(windows)
    np.testing.assert_array_equal(at_the_start(Sequences.of(X), "skip"), np.concatenate(expected))


def test_sequences_of_different_lengths_are_no_windows_of_a_series(rng):
    X = pad_sequences([rng.normal(size=(length, 2)) for length in (3, 5, 2, 4, 5, 1, 1)])
    assert not at_the_start(Sequences.of(X), "skip").any()
    assert not at_the_start(Sequences.of(np.full((4, 1, 1), np.nan)), "skip").any()
