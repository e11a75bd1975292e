"""Threads that share work inside compiled code, without waiting for each other's beginning.

Work comes in turns, of so many shares each. Whoever is there takes the shares of a turn that are free, and waits until
all of them are done before the next turn. One thread alone thus does all of it; one that comes late finds earlier turns
done. Which thread does a share has no part in its result.

``turns`` are whole numbers that begin with 0: how many shares are done, and apart from each other, so that cores do not
take them from each other's caches, how many turns have taken each share.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skrnn._compiled.kernels.jit import compiled_into_callers

APART = 16  # whole numbers: two lines of a cache
_SPINS = 16  # looks before the core is left to others, who may be what is waited for
_WHOLE = ir.IntType(64)


def _yield_address() -> int:
    """Of what leaves the core to another thread."""
    function: Any
    try:
        function = ctypes.CDLL(None).sched_yield
    except (TypeError, AttributeError):
        function = ctypes.windll.kernel32.SwitchToThread  # type: ignore[attr-defined]
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


llvmlite.binding.add_symbol("skrnn_yield", _yield_address())


def _nth(context: Any, builder: Any, turns: Any, values: Any, i: Any) -> Any:
    return builder.gep(context.make_array(turns)(context, builder, values[0]).data, [i])


@intrinsic
def _takes(typing, turns, share, turn):
    """Whether the caller is the one to do a share of a turn."""

    def generate(context, builder, signature, values):
        place = _nth(context, builder, turns, values, builder.mul(builder.add(values[1], _WHOLE(1)), _WHOLE(APART)))
        swapped = builder.cmpxchg(place, values[2], builder.add(values[2], _WHOLE(1)), "acq_rel", "acquire")
        return builder.extract_value(swapped, 1)

    return types.boolean(turns, types.int64, types.int64), generate


@intrinsic
def _has_done(typing, turns):
    """Tell that a share is done."""

    def generate(context, builder, signature, values):
        builder.atomic_rmw("add", _nth(context, builder, turns, values, _WHOLE(0)), _WHOLE(1), "acq_rel")
        return context.get_dummy_value()

    return types.void(turns), generate


@intrinsic
def _look(typing, turns):
    """How many shares are done."""

    def generate(context, builder, signature, values):
        return builder.load_atomic(_nth(context, builder, turns, values, _WHOLE(0)), "acquire", 8)

    return types.int64(turns), generate


@intrinsic
def _leave_core(typing):
    def generate(context, builder, signature, values):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "skrnn_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@compiled_into_callers
def wait(turns, n_done):
    """Until so many shares are done."""
    spins = 0
    while _look(turns) < n_done:
        spins += 1
        if spins > _SPINS:
            _leave_core()


takes: Any = _takes
has_done: Any = _has_done
