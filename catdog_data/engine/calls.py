"""Rows of a batch that one call of a function takes, several at a time."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf


def in_calls(batch: Any, together: int) -> Any:
    """Split the rows of a batch into calls of equally many.

    Args:
        batch: a structure of [B, …], B known.
        together: rows that a call takes at most, at least 1.

    Returns:
        The same of [calls, rows, …]; where B does not divide, the last row comes again.

    Example:
        >>> in_calls(tf.range(5), together=3).numpy().tolist()
        [[0, 1, 2], [3, 4, 4]]
    """

    def split(part: tf.Tensor) -> tf.Tensor:
        size = part.shape[0]
        calls = calls_of(size, together)
        rows = math.ceil(size / calls)
        if calls * rows > size:
            part = tf.gather(part, [min(row, size - 1) for row in range(calls * rows)])
        return tf.reshape(part, [calls, rows, *part.shape[1:]])

    return tf.nest.map_structure(split, batch)


def calls_of(batch_size: int, together: int) -> int:
    """Count the calls that `in_calls` makes of a batch."""
    return math.ceil(batch_size / together)


def from_calls(results: Any, batch_size: int) -> Any:
    """Put the rows of all calls of a batch together: undo `in_calls`.

    Args:
        results: a structure of [calls, rows, …].
        batch_size: B.

    Returns:
        The same of [B, …].

    Example:
        >>> from_calls(in_calls(tf.range(5), together=3), batch_size=5).numpy().tolist()
        [0, 1, 2, 3, 4]
    """

    def joined(part: tf.Tensor) -> tf.Tensor:
        calls, rows, *shape = part.shape
        return tf.reshape(part, [calls * rows, *shape])[:batch_size]

    return tf.nest.map_structure(joined, results)
