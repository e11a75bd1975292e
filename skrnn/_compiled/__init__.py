"""The network on the CPU's compiled time loops: the weights and results of ``_model.network``, without autograd."""
