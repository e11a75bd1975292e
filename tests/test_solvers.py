"""Solvers: the updates of torch.optim, also from a state that was kept as arrays."""

import pytest
import torch

from skrnn._training.solvers import SGD, Adam, Decay, RMSprop


def decay(parameters, rate, *, decoupled=False):
    return Decay(rate, [torch.zeros_like(parameter) for parameter in parameters], decoupled=decoupled)


OURS = {
    "adam": lambda p, s: Adam(p, s, decay(p, 0.1), 0.01),
    "adamw": lambda p, s: Adam(p, s, decay(p, 0.1, decoupled=True), 0.01),
    "sgd": lambda p, s: SGD(p, s, decay(p, 0.1), 0.01, momentum=0.9),
    "plain sgd": lambda p, s: SGD(p, s, decay(p, 0.0), 0.01, momentum=0.0),
    "rmsprop": lambda p, s: RMSprop(p, s, decay(p, 0.1), 0.01),
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


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("name", sorted(OURS))
def test_updates_are_those_of_torch(name, recorded):
    ours, theirs = make_parameters(), make_parameters()
    solver, optimizer = OURS[name](ours, {}), TORCH[name](theirs)
    generator = torch.Generator().manual_seed(1)
    for step in range(6):
        if step == 3:
            solver = OURS[name](ours, solver.arrays())
        if recorded and step % 3 == 0:
            solver.record()
        solver.learning_rate = optimizer.param_groups[0]["lr"] = 0.01 * (1 + step)
        for mine, other in zip(ours, theirs, strict=True):
            other.grad = torch.randn(other.shape, dtype=torch.float64, generator=generator)
            mine.grad = other.grad.clone()
        solver.step()
        optimizer.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_state_serves_the_same_parameters_in_one_vector(name):
    apart = make_parameters()
    whole = [torch.cat([parameter.flatten() for parameter in apart])]
    solver = OURS[name](apart, {})
    for step in range(4):
        for parameter in apart:
            parameter.grad = torch.full_like(parameter, step - 1.5)
        whole[0].grad = torch.full_like(whole[0], step - 1.5)
        if step == 2:
            whole[0].copy_(torch.cat([parameter.flatten() for parameter in apart]))
            other = OURS[name](whole, solver.arrays())
        solver.step()
        if step >= 2:
            other.step()
    torch.testing.assert_close(whole[0], torch.cat([parameter.flatten() for parameter in apart]), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("before", "name"), [("sgd", "adam"), ("rmsprop", "adamw"), ("adam", "sgd")])
def test_after_another_solver_a_solver_begins_anew(before, name):
    others, parameters, twins = (make_parameters() for _ in range(3))
    for parameter in (*others, *parameters, *twins):
        parameter.grad = torch.ones_like(parameter)
    earlier = OURS[before](others, {})
    earlier.step()
    for solver in (OURS[name](parameters, earlier.arrays()), OURS[name](twins, {})):
        solver.step()
    torch.testing.assert_close(parameters, twins)


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


@pytest.mark.parametrize("decoupled", [False, True])
def test_weights_decay_towards_their_origin(decoupled):
    parameters, origin = make_parameters(), [torch.full((3, 2), 2.0).double(), torch.zeros(4).double()]
    solver = Adam(parameters, {}, Decay(0.5, origin, decoupled=decoupled), 0.01)
    for _ in range(3000):
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        solver.step()
    for parameter, end in zip(parameters, origin, strict=True):
        torch.testing.assert_close(parameter, end, rtol=0, atol=1e-3)
