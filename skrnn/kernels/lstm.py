"""The time loop of an LSTM layer.

For each step with input x, state h and cell c (Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al.,
2000, in the form of ``torch.nn.LSTM``)

| i, f, o = sigmoid(W_i* x + b_i* + W_h* h + b_h*), each with weights of its own
| g = tanh(W_ig x + b_ig + W_hg h + b_hg)
| c <- f c + i g
| h <- o tanh(c)

and backwards, with d for the derivative of the loss by what follows it and c' for the cell before the step,

| do = dh tanh(c) o (1 - o),  dc <- dc + dh o (1 - tanh(c)^2)
| di = dc g i (1 - i),  df = dc c' f (1 - f),  dg = dc i (1 - g^2)
| dc <- dc f,  dh <- di W_hi + df W_hf + dg W_hg + do W_ho

where di, df, dg, do stand for the arguments of sigmoid and tanh.
"""

from __future__ import annotations

from skrnn.kernels import Kernel
from skrnn.kernels.activations import apply_sigmoid, apply_tanh, tanh
from skrnn.kernels.blocks import add, add_gradients, block, carry_over, clear, project, unpack
from skrnn.kernels.jit import compiled
from skrnn.kernels.products import add_product, flat, panels_of

N = 4  # gates that have weights


def kernel() -> Kernel:
    """The loops of ``torch.nn.LSTM``."""
    return Kernel(forward, backward, n_states=2, n_gates=4)


@compiled
def forward(x, observed, weights, gates, states, size, reverse):
    """See ``skrnn.kernels``."""
    n_steps, h, cell, shift = x.shape[0], states[0], states[1], (2 if reverse else 0)
    w_ih, w_hh, _, _ = unpack(weights, N, gates.shape[3], x.shape[2])
    of_inputs = panels_of(w_ih, x.shape[0] * x.shape[1], True)
    of_states = panels_of(w_hh, x.shape[1] if n_steps > 1 else 0, True)
    for k in range((n_steps + size - 1) // size):
        first, length, offset = block(k, size, n_steps, gates.shape[1], reverse)
        project(x, weights, N, of_inputs, gates, first, length, offset)
        for s in range(length):
            t = first + (length - 1 - s if reverse else s)
            i, f, g, o = gates[0, t + offset], gates[1, t + offset], gates[2, t + offset], gates[3, t + offset]
            before, after, c_before, c_after = h[t + shift], h[t + 1], cell[t + shift], cell[t + 1]
            for gate in range(4 if k > 0 or s > 0 else 0):  # sequences start from zeros
                add_product(gates[gate, t + offset], before, w_hh, of_states, gate, True)
            _step(flat(i), flat(f), flat(g), flat(o), flat(c_before), flat(c_after), flat(after))
            if observed.size:
                carry_over(observed[t], before, after)
                carry_over(observed[t], c_before, c_after)


@compiled
def backward(x, observed, weights, gates, states, slope, work, gradient, dx, size, reverse):
    """See ``skrnn.kernels``."""
    n_steps, h, cell, shift = x.shape[0], states[0], states[1], (2 if reverse else 0)
    _, w_hh, _, _ = unpack(weights, N, gates.shape[3], x.shape[2])
    panels = panels_of(w_hh, x.shape[1] if n_steps > 1 else 0, False)
    dh, dc, passed, c_passed = work[0], work[1], work[2], work[3]
    for k in range((n_steps + size - 1) // size - 1, -1, -1):
        first, length, _ = block(k, size, n_steps, n_steps, reverse)
        for s in range(length):
            t = first + (s if reverse else length - 1 - s)
            if slope.size:
                add(flat(dh), flat(slope[t]))
            i, f, g, o = gates[0, t], gates[1, t], gates[2, t], gates[3, t]
            c_before, c_after = cell[t + shift], cell[t + 1]
            _step_back(
                flat(i), flat(f), flat(g), flat(o), flat(c_before), flat(c_after), flat(dh), flat(dc), flat(c_passed)
            )
            passed[:] = 0
            if observed.size:
                carry_over(observed[t], dh, passed)
                carry_over(observed[t], dc, c_passed)
                clear(observed[t], gates, t)
            for gate in range(4 if k > 0 or s < length - 1 else 0):
                add_product(passed, gates[gate, t], w_hh, panels, gate, False)
            dh, passed, dc, c_passed = passed, dh, c_passed, dc
        add_gradients(x, weights, N, gates, h, first, length, shift, gradient, dx)


@compiled
def _step(i, f, g, o, c_before, c_after, after):
    apply_sigmoid(i)
    apply_sigmoid(f)
    apply_tanh(g)
    apply_sigmoid(o)
    for k in range(after.shape[0]):
        c_after[k] = f[k] * c_before[k] + i[k] * g[k]
    for k in range(after.shape[0]):
        after[k] = o[k] * tanh(c_after[k])


@compiled
def _step_back(i, f, g, o, c_before, c_after, dh, dc, c_passed):
    one = dh.dtype.type(1)
    for k in range(dh.shape[0]):
        i_, f_, g_, o_, t = i[k], f[k], g[k], o[k], tanh(c_after[k])
        d = dc[k] + dh[k] * o_ * (one - t * t)
        o[k] = dh[k] * t * o_ * (one - o_)
        i[k] = d * g_ * i_ * (one - i_)
        f[k] = d * c_before[k] * f_ * (one - f_)
        g[k] = d * i_ * (one - g_ * g_)
        c_passed[k] = d * f_
