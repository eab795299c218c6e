"""Keras' `ImageDataGenerator`, its iterators and its transforms, over this package's pipeline.

Change one import and keep the script:

    from catdog_data.keras_compat import ImageDataGenerator

The names are those of `tensorflow.keras.preprocessing.image`, so that this module can stand in
for it. No other package imports it; it may import `cache` and what lies below, not `datasets`.
"""

from keras.preprocessing.image import smart_resize
from keras.utils import array_to_img, img_to_array, load_img, save_img

from catdog_data.keras_compat.array_iterator import NumpyArrayIterator
from catdog_data.keras_compat.conversion import from_keras
from catdog_data.keras_compat.dataframe_iterator import DataFrameIterator
from catdog_data.keras_compat.directory_iterator import DirectoryIterator
from catdog_data.keras_compat.generator import ImageDataGenerator
from catdog_data.keras_compat.iterator import Iterator, SlowPathWarning
from catdog_data.keras_compat.preprocessing import traceable
from catdog_data.keras_compat.transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "SlowPathWarning",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "from_keras",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
    "traceable",
]
