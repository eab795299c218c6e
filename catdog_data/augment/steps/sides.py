"""How large an image is: known when a step is traced, or only when it runs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def sides_of(image: tf.Tensor) -> tuple[Any, Any]:
    """Tell the height and the width of an image, or of all images of a batch.

    Args:
        image: [..., H, W, C].

    Returns:
        Numbers of Python's where they are known, or else int32[].

    Example:
        >>> sides_of(tf.zeros([4, 2, 3, 1]))
        (2, 3)
    """

    def side(axis: int) -> Any:
        known = image.shape[axis]
        return tf.shape(image)[axis] if known is None else known

    return side(-3), side(-2)
