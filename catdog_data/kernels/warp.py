"""The fused warp: rotation, shift, shear, zoom and flips of a whole batch in one resampling.

It equals `scipy.ndimage.affine_transform` on every channel, to the last bit of a double. Three
things make that possible:

* A coordinate is `(offset + m0*i) + m1*j` in double, rounded after each operation as SciPy rounds
  it. Both products come in as tables, so that the kernel adds once. Computed inside the kernel,
  XLA may evaluate it twice with different rounding, and the integer part and the fraction of one
  coordinate then disagree.
* SciPy blends `sum((value * row_weight) * column_weight)` tap by tap. XLA would contract the last
  product and the sum into a fused multiply-add, which rounds once less; `_rounded` prevents it.
* The border rules are SciPy's, including what it does within half a pixel of the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import tensorflow as tf

FillMode = Literal["nearest", "constant", "reflect", "wrap"]
FILL_MODES: tuple[FillMode, ...] = get_args(FillMode)


def warp(
    images: tf.Tensor,
    geometry: tf.Tensor,
    *,
    fill_mode: FillMode = "nearest",
    cval: float = 0.0,
    order: int = 1,
    compute_dtype: tf.DType = tf.float64,
) -> tf.Tensor:
    """Resample a batch of images by one affine matrix each, then mirror it.

    Args:
        images: uint8 or floating [B, H, W, C], every dimension known.
        geometry: float64[B, 8], see `catdog_data.augment.geometry_rows`.
        fill_mode: what lies outside of the image, as SciPy means it: "nearest" (the edge),
            "constant" (`cval`, without blending), "reflect" (d c b a | a b c d | d c b a) or
            "wrap" (SciPy's, whose period is one pixel short of the image).
        cval: the value outside for "constant".
        order: 0 takes the nearest pixel, 1 blends four.
        compute_dtype: float64 equals SciPy; float32 is faster on a GPU, and pixels whose
            coordinate is near a border or a half may then come from the neighbouring pixel.

    Returns:
        `compute_dtype`[B, H, W, C], in the range of the input (and `cval`).

    Example:
        The second image row is read from the first, and so on; the first shows the edge.

        >>> images = tf.reshape(tf.range(4, dtype=tf.float64), [1, 2, 2, 1])
        >>> row = [1, 0, -1, 0, 1, 0, 0, 0]  # row - 1, column
        >>> warp(images, tf.constant([row], tf.float64)).numpy()[0, :, :, 0]
        array([[0., 1.],
               [0., 1.]])
    """
    images = tf.convert_to_tensor(images)
    tables = coordinate_tables(tf.convert_to_tensor(geometry), tuple(images.shape[1:3]))
    return warp_by_tables(
        images,
        [tf.cast(table, compute_dtype) for table in tables],
        fill_mode=fill_mode,
        cval=cval,
        order=order,
    )


def coordinate_tables(geometry: tf.Tensor, image_size: tuple[int, int]) -> list[tf.Tensor]:
    """Spell out the two terms of every coordinate. Not to be compiled together with the warp.

    Args:
        geometry: float64[B, 8].
        image_size: (H, W) in pixels.

    Returns:
        Four tables: the input row for output row i, float64[B, H], and what column j adds to
        it, float64[B, W]; then the same two for the input column.

    Example:
        >>> unmoved = tf.constant([[1, 0, 0, 0, 1, 0, 0, 0]], tf.float64)
        >>> [table.numpy().tolist() for table in coordinate_tables(unmoved, (2, 3))]
        [[[0.0, 1.0]], [[0.0, 0.0, 0.0]], [[0.0, 0.0]], [[0.0, 1.0, 2.0]]]
    """
    height, width = image_size
    m00, m01, row_offset, m10, m11, column_offset, flip_columns, flip_rows = tf.unstack(
        geometry[:, :, tf.newaxis], axis=1
    )
    i = _positions(height, flip_rows)
    j = _positions(width, flip_columns)
    return [row_offset + m00 * i, m01 * j, column_offset + m10 * i, m11 * j]


def warp_by_tables(
    pixels: tf.Tensor,
    tables: Sequence[tf.Tensor],
    *,
    fill_mode: FillMode,
    cval: float,
    order: int,
) -> tf.Tensor:
    """Resample a batch by the tables of `coordinate_tables`, computing in their type.

    Args:
        pixels: [B, H, W, C] of any type; or int32[B, H, W], a pixel's three bytes in one word,
            red lowest, which is gathered in one load.
        tables: floating, as `coordinate_tables` returns them.
        fill_mode: see `warp`.
        cval: see `warp`.
        order: see `warp`.

    Returns:
        [B, H, W, C] in the type of the tables.
    """
    row, column = coordinates(tables)
    return resampled(
        _values_of(pixels, row.dtype),
        (row, column),
        (pixels.shape[1], pixels.shape[2]),
        fill_mode=fill_mode,
        cval=cval,
        order=order,
    )


def coordinates(tables: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Add the tables of `coordinate_tables`: the input row and column of each pixel, [B, H, W]."""
    row_of_i, row_of_j, column_of_i, column_of_j = tables
    row = row_of_i[:, :, tf.newaxis] + row_of_j[:, tf.newaxis, :]
    column = column_of_i[:, :, tf.newaxis] + column_of_j[:, tf.newaxis, :]
    return row, column


def resampled(
    values_at: Callable[[tf.Tensor], tf.Tensor],
    places: tuple[tf.Tensor, tf.Tensor],
    image_size: tuple[Size, Size],
    *,
    fill_mode: FillMode,
    cval: float,
    order: int,
) -> tf.Tensor:
    """Read images at any places, by the border rules and the blend of `warp`.

    Args:
        values_at: from the numbers of pixels, int32[...], to the values there, [..., C].
        places: the rows and the columns to read at, floating [...].
        image_size: (height, width) in pixels.
        fill_mode: see `warp`.
        cval: see `warp`.
        order: see `warp`.

    Returns:
        [..., C] in the type of the places.
    """
    (row, column), (height, width) = places, image_size
    result = _blend(
        values_at,
        _in_pixels(width),
        _taps(row, height, fill_mode, order),
        _taps(column, width, fill_mode, order),
    )
    if fill_mode == "constant":
        outside = _is_outside(row, height) | _is_outside(column, width)
        result = tf.where(outside[..., tf.newaxis], tf.constant(cval, result.dtype), result)
    return result


Size = Any
"""Pixels of an axis: a number where images are compiled by their size, or else a tensor of the type
of the coordinates."""

_Taps = list[tuple[tf.Tensor, tf.Tensor | None]]
"""Per tap along one axis: the pixel's index, int32[B, H, W], and its weight (None for one)."""


def _positions(size: int, flip: tf.Tensor) -> tf.Tensor:
    """Number the pixels of an axis, backwards where it is mirrored: float64[B, size]."""
    forward = tf.range(size, dtype=tf.float64)[tf.newaxis]
    return tf.where(flip > 0.5, (size - 1) - forward, forward)


def _in_pixels(size: Size) -> Any:
    return size if isinstance(size, int) else tf.cast(size, tf.int32)


def _is_outside(coordinate: tf.Tensor, size: Size) -> tf.Tensor:
    return (coordinate < 0) | (coordinate > size - 1)


def _taps(coordinate: tf.Tensor, size: Size, fill_mode: FillMode, order: int) -> _Taps:
    mapped = _map_border(coordinate, size, fill_mode)
    if order == 0:
        return [(_pixel(_whole(tf.floor(mapped + 0.5), size), size, fill_mode), None)]
    floor = tf.floor(mapped)
    # SciPy takes the last weight as the remainder of one, which is not always the fraction.
    weight = 1 - (mapped - floor)
    first, second = _neighbours(floor, size, fill_mode)
    return [(first, weight), (second, 1 - weight)]


def _neighbours(floor: tf.Tensor, size: Size, fill_mode: FillMode) -> tuple[tf.Tensor, tf.Tensor]:
    """Name the two pixels around a coordinate: int32[B, H, W] each."""
    if fill_mode == "reflect":
        first = _whole(floor, size)
        return _pixel(first, size, fill_mode), _pixel(first + 1, size, fill_mode)
    # As above, with fewer operations: this is a good part of the kernel's work.
    first = _whole(floor, size - 1)
    return tf.maximum(first, 0), tf.minimum(first + 1, _in_pixels(size) - 1)


def _map_border(coordinate: tf.Tensor, size: Size, fill_mode: FillMode) -> tf.Tensor:
    """Bring a coordinate from outside into the image by SciPy's `map_coordinate`."""
    if fill_mode in ("nearest", "constant"):
        return coordinate
    below, above = coordinate < 0, coordinate > size - 1
    if isinstance(size, int) and size == 1:
        return _in_single_pixel(coordinate, below | above)
    if fill_mode == "wrap":
        period = size - 1
        from_below = coordinate + period * (tf.floor(-coordinate / period) + 1)
        from_above = coordinate - period * tf.floor(coordinate / period)
    else:
        period = 2 * size
        near = tf.where(
            coordinate < -period, period * tf.floor(-coordinate / period) + coordinate, coordinate
        )
        tiny = tf.constant(1e-15, coordinate.dtype)
        mirrored = tf.where(near > -tiny, tiny, -near) - 1
        from_below = tf.where(near < -size, near + period, mirrored)
        folded = coordinate - period * tf.floor(coordinate / period)
        from_above = tf.where(folded >= size, period - folded - 1, folded)
    inside = tf.where(below, from_below, tf.where(above, from_above, coordinate))
    if isinstance(size, int):
        return inside
    return tf.where(size == 1, _in_single_pixel(coordinate, below | above), inside)


def _in_single_pixel(coordinate: tf.Tensor, outside: tf.Tensor) -> tf.Tensor:
    return tf.where(outside, tf.zeros_like(coordinate), coordinate)


def _whole(position: tf.Tensor, size: Size) -> tf.Tensor:
    """Convert whole positions to int32, those beyond the axis to just outside of it."""
    near = tf.clip_by_value(position, -1, size)
    if near.dtype != tf.float64:
        return tf.cast(near, tf.int32)
    # Adding 1.5 * 2**52 leaves the integer in the low bits, where a plain cast would have to
    # look out for overflow and NaN.
    return tf.cast(tf.bitcast(near + 6755399441055744.0, tf.int64), tf.int32)


def _pixel(position: tf.Tensor, size: Size, fill_mode: FillMode) -> tf.Tensor:
    """Turn an integer position in [-1, size + 1] into an index of the axis."""
    size = _in_pixels(size)
    if fill_mode == "reflect":
        position = tf.where(position < 0, -position - 1, position)
        position = tf.where(position >= size, 2 * size - 1 - position, position)
    return tf.clip_by_value(position, 0, size - 1)


def _values_of(pixels: tf.Tensor, dtype: tf.DType) -> Callable[[tf.Tensor], tf.Tensor]:
    """Make the function that takes pixel numbers int32[B, H, W] to the values there."""
    if pixels.shape.rank == 3:
        return lambda pixel: _gather_packed(pixels, pixel, dtype)
    return lambda pixel: _gather(pixels, pixel, dtype)


def _gather(images: tf.Tensor, pixel: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    batch, height, width, channels = images.shape
    pixels = tf.reshape(images, [batch, height * width, channels])
    values = tf.gather(pixels, tf.reshape(pixel, [batch, -1]), batch_dims=1)
    return tf.reshape(tf.cast(values, dtype), [*pixel.shape, channels])


def _gather_packed(words: tf.Tensor, pixel: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    batch, height, width = words.shape
    # The pixel number is repeated for each channel, not the gathered word: XLA fuses the former.
    repeated = tf.broadcast_to(pixel[..., tf.newaxis], [*pixel.shape, 3])
    gathered = tf.gather(
        tf.reshape(words, [batch, height * width]), tf.reshape(repeated, [batch, -1]), batch_dims=1
    )
    shifted = tf.bitwise.right_shift(tf.reshape(gathered, [*pixel.shape, 3]), tf.range(3) * 8)
    return tf.cast(tf.bitwise.bitwise_and(shifted, 255), dtype)


def _blend(
    values_at: Callable[[tf.Tensor], tf.Tensor], width: int, rows: _Taps, columns: _Taps
) -> tf.Tensor:
    terms = []
    for row, row_weight in rows:
        for column, column_weight in columns:
            term = values_at(row * width + column)
            if row_weight is not None and column_weight is not None:
                term = term * row_weight[..., tf.newaxis] * column_weight[..., tf.newaxis]
                term = _rounded(term)
            terms.append(term)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _rounded(product: tf.Tensor) -> tf.Tensor:
    """Round a product before it is added: an operation that changes nothing, unknown to XLA."""
    return tf.maximum(product, product.dtype.min)
