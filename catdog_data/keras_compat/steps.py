"""Datasets whose elements Python makes, one for each step of an epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from catdog_data.engine.mapping import mapped


def dataset_of_steps(make: Callable[[int], Any], steps: int, signature: Any) -> tf.data.Dataset:
    """Make the dataset of `make(0)`, `make(1)`, ….

    A step each, in turn: so the number of elements is known, and stays so behind one that fails.

    Args:
        make: makes the element of a step, of arrays in tuples; it is called in a thread, one call
            at a time, for every pass.
        steps: how many there are.
        signature: a `tf.TensorSpec` for each array, in the element's structure.
    """
    specs = tf.nest.flatten(signature)

    def arrays(step: np.int64) -> Any:
        return tf.nest.flatten(make(int(step)))

    def element(step: tf.Tensor) -> Any:
        tensors = tf.numpy_function(arrays, [step], [spec.dtype for spec in specs])
        shaped = map(tf.ensure_shape, tensors, [spec.shape for spec in specs])
        return tf.nest.pack_sequence_as(signature, list(shaped))

    return mapped(tf.data.Dataset.range(steps), element)
