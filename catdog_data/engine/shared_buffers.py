"""NumPy arrays and tensors that share their memory, so that nothing is copied between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import DTypeLike, NDArray

_ALIGNMENT = 64
"""Bytes; TensorFlow's kernels rely on it."""


def own_array(tensor: tf.Tensor) -> NDArray[Any]:
    """Turn a tensor into an array that belongs to the caller, without a copy where that is safe.

    Whoever made the tensor forgets it, so its buffer itself is handed out; `tensor.numpy()` would
    copy it.
    """
    view = getattr(tensor, "_numpy", tensor.numpy)()
    if isinstance(view, np.ndarray) and view.flags.writeable:
        return view
    return np.array(tensor)


def empty_for_tensor(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Make an array without values, which `tensor_of` takes."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(size + _ALIGNMENT, np.uint8)
    first = -room.ctypes.data % _ALIGNMENT
    return room[first : first + size].view(dtype).reshape(shape)


def tensor_of(array: NDArray[Any]) -> tf.Tensor:
    """View an array of `empty_for_tensor` as a tensor, and write no more to it."""
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
