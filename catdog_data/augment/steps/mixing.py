"""MixUp and CutMix: images of a batch, and their labels, are blended with each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.special import betaincinv

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.boxes import inside_boxes
from catdog_data.augment.steps.channels import per_image
from catdog_data.augment.steps.step import RandomStep


class MixingParameters(NamedTuple):
    """What is drawn for each image.

    Args:
        partner: int32[B], the number in the batch of the image that it is blended with.
        weight: float64[B] in [0, 1], the weight of the image itself outside of the box.
        boxes: float64[B, 4], the box that shows the partner alone: its first row and column, then
            the first behind it.
        share: float64[B], the weight of the image's own label.
    """

    partner: tf.Tensor
    weight: tf.Tensor
    boxes: tf.Tensor
    share: tf.Tensor


@dataclass(frozen=True)
class Mixing(RandomStep):
    """Blend each image of a batch with the next one, or paste a box of the next one into it.

    MixUp (Zhang et al., 2018) blends by a weight from Beta(mixup, mixup); CutMix (Yun et al.,
    2019) pastes a box whose area is a share from Beta(cutmix, cutmix), its centre anywhere. With
    both, each image has one of them, half of the time either. The last image of a batch is mixed
    with the first; padding takes no part.

    Args:
        mixup: the parameter of MixUp's distribution; 0 for none.
        cutmix: the parameter of CutMix's; 0 for none.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    mixes_images = True
    needs_white = False
    draws = ("mixing", "mixing_share", "mixing_row", "mixing_column")

    @classmethod
    def of(cls, augmentation: Augmentation) -> Mixing:
        return cls(augmentation.mixup, augmentation.cutmix)

    @property
    def is_set(self) -> bool:
        return bool(self.mixup or self.cutmix)

    def parameters(self, draws: Draws) -> MixingParameters:
        count = tf.maximum(tf.math.count_nonzero(draws.index >= 0), 1)
        partner = (tf.range(draws.index.shape[0], dtype=tf.int64) + 1) % count
        weight, boxes, share = self._mixtures(draws)
        return MixingParameters(tf.cast(partner, tf.int32), weight, boxes, share)

    def _mixtures(self, draws: Draws) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        drawn, (height, width) = draws.uniform, draws.image_size
        share = drawn["mixing_share"]
        one = tf.ones_like(share)
        weight = _beta(share, self.mixup) if self.mixup else one
        if not self.cutmix:
            return weight, tf.zeros([*share.shape, 4], tf.float64), weight
        kept = _beta(share, self.cutmix)
        if self.mixup:
            pastes = draws.happens("mixing", 0.5)
            weight, kept = tf.where(pastes, one, weight), tf.where(pastes, kept, one)
        side = tf.sqrt(1 - kept)
        top, bottom = _within(drawn["mixing_row"] * height, side * height, height)
        left, right = _within(drawn["mixing_column"] * width, side * width, width)
        outside = 1 - (bottom - top) * (right - left) / (height * width)
        return weight, tf.stack([top, left, bottom, right], axis=1), weight * outside

    def apply(self, images: tf.Tensor, parameters: MixingParameters) -> tf.Tensor:
        others = tf.gather(images, parameters.partner)
        own = per_image(parameters.weight, images.dtype)
        own = tf.where(inside_boxes(images, parameters.boxes), tf.zeros([], images.dtype), own)
        return others + own * (images - others)

    def apply_to_labels(self, labels: tf.Tensor, parameters: MixingParameters) -> tf.Tensor:
        share = tf.cast(parameters.share, labels.dtype)
        share = tf.reshape(share, [-1] + [1] * (labels.shape.rank - 1))
        return labels * share + tf.gather(labels, parameters.partner) * (1 - share)


def _within(centre: tf.Tensor, length: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the first pixel of an interval and the first behind it, cut off at the borders."""
    first = tf.floor(centre - length / 2 + 0.5)
    last = tf.floor(centre + length / 2 + 0.5)
    return tf.clip_by_value(first, 0, size), tf.clip_by_value(last, 0, size)


def _beta(uniform: tf.Tensor, alpha: float) -> tf.Tensor:
    """Bring uniform draws to the distribution Beta(alpha, alpha), by its quantiles."""
    # A draw of its own for each value: a table of quantiles takes no rejected draws.
    steps = 4096
    quantiles = tf.constant(betaincinv(alpha, alpha, np.linspace(0, 1, steps + 1)))
    position = uniform * steps
    first = tf.cast(position, tf.int32)
    low, high = tf.gather(quantiles, first), tf.gather(quantiles, first + 1)
    return low + (high - low) * (position - tf.floor(position))
