"""Channel shift: one value is added to all values of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import per_image
from catdog_data.augment.steps.step import RandomStep


class ChannelShiftParameters(NamedTuple):
    """What is drawn for each image: `intensity`, float64[B], in levels of 255."""

    intensity: tf.Tensor


@dataclass(frozen=True)
class ChannelShift(RandomStep):
    """Add a value to each image, within its own lowest and highest value.

    Equal to Keras' `apply_channel_shift` to the bit.

    Args:
        largest: levels of 255; drawn from [-largest, largest].
    """

    largest: float = 0.0

    needs_white = False
    draws = ("channel_shift",)
    choices = ("channel_shift",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> ChannelShift:
        return cls(augmentation.channel_shift)

    @property
    def is_set(self) -> bool:
        return bool(self.largest)

    def parameters(self, draws: Draws) -> ChannelShiftParameters:
        limits = (-self.largest, self.largest)
        return ChannelShiftParameters(draws.between("channel_shift", limits, unchanged=0))

    def apply(self, images: tf.Tensor, parameters: ChannelShiftParameters) -> tf.Tensor:
        low = tf.reduce_min(images, axis=[1, 2, 3], keepdims=True)
        high = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
        added = per_image(parameters.intensity, images.dtype)
        return tf.minimum(tf.maximum(images + added, low), high)
