"""`save_to_dir`: the augmented images of a batch as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


def save_batch(
    iterator: Any, batch: NDArray[Any], index_array: NDArray[np.int64], *, highest_mark: int
) -> None:
    """Save every image, stretched to [0, 255], under its index and a random mark.

    Args:
        iterator: has `save_to_dir`, `save_prefix`, `save_format` and `data_format`.
        batch: floating [B, …].
        index_array: int64[B].
        highest_mark: marks are below it; drawn from NumPy's global stream, as Keras does.
    """
    for image, index in zip(batch, index_array, strict=True):
        picture = keras.utils.array_to_img(image, iterator.data_format, scale=True)
        mark = np.random.randint(highest_mark)
        name = f"{iterator.save_prefix}_{index}_{mark}.{iterator.save_format}"
        picture.save(Path(iterator.save_to_dir) / name)
