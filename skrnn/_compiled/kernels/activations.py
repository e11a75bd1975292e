"""Sigmoid and hyperbolic tangent that a compiler can vectorise, accurate to a few units in the last place.

Both follow from exp(x) = 2^n exp(r) with n = round(x / ln 2) and r = x - n ln 2, so that |r| <= ln(2) / 2 (Cody and
Waite, 1980, Software Manual for the Elementary Functions). exp(r) - 1 is its Taylor polynomial of degree 7 or
13, whose first omitted term lies below the precision. tanh(x) = m / (m + 2) with m = exp(2x) - 1 keeps its relative
precision near 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from skrnn._compiled.kernels.jit import Numbers, leaf

_N_BITS = {types.float32: 32, types.float64: 64}
_MANTISSA = {types.float32: 23, types.float64: 52}
_OFFSET = {types.float32: 127, types.float64: 1023}  # of the exponent
_LARGEST = {types.float32: 87.0, types.float64: 708.0}  # exp of it and of its negative are normal numbers
# x (1 + p1 x^2 + ...) / (1 + q1 x^2 + ...) is tanh(x) with the least relative error, 1e-9, up to |x| = 9.02, from where
# on it is 1 in single precision.
_NUMERATOR = 0.13786703442660384, 0.004010190642716748, 3.162398203600238e-05, 5.087526036148959e-08
_DENOMINATOR = (
    0.47120036165469953, 0.027743656498757537, 0.0004210392330240062, 1.6200947350366852e-06, 7.39603728969132e-10
)  # fmt: skip
_LN2_BEYOND_DOUBLE = 2.3190468138462996e-17  # ln 2 less its nearest double


@intrinsic
def _power_of_two(typing, shifted):
    """2^n, where n is what was added to 1.5 * 2^mantissa: it stands in the last bits."""

    def generate(context, builder, signature, values):
        bits = ir.IntType(_N_BITS[shifted])
        shift = ir.Constant(bits, _MANTISSA[shifted])
        offset = ir.Constant(bits, _OFFSET[shifted] << _MANTISSA[shifted])
        exponent = builder.add(builder.shl(builder.bitcast(values[0], bits), shift), offset)
        return builder.bitcast(exponent, context.get_value_type(shifted))

    return shifted(shifted), generate


@intrinsic
def _within(typing, x, largest):
    """The nearest number from -largest to largest; NaN stays NaN. Two instructions, of which branches make many."""

    def generate(context, builder, signature, values):
        x_, high = values
        low = builder.fneg(high)
        x_ = builder.select(builder.fcmp_ordered("<", high, x_), high, x_)
        return builder.select(builder.fcmp_ordered(">", low, x_), low, x_)

    return x(x, largest), generate


def _polynomial(r: Any) -> Any:
    """exp(r) - 1 for |r| <= ln(2) / 2."""
    return np.expm1(r)


@overload(_polynomial)
def _taylor(r):
    number = np.float32 if r == types.float32 else np.float64
    c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = (number(1 / math.factorial(k)) for k in range(2, 14))

    def single(r):
        square = r * r
        return r + square * ((c2 + r * c3) + square * ((c4 + r * c5) + square * (c6 + r * c7)))

    def double(r):
        high = c8 + r * (c9 + r * (c10 + r * (c11 + r * (c12 + r * c13))))
        return r + r * r * (c2 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * (c7 + r * high))))))

    return single if r == types.float32 else double


def _exp_parts(x: Any) -> tuple[Any, Any]:
    """(p, s) with exp(x) = s (1 + p), where s is a power of two."""
    scale = 2.0 ** np.round(x / math.log(2))
    return np.exp(x) / scale - 1, scale


@overload(_exp_parts)
def _cody_waite(x):
    number = np.float32 if x == types.float32 else np.float64
    largest = number(_LARGEST[x])
    rounder = number(1.5 * 2.0 ** _MANTISSA[x])  # adding it rounds to a whole number
    log2_e = number(1 / math.log(2))
    ln2_first = number(math.floor(math.log(2) * 2**9) / 2**9)  # its products with n are exact
    ln2_rest = number(math.log(2) - float(ln2_first) + _LN2_BEYOND_DOUBLE)

    def parts(x):
        x = _within(x, largest)
        shifted = x * log2_e + rounder
        n = shifted - rounder
        return _polynomial((x - n * ln2_first) - n * ln2_rest), _power_of_two(shifted)

    return parts


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


@overload(sigmoid)
def _sigmoid(x):
    one = (np.float32 if x == types.float32 else np.float64)(1)

    def compute(x):
        p, s = _exp_parts(x)
        e = s + s * p
        return e / (one + e)

    return compute


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return np.tanh(x)


@overload(tanh)
def _tanh(x):
    one, two = ((np.float32 if x == types.float32 else np.float64)(k) for k in (1, 2))
    p1, p2, p3, p4 = map(np.float32, _NUMERATOR)
    q1, q2, q3, q4, q5 = map(np.float32, _DENOMINATOR)
    largest = np.float32(9.02)

    def single(x):
        x = _within(x, largest)
        z = x * x
        above = x + x * z * (p1 + z * (p2 + z * (p3 + z * p4)))
        below = one + z * (q1 + z * (q2 + z * (q3 + z * (q4 + z * q5))))
        return _within(above / below, one)

    def double(x):
        # Where exp(2x) reaches its largest argument, tanh has long been 1.
        p, s = _exp_parts(two * x)
        m = s * p + (s - one)
        return m / (m + two)

    return single if x == types.float32 else double


@leaf
def apply_sigmoid(x: Numbers, n: int) -> None:
    """Sigmoid of each of n numbers, in place. Loops over few arrays are the fastest."""
    for i in range(n):
        x[i] = sigmoid(x[i])


@leaf
def apply_tanh(x: Numbers, n: int) -> None:
    """Hyperbolic tangent of each of n numbers, in place."""
    for i in range(n):
        x[i] = tanh(x[i])
