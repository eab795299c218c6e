"""Autocontrast: the values of each channel are stretched to all of [0, 255]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import on_colours, per_image
from catdog_data.augment.steps.step import RandomStep


class AutocontrastParameters(NamedTuple):
    """What is drawn for each image: `chosen`, bool[B], whether it is stretched."""

    chosen: tf.Tensor


@dataclass(frozen=True)
class Autocontrast(RandomStep):
    """Bring the lowest value of each channel to 0 and the highest to 255, in some images.

    As `PIL.ImageOps.autocontrast`, but not rounded. A channel whose values lie within less than a
    level of each other, and alpha, the last of four channels, stay as they are.

    Args:
        likelihood: in [0, 1], that an image is stretched.
    """

    likelihood: float = 0.0

    draws = ("autocontrast",)
    choices = ("autocontrast",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> Autocontrast:
        return cls(augmentation.autocontrast)

    @property
    def is_set(self) -> bool:
        return bool(self.likelihood)

    def parameters(self, draws: Draws) -> AutocontrastParameters:
        return AutocontrastParameters(draws.happens("autocontrast", self.likelihood))

    def apply(self, images: tf.Tensor, parameters: AutocontrastParameters) -> tf.Tensor:
        chosen = per_image(parameters.chosen, tf.bool)

        def stretched(colours: tf.Tensor) -> tf.Tensor:
            low = tf.reduce_min(colours, axis=[1, 2], keepdims=True)
            spread = tf.reduce_max(colours, axis=[1, 2], keepdims=True) - low
            # A resampled even area differs by roundings, which are no contrast.
            is_uneven = spread >= 1
            wide = tf.minimum((colours - low) * (255 / tf.maximum(spread, 1)), 255)
            return tf.where(chosen & is_uneven, wide, colours)

        return on_colours(stretched, images)
