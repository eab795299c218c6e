"""The frames of a GIF, as its blocks declare them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

_FRAME, _EXTENSION = b"\x2c", b"\x21"


def areas_of_frames(gif: IO[bytes]) -> Iterator[int]:
    """Walk through the blocks of a GIF, without decoding any.

    A frame has a size of its own, which may be larger than that of the whole.

    Args:
        gif: the file, at its beginning.

    Yields:
        The pixels of each frame, up to where the file ends or is damaged.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("P", (4, 3)).save(file, "GIF")
        >>> file.seek(0)
        0
        >>> list(areas_of_frames(file))
        [12]
    """
    header = gif.read(13)
    if len(header) < 13:
        return
    _skip_table(gif, header[10])
    while (kind := gif.read(1)) in (_FRAME, _EXTENSION):
        if kind == _FRAME:
            described = gif.read(9)
            if len(described) < 9:
                return
            width, height, flags = struct.unpack("<4xHHB", described)
            yield width * height
            _skip_table(gif, flags)
        gif.read(1)  # the size of a code, or the label of an extension
        while size := gif.read(1):
            if not gif.read(size[0]):
                break


def _skip_table(gif: IO[bytes], flags: int) -> None:
    """Pass over a table of colours, if the flags say that there is one."""
    if flags & 0x80:
        gif.read(6 << (flags & 7))
