"""A trained network as a SavedModel that takes the bytes of image files."""
