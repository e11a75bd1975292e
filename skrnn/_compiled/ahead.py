"""Compile all loops ahead and keep them on disk."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from skrnn._compiled import kernels
from skrnn._compiled.kernels.blocks import gather
from skrnn._compiled.kernels.jit import Compiled


def compile_all() -> set[str | None]:
    """Compile every function in both precisions: some leaves are only found by their address.

    Returns
    -------
    folders : set of str or None
        Where the files are; None stands for those that no folder takes.
    """
    modules = [vars(import_module(f"{kernels.__name__}.{module.name}")) for module in iter_modules(kernels.__path__)]
    functions = {value for module in modules for value in module.values() if isinstance(value, Compiled)}
    wanted = {(function, dtype) for function in functions for dtype in ("float32", "float64")}
    return {function.of(dtype).folder for function, dtype in wanted | {(gather, "uint8")}}
