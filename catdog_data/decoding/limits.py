"""How many pixels an image may have, and how much memory the images being decoded may take.

Both are known from a file's header, before memory is taken. What is too large is refused by
Pillow's own rule, `PIL.Image.MAX_IMAGE_PIXELS`. What is large is decoded in a call of Python, when
there is room for it beside the others; what is not, which is most of all images, asks nobody.
"""

from __future__ import annotations

import functools
import io
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from PIL import Image, UnidentifiedImageError
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile

from catdog_data.decoding.gif_frames import areas_of_frames
from catdog_data.decoding.open_image import open_image
from catdog_data.system.machine import available_cores, available_memory

_LARGE_SIDE = 4096
"""Pixels of a side; images with a longer one may be large."""
_BYTES_PER_PIXEL = 4
"""Pillow's, of colours; TensorFlow takes 3."""
_PER_CORE = 128 << 20
"""Bytes that the large images of each core may take: 32 million pixels, a good camera's."""
_LEAST = 512 << 20
_MOST_BESIDE_OTHERS = 256 << 20
"""Bytes; an image that takes more is decoded when no other large one is."""
_MOST_BYTES_PER_PIXEL = 6


def most_pixels() -> int | None:
    """Tell how many pixels an image may have: twice `PIL.Image.MAX_IMAGE_PIXELS`, as in Pillow.

    Returns:
        178,956,970 unless it was changed; None for no limit.

    Example:
        >>> most_pixels()
        178956970
    """
    return None if Image.MAX_IMAGE_PIXELS is None else 2 * Image.MAX_IMAGE_PIXELS


def most_bytes_in_scans(most: int) -> int:
    """Tell what a JPEG in several scans may take while it is decoded, in bytes: 1 GiB.

    The values of all scans are kept until the last: with those of full colour, a pixel takes 10.

    Args:
        most: of `most_pixels`.

    Example:
        >>> most_bytes_in_scans(178_956_970)
        1073741820
    """
    return most * _MOST_BYTES_PER_PIXEL


def ordinary_side() -> int:
    """Tell how long the sides of an image may be that needs no closer look.

    Example:
        >>> ordinary_side()
        4096
    """
    most = most_pixels()
    return _LARGE_SIDE if most is None else min(_LARGE_SIDE, math.isqrt(most))


def is_large(image: Image.Image) -> bool:
    """Tell whether an image takes so much memory that it waits for its turn.

    Example:
        >>> is_large(Image.new("L", (4096, 4096))), is_large(Image.new("L", (5000, 4000)))
        (False, True)
    """
    return _pixels(image) > _LARGE_SIDE**2


@contextmanager
def room_for(image: Image.Image) -> Iterator[None]:
    """Wait until there is memory for decoding an image, and hold on to it within the block.

    Args:
        image: opened and not loaded.

    Raises:
        PIL.Image.DecompressionBombError: all frames of an animation have too many pixels, or those
            of a progressive JPEG take too much memory.

    Example:
        >>> with room_for(Image.new("L", (4, 3))):
        ...     pass  # load it here
    """
    pixels, most = _pixels(image), most_pixels()
    if most is not None and pixels > most:
        raise Image.DecompressionBombError(
            f"Image size ({pixels} pixels in all frames) exceeds limit of {most} pixels"
        )
    if pixels <= _LARGE_SIDE**2:
        yield
        return
    in_scans = 2 * _values_in_scans(image)
    size = pixels * _BYTES_PER_PIXEL + in_scans
    if in_scans and most is not None and size > most_bytes_in_scans(most):
        raise Image.DecompressionBombError(
            f"A progressive JPEG of {pixels} pixels takes {size} bytes, more than the limit of "
            f"{most_bytes_in_scans(most)}; `jpegtran in.jpg > out.jpg` makes it baseline "
            "without loss"
        )
    with _ROOM.taken(size):
        yield


@contextmanager
def room_for_array(shape: tuple[int, ...], itemsize: int) -> Iterator[None]:
    """Do as `room_for` for an array: one that takes more than colours of that many pixels would.

    Args:
        shape: (H, W) or more axes.
        itemsize: bytes of a value.

    Raises:
        PIL.Image.DecompressionBombError: it takes more than 4 bytes for each of `most_pixels`, or
            has more pixels.

    Example:
        >>> with room_for_array((4, 3, 12), itemsize=4):
        ...     pass  # read it here
    """
    pixels, most = shape[0] * shape[1], most_pixels()
    size = max(math.prod(shape) * itemsize, pixels * _BYTES_PER_PIXEL)
    if most is not None and size > most * _BYTES_PER_PIXEL:
        raise Image.DecompressionBombError(
            f"Array size {shape} of {itemsize} bytes a value exceeds limit of {most} pixels of "
            f"{_BYTES_PER_PIXEL} bytes"
        )
    if size <= _LARGE_SIDE**2 * _BYTES_PER_PIXEL:
        yield
        return
    with _ROOM.taken(size):
        yield


