"""The time loop of a GRU layer.

For each step with input x and state h (Cho et al., 2014, in the form of ``torch.nn.GRU``)

| r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
| z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
| q = W_hn h + b_hn
| n = tanh(W_in x + b_in + r q)
| h <- n + z (h - n)

and backwards, with d for the derivative of the loss by what follows it,

| dn = dh (1 - z) (1 - n^2),  dq = dn r
| dz = dh (h - n) z (1 - z),  dr = dn q r (1 - r)
| dh <- dh z + dr W_hr + dz W_hz + dq W_hn

where dn, dz, dr stand for the arguments of tanh and sigmoid.
"""

from __future__ import annotations

from skrnn.kernels import Kernel
from skrnn.kernels.activations import apply_sigmoid, tanh
from skrnn.kernels.blocks import add, add_gradients, block, carry_over, clear, project, unpack
from skrnn.kernels.jit import compiled
from skrnn.kernels.products import add_product, flat, panels_of

N = 3  # gates that have weights


def kernel() -> Kernel:
    """The loops of ``torch.nn.GRU``."""
    return Kernel(forward, backward, n_states=1, n_gates=4)


@compiled
def forward(x, observed, weights, gates, states, size, reverse):
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
            r, z, q, n = gates[0, t + offset], gates[1, t + offset], gates[2, t + offset], gates[3, t + offset]
            before, after = h[t + shift], h[t + 1]
            if k > 0 or i > 0:  # sequences start from zeros
                add_product(r, before, w_hh, of_states, 0, True)
                add_product(z, before, w_hh, of_states, 1, True)
                add_product(q, before, w_hh, of_states, 2, True)
            _step(flat(r), flat(z), flat(q), flat(n), flat(before), flat(after))
            if observed.size:
                carry_over(observed[t], before, after)


@compiled
def backward(x, observed, weights, gates, states, slope, work, gradient, dx, size, reverse):
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
            r, z, q, n, before = gates[0, t], gates[1, t], gates[2, t], gates[3, t], h[t + shift]
            _step_back(flat(r), flat(z), flat(q), flat(n), flat(before), flat(dh), flat(passed))
            if observed.size:
                carry_over(observed[t], dh, passed)
                clear(observed[t], gates, t)
            if k > 0 or i < length - 1:
                add_product(passed, r, w_hh, panels, 0, False)
                add_product(passed, z, w_hh, panels, 1, False)
                add_product(passed, q, w_hh, panels, 2, False)
            dh, passed = passed, dh
        add_gradients(x, weights, N, gates, h, first, length, shift, gradient, dx)


@compiled
def _step(r, z, q, n, before, after):
    apply_sigmoid(r)
    apply_sigmoid(z)
    for i in range(after.shape[0]):
        n[i] = tanh(n[i] + r[i] * q[i])
    for i in range(after.shape[0]):
        after[i] = n[i] + z[i] * (before[i] - n[i])


@compiled
def _step_back(r, z, q, n, before, slope, passed):
    one = slope.dtype.type(1)
    for i in range(slope.shape[0]):
        d, r_, z_, n_ = slope[i], r[i], z[i], n[i]
        dn = d * (one - z_) * (one - n_ * n_)
        z[i] = d * (before[i] - n_) * z_ * (one - z_)
        r[i] = dn * q[i] * r_ * (one - r_)
        q[i] = dn * r_
        n[i] = dn
        passed[i] = d * z_
