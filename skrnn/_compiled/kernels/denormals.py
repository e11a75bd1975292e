"""Numbers too small for full precision count as 0 in compiled code: processors take many times as long for them.

Gradients through many steps and the means of solvers fade through such numbers. A register of the thread says what
becomes of them; where a processor has none that is known here, nothing is done.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WHOLE = ir.IntType(64)
_TO_ZERO = {"x86_64": 0x8040, "aarch64": 1 << 24}  # bits of the register, of both results and operands
_PROCESSOR = llvmlite.binding.get_process_triple().partition("-")[0].replace("arm64", "aarch64")


def _read(builder: Any) -> Any:
    """The register."""
    if _PROCESSOR == "aarch64":
        kind = ir.FunctionType(_WHOLE, [])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.get.fpcr"), [])
    place = cgutils.alloca_once(builder, ir.IntType(32))
    _call(builder, "llvm.x86.sse.stmxcsr", builder.bitcast(place, ir.IntType(8).as_pointer()))
    return builder.zext(builder.load(place), _WHOLE)


def _write(builder: Any, value: Any) -> None:
    """Change the register."""
    if _PROCESSOR == "aarch64":
        _call(builder, "llvm.aarch64.set.fpcr", value)
        return
    place = cgutils.alloca_once_value(builder, builder.trunc(value, ir.IntType(32)))
    _call(builder, "llvm.x86.sse.ldmxcsr", builder.bitcast(place, ir.IntType(8).as_pointer()))


def _call(builder: Any, name: str, value: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [value.type])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [value])


@intrinsic
def _flush(typing):
    """From now on these numbers count as 0; returns what ``restore`` takes."""

    def generate(context, builder, signature, values):
        if _PROCESSOR not in _TO_ZERO:
            return _WHOLE(0)
        before = _read(builder)
        _write(builder, builder.or_(before, _WHOLE(_TO_ZERO[_PROCESSOR])))
        return before

    return types.int64(), generate


@intrinsic
def _restore(typing, before):
    """What became of these numbers before becomes of them again."""

    def generate(context, builder, signature, values):
        if _PROCESSOR in _TO_ZERO:
            _write(builder, values[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


flush: Any = _flush
restore: Any = _restore
