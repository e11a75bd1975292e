"""One more step of each sequence on the compiled loops."""

from __future__ import annotations

import numpy as np

from skrnn._compiled.kernels import Kernel
from skrnn._compiled.kernels.products import room_for_panels
from skrnn._compiled.linear import CompiledLinear
from skrnn._data.spec import NetworkSpec

_ALL = np.empty((0, 0), np.uint8)


def read_step(
    spec: NetworkSpec,
    arrays: dict[str, np.ndarray],
    kernel: Kernel,
    x: np.ndarray,
    observed: np.ndarray | None,
    before: tuple[np.ndarray, ...] | None,
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """What ``RecurrentNetwork.step`` gives, of networks without norms. Nothing is kept, so that it starts at once.

    Parameters
    ----------
    spec : NetworkSpec
        What the network is built from.
    arrays : dict of ndarray
        Its weights, in the names and the order of ``RecurrentNetwork.arrays``.
    kernel : Kernel
        The loops of its layers.
    x : ndarray of shape (batch, channel)
        Inputs, without NaN.
    observed : ndarray of shape (batch,), bool, or None
        Sequences whose step is read; None for all.
    before : tuple of ndarray of shape (state, batch, hidden), or None
        All states of each layer so far; None where sequences start.

    Returns
    -------
    raw : ndarray of shape (batch, width)
        Outputs of the head.
    after : tuple of ndarray of shape (state, batch, hidden)
        All states, new arrays.
    """
    seen, after = _ALL if observed is None else observed.view(np.uint8)[None], []
    for i in range(spec.num_layers):
        weights = [array.ravel() for name, array in arrays.items() if name.startswith(f"layers.{i}.")]
        states = _read_layer(
            kernel, np.concatenate(weights), x, seen, spec.hidden_size, None if before is None else before[i]
        )
        after.append(states)
        x = states[0]
    return CompiledLinear(arrays["head.weight"], arrays["head.bias"]).forward(x), tuple(after)


def _read_layer(
    kernel: Kernel, weights: np.ndarray, x: np.ndarray, seen: np.ndarray, hidden: int, before: np.ndarray | None
) -> np.ndarray:
    """States (state, batch, hidden) of one layer."""
    (batch, n_channels), dtype = x.shape, weights.dtype
    states = np.zeros((kernel.n_states, 3, batch, hidden), dtype)
    if before is not None:
        if len(before) != kernel.n_states:
            raise ValueError(f"state must hold {kernel.n_states} states of each layer; got {len(before)}.")
        states[:, 0] = before
    gates = np.empty((kernel.n_gates, 1, batch, hidden), dtype)
    of_inputs, of_states = (
        np.empty(kernel.n_gates * room_for_panels(hidden, k, dtype.itemsize), dtype) for k in (n_channels, hidden)
    )
    forward = kernel.forwards(dtype)
    forward(x[None], seen, weights, gates, states, of_inputs, of_states, 1, False, before is not None)
    return states[:, 1].copy()
