"""Threads: one for small work, and the caller's number afterwards, also if several threads compute."""

import threading

import pytest
import torch

from skrnn._threads import suited_threads


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
