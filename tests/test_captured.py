"""Captured steps: the numbers of the same steps in turn, and nothing in them that a capture forbids.

Without a device, ``Tape`` stands for a CUDA graph: it repeats the calls into torch that a step made, with the tensors
and the numbers of then. Tests on a device are in ``test_cuda``.
"""

import gc
import weakref
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec
from skrnn._data.state import TrainingState
from skrnn._model import stages
from skrnn._model.losses import AbsoluteError, Gaussian, Huber, LogLoss, Poisson, Quantile, SquaredError
from skrnn._model.network import RecurrentNetwork, TorchNetwork
from skrnn._training import captured, loop
from skrnn._training.captured import Captured
from skrnn._training.loop import Plan, train

CPU = torch.device("cpu")
PLAN = Plan("adam", "cosine", 0.02, 0.9, 0.01, 1.0, 4, 3, 0.0, 100, True)
SPEC = NetworkSpec("torch.nn.GRU", 2, 3, 1, False, 0.0, 2)
TWO = {"num_layers": 2, "bidirectional": True}
# What is asked for beyond a plain network: of the network, of training; and the loss.
CASES = {
    "GRU": ({}, {}, SquaredError()),
    "LSTM": ({"layer": "torch.nn.LSTM"}, {}, SquaredError()),
    "RNN": ({"layer": "torch.nn.RNN", "options": (("nonlinearity", "relu"),)}, {}, SquaredError()),
    "two layers in both directions": (TWO, {}, SquaredError()),
    "dropout": ({"dropout": 0.4, "num_layers": 2}, {}, SquaredError()),
    "batch norm": ({"norm": "batch", "num_layers": 2}, {}, SquaredError()),
    "layer norm": ({"norm": "layer", "num_layers": 2}, {}, SquaredError()),
    "mean": ({"pooling": "mean"}, {}, SquaredError()),
    "max": ({"pooling": "max"}, {}, SquaredError()),
    "attention": ({"pooling": "attention", "dropout": 0.2}, {}, SquaredError()),
    "each step": ({"return_sequences": True, **TWO, "norm": "batch"}, {}, SquaredError()),
    "segments": ({"segment_size": 3}, {}, SquaredError()),
    "linear map": ({"linear_steps": 5, "linear_size": 1}, {}, SquaredError()),
    "absolute error": ({}, {}, AbsoluteError()),
    "huber": ({}, {}, Huber(0.5)),
    "quantiles": ({"width": 6}, {}, Quantile((0.1, 0.5, 0.8))),
    "poisson": ({}, {}, Poisson()),
    "gaussian": ({"width": 4}, {}, Gaussian()),
    "log loss": ({}, {}, LogLoss()),
    "adamw": ({}, {"solver": "adamw"}, SquaredError()),
    "momentum": ({}, {"solver": "sgd"}, SquaredError()),
    "plain descent": ({}, {"solver": "sgd", "momentum": 0.0, "weight_decay": 0.0, "clip_norm": None}, SquaredError()),
    "rmsprop": ({}, {"solver": "rmsprop", "learning_rate": "adaptive"}, SquaredError()),
    "one batch": ({}, {"batch_size": 50, "max_iter": 7}, SquaredError()),
}


def alias(value):
    """A tensor on the same memory: torch turns some by changing their shape in place."""
    return value.detach() if isinstance(value, torch.Tensor) else value


class Tape(TorchDispatchMode):
    """Records what a function does, and does it again on the same memory; the first replay was the recording."""

    def __init__(self, work, _):
        super().__init__()
        self.calls, self.n_replays = [], 0
        with self:
            work()

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        given = tree_map(alias, (args, kwargs or {}))
        out = call(*args, **(kwargs or {}))
        if not call.is_view:
            self.calls.append((call, *given, tree_map(alias, out)))
        return out

    def replay(self):
        self.n_replays += 1
        for call, args, kwargs, out in self.calls if self.n_replays > 1 else []:
            found = call(*args, **kwargs)
            if not call._schema.is_mutable:
                for kept, new in zip(tree_leaves(out), tree_leaves(found), strict=True):
                    if isinstance(kept, torch.Tensor):
                        kept.copy_(new)


