"""A trained network and an untrained linear start: the mean of the two as one model, or one of them alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from skrnn._model.model import Model
from skrnn._training.course import TrainingLog

# The loss of few held-out samples is noisy, and the mean of two different answers is seldom much worse than the better
# one. So one stays alone only if its loss is below this share of that of the mean, also with one more held-out sample
# that a constant answers: few samples that all happen to be told do not suffice.
_FAR_BELOW = 0.7


def share_of_network(
    trained: Model, log: TrainingLog, linear: Model, loss_of: Callable[[Model], float], n_held_out: int
) -> tuple[float, TrainingLog]:
    """The share of a trained network in the outputs beside an untrained linear one: a half, or all or nothing.

    The two have the same units; ``trained`` has no linear map, and ``linear`` nothing but one. If training was no
    better than a constant, there is nothing to be averaged, and the lower held-out loss decides. The log is that of the
    training, with the loss and the epoch of what stays.
    """
    of_linear = loss_of(linear)
    lower = min(log.best_loss, of_linear)
    if trained.uses_recurrence:
        loss = loss_of(mixed(trained, linear, 0.5))
        of_mean, of_lower = (n_held_out * some + log.initial_loss for some in (loss, lower))
        if of_mean - (1 - _FAR_BELOW) * abs(of_mean) <= of_lower:  # may be below 0, and that of the mean not finite
            return 0.5, replace(log, best_loss=loss)
    if lower == log.best_loss:
        return 1.0, log
    return 0.0, replace(log, best_loss=of_linear, best_epoch=0)


def mixed(trained: Model, linear: Model, share: float) -> Model:
    """One model whose outputs are those of a trained network, by its share, and of a linear one."""
    if not share:
        return replace(linear, training=replace(linear.training, n_epochs=trained.training.n_epochs))
    shares = dict.fromkeys(("head.weight", "head.bias", "linear.weight"), (share, 1 - share))
    weights = _sums(trained.weights, linear.weights, shares)
    first = _sums(trained.first_weights, linear.first_weights, {name: shares[name] for name in linear.first_weights})
    training = replace(trained.training, solver={})  # begun anew: its vectors lack the linear map
    return replace(
        linear, weights={**linear.weights, **trained.weights, **weights}, first_weights=first, training=training
    )


def _sums(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], shares: Mapping[str, tuple[float, float]]
) -> dict[str, np.ndarray]:
    """Weighted sums of some arrays; one that is not there counts as 0."""
    return {
        name: np.asarray(of_one * one.get(name, 0.0) + of_other * other.get(name, 0.0))
        for name, (of_one, of_other) in shares.items()
    }
