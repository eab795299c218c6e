"""Gaussian blur: every value becomes a mean of those around it, by a bell curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.channels import on_colours
from catdog_data.augment.steps.one_by_one import change_chosen
from catdog_data.augment.steps.sides import sides_of
from catdog_data.augment.steps.step import RandomStep

_TRUNCATE = 4.0
"""The radius in standard deviations, SciPy's."""

_BLOCK = 32
"""Rows that are computed by one product of matrices: of 16, 32 and 64 the fastest on a CPU."""


class BlurParameters(NamedTuple):
    """What is drawn for each image: `sigma`, float64[B], in pixels; 0 changes nothing."""

    sigma: tf.Tensor


@dataclass(frozen=True)
class Blur(RandomStep):
    """Blur each image along its rows and its columns.

    Equal to SciPy's `gaussian_filter(mode="mirror")` with one radius for all images, that of the
    highest sigma. Alpha, the last of four channels, stays as it is.

    Args:
        sigma: the range of standard deviations, in pixels.
    """

    sigma: tuple[float, float] = (0.0, 0.0)

    needs_white = False
    draws = ("blur",)
    choices = ("blur",)

    @classmethod
    def of(cls, augmentation: Augmentation) -> Blur:
        return cls(augmentation.blur)

    @property
    def is_set(self) -> bool:
        return self.sigma != (0, 0)

    @property
    def radius(self) -> int:
        """How many pixels away a value still counts."""
        return int(_TRUNCATE * self.sigma[1] + 0.5)

    def parameters(self, draws: Draws) -> BlurParameters:
        return BlurParameters(draws.between("blur", self.sigma, unchanged=0))

    def apply(self, images: tf.Tensor, parameters: BlurParameters) -> tf.Tensor:
        def blurred(image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
            return on_colours(lambda colours: self._blurred(colours, weights), image)

        weights = tf.cast(self._weights(parameters.sigma), images.dtype)
        return change_chosen(blurred, images, parameters.sigma > 0, weights)

    def _weights(self, sigma: tf.Tensor) -> tf.Tensor:
        """Return the weights of the pixels from -radius to radius: float64[B, 2 * radius + 1]."""
        distance = tf.range(-self.radius, self.radius + 1, dtype=tf.float64)
        # Images with sigma 0 are left alone: they need only be kept from dividing by it.
        of_radius = distance / tf.where(sigma > 0, sigma, 1)[:, tf.newaxis]
        weights = tf.exp(-0.5 * of_radius**2)
        return weights / tf.reduce_sum(weights, axis=1, keepdims=True)

    def _blurred(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        for _ in range(2):
            image = tf.transpose(self._rows_blurred(image, weights), [1, 0, 2])
        return image

    def _rows_blurred(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Blur [H, W, C] along its rows alone, by weights [2 * radius + 1].

        A block of rows is a banded matrix times the rows that it sees. Added weight by weight, it
        takes as long at a sigma of 2 and ten times as long at 16.
        """
        (height, width), channels = sides_of(image), image.shape[-1]
        blocks, seen = -(-height // _BLOCK), _BLOCK + 2 * self.radius
        rows = _seen_rows(height, blocks, self.radius)
        weight = np.arange(seen) - np.arange(_BLOCK)[:, np.newaxis]
        none = 2 * self.radius + 1
        weight = np.where((weight >= 0) & (weight < none), weight, none)
        band = tf.gather(tf.pad(weights, [[0, 1]]), weight)
        windows = tf.gather(tf.reshape(image, [height, width * channels]), rows)
        products = tf.matmul(tf.repeat(band[tf.newaxis], blocks, axis=0), windows)
        return tf.reshape(products, [blocks * _BLOCK, width, channels])[:height]


def _seen_rows(height: Any, blocks: Any, radius: int) -> Any:
    """Name the rows that each block of rows sees, [blocks, _BLOCK + 2 * radius].

    Those outside of the image are mirrored at the centre of its last row.
    """
    if isinstance(height, int):
        arange, smaller, larger = np.arange, np.minimum, max
    else:
        arange, smaller, larger = tf.range, tf.minimum, tf.maximum
    seen = arange(_BLOCK + 2 * radius)
    row = _BLOCK * arange(blocks)[:, np.newaxis] + seen - radius
    period = larger(2 * (height - 1), 1)
    row = row % period
    return smaller(row, period - row)
