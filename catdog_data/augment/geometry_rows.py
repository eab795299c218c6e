"""From the parameters of a counter plan to the rows that the warp takes."""

from __future__ import annotations

import math

import tensorflow as tf


def geometry_of(
    transforms: tf.Tensor, image_size: tuple[int, int], crops: tf.Tensor | None = None
) -> tf.Tensor:
    """Turn drawn parameters into geometry rows.

    An output pixel, counted from the centre, is zoomed, sheared, shifted and turned; where it then
    lies, it is read. With a crop, the output is the part of that which the crop tells.

    Args:
        transforms: float64[B, K], as `catdog_data.augment.draws.transforms` makes them: degrees
            first, then shifts as fractions of height and width, shear in degrees, factors of
            rows and columns, two flips, and more that is not looked at.
        image_size: (height, width) in pixels.
        crops: float64[B, 4], as `catdog_data.augment.draws.crops` makes them; None for the whole.

    Returns:
        float64[B, 8], see `catdog_data.keras_compat.planning.affine.geometry_rows`.
    """
    theta, down, right, shear, rows, columns, horizontal, vertical = tf.unstack(
        transforms[:, :8], axis=1
    )
    height, width = image_size
    degree = math.pi / 180
    sine, cosine = tf.sin(theta * degree), tf.cos(theta * degree)
    slant, upright = tf.sin(shear * degree), tf.cos(shear * degree)
    m00, m01 = (cosine * upright - sine * slant) * rows, sine * columns
    m10, m11 = -(sine * upright + cosine * slant) * rows, cosine * columns
    moved_rows, moved_columns = down * height, right * width
    row, column = height / 2 - 0.5, width / 2 - 0.5
    row_offset = row + cosine * moved_rows + sine * moved_columns - m00 * row - m01 * column
    column_offset = column - sine * moved_rows + cosine * moved_columns - m10 * row - m11 * column
    if crops is not None:
        top, left, crop_height, crop_width = tf.unstack(crops, axis=1)
        # Pixel centres are at integers: half a pixel lies before the first.
        first_row = top * height + crop_height / 2 - 0.5
        first_column = left * width + crop_width / 2 - 0.5
        row_offset += m00 * first_row + m01 * first_column
        column_offset += m10 * first_row + m11 * first_column
        m00, m10 = m00 * crop_height, m10 * crop_height
        m01, m11 = m01 * crop_width, m11 * crop_width
    return tf.stack([m00, m01, row_offset, m10, m11, column_offset, horizontal, vertical], axis=1)
