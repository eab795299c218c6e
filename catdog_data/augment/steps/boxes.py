"""Boxes in images: their drawn sides, and the pixels within them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from catdog_data.augment.steps.sides import sides_of


def drawn_sides(
    area: tf.Tensor, ratio: tf.Tensor, areas: tuple[float, float], ratios: tuple[float, float]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw height and width of a box; its ratio is uniform on a logarithmic scale.

    Args:
        area: float64[B] in [0, 1), drawn for the area.
        ratio: float64[B] in [0, 1), drawn for the ratio of width to height.
        areas: the range of areas, fractions of the image's.
        ratios: the range of ratios, relative to the image's.

    Returns:
        Height and width, float64[B] each, fractions of the image's, at most 1.
    """
    area = areas[0] + (areas[1] - areas[0]) * area
    logarithms = np.log(ratios)
    ratio = _exponential(logarithms[0] + (logarithms[1] - logarithms[0]) * ratio)
    return tf.minimum(tf.sqrt(area / ratio), 1), tf.minimum(tf.sqrt(area * ratio), 1)


def inside_boxes(images: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Tell which pixels lie within the box of their image.

    Args:
        images: [B, H, W, C].
        boxes: float64[B, 4], the first row and column, then the first behind the box.

    Returns:
        bool[B, H, W, 1].
    """
    height, width = sides_of(images)
    top, left, bottom, right = tf.unstack(tf.cast(boxes, tf.int32)[:, :, tf.newaxis], axis=1)
    row, column = tf.range(height)[tf.newaxis], tf.range(width)[tf.newaxis]
    rows = (row >= top) & (row < bottom)
    columns = (column >= left) & (column < right)
    return (rows[:, :, tf.newaxis] & columns[:, tf.newaxis, :])[..., tf.newaxis]


def _exponential(values: tf.Tensor) -> tf.Tensor:
    """Raise e to each of float64[B], to the same bits wherever it is in a batch of any size."""
    # TensorFlow rounds what does not fill a vector of up to eight otherwise: so eight of each.
    return tf.exp(tf.repeat(values[:, tf.newaxis], 8, axis=1))[:, 0]
