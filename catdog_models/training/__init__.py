"""How a network is trained: recipes as plain values, epochs and their results, a run's record.

`networks` and `commands` may import it; it may import `catdog_data.system`.
"""
