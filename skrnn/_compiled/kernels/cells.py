"""What the loops of all cells take, and calls of them from Python."""

from __future__ import annotations

from skrnn._compiled.kernels.jit import Array1, Array3, Array4, Flags, Flags2, Numbers, entry, form


@form
def forward_at(
    option: int, x: Numbers, observed: Flags, weights: Numbers, gates: Numbers, states: Numbers, of_inputs: Numbers,
    of_states: Numbers, n_steps: int, batch: int, n_channels: int, hidden: int, n_kept: int, size: int, gaps: int,
    reverse: int, given: int,
) -> None:  # fmt: skip
    """The loop ``forward`` of a cell; see ``skrnn._compiled.kernels``."""


@form
def backward_at(
    option: int, x: Numbers, observed: Flags, weights: Numbers, gates: Numbers, states: Numbers, slope: Numbers,
    work: Numbers, gradient: Numbers, dx: Numbers, of_states: Numbers, ones: Numbers, n_steps: int, batch: int,
    n_channels: int, hidden: int, size: int, gaps: int, every_step: int, to_inputs: int, reverse: int,
) -> None:  # fmt: skip
    """The loop ``backward`` of a cell."""


@entry
def forward(
    loop: int, option: int, x: Array3, observed: Flags2, weights: Array1, gates: Array4, states: Array4,
    of_inputs: Array1, of_states: Array1, size: int, reverse: bool, given: bool,
) -> None:  # fmt: skip
    """Call the loop at an address; an empty array stands for what is not there."""
    (n_steps, batch, n_channels), (_, n_kept, _, hidden) = x.shape, gates.shape
    forward_at(
        loop, option, x, observed, weights, gates, states, of_inputs, of_states, n_steps, batch, n_channels, hidden,
        n_kept, size, observed.size, reverse, given,
    )  # fmt: skip


@entry
def backward(
    loop: int, option: int, x: Array3, observed: Flags2, weights: Array1, gates: Array4, states: Array4, slope: Array3,
    work: Array3, gradient: Array1, dx: Array3, of_states: Array1, ones: Array1, size: int, reverse: bool,
) -> None:  # fmt: skip
    """Call the loop at an address; an empty array stands for what is not there or not wanted."""
    (n_steps, batch, n_channels), hidden = x.shape, gates.shape[3]
    backward_at(
        loop, option, x, observed, weights, gates, states, slope, work, gradient, dx, of_states, ones, n_steps, batch,
        n_channels, hidden, size, observed.size, slope.size, dx.size, reverse,
    )  # fmt: skip
