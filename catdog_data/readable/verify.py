"""All images fetched once, to find those that cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import tensorflow as tf
from rich.console import Console
from rich.progress import Progress

from catdog_data.engine.mapping import mapped
from catdog_data.engine.passes import ended_at_exit
from catdog_data.engine.pipeline import READS_PER_CORE, untuned_options
from catdog_data.engine.pixel_sources import Images
from catdog_data.system.machine import available_cores

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

    def loaded(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # A reduction over the pixels: where nothing needs them, the optimiser does not decode.
        highest = [tf.reduce_max(source.image(index)) for source in sources]
        return index, tf.add_n([tf.cast(each, tf.float32) for each in highest])

    with tf.device("CPU:0"):
        numbers = tf.data.Dataset.from_tensor_slices(tf.constant(indices, tf.int64))
    calls = READS_PER_CORE * available_cores()
    present = mapped(numbers, loaded, calls).ignore_errors().batch(_GROUP).prefetch(2)
    readable: set[int] = set()
    shown = sys.stderr.isatty()
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("Verifying", total=len(indices))
        for group, _ in ended_at_exit(present.with_options(untuned_options())):
            readable.update(group.numpy().tolist())
            progress.update(task, completed=len(readable))
    errors = {index: _error_of(sources, index) for index in indices if index not in readable}
    # What failed in the graph for another reason, and can be read, is no broken file.
    return {index: error for index, error in errors.items() if error is not None}


def _error_of(sources: Sequence[Images], index: int) -> Exception | None:
    try:
        for source in sources:
            source.check(index)
    except Exception as error:  # whatever a reader raises
        return error.with_traceback(None)
    return None
