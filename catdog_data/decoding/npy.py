"""Arrays in NumPy's own files, as images."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.decoding.limits import room_for_array
from catdog_data.decoding.npy_header import read_npy_header
from catdog_data.decoding.unreadable import UnfitImage


def read_npy(contents: bytes) -> NDArray[Any]:
    """Read the array of a `.npy` file, without executing anything that it holds.

    Args:
        contents: of the file.

    Returns:
        [H, W] or [H, W, C], as it was written; where that fits, a view of the bytes.

    Raises:
        UnfitImage: it is no image, is cut short, or holds pickled objects.
        PIL.Image.DecompressionBombError: it is too large.

    Example:
        >>> file = io.BytesIO()
        >>> np.save(file, np.zeros((4, 3, 12), np.uint16))
        >>> read_npy(file.getvalue()).shape
        (4, 3, 12)
    """
    file = io.BytesIO(contents)
    try:
        shape, is_columns, dtype = read_npy_header(file)
    except ValueError as error:
        raise UnfitImage(f"must be an array as `np.save` writes it: {error}. Replace it.") from None
    if dtype.hasobject or dtype.kind not in "biuf":
        raise UnfitImage(
            f"must be an array of real numbers; it holds {dtype}, and what is pickled is never "
            "read. Save it as numbers."
        )
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise UnfitImage(
            f"must be an image [H, W] or [H, W, C]; its shape is {shape}. Save one image to a file."
        )
    with room_for_array(shape, dtype.itemsize):
        size, start = math.prod(shape), file.tell()
        if len(contents) - start < size * dtype.itemsize:
            raise UnfitImage(
                f"must hold {size * dtype.itemsize:,} bytes of values, as its header says; it has "
                f"{len(contents) - start:,}: it is cut short. Replace it."
            )
        values = np.frombuffer(contents, dtype, size, start)
        return values.reshape(shape, order="F" if is_columns else "C")
