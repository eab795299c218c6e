"""The warp of single images of any size, by a kernel that is compiled for few lengths alone.

XLA compiles for every shape anew, and a set of photographs may have as many sizes as images. So
pixels come one behind the other, padded to one of few lengths, and height and width are values: a
pixel is read at its place, whatever the row is that it is in. The arithmetic is that of
`catdog_data.kernels.warp`, to the bit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from catdog_data.kernels.compiled import compiled
from catdog_data.kernels.warp import FillMode, coordinate_tables, coordinates, resampled

_SHORTEST = 2**12
"""Pixels; shorter images are padded to this."""
_LENGTHS_PER_OCTAVE = 2
"""A kernel is compiled for each, and up to half as many pixels as an image has are padding."""


def padded_length(pixels: tf.Tensor) -> tf.Tensor:
    """Choose the length that an image is padded to.

    Args:
        pixels: int32[], at least 1.

    Returns:
        int32[], of few values: two from a length to its double, without that.

    Example:
        >>> [int(padded_length(tf.constant(n))) for n in (1, 5000, 5121, 500_000)]
        [4096, 6144, 6144, 524288]
    """
    octave = tf.math.floor(tf.math.log(tf.cast(pixels, tf.float64)) / math.log(2))
    step = tf.cast(2.0**octave, tf.int32) // _LENGTHS_PER_OCTAVE
    step = tf.maximum(step, _SHORTEST // _LENGTHS_PER_OCTAVE)
    return tf.maximum(-(-pixels // step) * step, _SHORTEST)


def warp_any_size(
    image: tf.Tensor,
    geometry: tf.Tensor,
    *,
    fill_mode: FillMode,
    cval: float,
    order: int,
    finish: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """Resample one image by an affine matrix about its own size.

    Args:
        image: uint8[H, W, C], C known.
        geometry: float64[8], see `catdog_data.augment.geometry_rows`.
        fill_mode: see `catdog_data.kernels.warp.warp`.
        cval: as for `warp`.
        order: as for `warp`.
        finish: what is done to values as they are computed, value by value, compiled as well. One
            that is equal to another is compiled once.

    Returns:
        [H, W, C], what `finish` makes of float64.

    Example:
        >>> image = tf.reshape(tf.range(4), [2, 2, 1])
        >>> row = [1, 0, -1, 0, 1, 0, 0, 0]  # row - 1, column
        >>> warp_any_size(
        ...     tf.cast(image, tf.uint8),
        ...     tf.constant(row, tf.float64),
        ...     fill_mode="nearest",
        ...     cval=0,
        ...     order=1,
        ...     finish=tf.identity,
        ... ).numpy()[:, :, 0]
        array([[0., 1.],
               [0., 1.]])
    """
    shape = tf.shape(image)
    pixels = shape[0] * shape[1]
    length = padded_length(pixels)
    size = tf.cast(shape[:2], tf.float64)
    warped = _warped(fill_mode, cval, order, finish)(
        tf.pad(tf.reshape(image, [-1, image.shape[2]]), [[0, length - pixels], [0, 0]]),
        *_places(geometry, size, length),
        size,
    )
    return tf.reshape(warped[:pixels], shape)


def _places(geometry: tf.Tensor, size: tf.Tensor, length: tf.Tensor) -> list[tf.Tensor]:
    """Tell the input row and column of each pixel, then any: float64[length] each."""
    row_of_i, row_of_j, column_of_i, column_of_j = coordinate_tables(
        geometry[tf.newaxis], (size[0], size[1])
    )
    # More rows, cut off again, since padding what was added up would copy it.
    height, width = tf.size(row_of_i), tf.size(row_of_j)
    below = [[0, 0], [0, -(-length // width) - height]]
    tables = (tf.pad(row_of_i, below), row_of_j, tf.pad(column_of_i, below), column_of_j)
    return [tf.reshape(each, [-1])[:length] for each in coordinates(tables)]


@functools.lru_cache(maxsize=32)
def _warped(
    fill_mode: FillMode, cval: float, order: int, finish: Callable[[tf.Tensor], tf.Tensor]
) -> Callable[..., tf.Tensor]:
    """Make the kernel once for the same settings, from pixels, rows, columns and size."""

    def warp(pixels: tf.Tensor, row: tf.Tensor, column: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        values = resampled(
            _packed(pixels) if pixels.shape[1] == 3 else _separate(pixels),
            (row, column),
            (size[0], size[1]),
            fill_mode=fill_mode,
            cval=cval,
            order=order,
        )
        return finish(values)

    return compiled(warp)


def _separate(pixels: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda pixel: tf.cast(tf.gather(pixels, pixel), tf.float64)


def _packed(pixels: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """Gather the three bytes of a pixel in one load."""
    red, green, blue = tf.unstack(tf.cast(pixels, tf.int32), axis=1)
    words = red + green * 2**8 + blue * 2**16

    def values_at(pixel: tf.Tensor) -> tf.Tensor:
        # The number is repeated for each channel, not the gathered word: XLA fuses the former.
        repeated = tf.tile(pixel[:, tf.newaxis], [1, 3])
        gathered = tf.reshape(tf.gather(words, tf.reshape(repeated, [-1])), [-1, 3])
        shifted = tf.bitwise.right_shift(gathered, tf.range(3) * 8)
        return tf.cast(tf.bitwise.bitwise_and(shifted, 255), tf.float64)

    return values_at
