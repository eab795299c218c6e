"""What stands beside a training run: positions and checkpoints, input wait, the device layer.

It may import `kernels`, `system`, and from `datasets.plan` the version of its orders.
"""
