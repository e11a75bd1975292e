"""Solvers: the updates of torch.optim, also from a state that was kept as arrays."""

import pytest
import torch

from skrnn._solvers import SGD, Adam, RMSprop

OURS = {
    "adam": lambda p, s: Adam(p, s, learning_rate=0.01, weight_decay=0.1, decoupled=False),
    "adamw": lambda p, s: Adam(p, s, learning_rate=0.01, weight_decay=0.1, decoupled=True),
    "sgd": lambda p, s: SGD(p, s, learning_rate=0.01, weight_decay=0.1, momentum=0.9),
    "plain sgd": lambda p, s: SGD(p, s, learning_rate=0.01, weight_decay=0.0, momentum=0.0),
    "rmsprop": lambda p, s: RMSprop(p, s, learning_rate=0.01, weight_decay=0.1),
}
TORCH = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1),
    "plain sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, weight_decay=0.1),
}


def make_parameters():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in ((3, 2), (4,))]


@pytest.mark.parametrize("name", sorted(OURS))
def test_updates_are_those_of_torch(name):
    ours, theirs = make_parameters(), make_parameters()
    solver, optimizer = OURS[name](ours, {}), TORCH[name](theirs)
    generator = torch.Generator().manual_seed(1)
    for step in range(6):
        if step == 3:
            solver = OURS[name](ours, solver.arrays())
        for mine, other in zip(ours, theirs, strict=True):
            other.grad = torch.randn(other.shape, dtype=torch.float64, generator=generator)
            mine.grad = other.grad.clone()
        solver.step()
        optimizer.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_state_is_arrays_of_its_own(name):
    parameters = make_parameters()
    solver = OURS[name](parameters, {})
    for _ in range(2):
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        solver.step()
        kept = solver.arrays()
    before = {key: value.copy() for key, value in kept.items()}
    solver.step()
    assert all((kept[key] == before[key]).all() for key in kept)
