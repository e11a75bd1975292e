"""How many threads to compute with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_WORTH_SHARING = 2**14  # numbers in one step of a layer, below which more threads do not pay

_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def suited_threads(n_numbers: int) -> Iterator[None]:
    """Compute on one thread where steps are small, and give the caller's number back.

    Threads that share small operations wait for each other after each of them, and where another process keeps a core
    busy these waits take many times as long as the work.

    Parameters
    ----------
    n_numbers : int
        Size of one step of a layer: batch times hidden size.
    """
    global _inside, _before
    if n_numbers >= _WORTH_SHARING:
        yield
        return
    with _lock:
        mine = torch.get_num_threads()
        if _inside == 0:
            _before = mine
        elif mine == 1:  # a new thread starts with the number that another one has set here
            mine = _before
        _inside += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            torch.set_num_threads(mine)
