"""How a network learns: the loop over batches and epochs, when it stops, schedules and solvers."""
