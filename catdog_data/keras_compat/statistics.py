"""Statistics of a data set that is read in batches and never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Batches = Callable[[], Iterable[NDArray[Any]]]


@dataclass(frozen=True)
class Statistics:
    """What the featurewise options need; None where it was not asked for.

    Attributes:
        mean: per channel, broadcasting with an image.
        std: per channel, broadcasting with an image.
        zca_whitening_matrix: [H*W*C, H*W*C].
    """

    mean: NDArray[Any] | None
    std: NDArray[Any] | None
    zca_whitening_matrix: NDArray[Any] | None


def statistics_of(
    batches: Batches, channel_axis: int, *, centre: bool, std: bool, zca_epsilon: float | None
) -> Statistics:
    """Read all batches once, or twice for whitening, and sum up in double precision.

    Args:
        batches: makes the batches [B, …] of one pass; every pass must be the same.
        channel_axis: which of the four axes counts channels.
        centre: whether the mean is wanted, and is subtracted before whitening.
        std: whether the standard deviation is wanted.
        zca_epsilon: what is added to singular values; None for no whitening. The matrix is found
            from the covariance, so that directions in which the images hardly differ come out
            less exactly than from Keras' decomposition of all images at once.

    Returns:
        Statistics in the type of the batches; the matrix is float64, as from Keras.

    Raises:
        ValueError: there is no batch.
    """
    count, total, squares, dtype = 0, np.zeros(1), np.zeros(1), np.dtype("float32")
    axes = tuple(axis for axis in range(4) if axis != channel_axis)
    for batch in batches():
        wide = batch.astype(np.float64)
        total = total + wide.sum(axis=axes)
        squares = squares + np.square(wide).sum(axis=axes)
        count += batch.size // batch.shape[channel_axis]
        dtype = batch.dtype
    if not count:
        raise ValueError("There are no images to take statistics of.")
    shape = [1, 1, 1]
    shape[channel_axis - 1] = -1
    mean = (total / count).reshape(shape)
    deviation = np.sqrt(np.maximum(squares / count - np.square(total / count), 0)).reshape(shape)
    matrix = None
    if zca_epsilon is not None:
        centred = _scaled(batches, mean if centre else 0.0, deviation if std else None)
        matrix = _whitening(centred, zca_epsilon)
    return Statistics(
        mean=mean.astype(dtype) if centre else None,
        std=deviation.astype(dtype) if std else None,
        zca_whitening_matrix=matrix,
    )


def _scaled(batches: Batches, mean: Any, std: Any) -> Iterable[NDArray[np.float64]]:
    for batch in batches():
        centred = batch.astype(np.float64) - mean
        yield centred if std is None else centred / (std + 1e-6)


def _whitening(batches: Iterable[NDArray[np.float64]], epsilon: float) -> NDArray[np.float64]:
    count, covariance = 0, np.zeros((1, 1))
    for batch in batches:
        flat = batch.reshape(len(batch), -1)
        covariance = covariance + flat.T @ flat
        count += len(flat)
    squared, u = np.linalg.eigh(covariance)
    # As many directions as Keras' decomposition has, the strongest ones.
    kept = slice(-min(count, len(squared)), None)
    s = np.sqrt(np.maximum(squared[kept], 0))
    directions = u[:, kept]
    whitening: NDArray[np.float64] = (directions * (np.sqrt(count) / (s + epsilon))) @ directions.T
    return whitening
