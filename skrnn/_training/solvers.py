"""Solvers: torch's optimisers with one fused call for all parameters in each step, and their state as plain arrays.

``torch.optim`` spends more time around these calls than a small network needs for its arithmetic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
import torch


class Decay:
    """Pulls weights towards an origin: by a penalty on the squared distance, or ``decoupled`` from the gradient.

    The linear part of a network decays towards the linear answer that training began with, all else towards 0.
    """

    def __init__(self, rate: float, origin: list[torch.Tensor], *, decoupled: bool) -> None:
        self.rate = rate
        self.origin = origin
        self.decoupled = decoupled

    def pull(self, parameters: list[torch.Tensor], learning_rate: float) -> None:
        """Change the parameters, or their gradients."""
        if not self.rate:
            return
        if self.decoupled:
            torch._foreach_lerp_(parameters, self.origin, learning_rate * self.rate)
        else:
            distance = torch._foreach_sub(parameters, self.origin)
            torch._foreach_add_(_gradients(parameters), distance, alpha=self.rate)


class Solver(Protocol):
    """Updates parameters from their ``grad``.

    Compiled loops may take the place of ``step``: ``rule`` names the function of ``skrnn._compiled.kernels.updates``
    that does the same, with ``vectors`` of all parameters, and ``n_steps`` counts. After ``record``, a recorded step
    that is replayed goes by the learning rate of then.
    """

    rule: str
    learning_rate: float
    momentum: float
    decay: Decay
    n_steps: int

    def step(self) -> None: ...

    def record(self) -> None: ...

    def vectors(self) -> list[torch.Tensor]:
        """The solver's own numbers, of each kind one vector; only where all parameters are one."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The state: of each kind one vector of all parameters, however they are divided into tensors."""


class _Rated(ABC):
    """Abstract: a solver adds its step. The learning rate is a number, or after ``record`` a tensor that steps read."""

    def __init__(self, parameters: list[torch.Tensor], decay: Decay, learning_rate: float) -> None:
        self._parameters = parameters
        self.decay = decay
        self._rate: torch.Tensor | None = None
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> float:
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = value
        if self._rate is not None:
            self._rate.fill_(value)

    def record(self) -> None:
        """Let all steps from now on read their rate when they are made, not when they are recorded."""
        like = self._parameters[0]
        self._rate = torch.full((), self.learning_rate, dtype=like.dtype, device=like.device)
        self._before = [torch.empty_like(p) for p in self._parameters]

    def step(self) -> None:
        if self._rate is None:
            self._move(self.learning_rate)
            return
        # Fused calls read rates in single precision, or as numbers: a step at rate 1 is shortened.
        torch._foreach_copy_(self._before, self._parameters)
        self._move(1.0)
        torch._foreach_sub_(self._parameters, self._before)
        torch._foreach_mul_(self._parameters, self._rate)
        torch._foreach_add_(self._parameters, self._before)

    @abstractmethod
    def _move(self, learning_rate: float) -> None:
        """Change the parameters by a step at this rate."""


class Adam(_Rated):
    """Adam (Kingma and Ba, 2015), or with decoupled decay AdamW (Loshchilov and Hutter, 2019)."""

    rule = "adam"
    momentum = 0.0

    def __init__(
        self, parameters: list[torch.Tensor], state: dict[str, np.ndarray], decay: Decay, learning_rate: float
    ) -> None:
        super().__init__(parameters, decay, learning_rate)
        self._first = _restored(state, "exp_avg", [torch.zeros_like(p) for p in parameters])
        self._second = _restored(state, "exp_avg_sq", [torch.zeros_like(p) for p in parameters])
        n_steps = float(state["step"]) if "exp_avg" in state else 0.0
        self._steps = [torch.tensor(n_steps, dtype=torch.float32, device=p.device) for p in parameters]

    def _move(self, learning_rate: float) -> None:
        self.decay.pull(self._parameters, learning_rate)
        torch._foreach_add_(self._steps, 1)
        torch._fused_adam_(
            self._parameters,
            _gradients(self._parameters),
            self._first,
            self._second,
            [],
            self._steps,
            lr=learning_rate,
            weight_decay=0.0,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "exp_avg": _one_vector(self._first),
            "exp_avg_sq": _one_vector(self._second),
            "step": self._steps[0].cpu().numpy().copy(),
        }

    def vectors(self) -> list[torch.Tensor]:
        return [*self._first, *self._second]

    @property
    def n_steps(self) -> int:
        return int(self._steps[0])

    @n_steps.setter
    def n_steps(self, value: int) -> None:
        for count in self._steps:
            count.fill_(value)


