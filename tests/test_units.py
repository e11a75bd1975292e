"""From X and y to the numbers that a network reads and answers, and back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import ar_series, windows

from skrnn._data.examples import Examples
from skrnn._data.sequences import Sequences
from skrnn._data.units import Scale
from skrnn._model.anchor import Anchor
from skrnn._model.units import Units

ANCHOR = Anchor(np.array([0]), np.array([2.0]), np.array([5.0]), only_changes=False)


@pytest.fixture
def examples(rng):
    """Windows (394, 6, 2) of a series beside noise, and the next value in another unit."""
    x = 100 + 3 * ar_series(rng)
    X = np.stack([windows(x, 6)[0][..., 0], rng.normal(size=(394, 6))], axis=2)
    return Examples(Sequences.of(X), 2 * windows(x, 6)[1][:, None] + 5, rng.integers(1, 4, 394).astype(float))


def units_of(examples, anchor=ANCHOR, *, robust=False, missing="skip"):
    x = examples.sequences.scale(examples.weight, missing, robust=robust)
    units = Units(x, Scale.identity(1), missing)
    return units if anchor is None else units.anchored(anchor, examples, robust=robust)


def read(units, X, n_more=0):
    """What the network reads of windows (n, step, channel), the last channels behind the linear ones."""
    sequences = Sequences.of(X)
    cpu = torch.device("cpu")
    data = units.on_device(sequences, cpu, torch.float64, levels=units.levels(sequences))
    assert data.base.shape[1] == data.n_linear + n_more
    return data.take(slice(None))[0].numpy()


def windows_of(examples):
    """The windows (n, step, channel)."""
    return np.array([examples.sequences.base[start : start + 6] for start in examples.sequences.starts])


def test_anchored_channels_are_changes_from_the_last_value_in_units_of_these(examples):
    X = windows_of(examples)
    found = read(units_of(examples), X, n_more=1)
    changes = X[:, :, 0] - X[:, -1:, 0]
    rms = np.sqrt(np.average(changes**2, axis=0, weights=examples.weight).mean())
    np.testing.assert_allclose(found[:, :, 0], changes / rms, rtol=1e-9, atol=1e-12)
    for channel, other in ((1, X[:, :, 1]), (2, X[:, :, 0])):  # the others, and the values as they are, standardised
        mean = np.average(other, axis=0, weights=examples.weight).mean()
        std = np.sqrt(np.average((other - mean) ** 2, axis=0, weights=examples.weight).mean())
        np.testing.assert_allclose(found[:, :, channel], (other - mean) / std, rtol=1e-9, atol=1e-12)


def test_values_beyond_those_of_fit_fade_to_the_mean_within_one_standard_deviation(examples):
    units = units_of(examples)
    mean, std = units.values.mean[0], units.values.std[0]
    X = examples.sequences.base[:, 0]
    lowest, highest = X.min(), X.max()
    beyond = np.array([0.0, 0.25, 0.5, 1.0, 7.0, 1e300])
    for edge, values in ((highest, highest + beyond * std), (lowest, lowest - beyond * std)):
        windows = np.repeat(np.stack([values, np.zeros(6)], axis=1)[:, None], 6, axis=1)  # each at rest at one value
        found = read(units, windows, n_more=1)[:, :, 2]
        expected = (edge - mean) / std * np.array([1, 0.75, 0.5, 0, 0, 0])
        np.testing.assert_allclose(found, np.repeat(expected[:, None], 6, axis=1), atol=1e-9)


def test_changes_far_beyond_those_of_fit_are_read_as_twice_the_farthest(examples):
    units = units_of(examples)
    X = windows_of(examples)
    farthest = np.abs(X[:, :, 0] - X[:, -1:, 0]).max()
    X = X[:4]
    X[1, :3, 0] = X[1, -1, 0] + 1.9 * farthest
    X[2, :3, 0] = X[2, -1, 0] - [2.1 * farthest, 50 * farthest, 1e300]
    X[3, :, 0] += 1e6  # a jump that lies behind all of them
    found, plain = read(units, X, n_more=1)[:, :, :2] * units.x.std, X.copy()
    plain[:, :, 0] -= X[:, -1:, 0]
    plain[:, :, 1] -= units.x.mean[1]
    plain[2, :3, 0] = -2 * farthest
    np.testing.assert_allclose(found, plain, rtol=1e-9, atol=1e-6 * farthest)


def test_what_is_learnt_later_is_seen_too(examples):
    units = units_of(examples)
    sequences = examples.sequences.with_base(3 * examples.sequences.base)
    later = units.also_of(replace(examples, sequences=sequences), robust=False)
    assert later.seen.farthest == pytest.approx(3 * units.seen.farthest)
    assert later.seen.highest == max(units.seen.highest, 3 * units.seen.highest)
    assert units.also_of(examples, robust=False).seen.farthest == units.seen.farthest


def test_only_changes_are_read_where_these_are_asked_for(examples):
    only = Anchor(ANCHOR.channel, ANCHOR.slope, ANCHOR.offset, only_changes=True)
    X = np.arange(12.0).reshape(1, 6, 2)
    np.testing.assert_array_equal(read(units_of(examples, only), X), read(units_of(examples), X, n_more=1)[:, :, :2])


def test_missing_steps_are_the_mean_and_the_last_value_is_the_last_known_one(examples):
    units = units_of(examples)
    X = np.full((1, 6, 2), np.nan)
    X[0, 1:4] = [[110.0, 1.0], [120.0, 2.0], [130.0, 3.0]]
    found = read(units, X, n_more=1)[0]
    np.testing.assert_allclose(found[1:4, 0] * units.x.std[0], [-20, -10, 0], atol=1e-12)
    assert units.levels(Sequences.of(X)).values == 130
    assert units.levels(Sequences.of(np.full((1, 6, 2), np.nan))).values[0, 0] == units.x.mean[0]
    np.testing.assert_array_equal(found[[0, 4, 5], 1:], 0)


def test_the_missing_channel_stands_before_the_values(examples):
    units = units_of(examples, missing="indicator")
    X = np.arange(12.0).reshape(1, 6, 2) + 100
    X[0, 2, 0] = X[0, 4, 1] = np.nan
    assert units.n_inputs == (3, 4)
    found = read(units, X, n_more=1)[0]
    np.testing.assert_array_equal(found[:, 2], [0, 0, 1, 0, 1, 0])
    assert found[2, 3] == 0
    expected = (X[0, :2, 0].clip(units.seen.lowest[0], units.seen.highest[0]) - units.values.mean) / units.values.std
    np.testing.assert_allclose(found[:2, 3], expected, rtol=1e-9)


def test_targets_are_measured_from_the_anchor_and_back(examples):
    units = units_of(examples)
    levels = units.levels(examples.sequences)
    found = units.targets(examples.y, levels)
    last = examples.sequences.base[examples.sequences.starts + 5, 0]
    np.testing.assert_allclose(found[:, 0], examples.y[:, 0] - (2 * last + 5), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found * units.y.std + units.of_targets(levels).mean, examples.y, rtol=1e-12)


def test_one_spike_does_not_widen_robust_units(examples):
    before = units_of(examples, robust=True)
    base = examples.sequences.base.copy()
    base[200, 0] = 1e6
    spoilt = Examples(examples.sequences.with_base(base), examples.y, examples.weight)
    after = units_of(spoilt, robust=True)
    np.testing.assert_allclose(after.x.std, before.x.std, rtol=0.1)
    np.testing.assert_allclose(after.values.std, before.values.std, rtol=0.1)
    assert units_of(spoilt).x.std[0] > 100 * before.x.std[0]


@pytest.mark.parametrize("anchor", [None, ANCHOR])
def test_the_linear_part_in_the_units_of_users_gives_the_same_answers(examples, rng, anchor):
    units = units_of(examples, anchor)
    units = Units(units.x, Scale(np.array([0.3]), np.array([7.0])), "skip", anchor=anchor)
    coef, bias = rng.normal(size=(2, 6, 2)), rng.normal(size=2)
    X = rng.normal(size=(9, 6, 2)) + 100
    sequences = Sequences.of(X)
    raw = np.einsum("oij,nij->no", coef, read(units, X)) + bias
    answers = raw * 7 + units.of_targets(units.levels(sequences)).mean.reshape(-1, 1)
    found, intercept = units.linear_part(coef, bias, np.array([[1, 1]]))
    np.testing.assert_allclose(np.einsum("oij,nij->no", found, X) + intercept, answers, rtol=1e-10)
    found, intercept = units.linear_part(coef, bias, None)
    np.testing.assert_allclose(np.einsum("oij,nij->no", found, X) + intercept, raw, rtol=1e-10)
    found, intercept = units.linear_part(coef, bias, np.array([[0, 1]]))  # the first moves with no target: a variance
    np.testing.assert_allclose(np.einsum("oij,nij->no", found, X) + intercept, answers[:, 1:], rtol=1e-10)
