"""Colour: brightness, contrast, saturation and hue, in floats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import LUMA, grey, on_colours, per_image
from catdog_data.augment.steps.step import RandomStep


class ColourParameters(NamedTuple):
    """What is drawn for each image, float64[B] each.

    Args:
        brightness: a factor for all values.
        contrast: a factor for the distance from the image's mean grey.
        saturation: a factor for the distance from each pixel's grey.
        hue: turns about the grey axis in YIQ; 1 is a full turn.
    """

    brightness: tf.Tensor
    contrast: tf.Tensor
    saturation: tf.Tensor
    hue: tf.Tensor


@dataclass(frozen=True)
class Colour(RandomStep):
    """Change brightness, contrast, saturation and hue, in this order, and clip to [0, 255].

    All four are linear in the colours of a pixel, so nothing is clipped or rounded between them.
    Saturation and hue are left alone where there are not three channels (or four, the last of
    which, alpha, stays as it is).

    Args:
        brightness: the range of factors.
        contrast: the range of factors.
        saturation: the range of factors.
        hue: fraction of a full turn; drawn from [-hue, hue].
    """

    brightness: tuple[float, float] = (1.0, 1.0)
    contrast: tuple[float, float] = (1.0, 1.0)
    saturation: tuple[float, float] = (1.0, 1.0)
    hue: float = 0.0

    draws = ("brightness", "contrast", "saturation", "hue")
    choices = draws

    @classmethod
    def of(cls, augmentation: Augmentation) -> Colour:
        return cls(
            augmentation.brightness,
            augmentation.contrast,
            augmentation.saturation,
            augmentation.hue,
        )

    @property
    def is_set(self) -> bool:
        return self != Colour()

    def parameters(self, draws: Draws) -> ColourParameters:
        return ColourParameters(
            brightness=draws.between("brightness", self.brightness, unchanged=1),
            contrast=draws.between("contrast", self.contrast, unchanged=1),
            saturation=draws.between("saturation", self.saturation, unchanged=1),
            hue=draws.between("hue", (-self.hue, self.hue), unchanged=0),
        )

    def apply(self, images: tf.Tensor, parameters: ColourParameters) -> tf.Tensor:
        return on_colours(lambda colours: _recoloured(colours, parameters), images)


def _recoloured(colours: tf.Tensor, parameters: ColourParameters) -> tf.Tensor:
    dtype = colours.dtype
    colours = colours * per_image(parameters.brightness, dtype)
    mean = tf.reduce_mean(grey(colours), axis=[1, 2, 3], keepdims=True)
    colours = mean + (colours - mean) * per_image(parameters.contrast, dtype)
    if colours.shape[-1] == 3:
        greys = grey(colours)
        colours = greys + (colours - greys) * per_image(parameters.saturation, dtype)
        colours = _turn_hue(colours, parameters.hue)
    return tf.clip_by_value(colours, 0, 255)


_YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
"""Rows take (red, green, blue) to brightness and two colour axes (NTSC, 1953)."""


def _turn_hue(colours: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    to_yiq = np.array(_YIQ)
    from_yiq = np.linalg.inv(to_yiq)
    # A turn by an angle is cos * A + sin * B + C, with matrices that do not depend on it.
    parts = (np.diag([0, 1, 1]), [[0, 0, 0], [0, 0, -1], [0, 1, 0]], np.diag([1, 0, 0]))
    of_cosine, of_sine, fixed = (from_yiq @ np.array(part) @ to_yiq for part in parts)
    # In doubles, since XLA rounds a sum of products once or twice, as the batch's size suits it.
    angle = per_image(turns, tf.float64) * (2 * math.pi)

    def weight(i: int, j: int) -> tf.Tensor:
        exact = tf.cos(angle) * of_cosine[i, j] + tf.sin(angle) * of_sine[i, j] + fixed[i, j]
        return tf.cast(exact, colours.dtype)

    def channel(i: int) -> tf.Tensor:
        total = tf.zeros_like(colours[..., :1])
        for j in range(3):
            total = total + weight(i, j) * colours[..., j : j + 1]
        return total

    return tf.concat([channel(i) for i in range(3)], axis=-1)
