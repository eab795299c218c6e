"""Batches made by NumPy: all of their steps, or those that follow the native pipeline.

The iterators import it; it imports no iterator.
"""