def make_network(spec, device=CPU, dtype=torch.float64):
    network = RecurrentNetwork(spec, device=device, dtype=dtype)
    if device == CPU:
        generator = torch.Generator().manual_seed(0)
        network.initialize(generator)
        with torch.no_grad():
            network.head.weight.uniform_(-1, 1, generator=generator)
    return TorchNetwork(network)


def make_data(spec, *, gaps=True, dtype=torch.float64, n=15, n_steps=3):
    generator = torch.Generator().manual_seed(1)
    shape = (n, n_steps, 2) if spec.return_sequences else (n, 2)
    return DeviceData(
        torch.randn(n + n_steps - 1, 2, dtype=dtype, generator=generator),
        torch.rand(n + n_steps - 1, generator=generator) < 0.6 if gaps else None,
        torch.arange(n),
        n_steps,
        torch.rand(shape, dtype=dtype, generator=generator).round(),
        torch.rand(shape[:-1], dtype=dtype, generator=generator) + 0.5,
        torch.randn(n, 1, dtype=dtype, generator=generator),
        (1,),
        spec.segment_size,
    )


def captured_by(make_graph, graphs=None):
    """What takes the place of ``_runner``: steps that are captured on the CPU too."""

    def capture(work, generator):
        graph = make_graph(work, generator)
        if graphs is not None:
            graphs.append(graph)
        return graph

    def runner(step):
        step.solver.record()
        return Captured(step, min(step.plan.batch_size, len(step.data)), capture).run

    return runner


def in_turn(step):
    step.solver.record()
    return lambda *given: loop._run_in_turn(step, *given)


def trained(monkeypatch, runner, case, *, validation=False, **data):
    """Weights, losses and the state of the solver."""
    options, plan, loss = CASES[case]
    spec = replace(SPEC, **options)
    network, data = make_network(spec, dtype=data.get("dtype", torch.float64)), make_data(spec, **data)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_runner", runner)
        held_out = data if validation else None
        log, state = train(network, loss, data, replace(PLAN, **plan), TrainingState(3), validation=held_out)
    return [*network.tensors, *map(torch.from_numpy, state.solver.values())], log


