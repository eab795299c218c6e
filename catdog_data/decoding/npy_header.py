"""What a file of NumPy's declares. Without TensorFlow, which takes seconds to start."""

from __future__ import annotations

import tokenize
from typing import Any, BinaryIO

import numpy as np

_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read what a `.npy` file declares, and no further.

    Args:
        file: open, at its beginning.

    Returns:
        The shape; whether columns come before rows, as in Fortran; and the type.

    Raises:
        ValueError: the header cannot be read.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> np.save(file, np.zeros((4, 3), np.uint8))
        >>> read_npy_header(io.BytesIO(file.getvalue()))
        ((4, 3), False, dtype('uint8'))
    """
    try:
        return _READERS[np.lib.format.read_magic(file)](file)
    except (ValueError, KeyError, SyntaxError, TypeError, tokenize.TokenError) as error:
        words = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise ValueError(f"its header cannot be read ({words})") from None
