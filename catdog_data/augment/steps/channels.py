"""What steps share about channels: values for each image, alpha, and the grey of a pixel."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the grey of a pixel (ITU-R BT.601)."""


def per_image(values: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Bring one value for each image to a shape that fits a batch of images.

    Args:
        values: [B].
        dtype: the type of the result.

    Returns:
        [B, 1, 1, 1].
    """
    return tf.reshape(tf.cast(values, dtype), [-1, 1, 1, 1])


def on_colours(change: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Change all channels but alpha, which is the last of four.

    Args:
        change: from [..., C] to the same shape and type.
        images: [..., C].

    Returns:
        As `images`.
    """
    if images.shape[-1] != 4:
        return change(images)
    return tf.concat([change(images[..., :3]), images[..., 3:]], axis=-1)


def grey(colours: tf.Tensor) -> tf.Tensor:
    """Compute the grey of each pixel: [..., 1] for three channels, `colours` for others."""
    if colours.shape[-1] != 3:
        return colours
    return tf.reduce_sum(colours * tf.constant(LUMA, colours.dtype), axis=-1, keepdims=True)