def decoded_in_turn(
    contents: tf.Tensor,
    decode: Callable[[tf.Tensor], tf.Tensor],
    channels: int | None,
    dtype: str = "uint8",
    alone: Callable[[tf.Tensor], Any] | None = None,
) -> tf.Tensor:
    """Decode the bytes of an image: at once, or, if it is large, when there is room for it.

    Args:
        contents: string[].
        decode: from the bytes to `dtype`[H, W, channels].
        channels: how many there are; None where that is not known.
        dtype: type of the values.
        alone: what a call of Python does with all but the JPEG files that are not large; None for
            `decode` with the room that Pillow's reading of the header tells.

    Returns:
        What `decode` returns.

    Raises:
        tf.errors.OpError: the image is too large, Pillow does not know one that may be, or `decode`
            raises.

    Example:
        >>> png = tf.io.encode_png(tf.zeros([2, 3, 3], tf.uint8))
        >>> decoded_in_turn(png, lambda contents: tf.io.decode_png(contents, 3), 3).shape
        TensorShape([2, 3, 3])
    """

    def in_python() -> tf.Tensor:
        decode_alone = alone or functools.partial(_decoded_with_room, decode)
        # Unlike `numpy_function`, which copies the image and keeps it until it is called again.
        return tf.py_function(decode_alone, [contents], dtype)

    image = tf.cond(_is_ordinary(contents), lambda: decode(contents), in_python)
    return tf.ensure_shape(image, [None, None, channels])


def are_within(sides: tf.Tensor, most: int, *, little_endian: bool = False) -> tf.Tensor:
    """Tell whether both sides of images, as their headers have them, are short.

    Args:
        sides: string[...], 8 bytes, two numbers; a BMP from top to bottom has a negative height.
        most: pixels that a side may have.
        little_endian: which byte of a number is first.

    Returns:
        bool[...].

    Example:
        >>> are_within(tf.constant([bytes([0, 0, 0, 9, 0, 0, 0, 7])]), 8).numpy()
        array([False])
    """
    numbers = tf.io.decode_raw(sides, tf.int32, little_endian=little_endian)
    return tf.reduce_all((numbers >= -most) & (numbers <= most), axis=-1)


def _decoded_with_room(decode: Callable[[tf.Tensor], tf.Tensor], contents: tf.Tensor) -> tf.Tensor:
    try:
        opened = open_image(io.BytesIO(contents.numpy()))
    except UnidentifiedImageError as error:
        raise ValueError(error) from None  # TensorFlow's type for what it does not know
    with opened as image, room_for(image), tf.device("CPU:0"):
        return decode(contents)


def _is_ordinary(contents: tf.Tensor) -> tf.Tensor:
    """Tell whether the bytes, string[], are an image that is not large, as far as is known."""
    side = ordinary_side()
    # All other formats are looked at in Python: every operation here has a cost for each JPEG.
    return tf.cond(
        tf.strings.substr(contents, 0, 3) == b"\xff\xd8\xff",
        lambda: tf.reduce_all(tf.io.extract_jpeg_shape(contents) <= [side, side, 4]),
        lambda: tf.constant(False),
    )


def _pixels(image: Image.Image) -> int:
    """Count the pixels of all frames: each takes its own and those of the whole."""
    whole = image.width * image.height
    if not isinstance(image, GifImageFile) or image.fp is None:
        return whole
    position = image.fp.tell()
    image.fp.seek(0)
    frames = sum(max(whole, area) for area in areas_of_frames(image.fp))
    image.fp.seek(position)
    return max(whole, frames)


def _values_in_scans(image: Image.Image) -> int:
    """Count the values that libjpeg keeps of a JPEG in several scans: 2 bytes each."""
    if not isinstance(image, JpegImageFile) or _is_in_one_scan(image):
        return 0
    factors = [(across, down) for _, across, down, _ in image.layer]
    most_across, most_down = (max(each) or 1 for each in zip(*factors, strict=True))
    return sum(
        math.ceil(image.width * across / most_across) * math.ceil(image.height * down / most_down)
        for across, down in factors
    )


def _is_in_one_scan(jpeg: JpegImageFile) -> bool:
    """Tell whether the first scan of a JPEG, opened and not loaded, is the whole of it."""
    if "progressive" in jpeg.info or jpeg.fp is None:
        return False
    # Pillow stops behind the header of the first scan, which counts its components.
    components = len(jpeg.layer)
    size = 8 + 2 * components
    if jpeg.fp.tell() < size:  # of several images in one file, which it begins again
        return False
    jpeg.fp.seek(-size, io.SEEK_CUR)
    header = jpeg.fp.read(size)
    return header[:2] == b"\xff\xda" and header[4] == components


class _Room:
    """Bytes that several threads take and give back; who wants more than there are waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = 0

    @functools.cached_property
    def _size(self) -> int:
        return min(max(_LEAST, _PER_CORE * available_cores()), available_memory() // 8)

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Hold so many bytes within the block; at most what there are, so that all come to turn."""
        size = self._size if size > _MOST_BESIDE_OTHERS else min(size, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + size <= self._size)
            self._taken += size
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()


_ROOM = _Room()
"""Of this process: data sets that are read at once, as for training and validation, share it."""
