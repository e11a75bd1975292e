"""Compile all loops ahead and keep them on disk: ``python -m skrnn.kernels``."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules

import skrnn.kernels


def main() -> None:
    """Compile every entry in both precisions, with the leaves that it calls."""
    from skrnn.kernels.blocks import gather
    from skrnn.kernels.jit import Compiled

    names = [module.name for module in iter_modules(skrnn.kernels.__path__) if module.name != "__main__"]
    modules = [vars(import_module(f"skrnn.kernels.{name}")) for name in names]
    entries = {value for module in modules for value in module.values() if isinstance(value, Compiled)}
    wanted = {(function, dtype) for function in entries if not function.is_leaf for dtype in ("float32", "float64")}
    folders = {function.of(dtype).folder for function, dtype in wanted | {(gather, "uint8")}}
    if None in folders:
        sys.exit("No folder takes what was compiled. Let NUMBA_CACHE_DIR name one that can be written to.")
    sys.stdout.write(f"The compiled loops are in {', '.join(sorted(folders))}.\n")


if __name__ == "__main__":
    main()
