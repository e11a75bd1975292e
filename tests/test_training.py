"""Training: the same as a plain torch loop, stopped when it should be, and resumable to the bit."""

import numpy as np
import pytest
import torch

from skrnn._compiled.kernels import kernel_of
from skrnn._compiled.network import CompiledNetwork
from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec
from skrnn._model.losses import SquaredError
from skrnn._model.network import RecurrentNetwork, TorchNetwork
from skrnn._training.course import Patience
from skrnn._training.loop import Plan, TrainingState, evaluate, train

SPEC = NetworkSpec("torch.nn.GRU", 2, 4, 1, False, 0.0, 1)


def make_module():
    module = RecurrentNetwork(SPEC, device=torch.device("cpu"), dtype=torch.float64)
    module.initialize(torch.Generator().manual_seed(0))
    return module


def make_torch():
    return TorchNetwork(make_module())


def make_compiled():
    return CompiledNetwork(SPEC, make_module().arrays(), kernel_of("torch.nn.GRU"), 1)


@pytest.fixture(params=[make_torch, make_compiled], ids=["torch", "compiled"])
def make_network(request):
    return request.param


def make_data(n=12, n_steps=5):
    generator = torch.Generator().manual_seed(1)
    base = torch.randn(n + n_steps - 1, 2, dtype=torch.float64, generator=generator)
    y = torch.randn(n, 1, dtype=torch.float64, generator=generator)
    return DeviceData(base, None, torch.arange(n), n_steps, y, torch.ones(n, dtype=torch.float64))


def make_plan(**changes):
    words = {
        "solver": "adam",
        "learning_rate": "constant",
        "learning_rate_init": 0.01,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "clip_norm": None,
        "batch_size": 12,
        "max_iter": 7,
        "tol": 0.0,
        "n_iter_no_change": 100,
        "shuffle": False,
    }
    return Plan(**{**words, **changes})


OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_training_equals_a_plain_torch_loop(solver, make_network):
    data, ours = make_data(), make_network()
    log, _ = train(
        ours, SquaredError(), data, make_plan(solver=solver, weight_decay=0.1, clip_norm=0.5), TrainingState(0)
    )

    twin = make_module()
    optimizer = OPTIMIZERS[solver](twin.parameters())
    windows = torch.stack([data.base[i : i + 5] for i in range(12)])
    curve = []
    for _ in range(7):
        optimizer.zero_grad()
        loss = ((twin(windows) - data.y) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        optimizer.step()
        curve.append(loss.item())
    np.testing.assert_allclose(log.loss_curve, curve, rtol=1e-10)
    for name, value in twin.arrays().items():
        np.testing.assert_allclose(ours.arrays()[name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_a_run_in_two_parts_equals_one_run_to_the_bit(solver, make_network):
    plan = {"solver": solver, "batch_size": 5, "shuffle": True}
    whole = make_network()
    train(whole, SquaredError(), make_data(), make_plan(**plan), TrainingState(3))
    parts = make_network()
    _, state = train(parts, SquaredError(), make_data(), make_plan(**plan, max_iter=4), TrainingState(3))
    _, state = train(parts, SquaredError(), make_data(), make_plan(**plan, max_iter=3), state)
    assert state.n_epochs == 7
    for first, second in zip(whole.parameters, parts.parameters, strict=True):
        assert torch.equal(first, second)


def test_each_epoch_reads_every_row_once_in_an_order_of_its_own(make_network):
    seen = []

    class SeenError(SquaredError):
        def __call__(self, raw, y):
            seen.append(y.ravel().tolist())
            return super().__call__(raw, y)

    data = make_data()
    train(make_network(), SeenError(), data, make_plan(batch_size=5, shuffle=True, max_iter=3), TrainingState(0))
    first, *epochs = seen
    assert first == data.y.ravel().tolist()
    assert all(sorted(epoch) == sorted(first) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_logged_loss_is_the_mean_over_rows_whatever_the_size_of_the_last_batch(make_network):
    data = make_data()
    data.weight[:] = torch.arange(12, dtype=torch.float64) / 5.5
    plan = {"learning_rate_init": 1e-12, "max_iter": 1, "shuffle": True}
    for batch_size in (1, 5, 7, 12, 100):
        log, _ = train(make_network(), SquaredError(), data, make_plan(batch_size=batch_size, **plan), TrainingState(0))
        assert log.loss_curve[0] == pytest.approx(evaluate(make_network(), SquaredError(), data), rel=1e-9)


def test_an_epoch_in_parts_is_one_at_once_to_the_bit(make_network, monkeypatch):
    runs = []
    for part in (65536, 4):
        monkeypatch.setattr("skrnn._training.loop._PART", part)
        network = make_network()
        log, _ = train(network, SquaredError(), make_data(), make_plan(batch_size=2, shuffle=True), TrainingState(0))
        runs.append((network.arrays(), log.loss_curve))
    np.testing.assert_allclose(runs[0][1], runs[1][1], rtol=1e-14)
    for name, array in runs[0][0].items():
        np.testing.assert_array_equal(array, runs[1][0][name])


def test_best_weights_come_back(make_network):
    data, validation = make_data(), make_data(n=6, n_steps=3)
    network = make_network()
    kept = {}

    class Keeper:
        def begin_epoch(self):
            pass

        def end_epoch(self, log, _):
            kept[log.validation_loss_curve[-1]] = [parameter.detach().clone() for parameter in network.parameters]
            return False

    plan = make_plan(learning_rate_init=0.2, max_iter=30)
    log, _ = train(network, SquaredError(), data, plan, TrainingState(0), validation=validation, watcher=Keeper())
    assert log.best_loss == min(log.validation_loss_curve) < log.validation_loss_curve[-1]
    for value, best in zip(network.parameters, kept[log.best_loss], strict=True):
        assert torch.equal(value, best)
    mean = ((network.infer(validation) - validation.y) ** 2).mean()
    assert float(mean) == pytest.approx(log.best_loss)


@pytest.mark.parametrize(("loss", "smallest_fall"), [(1e-3, 1e-4), (50.0, 0.1), (-1e-3, 1e-4), (-50.0, 0.1)])
def test_a_loss_must_fall_by_a_share_of_it_or_of_1(loss, smallest_fall):
    for factor, n_stalled in ((0.99, 1), (1.01, 0)):
        patience = Patience(tol=0.1, n_iter_no_change=1)
        patience.improves(loss)
        assert patience.improves(loss - factor * smallest_fall)
        assert patience.n_stalled == n_stalled


def test_patience_counts_epochs_without_a_fall_of_tol():
    patience = Patience(tol=0.1, n_iter_no_change=2)
    for loss in (1.0, 0.95, 0.93):
        patience.improves(loss)
    assert not patience.exhausted
    patience.improves(0.91)
    assert patience.exhausted
    assert patience.best == 0.91


def test_a_loss_that_is_not_finite_stops_the_run(make_network):
    data = make_data()
    data.y[3] = float("inf")
    with pytest.raises(FloatingPointError, match="after epoch 1"):
        train(make_network(), SquaredError(), data, make_plan(), TrainingState(0))


class SquaredErrorByAutograd:
    """The squared error without its closed gradient."""

    def __call__(self, raw, y):
        return SquaredError()(raw, y)


def test_a_loss_without_a_gradient_trains_alike(make_network):
    networks = make_network(), make_network()
    for network, loss in zip(networks, (SquaredError(), SquaredErrorByAutograd()), strict=True):
        train(network, loss, make_data(), make_plan(batch_size=5), TrainingState(0))
    for name, value in networks[0].arrays().items():
        np.testing.assert_allclose(networks[1].arrays()[name], value, rtol=1e-9, atol=1e-12)
