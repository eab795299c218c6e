"""From the bytes of a file to `uint8[H, W, C]`, as Pillow and as TensorFlow decode, and resizing.

The errors of files that cannot be read are made here too. `engine` and what lies above
may import it; it may import `sources` and `system`.
"""
