"""Posterize: only the highest bits of each value are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import on_colours, per_image
from catdog_data.augment.steps.step import RandomStep


class PosterizeParameters(NamedTuple):
    """What is drawn for each image: `bits`, int32[B] in [1, 8]; 8 changes nothing."""

    bits: tf.Tensor


@dataclass(frozen=True)
class Posterize(RandomStep):
    """Keep the highest bits of each value, rounded to the nearest of 8 bits before.

    Equal to `PIL.ImageOps.posterize` for whole numbers. Alpha, the last of four channels, stays as
    it is.

    Args:
        bits: the range of whole numbers of bits, in [1, 8].
    """

    bits: tuple[float, float] = (8, 8)

    in_8_bits = True
    draws = ("posterize",)
    choices = ("posterize",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> Posterize:
        return cls(augmentation.posterize)

    @property
    def is_set(self) -> bool:
        return self.bits != (8, 8)

    def parameters(self, draws: Draws) -> PosterizeParameters:
        low, high = self.bits
        # Rounded down, so that each number is as likely as the others.
        limits = (low, math.nextafter(high + 1, low))
        bits = draws.between("posterize", limits, unchanged=8)
        return PosterizeParameters(tf.cast(tf.floor(bits), tf.int32))

    def apply(self, images: tf.Tensor, parameters: PosterizeParameters) -> tf.Tensor:
        lost = tf.bitwise.left_shift(1, 8 - parameters.bits)
        step = per_image(lost, images.dtype)

        def posterized(colours: tf.Tensor) -> tf.Tensor:
            kept = tf.floor(tf.round(colours) / step) * step
            return tf.where(step == 1, colours, kept)

        return on_colours(posterized, images)
