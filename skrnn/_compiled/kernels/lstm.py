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

from skrnn._compiled.kernels import Kernel
from skrnn._compiled.kernels.activations import apply_sigmoid, apply_tanh, tanh
from skrnn._compiled.kernels.blocks import add, add_gradients, block, carry_over, clear, project, put_zeros
from skrnn._compiled.kernels.calls import at
from skrnn._compiled.kernels.jit import Flags, Numbers, leaf, number
from skrnn._compiled.kernels.products import add_product, lay_panels

N = 4  # gates that have weights


def kernel() -> Kernel:
    """The loops of ``torch.nn.LSTM``."""
    return Kernel(forward, backward, n_states=2, n_gates=4)


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
        project(block_gates, block_x, weights, of_inputs, N, 4, gate_size, length * batch, hidden, n_channels)
        for s in range(length):
            t = first + (length - 1 - s if reverse else s)
            i = at(gates, (t + offset) * run)
            f, g, o = at(i, gate_size), at(i, 2 * gate_size), at(i, 3 * gate_size)
            before, after = at(states, (t + shift) * run), at(states, (t + 1) * run)
            c_before, c_after = at(before, (n_steps + 2) * run), at(after, (n_steps + 2) * run)
            for gate in range(4 if given or k > 0 or s > 0 else 0):  # others start from zeros
                add_product(at(i, gate * gate_size), before, w_hh, of_states, gate, batch, hidden, hidden, 1, 0)
            step(i, f, g, o, c_before, c_after, after, run)
            if gaps:
                carry_over(at(observed, t * batch), before, after, batch, hidden)
                carry_over(at(observed, t * batch), c_before, c_after, batch, hidden)


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
    dh, dc, passed, c_passed = at(work, 0), at(work, run), at(work, 2 * run), at(work, 3 * run)
    cell = at(states, (n_steps + 2) * run)
    for k in range((n_steps + size - 1) // size - 1, -1, -1):
        first, length, _ = block(k, size, n_steps, n_steps, reverse)
        for s in range(length):
            t = first + (s if reverse else length - 1 - s)
            if every_step:
                add(dh, at(slope, t * run), run)
            i, c_before, c_after = at(gates, t * run), at(cell, (t + shift) * run), at(cell, (t + 1) * run)
            f, g, o = at(i, gate_size), at(i, 2 * gate_size), at(i, 3 * gate_size)
            step_back(i, f, g, o, c_before, c_after, dh, dc, c_passed, run)
            put_zeros(at(passed, 0 if gaps else run - hidden), run if gaps else hidden)
            if gaps:
                carry_over(at(observed, t * batch), dh, passed, batch, hidden)
                carry_over(at(observed, t * batch), dc, c_passed, batch, hidden)
                clear(at(observed, t * batch), i, 4, gate_size, batch, hidden)
            for gate in range(4 if k > 0 or s < length - 1 else 0):
                repeated = gate == 0 and not gaps
                add_product(passed, at(i, gate * gate_size), w_hh, of_states, gate, batch, hidden, hidden, 0, repeated)
            dh, passed, dc, c_passed = passed, dh, c_passed, dc
        block_gates, block_x = at(gates, first * run), at(x, first * batch * n_channels)
        block_dx, before = at(dx, first * batch * n_channels), at(states, (first + shift) * run)
        add_gradients(
            gradient, block_dx, to_inputs, block_x, weights, block_gates, before, ones,
            N, 4, gate_size, length * batch, hidden, n_channels,
        )  # fmt: skip


@leaf
def step(
    i: Numbers, f: Numbers, g: Numbers, o: Numbers, c_before: Numbers, c_after: Numbers, after: Numbers, size: int
) -> None:
    """One step forwards."""
    apply_sigmoid(i, size)
    apply_sigmoid(f, size)
    apply_tanh(g, size)
    apply_sigmoid(o, size)
    for k in range(size):
        c_after[k] = f[k] * c_before[k] + i[k] * g[k]
    for k in range(size):
        after[k] = o[k] * tanh(c_after[k])


@leaf
def step_back(
    i: Numbers, f: Numbers, g: Numbers, o: Numbers, c_before: Numbers, c_after: Numbers, dh: Numbers, dc: Numbers,
    c_passed: Numbers, size: int,
) -> None:  # fmt: skip
    """One step backwards."""
    one = number(1)
    for k in range(size):
        i_, f_, g_, o_, t = i[k], f[k], g[k], o[k], tanh(c_after[k])
        d = dc[k] + dh[k] * o_ * (one - t * t)
        o[k] = dh[k] * t * o_ * (one - o_)
        i[k] = d * g_ * i_ * (one - i_)
        f[k] = d * c_before[k] * f_ * (one - f_)
        g[k] = d * i_ * (one - g_ * g_)
        c_passed[k] = d * f_
