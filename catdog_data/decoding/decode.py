"""Image files to pixels, equal to Pillow's."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from catdog_data.decoding.limits import are_within, is_large, ordinary_side, room_for
from catdog_data.decoding.load_image import resized, strips
from catdog_data.decoding.npy import read_npy
from catdog_data.decoding.open_image import open_image
from catdog_data.decoding.unreadable import UnfitImage, naming
from catdog_data.sources.formats import JPEG, NPY, PNG, ImageFormat

_SMALL_SIDE = 1024
"""Pixels of a side; images with a longer one are decoded alone, so that several take little memory.
"""


def read_rgb(path: tf.Tensor, image_size: tuple[int, int] | None = None) -> tf.Tensor:
    """Read and decode one image file, to the pixels of `keras.utils.load_img(path)`.

    Whole JPEG files of one or three components are decoded by TensorFlow, whose accurate DCT
    equals Pillow's to the bit. All else (PNG, TIFF, CMYK, files cut short or wrongly named, …)
    goes through Pillow, one Python call per such file, at about twice the cost.

    Args:
        path: string[], the file.
        image_size: (height, width) in pixels of what Pillow's `NEAREST` is to make of it, or None.
            A large image is returned in that size, to take less memory: its nearest pixels are
            itself.

    Returns:
        uint8[H, W, 3].

    Raises:
        tf.errors.OpError: the file cannot be read; see `unreadable.naming` for its name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Image.new("L", (60, 40)).save(f"{root}/1.png")
        ...     read_rgb(tf.constant(f"{root}/1.png")).shape
        TensorShape([40, 60, 3])
    """
    contents = tf.io.read_file(path)
    return tf.cond(
        _is_plain_jpeg(contents),
        lambda: _decode_plain_jpeg(contents),
        lambda: _decode_with_pillow(path, contents, image_size),
    )


def read_plain_jpegs(paths: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Read and decode several small JPEG files by TensorFlow, if `read_rgb` does so with each.

    Args:
        paths: string[K], the files.

    Returns:
        K images, uint8[H, W, 3], and bool[], whether all files are such, of sides of 1024 pixels or
        less; images of others are any.

    Raises:
        tf.errors.OpError: as of `read_rgb`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Image.new("L", (60, 40)).save(f"{root}/1.jpg")
        ...     (image,), plain = read_plain_jpegs(tf.constant([f"{root}/1.jpg"]))
        >>> image.shape, plain.numpy()
        (TensorShape([40, 60, 3]), np.True_)
    """
    # Others are exchanged for a JPEG: branches would take as long as the rest beside decoding.
    jpeg, side = _one_black_pixel(), min(_SMALL_SIDE, ordinary_side())
    contents = tf.stack([tf.io.read_file(path) for path in tf.unstack(paths)])
    plain = _is_whole(contents, JPEG)
    contents = tf.where(plain, contents, jpeg)
    plain &= _are_jpegs_within(contents, side)
    contents = tf.where(plain, contents, jpeg)
    return [_decode_plain_jpeg(each) for each in tf.unstack(contents)], tf.reduce_all(plain)


