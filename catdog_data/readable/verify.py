"""All images fetched once, to find those that cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import tensorflow as tf
from rich.console import Console
from rich.progress import Progress

from catdog_data.engine.pixel_sources import Images
from catdog_data.engine.read_once import read_once

_GROUP = 64


def broken_images(sources: Sequence[Images], indices: Sequence[int]) -> dict[int, Exception]:
    """Load images, in parallel, and find those that cannot be read.

    Args:
        sources: the images; and their masks, if there are any.
        indices: which of them.

    Returns:
        The error of each that cannot be read, which names it, in the order of `indices`.

    Example:
        >>> from catdog_data.engine.pixel_sources import WholeImages
        >>> def load(i):
        ...     return tf.ensure_shape(tf.io.decode_raw(tf.gather(["abc", "?"], i), "uint8"), [3])
        >>> images = WholeImages(lambda i: load(i)[None, None], (1, 1, 3), "uint8", ["0", "1"])
        >>> list(broken_images([images], [0, 1]))
        [1]
    """

    def highest(index: tf.Tensor) -> tf.Tensor:
        # A reduction over the pixels: where nothing needs them, the optimiser does not decode.
        of_each = [tf.reduce_max(source.image(index)) for source in sources]
        return tf.add_n([tf.cast(each, tf.float32) for each in of_each])

    def check(index: int) -> None:
        for source in sources:
            source.check(index)

    broken: dict[int, Exception] = {}
    shown = sys.stderr.isatty()
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("Verifying", total=len(indices))
        for readable, errors in read_once(highest, check, indices, _GROUP):
            broken |= errors
            progress.advance(task, len(readable) + len(errors))
    return broken
