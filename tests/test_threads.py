"""Threads: one for small work, the caller's number afterwards, also if several threads compute; work that is shared."""

import multiprocessing
import threading

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from skrnn._threads import own_threads, share, suited_threads


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_small_work_gets_one_thread_and_large_work_all():
    with suited_threads(100):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with suited_threads(1_000_000):
        assert torch.get_num_threads() == 2


def test_the_number_comes_back_after_an_error():
    with pytest.raises(KeyError), suited_threads(100):
        raise KeyError
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_the_number_comes_back_whoever_ends_first(first_ends_first):
    entered, leave, found = threading.Event(), threading.Event(), []

    def compute():
        with suited_threads(100):
            entered.set()
            leave.wait()
        found.append(torch.get_num_threads())

    other = threading.Thread(target=compute)
    if first_ends_first:
        with suited_threads(100):
            other.start()
            entered.wait()
        leave.set()
        other.join()
    else:
        other.start()
        entered.wait()
        with suited_threads(100):
            leave.set()
            other.join()
    assert found == [2]
    assert torch.get_num_threads() == 2
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [2, 2]


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_own_threads_hold_torch_and_blas_at_one_and_tell_the_callers_number():
    before = blas_threads()
    with own_threads(2**30) as n_threads:
        assert n_threads == 2
        assert torch.get_num_threads() == 1
        assert set(blas_threads()) == {1}
    assert torch.get_num_threads() == 2
    assert blas_threads() == before


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_blas_gets_its_threads_back_from_the_last_of_concurrent_calls(first_ends_first):
    entered, leave = threading.Event(), threading.Event()
    before = blas_threads()

    def compute():
        with own_threads(2**30):
            entered.set()
            leave.wait()

    other = threading.Thread(target=compute)
    with own_threads(2**30) as n_threads:
        other.start()
        entered.wait()
        if not first_ends_first:
            leave.set()
            other.join()
        assert set(blas_threads()) == {1}
    assert n_threads == 2
    if first_ends_first:
        assert set(blas_threads()) == {1}  # the other one still computes
        leave.set()
        other.join()
    assert blas_threads() == before
    with threadpool_limits(1, user_api="blas"):  # callers can set limits again
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_small_work_leaves_blas_alone():
    before = blas_threads()
    with own_threads(1000):
        assert torch.get_num_threads() == 1
        assert blas_threads() == before


def test_work_is_shared_among_threads():
    done = [None] * 3
    share(lambda i: done.__setitem__(i, threading.get_ident()), 3)
    assert done[0] == threading.get_ident()
    assert None not in done
    assert len(set(done)) > 1


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_a_share_is_raised_when_all_have_ended(failing):
    ended = []

    def work(i):
        if i == failing:
            raise KeyError(i)
        ended.append(i)

    with pytest.raises(KeyError):
        share(work, 2)
    assert ended == [1 - failing]


def _share_in_child(queue):
    done = np.zeros(4)
    share(lambda i: done.__setitem__(i, 1), 4)
    with own_threads(2**30) as n_threads:
        queue.put((done.sum(), n_threads))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    share(lambda _: None, 2)  # the parent's threads, which the child does not inherit
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_share_in_child, args=(queue,), daemon=True)
    child.start()
    assert queue.get(timeout=60) == (4, 2)
    child.join(timeout=60)
