"""What each batch is, as a function of (seed, epoch, position): the planner of the tf.data API.

Nothing is drawn in sequence. The order of an epoch is a permutation that can be asked for any of
its positions (`index_shuffle`), and what an image draws is a function of (seed, epoch, image). So
an epoch can begin anywhere, be divided among any number of readers and be read by any number of
threads, and every image is the same; and the plan takes the same memory for any number of images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation

PARAMETERS = 13
"""Values that an image draws, in this order: angle, shifts of rows and of columns, shear, zooms of
rows and of columns, two flips, channel shift, brightness, contrast, saturation, hue."""

_ORDER, _DRAWS = 0, 1
"""What a key is for, folded in last, so that no two uses share one."""


@dataclass(frozen=True)
class CounterPlan:
    """The batches of one reader, epoch by epoch.

    Args:
        n: how many images there are, at least 1.
        batch_size: images per batch, at least 1; the last of an epoch may be smaller.
        shuffle: whether every epoch has an order of its own.
        seed: in [0, 2**63).
        shard: (i, n): this reader's number and how many readers share every epoch. Reader i gets
            positions i, i + n, i + 2n, … of the order that a single reader would see, and all
            have the same number of steps.

    Raises:
        ValueError: a value out of its range, or readers that cannot have equally many steps.
    """

    n: int
    batch_size: int
    shuffle: bool
    seed: int
    shard: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"`n` must be at least 1 image; received {self.n!r}.")
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1; received {self.batch_size!r}.")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"`seed` must be in [0, 2**63); received {self.seed!r}.")
        number, readers = self.shard
        if not 0 <= number < readers:
            raise ValueError(f"`shard` must be (i, n) with 0 <= i < n; received {self.shard!r}.")
        if self.n // readers < self.steps:
            raise ValueError(
                f"`shard`: {self.n} images cannot be divided among {readers} readers so that each "
                f"has one in all of {self.steps} steps of {self.batch_size}. Use a larger "
                "`batch_size` or fewer readers."
            )

    @property
    def images(self) -> int:
        """How many images of an epoch this reader gets."""
        number, readers = self.shard
        return -(-(self.n - number) // readers)

    @property
    def steps(self) -> int:
        """How many batches an epoch has, the same for every reader."""
        return math.ceil(math.ceil(self.n / self.shard[1]) / self.batch_size)

    def batch(self, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Name the images of one batch, with -1 behind them up to the full batch.

        Args:
            epoch: int64[].
            step: int64[], in [0, steps).

        Returns:
            int64[batch_size].
        """
        number, readers = self.shard
        first, end = self._border(step), self._border(step + 1)
        local = first + tf.range(self.batch_size, dtype=tf.int64)
        position = tf.minimum(local * readers + number, self.n - 1)
        if self.shuffle:
            position = tf.random.experimental.index_shuffle(
                position, self._key(_ORDER, epoch), tf.constant(self.n - 1, tf.int64)
            )
        return tf.where(local < end, position, -1)

    def _border(self, step: tf.Tensor) -> tf.Tensor:
        """Where a step begins among this reader's images; the last step is never empty."""
        border = tf.minimum(step * self.batch_size, self.images)
        last = tf.constant(self.steps - 1, tf.int64)
        return tf.where(step == last, tf.minimum(border, self.images - 1), border)

    def draws(self, epoch: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        """Draw for one image, from (seed, epoch, index) alone.

        Args:
            epoch: int64[].
            index: int64[], the image.

        Returns:
            float64[PARAMETERS], uniform in [0, 1).
        """
        key = _fold(self._key(_DRAWS, epoch), index)
        return tf.random.stateless_uniform([PARAMETERS], key, dtype=tf.float64, alg="philox")

    def _key(self, purpose: int, epoch: tf.Tensor) -> tf.Tensor:
        return _fold(tf.constant([self.seed, purpose], tf.int64), epoch)


def parameters(uniform: tf.Tensor, augmentation: Augmentation) -> tf.Tensor:
    """Bring uniform draws into the ranges of an augmentation.

    Args:
        uniform: float64[..., PARAMETERS] in [0, 1).
        augmentation: the ranges; shifts are fractions of the size.

    Returns:
        float64[..., PARAMETERS].
    """
    draw = tf.unstack(uniform, axis=-1)
    zoom_of_columns = draw[4] if augmentation.zoom_tied else draw[5]
    return tf.stack(
        [
            _about_zero(draw[0], augmentation.rotation),
            _about_zero(draw[1], augmentation.height_shift),
            _about_zero(draw[2], augmentation.width_shift),
            _about_zero(draw[3], augmentation.shear),
            _between(draw[4], augmentation.zoom),
            _between(zoom_of_columns, augmentation.zoom),
            tf.cast((draw[6] < 0.5) & augmentation.horizontal_flip, tf.float64),
            tf.cast((draw[7] < 0.5) & augmentation.vertical_flip, tf.float64),
            _about_zero(draw[8], augmentation.channel_shift),
            _between(draw[9], augmentation.brightness),
            _between(draw[10], augmentation.contrast),
            _between(draw[11], augmentation.saturation),
            _about_zero(draw[12], augmentation.hue),
        ],
        axis=-1,
    )


def _between(uniform: tf.Tensor, limits: tuple[float, float]) -> tf.Tensor:
    return limits[0] + (limits[1] - limits[0]) * uniform


def _about_zero(uniform: tf.Tensor, bound: float) -> tf.Tensor:
    return _between(uniform, (-bound, bound))


def _fold(key: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    # The algorithm is named, since the default differs from device to device.
    return tf.random.experimental.stateless_fold_in(key, data, alg="philox")
