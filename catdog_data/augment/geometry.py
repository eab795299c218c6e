"""From the parameters of a counter plan to the rows that the warp takes."""

from __future__ import annotations

import math

import tensorflow as tf


def geometry_of(parameters: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Turn drawn parameters into geometry rows.

    An output pixel, counted from the centre, is zoomed, sheared, shifted and turned; where it then
    lies, it is read.

    Args:
        parameters: float64[B, K], as `catdog_data.counter_plan.parameters` makes them: degrees
            first, then shifts as fractions of height and width, shear in degrees, factors of
            rows and columns, two flips, and more that is not looked at.
        image_size: (height, width) in pixels.

    Returns:
        float64[B, 8], see `catdog_data.augment.affine.geometry_rows`.
    """
    theta, down, right, shear, rows, columns, horizontal, vertical = tf.unstack(
        parameters[:, :8], axis=1
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
    return tf.stack([m00, m01, row_offset, m10, m11, column_offset, horizontal, vertical], axis=1)
