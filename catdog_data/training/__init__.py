"""What stands beside a training run: positions and checkpoints, input wait, the device layer.

`layers` makes its layer public, and `__init__.pyi` the rest; no other package imports it. It may
import `kernels` and `system`.
"""
