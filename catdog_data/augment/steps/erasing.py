"""Random erasing (Zhong et al., 2017): a box of an image is filled with one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.boxes import drawn_sides, inside_boxes
from catdog_data.augment.steps.step import RandomStep


class ErasingParameters(NamedTuple):
    """What is drawn for each image.

    Args:
        boxes: float64[B, 4], the first row and column, then the first behind the box; whole
            numbers. An image that is left as it is has an empty box.
    """

    boxes: tf.Tensor


@dataclass(frozen=True)
class Erasing(RandomStep):
    """Fill a box of some images; labels and masks stay as they are.

    Args:
        likelihood: in [0, 1], that an image has a box.
        area: the range of areas, fractions of the image's.
        ratio: the range of the box's width to height, relative to the image's.
        value: what to fill with, in [0, 255].
    """

    likelihood: float = 0.0
    area: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: float = 0.0

    needs_white = False
    draws = ("erasing", "erasing_area", "erasing_ratio", "erasing_row", "erasing_column")

    @classmethod
    def of(cls, augmentation: Augmentation) -> Erasing:
        return cls(
            augmentation.erasing,
            augmentation.erasing_area,
            augmentation.erasing_ratio,
            augmentation.erasing_value,
        )

    @property
    def is_set(self) -> bool:
        return bool(self.likelihood)

    def parameters(self, draws: Draws) -> ErasingParameters:
        drawn, image_size = draws.uniform, draws.image_size
        sides = drawn_sides(drawn["erasing_area"], drawn["erasing_ratio"], self.area, self.ratio)
        height, width = sides
        chosen = tf.cast(draws.happens("erasing", self.likelihood), tf.float64)
        rows = tf.round(height * image_size[0]) * chosen
        columns = tf.round(width * image_size[1]) * chosen
        top = tf.floor(drawn["erasing_row"] * (image_size[0] - rows + 1))
        left = tf.floor(drawn["erasing_column"] * (image_size[1] - columns + 1))
        return ErasingParameters(tf.stack([top, left, top + rows, left + columns], axis=1))

    def apply(self, images: tf.Tensor, parameters: ErasingParameters) -> tf.Tensor:
        inside = inside_boxes(images, parameters.boxes)
        return tf.where(inside, tf.constant(self.value, images.dtype), images)
