"""Grayscale: some images lose their colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import grey, on_colours, per_image
from catdog_data.augment.steps.step import RandomStep


class GrayscaleParameters(NamedTuple):
    """What is drawn for each image: `chosen`, bool[B], whether it becomes grey."""

    chosen: tf.Tensor


@dataclass(frozen=True)
class Grayscale(RandomStep):
    """Replace the three colours of some images by their grey, as `Image.convert("L")` has it.

    Not rounded. Images of other than three colours, and alpha, stay as they are.

    Args:
        likelihood: in [0, 1], that an image becomes grey.
    """

    likelihood: float = 0.0

    needs_white = False
    draws = ("grayscale",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> Grayscale:
        return cls(augmentation.grayscale)

    @property
    def is_set(self) -> bool:
        return bool(self.likelihood)

    def parameters(self, draws: Draws) -> GrayscaleParameters:
        return GrayscaleParameters(draws.happens("grayscale", self.likelihood))

    def apply(self, images: tf.Tensor, parameters: GrayscaleParameters) -> tf.Tensor:
        chosen = per_image(parameters.chosen, tf.bool)
        return on_colours(lambda colours: tf.where(chosen, grey(colours), colours), images)
