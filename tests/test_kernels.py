"""The compiled time loops: the numbers of torch's layers, outputs and gradients, over all that a layer can be asked."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn import GRURegressor
from skrnn._compiled.inputs import Inputs
from skrnn._compiled.kernels import kernel_of
from skrnn._compiled.layer import CompiledLayer
from skrnn._compiled.network import CompiledNetwork
from skrnn._data.on_device import DeviceData
from skrnn._data.spec import NetworkSpec
from skrnn._model.network import RecurrentLayer, RecurrentNetwork, TorchNetwork

CELLS = {
    "GRU": ("torch.nn.GRU", ()),
    "LSTM": ("torch.nn.LSTM", ()),
    "tanh": ("torch.nn.RNN", ()),
    "relu": ("torch.nn.RNN", (("nonlinearity", "relu"),)),
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}  # relative to the largest value


def assert_near(found, expected, dtype, usual=0.05):
    """Compare to rounding: of the largest value, or of the usual ones where these are what is left of a sum."""
    expected = np.asarray(expected)
    atol = TOLERANCE[dtype] * max(np.abs(expected).max(), usual)
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def make_sequences(rng, n, n_steps, n_channels, dtype, *, gaps):
    base = torch.from_numpy(rng.normal(size=(n + n_steps - 1, n_channels))).to(dtype)
    observed = torch.from_numpy(rng.random(len(base)) < 0.6) if gaps else None
    if gaps:
        base[~observed] = 0
    return DeviceData(base, observed, torch.from_numpy(rng.permutation(n)), n_steps)


def check_layer(cell, *, steps, batch, channels, hidden, bidirectional, gaps, every_step, dtype, n_shares, seed=0):
    """Compare one layer with torch's: states, gradients of weights and of the inputs."""
    rng = np.random.default_rng(seed)
    path, options = CELLS[cell]
    data = make_sequences(rng, batch, steps, channels, dtype, gaps=gaps)
    torch_class = getattr(torch.nn, path.rpartition(".")[2])
    layer = RecurrentLayer(
        lambda: torch_class(channels, hidden, batch_first=True, dtype=dtype, **dict(options)), 1 + bidirectional
    )
    largest = hidden**-0.5 * (0.5 if cell == "relu" else 1)  # states of relu would grow from step to step
    for parameter in layer.parameters():
        parameter.data = torch.from_numpy(rng.uniform(-1, 1, size=parameter.shape) * largest).to(dtype)
    x, observed = data.take(slice(None))
    x = x.contiguous().requires_grad_()
    states, last = layer(x, observed)
    expected = states if every_step else last
    slope, *others = (torch.from_numpy(rng.normal(size=expected.shape)).to(dtype) for _ in range(4))
    wanted = [*layer.parameters(), x]
    gradients = torch.autograd.grad(expected, wanted, slope, retain_graph=True)
    # A gradient of few numbers may nearly cancel for one slope, but not for all of them.
    of_others = [torch.autograd.grad(expected, wanted, other, retain_graph=True) for other in others]
    usual = [max(0.05, *(float(gradient.abs().max()) for gradient in of)) for of in zip(*of_others, strict=True)]

    weights = np.stack([np.concatenate([p.detach().numpy().ravel() for p in d.parameters()]) for d in layer.directions])
    gradient = np.zeros_like(weights)
    ours = CompiledLayer(kernel_of(path, options), hidden, weights, gradient)
    rows = None if observed is None else data.observed.numpy()[:, None]
    inputs = Inputs(data.base.numpy(), rows, data.starts.numpy(), 1, steps)
    for _ in range(2):  # the second time on the memory of the first
        gradient[:] = 0
        found = ours.forward(inputs, n_shares, every_step=every_step, keep=True)
        turned = slope.transpose(0, 1) if every_step else slope
        by_inputs = ours.backward(turned.numpy(), to_inputs=True)
    alone = ours.forward(inputs, n_shares, every_step=every_step, keep=False)

    expected = expected.detach().transpose(0, 1) if every_step else expected.detach()
    assert_near(found, expected, dtype)
    assert_near(alone, expected, dtype)
    ends = np.cumsum([parameter.numel() for parameter in layer.parameters()])
    for mine, theirs, largest in zip(np.split(gradient.ravel(), ends[:-1]), gradients, usual, strict=False):
        assert_near(mine.reshape(theirs.shape), theirs, dtype, largest)
    assert_near(by_inputs, gradients[-1].transpose(0, 1), dtype, usual[-1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every step"])
@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("hidden", [1, 3, 17, 50, 64, 129])
@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_is_that_of_torch(cell, hidden, bidirectional, gaps, every_step, dtype):
    check_layer(
        cell,
        steps=7,
        batch=9,
        channels=3,
        hidden=hidden,
        bidirectional=bidirectional,
        gaps=gaps,
        every_step=every_step,
        dtype=dtype,
        n_shares=2,
    )


@settings(max_examples=150, deadline=None)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    steps=st.integers(1, 40),
    batch=st.integers(1, 70),
    channels=st.integers(1, 20),
    hidden=st.integers(1, 80),
    bidirectional=st.booleans(),
    gaps=st.booleans(),
    every_step=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    n_shares=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_a_layer_of_any_shape_is_that_of_torch(**shape):
    check_layer(**{**shape, "n_shares": min(shape["n_shares"], shape["batch"])})


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("batch", "hidden", "steps"), [(256, 200, 5), (1, 512, 70), (33, 256, 3), (300, 8, 40)])
def test_large_layers_are_those_of_torch(cell, batch, hidden, steps):
    # Blocks of several lengths, and products that the BLAS makes.
    for dtype in TOLERANCE:
        check_layer(
            cell,
            steps=steps,
            batch=batch,
            channels=5,
            hidden=hidden,
            bidirectional=False,
            gaps=True,
            every_step=True,
            dtype=dtype,
            n_shares=min(2, batch),
        )


def drawn(spec):
    """A network whose head does not start at nothing."""
    generator = torch.Generator().manual_seed(0)
    module = RecurrentNetwork(spec, device=torch.device("cpu"), dtype=torch.float64)
    module.initialize(generator)
    with torch.no_grad():
        module.head.weight.normal_(generator=generator)
    return module


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
def test_a_network_is_that_of_autograd(cell, bidirectional, dropout, pooling, gaps):
    rng = np.random.default_rng(1)
    path, options = CELLS[cell]
    spec = NetworkSpec(path, 3, 6, 3, bidirectional, dropout, 2, options, pooling=pooling)
    module = drawn(spec)
    networks = TorchNetwork(module), CompiledNetwork(spec, module.arrays(), kernel_of(path, options), 2)
    data = make_sequences(rng, 11, 8, 3, torch.float64, gaps=gaps)
    rows, slope = torch.tensor([4, 0, 9, 2, 7]), torch.from_numpy(rng.normal(size=(5, 2)))
    raw = [network.forward(data, rows, torch.Generator().manual_seed(5)) for network in networks]
    assert_near(raw[1], raw[0], torch.float64)
    for network in networks:
        network.backward(slope)
        network.clip(0.01)
    flat = torch.cat([parameter.grad.ravel() for parameter in networks[0].parameters])
    assert_near(networks[1].parameters[0].grad, flat, torch.float64)
    assert torch.count_nonzero(flat) > len(flat) / 4
    assert float(flat.norm()) == pytest.approx(0.01, rel=1e-3)
    assert_near(networks[1].infer(data), networks[0].infer(data), torch.float64)
    for name, array in networks[1].arrays().items():
        np.testing.assert_array_equal(array, module.arrays()[name])


@pytest.mark.parametrize("cell", ["GRU", "LSTM", "tanh"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(
    ("bidirectional", "pooling"), [(False, "last"), (True, "last"), (False, "max"), (True, "mean")], ids=str
)
def test_gradients_are_those_of_finite_differences(cell, num_layers, bidirectional, pooling):
    path, options = CELLS[cell]
    spec = NetworkSpec(path, 2, 3, num_layers, bidirectional, 0.0, 1, options, pooling=pooling)
    module = drawn(spec)
    network = CompiledNetwork(spec, module.arrays(), kernel_of(path, options), 1)
    data = make_sequences(np.random.default_rng(2), 4, 5, 2, torch.float64, gaps=True)
    generator, rows = torch.Generator(), torch.arange(4)

    class Total(torch.autograd.Function):
        """Sum of the outputs as a function of the weights, with the gradient in closed form."""

        @staticmethod
        def forward(ctx, weights):
            network.parameters[0].data.copy_(weights)
            total = network.forward(data, rows, generator).sum()
            network.backward(torch.ones(4, 1, dtype=torch.float64))
            ctx.save_for_backward(network.parameters[0].grad.clone())
            return total

        @staticmethod
        def backward(ctx, slope):
            return slope * ctx.saved_tensors[0]

    weights = network.parameters[0].detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(Total.apply, (weights,))


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_not_finite_stays_so(cell):
    path, options = CELLS[cell]
    spec = NetworkSpec(path, 1, 4, 1, False, 0.0, 1, options)
    module = RecurrentNetwork(spec, device=torch.device("cpu"), dtype=torch.float32)
    module.initialize(torch.Generator().manual_seed(0))
    arrays = module.arrays()
    arrays["layers.0.directions.0.weight_hh_l0"][0, 0] = np.nan
    network = CompiledNetwork(spec, arrays, kernel_of(path, options), 1)
    assert torch.isnan(network.infer(DeviceData(torch.ones(8, 1), None, torch.arange(3), 5))).all()


def test_threads_and_calls_one_after_another_give_the_same_bits():
    path, options = CELLS["GRU"]
    spec = NetworkSpec(path, 3, 40, 2, True, 0.0, 1, options)
    module = RecurrentNetwork(spec, device=torch.device("cpu"), dtype=torch.float32)
    module.initialize(torch.Generator().manual_seed(0))
    data = make_sequences(np.random.default_rng(0), 200, 20, 3, torch.float32, gaps=False)
    seen = set()
    for _ in range(5):
        network = CompiledNetwork(spec, module.arrays(), kernel_of(path, options), 2)
        raw = network.forward(data, torch.arange(200), torch.Generator())
        network.backward(torch.ones_like(raw))
        seen.add((raw.numpy().tobytes(), network.parameters[0].grad.numpy().tobytes()))
    assert len(seen) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:.* without its recurrent layers")
def test_layers_without_loops_and_missing_libraries_are_told():
    assert kernel_of("torch.nn.Linear") is None
    assert kernel_of("some.package.GRU") is None
    assert kernel_of("torch.nn.GRU") is not None
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np, warnings; warnings.simplefilter('ignore')\n"
        "from skrnn import GRURegressor\n"
        "from skrnn._compiled.kernels import kernel_of\n"
        "assert kernel_of('torch.nn.GRU') is None\n"
        "X = np.random.default_rng(0).normal(size=(50, 6, 2))\n"
        "print(GRURegressor(4, max_iter=3, random_state=0).fit(X, X[:, -1, 0]).predict(X[:3]).tolist())"
    )
    with_torch = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    X = np.random.default_rng(0).normal(size=(50, 6, 2))
    with_loops = GRURegressor(4, max_iter=3, random_state=0).fit(X, X[:, -1, 0]).predict(X[:3])
    np.testing.assert_allclose(with_loops, eval(with_torch), rtol=1e-9)
