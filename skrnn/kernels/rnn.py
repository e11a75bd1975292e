"""The time loop of a simple recurrent layer.

For each step with input x and state h (Elman, 1990, in the form of ``torch.nn.RNN``)

| h <- f(W_ih x + b_ih + W_hh h + b_hh)

with f = tanh or relu, and backwards, with d for the derivative of the loss by what follows it,

| da = dh f',  where f' is 1 - h^2 or (h > 0)
| dh <- da W_hh

where da stands for the argument of f.
"""

from __future__ import annotations

from functools import partial

from skrnn.kernels import Kernel
from skrnn.kernels.activations import tanh
from skrnn.kernels.blocks import add, add_gradients, block, carry_over, clear, project, unpack
from skrnn.kernels.jit import compiled
from skrnn.kernels.products import add_product, flat, panels_of

N = 1  # gates that have weights


def kernel(nonlinearity: str = "tanh") -> Kernel:
    """The loops of ``torch.nn.RNN``."""
    relu = nonlinearity == "relu"
    return Kernel(partial(forward, relu), partial(backward, relu), n_states=1, n_gates=1)


@compiled
def forward(relu, x, observed, weights, gates, states, size, reverse):
    """See ``skrnn.kernels``."""
    n_steps, h, shift = x.shape[0], states[0], (2 if reverse else 0)
    w_ih, w_hh, _, _ = unpack(weights, N, gates.shape[3], x.shape[2])
    of_inputs = panels_of(w_ih, x.shape[0] * x.shape[1], True)
    of_states = panels_of(w_hh, x.shape[1] if n_steps > 1 else 0, True)
    for k in range((n_steps + size - 1) // size):
        first, length, offset = block(k, size, n_steps, gates.shape[1], reverse)
        project(x, weights, N, of_inputs, gates, first, length, offset)
        for i in range(length):
            t = first + (length - 1 - i if reverse else i)
            a, before, after = gates[0, t + offset], h[t + shift], h[t + 1]
            if k > 0 or i > 0:  # sequences start from zeros
                add_product(a, before, w_hh, of_states, 0, True)
            _step(flat(a), flat(after), relu)
            if observed.size:
                carry_over(observed[t], before, after)


@compiled
def backward(relu, x, observed, weights, gates, states, slope, work, gradient, dx, size, reverse):
    """See ``skrnn.kernels``."""
    n_steps, h, shift = x.shape[0], states[0], (2 if reverse else 0)
    _, w_hh, _, _ = unpack(weights, N, gates.shape[3], x.shape[2])
    panels = panels_of(w_hh, x.shape[1] if n_steps > 1 else 0, False)
    dh, passed = work[0], work[1]
    for k in range((n_steps + size - 1) // size - 1, -1, -1):
        first, length, _ = block(k, size, n_steps, n_steps, reverse)
        for i in range(length):
            t = first + (i if reverse else length - 1 - i)
            if slope.size:
                add(flat(dh), flat(slope[t]))
            a = gates[0, t]
            _step_back(flat(a), flat(h[t + 1]), flat(dh), relu)
            passed[:] = 0
            if observed.size:
                carry_over(observed[t], dh, passed)
                clear(observed[t], gates, t)
            if k > 0 or i < length - 1:
                add_product(passed, a, w_hh, panels, 0, False)
            dh, passed = passed, dh
        add_gradients(x, weights, N, gates, h, first, length, shift, gradient, dx)


@compiled
def _step(a, after, relu):
    zero = a.dtype.type(0)
    if relu:
        for i in range(after.shape[0]):
            after[i] = max(a[i], zero)  # NaN stays NaN
    else:
        for i in range(after.shape[0]):
            after[i] = tanh(a[i])


@compiled
def _step_back(a, after, dh, relu):
    zero, one = a.dtype.type(0), a.dtype.type(1)
    if relu:
        for i in range(dh.shape[0]):
            a[i] = dh[i] if after[i] > zero else zero
    else:
        for i in range(dh.shape[0]):
            a[i] = dh[i] * (one - after[i] * after[i])
