"""What all rooms hand to each other: sequences, examples, units. Imports nothing of this package."""
