"""One more step of each sequence on the compiled loops."""

from __future__ import annotations

import numpy as np

from skrnn._compiled.kernels import Kernel
from skrnn._compiled.kernels.products import room_for_panels
from skrnn._compiled.linear import CompiledLinear
from skrnn._data.spec import NetworkSpec

_ALL = np.empty((0, 0), np.uint8)


class Steps:
    """Recurrent layers without norms, and a linear head, that read one step of some sequences.

    Parameters
    ----------
    spec : NetworkSpec
        What the network is built from.
    arrays : dict of ndarray
        Its weights, in the names and the order of ``RecurrentNetwork.arrays``.
    kernel : Kernel
        The loops of its layers.
    """

    def __init__(self, spec: NetworkSpec, arrays: dict[str, np.ndarray], kernel: Kernel) -> None:
        self._kernel, self._hidden = kernel, spec.hidden_size
        self._layers = [
            np.concatenate([array.ravel() for name, array in arrays.items() if name.startswith(f"layers.{i}.")])
            for i in range(spec.num_layers)
        ]
        self._dtype = self._layers[0].dtype
        self._head = CompiledLinear(arrays["head.weight"], arrays["head.bias"])
        self._forward = kernel.forwards(self._dtype)

    def read(
        self, x: np.ndarray, observed: np.ndarray | None, before: tuple[np.ndarray, ...] | None
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """What ``RecurrentNetwork.step`` gives.

        Parameters
        ----------
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
        for i, weights in enumerate(self._layers):
            states = self._read_layer(weights, x, seen, None if before is None else before[i])
            after.append(states)
            x = states[0]
        return self._head.forward(x), tuple(after)

    def _read_layer(
        self, weights: np.ndarray, x: np.ndarray, seen: np.ndarray, before: np.ndarray | None
    ) -> np.ndarray:
        """States (state, batch, hidden) of one layer."""
        (batch, n_channels), kernel, hidden = x.shape, self._kernel, self._hidden
        states = np.zeros((kernel.n_states, 3, batch, hidden), self._dtype)
        if before is not None:
            states[:, 0] = before
        gates = np.empty((kernel.n_gates, 1, batch, hidden), self._dtype)
        of_inputs, of_states = (
            np.empty(kernel.n_gates * room_for_panels(hidden, k, self._dtype.itemsize), self._dtype)
            for k in (n_channels, hidden)
        )
        self._forward(x[None], seen, weights, gates, states, of_inputs, of_states, 1, False, before is not None)
        return states[:, 1].copy()
