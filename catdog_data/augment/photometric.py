"""Steps that change values and not places, on whole batches, as Keras and Pillow compute them."""

from __future__ import annotations

import math

import numpy as np
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


def recolour(
    images: tf.Tensor,
    brightness: tf.Tensor,
    contrast: tf.Tensor,
    saturation: tf.Tensor,
    hue: tf.Tensor,
) -> tf.Tensor:
    """Change brightness, contrast, saturation and hue, in this order, and clip to [0, 255].

    All four are linear in the colours of a pixel, so nothing is clipped or rounded between them.
    Saturation and hue are left alone where there are not three channels (or four, the last of
    which, alpha, stays as it is).

    Args:
        images: floating [B, H, W, C] in [0, 255].
        brightness: float64[B], a factor for all values.
        contrast: float64[B], a factor for the distance from the image's mean grey.
        saturation: float64[B], a factor for the distance from each pixel's grey.
        hue: float64[B], turns about the grey axis in YIQ; 1 is a full turn.

    Returns:
        As `images`.
    """
    colours, alpha = (images[..., :3], images[..., 3:]) if images.shape[-1] == 4 else (images, None)

    def per_image(values: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.cast(values, images.dtype), [-1, 1, 1, 1])

    colours = colours * per_image(brightness)
    mean = tf.reduce_mean(_grey(colours), axis=[1, 2, 3], keepdims=True)
    colours = mean + (colours - mean) * per_image(contrast)
    if colours.shape[-1] == 3:
        grey = _grey(colours)
        colours = grey + (colours - grey) * per_image(saturation)
        colours = _turn_hue(colours, hue)
    colours = tf.clip_by_value(colours, 0, 255)
    return colours if alpha is None else tf.concat([colours, alpha], axis=-1)


_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
"""Rows take (red, green, blue) to brightness and two colour axes (NTSC, 1953)."""


def _grey(colours: tf.Tensor) -> tf.Tensor:
    if colours.shape[-1] != 3:
        return colours
    return tf.reduce_sum(colours * tf.constant(_YIQ[0], colours.dtype), axis=-1, keepdims=True)


def _turn_hue(colours: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    to_yiq = np.array(_YIQ)
    from_yiq = np.linalg.inv(to_yiq)
    # A turn by an angle is cos * A + sin * B + C, with matrices that do not depend on it.
    parts = (np.diag([0, 1, 1]), [[0, 0, 0], [0, 0, -1], [0, 1, 0]], np.diag([1, 0, 0]))
    of_cosine, of_sine, fixed = (from_yiq @ np.array(part) @ to_yiq for part in parts)
    # In doubles, since XLA rounds a sum of products once or twice, as the batch's size suits it.
    angle = tf.reshape(tf.cast(turns, tf.float64) * (2 * math.pi), [-1, 1, 1, 1])

    def weight(i: int, j: int) -> tf.Tensor:
        exact = tf.cos(angle) * of_cosine[i, j] + tf.sin(angle) * of_sine[i, j] + fixed[i, j]
        return tf.cast(exact, colours.dtype)

    def channel(i: int) -> tf.Tensor:
        total = tf.zeros_like(colours[..., :1])
        for j in range(3):
            total = total + weight(i, j) * colours[..., j : j + 1]
        return total

    return tf.concat([channel(i) for i in range(3)], axis=-1)


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
