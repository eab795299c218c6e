"""Brightness as Keras has it: through 8 bits, by Pillow's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.steps.channels import per_image
from catdog_data.augment.steps.step import Step


class PillowBrightnessParameters(NamedTuple):
    """What is drawn for each image: `factor`, float64[B]; 0 is black, 1 changes nothing."""

    factor: tf.Tensor


@dataclass(frozen=True)
class PillowBrightness(Step):
    """Blend each image with black in 8 bits, as `PIL.ImageEnhance.Brightness` does.

    Equal to Keras' `apply_brightness_shift(scale=False)` to the bit, but for images of fractions
    in [0, 1], which Keras makes black: they are taken as fractions of 255. Results are whole
    numbers in [0, 255]; fractions of 255 for images of fractions.
    """

    def apply(self, images: tf.Tensor, parameters: PillowBrightnessParameters) -> tf.Tensor:
        high = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
        uneven = tf.reduce_any(images != tf.floor(images), axis=[1, 2, 3], keepdims=True)
        scale = tf.where((high <= 1) & uneven, tf.constant(255, images.dtype), 1)
        # Pillow multiplies in float32, whatever the type of the image.
        whole = tf.cast(tf.floor(images * scale), tf.float32)
        blended = whole * per_image(parameters.factor, tf.float32)
        return tf.cast(tf.floor(tf.clip_by_value(blended, 0, 255)), images.dtype) / scale
