"""Which network computes, where, and on how many threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from skrnn._compiled.kernels import Kernel, kernel_of
from skrnn._compiled.threads import callers_threads, one_blas_thread, own_default
from skrnn._data.spec import NetworkSpec
from skrnn._model.network import RecurrentNetwork, TorchNetwork

if TYPE_CHECKING:
    from skrnn._compiled.network import CompiledNetwork

_BLAS_SHARES = 2**20  # multiplications


def resolve_device(name: str) -> torch.device:
    """The device that a ``device`` parameter means; ValueError if this machine lacks it."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ValueError(
            f"device={name!r} was requested, but torch {torch.__version__} finds no CUDA device. Use device='auto' to "
            "take CUDA where there is one, or install a CUDA build of torch."
        )
    device = torch.device(name)
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise ValueError(
            f"device={name!r} was requested, but only {torch.cuda.device_count()} CUDA devices are visible."
        )
    return device


def torch_dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def network_of(
    spec: NetworkSpec, weights: dict[str, np.ndarray], device: torch.device, dtype: torch.dtype, n_rows: int
) -> CompiledNetwork | TorchNetwork:
    """The network in closed form where it serves, else one with autograd; ``n_rows`` steps are to be read."""
    kernel = kernel_for(spec, device)
    if kernel is None or not spec.is_plain:
        return torch_network_of(spec, weights, device, dtype, n_rows)
    from skrnn._compiled.network import CompiledNetwork

    return CompiledNetwork(spec, weights, kernel, compiled_threads(weights, n_rows))


def torch_network_of(
    spec: NetworkSpec, weights: dict[str, np.ndarray], device: torch.device, dtype: torch.dtype, n_rows: int
) -> TorchNetwork:
    """The network with autograd; its layers are compiled where they can be."""
    own_default(device)
    network = RecurrentNetwork.of(spec, weights, device=device, dtype=dtype)
    kernel = kernel_for(spec, device)
    if kernel is not None:
        from skrnn._compiled.reading import CompiledReading

        n_threads = compiled_threads(weights, n_rows)
        for layer in network.layers:
            layer.read = CompiledReading(kernel, spec.hidden_size, n_threads)  # type: ignore[assignment]
    return TorchNetwork(network)


def kernel_for(spec: NetworkSpec, device: torch.device) -> Kernel | None:
    """The loops of the layers on the CPU, where they can be compiled."""
    return kernel_of(spec.layer, spec.options) if device.type == "cpu" else None


def compiled_threads(weights: dict[str, np.ndarray], n_rows: int) -> int:
    """The number of threads for compiled loops, which then have BLAS for themselves where it would share their work."""
    if n_rows * sum(array.size for array in weights.values()) >= _BLAS_SHARES:
        one_blas_thread()
    np.seterr(over="ignore", invalid="ignore")  # as in torch, overflow goes on as infinity without a word
    return callers_threads()
