"""From the bytes of a file to `uint8[H, W, C]`, as Pillow and as TensorFlow decode, and resizing.

What is said of a file that cannot be read lives here too. It imports no other room.
"""
