"""What is compiled is kept on disk, where numba would keep it."""

from __future__ import annotations

import hashlib
import inspect
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from uuid import uuid4

from numba import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile


@cache
def stamp() -> str:
    """Of the source of all kernels: what is kept of another source, be it that of a function called, is not used."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


class _Nowhere:
    """Takes the place of a folder where none takes files."""

    def __init__(self, function: Any) -> None:
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Any, _: str) -> _Nowhere:
        return cls(function)

    def ensure_cache_path(self) -> None:
        raise OSError("no folder takes files")

    def get_cache_path(self) -> str:
        return os.devnull

    def get_source_stamp(self) -> str:
        return stamp()

    def get_disambiguator(self) -> str:
        return str(self._line)


_LOCATORS: Any = CompileResultCacheImpl._locator_classes


class _Places(CompileResultCacheImpl):
    _locator_classes = (*_LOCATORS, _Nowhere)  # type: ignore[assignment]


class Files(FunctionCache):
    """The files of one function.

    Where no folder takes files, or one of them cannot be read, the function is compiled anew. Folders that take no
    files, such as those of an image, are read too.
    """

    _impl_class = _Places

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        source = inspect.getfile(function)
        elsewhere = os.path.join(os.path.dirname(source), "__pycache__")
        if config.CACHE_DIR:  # type: ignore[attr-defined]
            subfolder = _LOCATORS[0].get_suitable_cache_subpath(source)
            elsewhere = os.path.join(config.CACHE_DIR, subfolder)  # type: ignore[attr-defined]
        base = self._impl.filename_base
        self._read = [
            IndexDataCacheFile(folder, base, stamp()) for folder in dict.fromkeys((self.cache_path, elsewhere))
        ]
        file: Any = self._read[0]
        self._cache_file = file
        # numba numbers the files from 1: two processes that compile for different types at once would take the same
        # number, and later ones would run the code of one for the types of the other.
        file._data_name = lambda _: file._data_name_pattern.format(number=uuid4().int)

    @property
    def folder(self) -> str | None:
        """Where files are kept; None where no folder takes them."""
        return None if self.cache_path == os.devnull else self.cache_path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        key = self._index_key(sig, target_context.codegen())
        for file in self._read:
            with suppress(OSError, EOFError, UnpicklingError):
                kept = file.load(key)
                if kept is not None:
                    return self._impl.rebuild(target_context, kept)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError, EOFError, UnpicklingError):
            super().save_overload(sig, data)
