"""The network on the CPU's compiled time loops: the weights and results of ``_network``, without autograd."""

from skrnn._compiled.network import CompiledNetwork
from skrnn._compiled.reading import CompiledReading
from skrnn._compiled.stepping import read_step

__all__ = ["CompiledNetwork", "CompiledReading", "read_step"]
