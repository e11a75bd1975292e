"""A compiled layer among torch's operations gives the states and the gradients of torch's own layer."""

import numpy as np
import pytest
import torch

from skrnn._compiled.kernels import kernel_of
from skrnn._compiled.reading import CompiledReading
from skrnn._data.spec import NetworkSpec
from skrnn._model.network import RecurrentNetwork

OPTIONS = {
    "answers at each step": {"return_sequences": True},
    "mean": {"pooling": "mean"},
    "max": {"pooling": "max", "norm": "layer"},
    "attention": {"pooling": "attention"},
    "batch norm": {"norm": "batch"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("layer", ["torch.nn.GRU", "torch.nn.LSTM", "torch.nn.RNN"])
def test_networks_with_compiled_layers_are_those_of_torch(layer, options):
    rng = np.random.default_rng(0)
    shape = {"input_size": 2, "hidden_size": 5, "num_layers": 2, "bidirectional": True, "dropout": 0.0, "width": 3}
    spec = NetworkSpec(layer=layer, **shape, **options)
    x = torch.from_numpy(rng.normal(size=(40, 7, 2)))
    observed = torch.from_numpy(rng.random((40, 7)) < 0.7)
    found = []
    for compiled in (False, True):
        network = RecurrentNetwork(spec, device=torch.device("cpu"), dtype=torch.float64)
        network.initialize(torch.Generator().manual_seed(0))
        if compiled:
            for recurrent in network.layers:
                recurrent.read = CompiledReading(kernel_of(layer, ()), spec.hidden_size, 2)
        raw = network.train()(x, observed)
        raw.square().sum().backward()
        found.append([raw.detach().numpy(), *(p.grad.numpy() for p in network.parameters())])
    for mine, expected in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-11 * max(np.abs(expected).max(), 1))
