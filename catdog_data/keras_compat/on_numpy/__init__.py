"""Batches made in the call that asks for them: all of their steps, or those behind the pipeline.

The iterators import it; it imports no iterator.
"""
