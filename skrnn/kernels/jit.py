"""How the kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from numba import njit

# Without "numpy" errors a check for division by zero keeps loops from being vectorised. Contraction to fused
# multiply-adds is the only liberty taken with arithmetic: NaN and infinity pass through as they are.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def compiled_into_callers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile as a part of what calls it, which is kept on disk with it."""
    return _named_apart(njit(**_OPTIONS)(function))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call for the types that come, and keep the result on disk for later processes."""
    try:
        kept = njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder to keep it in can be written to
        return njit(**_OPTIONS)(function)
    # numba numbers the files from 1: two processes that compile for different types at once would take the same number,
    # and later ones would run the code of one for the types of the other.
    if hasattr(kept, "_cache"):  # not where numba is switched off
        file = kept._cache._cache_file
        file._data_name = lambda _: file._data_name_pattern.format(number=uuid4().int)
    return _named_apart(kept)


def _named_apart(kept: Any) -> Any:
    """Give what this process compiles names of its own.

    What is compiled from one function for the same types, but for other constants, numba tells apart by a number that
    it counts from 1 in each process. Of two with one name, from two processes, the one linked first would serve for
    both.
    """
    function = getattr(kept, "py_func", kept)
    function.__qualname__ += f"_{uuid4().hex}"
    return kept
