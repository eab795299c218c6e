"""Sharpness: an image is blended with a smoothed one, or away from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import on_colours
from catdog_data.augment.steps.one_by_one import change_chosen
from catdog_data.augment.steps.sides import sides_of
from catdog_data.augment.steps.step import RandomStep


class SharpnessParameters(NamedTuple):
    """What is drawn for each image: `factor`, float64[B]; 0 is smoothed, 1 changes nothing."""

    factor: tf.Tensor


@dataclass(frozen=True)
class Sharpness(RandomStep):
    """Change the distance of each value from the mean of its surroundings; clip to [0, 255].

    As `PIL.ImageEnhance.Sharpness`, but not rounded: a mean of 3 by 3 pixels, of which the middle
    one counts five times; the outermost pixels, and alpha, stay as they are.

    Args:
        factor: the range of factors.
    """

    factor: tuple[float, float] = (1.0, 1.0)

    draws = ("sharpness",)
    choices = ("sharpness",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> Sharpness:
        return cls(augmentation.sharpness)

    @property
    def is_set(self) -> bool:
        return self.factor != (1, 1)

    def parameters(self, draws: Draws) -> SharpnessParameters:
        return SharpnessParameters(draws.between("sharpness", self.factor, unchanged=1))

    def apply(self, images: tf.Tensor, parameters: SharpnessParameters) -> tf.Tensor:
        def sharpened(image: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
            return on_colours(lambda colours: _sharpened(colours, gain), image)

        height, width = sides_of(images)
        gain = tf.cast(parameters.factor - 1, images.dtype)
        if not isinstance(height, int) or not isinstance(width, int):
            gain = tf.where(tf.minimum(height, width) < 3, tf.zeros_like(gain), gain)
        elif min(height, width) < 3:
            return images
        return change_chosen(sharpened, images, gain != 0, gain)


def _sharpened(colours: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
    """Enlarge the details of [H, W, C] by a number."""
    height, width = sides_of(colours)
    middle = colours[1:-1, 1:-1]
    rows = tf.add_n([colours[i : i + height - 2] for i in range(3)])
    around = tf.add_n([rows[:, j : j + width - 2] for j in range(3)])
    detail = tf.pad(middle - (around + 4 * middle) / 13, [[1, 1], [1, 1], [0, 0]])
    # In doubles, where the product is exact: XLA rounds it or not, as the batch suits it.
    exact = tf.cast(colours, tf.float64) + tf.cast(detail, tf.float64) * tf.cast(gain, tf.float64)
    return tf.cast(tf.clip_by_value(exact, 0, 255), colours.dtype)
