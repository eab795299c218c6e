"""Equalize: the values of each channel are spread so that all are about as frequent."""

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


class EqualizeParameters(NamedTuple):
    """What is drawn for each image: `chosen`, bool[B], whether it is equalized."""

    chosen: tf.Tensor


@dataclass(frozen=True)
class Equalize(RandomStep):
    """Equalize the histograms of some images, as `PIL.ImageOps.equalize` does, to the bit.

    Values are rounded to the nearest of 8 bits before. A channel of too few pixels beside its
    highest value, such as one of a single value, and alpha, the last of four channels, stay as they
    are.

    Args:
        likelihood: in [0, 1], that an image is equalized.
    """

    likelihood: float = 0.0

    in_8_bits = True
    draws = ("equalize",)
    choices = ("equalize",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> Equalize:
        return cls(augmentation.equalize)

    @property
    def is_set(self) -> bool:
        return bool(self.likelihood)

    def parameters(self, draws: Draws) -> EqualizeParameters:
        return EqualizeParameters(draws.happens("equalize", self.likelihood))

    def apply(self, images: tf.Tensor, parameters: EqualizeParameters) -> tf.Tensor:
        def equalized(image: tf.Tensor) -> tf.Tensor:
            return on_colours(_equalized, image)

        return change_chosen(equalized, images, parameters.chosen)


def _equalized(image: tf.Tensor) -> tf.Tensor:
    """Equalize each channel of [H, W, C]."""
    (height, width), channels = sides_of(image), image.shape[-1]
    levels = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.int32)
    # One histogram for all channels, one behind the other.
    place = levels + 256 * tf.range(channels)
    flat = tf.reshape(place, [-1])
    counts = tf.math.unsorted_segment_sum(tf.ones_like(flat), flat, 256 * channels)
    counts = tf.reshape(counts, [channels, 256])
    highest = tf.reduce_max(levels, axis=[0, 1])
    others = height * width - tf.gather(counts, highest, batch_dims=1)
    step = (others // 255)[:, tf.newaxis]
    below = tf.cumsum(counts, axis=1, exclusive=True)
    table = tf.minimum((step // 2 + below) // tf.maximum(step, 1), 255)
    looked_up = tf.gather(tf.reshape(table, [-1]), place)
    return tf.where(step[:, 0] > 0, tf.cast(looked_up, image.dtype), image)
