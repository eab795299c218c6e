"""What a model says about a set of labelled images, and where it is wrong.

Models of this project end in probabilities: one sigmoid unit `float32[B, 1]`, the probability of
class 1, or a softmax `float32[B, K]`. Both become K columns here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

_TOLERANCE = 1e-2  # of a sum of probabilities that were computed in 16 bits


@dataclass(frozen=True, eq=False)
class Wrong:
    """The images that a model is most confidently wrong about, the most confident first.

    Attributes:
        rows: `int64[M]`, their rows in the evaluation.
        images: `[M, H, W, C]`, as the model was given them.

    Example:
        >>> len(Wrong(np.array([4, 1]), np.zeros((2, 8, 8, 3))).rows)
        2
    """

    rows: npt.NDArray[np.int64]
    images: npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model said about N images of K classes.

    Attributes:
        probabilities: `float32[N, K]`, of every class.
        labels: `int64[N]`, the true class numbers.
        index: `int64[N]`, the index that came with each image, or its position in the dataset.
        wrong: the images that the model is most confidently wrong about.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], "float32")
        >>> none = Wrong(np.zeros(0, "int64"), np.zeros((0, 8, 8, 3)))
        >>> evaluation = Evaluation(probabilities, np.array([0, 1, 0]), np.arange(3), none)
        >>> evaluation.predictions, round(evaluation.accuracy, 3)
        (array([0, 1, 1]), 0.667)
        >>> evaluation.confusion
        array([[1, 1],
               [0, 1]])
    """

    probabilities: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    wrong: Wrong

    @property
    def predictions(self) -> npt.NDArray[np.int64]:
        """The most probable class of each image, the first of equals: `int64[N]`."""
        first: npt.NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return first

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """The probability of the most probable class: `float32[N]`, from 1 / K to 1."""
        highest: npt.NDArray[np.float32] = self.probabilities.max(axis=1)
        return highest

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """How often the class of the row was taken for the class of the column: `int64[K, K]`."""
        counts = np.zeros((self.probabilities.shape[1],) * 2, np.int64)
        np.add.at(counts, (self.labels, self.predictions), 1)
        return counts

    @property
    def accuracy(self) -> float:
        """The share of images whose most probable class is the true one."""
        return float((self.predictions == self.labels).mean())

    @property
    def accuracy_by_class(self) -> npt.NDArray[np.float64]:
        """The same for the images of each class: `float64[K]`, NaN where there are none."""
        confusion = self.confusion
        counts = confusion.sum(axis=1)
        right = confusion.diagonal().astype(np.float64)
        share = np.full(len(counts), np.nan)
        np.divide(right, counts, out=share, where=counts > 0)
        return share

    @property
    def loss(self) -> float:
        """The mean cross-entropy in nats, probabilities no nearer to 0 than 1e-7, as in Keras."""
        of_label = self.probabilities[np.arange(len(self.labels)), self.labels]
        return float(-np.log(of_label.astype(np.float64).clip(1e-7, 1 - 1e-7)).mean())


def evaluate(model: keras.Model, dataset: Any, *, wrong: int = 32) -> Evaluation:
    """Run a model over a dataset once, and keep its outputs and the labels.

    Args:
        model: from images to probabilities, `float32[B, 1]` or `float32[B, K]`, see the module.
        dataset: a `tf.data.Dataset` that ends, of (images, labels) or (images, labels, index):
            images `[B, H, W, C]` as the model takes them; labels class numbers `[B]` or `[B, 1]`
            of any type, or one-hot rows `[B, K]`; index `int64[B]`. Unshuffled, unless there is
            an index.
        wrong: how many of the most confidently wrong images are kept, at least 0.

    Returns:
        Probabilities, labels and indices in the order of the dataset.

    Raises:
        ValueError: a dataset without end, without labels or without images; labels that are no
            classes of the model; outputs that are no probabilities; or `wrong` below 0.

    Example:
        >>> model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
        >>> images, labels = np.zeros((5, 8, 8, 3), "float32"), np.array([0, 1, 2, 0, 1])
        >>> dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(2)
        >>> evaluate(model, dataset).probabilities.shape
        (5, 3)
    """
    _check_ends(dataset)
    if wrong < 0:
        raise ValueError(f"`wrong` must be at least 0. Received: {wrong!r}")
    # Not `predict_on_batch`, which under a strategy repeats a batch's rows for each device.
    predict = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    columns: list[tuple[npt.NDArray[Any], ...]] = []
    worst = _Worst(wrong)
    seen = 0
    for images, labels, index in _batches(dataset):
        probabilities = two_columns(np.asarray(predict(images)))
        numbers = _class_numbers(np.asarray(labels), probabilities.shape[1], len(probabilities))
        rows = np.arange(seen, seen + len(numbers))
        columns.append((probabilities, numbers, rows if index is None else np.asarray(index)))
        worst.add(rows, np.asarray(images), probabilities, numbers)
        seen += len(numbers)
    if not seen:
        raise ValueError("`dataset` must have at least one image. Received: none.")
    parts = [np.concatenate(column) for column in zip(*columns, strict=True)]
    return Evaluation(parts[0], parts[1], parts[2].astype(np.int64), worst.found())


