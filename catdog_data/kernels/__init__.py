"""Compiled kernels of a batch: the warp in doubles and in fixed point, and packed pixels.

Pure functions of tensors. `augment`, `training` and what lies above may import it; it may import
`system`.
"""
