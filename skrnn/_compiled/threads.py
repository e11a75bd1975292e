"""Computing alone: the caller's settings of torch, numpy and BLAS come back afterwards; and work that threads share."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from functools import cache, wraps
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
import torch.utils._device as torch_device
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Shared:
    """What all threads of the process share; a forked child starts anew.

    Nothing is locked: an interrupt may come anywhere, also while a lock is held. Single operations on dicts, deques and
    queues are whole.
    """

    def __init__(self) -> None:
        self.calls: dict[_Call, None] = {}  # under way
        self.n_begun = 0
        self.n_threads = 1  # of torch, as the last caller had it
        self.blas_calls: dict[_Call, None] = {}  # those that hold BLAS at one thread
        self.blas_limit: Any = None
        self.blas_tasks: SimpleQueue[SimpleQueue[BaseException | None]] = SimpleQueue()
        self.blas_keeper: threading.Thread | None = None
        self.tasks: SimpleQueue[_Shares] = SimpleQueue()
        self.n_workers = 0


_shared = _Shared()
_here = threading.local()  # ``call`` is the call under way in this thread


def _start_anew() -> None:
    """In a forked child, where other threads and what they held are gone."""
    global _shared
    n_threads = callers_threads()
    old, _shared = _shared, _Shared()
    if old.blas_limit is not None:
        old.blas_limit.__exit__(None, None, None)
        old.blas_limit = None
    if old.calls and _call() is None:
        torch.set_num_threads(n_threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def alone(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Keep what a function computes and the caller's settings apart; the one door to all that uses torch.

    Within, torch computes on one thread: those that share small operations wait for each other after each of them, and
    where another process keeps a core busy these waits take many times as long as the work. Moreover, a forked child
    would wait forever for the threads that torch has started in its parent. Large work is divided by ``share``.
    Gradients are on; the caller's inference mode and default device are off.

    Whatever the function itself changes of these, or of numpy's errors, is changed back, also after an interrupt.
    """

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if _call() is not None:
            return function(*args, **kwargs)
        this = _Call()
        # Twice, since an interrupt may come within the first.
        try:
            try:
                this.begin()
                return function(*args, **kwargs)
            finally:
                this.end()
        finally:
            this.end()

    return call


class _Call:
    """The caller's settings. Made before anything is changed; ``end`` can be called at any time, and again."""

    def __init__(self) -> None:
        self.shared = _shared
        self.n_threads = callers_threads()
        self.has_gradients = torch.is_grad_enabled()
        self.modes = _get_current_function_mode_stack()
        self.device = torch_device.CURRENT_DEVICE
        self.errors = np.geterr()
        self.holds_blas = False
        self.has_ended = False
        # Off in the place of the caller's, which cannot be known to be on again if torch's own context is interrupted.
        self.no_inference = torch._C._InferenceMode(False) if torch.is_inference_mode_enabled() else None

    def begin(self) -> None:
        self.shared.calls[self] = None
        self.shared.n_begun += 1
        self.shared.n_threads = self.n_threads
        _here.call = self
        torch.set_num_threads(1)
        if self.no_inference is not None:
            self.no_inference.__enter__()
        torch.set_grad_enabled(True)
        _set_modes([])

    def end(self) -> None:
        if self.has_ended:
            return
        if self.holds_blas:
            self.shared.blas_calls.pop(self, None)
            _settle_blas(self.shared)
            self.holds_blas = False
        _set_modes(self.modes)
        torch_device.CURRENT_DEVICE = self.device
        if np.geterr() != self.errors:
            np.seterr(**self.errors)
        if self.no_inference is not None:
            self.no_inference.__exit__(None, None, None)
        torch.set_grad_enabled(self.has_gradients)
        torch.set_num_threads(self.n_threads)
        _here.call = None
        self.shared.calls.pop(self, None)
        self.has_ended = True


def _call() -> _Call | None:
    return getattr(_here, "call", None)


def _set_modes(modes: list[Any]) -> None:
    """Modes of torch functions, of which a default device is one."""
    if _get_current_function_mode_stack() == modes:
        return
    while _get_current_function_mode_stack():
        _pop_mode()
    for mode in modes:
        _push_mode(mode)


