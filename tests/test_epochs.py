"""Compiled epochs: the numbers of the steps that Python takes, for all networks, losses and solvers."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn._compiled import epochs as epochs_file
from skrnn._compiled import tables
from skrnn._compiled.kernels import cells, gru, kernel_of, lstm, places, pooling, rnn, slopes, updates
from skrnn._compiled.network import CompiledNetwork
from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec
from skrnn._model.losses import AbsoluteError, Gaussian, Huber, LogLoss, Poisson, Quantile, SquaredError
from skrnn._model.network import RecurrentNetwork
from skrnn._training.loop import Plan, TrainingState, train
from skrnn._training.solvers import SGD, Adam, Decay, RMSprop

CELLS = {
    "GRU": ("torch.nn.GRU", ()),
    "LSTM": ("torch.nn.LSTM", ()),
    "tanh": ("torch.nn.RNN", ()),
    "relu": ("torch.nn.RNN", (("nonlinearity", "relu"),)),
}
LOSSES = [
    SquaredError(),
    AbsoluteError(),
    Huber(0.5),
    Quantile(0.3),
    Quantile((0.1, 0.5, 0.9)),
    Poisson(),
    Gaussian(),
    LogLoss(),
]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


class Case:
    """A network, data and a plan, drawn anew alike for each training."""

    def __init__(self, dtype=torch.float64, seed=0, n=40, steps=6, channels=2, n_targets=1, loss=LOSSES[0], **asked):
        self.rng, self.dtype, self.loss = np.random.default_rng(seed), dtype, loss
        words = {"cell": "GRU", "hidden": 5, "layers": 1, "both": False, "dropout": 0.0, "together": 1, "linear": 0}
        words |= {
            "linear_size": channels,
            "gaps": False,
            "levelled": False,
            "scaled": False,
            "batch": 7,
            "solver": "adam",
            "clip": 0.1,
        }
        words |= {"decay": 0.0, "momentum": 0.9, "pooling": "last"}
        assert set(asked) <= set(words)
        self.words = words = {**words, **asked}
        path, options = CELLS[words["cell"]]
        linear_size = min(words["linear_size"], channels) if words["linear"] else 0
        self.spec = NetworkSpec(
            path, channels, words["hidden"], words["layers"], words["both"], words["dropout"], loss.width(n_targets),
            options, None, words["pooling"], False, words["together"], words["linear"], linear_size,
        )  # fmt: skip
        self.data = self._data(n, steps * words["together"], channels, n_targets, linear_size or None)
        plan = [words[name] for name in ("momentum", "decay", "clip", "batch")]
        self.plan = Plan(words["solver"], "constant", 0.01, *plan, 2, 0.0, 100, True)

    def _data(self, n, n_steps, n_channels, n_targets, n_linear):
        rng, gaps, levelled = self.rng, self.words["gaps"], self.words["levelled"]
        base = torch.from_numpy(rng.normal(size=(n + n_steps - 1, n_channels))).to(self.dtype)
        observed = torch.from_numpy(rng.random(len(base)) < 0.6) if gaps else None
        if gaps:
            base[~observed] = 0
        y, weight = (torch.from_numpy(some).to(self.dtype) for some in (rng.random((n, n_targets)), rng.random(n)))
        level = torch.from_numpy(rng.normal(size=(n, 1))).to(self.dtype) if levelled else None
        starts, channels = torch.from_numpy(rng.permutation(n)), (n_channels - 1,) if levelled else ()
        factor = None
        if levelled and self.words["scaled"]:
            factor = torch.from_numpy(rng.random((n, 1))).to(self.dtype)
            base[torch.from_numpy(rng.random(len(base)) < 0.3), -1] = torch.nan
        together = self.words["together"]
        return DeviceData(base, observed, starts, n_steps, y, weight, level, channels, together, n_linear, factor)

    def network(self, n_threads=1):
        module = RecurrentNetwork(self.spec, device=torch.device("cpu"), dtype=self.dtype)
        generator = torch.Generator().manual_seed(0)
        module.initialize(generator)
        with torch.no_grad():
            module.head.weight.uniform_(-0.5, 0.5, generator=generator)
        return CompiledNetwork(self.spec, module.arrays(), kernel_of(self.spec.layer, self.spec.options), n_threads)

    def takes_epochs(self):
        solver = Adam(self.network().parameters, {}, Decay(0.0, [], decoupled=False), 0.01)
        return self.network().epochs(self.data, self.loss, self.plan, solver) is not None

    def train(self, *, compiled, n_threads=1):
        """Weights after two epochs, in each of which all rows are read, the losses and the solver's state."""
        network = self.network(n_threads)
        if not compiled:
            network.epochs = lambda *_: None
        log, state = train(network, self.loss, self.data, self.plan, TrainingState(3))
        return network.parameters[0].numpy(), log.loss_curve, state.solver


