"""Compiled kernels of a batch: the warp in doubles and in fixed point, and packed pixels.

Pure functions of tensors. The rooms from `augment` on may import it.
"""
