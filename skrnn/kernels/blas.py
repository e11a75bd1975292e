"""Matrix products inside compiled loops, by the BLAS that comes with scipy."""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from skrnn.kernels.jit import compiled

_LETTERS = {types.float32: "s", types.float64: "d"}


def _symbol(name: str) -> str:
    return f"skrnn_{name}"


# Called by name and not by address, so that what is compiled can be kept on disk: the next process registers the names
# anew. numpy.dot would neither accumulate nor run side by side on several threads.
for _name in ("sgemm", "dgemm", "sgemv", "dgemv"):
    llvmlite.binding.add_symbol(_symbol(_name), get_cython_function_address("scipy.linalg.cython_blas", _name))


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _call(builder: Any, routine: str, arguments: list[Any]) -> None:
    """Call a Fortran routine: every argument is handed over as an address."""
    addresses = []
    for argument in arguments:
        is_scalar = not isinstance(argument.type, ir.PointerType)
        addresses.append(cgutils.alloca_once_value(builder, argument) if is_scalar else argument)
    kind = ir.FunctionType(ir.VoidType(), [address.type for address in addresses])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, _symbol(routine)), addresses)


@intrinsic
def _gemm(typing, out, a, b, m, n, k, lda, ldb, transposed_a, transposed_b, beta):  # type: ignore[no-untyped-def]
    """Column-major product: out (m, n) = op(a) (m, k) @ op(b) (k, n) + beta * out."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        letter, number = _LETTERS[out.dtype], context.get_value_type(out.dtype)
        c, a_, b_ = (_data(context, builder, kind, v) for kind, v in zip((out, a, b), values[:3], strict=True))
        m_, n_, k_, lda_, ldb_, ta, tb = (builder.trunc(value, ir.IntType(32)) for value in values[3:10])
        flags = [builder.trunc(flag, ir.IntType(8)) for flag in (ta, tb)]
        one = ir.Constant(number, 1.0)
        _call(builder, letter + "gemm", [*flags, m_, n_, k_, one, a_, lda_, b_, ldb_, values[10], c, m_])
        return context.get_dummy_value()

    whole = (types.int64,) * 7
    return types.void(out, a, b, *whole, out.dtype), generate


@intrinsic
def _gemv(typing, out, a, x, m, n, transposed, beta):  # type: ignore[no-untyped-def]
    """Column-major product: out = op(a) @ x + beta * out, with a (m, n)."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        letter, number = _LETTERS[out.dtype], context.get_value_type(out.dtype)
        y, a_, x_ = (_data(context, builder, kind, v) for kind, v in zip((out, a, x), values[:3], strict=True))
        m_, n_, flag = (builder.trunc(value, ir.IntType(32)) for value in values[3:6])
        step, one = ir.Constant(ir.IntType(32), 1), ir.Constant(number, 1.0)
        flag = builder.trunc(flag, ir.IntType(8))
        _call(builder, letter + "gemv", [flag, m_, n_, one, a_, m_, x_, step, values[6], y, step])
        return context.get_dummy_value()

    whole = (types.int64,) * 3
    return types.void(out, a, x, *whole, out.dtype), generate


_N, _T = ord("N"), ord("T")


@compiled
def add_rows_times_transposed(out, a, b):  # type: ignore[no-untyped-def]
    """out (m, n) += a (m, k) @ b (n, k).T"""
    (m, k), n = a.shape, b.shape[0]
    if m == 1:
        _gemv(out, b, a, k, n, _T, 1)
    else:
        _gemm(out, b, a, n, m, k, k, k, _T, _N, 1)


@compiled
def add_rows_times(out, a, b):  # type: ignore[no-untyped-def]
    """out (m, n) += a (m, k) @ b (k, n)"""
    (m, k), n = a.shape, b.shape[1]
    if m == 1:
        _gemv(out, b, a, n, k, _N, 1)
    else:
        _gemm(out, b, a, n, m, k, n, k, _N, _N, 1)


@compiled
def add_columns_times(out, a, b):  # type: ignore[no-untyped-def]
    """out (m, n) += a (k, m).T @ b (k, n)"""
    (k, m), n = a.shape, b.shape[1]
    _gemm(out, b, a, n, m, k, n, m, _N, _T, 1)
