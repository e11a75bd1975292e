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

from skrnn._compiled.kernels import Kernel
from skrnn._compiled.kernels.activations import apply_sigmoid, tanh
from skrnn._compiled.kernels.blocks import add, add_gradients, block, carry_over, clear, copy, project
from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Flags, Numbers, leaf, number
from skrnn._compiled.kernels.products import add_product, lay_panels

N = 3  # gates that have weights


def kernel() -> Kernel:
    """The loops of ``torch.nn.GRU``."""
    return Kernel(forward, backward, n_states=1, n_gates=4)


@leaf
def forward(
    option: int, x: Numbers, observed: Flags, weights: Numbers, gates: Numbers, states: Numbers, of_inputs: Numbers,
    of_states: Numbers, n_steps: int, batch: int, n_channels: int, hidden: int, n_kept: int, size: int, gaps: int,
    reverse: int, given: int,
) -> None:  # fmt: skip
    """See ``skrnn._compiled.kernels``."""
    run, shift = batch * hidden, (2 if reverse else 0)
    gate_size, w_hh = n_kept * run, at(weights, N * hidden * n_channels)
    b_q = at(w_hh, (N * hidden + 2 * N - 1) * hidden)
    lay_panels(of_inputs, weights, N, n_steps * batch, hidden, n_channels, 1)
    lay_panels(of_states, w_hh, N, batch, hidden, hidden, 1)
    for k in range((n_steps + size - 1) // size):
        first, length, offset = block(k, size, n_steps, n_kept, reverse)
        block_gates, block_x = at(gates, (first + offset) * run), at(x, first * batch * n_channels)
        project(block_gates, block_x, weights, of_inputs, N, 4, gate_size, length * batch, hidden, n_channels)
        for i in range(length):
            t = first + (length - 1 - i if reverse else i)
            r = at(gates, (t + offset) * run)
            z, q, n = at(r, gate_size), at(r, 2 * gate_size), at(r, 3 * gate_size)
            before, after = at(states, (t + shift) * run), at(states, (t + 1) * run)
            if given or k > 0 or i > 0:  # others start from zeros
                add_product(r, before, w_hh, of_states, 0, batch, hidden, hidden, 1, 0)
                add_product(z, before, w_hh, of_states, 1, batch, hidden, hidden, 1, 0)
            copy(at(q, run - hidden), b_q, hidden)
            add_product(q, before, w_hh, of_states, 2, batch, hidden, hidden, 1, 1)
            step(r, z, q, n, before, after, run)
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
            r, before = at(gates, t * run), at(states, (t + shift) * run)
            z, q, n = at(r, gate_size), at(r, 2 * gate_size), at(r, 3 * gate_size)
            step_back(r, z, q, n, before, dh, passed, run)
            if gaps:
                carry_over(at(observed, t * batch), dh, passed, batch, hidden)
                clear(at(observed, t * batch), r, 4, gate_size, batch, hidden)
            if k > 0 or i < length - 1:
                add_product(passed, r, w_hh, of_states, 0, batch, hidden, hidden, 0, 0)
                add_product(passed, z, w_hh, of_states, 1, batch, hidden, hidden, 0, 0)
                add_product(passed, q, w_hh, of_states, 2, batch, hidden, hidden, 0, 0)
            dh, passed = passed, dh
        block_gates, block_x = at(gates, first * run), at(x, first * batch * n_channels)
        block_dx, before = at(dx, first * batch * n_channels), at(states, (first + shift) * run)
        add_gradients(
            gradient, block_dx, to_inputs, block_x, weights, block_gates, before, ones,
            N, 4, gate_size, length * batch, hidden, n_channels,
        )  # fmt: skip


@leaf
def step(r: Numbers, z: Numbers, q: Numbers, n: Numbers, before: Numbers, after: Numbers, size: int) -> None:
    """One step forwards."""
    apply_sigmoid(r, size)
    apply_sigmoid(z, size)
    for i in range(size):
        n[i] = tanh(n[i] + r[i] * q[i])
    for i in range(size):
        after[i] = n[i] + z[i] * (before[i] - n[i])


@leaf
def step_back(
    r: Numbers, z: Numbers, q: Numbers, n: Numbers, before: Numbers, slope: Numbers, passed: Numbers, size: int
) -> None:
    """One step backwards."""
    one = number(1)
    for i in range(size):
        d, r_, z_, n_ = slope[i], r[i], z[i], n[i]
        dn = d * (one - z_) * (one - n_ * n_)
        z[i] = d * (before[i] - n_) * z_ * (one - z_)
        r[i] = dn * q[i] * r_ * (one - r_)
        q[i] = dn * r_
        n[i] = dn
        passed[i] = d * z_
