"""A weight for each label by its class: what `fit(class_weight=…)` adds to batches.

The rule is that of Keras' `class_weight_to_sample_weights`, which takes arrays; this is the same
in a graph, so that batches do not pass through Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.engine.mapping import mapped

_LABELS = np.iinfo(np.int32)
"""What Keras casts labels to before it looks them up."""


def with_class_weights(dataset: tf.data.Dataset, class_weight: Any) -> tf.data.Dataset:
    """Add the weight of its class to every label.

    Args:
        dataset: elements (x, y) are batches. The class of y is its value, rounded to even, for
            shapes [B] and [B, 1], and the first of its highest values for [B, K]. Elements
            without labels stay as they are.
        class_weight: dict from whole numbers, of any type, to weights; 1.0 for classes not in it.

    Returns:
        Elements (x, y, weights) with weights of Keras' float type, [B].

    Raises:
        TypeError: `class_weight` is no dict, or one of its weights no number.
        ValueError: a key that is no whole number; elements that have weights, several outputs or
            labels that are no classes.
    """
    weights_of = weigher(class_weight)
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) < 2:
        return dataset
    _check_elements(spec)
    return mapped(dataset, lambda x, y: (x, y, weights_of(y)))


def weigher(class_weight: Any) -> Callable[[tf.Tensor], tf.Tensor]:
    """Make the function from labels [B], [B, 1] or [B, K] to their weights [B].

    Args:
        class_weight: see `with_class_weights`, as for the errors.
    """
    numbers, weights = _tables(class_weight)

    def weights_of(labels: tf.Tensor) -> tf.Tensor:
        classes = tf.cast(_classes(labels), tf.int64)
        row = tf.searchsorted(numbers, classes)
        is_known = tf.gather(numbers, row) == classes
        return tf.where(is_known, tf.gather(weights, row), tf.ones([], weights.dtype))

    return weights_of


def _tables(class_weight: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Sort the classes, with their weights; the last one is above all labels."""
    if not hasattr(class_weight, "items"):
        raise TypeError(
            "`class_weight` must be a dict from the number of a class to its weight; received "
            f"{class_weight!r}. A sequence of weights is given as dict(enumerate(weights))."
        )
    by_class = {_class_number(key): weight for key, weight in class_weight.items()}
    known = sorted(number for number in by_class if _LABELS.min <= number <= _LABELS.max)
    weights = np.ones(len(known) + 1, keras.config.floatx())
    for row, number in enumerate(known):
        try:
            weights[row] = by_class[number]
        except (TypeError, ValueError) as error:
            raise TypeError(
                "`class_weight` must have numbers as weights; received "
                f"{by_class[number]!r} for the class {number}. Give one number for each class."
            ) from error
    return np.array([*known, _LABELS.max + 1], np.int64), weights


def _class_number(key: Any) -> int:
    try:
        number = int(key)
        is_whole = bool(number == key)
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise ValueError(
            f"`class_weight` must have the numbers of classes as keys; received {key!r}, which no "
            "label is equal to. Give whole numbers; those of names are in `class_indices`."
        )
    return number


def _check_elements(spec: tuple[Any, ...]) -> None:
    if len(spec) > 2:
        raise ValueError(
            "You cannot specify `class_weight` and `sample_weight` at the same time. The iterator "
            "yields weights: leave `class_weight` out, or `sample_weight` and `weight_col`."
        )
    labels = spec[1]
    if not isinstance(labels, tf.TensorSpec):
        raise ValueError(
            "`class_weight` is only supported for Models with a single output. The iterator "
            f"yields {len(tf.nest.flatten(labels))} outputs: weigh them by `sample_weight` or "
            "`weight_col`."
        )
    is_number = labels.dtype.is_floating or labels.dtype.is_integer or labels.dtype == tf.bool
    if not is_number or labels.shape.rank not in (1, 2):
        raise ValueError(
            "`class_weight` needs labels that are classes: numbers of shape [B], [B, 1] or "
            f"[B, K]; received {labels.dtype.name} of shape {labels.shape}. With "
            "class_mode='input' the labels are images, which have no class."
        )


def _classes(labels: tf.Tensor) -> tf.Tensor:
    """Tell the class of each label: int32[B]."""
    if labels.dtype == tf.bool:
        labels = tf.cast(labels, tf.uint8)
    if labels.shape.rank == 1:
        return _rounded(labels)
    # Keras decides by the width of each batch.
    is_single = tf.shape(labels)[-1] == 1
    return tf.where(is_single, _rounded(labels[:, 0]), _first_highest(labels))


def _rounded(labels: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(labels) if labels.dtype.is_floating else labels, tf.int32)


def _first_highest(labels: tf.Tensor) -> tf.Tensor:
    """Do as `np.argmax` over the last axis: the first of equals, and NaN above all numbers.

    `tf.argmax` promises no order of equals, as labels of several classes have.
    """
    is_highest = labels == tf.reduce_max(labels, axis=-1, keepdims=True)
    if labels.dtype.is_floating:
        is_missing = tf.math.is_nan(labels)
        has_missing = tf.reduce_any(is_missing, axis=-1, keepdims=True)
        is_highest = tf.where(has_missing, is_missing, is_highest)
    columns = tf.range(tf.shape(labels)[-1])
    return tf.reduce_min(tf.where(is_highest, columns, tf.int32.max), axis=-1)