def callers_threads() -> int:
    """The caller's number of torch threads, to be used by ``share``."""
    call = _call()
    if call is not None:
        return call.n_threads
    shared = _shared
    n_begun, others = shared.n_begun, bool(shared.calls)
    mine = torch.get_num_threads()
    # A new thread starts with the number that another one has set here.
    return shared.n_threads if mine == 1 and (others or shared.n_begun != n_begun) else mine


def own_default(device: torch.device) -> None:
    """Until the present call ends, make tensors on a device where the caller has set a default for them."""
    call = _call()
    has_default = call is not None and any(isinstance(mode, torch_device.DeviceContext) for mode in call.modes)
    if has_default and device.type != "cpu":  # otherwise not: a default slows every call of torch
        torch_device.DeviceContext(device).__enter__()


def one_blas_thread() -> None:
    """Until the present call ends, compute products on one thread: equal to the bit however many there are."""
    call = _call()
    assert call is not None
    call.holds_blas = True
    call.shared.blas_calls[call] = None
    _settle_blas(call.shared)


def _settle_blas(shared: _Shared) -> None:
    """Have BLAS limited, or not, as the calls under way want it.

    Always by one thread of ours, which nothing interrupts: threadpoolctl heeds only the first one that sets a limit.
    """
    if shared.blas_keeper is None or not shared.blas_keeper.is_alive():
        shared.blas_keeper = threading.Thread(target=_keep_blas, args=(shared,), name="skrnn-blas", daemon=True)
        shared.blas_keeper.start()
    settled: SimpleQueue[BaseException | None] = SimpleQueue()
    shared.blas_tasks.put(settled)
    error = settled.get()
    if error is not None:
        raise error


def _keep_blas(shared: _Shared) -> None:
    while True:
        settled = shared.blas_tasks.get()
        try:
            if shared.blas_calls and shared.blas_limit is None:
                shared.blas_limit = _blas_libraries().limit(limits=1).__enter__()
            elif not shared.blas_calls and shared.blas_limit is not None:
                shared.blas_limit.__exit__(None, None, None)
                shared.blas_limit = None
        except BaseException as error:  # raised again in the thread that waits
            settled.put(error)
        else:
            settled.put(None)


@cache
def _blas_libraries() -> Any:
    """Controller of the BLAS libraries of the process; to find them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def share(work: Callable[[int], None], n_shares: int) -> None:
    """Call ``work`` with 0 ... n_shares - 1, side by side; it should release Python's lock.

    After an interrupt, shares that have begun go on for themselves; what they use lives as long as they do.
    """
    if n_shares == 1:
        work(0)
        return
    # Plain queues: an executor takes several times as long to hand work over, and this is done twice for each batch.
    _hire(n_shares - 1)
    shares = _Shares(work, n_shares)
    for _ in range(1, n_shares):
        _shared.tasks.put(shares)
    try:
        while shares.do_next():  # also those for which no thread is free
            pass
        outcomes = [shares.outcomes.get() for _ in range(n_shares)]
    finally:
        shares.waiting.clear()
    for error in outcomes:
        if error is not None:
            raise error


class _Shares:
    """Work that is divided among threads."""

    def __init__(self, work: Callable[[int], None], n_shares: int) -> None:
        self.work = work
        self.waiting = deque(range(n_shares))
        self.outcomes: SimpleQueue[BaseException | None] = SimpleQueue()

    def do_next(self) -> bool:
        """Do a share that waits, if one does."""
        try:
            i = self.waiting.popleft()
        except IndexError:
            return False
        try:
            self.work(i)
        except BaseException as error:  # raised again when all have ended
            self.outcomes.put(error)
        else:
            self.outcomes.put(None)
        return True


def _hire(n_workers: int) -> None:
    """See to it that so many threads wait for work, but no more than there are cores."""
    while _shared.n_workers < min(n_workers, os.cpu_count() or 1):
        _shared.n_workers += 1
        threading.Thread(target=_work, args=(_shared.tasks,), name="skrnn", daemon=True).start()


def _work(tasks: SimpleQueue[_Shares]) -> None:
    while True:
        shares = tasks.get()
        shares.do_next()
        del shares  # an idle thread holds nothing