def two_columns(output: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the outputs of a model as probabilities of all its classes.

    Args:
        output: `[B, 1]`, the probability of class 1, or `[B, K]`, those of all classes.

    Returns:
        `float32[B, K]`, K at least 2.

    Raises:
        ValueError: another shape, or values that are no probabilities.

    Example:
        >>> two_columns(np.array([[0.25], [1.0]]))
        array([[0.75, 0.25],
               [0.  , 1.  ]], dtype=float32)
    """
    if output.ndim != 2 or output.shape[1] < 1:
        raise ValueError(
            "The model must return probabilities of shape [B, 1] or [B, K]. "
            f"Received shape: {output.shape}"
        )
    values = output.astype(np.float32)
    if values.shape[1] == 1:
        values = np.concatenate([1 - values, values], axis=1)
    # Written so that NaN fails too.
    inside = (values >= -_TOLERANCE) & (values <= 1 + _TOLERANCE)
    if not inside.all() or not (np.abs(values.sum(axis=1) - 1) <= _TOLERANCE).all():
        raise ValueError(
            "The model must return probabilities, between 0 and 1 and with rows that add up to 1; "
            f"received values from {values.min()} to {values.max()}. If it returns logits, end it "
            'in keras.layers.Activation("sigmoid") or ("softmax"); NaN means that training failed.'
        )
    return values


class _Worst:
    """Keeps the most confidently wrong images of those it is shown."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rows = np.zeros(0, np.int64)
        self._confidence = np.zeros(0, np.float32)
        self._images: npt.NDArray[Any] | None = None

    def add(
        self,
        rows: npt.NDArray[np.int64],
        images: npt.NDArray[Any],
        probabilities: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64],
    ) -> None:
        wrong = probabilities.argmax(axis=1) != labels
        before = images[:0] if self._images is None else self._images
        confidence = np.concatenate([self._confidence, probabilities.max(axis=1)[wrong]])
        order = np.argsort(-confidence, kind="stable")[: self._count]
        self._confidence = confidence[order]
        self._rows = np.concatenate([self._rows, rows[wrong]])[order]
        self._images = np.concatenate([before, images[wrong]])[order]

    def found(self) -> Wrong:
        assert self._images is not None, "asked before any image was added"
        return Wrong(self._rows, self._images)


def _check_ends(dataset: Any) -> None:
    cardinality = getattr(dataset, "cardinality", None)
    if cardinality is not None and int(cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "`dataset` must end. Received: one that repeats forever. Leave `repeat()` away, or "
            "bound it with `take(steps)`."
        )


def _batches(dataset: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield (images, labels, index or None)."""
    for element in dataset:
        if not isinstance(element, (tuple, list)) or len(element) not in (2, 3):
            raise ValueError(
                "`dataset` must yield (images, labels) or (images, labels, index). Received: "
                + (f"{len(element)} parts" if isinstance(element, (tuple, list)) else "no tuple")
                + ". Read it with labels, and without sample weights."
            )
        images, labels, *index = element
        if index and np.asarray(index[0]).dtype.kind not in "iu":
            raise ValueError(
                "The third part of `dataset`'s elements must be whole numbers, the index of each "
                f"image. Received: {np.asarray(index[0]).dtype}. Leave sample weights away."
            )
        yield images, labels, index[0] if index else None


def _class_numbers(labels: npt.NDArray[Any], classes: int, number: int) -> npt.NDArray[np.int64]:
    """Return `int64[B]` from class numbers or one-hot rows."""
    if len(labels.shape) not in (1, 2) or len(labels) != number:
        raise ValueError(
            f"Labels must be [B], [B, 1] or one-hot [B, K] with a row for each of {number} images. "
            f"Received shape: {labels.shape}"
        )
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.shape[1] != classes:
            raise ValueError(
                f"The model tells {classes} classes apart, and the labels have "
                f"{labels.shape[1]} columns. Give it the classes it was trained on."
            )
        return np.asarray(labels.argmax(axis=1), np.int64)
    numbers = np.asarray(labels.reshape(-1), np.int64)
    if (numbers != labels.reshape(-1)).any() or numbers.min() < 0 or numbers.max() >= classes:
        raise ValueError(
            f"Labels must be whole class numbers in [0, {classes}), as many as the model tells "
            f"apart. Received labels from {labels.min()} to {labels.max()}."
        )
    return numbers
