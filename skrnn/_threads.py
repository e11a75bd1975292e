"""How many threads compute, and work that they share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from queue import SimpleQueue
from typing import Any

import torch

_WORTH_SHARING = 2**14  # numbers in one step of a layer, below which more threads do not pay torch
_BLAS_SHARES = 2**20  # multiplications


class _Shared:
    """What all threads of the process share; a forked child starts anew."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_on_one_thread = 0  # calls under way that hold torch at one thread
        self.torch_before = 1
        self.n_onone_blas_thread = 0
        self.blas_limit: Any = None
        self.tasks: SimpleQueue[tuple[Callable[[int], None], int, SimpleQueue[BaseException | None]]] = SimpleQueue()
        self.n_workers = 0
        self.keeper: ThreadPoolExecutor | None = None


_shared = _Shared()


def _start_anew() -> None:
    global _shared
    if _shared.n_onone_blas_thread:
        _shared.blas_limit.restore_original_limits()
    _shared = _Shared()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


@contextmanager
def suited_threads(n_numbers: int) -> Iterator[None]:
    """Let torch compute on one thread where steps are small, and give the caller's number back.

    Threads that share small operations wait for each other after each of them, and where another process keeps a core
    busy these waits take many times as long as the work.

    Parameters
    ----------
    n_numbers : int
        Size of one step of a layer: batch times hidden size.
    """
    if n_numbers >= _WORTH_SHARING:
        yield
        return
    with _one_torch_thread():
        yield


@contextmanager
def own_threads(n_multiplications: int) -> Iterator[int]:
    """Keep torch and BLAS at one thread each, and give the caller's number of torch threads, to be used by ``share``.

    Both get their numbers back when the last of the calls that run side by side ends. BLAS is left alone where the work
    is less than what it would share.

    Parameters
    ----------
    n_multiplications : int
        Size of the work.
    """
    with _one_torch_thread() as n_threads, one_blas_thread() if n_multiplications >= _BLAS_SHARES else nullcontext():
        yield n_threads


def share(work: Callable[[int], None], n_shares: int) -> None:
    """Call ``work`` with 0 ... n_shares - 1, side by side; it should release Python's lock."""
    if n_shares == 1:
        work(0)
        return
    # Plain queues: an executor takes several times as long to hand work over, and this is done twice for each batch.
    _hire(n_shares - 1)
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()
    for i in range(1, n_shares):
        _shared.tasks.put((work, i, outcomes))
    try:
        work(0)
    finally:
        failures = [outcomes.get() for _ in range(1, n_shares)]
    for failure in failures:
        if failure is not None:
            raise failure


def _hire(n_workers: int) -> None:
    """See to it that so many threads wait for work, but no more than there are cores."""
    with _shared.lock:
        while _shared.n_workers < min(n_workers, os.cpu_count() or 1):
            _shared.n_workers += 1
            threading.Thread(target=_work, args=(_shared.tasks,), name="skrnn", daemon=True).start()


def _work(tasks: SimpleQueue[Any]) -> None:
    while True:
        work, i, outcomes = tasks.get()
        try:
            work(i)
        except BaseException as error:  # raised again in the thread that waits
            outcomes.put(error)
        else:
            outcomes.put(None)
        del work, outcomes  # an idle thread holds nothing


@contextmanager
def _one_torch_thread() -> Iterator[int]:
    shared = _shared
    with shared.lock:
        mine = torch.get_num_threads()
        if shared.n_on_one_thread == 0:
            shared.torch_before = mine
        elif mine == 1:  # a new thread starts with the number that another one has set here
            mine = shared.torch_before
        shared.n_on_one_thread += 1
    torch.set_num_threads(1)
    try:
        yield mine
    finally:
        with shared.lock:
            shared.n_on_one_thread -= 1
            torch.set_num_threads(mine)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Products and factorisations on one thread: equal to the bit however many there are."""
    shared = _shared
    with shared.lock:
        if shared.n_onone_blas_thread == 0:
            shared.blas_limit = _in_keeper(lambda: _blas_libraries().limit(limits=1).__enter__())
        shared.n_onone_blas_thread += 1
    try:
        yield
    finally:
        with shared.lock:
            shared.n_onone_blas_thread -= 1
            if shared.n_onone_blas_thread == 0:
                _in_keeper(lambda: shared.blas_limit.__exit__(None, None, None))


def _in_keeper(change: Callable[[], Any]) -> Any:
    """Change the limit of BLAS in one thread, always the same: threadpoolctl heeds only the first one that sets it."""
    if _shared.keeper is None:
        _shared.keeper = ThreadPoolExecutor(1, thread_name_prefix="skrnn-blas")
    return _shared.keeper.submit(change).result()


@cache
def _blas_libraries() -> Any:
    """Controller of the BLAS libraries of the process; to find them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
