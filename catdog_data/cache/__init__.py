"""Images decoded once: the pack, which pack holds what, and building one in the background.

`pack_format` and `packs`, what lists and checks packs, import neither TensorFlow nor Keras. The two
faces and the commands may import it; it may import `engine` and what lies below.
"""
