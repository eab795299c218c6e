"""What each batch is, as a function of (seed, epoch, position): the planner of the tf.data API.

Nothing is drawn in sequence. The order of an epoch is a permutation that can be asked for any of
its positions (`index_shuffle`), and what an image draws is a function of (seed, epoch, image), and
of which copy of the image it is where balanced classes repeat some, and which view of it. So an
epoch can begin anywhere, be divided among any number of readers and be read by any number of
threads, and every image is the same; and the plan takes the same memory for any number of images,
unless classes are balanced.

A change of the images that a seed puts into a batch raises
`catdog_data.training.position.ORDER_VERSION`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from catdog_data.datasets.balance import BalancedClasses

_ROUNDS = 12
"""Of the cipher that permutes; they must be even. With 4, image i + 1 comes right behind i up to
1.35 times as often as by chance at 1,000 images, and of a million each batch has nearly equal parts
of both halves; with 8, the parts vary 1.09 times too much at a million. With 10 or more nothing is
seen from 10 images to 4 million. Against 4, 12 cost 9 microseconds more an index at 100 images, 1
at 1,000."""

_ORDER, _DRAWS = 0, 1
"""What numbers are drawn for, part of the counter, so that no two uses share any."""

_BLOCKS = 2**7
"""Blocks of 128 bits set aside for one image: 256 doubles."""

_EPOCHS = 2**47
"""Set aside for each view."""


@dataclass(frozen=True)
class CounterPlan:
    """The batches of one reader, epoch by epoch.

    Args:
        n: how many images there are, at least 1.
        batch_size: images per batch, at least 1; the last of an epoch may be smaller.
        shuffle: whether every epoch is shuffled, each differently.
        seed: in [0, 2**63).
        shard: (i, n): this reader's number and how many readers share every epoch. Reader i gets
            positions i, i + n, i + 2n, … of the order that a single reader would see, and all
            have the same number of steps.
        balanced: which of the images an epoch has, and how often; None for each once.
        drop_remainder: whether a last batch that would be smaller is left out, for every reader.

    Raises:
        ValueError: a value out of its range, or readers that cannot have equally many steps.

    Example:
        >>> plan = CounterPlan(n=10, batch_size=4, shuffle=False, seed=1)
        >>> epoch, step = tf.constant(0, tf.int64), tf.constant(2, tf.int64)
        >>> plan.steps, plan.batch(epoch, step).numpy().tolist()
        (3, [8, 9, -1, -1])
    """

    n: int
    batch_size: int
    shuffle: bool
    seed: int
    shard: tuple[int, int] = (0, 1)
    balanced: BalancedClasses | None = None
    drop_remainder: bool = False

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
        if self.steps < 1:
            raise ValueError(
                f"`drop_remainder=True` needs a whole batch of {self.batch_size} for each of "
                f"{readers} readers; an epoch, or that of a subset, has {self.positions} images. "
                "Use a smaller `batch_size`, or drop_remainder=False."
            )
        if self.positions // readers < self.steps:
            raise ValueError(
                f"`shard`: {self.positions} images cannot be divided among {readers} readers so "
                f"that each has one in all of {self.steps} steps of {self.batch_size}. Use a "
                "larger `batch_size` or fewer readers."
            )

    @property
    def positions(self) -> int:
        """How many images an epoch has, for all readers together."""
        return self.n if self.balanced is None else len(self.balanced)

    @property
    def images(self) -> int:
        """How many images of an epoch this reader gets."""
        number, readers = self.shard
        return -(-(self.positions - number) // readers)

    @property
    def steps(self) -> int:
        """How many batches an epoch has, the same for every reader."""
        if self.drop_remainder:
            return self.positions // self.shard[1] // self.batch_size
        return math.ceil(math.ceil(self.positions / self.shard[1]) / self.batch_size)

    def batch(self, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Name the images of one batch, with -1 behind them up to the full batch.

        Args:
            epoch: int64[].
            step: int64[], in [0, steps).

        Returns:
            int64[batch_size].
        """
        return self.image(self.items(epoch, step))

    def items(self, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Number what one batch has: as `batch`, with `n` more for each copy before of an image."""
        number, readers = self.shard
        first, end = self._border(step), self._border(step + 1)
        local = first + tf.range(self.batch_size, dtype=tf.int64)
        item = tf.minimum(local * readers + number, self.positions - 1)
        if self.shuffle:
            last = tf.constant(self.positions - 1, tf.int64)
            item = self._permuted(self._key(epoch), item, last)
        if self.balanced is not None:
            item = self.balanced.items(epoch, item, self._keys_of_classes, self._permuted)
        return tf.where(local < end, item, -1)

    def image(self, item: tf.Tensor) -> tf.Tensor:
        """Tell the image of each of `items`, int64[B]; of padding, -1."""
        return item if self.balanced is None else tf.where(item < 0, item, item % self.n)

    def _keys_of_classes(self, classes: tf.Tensor, cycles: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            # Block 0 is the order of the epoch.
            lambda each: self._key(each[1], each[0] + 1),
            (classes, cycles),
            fn_output_signature=tf.TensorSpec([3], tf.uint32),
        )

    def _permuted(self, key: tf.Tensor, index: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.RandomIndexShuffle(index=index, seed=key, max_index=last, rounds=_ROUNDS)

    def _key(self, epoch: tf.Tensor, block: tf.Tensor | int = 0) -> tf.Tensor:
        return tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[3], dtype=tf.uint32, **self._philox(_ORDER, epoch, block)
        )

    def _border(self, step: tf.Tensor) -> tf.Tensor:
        """Where a step begins among this reader's images; the last step is never empty."""
        border = tf.minimum(step * self.batch_size, self.images)
        last = tf.constant(self.steps - 1, tf.int64)
        return tf.where(step == last, tf.minimum(border, self.images - 1), border)

    def draws(self, epoch: tf.Tensor, item: tf.Tensor, count: int, view: int = 0) -> tf.Tensor:
        """Draw for each image, from (seed, epoch, item, view) alone.

        Args:
            epoch: int64[], below 2**47.
            item: int64[B], the images, or as of `items`, below 2**56.
            count: how many numbers for each, at most 256.
            view: which view of an image, or which image of a sample, below 2**15.

        Returns:
            float64[B, count], uniform in [0, 1).
        """
        # Views are counted in the upper bits: no item or epoch of one is any of another.
        own_epoch = epoch + view * _EPOCHS

        def draw(item: tf.Tensor) -> tf.Tensor:
            return tf.raw_ops.StatelessRandomUniformV2(
                shape=[count], dtype=tf.float64, **self._philox(_DRAWS, own_epoch, item * _BLOCKS)
            )

        drawn = tf.map_fn(draw, item, fn_output_signature=tf.float64)
        return tf.ensure_shape(drawn, [*item.shape, count])

    def _philox(
        self, purpose: int, epoch: tf.Tensor, block: tf.Tensor | int = 0
    ) -> dict[str, tf.Tensor | int]:
        """Name a position in the stream of the generator Philox (Salmon et al., 2011).

        The raw operations are called: the functions of `tf.random` derive a key by a dozen
        operations, which take time at the start of every pass.
        """
        counter = tf.stack([tf.cast(block, tf.int64), epoch * 2 + purpose])
        return {
            "key": tf.constant([self.seed], tf.uint64),
            "counter": tf.cast(counter, tf.uint64),
            "alg": 1,
        }
