"""Keras' `ImageDataGenerator` and its iterators, over this package's pipeline.

Change one import and keep the script:

    from catdog_data.keras_compat import ImageDataGenerator
"""

from catdog_data.keras_compat.generator import ImageDataGenerator
from catdog_data.keras_compat.iterators import DirectoryIterator

__all__ = ["DirectoryIterator", "ImageDataGenerator"]
