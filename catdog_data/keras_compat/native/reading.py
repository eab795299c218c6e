"""How image files become pixels, as `keras.utils.load_img` reads and resizes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.cache.cached import Cache, cached
from catdog_data.decoding.decode import read_rgb
from catdog_data.decoding.load_image import load_image
from catdog_data.decoding.unreadable import naming
from catdog_data.engine.pixel_sources import Images, Pixels, RowsOfFiles, WholeImages
from catdog_data.keras_compat.options import CHANNELS


def pixels_of_files(
    filepaths: Sequence[str],
    image_size: tuple[int, int],
    color_mode: str,
    interpolation: str,
    keep_aspect_ratio: bool,
    cache: Cache = None,
) -> Pixels:
    """Choose how files are read: by TensorFlow where it does the same, else through Pillow.

    Args:
        filepaths: the N files.
        image_size: (height, width) in pixels that they are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: a name that Pillow knows.
        keep_aspect_ratio: whether the centre is cropped to the target's aspect ratio first.
        cache: see `catdog_data.cache.cached`.

    Returns:
        Their pixels: 8 bits for colours, Keras' float type for grayscale.
    """
    options = {
        "color_mode": color_mode,
        "target_size": image_size,
        "interpolation": interpolation,
        "keep_aspect_ratio": keep_aspect_ratio,
    }
    # Values of grayscale files may have 16 or 32 bits.
    dtype = keras.config.floatx() if color_mode == "grayscale" else "uint8"
    images: Images
    if color_mode == "rgb" and interpolation == "nearest" and not keep_aspect_ratio:
        images = RowsOfFiles(filepaths, image_size, lambda path: read_rgb(path, image_size))
    else:
        load = _loader(list(filepaths), options, dtype)
        images = WholeImages(load, (*image_size, CHANNELS[color_mode]), dtype, filepaths)
    pixels: Pixels = cached(images, filepaths, {"reader": "Keras generators", **options}, cache)
    return pixels


def _loader(
    filepaths: list[str], options: dict[str, Any], dtype: str
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Make the function from an index to the image as Keras loads it: a call of Pillow."""

    def load(i: NDArray[np.int64]) -> NDArray[Any]:
        path = filepaths[int(i)]
        with naming(path), load_image(path, **options) as image:
            pixels = np.asarray(image, dtype)
        return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]

    # Pillow works without the lock of the interpreter, so that calls run in parallel.
    return lambda index: tf.numpy_function(load, [index], dtype, stateful=False)
