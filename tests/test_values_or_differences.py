"""Values or differences: chosen where later rows show it, and never by luck."""

import numpy as np
import pytest

from skrnn._model.values_or_differences import values_tell_more


def table(rng, n=1200):
    """Values (n, 5) around levels that differ from row to row, and their differences from the last one."""
    values = 2 * rng.normal(size=(n, 1)) + rng.normal(size=(n, 5))
    return values, values - values[:, -1:]


@pytest.mark.parametrize("column", [1, 4])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_values_are_chosen_where_they_tell_more(rng, column, n_targets):
    values, differences = table(rng)
    target = np.abs(values[:, column]) + 0.3 * rng.normal(size=(n_targets, 1200))
    assert values_tell_more(values, differences, target.T, np.ones(1200))


def test_differences_are_chosen_where_they_tell_more_or_neither_tells_anything(rng):
    values, differences = table(rng)
    for target in (np.abs(differences[:, 1]), np.abs(differences[:, 1] - differences[:, 3]), np.zeros(1200)):
        noisy = target + 0.3 * rng.normal(size=1200)
        assert not values_tell_more(values, differences, noisy[:, None], np.ones(1200))


def test_what_values_tell_must_hold_for_the_last_quarter(rng):
    values, differences = table(rng)
    target = np.where(np.arange(1200) < 900, 1, -1) * np.abs(values[:, 1])
    assert not values_tell_more(values, differences, target[:, None], np.ones(1200))


def test_rows_of_little_weight_count_little(rng):
    values, differences = table(rng)
    target = np.abs(values[:, 1])
    target[::2] = np.abs(differences[::2, 1])
    for some, chosen in ((slice(1, None, 2), True), (slice(0, None, 2), False)):
        weight = np.full(1200, 1e-6)
        weight[some] = 1.0
        assert values_tell_more(values, differences, target[:, None], weight) == chosen


def test_noise_is_hardly_ever_chosen():
    chosen = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values, differences = table(rng, 400)
        chosen += values_tell_more(values, differences, rng.normal(size=(400, 1)), np.ones(400))
    assert chosen <= 2
