"""How a network is trained: recipes as plain values, epochs and their results, a run's record."""
