"""Whether a data set is sound: every file looked at and decoded, bad ones moved aside and back.

Only the commands import it, and its public name; it may import `archives`, `decoding` and what
lies below. TensorFlow is imported by `readers.py` alone, and by what imports that.
"""
