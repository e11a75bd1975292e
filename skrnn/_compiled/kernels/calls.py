"""Places of numbers in compiled code, calls by name of what takes them, and what is quick to compile."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, signature
from numba.extending import intrinsic, lower_builtin


@intrinsic
def _at(typing, numbers, i):
    """The place of the i-th number of an array, or from a place on."""
    place = types.CPointer(numbers.dtype)

    def generate(context, builder, signature, values):
        first = _place(context, builder, numbers, values[0])
        return builder.gep(first, [values[1]])

    return place(numbers, types.int64), generate


@intrinsic
def _smaller(typing, a, b):
    """The smaller of two whole numbers: ``min`` takes several times as long to compile."""

    def generate(context, builder, signature, values):
        return builder.select(builder.icmp_signed("<", *values), *values)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _larger(typing, a, b):
    """The larger of two whole numbers."""

    def generate(context, builder, signature, values):
        return builder.select(builder.icmp_signed(">", *values), *values)

    return types.int64(types.int64, types.int64), generate


at: Any = _at
smaller: Any = _smaller
larger: Any = _larger


def called_by_name(symbol: str, parameters: tuple[Any, ...]) -> Any:
    """A function without a result, for compiled code; an array is handed over as the place of its first number."""

    class Call(AbstractTemplate):
        key = symbol

        def generic(self, given, _):
            if len(given) == len(parameters):
                return signature(types.void, *map(_received, given, parameters))
            return None

    @lower_builtin(symbol, types.VarArg(types.Any))
    def generate(context, builder, signature, values):
        kinds = [context.get_value_type(parameter) for parameter in parameters]
        function = ir.FunctionType(ir.VoidType(), kinds)
        given = [_place(context, builder, *argument) for argument in zip(signature.args, values, strict=True)]
        builder.call(cgutils.get_or_insert_function(builder.module, function, symbol), given)
        return context.get_dummy_value()

    return types.Function(Call)


def called_by_address(name: str, parameters: tuple[Any, ...]) -> Any:
    """The same for what is found at an address, which is handed over first, as a number."""

    class Call(AbstractTemplate):
        key = name

        def generic(self, given, _):
            if len(given) == 1 + len(parameters):
                return signature(types.void, types.intp, *map(_received, given[1:], parameters))
            return None

    @lower_builtin(name, types.VarArg(types.Any))
    def generate(context, builder, signature, values):
        kinds = [context.get_value_type(parameter) for parameter in parameters]
        kind = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
        given = [_place(context, builder, *argument) for argument in zip(signature.args, values, strict=True)]
        builder.call(builder.inttoptr(given[0], kind), given[1:])
        return context.get_dummy_value()

    return types.Function(Call)


def _received(given: Any, parameter: Any) -> Any:
    """The type as which an argument comes: an array as it is, others are converted."""
    if isinstance(given, types.Array):
        assert given.layout == "C"
        assert given.dtype == parameter.dtype
        return given
    return parameter


def _place(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if not isinstance(kind, types.Array):
        return value
    return context.make_array(kind)(context, builder, value).data
