"""How good a network is and where it is wrong: predictions, measures, reports.

Only `commands` imports it; it may import `plots`, `export` and `catdog_data.system`.
"""
