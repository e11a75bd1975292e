"""Arrays from what users pass in: what only looks like numbers is refused in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import numpy as np


def read_array(values: Any, name: str, who: str, *, ragged: str | None = None) -> np.ndarray:
    """An array of numbers, strings or objects.

    Parameters
    ----------
    values : array-like
        What was passed.
    name : str
        Its name, for instance ``"y"``.
    who : str
        Class or function that it was passed to.
    ragged : str, default=None
        What is said of parts that differ in length.

    Raises
    ------
    TypeError
        If it is no array, or holds times, records, or numbers that NumPy cannot read.
    ValueError
        If it is None, a masked array with masked entries, complex, or of different lengths.
    """
    refuse_container(values, name, who)
    try:
        array = np.asarray(values)
    except (RuntimeError, TypeError) as error:
        raise TypeError(f"{name} cannot be read as an array by {who}: {error}") from None
    except ValueError:
        ragged = ragged or f"{name} has an inhomogeneous shape: its parts differ in length. {who} needs an array."
        raise ValueError(ragged) from None
    _refuse_kind(array.dtype, name, who)
    return array


def read_numbers(values: Any, name: str, who: str) -> np.ndarray:
    """An array of real numbers; see ``read_array``. None and pandas.NA are NaN, and text that is a number is read."""
    array = read_array(values, name, who)
    return array if array.dtype.kind in "biuf" else numbers_of_objects(array, name)


def numbers_of_objects(values: np.ndarray, name: str) -> np.ndarray:
    """Objects or text as float64; None and pandas.NA are NaN."""
    if values.dtype == object and "pandas" in sys.modules:  # without it there is no NA
        values = np.where(sys.modules["pandas"].isna(values), np.nan, values)
    if not {type(value) for value in values.flat} & {np.datetime64, np.timedelta64}:  # these float() would take
        with suppress(OverflowError, TypeError, ValueError):
            return np.asarray(values, dtype=np.float64)
    for place, value in zip(np.ndindex(values.shape), values.flat, strict=True):
        where = f", in {name} at {place[0] if len(place) == 1 else place}." if place else f", in {name}."
        if isinstance(value, np.datetime64 | np.timedelta64):
            raise TypeError(f"float() argument must be a string or a real number, not {type(value).__name__!r}{where}")
        try:
            float(value)
        except TypeError as error:
            raise TypeError(f"{error}{where}") from None
        except (OverflowError, ValueError) as error:
            raise ValueError(f"{error}{where}") from None
    raise ValueError(f"{name} cannot be converted to float.")


def plain(value: Any) -> Any:
    """A parameter as Python's own type: searches hand over numbers, booleans and strings of NumPy."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def plain_parameters(estimator: Any, *names: str) -> dict[str, Any]:
    """Some parameters of an estimator in Python's own types."""
    return {name: plain(getattr(estimator, name)) for name in names}


def refuse_container(values: Any, name: str, who: str) -> None:
    """Refuse what is no array, or would silently lose something as one."""
    if values is None:
        raise ValueError(f"{name} is None; {who} needs an array.")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"{name} is a masked array with masked entries. Pass {name}.filled(np.nan) where {who} may meet NaN, or "
            "leave these entries out."
        )
    if isinstance(values, dict | Iterator | set | frozenset) and not hasattr(values, "toarray"):
        raise TypeError(f"{who} expects {name} to be an array or a data frame, got {type(values).__name__}.")
    if hasattr(values, "collect") and hasattr(values, "collect_schema"):
        raise TypeError(
            f"{who} expects {name} to be a data frame in memory, got a lazy one. Call {name}.collect() first."
        )
    if hasattr(values, "detach") and hasattr(values, "numpy"):
        _refuse_tensor(values, name, who)
    _refuse_kind(getattr(values, "dtype", None), name, who)


def _refuse_tensor(tensor: Any, name: str, who: str) -> None:
    """Refuse a tensor of torch that NumPy cannot read."""
    try:
        np.asarray(tensor)
    except (RuntimeError, TypeError):
        grad = " that requires grad" if tensor.requires_grad else ""
        raise TypeError(
            f"{name} is a tensor{grad} (dtype {tensor.dtype}, device {tensor.device}), which NumPy cannot read. Pass "
            f"{name}.detach().cpu().numpy() to {who}; of bfloat16, {name}.detach().cpu().float().numpy()."
        ) from None


def _refuse_kind(dtype: Any, name: str, who: str) -> None:
    kind = getattr(dtype, "kind", "")  # of NumPy and pandas
    if kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} has dtype {dtype}. Pass real and imaginary parts to {who}."
        )
    if kind in ("m", "M", "V"):
        advice = "Pass its fields as columns." if kind == "V" else "Turn times into numbers."
        raise TypeError(f"{name} has dtype {dtype}, which is no number for {who}. {advice}")
