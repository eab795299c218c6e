"""Batches that could not be fetched, put back where they belong, so that each fails by name.

An error of tf.data has the decoder's words and not the files that a batch was made of, and nothing
in a graph can catch it but `ignore_errors`, which drops the element. So elements are numbered,
those that fail are dropped, and the gaps are filled by number: what follows can read the files of
a failed batch one by one and raise an error that names one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

_BATCHES_PER_MARK = 32
"""A failure is seen when something behind it arrives. Marks cannot fail, so it is seen soon where
all files are unreadable; each costs what a batch of padding does."""


def with_marks(numbers: tf.data.Dataset) -> tf.data.Dataset:
    """Add a mark behind every few numbers, and behind the last.

    Args:
        numbers: int64[], consecutive in every pass.

    Returns:
        int64[3]: position in the pass, number, and the number again. A mark has the position and
        the number that come next, and -1.
    """

    def close(position: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        mark = tf.stack([position[-1] + 1, number[-1] + 1, -1])
        return tf.concat([tf.stack([position, number, number], axis=1), mark[tf.newaxis]], axis=0)

    return numbers.enumerate().batch(_BATCHES_PER_MARK).map(close).unbatch()


def with_gaps_filled(
    marked: tf.data.Dataset, mark_of: Callable[[Any], tf.Tensor], steps: int
) -> tf.data.Dataset:
    """Drop marks and elements that raise, and yield one element for every number.

    Args:
        marked: any elements, one for each of `with_marks`.
        mark_of: tells which it was made for, int64[3].
        steps: numbers in a pass, or `tf.data.UNKNOWN_CARDINALITY`.

    Returns:
        A dataset of cardinality `steps` with elements (int64[], (int64[], element)): a number,
        and an element with its number, which is another's where the number's own raised.
    """

    def expect(expected: tf.Tensor, element: Any) -> tuple[tf.Tensor, Any]:
        position, number, own = tf.unstack(mark_of(element))
        end = tf.where(own < 0, position, position + 1)
        first = number - (position - expected)
        return end, (first, first + end - expected, own, element)

    def each_number(
        first: tf.Tensor, end: tf.Tensor, own: tf.Tensor, element: Any
    ) -> tf.data.Dataset:
        same = tf.data.Dataset.from_tensors((own, element)).repeat()
        return tf.data.Dataset.zip((tf.data.Dataset.range(first, end), same))

    present = marked.ignore_errors().scan(tf.constant(0, tf.int64), expect)
    filled = present.flat_map(each_number)
    if steps == tf.data.UNKNOWN_CARDINALITY:
        return filled
    # True by construction: nothing raises between the gaps and here.
    return filled.apply(tf.data.experimental.assert_cardinality(steps))
