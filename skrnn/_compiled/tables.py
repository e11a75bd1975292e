"""The tables from which compiled epochs read what a network is, what it learns from, and where everything lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from skrnn._compiled.kernels import Kernel, places, pooling
from skrnn._compiled.kernels.products import room_for_panels
from skrnn._compiled.memory import in_lines
from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec

_KEPT = 2**18  # numbers of gates and states of the sequences that are read at once
_FEWEST = 64  # sequences that are worth laying the weights in order
_LINE = 16  # numbers: each array of a room begins with a line of a cache
_POOLINGS = {"max": (pooling.largest, pooling.largest_back), "mean": (pooling.mean, pooling.mean_back)}
NOTHING = np.empty(0, np.uint8)


@dataclass(frozen=True)
class Parts:
    """What a network consists of: its weights are one vector, in which each array of them begins at some place."""

    spec: NetworkSpec
    kernel: Kernel
    flat: np.ndarray
    begins: dict[str, int]

    @property
    def n_directions(self) -> int:
        return 1 + self.spec.bidirectional

    @property
    def both(self) -> int:
        """Columns of the states of all directions."""
        return self.spec.hidden_size * self.n_directions

    @property
    def n_masked(self) -> int:
        """Factors of dropout for one step that is passed on."""
        return self.both if self.spec.dropout else 0


class Tables:
    """What stays the same from epoch to epoch, and holds the arrays of which it has the addresses.

    Parameters
    ----------
    parts : Parts
        The network.
    data : DeviceData
        What is learnt from.
    batch_size : int
        Most sequences in a batch.
    n_shares : int
        Into how many shares it is divided.
    """

    def __init__(self, parts: Parts, data: DeviceData, batch_size: int, n_shares: int) -> None:
        self.table = np.zeros(places.N_PLACES, np.int64)
        self.rows = np.zeros((parts.spec.num_layers, parts.n_directions, places.N_OF_ROW), np.int64)
        self._arrays: list[np.ndarray] = []
        self._parts, self._n_read = parts, data.n_steps // parts.spec.segment_size
        self.enter({places.BATCH: batch_size, places.N_SHARES: n_shares})
        self._enter_data(data)
        self._enter_network()
        most = min(-(-batch_size // n_shares), self._at_once())
        self.enter({places.AT_ONCE: most})
        room = self._lay_out_layers(most)
        self._lay_out_batch(room, most)
        self._take_memory(n_shares, room.size, most)

    def enter(self, values: Mapping[int, int | np.ndarray]) -> None:
        """Put numbers in the table, and addresses of arrays, which are kept."""
        self._arrays += enter(self.table, values)

    def _enter_data(self, data: DeviceData) -> None:
        assert data.y is not None
        level, factor = (
            NOTHING if some is None else np.ascontiguousarray(some.numpy(), self._parts.flat.dtype)
            for some in (data.level, data.factor)
        )
        self.enter(
            {
                places.BASE: data.base.numpy(),
                places.SEEN: _flags(data.segments_observed),
                places.ROW_SEEN: _flags(data.observed),
                places.STARTS: data.starts.numpy(),
                places.BEHIND: NOTHING if data.n_behind is None else data.n_behind.astype(np.int64),
                places.LEVEL: level,
                places.FACTOR: factor,
                places.LEVELLED: np.array(data.levelled, np.int64),
                places.N_COLUMNS: data.base.shape[1],
                places.N_LEVELLED: len(data.levelled) if level.size else 0,
                places.N_LINEAR: data.base[:, : data.n_linear].shape[1],
                places.N_TARGETS: data.y.shape[1],
            }
        )

    def _enter_network(self) -> None:
        parts, spec, kernel = self._parts, self._parts.spec, self._parts.kernel
        dtype = parts.flat.dtype
        pool = [function.of(dtype).address for function in _POOLINGS.get(spec.pooling, ())] or [0, 0]
        self.enter(
            {
                places.N_LAYERS: spec.num_layers,
                places.N_DIRECTIONS: parts.n_directions,
                places.HIDDEN: spec.hidden_size,
                places.BOTH: parts.both,
                places.WIDTH: spec.width,
                places.N_READ: self._n_read,
                places.TOGETHER: spec.segment_size,
                places.LINEAR_STEPS: spec.linear_steps,
                places.WEIGHTS: parts.flat,
                places.N_WEIGHTS: parts.flat.size,
                places.HEAD: parts.begins["head.weight"],
                places.BIAS: parts.begins["head.bias"],
                places.LINEAR: parts.begins.get("linear.weight", 0),
                places.FORWARD: kernel.forward.of(dtype).address,
                places.BACKWARD: kernel.backward.of(dtype).address,
                places.OPTION: kernel.option,
                places.POOL: pool[0],
                places.POOL_BACK: pool[1],
                places.N_STATES: kernel.n_states,
                places.BLOCK_ROWS: kernel.rows_per_block(spec.hidden_size),
            }
        )

    def _at_once(self) -> int:
        """How many sequences are read at once: what is kept of them for the way back should stay in a core's cache."""
        spec, kernel = self._parts.spec, self._parts.kernel
        of_one = (kernel.n_gates + kernel.n_states) * self._n_read * spec.num_layers * self._parts.both
        return max(_FEWEST, spec.hidden_size // 2, _KEPT // of_one)

    def _lay_out_layers(self, most: int) -> _Room:
        """Arrays of the layers, for so many sequences."""
        parts, kernel, room, n_read = self._parts, self._parts.kernel, _Room(), self._n_read
        summary, by_summary = room.take(most * parts.both), room.take(most * parts.both)
        of_gates = _whole_lines(kernel.n_gates * n_read * most * parts.spec.hidden_size)
        of_states = _whole_lines(kernel.n_states * (n_read + 2) * most * parts.spec.hidden_size)
        x, by_x = room.take(n_read * most * self._n_inputs(0)), 0
        for i, layer in enumerate(self.rows):
            is_last = i == len(self.rows) - 1
            size = 0 if is_last else n_read * most * parts.both
            out, by_out = (summary, by_summary) if is_last else (room.take(size), room.take(size))
            gates, states = room.take(parts.n_directions * of_gates), room.take(parts.n_directions * of_states)
            for d, row in enumerate(layer):
                weights = parts.begins[f"layers.{i}.directions.{d}"]
                row[:] = (
                    self._n_inputs(i),
                    weights,
                    is_last,
                    x,
                    by_x,
                    gates + d * of_gates,
                    states + d * of_states,
                    out,
                    by_out,
                )
            x, by_x = out, by_out
        self.enter({places.SUMMARY: summary, places.BY_SUMMARY: by_summary, places.STATES_APART: of_states})
        return room

    def _lay_out_batch(self, room: _Room, most: int) -> None:
        """What is used by all layers, and by the head and the linear map."""
        parts, spec, kernel, itemsize = self._parts, self._parts.spec, self._parts.kernel, self._parts.flat.itemsize
        hidden, n_columns = spec.hidden_size, spec.linear_steps * int(self.table[places.N_LINEAR])
        widest = max(self._n_inputs(i) for i in range(spec.num_layers))
        of_work = _whole_lines(2 * kernel.n_states * most * hidden)
        is_pooled = spec.pooling in _POOLINGS
        of_slopes = _whole_lines(self._n_read * most * hidden if spec.num_layers > 1 or is_pooled else 0)
        of_pooled = _whole_lines(most * hidden if is_pooled else 0)
        of_panels = max(room_for_panels(spec.width, k, itemsize) for k in (parts.both, n_columns))
        self.enter(
            {
                places.OF_INPUTS: room.take(kernel.n_gates * room_for_panels(hidden, widest, itemsize)),
                places.OF_STATES: room.take(kernel.n_gates * room_for_panels(hidden, hidden, itemsize)),
                places.WORK: room.take(parts.n_directions * of_work),
                places.WORK_APART: of_work,
                places.SLOPES: room.take(parts.n_directions * of_slopes),
                places.SLOPES_APART: of_slopes,
                places.POOLED: room.take(parts.n_directions * of_pooled),
                places.POOLED_APART: of_pooled,
                places.COLUMNS: room.take(most * n_columns),
                places.PANELS: room.take(of_panels),
                places.BY_ANSWER: room.take(most * spec.width),
            }
        )

    def _take_memory(self, n_shares: int, size: int, most: int) -> None:
        """Memory for the rooms of all shares, and for what they give each other."""
        flat, spec = self._parts.flat, self._parts.spec
        n_ones = max(self._parts.kernel.rows_per_block(spec.hidden_size), most)
        self.enter(
            {
                places.ROOMS: in_lines(n_shares * size, flat.dtype),
                places.ROOM: size,
                places.OBSERVED: np.empty(n_shares * self._n_read * most, np.uint8),
                places.OBSERVED_SIZE: self._n_read * most,
                places.GRADIENTS: np.empty(n_shares * (flat.size + spec.width), flat.dtype),
                places.SQUARES: np.empty(n_shares, flat.dtype),
                places.ONES: np.ones(n_ones, flat.dtype),
            }
        )

    def _n_inputs(self, layer: int) -> int:
        return self._parts.both if layer else int(self.table[places.N_COLUMNS]) * self._parts.spec.segment_size


class _Room:
    """Places one behind another."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, size: int) -> int:
        place = self.size
        self.size += _whole_lines(size)
        return place


def _whole_lines(size: int) -> int:
    return -(-size // _LINE) * _LINE


def enter(table: np.ndarray, values: Mapping[int, int | np.ndarray]) -> list[np.ndarray]:
    """Put numbers in a table, and addresses of arrays, 0 for empty ones; these arrays, which must be kept."""
    for place, value in values.items():
        if isinstance(value, np.ndarray):
            assert value.flags.c_contiguous
            table[place] = value.ctypes.data if value.size else 0
        else:
            table[place] = value
    return [value for value in values.values() if isinstance(value, np.ndarray)]


def _flags(observed: torch.Tensor | None) -> np.ndarray:
    return NOTHING if observed is None else observed.numpy().view(np.uint8)
