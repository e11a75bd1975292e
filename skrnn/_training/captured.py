"""Steps on a CUDA device that are captured once and replayed: a small network costs less than the calls for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, local
from typing import Protocol

import torch

_WARM_UP = 3  # batches before the capture: libraries prepare themselves in their first calls
_capturing = Lock()  # a process may capture one thing at a time


class _Own(local):
    """A thread's stream for each device: libraries keep memory for every stream that they have worked on."""

    def __init__(self) -> None:
        self.streams: dict[torch.device, torch.cuda.Stream] = {}


_own = _Own()


class Step(Protocol):
    """What training does with a batch, without waiting for the device; gives the answers (answer, width)."""

    generator: torch.Generator

    def __call__(self, rows: torch.Tensor, y: torch.Tensor, share: torch.Tensor) -> torch.Tensor: ...


class Replayed(Protocol):
    """Work that is done again on the same memory."""

    def replay(self) -> None: ...


class Captured:
    """Batches one after another, all but an incomplete last one by replaying what was captured of an earlier one.

    What is captured finds its batch in memory that stays: the rows of many batches, and how many are behind it. The
    first batches, and all where the capture fails, are steps like any other, of the same function of the same memory.

    Parameters
    ----------
    step : Step
        What to do with a batch.
    batch_size : int
        Rows of a batch.
    capture : callable
        Captures a function without arguments, which may draw from a generator.
    """

    def __init__(
        self,
        step: Step,
        batch_size: int,
        capture: Callable[[Callable[[], None], torch.Generator], Replayed] | None = None,
    ) -> None:
        self._step, self._size = step, batch_size
        self._capture = capture_graph if capture is None else capture
        self._given: list[torch.Tensor] = []
        self._answers: torch.Tensor | None = None
        self._n_before_capture = _WARM_UP
        self._graph: Replayed | None = None

    def run(self, order: torch.Tensor, y: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """Train once on some rows; the first call has the most of them.

        Parameters
        ----------
        order : tensor of shape (row,)
            Numbers of the rows.
        y : tensor of shape (answer, target)
            Their targets, with as many answers for each row.
        share : tensor of shape (answer, 1)
            Factors on the derivatives of their losses.

        Returns
        -------
        tensor of shape (answer, width)
            Answers, of each batch before its step; they stay until the next call.
        """
        with _side_stream(order.device):
            shape = len(order), len(y) // len(order)
            given = [order, y.unflatten(0, shape), share.unflatten(0, shape)]
            if not self._given:
                self._given = [torch.empty_like(part) for part in given]
                self._range = torch.arange(self._size, device=order.device)
                self._n_behind = self._range.new_zeros(())
            for kept, part in zip(self._given, given, strict=True):
                kept[: len(order)].copy_(part)
            self._n_behind.zero_()
            n_full = len(order) // self._size * self._size
            for _ in range(0, n_full, self._size):
                self._next()
            if n_full < len(order):
                self._keep(self._range[: len(order) - n_full] + n_full)
            assert self._answers is not None
            return self._answers[: len(order)].flatten(0, 1)

    def _next(self) -> None:
        """The next full batch."""
        if not self._n_before_capture:
            state = self._step.generator.get_state()
            try:
                self._graph = self._capture(self._full, self._step.generator)
            except RuntimeError:  # the generator may be left in the state of a capture
                self._step.generator = torch.Generator(self._step.generator.device)
                self._step.generator.set_state(state)
        self._n_before_capture -= 1
        if self._graph is None:
            self._full()
        else:
            self._graph.replay()

    def _full(self) -> None:
        """The batch behind those that are done."""
        self._keep(self._range + self._n_behind)
        self._n_behind += self._size

    def _keep(self, places: torch.Tensor) -> None:
        """A step on what was given at some places, where its answers are put as well."""
        parts = [part.index_select(0, places) for part in self._given]
        rows, (y, share) = parts[0], (part.flatten(0, 1) for part in parts[1:])
        answers = self._step(rows, y, share).unflatten(0, (len(rows), -1))
        if self._answers is None:
            self._answers = answers.new_empty(len(self._given[0]), *answers.shape[1:])
        self._answers.index_copy_(0, places, answers)


def capture_graph(work: Callable[[], None], generator: torch.Generator) -> Replayed:
    """What a function does on the current stream, without doing it."""
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)  # a replay draws what a call would
    stream = torch.cuda.current_stream(generator.device)
    # Other threads may go on with their own work on the device.
    with _capturing, torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        work()
    return graph


@contextmanager
def _side_stream(device: torch.device) -> Iterator[None]:
    """A stream of this thread's own, since nothing is captured on the default one; a CPU has none."""
    if device.type != "cuda":
        yield
        return
    here = torch.cuda.current_stream(device)
    if here.device not in _own.streams:
        _own.streams[here.device] = torch.cuda.Stream(here.device)
    side = _own.streams[here.device]
    side.wait_stream(here)
    try:
        with torch.cuda.stream(side):
            yield
    finally:
        here.wait_stream(side)
