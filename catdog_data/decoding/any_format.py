"""Image files of every kind to pixels: by TensorFlow where it decodes them, else by Python.

What a file is, its first bytes say, and not its name. JPEG files, and PNG files where values are
not of 8 bits, are decoded in the graph; all else is a call of Python for each file, many at once.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from catdog_data.decoding.limits import are_within, decoded_in_turn, ordinary_side, room_for
from catdog_data.decoding.npy import read_npy
from catdog_data.decoding.open_image import open_image
from catdog_data.decoding.tiff import SIGNATURES, needs_tifffile, read_tiff
from catdog_data.decoding.wanted import Wanted
from catdog_data.sources.formats import NPY, PNG

_BY_TENSORFLOW = ("JPEG", "MPO", "PNG", "BMP", "GIF")
"""Pillow's names of what TensorFlow decodes, as Keras' datasets read it."""
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's names of images of one channel whose values are not of 8 bits."""
_DEPTH_OF_PNG = 24
"""Where the byte stands that tells the bits of a value."""


def decode_any(
    contents: tf.Tensor, decode: Callable[[tf.Tensor], tf.Tensor], wanted: Wanted
) -> tf.Tensor:
    """Decode the bytes of one file within the limits of pixels and memory.

    Args:
        contents: string[]: a JPEG, PNG, BMP or GIF, what else Pillow knows, a TIFF that tifffile
            reads, or an array of NumPy's.
        decode: TensorFlow's decoder of the first four, from the bytes to uint8[H, W, C], where
            `wanted.of_decoder` says which C.
        wanted: the channels and the type.

    Returns:
        `wanted.dtype`[H, W, wanted.channels].

    Raises:
        tf.errors.OpError: the image cannot be decoded, is too large, or is not what is wanted.

    Example:
        >>> png = tf.io.encode_png(tf.constant([[[258]]], tf.uint16))
        >>> pixels = decode_any(png, tf.io.decode_png, Wanted(1, "uint16"))
        >>> pixels.numpy().tolist()
        [[[258]]]
    """

    def any_kind() -> tf.Tensor:
        return decoded_in_turn(
            contents,
            lambda each: wanted.of_tensor(decode(each)),
            wanted.channels,
            wanted.dtype,
            functools.partial(_decoded_alone, decode, wanted),
        )

    if wanted.dtype == "uint8":
        return any_kind()
    image = tf.cond(_is_small_png(contents), lambda: _wide_png(contents, wanted), any_kind)
    return tf.ensure_shape(image, [None, None, wanted.channels])


def decode_alone(contents: bytes, wanted: Wanted) -> NDArray[Any]:
    """Decode the bytes of one file in Python, as `decode_any` does.

    Args:
        contents: of the file.
        wanted: the channels and the type.

    Returns:
        `wanted.dtype`[H, W, wanted.channels].

    Raises:
        Exception: what the decoders raise for a file that cannot be decoded.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (4, 3)).save(file, "WEBP")
        >>> decode_alone(file.getvalue(), Wanted(3)).shape
        (3, 4, 3)
    """

    def decode(each: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_image(each, channels=wanted.of_decoder, expand_animations=False)

    return np.asarray(_decoded_alone(decode, wanted, tf.constant(contents)))


def _decoded_alone(
    decode: Callable[[tf.Tensor], tf.Tensor], wanted: Wanted, contents: tf.Tensor
) -> Any:
    read: bytes = contents.numpy()
    if NPY.begins(read):
        return wanted.of_array(read_npy(read))
    if read.startswith(SIGNATURES) and needs_tifffile(read, as_stored=wanted.as_stored):
        return wanted.of_array(*read_tiff(read))
    try:
        opened = open_image(io.BytesIO(read))
    except UnidentifiedImageError as error:
        raise ValueError(error) from None  # TensorFlow's type for what it does not know
    with opened as image, room_for(image), tf.device("CPU:0"):
        if image.format == "PNG" and wanted.dtype != "uint8":
            return _wide_png(contents, wanted)
        if image.format in _BY_TENSORFLOW:
            return wanted.of_tensor(decode(contents))
        return wanted.of_array(_pixels_of(image, wanted))


def _pixels_of(image: ImageFile.ImageFile, wanted: Wanted) -> NDArray[Any]:
    """Load an image that Pillow decodes, with the colours that are wanted."""
    if image.mode in _DEEP:
        return np.asarray(image)
    mode = wanted.pillow_mode or _stored_mode(image)
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _stored_mode(image: Image.Image) -> str:
    if image.mode == "P":
        return "RGBA" if image.has_transparency_data else "RGB"
    return "L" if image.mode == "1" else image.mode


def _is_small_png(contents: tf.Tensor) -> tf.Tensor:
    start = tf.strings.join([tf.strings.substr(contents, 0, 26), bytes(26)])  # never too short
    (signature,) = PNG.signatures
    is_png = tf.strings.substr(start, 0, len(signature)) == signature
    return is_png & are_within(tf.strings.substr(start, 16, 8), ordinary_side())


def _wide_png(contents: tf.Tensor, wanted: Wanted) -> tf.Tensor:
    """Decode a PNG to more than 8 bits; as numbers, those of 8 bits are not scaled."""

    def decoded(dtype: tf.DType) -> tf.Tensor:
        image = tf.io.decode_png(contents, channels=wanted.of_decoder, dtype=dtype)
        return wanted.of_tensor(image)

    if wanted.dtype == "uint16":
        return decoded(tf.uint16)
    is_deep = tf.strings.substr(contents, _DEPTH_OF_PNG, 1) == b"\x10"
    return tf.cond(is_deep, lambda: decoded(tf.uint16), lambda: decoded(tf.uint8))