class SGD(_Rated):
    """Stochastic gradient descent with momentum."""

    rule = "sgd"

    def __init__(
        self,
        parameters: list[torch.Tensor],
        state: dict[str, np.ndarray],
        decay: Decay,
        learning_rate: float,
        *,
        momentum: float,
    ) -> None:
        super().__init__(parameters, decay, learning_rate)
        # Without momentum torch wants no buffers, and leaves the gradient as the only thing to know.
        buffers = [torch.zeros_like(p) for p in parameters] if momentum else []
        self._buffers = _restored(state, "momentum_buffer", buffers)
        self.n_steps = int("momentum_buffer" in state)
        self.momentum = momentum

    def _move(self, learning_rate: float) -> None:
        self.decay.pull(self._parameters, learning_rate)
        torch._fused_sgd_(
            self._parameters,
            _gradients(self._parameters),
            self._buffers,
            lr=learning_rate,
            weight_decay=0.0,
            momentum=self.momentum,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=not self.n_steps,
        )
        self.n_steps += 1

    def arrays(self) -> dict[str, np.ndarray]:
        return {"momentum_buffer": _one_vector(self._buffers)} if self._buffers else {}

    def vectors(self) -> list[torch.Tensor]:
        return self._buffers


class RMSprop(_Rated):
    """RMSprop (Tieleman and Hinton, 2012); torch has no fused call for it."""

    rule = "rmsprop"
    momentum = 0.0

    def __init__(
        self, parameters: list[torch.Tensor], state: dict[str, np.ndarray], decay: Decay, learning_rate: float
    ) -> None:
        super().__init__(parameters, decay, learning_rate)
        self._squares = _restored(state, "square_avg", [torch.zeros_like(p) for p in parameters])
        n_steps = float(state["step"]) if "square_avg" in state else 0.0
        self._steps = torch.tensor(n_steps, dtype=torch.float32, device=parameters[0].device)

    def _move(self, learning_rate: float) -> None:
        self.decay.pull(self._parameters, learning_rate)
        self._steps += 1
        gradients = _gradients(self._parameters)
        torch._foreach_mul_(self._squares, 0.99)
        torch._foreach_addcmul_(self._squares, gradients, gradients, value=1 - 0.99)
        roots = torch._foreach_sqrt(self._squares)
        torch._foreach_add_(roots, 1e-8)
        torch._foreach_addcdiv_(self._parameters, gradients, roots, value=-learning_rate)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"square_avg": _one_vector(self._squares), "step": self._steps.cpu().numpy().copy()}

    @property
    def n_steps(self) -> int:
        return int(self._steps)

    @n_steps.setter
    def n_steps(self, value: int) -> None:
        self._steps.fill_(value)

    def vectors(self) -> list[torch.Tensor]:
        return self._squares


def _gradients(parameters: list[torch.Tensor]) -> list[torch.Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def _restored(state: dict[str, np.ndarray], name: str, begun: list[torch.Tensor]) -> list[torch.Tensor]:
    """Tensors as they were, or those to begin with, of the same shapes."""
    if name not in state:
        return begun
    # Copied: the array may be read-only, for instance mapped from a file.
    parts = torch.from_numpy(state[name].copy()).split([like.numel() for like in begun])
    return [part.view(like.shape).to(like.device) for part, like in zip(parts, begun, strict=True)]


def _one_vector(tensors: list[torch.Tensor]) -> np.ndarray:
    return np.concatenate([tensor.cpu().numpy().ravel() for tensor in tensors])
