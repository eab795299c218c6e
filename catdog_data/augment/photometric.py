"""Steps that change values and not places, on whole batches, as Keras and Pillow compute them."""

from __future__ import annotations

import tensorflow as tf


def shift_channels(images: tf.Tensor, intensity: tf.Tensor) -> tf.Tensor:
    """Add a value to each image, within its own lowest and highest value.

    Equal to Keras' `apply_channel_shift` to the bit.

    Args:
        images: floating [B, H, W, C].
        intensity: float64[B].

    Returns:
        As `images`.
    """
    low = tf.reduce_min(images, axis=[1, 2, 3], keepdims=True)
    high = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
    added = tf.reshape(tf.cast(intensity, images.dtype), [-1, 1, 1, 1])
    return tf.minimum(tf.maximum(images + added, low), high)


def brighten(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blend each image with black in 8 bits, as `PIL.ImageEnhance.Brightness` does.

    Equal to Keras' `apply_brightness_shift(scale=False)` to the bit, but for images of fractions
    in [0, 1], which Keras makes black: they are taken as fractions of 255.

    Args:
        images: floating [B, H, W, C] in [0, 255].
        factor: float64[B]; 0 is black, 1 leaves the image as it is.

    Returns:
        As `images`, whole numbers in [0, 255]; fractions of 255 for images of fractions.
    """
    high = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
    uneven = tf.reduce_any(images != tf.floor(images), axis=[1, 2, 3], keepdims=True)
    scale = tf.where((high <= 1) & uneven, tf.constant(255, images.dtype), 1)
    # Pillow multiplies in float32, whatever the type of the image.
    whole = tf.cast(tf.floor(images * scale), tf.float32)
    blended = whole * tf.reshape(tf.cast(factor, tf.float32), [-1, 1, 1, 1])
    return tf.cast(tf.floor(tf.clip_by_value(blended, 0, 255)), images.dtype) / scale
