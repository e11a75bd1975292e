"""Norms and summaries: equal to torch's where torch has them, and to slow references where steps are skipped."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn import GRURegressor
from skrnn._data.spec import NetworkSpec
from skrnn._model.network import RecurrentNetwork
from skrnn._model.stages import NORMS, POOLINGS, BatchNorm

CPU = torch.device("cpu")


def built(stage, width=3):
    """A stage whose weights are not those that do nothing."""
    module = stage(width, dtype=torch.float64)
    with torch.no_grad():
        module.initialize(torch.Generator().manual_seed(0))
        for parameter in module.parameters():
            parameter += torch.rand(parameter.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return module


def states_of(seed, batch=4, n_steps=5, width=3):
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(batch, n_steps, width, dtype=torch.float64, generator=generator)
    observed = torch.rand(batch, n_steps, generator=generator) < 0.6
    observed[0] = False
    observed[1] = True
    return states, observed


def slow_summary(name, module, states, observed):
    """One sequence after another, over its observed steps alone."""
    rows = []
    for sequence, seen in zip(states, observed, strict=True):
        kept = [state for state, is_seen in zip(sequence, seen, strict=True) if is_seen]
        if not kept:
            rows.append(torch.zeros(states.shape[2], dtype=states.dtype))
            continue
        if name == "attention":
            scores = [module.score.weight[0] @ torch.tanh(module.hidden.weight @ h + module.hidden.bias) for h in kept]
            powers = [score.detach().exp().item() for score in scores]
            rows.append(sum(power / sum(powers) * h for power, h in zip(powers, kept, strict=True)))
        elif name == "mean":
            rows.append(sum(kept) / len(kept))
        else:
            rows.append(torch.stack([max(h[i] for h in kept) for i in range(states.shape[2])]))
    return torch.stack(rows)


@pytest.mark.parametrize("name", ["attention", "max", "mean"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), batch=st.integers(2, 5), n_steps=st.integers(1, 6))
def test_summaries_are_those_of_a_slow_reference(name, seed, batch, n_steps):
    module = built(POOLINGS[name])
    states, observed = states_of(seed, batch, n_steps)
    found = module(states, states[:, -1], observed)
    torch.testing.assert_close(found, slow_summary(name, module, states, observed), rtol=1e-10, atol=1e-12)
    everything = torch.ones_like(observed)
    torch.testing.assert_close(module(states, states[:, -1], None), module(states, states[:, -1], everything))


def test_attention_weights_sum_to_one_and_are_zero_at_skipped_steps():
    states, observed = states_of(0)
    weights = built(POOLINGS["attention"]).weights(states, observed)
    assert not weights[~observed].any()
    torch.testing.assert_close(weights[1:].sum(1), torch.ones(3, dtype=torch.float64))
    assert not weights[0].any()
    assert (weights >= 0).all()


def test_batch_norm_is_that_of_torch_for_complete_batches():
    ours, theirs = built(BatchNorm), torch.nn.BatchNorm1d(3, momentum=None, dtype=torch.float64)
    theirs.load_state_dict({**theirs.state_dict(), "weight": ours.weight, "bias": ours.bias})
    for seed in range(4):  # torch's momentum=None takes plain means, as ours does
        states, _ = states_of(seed)
        torch.testing.assert_close(ours(states), theirs(states.flatten(0, 1)).view_as(states))
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    torch.testing.assert_close(ours.variance, theirs.running_var)
    states, _ = states_of(9)
    torch.testing.assert_close(ours.eval()(states), theirs.eval()(states.flatten(0, 1)).view_as(states))


def test_statistics_can_be_measured_anew():
    norm, other = built(BatchNorm), built(BatchNorm)
    for seed in range(5):
        norm(100 + states_of(seed)[0])
    norm.forget()
    for seed in range(5, 8):
        norm(states_of(seed)[0])
        other(states_of(seed)[0])
    torch.testing.assert_close(norm.mean, other.mean)
    torch.testing.assert_close(norm.variance, other.variance)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_ends_with_the_statistics_of_its_last_weights(rng):
    X = rng.normal(size=(80, 5, 2))
    params = {"norm": "batch", "num_layers": 2, "dropout": 0.3, "linear_skip": False, "early_stopping": False}
    model = GRURegressor(4, **params, max_iter=4, batch_size=20, random_state=0).fit(X, X[:, -1, 0])
    spec, weights = model._model.spec, model._model.weights
    module = RecurrentNetwork.of(spec, weights, device=CPU, dtype=torch.float64).eval()
    module.dropout = 0.0
    x = torch.from_numpy(model._model.units.x.apply(X.reshape(-1, 2), np.float64).reshape(X.shape))
    states = module.layers[0](x)[0]
    np.testing.assert_allclose(weights["norms.0.mean"], states.mean((0, 1)).detach(), rtol=1e-9)
    _, last = module.layers[1](module.norms[0](states))
    np.testing.assert_allclose(weights["norms.1.mean"], last.mean(0).detach(), rtol=0.01)  # variances: n or n - 1


def test_batch_norm_counts_observed_steps_only():
    states, observed = states_of(0)
    norm, other = built(BatchNorm), built(BatchNorm)
    found = norm(states, observed)
    torch.testing.assert_close(found[observed], other(states[observed]))
    torch.testing.assert_close(norm.mean, other.mean)
    spoilt = torch.where(observed[:, :, None], states, 1e6)
    torch.testing.assert_close(built(BatchNorm)(spoilt, observed)[observed], found[observed])


def test_a_batch_of_one_value_is_refused_as_by_torch():
    row = torch.ones(1, 3, dtype=torch.float64)
    for norm in (built(BatchNorm), torch.nn.BatchNorm1d(3, dtype=torch.float64)):
        with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
            norm(row)
        assert norm.eval()(row).shape == (1, 3)
    norm, (states, observed) = built(BatchNorm), states_of(0)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        norm(states, torch.arange(20).reshape(4, 5) == 7)
    norm(states)
    mean = norm.mean.clone()
    torch.testing.assert_close(norm(states, observed & False), norm.eval()(states))  # nothing is there to be measured
    torch.testing.assert_close(norm.mean, mean)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_steps", [1, 4])
def test_batches_of_one_are_refused_in_fit(rng, n_steps):
    X = rng.normal(size=(7, n_steps, 2))
    fits = [
        lambda model: model.set_params(batch_size=1).fit(X, X[:, 0, 0]),
        lambda model: model.fit(X[:1], X[:1, 0, 0]),
        lambda model: model.partial_fit(X[:1], X[:1, 0, 0]),
        lambda model: model.fit(X, X[:, 0, 0]).partial_fit(X[:1], X[:1, 0, 0]),
    ]
    for fit in fits:
        with pytest.raises(ValueError, match=r"more than 1 value per channel .* Set batch_size to 2 or more, or norm="):
            fit(GRURegressor(3, norm="batch", max_iter=1, linear_skip=False))
    sparse = np.full((6, 4, 1), np.nan)
    sparse[::3, 2] = [[1.0], [2.0]]
    model = GRURegressor(3, norm="batch", num_layers=2, batch_size=3, shuffle=False, max_iter=1, linear_skip=False)
    with pytest.raises(ValueError, match="a batch holds one sample, or one observed step"):
        model.fit(sparse, np.arange(6.0))
    assert not hasattr(model, "n_iter_")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("n", "batch_size", "same_as"), [(65, "auto", 65), (17, 8, 9), (3, 2, 3), (13, 4, 5), (16, 8, 8)]
)
def test_no_last_batch_is_one_sequence(rng, n, batch_size, same_as):
    X = rng.normal(size=(n, 3, 1))
    params = {"norm": "batch", "max_iter": 2, "linear_skip": False, "random_state": 0}
    found, expected = (
        GRURegressor(3, batch_size=size, **params).fit(X, X[:, 0, 0]).predict(X) for size in (batch_size, same_as)
    )
    np.testing.assert_array_equal(found, expected)
    plain = GRURegressor(3, batch_size=batch_size, **{**params, "norm": None}).fit(X, X[:, 0, 0])
    assert np.isfinite(plain.predict(X)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n", [5, 6, 7])
def test_statistics_are_never_measured_on_one_sequence(rng, n, monkeypatch):
    X = rng.normal(size=(n, 3, 1))
    model = GRURegressor(3, norm="batch", max_iter=1, linear_skip=False, random_state=0, shuffle=False)
    whole = model.fit(X, X[:, 0, 0]).predict(X)
    monkeypatch.setattr("skrnn._model.network._CHUNK", 1)
    assert np.abs(model.fit(X, X[:, 0, 0]).predict(X) - whole).max() < 1


def test_layer_norm_is_that_of_torch():
    ours, (states, observed) = built(NORMS["layer"]), states_of(0)
    expected = torch.nn.functional.layer_norm(states, (3,), ours.weight, ours.bias)
    torch.testing.assert_close(ours(states, observed), expected)


def network(**options):
    spec = NetworkSpec(
        "torch.nn.GRU", 2, 3, **{"num_layers": 2, "bidirectional": True, "dropout": 0.0, "width": 2, **options}
    )
    module = RecurrentNetwork(spec, device=CPU, dtype=torch.float64)
    module.initialize(torch.Generator().manual_seed(0))
    return module


OPTIONS = [{"norm": norm, "pooling": pooling} for norm in NORMS for pooling in POOLINGS]
OPTIONS += [{"norm": norm, "return_sequences": True} for norm in NORMS]


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_every_option_are_right(options, training):
    module = network(**options).train(training)
    x = torch.randn(4, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    observed = torch.tensor([[True, False, True], [False, False, True], [True, True, True], [False, False, False]])
    values = tuple(parameter.detach().clone().requires_grad_() for parameter in module.parameters())
    names = [name for name, _ in module.named_parameters()]
    buffers = {name: value.clone() for name, value in module.named_buffers()}

    def raw(inputs, *weights):
        tensors = {**{k: v.clone() for k, v in buffers.items()}, **dict(zip(names, weights, strict=True))}
        return torch.func.functional_call(module, tensors, (inputs, observed))

    assert torch.autograd.gradcheck(raw, (x, *values))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_skipped_step_is_no_step_with_every_option(options):
    module = network(**options)
    x = torch.randn(5, 8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    module.train()(x)  # running statistics that are not those of the start
    module.eval()
    observed = torch.rand(5, 8, generator=torch.Generator().manual_seed(2)) < 0.6
    raw = module(torch.where(observed[:, :, None], x, 1e3), observed)
    for i in range(5):
        alone = module(x[i : i + 1, observed[i]])[0]
        torch.testing.assert_close(raw[i][observed[i]] if options.get("return_sequences") else raw[i], alone)


@pytest.mark.parametrize("layer", ["torch.nn.GRU", "torch.nn.LSTM", "torch.nn.RNN"])
@pytest.mark.parametrize("norm", NORMS)
def test_steps_one_by_one_are_a_whole_sequence(layer, norm):
    spec = NetworkSpec(layer, 2, 3, 2, False, 0.0, 2, norm=norm, return_sequences=True)
    module = RecurrentNetwork(spec, device=CPU, dtype=torch.float64)
    module.initialize(torch.Generator().manual_seed(0))
    x = torch.randn(4, 6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    observed = torch.rand(4, 6, generator=torch.Generator().manual_seed(2)) < 0.6
    module.train()(x)
    whole, states = module.eval()(x, observed), None
    for step in range(6):
        raw, states = module.step(x[:, step], observed[:, step], states)
        torch.testing.assert_close(raw, whole[:, step])


def test_weights_are_drawn_alike_with_and_without_options():
    plain, other = network(), network(norm="batch", pooling="attention")
    for name, value in plain.arrays().items():
        np.testing.assert_array_equal(other.arrays()[name], value)
