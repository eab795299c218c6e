"""Archives unpacked safely, and the class folders found in what they hold.

It works on names, bytes and directories; nothing imports TensorFlow. It may import `sources` and
`system`.
"""
