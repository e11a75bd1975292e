"""What a fit learns, as plain values: losses, the network on torch's layers, and what is linear."""
