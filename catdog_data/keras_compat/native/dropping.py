"""Pixels of batches that nobody waits for any more: their files are not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from catdog_data.engine.pixel_sources import Fetching, LookedAtOneByOne
from catdog_data.engine.render import Rendering


class Droppable(LookedAtOneByOne):
    """Pixels that are not fetched as long as nobody wants them.

    Args:
        pixels: where images come from, by index or by path.
    """

    may_fail = True

    def __init__(self, pixels: Fetching) -> None:
        self._pixels = pixels
        self.whole_batches, self.together = pixels.whole_batches, pixels.together
        self.shape = pixels.shape
        with tf.device("CPU:0"):
            # Holds something as long as nobody wants pixels. No variable: that would belong to
            # the distribution strategy in whose scope it is made.
            self._unwanted = tf.queue.FIFOQueue(1, tf.bool, [])

    @contextmanager
    def unwanted(self) -> Iterator[None]:
        """Let all that is fetched meanwhile be padding."""
        self._unwanted.enqueue(True)
        yield
        self._unwanted.dequeue()

    def fetch(self, key: tf.Tensor) -> tuple[Any, ...]:
        """Fetch one image or a batch, or what padding is."""
        padding = tf.constant("" if key.dtype == tf.string else -1, key.dtype)
        return self._pixels.fetch(tf.where(self._unwanted.size() > 0, padding, key))

    def renderer(self, rendering: Rendering) -> Callable[..., Any]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return self._pixels.renderer(rendering)

    def check(self, index: int) -> None:
        """Do nothing: who is given paths names the files that cannot be read."""
