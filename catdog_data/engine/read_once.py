"""Images read once, in order, past those that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.engine.mapping import mapped
from catdog_data.engine.passes import ended_at_exit
from catdog_data.engine.pipeline import READS_PER_CORE, untuned_options
from catdog_data.system.machine import available_cores

Errors = dict[int, Exception]


def read_once(
    load: Callable[[tf.Tensor], tf.Tensor],
    check: Callable[[int], None],
    indices: Sequence[int],
    group: int,
) -> Iterator[tuple[NDArray[Any], Errors]]:
    """Read images, in parallel, and find those that cannot be read.

    Args:
        load: from an index, int64[], to a tensor of fixed shape, which needs all of the image.
        check: reads one image, and raises an error that names it if it cannot be read.
        indices: which images.
        group: how many are yielded together.

    Yields:
        [B, ...], what was loaded of images that can be read, in the order of `indices`; and the
        error of each image up to the last of these, or to the end, that cannot be.

    Example:
        >>> def load(i):
        ...     return tf.ensure_shape(tf.io.decode_raw(tf.gather(["abc", "?"], i), "uint8"), [3])
        >>> def check(i):
        ...     _ = load(tf.constant(i))
        >>> ((loaded, errors),) = read_once(load, check, [1, 0], 8)
        >>> loaded.tolist(), list(errors)
        ([[97, 98, 99]], [1])
    """

    def numbered(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return position, load(tf.gather(index_at, position))

    with tf.device("CPU:0"):
        index_at = tf.constant(indices, tf.int64)
    calls = READS_PER_CORE * available_cores()
    numbers = tf.data.Dataset.range(len(indices))
    present = mapped(numbers, numbered, calls).ignore_errors().batch(group).prefetch(2)
    done = 0
    for positions, loaded in ended_at_exit(present.with_options(untuned_options())):
        begin, done = done, int(positions[-1]) + 1
        values = np.asarray(memoryview(loaded))  # a view: `.numpy()` would copy
        if len(values) == done - begin:
            yield values, {}
        else:
            found = dict(zip(positions.numpy().tolist(), values, strict=True))
            yield _completed(load, check, indices, range(begin, done), found)
    if done < len(indices):
        yield _completed(load, check, indices, range(done, len(indices)), {})


def _completed(
    load: Callable[[tf.Tensor], tf.Tensor],
    check: Callable[[int], None],
    indices: Sequence[int],
    positions: range,
    found: dict[int, NDArray[Any]],
) -> tuple[NDArray[Any], Errors]:
    """Look at the images that are missing: what failed for another reason is no broken file."""
    errors: Errors = {}
    for position in positions:
        if position not in found:
            try:
                check(indices[position])
                found[position] = load(tf.constant(indices[position], tf.int64)).numpy()
            except Exception as error:  # whatever a reader raises
                errors[indices[position]] = error.with_traceback(None)
    return np.array([found[position] for position in sorted(found)]), errors