def read_several_with(
    paths: tf.Tensor, decode: Callable[[tf.Tensor], tf.Tensor]
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Read and decode several files by TensorFlow, if their headers say that all are small.

    Args:
        paths: string[K], the files.
        decode: from the bytes of one, string[], to uint8[H, W, C].

    Returns:
        K images, and bool[], whether all files are JPEGs, PNGs or BMPs of sides of 1024 pixels or
        less; images of others are any.

    Raises:
        tf.errors.OpError: a file cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Image.new("RGB", (60, 40)).save(f"{root}/1.png")
        ...     (image,), small = read_several_with(
        ...         tf.constant([f"{root}/1.png"]), lambda each: decode_as_keras_dataset(each, 3)
        ...     )
        >>> image.shape, small.numpy()
        (TensorShape([40, 60, 3]), np.True_)
    """
    jpeg, side = _one_black_pixel(), min(_SMALL_SIDE, ordinary_side())
    contents = tf.stack([tf.io.read_file(path) for path in tf.unstack(paths)])
    start = tf.strings.join([tf.strings.substr(contents, 0, 26), bytes(26)])  # never too short
    is_jpeg = tf.strings.substr(start, 0, len(JPEG.signatures[0])) == JPEG.signatures[0]
    is_png = tf.strings.substr(start, 0, len(PNG.signatures[0])) == PNG.signatures[0]
    is_bmp = tf.strings.substr(start, 0, 2) == b"BM"
    within = _are_jpegs_within(tf.where(is_jpeg, contents, jpeg), side)
    small = (
        (is_jpeg & within)
        | (is_png & are_within(tf.strings.substr(start, 16, 8), side))
        | (is_bmp & are_within(tf.strings.substr(start, 18, 8), side, little_endian=True))
    )
    contents = tf.where(small, contents, jpeg)
    return [decode(each) for each in tf.unstack(contents)], tf.reduce_all(small)


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
        tf.errors.OpError: see `read_with`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Image.new("RGB", (60, 40)).save(f"{root}/1.png")
        ...     read_as_keras_dataset(tf.constant(f"{root}/1.png"), channels=1).shape
        TensorShape([40, 60, 1])
    """
    return read_with(path, lambda contents: decode_as_keras_dataset(contents, channels), channels)


def read_with(
    path: tf.Tensor, decode: Callable[[tf.Tensor], tf.Tensor], channels: int
) -> tf.Tensor:
    """Read one image file and decode it.

    Args:
        path: string[], the file.
        decode: from its bytes, string[], to [H, W, channels].
        channels: how many there are.

    Returns:
        What `decode` returns.

    Raises:
        tf.errors.OpError: the file cannot be read; the message does not name it, see
            `unreadable.naming`.
    """
    return tf.ensure_shape(decode(tf.io.read_file(path)), [None, None, channels])


def read_mask(path: tf.Tensor) -> tf.Tensor:
    """Read and decode one file of class numbers: the values as they are stored.

    PNG files of 8 bits without colours go through TensorFlow; all else through Pillow or, of
    arrays, NumPy, one Python call each. A palette image gives the numbers in it and not their
    colours.

    Args:
        path: string[], the file.

    Returns:
        uint8[H, W, 1].

    Raises:
        tf.errors.OpError: the file cannot be read, has several channels or values above 255; see
            `unreadable.naming` for its name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8)).save(f"{root}/1.png")
        ...     read_mask(tf.constant(f"{root}/1.png"))[..., 0].numpy().tolist()
        [[0, 1], [2, 255]]
    """
    contents = tf.io.read_file(path)
    depth_and_colour = tf.strings.substr(contents, tf.minimum(tf.strings.length(contents), 24), 2)
    plain = _is_whole(contents, PNG) & (depth_and_colour == b"\x08\x00")
    plain = tf.cond(
        plain,
        lambda: are_within(tf.strings.substr(contents, 16, 8), ordinary_side()),
        lambda: plain,
    )
    mask = tf.cond(
        plain,
        lambda: tf.io.decode_png(contents, channels=1),
        lambda: tf.numpy_function(_mask_with_pillow, [path, contents], tf.uint8, stateful=False),
    )
    return tf.ensure_shape(mask, [None, None, 1])


def decode_as_keras_dataset(contents: tf.Tensor, channels: int) -> tf.Tensor:
    """Decode the bytes of one image file, as `read_as_keras_dataset` does.

    Args:
        contents: string[].
        channels: 1, 3 or 4; 0 for those that are stored.

    Returns:
        uint8[H, W, channels].

    Example:
        >>> png = tf.io.encode_png(tf.zeros([2, 3, 3], tf.uint8))
        >>> decode_as_keras_dataset(png, channels=3).shape
        TensorShape([2, 3, 3])
    """
    image = tf.io.decode_image(contents, channels=channels, expand_animations=False)
    return tf.ensure_shape(image, [None, None, channels or None])


def read_rgb_with_pillow(
    path: str | bytes, contents: bytes, image_size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Decode one image file through Pillow.

    Args:
        path: the file's name, for messages.
        contents: its bytes.
        image_size: see `read_rgb`.

    Returns:
        uint8[H, W, 3].

    Raises:
        OSError: Pillow cannot read it; the message names the file. It is a
            `PIL.UnidentifiedImageError` where Pillow knows no such format.
        PIL.Image.DecompressionBombError: the image is absurdly large; named likewise.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (60, 40)).save(file, "BMP")
        >>> read_rgb_with_pillow("cats/1.bmp", file.getvalue()).shape
        (40, 60, 3)
    """
    with naming(path, contents), open_image(io.BytesIO(contents)) as image, room_for(image):
        if image_size is None or not is_large(image):
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
        return np.asarray(resized(image, "RGB", image_size[::-1], Image.Resampling.NEAREST))


def _is_plain_jpeg(contents: tf.Tensor) -> tf.Tensor:
    """Tell whether the bytes are a whole JPEG that TensorFlow decodes as Pillow does."""
    whole = _is_whole(contents, JPEG)
    return tf.cond(whole, lambda: _is_within(contents, ordinary_side()), lambda: tf.constant(False))


def _is_within(jpeg: tf.Tensor, side: int) -> tf.Tensor:
    """Tell whether a JPEG is no longer than a side, in pixels, nor of CMYK's four components.

    Pillow converts those differently; and a large image waits for its turn.
    """
    return tf.reduce_all(tf.io.extract_jpeg_shape(jpeg) <= [side, side, 3])


def _are_jpegs_within(jpegs: tf.Tensor, side: int) -> tf.Tensor:
    """Do the same with several, string[K]."""
    sizes = tf.stack([tf.io.extract_jpeg_shape(each) for each in tf.unstack(jpegs)])
    return tf.reduce_all(sizes <= [side, side, 3], axis=1)


@functools.cache
def _one_black_pixel() -> bytes:
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "JPEG")
    return file.getvalue()


def _decode_plain_jpeg(contents: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE")


def _is_whole(contents: tf.Tensor, expected: ImageFormat) -> tf.Tensor:
    """Tell whether bytes, string[...], begin and end as files of a format of one signature do."""
    (start,), end = expected.signatures, expected.trailer
    before_end = tf.maximum(tf.strings.length(contents) - len(end), 0)
    last = tf.strings.substr(contents, before_end, tf.fill(before_end.shape, len(end)))
    return (tf.strings.substr(contents, 0, len(start)) == start) & (last == end)


def _mask_with_pillow(*given: bytes) -> NDArray[np.uint8]:
    path, contents = _as_bytes(*given)
    with naming(path, contents, "a mask"):
        found, mask = _class_numbers(contents)
    if mask is None:
        raise ValueError(
            f"{os.fsdecode(path)!r} must be a mask of one channel with values from 0 to 255; it "
            f"has {found}. Save class numbers as 8-bit grayscale or as a palette."
        )
    return mask[..., np.newaxis]


def _class_numbers(contents: bytes) -> tuple[str, NDArray[np.uint8] | None]:
    """Read class numbers as they are stored: what is there, and uint8[H, W] if it is such."""
    if NPY.begins(contents):
        values = read_npy(contents)
        if values.dtype.kind == "f":
            raise UnfitImage(
                f"must be a mask of whole numbers; it holds {values.dtype}. Save it as uint8."
            )
        values = values[..., 0] if values.shape[2:] == (1,) else values
        if values.ndim != 2:
            return f"{values.shape[2]} channels", None
        return _as_class_numbers([values], values.shape)
    with open_image(io.BytesIO(contents)) as image, room_for(image):
        if len(image.getbands()) != 1:  # before anything is decoded
            return f"{len(image.getbands())} channels", None
        # Arrays of wider values would take several times the memory of the image.
        parts = (np.asarray(strip) for _, strip in strips(image))
        return _as_class_numbers(parts, (image.height, image.width))


def _as_class_numbers(
    parts: Iterable[NDArray[Any]], shape: tuple[int, ...]
) -> tuple[str, NDArray[np.uint8] | None]:
    """Put rows together, and tell the range of their values; None where it is too wide."""
    mask, top = np.empty(shape, np.uint8), 0
    extremes: list[Any] = []
    for rows in parts:
        extremes += [rows.min(), rows.max()]
        mask[top : top + len(rows)] = rows
        top += len(rows)
    least, most = min(extremes), max(extremes)
    return f"values from {least} to {most}", mask if least >= 0 and most <= 255 else None


def _decode_with_pillow(
    path: tf.Tensor, contents: tf.Tensor, image_size: tuple[int, int] | None
) -> tf.Tensor:
    image = tf.numpy_function(
        functools.partial(_rgb_with_pillow, image_size),
        [path, contents],
        tf.uint8,
        stateful=False,
    )
    return tf.ensure_shape(image, [None, None, 3])


def _rgb_with_pillow(image_size: tuple[int, int] | None, *given: bytes) -> NDArray[np.uint8]:
    path, contents = _as_bytes(*given)
    return read_rgb_with_pillow(path, contents, image_size)


def _as_bytes(*given: Any) -> list[bytes]:
    """Take strings out of the arrays that a call of Python is given outside of a graph."""
    return [np.asarray(each, object).item() for each in given]
