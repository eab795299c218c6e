"""Solarize: values from a threshold up are inverted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import on_colours, per_image
from catdog_data.augment.steps.step import RandomStep


class SolarizeParameters(NamedTuple):
    """What is drawn for each image: `threshold`, float64[B]; 256 changes nothing."""

    threshold: tf.Tensor


@dataclass(frozen=True)
class Solarize(RandomStep):
    """Invert the values at and above a threshold, as `PIL.ImageOps.solarize` does.

    Alpha, the last of four channels, stays as it is.

    Args:
        threshold: the range of thresholds, in [0, 256].
    """

    threshold: tuple[float, float] = (256.0, 256.0)

    draws = ("solarize",)
    choices = ("solarize",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> Solarize:
        return cls(augmentation.solarize)

    @property
    def is_set(self) -> bool:
        return self.threshold != (256, 256)

    def parameters(self, draws: Draws) -> SolarizeParameters:
        return SolarizeParameters(draws.between("solarize", self.threshold, unchanged=256))

    def apply(self, images: tf.Tensor, parameters: SolarizeParameters) -> tf.Tensor:
        threshold = per_image(parameters.threshold, images.dtype)

        def solarized(colours: tf.Tensor) -> tf.Tensor:
            return tf.where(colours >= threshold, 255 - colours, colours)

        return on_colours(solarized, images)
