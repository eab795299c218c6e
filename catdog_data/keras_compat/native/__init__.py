"""The tf.data pipeline under an iterator: it is set up once and given one planned batch at a time.

The iterators import it; it imports no iterator.
"""
