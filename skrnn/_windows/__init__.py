"""The rows before each row: the transformer; keys, the time grid, the remembered rows, and the look-up of windows."""