def assert_same(mine, other):
    assert mine[1] == other[1]
    for one, two in zip(mine[0], other[0], strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


BOTH = [pytest.param(case, True, id=f"{case}, gaps") for case in CASES]
BOTH += [pytest.param(case, False, id=case) for case in ("GRU", "batch norm", "mean", "max", "attention", "linear map")]


@pytest.mark.parametrize(("case", "gaps"), BOTH)
def test_replayed_steps_are_those_in_turn_to_the_bit(monkeypatch, case, gaps):
    graphs = []
    found = trained(monkeypatch, captured_by(Tape, graphs), case, gaps=gaps)
    assert_same(found, trained(monkeypatch, in_turn, case, gaps=gaps))
    (graph,) = graphs
    # Three batches before the capture; in each epoch the last one of 3 rows is none for the graph.
    assert graph.n_replays == (7 - 3 if case == "one batch" else 3 * 3 - 3)


@pytest.mark.parametrize("cell", ["GRU", "RNN"])  # nothing in a replay says that mkldnn's LSTM is to keep its workspace
def test_replayed_steps_in_single_precision(monkeypatch, cell):
    options = {"dtype": torch.float32, "validation": True}
    found = trained(monkeypatch, captured_by(Tape), cell, **options)
    assert_same(found, trained(monkeypatch, in_turn, cell, **options))


@pytest.mark.parametrize("case", ["GRU", "adamw", "momentum", "plain descent", "rmsprop"])
def test_steps_that_read_their_rate_from_a_tensor_are_the_plain_ones(monkeypatch, case):
    found, log = trained(monkeypatch, captured_by(Tape), case)
    plain, plain_log = trained(monkeypatch, lambda step: lambda *given: loop._run_in_turn(step, *given), case)
    assert log.loss_curve == pytest.approx(plain_log.loss_curve, rel=1e-9)
    for one, two in zip(found, plain, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-11)


def test_the_tape_would_show_a_rate_that_is_no_tensor(monkeypatch):
    """The check of the check: without ``record`` a replay goes by the rate of the capture."""
    runner = captured_by(Tape)
    monkeypatch.setattr("skrnn._training.solvers._Rated.record", lambda _: None)
    found = trained(monkeypatch, runner, "GRU")
    with pytest.raises(AssertionError):
        assert_same(found, trained(monkeypatch, in_turn, "GRU"))


def test_rows_of_several_parts_are_replayed_in_their_order(monkeypatch):
    monkeypatch.setattr(loop, "_PART", 8)
    found = trained(monkeypatch, captured_by(Tape), "dropout")
    assert_same(found, trained(monkeypatch, in_turn, "dropout"))


@settings(max_examples=6, deadline=None)
@given(n=st.integers(1, 14), batch_size=st.integers(1, 6), part=st.integers(1, 12), epochs=st.integers(1, 3))
def test_replayed_steps_of_any_sizes(n, batch_size, part, epochs):
    plan, spec = replace(PLAN, batch_size=batch_size, max_iter=epochs), replace(SPEC, layer="torch.nn.RNN", dropout=0.3)

    def weights(runner):
        network = make_network(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "_runner", runner)
            patch.setattr(loop, "_PART", part)
            log, _ = train(network, SquaredError(), make_data(spec, n=n), plan, TrainingState(5))
        return network.tensors, log

    assert_same(weights(captured_by(Tape)), weights(in_turn))


@pytest.mark.parametrize("draws", [False, True])
def test_where_the_capture_fails_steps_go_on_in_turn(monkeypatch, draws):
    def fail(work, generator):
        calls.append(work)
        if draws:
            generator.manual_seed(99)
        raise RuntimeError("operation not permitted when stream is capturing")

    calls = []
    found = trained(monkeypatch, captured_by(fail), "dropout")
    assert_same(found, trained(monkeypatch, in_turn, "dropout"))
    assert len(calls) == 1


def test_what_was_captured_is_gone_with_the_training(monkeypatch):
    graphs = []
    gc.disable()
    try:
        runner = captured_by(lambda *given: graphs.append(weakref.ref(tape := Tape(*given))) or tape)
        trained(monkeypatch, runner, "GRU")
        assert graphs[0]() is None
    finally:
        gc.enable()


class NoCopies(TorchFunctionMode):
    """Refuses tensors that are made of Python's numbers: they are copied to the device, which is waited for."""

    def __torch_function__(self, call, types, args=(), kwargs=None):
        assert call not in {torch.tensor, torch.as_tensor, torch.from_numpy, torch.Tensor.new_tensor}, call
        return call(*args, **(kwargs or {}))


FORBIDDEN = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
FORBIDDEN |= {getattr(torch.Tag, name) for name in ("cudagraph_unsafe",) if hasattr(torch.Tag, name)}


class Watch(TorchDispatchMode):
    """Refuses what waits for a device, has a shape that depends on numbers, or leaves the device."""

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        if call is torch.ops.aten.index.Tensor:
            assert all(index is None or index.dtype == torch.int64 for index in args[1]), call
        else:
            assert not FORBIDDEN & set(call.tags), call
        # Fused solvers have no form for tensors without memory.
        out = None if call._overloadpacket.__name__.startswith("_fused") else call(*args, **(kwargs or {}))
        for tensor in tree_leaves([args, kwargs, out]):
            assert not isinstance(tensor, torch.Tensor) or tensor.is_meta, call
        self.n_calls = getattr(self, "n_calls", 0) + 1
        return out


@pytest.mark.parametrize(("case", "gaps"), BOTH)
def test_no_step_waits_for_the_device_or_leaves_it(case, gaps):
    """Tensors without memory stand for those on a device: nothing can be asked of them, and none is on the CPU."""
    options, plan, loss = CASES[case]
    spec, plan = replace(SPEC, **options), replace(PLAN, **plan)
    data = make_data(spec, gaps=gaps, n=4)
    on_meta = {name: value.to("meta") for name, value in vars(data).items() if isinstance(value, torch.Tensor)}
    network = make_network(spec, device=torch.device("meta"))
    solver = loop._make_solver(plan, network, {}, {})
    step = loop._Step(network, loss, data, plan, solver)  # whose generator is that of the data
    step.data = replace(data, **on_meta)
    solver.record()
    run = Captured(step, min(plan.batch_size, len(data)), lambda *_: None).run
    y, share = step.data.y.flatten(0, -2), step.data.weight.reshape(-1, 1)
    with NoCopies(), Watch() as watch, torch.no_grad():
        assert run(step.data.starts, y, share).shape == (len(y), spec.width)
        solver.learning_rate = 0.2
    assert watch.n_calls > 100


@pytest.mark.parametrize(
    "bad",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: x.isfinite().all() and 1,
        lambda x: x + x.new_tensor([1.0, 2.0]),
    ],
)
def test_the_watch_sees_what_it_should(bad):
    # The last two are torch's own errors where a tensor without numbers is asked for some.
    with pytest.raises((AssertionError, RuntimeError, NotImplementedError)), NoCopies(), Watch():
        bad(torch.empty(2, device="meta"))


