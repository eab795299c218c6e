"""The fused warp in integer arithmetic: for a GPU or TPU, within any program that is compiled.

The border rules are discontinuous, so a coordinate that is off by a rounding error takes a pixel
from the other end of the image; and XLA evaluates a floating coordinate again in every fusion,
each time rounded in its own way. Integers have one sum, wherever it is computed. So the host
rounds both terms of a coordinate, in double, to fixed point; the device adds them.

A number is two int32, whole pixels and a fraction of `FRACTION_BITS` bits, since not every
backend has int64 (JAX without x64 has none, a TPU emulates it by such a pair). Two fractions of
30 bits add without overflow, and what is above the 30th bit is the carry. A coordinate is then
within 2**-30 (1e-9) of the double one for images of any size. All of it that 32 bits could hold
at once is 20 bits for images to 1024 pixels, and an edge from 0 to 255 would be off by 5e-4.

In blending, order 1 is within 1e-4 of 255 of the host's warp (float32 has 24 bits), and order 0
equals it, but where a coordinate is within 1e-9 of the image's border ("constant", "wrap") or of
a half (order 0): there the host's rounding error may decide otherwise.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import ops

from catdog_data.kernels.warp import FillMode, coordinate_tables

FRACTION_BITS = 30
"""Bits of a coordinate's fraction."""

LARGEST_SIZE = 2**14
"""Pixels that an axis may have: the common period of the border rules has to fit in 2**29."""

Tensor = Any
"""A tensor of the backend that Keras runs on."""

_ONE = 2**FRACTION_BITS
_FAR = 2.0**28


