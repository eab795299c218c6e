"""Image files to pixels, equal to Pillow's."""

from __future__ import annotations

import io

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

_START_OF_IMAGE = b"\xff\xd8\xff"
_END_OF_IMAGE = b"\xff\xd9"


def read_rgb(path: tf.Tensor) -> tf.Tensor:
    """Read and decode one image file, to the pixels of `keras.utils.load_img(path)`.

    Whole JPEG files of one or three components are decoded by TensorFlow, whose accurate DCT
    equals Pillow's to the bit. All else (PNG, TIFF, CMYK, files cut short or wrongly named, …)
    goes through Pillow, one Python call per such file, at about twice the cost.

    Args:
        path: string[], the file.

    Returns:
        uint8[H, W, 3].

    Raises:
        tf.errors.OpError: the file cannot be read; the message names it.
    """
    contents = tf.io.read_file(path)
    return tf.cond(
        _is_plain_jpeg(contents),
        lambda: tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: _decode_with_pillow(path, contents),
    )


def read_as_keras_dataset(path: tf.Tensor, channels: int) -> tf.Tensor:
    """Read and decode one image file, as `keras.utils.image_dataset_from_directory` does.

    JPEG files go through TensorFlow's fast DCT, up to 4 levels away from Pillow's. Of an animation,
    the first frame is read; 16 bits are scaled to 8.

    Args:
        path: string[], the file: JPEG, PNG, BMP or GIF.
        channels: 1, 3 or 4.

    Returns:
        uint8[H, W, channels].

    Raises:
        tf.errors.OpError: the file cannot be read.
    """
    return decode_as_keras_dataset(tf.io.read_file(path), channels)


def decode_as_keras_dataset(contents: tf.Tensor, channels: int) -> tf.Tensor:
    """Decode the bytes of one image file, as `read_as_keras_dataset` does.

    Args:
        contents: string[].
        channels: 1, 3 or 4.

    Returns:
        uint8[H, W, channels].
    """
    image = tf.io.decode_image(contents, channels=channels, expand_animations=False)
    return tf.ensure_shape(image, [None, None, channels])


def read_rgb_with_pillow(path: str, contents: bytes) -> NDArray[np.uint8]:
    """Decode one image file through Pillow.

    Args:
        path: the file's name, for messages.
        contents: its bytes.

    Returns:
        uint8[H, W, 3].

    Raises:
        OSError: Pillow cannot read it (`PIL.UnidentifiedImageError` where it knows no such
            format); the message names the file.
    """
    try:
        with Image.open(io.BytesIO(contents)) as image:
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
    except UnidentifiedImageError:
        raise UnidentifiedImageError(
            f"{path!r} is not an image in a format that Pillow knows ({len(contents)} bytes). "
            "Remove it from the data set or replace it."
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise OSError(
            f"{path!r} cannot be decoded: {error}. Remove it from the data set or replace it."
        ) from error


def _is_plain_jpeg(contents: tf.Tensor) -> tf.Tensor:
    """Tell whether the bytes are a whole JPEG that TensorFlow decodes as Pillow does."""
    end = tf.maximum(tf.strings.length(contents) - len(_END_OF_IMAGE), 0)
    whole = tf.logical_and(
        tf.strings.substr(contents, 0, len(_START_OF_IMAGE)) == _START_OF_IMAGE,
        tf.strings.substr(contents, end, len(_END_OF_IMAGE)) == _END_OF_IMAGE,
    )
    # CMYK (4 components) is converted differently.
    return tf.cond(
        whole, lambda: tf.io.extract_jpeg_shape(contents)[2] < 4, lambda: tf.constant(False)
    )


def _decode_with_pillow(path: tf.Tensor, contents: tf.Tensor) -> tf.Tensor:
    image = tf.numpy_function(
        lambda path, contents: read_rgb_with_pillow(path.decode(), contents),
        [path, contents],
        tf.uint8,
        stateful=False,
    )
    return tf.ensure_shape(image, [None, None, 3])
