"""Compile all loops ahead and keep them on disk."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from skrnn._compiled import kernels
from skrnn._compiled.kernels.blocks import gather
from skrnn._compiled.kernels.jit import Compiled


def compile_all() -> set[str | None]:
    """Compile every entry in both precisions, with the leaves that it calls.

    Returns
    -------
    folders : set of str or None
        Where the files are; None stands for those that no folder takes.
    """
    modules = [vars(import_module(f"{kernels.__name__}.{module.name}")) for module in iter_modules(kernels.__path__)]
    entries = {value for module in modules for value in module.values() if isinstance(value, Compiled)}
    wanted = {(function, dtype) for function in entries if not function.is_leaf for dtype in ("float32", "float64")}
    return {function.of(dtype).folder for function, dtype in wanted | {(gather, "uint8")}}