def fixed_point_tables(geometry: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Spell out the terms of every coordinate in fixed point. For the host, in TensorFlow.

    A term beyond 2**28 pixels is brought near by a multiple of every border rule's period, which
    keeps its side of the image. That is exact; only where both terms of one sum are so far away,
    in opposite directions, which takes a matrix entry above 8192, may "nearest" and "constant"
    take the wrong side.

    Args:
        geometry: float64[B, 8], see `catdog_data.augment.geometry_rows`.
        image_size: (H, W) in pixels, of 1 to `LARGEST_SIZE` each.

    Returns:
        int32[B, 2, 2, H + W]: for the input row, then the input column; the whole pixels, then
        the fraction in units of 2**-30; of the term of output rows 0 to H - 1, then of the term
        of output columns 0 to W - 1.

    Raises:
        ValueError: an image is empty or too large.
    """
    if not all(1 <= size <= LARGEST_SIZE for size in image_size):
        raise ValueError(
            f"image_size must be two sizes of 1 to {LARGEST_SIZE} pixels, got {image_size}: "
            "resize before the warp."
        )
    row_of_i, row_of_j, column_of_i, column_of_j = coordinate_tables(geometry, image_size)
    axes = [
        _fixed_point(tf.concat(terms, axis=1), size)
        for terms, size in zip(
            [(row_of_i, row_of_j), (column_of_i, column_of_j)], image_size, strict=True
        )
    ]
    return tf.stack(axes, axis=1)


def warp_fixed_point(
    images: Tensor,
    tables: Tensor,
    *,
    fill_mode: FillMode = "nearest",
    cval: float = 0.0,
    order: int = 1,
    compute_dtype: str = "float32",
) -> Tensor:
    """Resample a batch of images by the tables of `fixed_point_tables`, on any Keras backend.

    To be compiled: operation by operation it is several times slower, and TensorFlow adds int32
    on the CPU even where there is a GPU.

    Args:
        images: uint8 or floating [B, H, W, C]; B need not be known.
        tables: int32[B, 2, 2, H + W].
        fill_mode: see `catdog_data.kernels.warp.warp`.
        cval: as for `warp`.
        order: as for `warp`.
        compute_dtype: floating type that pixels are blended in.

    Returns:
        `compute_dtype`[B, H, W, C], in the range of the input (and `cval`).
    """
    height, width = images.shape[1:3]
    row = _Axis(tables[:, 0], height, height)
    column = _Axis(tables[:, 1], height, width)
    result = _blend(images, row, column, fill_mode, order, compute_dtype)
    if fill_mode == "constant":
        outside = row.is_outside() | column.is_outside()
        result = ops.where(outside[..., None], ops.cast(cval, compute_dtype), result)
    return result


class _Axis:
    """Coordinates along one axis: whole pixels and fraction, int32[B, H, W] each."""

    def __init__(self, terms: Tensor, height: int, size: int) -> None:
        """Add the terms.

        Args:
            terms: int32[B, 2, H + W], one axis of the tables.
            height: H.
            size: pixels of the axis.
        """
        total = terms[:, :, :height, None] + terms[:, :, None, height:]
        self.size = size
        self.whole = total[:, 0] + ops.right_shift(total[:, 1], FRACTION_BITS)
        self.fraction = ops.bitwise_and(total[:, 1], _ONE - 1)

    def is_outside(self) -> Tensor:
        """Tell which coordinates are beyond the centres of the outermost pixels."""
        last = self.size - 1
        above = (self.whole > last) | ((self.whole == last) & (self.fraction > 0))
        return (self.whole < 0) | above

    def nearest(self, fill_mode: FillMode) -> Tensor:
        """Name the nearest pixel: int32[B, H, W]. SciPy rounds a half up after mirroring."""
        half = _ONE // 2
        if fill_mode != "reflect":
            whole = self._wrapped() if fill_mode == "wrap" else self.whole
            return self._clipped(whole + ops.cast(self.fraction >= half, "int32"))
        position = ops.mod(self.whole, 2 * self.size)
        # In the mirrored half of the period, up is down.
        up = (self.fraction > half) | ((self.fraction == half) & (position < self.size))
        return ops.where(up, self._mirrored(position + 1), self._mirrored(position))

    def neighbours(self, fill_mode: FillMode) -> tuple[Tensor, Tensor]:
        """Name the pixels before and after: int32[B, H, W] each."""
        if fill_mode == "reflect":
            position = ops.mod(self.whole, 2 * self.size)
            return self._mirrored(position), self._mirrored(position + 1)
        whole = self._wrapped() if fill_mode == "wrap" else self.whole
        return self._clipped(whole), self._clipped(whole + 1)

    def weight(self, dtype: str) -> Tensor:
        """Give the weight of the pixel after: `dtype`[B, H, W, 1] in [0, 1]."""
        return ops.cast(self.fraction, dtype)[..., None] * (1 / _ONE)

    def _clipped(self, whole: Tensor) -> Tensor:
        return ops.minimum(ops.maximum(whole, 0), self.size - 1)

    def _mirrored(self, position: Tensor) -> Tensor:
        """Bring places in [0, 2 * size] into the axis."""
        mirrored = ops.maximum(2 * self.size - 1 - position, 0)
        return ops.where(position < self.size, position, mirrored)

    def _wrapped(self) -> Tensor:
        """Bring whole pixels into the axis by a period that is one short of it."""
        if self.size == 1:
            return ops.zeros_like(self.whole)
        period = self.size - 1
        position = ops.mod(self.whole, period)
        # SciPy takes a multiple of the period to the last pixel from below, to the first from
        # above, and leaves the last pixel itself alone.
        stays_last = (self.whole < 0) | (self.whole == period)
        at_last = (position == 0) & (self.fraction == 0) & stays_last
        return ops.where(at_last, period, position)


def _fixed_point(terms: tf.Tensor, size: int) -> tf.Tensor:
    """Round float64[B, N] to whole pixels and fractions, the latter in [0, 1): int32[B, 2, N]."""
    near = _brought_near(terms, size)
    floor = tf.floor(near)
    fraction = tf.cast(tf.round((near - floor) * _ONE), tf.int32)
    carry = tf.bitwise.right_shift(fraction, FRACTION_BITS)
    whole = tf.cast(floor, tf.int32) + carry
    return tf.stack([whole, tf.bitwise.bitwise_and(fraction, _ONE - 1)], axis=1)


def _brought_near(terms: tf.Tensor, size: int) -> tf.Tensor:
    """Bring float64 terms within 2**28 + 2**29 of zero, so that two add up in 32 bits."""
    # A multiple of both the periods of "reflect" and of "wrap".
    period = float(2 * size * max(size - 1, 1))
    distance = tf.abs(terms)
    near = tf.sign(terms) * (_FAR + tf.math.floormod(distance - _FAR, period))
    return tf.where(distance > _FAR, near, terms)


def _blend(
    images: Tensor, row: _Axis, column: _Axis, fill_mode: FillMode, order: int, dtype: str
) -> Tensor:
    def at(row_place: Tensor, column_place: Tensor) -> Tensor:
        return ops.cast(_gather(images, row_place * column.size + column_place), dtype)

    if order == 0:
        return at(row.nearest(fill_mode), column.nearest(fill_mode))
    left, right = column.neighbours(fill_mode)
    across = column.weight(dtype)
    # Differences of 8-bit values are exact, and the result never leaves the range of the four.
    above, below = (
        _between(at(pixel, left), at(pixel, right), across) for pixel in row.neighbours(fill_mode)
    )
    return _between(above, below, row.weight(dtype))


def _between(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    return first + weight * (second - first)


def _gather(images: Tensor, pixel: Tensor) -> Tensor:
    """Take flat places int32[B, H, W] of their own images: [B, H, W, C]."""
    height, width, channels = images.shape[1:]
    first = ops.arange(ops.shape(images)[0], dtype="int32") * (height * width)
    pixels = ops.reshape(images, (-1, channels))
    return ops.take(pixels, pixel + first[:, None, None], axis=0)
