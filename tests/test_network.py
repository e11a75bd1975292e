"""The network: equal to torch's own layers, and blind to steps that are not observed."""

import pytest
import torch

from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec
from skrnn._model.network import RecurrentNetwork, TorchNetwork

LAYERS = ["torch.nn.GRU", "torch.nn.LSTM", "torch.nn.RNN"]
CPU = torch.device("cpu")


def network(layer, *, num_layers=1, bidirectional=False, dropout=0.0, seed=0):
    spec = NetworkSpec(layer, 3, 5, num_layers, bidirectional, dropout, 2)
    built = RecurrentNetwork(spec, device=CPU, dtype=torch.float64)
    built.initialize(torch.Generator().manual_seed(seed))
    return built.eval()


def torch_twin(ours, layer, num_layers, bidirectional):
    """torch's layer of all depths and directions with the same weights."""
    twin = getattr(torch.nn, layer.rpartition(".")[2])(
        3, 5, num_layers=num_layers, bidirectional=bidirectional, batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        for depth, block in enumerate(ours.layers):
            for direction, suffix in zip(block.directions, ("", "_reverse"), strict=False):
                for name, value in direction.named_parameters():
                    getattr(twin, name.replace("_l0", f"_l{depth}{suffix}")).copy_(value)
    return twin


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("linear_steps", "input_limit"), [(0, 0.125), (3, 8**-0.5)])
def test_first_weights_of_few_inputs_are_larger_beside_a_linear_map(layer, linear_steps, input_limit):
    spec = NetworkSpec(layer, 2, 64, 2, False, 0.0, 1, linear_steps=linear_steps, linear_size=2)
    built = RecurrentNetwork(spec, device=CPU, dtype=torch.float64)
    built.initialize(torch.Generator().manual_seed(0))
    for name, parameter in built.layers.named_parameters():
        limit = input_limit if name == "0.directions.0.weight_ih_l0" else 0.125
        assert 0.9 * limit < parameter.abs().max() <= limit, name


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_are_those_of_torch_and_the_summary_takes_both_ends(layer, num_layers, bidirectional):
    ours = network(layer, num_layers=num_layers, bidirectional=bidirectional)
    x = torch.randn(4, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected, last = torch_twin(ours, layer, num_layers, bidirectional)(x)
    states = x
    for block in ours.layers:
        states, summary = block(states)
    torch.testing.assert_close(states, expected)
    hidden = last[0] if isinstance(last, tuple) else last
    top = hidden[-(1 + bidirectional) :]
    torch.testing.assert_close(summary, torch.cat(list(top), dim=1))
    torch.testing.assert_close(ours(x), ours.head(summary))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_skipped_step_is_no_step(layer, bidirectional):
    ours = network(layer, num_layers=2, bidirectional=bidirectional)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(6, 9, 3, dtype=torch.float64, generator=generator)
    observed = torch.rand(6, 9, generator=generator) < 0.6
    observed[0] = True
    raw = ours(x, observed)
    for i in range(1, 6):
        if observed[i].any():
            torch.testing.assert_close(raw[i], ours(x[i : i + 1, observed[i]])[0])


@pytest.mark.parametrize("layer", LAYERS)
def test_states_are_carried_over_skipped_steps(layer):
    ours = network(layer)
    x = torch.randn(1, 5, 3, dtype=torch.float64)
    observed = torch.tensor([[False, True, False, False, True]])
    states, last = ours.layers[0](x, observed)
    assert not states[0, 0].any()
    torch.testing.assert_close(states[0, 1], states[0, 3])
    assert not torch.equal(states[0, 3], states[0, 4])
    torch.testing.assert_close(states[0, 4], last[0])


@pytest.mark.parametrize("layer", LAYERS)
def test_a_sequence_without_steps_gets_the_answer_of_the_initial_state(layer):
    ours = network(layer, bidirectional=True)
    x = torch.randn(2, 4, 3, dtype=torch.float64)
    raw = ours(x, torch.zeros(2, 4, dtype=torch.bool))
    torch.testing.assert_close(raw, ours.head.bias.expand(2, -1))


@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_with_skipped_steps_are_right(layer):
    ours = network(layer, num_layers=2, bidirectional=True)
    x = torch.randn(3, 4, 3, dtype=torch.float64, requires_grad=True)
    observed = torch.tensor([[True, False, True, True], [False, False, True, False], [True, True, True, True]])
    assert torch.autograd.gradcheck(lambda inputs: ours(inputs, observed), (x,))


def test_building_and_dropping_out_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    ours = network("torch.nn.GRU", num_layers=2, dropout=0.5).train()
    torch.nn.init.ones_(ours.head.weight)
    x = torch.zeros(2, 3, 3, dtype=torch.float64)
    first, second = (ours(x, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    torch.testing.assert_close(first, second)
    assert not torch.equal(first, ours(x, generator=torch.Generator().manual_seed(8)))
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_keeps_the_mean_and_is_off_in_prediction():
    ours = network("torch.nn.GRU", dropout=0.3).train()
    x = torch.ones(200_000, dtype=torch.float64)
    dropped = ours._drop(x, torch.Generator().manual_seed(0))
    assert set(dropped.unique().tolist()) == {0.0, 1 / 0.7}
    assert abs(float(dropped.mean()) - 1) < 0.01
    assert torch.equal(ours.eval()._drop(x, None), x)


@pytest.mark.parametrize("layer", LAYERS)
def test_both_precisions_start_from_the_same_weights(layer):
    spec = NetworkSpec(layer, 3, 5, 1, False, 0.0, 2)
    single, double = (RecurrentNetwork(spec, device=CPU, dtype=dtype) for dtype in (torch.float32, torch.float64))
    for network in (single, double):
        network.initialize(torch.Generator().manual_seed(0))
    for first, second in zip(single.parameters(), double.parameters(), strict=True):
        torch.testing.assert_close(first, second.float())


def test_inference_in_chunks_equals_inference_at_once(monkeypatch):
    data = DeviceData(torch.randn(60, 3, dtype=torch.float64), None, torch.arange(50), 5)
    ours = TorchNetwork(network("torch.nn.GRU"))
    whole = ours.infer(data)
    monkeypatch.setattr("skrnn._model.network._CHUNK", 200)
    torch.testing.assert_close(ours.infer(data), whole, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_segment_is_a_step_of_all_its_steps_side_by_side(layer):
    whole = RecurrentNetwork(
        NetworkSpec(layer, 3, 5, 1, False, 0.0, 2, segment_size=4), device=CPU, dtype=torch.float64
    )
    whole.initialize(torch.Generator().manual_seed(0))
    by_hand = RecurrentNetwork(NetworkSpec(layer, 12, 5, 1, False, 0.0, 2), device=CPU, dtype=torch.float64)
    by_hand.load_state_dict(whole.state_dict())
    x = torch.randn(6, 8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    observed = torch.ones(6, 8, dtype=torch.bool)
    observed[2, :4] = observed[3, 1] = observed[3, 6:] = False  # one segment without a step, two with some
    some = torch.tensor([[True, True]] * 2 + [[False, True]] + [[True, True]] * 3)
    torch.testing.assert_close(whole(x), by_hand(x.reshape(6, 2, 12)))
    torch.testing.assert_close(whole(x, observed), by_hand(x.reshape(6, 2, 12), some))
