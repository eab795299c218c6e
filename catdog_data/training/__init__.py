"""What stands beside a training run: positions and checkpoints, input wait, the device layer.

It may import `kernels` and `system`.
"""