def check(n_threads=1, **asked):
    case = Case(**asked)
    expected, found = (case.train(compiled=compiled, n_threads=n_threads) for compiled in (False, True))
    tolerance = TOLERANCE[case.dtype]
    # Solvers that divide by the size of a gradient make much of its rounding where it is small.
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=tolerance * max(1, np.abs(expected[0]).max()))
    np.testing.assert_allclose(found[1], expected[1], rtol=tolerance)
    assert found[2].keys() == expected[2].keys()
    for name, array in expected[2].items():
        np.testing.assert_allclose(found[2][name], array, rtol=0, atol=tolerance * np.abs(array).max())
        assert found[2][name].dtype == array.dtype


@settings(max_examples=50, deadline=None)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    hidden=st.integers(1, 40),
    layers=st.integers(1, 3),
    both=st.booleans(),
    dropout=st.sampled_from([0.0, 0.3]),
    together=st.integers(1, 3),
    linear=st.integers(0, 9),
    linear_size=st.integers(1, 3),
    gaps=st.booleans(),
    levelled=st.booleans(),
    scaled=st.booleans(),
    batch=st.integers(1, 14),
    channels=st.integers(1, 3),
    steps=st.integers(1, 7),
    n_targets=st.integers(1, 2),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    n_threads=st.integers(1, 3),
    pooling=st.sampled_from(["last", "max", "mean"]),
    seed=st.integers(0, 1000),
)
def test_epochs_of_any_network_are_those_of_python(**asked):
    # Plain steps, which do not make much of rounding.
    check(**asked, n=12, solver="sgd", momentum=0.5)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_sequences_that_are_read_in_parts_give_the_same_numbers(n_threads, monkeypatch):
    monkeypatch.setattr(tables, "_KEPT", 1)
    monkeypatch.setattr(tables, "_FEWEST", 2)
    words = {"layers": 2, "both": True, "dropout": 0.3, "linear": 3, "levelled": True, "solver": "sgd"}
    for gaps in (False, True):
        check(**words, gaps=gaps, n_threads=n_threads)
    case = Case(**words)
    solver = Adam(case.network().parameters, {}, Decay(0.0, [], decoupled=False), 0.01)
    made = tables.Tables(case.network().epochs(case.data, case.loss, case.plan, solver)._parts, case.data, 7, n_threads)
    assert made.table[places.AT_ONCE] == 2


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("cell", ["LSTM", "relu"])  # whose states are often equal: to 0
@pytest.mark.parametrize("kind", ["max", "mean"])
def test_epochs_of_summaries_are_those_of_python(kind, cell, gaps):
    words = {"pooling": kind, "cell": cell, "gaps": gaps, "steps": 3, "solver": "sgd", "clip": None}
    assert Case(**words).takes_epochs()
    for both in (False, True):
        check(**words, both=both, layers=2, dropout=0.3, n_threads=2)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_epochs_of_any_loss_are_those_of_python(loss, dtype):
    for n_targets in (1, 3):
        check(loss=loss, n_targets=n_targets, dtype=dtype, clip=None, solver="sgd")


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop", "sgd"])
def test_epochs_of_any_solver_are_those_of_python(solver, clip, decay):
    for momentum in (0.0, 0.9):
        check(solver=solver, clip=clip, decay=decay, momentum=momentum, layers=2, linear=3)


def draw(loss, dtype, n_targets):
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(200, loss.width(n_targets))) * rng.choice([1, 40], size=(200, 1))
    y = rng.random((200, n_targets))
    raw[:9, 0] = y[:9, 0]
    raw[9] = np.nan
    return torch.from_numpy(raw).to(dtype), torch.from_numpy(y).to(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_a_compiled_slope_is_the_gradient_of_its_loss(loss, n_targets, dtype):
    raw, y = draw(loss, dtype, n_targets)
    expected = loss.gradient(raw, y).numpy()
    name, parameters = loss.gradient.compiled(loss)
    found = np.empty_like(expected)
    call = getattr(slopes, name).of(expected.dtype).ctypes
    arrays = np.array([*parameters, 0], expected.dtype), raw.numpy(), y.numpy(), found
    places = [array.ctypes.data_as(kind) for kind, array in zip(call.argtypes, arrays, strict=False)]
    call(*places, len(raw), raw.shape[1], n_targets)
    if isinstance(loss, Poisson | Gaussian | LogLoss):  # exponentials of two libraries
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] / 10)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", [Adam, RMSprop, SGD])
def test_a_compiled_update_is_the_step_of_its_solver(kind, dtype):
    rng = np.random.default_rng(0)
    weights, ours = (torch.from_numpy(rng.normal(size=50)).to(dtype) for _ in range(2))
    ours.copy_(weights)
    decay = Decay(0.0, [torch.zeros_like(weights)], decoupled=False)
    words = {"momentum": 0.8} if kind is SGD else {}
    solvers = [kind([some], {}, decay, 0.01, **words) for some in (weights, ours)]
    vectors = [*solvers[1].vectors(), torch.empty_like(ours)]
    call = getattr(updates, kind.rule).of(ours.numpy().dtype).ctypes
    for step in range(1, 4):
        weights.grad = torch.from_numpy(rng.normal(size=50)).to(dtype)
        solvers[0].step()
        arrays = ours, weights.grad, vectors[0], vectors[1]
        places = [array.numpy().ctypes.data_as(like) for like, array in zip(call.argtypes, arrays, strict=False)]
        call(*places, 50, step, 0.01, solvers[1].momentum)
        solvers[1].n_steps = step
        assert solvers[0].n_steps == step
    np.testing.assert_allclose(ours, weights, rtol=0, atol=TOLERANCE[dtype] / 10)
    for name, array in solvers[0].arrays().items():
        np.testing.assert_allclose(solvers[1].arrays()[name], array, rtol=TOLERANCE[dtype] / 10, atol=1e-12)


