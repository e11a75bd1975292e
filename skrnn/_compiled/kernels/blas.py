"""The BLAS that comes with scipy, callable from compiled loops."""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

_LETTERS = {types.float32: "s", types.float64: "d"}


def _symbol(name: str) -> str:
    return f"skrnn_{name}"


# Called by name and not by address, so that what is compiled can be kept on disk: the next process registers the names
# anew. numpy.dot would neither accumulate nor run side by side on several threads.
for _name in ("sgemm", "dgemm", "sgemv", "dgemv"):
    llvmlite.binding.add_symbol(_symbol(_name), get_cython_function_address("scipy.linalg.cython_blas", _name))


def _call(builder: Any, routine: str, arguments: list[Any]) -> None:
    """Call a Fortran routine: every argument is handed over as an address."""
    addresses = []
    for argument in arguments:
        is_scalar = not isinstance(argument.type, ir.PointerType)
        addresses.append(cgutils.alloca_once_value(builder, argument) if is_scalar else argument)
    kind = ir.FunctionType(ir.VoidType(), [address.type for address in addresses])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, _symbol(routine)), addresses)


@intrinsic
def _gemm(typing, out, a, b, m, n, k, lda, ldb, transposed_a, transposed_b):
    """Column-major product: out (m, n) += op(a) (m, k) @ op(b) (k, n)."""

    def generate(context, builder, signature, values):
        letter, number = _LETTERS[out.dtype], context.get_value_type(out.dtype)
        c, a_, b_ = values[:3]
        m_, n_, k_, lda_, ldb_, ta, tb = (builder.trunc(value, ir.IntType(32)) for value in values[3:10])
        flags = [builder.trunc(flag, ir.IntType(8)) for flag in (ta, tb)]
        one = ir.Constant(number, 1.0)
        _call(builder, letter + "gemm", [*flags, m_, n_, k_, one, a_, lda_, b_, ldb_, one, c, m_])
        return context.get_dummy_value()

    whole = (types.int64,) * 7
    return types.void(out, a, b, *whole), generate


@intrinsic
def _gemv(typing, out, a, x, m, n, transposed):
    """Column-major product: out += op(a) @ x, with a (m, n)."""

    def generate(context, builder, signature, values):
        letter, number = _LETTERS[out.dtype], context.get_value_type(out.dtype)
        y, a_, x_ = values[:3]
        m_, n_, flag = (builder.trunc(value, ir.IntType(32)) for value in values[3:6])
        step, one = ir.Constant(ir.IntType(32), 1), ir.Constant(number, 1.0)
        flag = builder.trunc(flag, ir.IntType(8))
        _call(builder, letter + "gemv", [flag, m_, n_, one, a_, m_, x_, step, one, y, step])
        return context.get_dummy_value()

    whole = (types.int64,) * 3
    return types.void(out, a, x, *whole), generate


gemm: Any = _gemm
gemv: Any = _gemv
