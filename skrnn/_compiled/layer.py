"""One recurrent layer on the compiled loops, in one or both directions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from skrnn._compiled.inputs import Inputs
from skrnn._compiled.kernels import Kernel
from skrnn._compiled.kernels.blocks import gather
from skrnn._compiled.kernels.products import room_for_panels
from skrnn._compiled.memory import in_lines
from skrnn._compiled.threads import share

_WORTH_SHARING = 2**18  # numbers


class CompiledLayer:
    """A layer whose batch is divided among threads: each runs the whole time loop of its share.

    Parameters
    ----------
    kernel : Kernel
        The loops.
    hidden_size : int
        Number of units.
    weights : ndarray of shape (direction, m)
        Weights of each direction, one after another as in torch's layer.
    gradient : ndarray of shape (direction, m)
        Where ``backward`` adds their derivatives.
    """

    def __init__(self, kernel: Kernel, hidden_size: int, weights: np.ndarray, gradient: np.ndarray) -> None:
        self._width = hidden_size * len(weights)
        self._shares = [_Share(kernel, hidden_size, weights, gradient)]
        self._parts = [slice(0)]

    def forward(self, inputs: Inputs, n_shares: int, *, every_step: bool, keep: bool) -> np.ndarray:
        """Read sequences.

        Parameters
        ----------
        inputs : Inputs
            What is read.
        n_shares : int
            Number of threads.
        every_step : bool
            Whether the states after each step are wanted, or those after all steps.
        keep : bool
            Whether ``backward`` will follow.

        Returns
        -------
        states : ndarray of shape (step, batch, hidden * directions) or (batch, hidden * directions)
            A new array.
        """
        batch, first = len(inputs.starts), self._shares[0]
        shape = (inputs.n_steps, batch, self._width) if every_step else (batch, self._width)
        states = np.empty(shape, inputs.values.dtype)
        if self._parts[-1].stop != batch or len(self._parts) != n_shares:
            self._parts = [slice(batch * i // n_shares, batch * (i + 1) // n_shares) for i in range(n_shares)]
        while len(self._shares) < n_shares:
            self._shares.append(first.beside())

        _copy(lambda i: self._shares[i].take(inputs, self._parts[i], keep), n_shares, inputs.n_numbers)
        share(lambda i: self._shares[i].forward(), n_shares)
        _copy(lambda i: self._shares[i].give_states(states[..., self._parts[i], :]), n_shares, states.size)
        return states

    def backward(self, slope: np.ndarray, *, to_inputs: bool) -> np.ndarray | None:
        """Add to the gradients of the weights, after ``forward``.

        Parameters
        ----------
        slope : ndarray
            Derivative of the loss by what ``forward`` returned.
        to_inputs : bool
            Whether the derivative by the inputs is wanted.

        Returns
        -------
        slope : ndarray of shape (step, batch, channel) or None
            The derivative by the inputs.
        """
        first, n_shares = self._shares[0], len(self._parts)
        dx = None
        _copy(lambda i: self._shares[i].take_slope(slope[..., self._parts[i], :], to_inputs), n_shares, slope.size)
        share(lambda i: self._shares[i].backward(), n_shares)
        if to_inputs:
            n_steps, _, n_channels = first.x.shape
            dx = by_inputs = np.empty((n_steps, self._parts[-1].stop, n_channels), slope.dtype)
            _copy(lambda i: self._shares[i].give_slope(by_inputs[:, self._parts[i]]), n_shares, by_inputs.size)
        for other in self._shares[1:n_shares]:
            first.gradient += other.gradient
            other.gradient[...] = 0
        return dx


class _Share:
    """One thread's part of a batch. Its arrays are kept from batch to batch, since fresh memory is slow."""

    def __init__(self, kernel: Kernel, hidden_size: int, weights: np.ndarray, gradient: np.ndarray) -> None:
        self.kernel = kernel
        self.hidden = hidden_size
        self.weights = weights
        self.gradient = gradient
        self._memory: dict[str, np.ndarray] = {}
        self._shape: tuple[int, int, int, bool] | None = None
        self._empty = np.empty((0, 0, 0), weights.dtype)
        self._gather = gather.of(weights.dtype)

    def beside(self) -> _Share:
        """A share for another thread, with a gradient of its own."""
        return _Share(self.kernel, self.hidden, self.weights, np.zeros_like(self.gradient))

    def take(self, inputs: Inputs, part: slice, keep: bool) -> None:
        """Gather a part of the inputs."""
        starts = inputs.starts[part]
        shape = inputs.n_steps, len(starts), inputs.width, keep
        if shape != self._shape:
            self._lay_out(*shape)
        self._gather(inputs.values, starts, inputs.stride, self.x)
        if inputs.level is not None:
            self.x -= inputs.level[part]
        if inputs.factor is not None:
            self.x *= inputs.factor[part]
            self.x[np.isnan(self.x)] = 0
        self.observed = inputs.take_observed(part)

    def forward(self) -> None:
        forward = self.kernel.forwards(self.weights.dtype)
        for i, weights in enumerate(self.weights):
            forward(self.x, self.observed, weights, *self.arrays[i], *self.room, self.size, bool(i), False)

    def give_states(self, out: np.ndarray) -> None:
        """Copy the states after each step or after all steps, as ``out`` (..., batch, hidden * directions) has room."""
        for i, (_, states) in enumerate(self.arrays):
            out[..., self._columns(i)] = states[0, 1:-1] if out.ndim == 3 else states[0, 1 if i else -2]

    def take_slope(self, slope: np.ndarray, to_inputs: bool) -> None:
        """Copy the derivative by what ``give_states`` gave."""
        self.dx = self._array("dx", *self.x.shape) if to_inputs else self._empty
        self.dx[...] = 0
        self.work[...] = 0
        self.slopes = [self._empty] * len(self.weights)
        for i in range(len(self.weights)):
            if slope.ndim == 3:
                self.slopes[i] = np.ascontiguousarray(slope[..., self._columns(i)])
            else:
                self.work[i, 0] = slope[..., self._columns(i)]

    def backward(self) -> None:
        backward = self.kernel.backwards(self.weights.dtype)
        for i, (weights, gradient) in enumerate(zip(self.weights, self.gradient, strict=True)):
            arrays = weights, *self.arrays[i], self.slopes[i], self.work[i], gradient, self.dx, self.room[1], self.ones
            backward(self.x, self.observed, *arrays, self.size, bool(i))

    def give_slope(self, out: np.ndarray) -> None:
        """Copy the derivative by the inputs (step, batch, channel)."""
        out[...] = self.dx

    def _columns(self, direction: int) -> slice:
        return slice(direction * self.hidden, (direction + 1) * self.hidden)

    def _lay_out(self, n_steps: int, batch: int, n_channels: int, keep: bool) -> None:
        """Arrays for a shape of batch; ``arrays`` are the gates and the states of each direction."""
        self._shape = n_steps, batch, n_channels, keep
        kernel, n_directions, hidden = self.kernel, len(self.weights), self.hidden
        self.size = kernel.steps_per_block(n_steps, batch, hidden)
        self.x = self._array("x", n_steps, batch, n_channels)
        n_kept = n_steps if keep else self.size
        gates = self._array("gates", n_directions, kernel.n_gates, n_kept, batch, hidden)
        states = self._array("states", n_directions, kernel.n_states, n_steps + 2, batch, hidden)
        states[:, :, [0, -1]] = 0
        self.work = self._array("work", n_directions, 2 * kernel.n_states, batch, hidden)
        self.arrays = list(zip(gates, states, strict=True))
        sizes = (kernel.n_gates * room_for_panels(hidden, k, self.weights.itemsize) for k in (n_channels, hidden))
        self.room = [self._array(name, size) for name, size in zip(("of_inputs", "of_states"), sizes, strict=True)]
        self.ones = self._array("ones", self.size * batch)
        self.ones[...] = 1

    def _array(self, name: str, *shape: int) -> np.ndarray:
        """An array with memory of its own, which is kept; its content is arbitrary."""
        size = math.prod(shape)
        if name not in self._memory or self._memory[name].size < size:
            self._memory[name] = in_lines(size, self.weights.dtype)
        return self._memory[name][:size].reshape(shape)


def _copy(work: Callable[[int], None], n_shares: int, n_numbers: int) -> None:
    """Copy to or from all shares; one after another where that is sooner done than handed over."""
    if n_numbers >= _WORTH_SHARING:
        share(work, n_shares)
        return
    for i in range(n_shares):
        work(i)
