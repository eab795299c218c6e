"""The networks, how they are built from a recipe, and in which precision.

Only `commands` imports it. It may import `training.recipes`; nothing here imports `catdog_data`.
"""
