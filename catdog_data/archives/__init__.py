"""Archives unpacked safely, and the class folders found in what they hold.

It works on names, bytes and directories; nothing imports TensorFlow. `samples` and the commands
of `catdog_models` may import it; it may import `sources` and `system`.
"""
