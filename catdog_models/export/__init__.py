"""A trained network as a SavedModel that takes the bytes of image files.

`evaluation` and `commands` may import it; it may import `catdog_data.system`.
"""
