"""The generated sample set: drawn cats and dogs, for trying things without a download.

It may import `archives`, `sources` and `system`.
"""
