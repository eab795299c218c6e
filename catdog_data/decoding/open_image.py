"""Image files opened through Pillow, but for formats that Pillow hands on to a program."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO

from PIL import Image, ImageFile, UnidentifiedImageError

REFUSED = {
    "EPS": "Pillow starts Ghostscript for it",
    "IPTC": "it holds a file of any format, EPS too",
    "WMF": "Windows runs what it holds",
}
"""What is not opened, by Pillow's name of it, and why. All else that Pillow knows is pixels alone,
which it decodes itself, under whatever name: Keras reads a file named .jpg that is an ICO."""


def open_image(
    file: str | os.PathLike[str] | IO[bytes], formats: Sequence[str] | None = None
) -> ImageFile.ImageFile:
    r"""Open an image file as `PIL.Image.open` does, if it is one that Pillow decodes itself.

    Args:
        file: its path; or itself, at its beginning.
        formats: as Pillow calls them, which are tried alone; None for all but `REFUSED`.

    Returns:
        The image, not loaded.

    Raises:
        PIL.UnidentifiedImageError: Pillow knows no such format, or it is refused.
        OSError, PIL.Image.DecompressionBombError: as of Pillow.

    Example:
        >>> import io
        >>> open_image(io.BytesIO(b"%!PS-Adobe-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"))
        Traceback (most recent call last):
        PIL.UnidentifiedImageError: EPS is refused: Pillow starts Ghostscript for it
    """
    if formats is not None:
        return Image.open(file, formats=list(formats))
    Image.preinit()  # the common formats, and the others when they are needed, as Pillow does
    try:
        return Image.open(file, formats=_accepted())
    except UnidentifiedImageError:
        Image.init()
    if (name := _refused_format(file)) is not None:
        raise UnidentifiedImageError(f"{name} is refused: {REFUSED[name]}")
    return Image.open(file, formats=_accepted())


def _accepted() -> list[str]:
    """List the formats known by now, those that an application has registered among them."""
    return [each for each in Image.ID if each not in REFUSED]


def _refused_format(file: str | os.PathLike[str] | IO[bytes]) -> str | None:
    """Tell which of the refused formats a file is; nothing of it is decoded."""
    for name in REFUSED:
        try:
            with Image.open(file, formats=[name]):
                return name
        except Exception:  # Pillow raises all kinds for a damaged file
            continue
    return None
