"""Classes counted: which labels are classes, and the weights that make classes count the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def classes_in_labels(labels: Any) -> NDArray[np.int64] | None:
    """Tell the class of each image from labels.

    Args:
        labels: an array, or a list that makes one, of N images.

    Returns:
        int64[N]: whole numbers of shape [N] or [N, 1], of any type, as they are; of rows with a
        single one among zeros, where it is. None for all else.

    Example:
        >>> classes_in_labels([[0.0], [1.0]]).tolist(), classes_in_labels(np.eye(3)).tolist()
        ([0, 1], [0, 1, 2])
        >>> classes_in_labels([0.5, 1.0]) is None
        True
    """
    values = np.asarray(labels)
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or not values.size:
        return None
    if values.dtype.kind == "f" and not np.all(values == np.floor(values)):
        return None
    if values.ndim == 1 or values.shape[1] == 1:
        is_beyond = values.dtype.kind in "uf" and float(np.abs(values).max()) >= 2**63
        return None if is_beyond else values.reshape(-1).astype(np.int64)
    is_one_hot = np.isin(values, (0, 1)).all() and np.all(np.sum(values, axis=1) == 1)
    return np.argmax(values, axis=1) if is_one_hot else None


def weights_of_classes(classes: NDArray[Any] | None) -> dict[int, float]:
    """Weigh classes so that all images of one count as much as those of any other.

    Args:
        classes: the class of each of N images, whole numbers; None where they have none.

    Returns:
        For each of the K classes that occur, N / (K * its images), as scikit-learn's "balanced".
        Over all images the weights are 1 on average.

    Raises:
        ValueError: there are no classes.

    Example:
        >>> weights_of_classes(np.array([0, 0, 0, 1]))
        {0: 0.6666666666666666, 1: 2.0}
    """
    if classes is None:
        raise ValueError(
            "`class_weights` needs labels that are classes, one for each image: names or whole "
            "numbers. Here there are no labels, or they are several to an image, masks or values."
        )
    numbers, counts = np.unique(np.asarray(classes), return_counts=True)
    weights = len(classes) / (len(numbers) * counts)
    return dict(zip(map(int, numbers), weights.tolist(), strict=True))
