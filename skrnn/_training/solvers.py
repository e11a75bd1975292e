"""Solvers: torch's optimisers with one fused call for all parameters in each step, and their state as plain arrays.

``torch.optim`` spends more time around these calls than a small network needs for its arithmetic.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch


class Solver(Protocol):
    """Updates parameters from their ``grad``."""

    learning_rate: float

    def step(self) -> None: ...

    def arrays(self) -> dict[str, np.ndarray]:
        """The state: of each kind one vector of all parameters, however they are divided into tensors."""


class Decay:
    """Pulls weights towards an origin: by a penalty on the squared distance, or ``decoupled`` from the gradient.

    The linear part of a network decays towards the linear answer that training began with, all else towards 0.
    """

    def __init__(self, rate: float, origin: list[torch.Tensor], *, decoupled: bool) -> None:
        self._rate = rate
        self._origin = origin
        self._decoupled = decoupled

    def pull(self, parameters: list[torch.Tensor], learning_rate: float) -> None:
        """Change the parameters, or their gradients."""
        if not self._rate:
            return
        if self._decoupled:
            torch._foreach_lerp_(parameters, self._origin, learning_rate * self._rate)
        else:
            distance = torch._foreach_sub(parameters, self._origin)
            torch._foreach_add_(_gradients(parameters), distance, alpha=self._rate)


class Adam:
    """Adam (Kingma and Ba, 2015), or with decoupled decay AdamW (Loshchilov and Hutter, 2019)."""

    def __init__(
        self, parameters: list[torch.Tensor], state: dict[str, np.ndarray], decay: Decay, learning_rate: float
    ) -> None:
        self._parameters = parameters
        self._decay = decay
        self._first = _restored(state, "exp_avg", [torch.zeros_like(p) for p in parameters])
        self._second = _restored(state, "exp_avg_sq", [torch.zeros_like(p) for p in parameters])
        n_steps = float(state["step"]) if "exp_avg" in state else 0.0
        self._steps = [torch.tensor(n_steps, dtype=torch.float32, device=p.device) for p in parameters]
        self.learning_rate = learning_rate

    def step(self) -> None:
        self._decay.pull(self._parameters, self.learning_rate)
        torch._foreach_add_(self._steps, 1)
        torch._fused_adam_(
            self._parameters,
            _gradients(self._parameters),
            self._first,
            self._second,
            [],
            self._steps,
            lr=self.learning_rate,
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


class SGD:
    """Stochastic gradient descent with momentum."""

    def __init__(
        self,
        parameters: list[torch.Tensor],
        state: dict[str, np.ndarray],
        decay: Decay,
        learning_rate: float,
        *,
        momentum: float,
    ) -> None:
        self._parameters = parameters
        self._decay = decay
        # Without momentum torch wants no buffers, and leaves the gradient as the only thing to know.
        buffers = [torch.zeros_like(p) for p in parameters] if momentum else []
        self._buffers = _restored(state, "momentum_buffer", buffers)
        self._is_first = "momentum_buffer" not in state
        self._momentum = momentum
        self.learning_rate = learning_rate

    def step(self) -> None:
        self._decay.pull(self._parameters, self.learning_rate)
        torch._fused_sgd_(
            self._parameters,
            _gradients(self._parameters),
            self._buffers,
            lr=self.learning_rate,
            weight_decay=0.0,
            momentum=self._momentum,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=self._is_first,
        )
        self._is_first = False

    def arrays(self) -> dict[str, np.ndarray]:
        return {"momentum_buffer": _one_vector(self._buffers)} if self._buffers else {}


class RMSprop:
    """RMSprop (Tieleman and Hinton, 2012); torch has no fused call for it."""

    def __init__(
        self, parameters: list[torch.Tensor], state: dict[str, np.ndarray], decay: Decay, learning_rate: float
    ) -> None:
        self.learning_rate = learning_rate
        self._parameters = parameters
        self._decay = decay
        self._optimizer = torch.optim.RMSprop(parameters, lr=learning_rate)
        if "square_avg" in state:
            squares = _restored(state, "square_avg", parameters)
            for parameter, square in zip(parameters, squares, strict=True):
                step = torch.from_numpy(state["step"].copy())
                self._optimizer.state[parameter] = {"square_avg": square, "step": step}

    def step(self) -> None:
        self._decay.pull(self._parameters, self.learning_rate)
        self._optimizer.param_groups[0]["lr"] = self.learning_rate
        self._optimizer.step()

    def arrays(self) -> dict[str, np.ndarray]:
        states: list[dict[str, Any]] = list(self._optimizer.state.values())
        if not states:  # before the first step
            return {}
        return {
            "square_avg": _one_vector([state["square_avg"] for state in states]),
            "step": states[0]["step"].cpu().numpy().copy(),
        }


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