class OwnGRU(torch.nn.GRU):
    """A layer of a user."""


def test_only_losses_of_the_package_and_layers_of_torch_on_a_device_are_captured():
    class OwnError(SquaredError):
        def gradient(self, raw, y):
            return super().gradient(raw, y)

    def is_captured(device, loss, layer="torch.nn.GRU"):
        data = DeviceData(SimpleNamespace(device=torch.device(device)), None, torch.arange(5), 2)
        step = SimpleNamespace(data=data, loss=loss, plan=PLAN, solver=SimpleNamespace(record=lambda: None))
        step.network = make_network(replace(SPEC, layer=layer))
        return isinstance(getattr(loop._runner(step), "__self__", None), Captured)

    assert is_captured("cuda", SquaredError())
    assert is_captured("cuda", SquaredError(), "torch.nn.LSTM")
    assert not is_captured("cpu", SquaredError())
    assert not is_captured("cuda", OwnError())
    assert not is_captured("cuda", lambda raw, y: (raw - y)[:, 0].abs())
    assert not is_captured("cuda", SquaredError(), f"{__name__}.OwnGRU")


def test_batch_norm_tells_of_a_single_value_though_it_was_not_asked(monkeypatch):
    norm = stages.BatchNorm(3)
    with torch.no_grad():
        norm.initialize(torch.Generator())
    states, single = torch.rand(2, 4, 3), torch.zeros(2, 4, dtype=torch.bool)
    single[1, 2] = True
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_refuse_single", lambda _: None)  # as on a device
        assert norm(states, single).isfinite().all()
        norm(states, ~single)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        norm.forget()


def test_all_batches_are_on_one_stream_and_the_generator_is_known_before_the_capture(monkeypatch):
    """The order of the calls into ``torch.cuda``, which are only written down here."""
    calls, current = [], ["default"]

    class Stream:
        def __init__(self, name="side"):
            self.name, self.device = name, torch.device("cuda", 0)

        def wait_stream(self, other):
            calls.append(f"{self.name} waits for {other.name}")

    class Graph:
        def register_generator_state(self, generator):
            calls.append(f"register {generator}")

        def replay(self):
            calls.append(f"replay on {current[-1]}")

    @contextmanager
    def on(stream):
        current.append(stream.name)
        yield
        current.pop()

    @contextmanager
    def capturing(graph, *, stream, capture_error_mode):
        assert isinstance(graph, Graph)
        assert capture_error_mode == "thread_local"
        calls.append(f"capture on {stream.name}")
        yield

    fakes = {"Stream": lambda device: Stream(), "stream": on, "CUDAGraph": Graph, "graph": capturing}  # noqa: ARG005
    fakes["current_stream"] = lambda _: Stream(current[-1])
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    monkeypatch.setattr(captured, "_own", SimpleNamespace(streams={}))
    device = torch.device("cuda")
    for _ in range(2):
        with captured._side_stream(device):
            calls.append(f"work on {current[-1]}")
            generator = SimpleNamespace(device=device)
            captured.capture_graph(lambda: calls.append("work"), generator).replay()
    assert len(captured._own.streams) == 1
    begin, work, register, *others, end = calls[: len(calls) // 2]
    assert (begin, work, end) == ("side waits for default", "work on side", "default waits for side")
    assert register.startswith("register")
    assert others == ["capture on side", "work", "replay on side"]
