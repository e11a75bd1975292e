"""The time loop of a simple recurrent layer.

For each step with input x and state h (Elman, 1990, in the form of ``torch.nn.RNN``)

| h <- f(W_ih x + b_ih + W_hh h + b_hh)

with f = tanh or relu, and backwards, with d for the derivative of the loss by what follows it,

| da = dh f',  where f' is 1 - h^2 or (h > 0)
| dh <- da W_hh

where da stands for the argument of f.
"""

from __future__ import annotations

from skrnn._compiled.kernels import Kernel
from skrnn._compiled.kernels.activations import tanh
from skrnn._compiled.kernels.blocks import add, add_gradients, block, carry_over, clear, project, put_zeros
from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Flags, Numbers, leaf, number
from skrnn._compiled.kernels.products import add_product, lay_panels

N = 1  # gates that have weights


def kernel(nonlinearity: str = "tanh") -> Kernel:
    """The loops of ``torch.nn.RNN``."""
    return Kernel(forward, backward, n_states=1, n_gates=1, option=int(nonlinearity == "relu"))


@leaf
def forward(
    option: int, x: Numbers, observed: Flags, weights: Numbers, gates: Numbers, states: Numbers, of_inputs: Numbers,
    of_states: Numbers, n_steps: int, batch: int, n_channels: int, hidden: int, n_kept: int, size: int, gaps: int,
    reverse: int, given: int,
) -> None:  # fmt: skip
    """See ``skrnn._compiled.kernels``."""
    run, shift = batch * hidden, (2 if reverse else 0)
    gate_size, w_hh = n_kept * run, at(weights, N * hidden * n_channels)
    lay_panels(of_inputs, weights, N, n_steps * batch, hidden, n_channels, 1)
    lay_panels(of_states, w_hh, N, batch if n_steps > 1 or given else 0, hidden, hidden, 1)
    for k in range((n_steps + size - 1) // size):
        first, length, offset = block(k, size, n_steps, n_kept, reverse)
        block_gates, block_x = at(gates, (first + offset) * run), at(x, first * batch * n_channels)
        project(block_gates, block_x, weights, of_inputs, N, 1, gate_size, length * batch, hidden, n_channels)
        for i in range(length):
            t = first + (length - 1 - i if reverse else i)
            a, before, after = at(gates, (t + offset) * run), at(states, (t + shift) * run), at(states, (t + 1) * run)
            if given or k > 0 or i > 0:  # others start from zeros
                add_product(a, before, w_hh, of_states, 0, batch, hidden, hidden, 1, 0)
            step(a, after, run, option)
            if gaps:
                carry_over(at(observed, t * batch), before, after, batch, hidden)


@leaf
def backward(
    option: int, x: Numbers, observed: Flags, weights: Numbers, gates: Numbers, states: Numbers, slope: Numbers,
    work: Numbers, gradient: Numbers, dx: Numbers, of_states: Numbers, ones: Numbers, n_steps: int, batch: int,
    n_channels: int, hidden: int, size: int, gaps: int, every_step: int, to_inputs: int, reverse: int,
) -> None:  # fmt: skip
    """See ``skrnn._compiled.kernels``."""
    run, shift = batch * hidden, (2 if reverse else 0)
    gate_size, w_hh = n_steps * run, at(weights, N * hidden * n_channels)
    lay_panels(of_states, w_hh, N, batch if n_steps > 1 else 0, hidden, hidden, 0)
    dh, passed = at(work, 0), at(work, run)
    for k in range((n_steps + size - 1) // size - 1, -1, -1):
        first, length, _ = block(k, size, n_steps, n_steps, reverse)
        for i in range(length):
            t = first + (i if reverse else length - 1 - i)
            if every_step:
                add(dh, at(slope, t * run), run)
            a = at(gates, t * run)
            step_back(a, at(states, (t + 1) * run), dh, run, option)
            put_zeros(at(passed, 0 if gaps else run - hidden), run if gaps else hidden)
            if gaps:
                carry_over(at(observed, t * batch), dh, passed, batch, hidden)
                clear(at(observed, t * batch), a, 1, gate_size, batch, hidden)
            if k > 0 or i < length - 1:
                add_product(passed, a, w_hh, of_states, 0, batch, hidden, hidden, 0, not gaps)
            dh, passed = passed, dh
        block_gates, block_x = at(gates, first * run), at(x, first * batch * n_channels)
        block_dx, before = at(dx, first * batch * n_channels), at(states, (first + shift) * run)
        add_gradients(
            gradient, block_dx, to_inputs, block_x, weights, block_gates, before, ones,
            N, 1, gate_size, length * batch, hidden, n_channels,
        )  # fmt: skip


@leaf
def step(a: Numbers, after: Numbers, size: int, relu: int) -> None:
    """One step forwards."""
    zero = number(0)
    if relu:
        for i in range(size):
            after[i] = max(a[i], zero)  # NaN stays NaN
    else:
        for i in range(size):
            after[i] = tanh(a[i])


@leaf
def step_back(a: Numbers, after: Numbers, dh: Numbers, size: int, relu: int) -> None:
    """One step backwards."""
    zero, one = number(0), number(1)
    if relu:
        for i in range(size):
            a[i] = dh[i] if after[i] > zero else zero
    else:
        for i in range(size):
            a[i] = dh[i] * (one - after[i] * after[i])