def test_what_is_not_compiled_is_left_to_python():
    class OtherError(SquaredError):
        def gradient(self, raw, y):
            return super().gradient(raw, y)

    assert Case().takes_epochs()
    assert not Case(loss=OtherError()).takes_epochs()


def test_python_is_entered_once_an_epoch(monkeypatch):
    calls = []
    share = epochs_file.share
    monkeypatch.setattr(epochs_file, "share", lambda *given: calls.append(given) or share(*given))
    case = Case(batch=1)
    case.train(compiled=True)
    assert len(calls) == case.plan.max_iter


def test_an_epoch_in_several_calls_is_one_call_to_the_bit(monkeypatch):
    whole = Case(layers=2, dropout=0.2).train(compiled=True)
    monkeypatch.setattr(epochs_file, "_AT_ONCE", 1)
    parts = Case(layers=2, dropout=0.2).train(compiled=True)
    np.testing.assert_array_equal(whole[0], parts[0])


def test_numbers_without_full_precision_are_0_in_an_epoch_and_afterwards_what_they_were(monkeypatch):
    small = np.float32(1e-40)
    network = Case.network

    def with_small_weights(case, n_threads=1):
        made = network(case, n_threads)
        made.parameters[0].numpy()[:] = small
        return made

    monkeypatch.setattr(Case, "network", with_small_weights)
    case = Case(dtype=torch.float32, solver="sgd", momentum=0.0, clip=None)
    case.data.y[:] = 0
    assert case.train(compiled=False)[0].all()
    assert not case.train(compiled=True)[0].any()
    assert np.array([small])[0] * np.float32(2) != 0
    assert torch.tensor([1e-38]) * 1e-2 != 0


def one_after_another(work, n_shares):
    for i in range(n_shares):
        work(i)


def late(work, n_shares):
    """The second thread begins when the first may have done much, and the last one not at all."""
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_shares - 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("share", [one_after_another, late])
def test_however_threads_come_together_the_bits_are_the_same(share, monkeypatch):
    words = {"hidden": 40, "batch": 90, "n": 200, "steps": 10, "dtype": torch.float32}
    usual = [Case(**words).train(compiled=True, n_threads=3)[0] for _ in range(3)]
    one = Case(**words).train(compiled=True, n_threads=1)[0]
    assert not np.array_equal(one, usual[0])  # so there are shares
    monkeypatch.setattr(epochs_file, "share", share)
    for found in (Case(**words).train(compiled=True, n_threads=3)[0], *usual[1:]):
        np.testing.assert_array_equal(found, usual[0])


def test_what_is_called_by_its_address_takes_what_it_is_called_with():
    kinds = {cells.forward_at: [cell.forward for cell in (gru, lstm, rnn)]}
    kinds[cells.backward_at] = [cell.backward for cell in (gru, lstm, rnn)]
    kinds[slopes.slope_at] = [slopes.squared_error, slopes.absolute_error, slopes.huber, slopes.quantile]
    kinds[slopes.slope_at] += [slopes.poisson, slopes.gaussian, slopes.log_loss]
    kinds[updates.update_at] = [updates.adam, updates.sgd, updates.rmsprop]
    kinds[pooling.pool_at] = [pooling.largest, pooling.mean]
    kinds[pooling.pool_back_at] = [pooling.largest_back, pooling.mean_back]
    kinds[updates.pull_at] = [updates.decay_weights, updates.decay_gradient]
    for kind, functions in kinds.items():
        assert all(kind.fits(function) for function in functions)
