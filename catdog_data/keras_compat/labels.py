"""The labels and weights of files, and how a batch has them beside its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels and weights of N files.

    Args:
        class_mode: "categorical" one-hot `dtype`[B, K]; "binary" or "sparse" `dtype`[B]; "input"
            the images themselves; "raw" the values; "multi_output" a list of several; None
            nothing, not even weights.
        values: of the N files: numbers of classes, or lists of such; the array of "raw"; the list
            of arrays of "multi_output". Not read for "input" and None.
        sample_weight: [N], or None.
        num_classes: K.
        dtype: type of the labels of classes.
    """

    class_mode: str | None
    values: Any
    sample_weight: NDArray[Any] | None
    num_classes: int
    dtype: Any

    def beside(self, images: NDArray[Any], index: NDArray[np.int64]) -> Any:
        """Put labels and weights beside images.

        Args:
            images: [B, …].
            index: int64[B], the files.

        Returns:
            The images alone, (images, labels) or (images, labels, weights).
        """
        if self.class_mode is None:
            return images
        labels = images.copy() if self.class_mode == "input" else self._of(index)
        if self.sample_weight is None:
            return images, labels
        return images, labels, self.sample_weight[index]

    def are_tensors(self) -> bool:
        """Tell whether TensorFlow has the types of labels and weights."""
        columns: list[Any] = []
        if self.class_mode in ("raw", "multi_output"):
            columns += self.values if self.class_mode == "multi_output" else [self.values]
        if self.class_mode is not None and self.sample_weight is not None:
            columns.append(self.sample_weight)
        return all(
            column.dtype.kind in "biufc" and column.dtype.char not in "gG" for column in columns
        )

    def in_graph(self, n: int) -> Callable[[tf.Tensor, tf.Tensor], Any]:
        """Make the graph's form of `beside`.

        Args:
            n: how many files there are.

        Returns:
            A function of the indices int64[B] and the images [B, …] of a batch.
        """
        if self.class_mode is None:
            return lambda index, images: images
        weights = () if self.sample_weight is None else (tf.constant(self.sample_weight),)
        labels_of = self._of_in_graph(n)

        def beside(index: tf.Tensor, images: tf.Tensor) -> Any:
            chosen = (tf.gather(column, index) for column in weights)
            return (images, labels_of(index, images), *chosen)

        return beside

    def _of(self, index: NDArray[np.int64]) -> Any:
        if self.class_mode == "multi_output":
            return [column[index] for column in self.values]
        if self.class_mode == "raw":
            return self.values[index]
        labels = [self.values[i] for i in index]
        if self.class_mode != "categorical":
            return np.array(labels, dtype=self.dtype)
        return self._one_hot(labels)

    def _one_hot(self, labels: Sequence[Any]) -> NDArray[Any]:
        """Set the columns of one class each, or of a list of classes each, to one."""
        rows = np.zeros((len(labels), self.num_classes), dtype=self.dtype)
        for row, label in zip(rows, labels, strict=True):
            row[label] = 1.0
        return rows

    def _of_in_graph(self, n: int) -> Callable[[tf.Tensor, tf.Tensor], Any]:
        if self.class_mode == "input":
            # A copy of its own, since a user may write into either.
            return lambda index, images: tf.raw_ops.DeepCopy(x=images)
        if self.class_mode == "categorical" and not _has_lists(self.values):
            # One-hot for the batch only: for all files it can be as large as the pixels.
            classes = tf.constant(np.asarray(self.values))
            depth, dtype = self.num_classes, self.dtype
            return lambda index, images: tf.one_hot(tf.gather(classes, index), depth, dtype=dtype)
        labels = self._of(np.arange(n))
        labels = tuple(labels) if self.class_mode == "multi_output" else labels
        table = tf.nest.map_structure(tf.constant, labels)
        return lambda index, images: tf.nest.map_structure(
            lambda column: tf.gather(column, index), table
        )


def _has_lists(labels: Sequence[Any]) -> bool:
    return any(isinstance(label, (list, tuple)) for label in labels)
