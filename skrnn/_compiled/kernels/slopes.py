"""Derivatives of losses by raw outputs (answer, width), for targets (answer, n_targets).

Each is the ``gradient`` of a loss in ``skrnn._model.losses``, with what it is built with as ``parameters``.
"""

from __future__ import annotations

import math

from skrnn._compiled.kernels.activations import sigmoid
from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Numbers, compiled_into_callers, form, leaf, number

_LARGEST = 30.0  # as in the losses


@form
def slope_at(parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int) -> None:
    """One of the functions below."""


@leaf
def squared_error(
    parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int
) -> None:
    share = number(2) / number(n_targets)
    for i in range(n * width):
        out[i] = (raw[i] - y[i]) * share


@leaf
def absolute_error(
    parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int
) -> None:
    for i in range(n * width):
        out[i] = number(int(raw[i] > y[i]) - int(raw[i] < y[i])) / number(n_targets)


@leaf
def huber(parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int) -> None:
    """``parameters`` is delta."""
    for i in range(n * width):
        out[i] = _within(raw[i] - y[i], parameters[0]) / number(n_targets)


@leaf
def quantile(parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int) -> None:
    """``parameters`` are the levels; raw outputs are (answer, target, level)."""
    n_levels = width // n_targets
    for i in range(n * n_targets):
        for j in range(n_levels):
            k = i * n_levels + j
            out[k] = (number(int(y[i] - raw[k] < 0)) - parameters[j]) / number(width)


@leaf
def poisson(parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int) -> None:
    for i in range(n * width):
        largest = raw[i]
        if largest > number(_LARGEST):  # written so that NaN stays NaN
            largest = number(_LARGEST)
        out[i] = (math.exp(largest) - y[i]) / number(n_targets)


@leaf
def gaussian(parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int) -> None:
    """Raw outputs are all means, then all log-variances."""
    one, two = number(1), number(2)
    for i in range(n):
        means, targets, by_means = at(raw, i * width), at(y, i * n_targets), at(out, i * width)
        variances, by_variances = at(means, n_targets), at(by_means, n_targets)
        for j in range(n_targets):
            inner = _within(variances[j], number(_LARGEST / 2))
            error = means[j] - targets[j]
            by_mean = error * math.exp(-inner)
            by_variance = (one - error * by_mean) / two
            if variances[j] != inner:  # also where it is NaN
                by_variance = number(int(variances[j] > inner) - int(variances[j] < inner)) / two
            by_means[j] = by_mean / number(n_targets)
            by_variances[j] = by_variance / number(n_targets)


@leaf
def log_loss(parameters: Numbers, raw: Numbers, y: Numbers, out: Numbers, n: int, width: int, n_targets: int) -> None:
    """One output for two classes, or one for each of more."""
    if width == 1:
        for i in range(n):
            out[i] = sigmoid(raw[i]) - y[i]
        return
    for i in range(n):
        row, targets, by_row = at(raw, i * width), at(y, i * width), at(out, i * width)
        largest, total = row[0], number(0)
        for j in range(width):
            largest = max(largest, row[j])
        for j in range(width):
            by_row[j] = math.exp(row[j] - largest)
            total += by_row[j]
        for j in range(width):
            by_row[j] = by_row[j] / total - targets[j]


@compiled_into_callers
def _within(x, bound):
    """The nearest number from -bound to bound; NaN stays NaN."""
    if x > bound:
        x = bound
    if x < -bound:
        x = -bound
    return x
