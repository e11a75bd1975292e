"""How the kernels are compiled: once for each precision, and kept on disk for later processes.

An ``entry`` is called from Python, with arrays. A ``leaf`` is called from compiled code, with the places of first
numbers; an array stands for its own. Leaves are called by name, as the BLAS is, and so are not compiled again into each
of their callers, which would take most of the time. A ``form`` stands for leaves that take the same: which of them is
called is known when the caller runs. What a function takes is read from its annotations; other types, or arrays that
are not C-contiguous, raise TypeError.
"""

from __future__ import annotations

import threading
from types import FunctionType
from typing import Any, TypeAlias
from uuid import uuid4

import llvmlite.binding
import numpy as np
from numba import njit, types
from numba.core.ccallback import CFunc
from numba.np.numpy_support import from_dtype

from skrnn._compiled.kernels.calls import called_by_address, called_by_name
from skrnn._compiled.kernels.files import Files, stamp
from skrnn._compiled.kernels.turns import one_at_a_time

# Without "numpy" errors a check for division by zero keeps loops from being vectorised. Contraction to fused
# multiply-adds is the only liberty taken with arithmetic: NaN and infinity pass through as they are.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
_FROM_PYTHON = {**_OPTIONS, "no_cfunc_wrapper": True}
_FROM_CALLERS = {**_FROM_PYTHON, "no_cpython_wrapper": True}

# For annotations: the place of a number or a flag, and C-contiguous arrays with so many axes.
Numbers: TypeAlias = Any
Flags: TypeAlias = Any
Table: TypeAlias = Any  # the place of a whole number
Array1: TypeAlias = Any
Array2: TypeAlias = Any
Array3: TypeAlias = Any
Array4: TypeAlias = Any
Flags2: TypeAlias = Any
Starts: TypeAlias = Any

# In compiled code the type of its numbers and their size in bytes.
number: Any = float
itemsize: int = 8

_loading = threading.RLock()


class Compiled:
    """A function that is compiled when it is first asked for in a precision.

    Parameters
    ----------
    function : callable
        Its annotations are names of this file, int and bool. It finds other leaves among its globals.
    is_leaf : bool
        Whether compiled code calls it, or Python.
    """

    def __init__(self, function: FunctionType, *, is_leaf: bool) -> None:
        self._function = function
        self.is_leaf = is_leaf
        self._ready: dict[np.dtype, Any] = {}

    def of(self, dtype: Any) -> Any:
        """What was compiled for numbers of a type."""
        try:
            return self._ready[dtype]
        except KeyError:
            dtype = np.dtype(dtype)
            with _loading:
                if dtype not in self._ready:
                    self._ready[dtype] = self._compile(dtype)
            return self._ready[dtype]

    def called(self, dtype: np.dtype) -> Any:
        """How compiled code of a precision calls a leaf."""
        return self.of(dtype).by_name

    def _compile(self, dtype: np.dtype) -> Any:
        """Load what a former process has kept, or compile; the leaves that are called come first."""
        inside = {"number": dtype.type, "itemsize": dtype.itemsize}
        for name in self._function.__code__.co_names:
            other = self._function.__globals__.get(name)
            if isinstance(other, Compiled | Form):
                inside[name] = other.called(dtype)
        function = FunctionType(self._function.__code__, {**self._function.__globals__, **inside})
        function.__qualname__ = f"{self._function.__qualname__}_{dtype}"  # what it takes may be alike in all precisions
        arguments = _arguments(self._function, dtype)
        files = Files(function)
        _name_apart(function)
        result: Any
        if self.is_leaf:
            result = CFunc(function, (arguments, types.void), {}, _OPTIONS)
        else:
            result = njit(**_FROM_PYTHON)(function)
        result._cache, result.folder = files, files.folder
        with one_at_a_time(files.folder, f"{self._name} {dtype}"):
            result.compile(*() if self.is_leaf else (arguments,))
        if self.is_leaf:
            symbol = f"skrnn_{self._name}_{dtype}_{stamp()}"
            llvmlite.binding.add_symbol(symbol, result.address)
            result.by_name = called_by_name(symbol, arguments)
        else:
            result.disable_compile()
        return result

    @property
    def takes(self) -> dict[str, Any]:
        """What the function takes, by its annotations."""
        return self._function.__annotations__

    @property
    def _name(self) -> str:
        return f"{self._function.__module__}.{self._function.__qualname__}"


class Form:
    """What leaves of one kind take; compiled code calls one of them with its address before its arguments."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._ready: dict[np.dtype, Any] = {}

    def called(self, dtype: np.dtype) -> Any:
        """How compiled code of a precision calls them."""
        if dtype not in self._ready:
            name = f"skrnn_{self._function.__module__}.{self._function.__qualname__}_{dtype}"
            self._ready[dtype] = called_by_address(name, _arguments(self._function, dtype))
        return self._ready[dtype]

    def fits(self, function: Compiled) -> bool:
        """Whether a leaf takes what is handed over."""
        return function.takes == self._function.__annotations__


def entry(function: Any) -> Any:
    """Compile for calls from Python: a ``Compiled``."""
    return Compiled(function, is_leaf=False)


def leaf(function: Any) -> Any:
    """Compile for calls by name from compiled code: a ``Compiled``."""
    return Compiled(function, is_leaf=True)


def form(function: Any) -> Any:
    """Stand for all leaves that take what a function without a body takes: a ``Form``."""
    return Form(function)


def compiled_into_callers(function: Any) -> Any:
    """Compile as a part of what calls it."""
    _name_apart(function)
    return njit(**_FROM_CALLERS)(function)


def _name_apart(function: Any) -> None:
    """Give what this process compiles a name of its own.

    numba tells what it compiles apart by a number that it counts from 1 in each process. Of two with one name, from two
    processes, the one linked first would serve for both.
    """
    function.__qualname__ += f"_{uuid4().hex}"


def _arguments(function: Any, dtype: np.dtype) -> tuple[Any, ...]:
    """Types of what a function takes, by its annotations."""
    kind = from_dtype(dtype)
    known = {
        "int": types.int64,
        "float": types.float64,
        "bool": types.boolean,
        "Numbers": types.CPointer(kind),
        "Flags": types.CPointer(types.uint8),
        "Table": types.CPointer(types.int64),
        "Flags2": types.Array(types.uint8, 2, "C"),
        "Starts": types.Array(types.int64, 1, "C"),
        **{f"Array{n}": types.Array(kind, n, "C") for n in range(1, 5)},
    }
    return tuple(known[name] for argument, name in function.__annotations__.items() if argument != "return")
