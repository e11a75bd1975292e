"""Processes that take turns, so that what one of them is about to compile is not compiled by the others too."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows: each process compiles for itself
    fcntl = None

_PATIENCE = 60.0  # seconds, for a process that was halted in its turn
_PAUSE = 0.02


@contextmanager
def one_at_a_time(folder: str | None, name: str) -> Iterator[None]:
    """Wait while another process works under this name and in this folder; its turn ends with it, however it ends.

    Without a folder that takes files, or where its file system knows no locks, there are no turns.
    """
    file = None
    if fcntl is not None and folder is not None:
        with suppress(OSError):
            file = os.open(Path(folder) / "skrnn.lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        if file is not None:
            _wait(file, zlib.crc32(name.encode()))
        yield
    finally:
        if file is not None:
            os.close(file)  # which ends the turn


def _wait(file: int, place: int) -> None:
    """Lock one byte, which need not exist."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                return
            time.sleep(_PAUSE)
        except OSError:
            return
