"""Time loops of recurrent layers on the CPU, compiled: forwards, and backwards through time.

A cell is one file, whose function ``kernel`` gives the loops ``forward`` and ``backward`` through one layer in one
direction: leaves, which are called by their address, see ``cells``. Arrays are C-contiguous and of one precision.

====================  ==================================  =============================================================
argument              shape                               meaning
====================  ==================================  =============================================================
``option``            int                                 what a cell makes of it
``x``                 (step, batch, channel)              inputs
``observed``          (step, batch), uint8                whether a step is read; all without ``gaps``
``weights``           (m,)                                those of ``torch.nn``'s layer, one after another
``gates``             (gate, step, batch, hidden)         what backward needs; forward alone needs room for one block
``states``            (state, step + 2, batch, hidden)    [:, t + 1] follows step t; the ends are where sequences start
``of_inputs``         (m,)                                room for the panels of W_ih, see ``room_for_panels``
``of_states``         (m,)                                room for those of W_hh
``ones``              (size * batch,)                     ones
``size``              int                                 number of steps in a block, see ``steps_per_block``
``reverse``           bool                                whether the last step is read first
``given``             bool                                whether sequences start from states that are not all zeros
``slope``             (step, batch, hidden)               derivative by the state after each step, if ``every_step``
``work``              (2 * state, batch, hidden)          derivative by the states after all steps, and room for as much
``gradient``          (m,)                                derivative by the weights, to add to
``dx``                (step, batch, channel)              derivative by the inputs, to add to if ``to_inputs``
====================  ==================================  =============================================================

The numbers are those of torch's layer to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from skrnn._compiled.kernels.jit import Compiled

_BLOCK = 2**16  # numbers in the gates of a block: they stay in a core's cache
_ROWS = 2**14  # numbers in one gate of a block: much larger ones go to the BLAS, which copies them first


@dataclass(frozen=True)
class Kernel:
    """The loops of a cell, and what its arrays need to hold."""

    forward: Compiled
    backward: Compiled
    n_states: int
    n_gates: int
    option: int = 0  # what the loops take first

    def forwards(self, dtype: np.dtype) -> Callable[..., None]:
        """The loop ``forward`` in a precision."""
        return self._from_python("forward", dtype)

    def backwards(self, dtype: np.dtype) -> Callable[..., None]:
        """The loop ``backward`` in a precision."""
        return self._from_python("backward", dtype)

    def _from_python(self, name: str, dtype: np.dtype) -> Callable[..., None]:
        loop: Compiled = getattr(self, name)
        call: Compiled = getattr(import_module(f"{__name__}.cells"), name)
        return partial(call.of(dtype), loop.of(dtype).address, self.option)

    def steps_per_block(self, n_steps: int, batch: int, hidden: int) -> int:
        """Enough rows for a matrix product to be worth its while, few enough for the cache."""
        return max(1, min(n_steps, self.rows_per_block(hidden) // batch))

    def rows_per_block(self, hidden: int) -> int:
        """How many steps of sequences a block has at most, unless a single step has more."""
        return max(256, min(_BLOCK // self.n_gates, _ROWS) // hidden)


@cache
def kernel_of(layer: str, options: tuple[tuple[str, Any], ...] = ()) -> Kernel | None:
    """The loops that compute what one of torch's layers does; None where there are none or numba is missing.

    Parameters
    ----------
    layer : str
        Dotted path of the layer; ``torch.nn.GRU`` is looked for in ``skrnn._compiled.kernels.gru``.
    options : tuple of (name, value)
        The options that the layer is built with.
    """
    module, _, name = layer.rpartition(".")
    if module != "torch.nn":
        return None
    try:
        import numba

        cell = import_module(f"{__name__}.{name.lower()}")
    except ImportError:
        return None
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return None
    return cell.kernel(**dict(options))
