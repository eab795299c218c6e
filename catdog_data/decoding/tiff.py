"""TIFF files that Pillow does not read as they are: several bands, 16 bits of colours, floats.

They are read by tifffile, which only those need who have such files. Of several pages the first
one is read, and its orientation is followed, as Pillow does.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from catdog_data.decoding.limits import room_for_array
from catdog_data.decoding.unreadable import UnfitImage

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_INSTALL = "Install it with `pip install 'catdog[tiff]'`"
_BITS, _COLOURS, _ORIENTATION, _SAMPLES, _FORMAT = 258, 262, 274, 277, 339
_GREYS = (0, 1)
"""Meanings of values from white to black and from black to white."""
_WHOLE, _SIGNED, _FLOATING = 1, 2, 3
_BY_PILLOW = {(16, _WHOLE), (32, _SIGNED), (32, _FLOATING)}
"""Bits and kinds of numbers of one band that Pillow keeps as they are."""


def needs_tifffile(contents: bytes, *, as_stored: bool) -> bool:
    """Tell whether the first page of a TIFF holds what Pillow would not give as it is.

    Args:
        contents: of the file.
        as_stored: whether all of its bands are asked for, in place of colours.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (4, 3)).save(file, "TIFF")
        >>> needs_tifffile(file.getvalue(), as_stored=False)
        False
    """
    bits, samples, kind, colours = _described(contents)
    if max(bits) <= 8:
        several_greys = samples > 2 and colours in _GREYS  # which Pillow does not open
        return several_greys or (samples not in (1, 3) if as_stored else samples > 4)
    return samples > 1 or (bits[0], kind) not in _BY_PILLOW


def read_tiff(contents: bytes) -> tuple[NDArray[Any], str]:
    """Read the first page of a TIFF by tifffile, all bands of it.

    Args:
        contents: of the file.

    Returns:
        [H, W, C], as it is stored; and a note on further pages, or "".

    Raises:
        UnfitImage: tifffile is not installed.
        ValueError: it cannot read the file.
        PIL.Image.DecompressionBombError: it is too large.
    """
    if not has_tifffile():
        raise UnfitImage(
            "has several bands, or values that Pillow does not keep: such a TIFF is read by the "
            f"package tifffile, which is missing. {_INSTALL}."
        )
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(contents)) as tiff:
            page, pages = tiff.pages[0], len(tiff.pages)
            bands_apart, depth, height, width, bands = page.shaped
            shape = height, width, bands_apart * bands
            with room_for_array((*shape, depth), np.dtype(page.dtype).itemsize):
                values = page.asarray(squeeze=False, maxworkers=1)
            orientation = page.tags.valueof(_ORIENTATION, default=1)
    except Image.DecompressionBombError:
        raise
    except Exception as error:  # tifffile raises all kinds for a damaged file
        raise ValueError(f"tifffile says: {str(error) or type(error).__name__}") from None
    # Bands are pages of their own, or each pixel has all of them.
    image = np.moveaxis(values[:, 0], 0, -2).reshape(shape)
    note = f" on the first of {pages} pages, which alone is read" if pages > 1 else ""
    return _turned(image, orientation), note


def _turned(image: NDArray[Any], orientation: Any) -> NDArray[Any]:
    """Turn an image as Pillow's `ImageOps.exif_transpose` does."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return image


def has_tifffile() -> bool:
    """Tell whether tifffile is installed."""
    return importlib.util.find_spec("tifffile") is not None


def check_tifffile(file_paths: Iterable[str], why: str) -> None:
    """Refuse TIFF files that need tifffile, where it is missing, before any is read.

    Args:
        file_paths: what was listed.
        why: the argument that asks for it.

    Raises:
        ImportError: one of them is a TIFF by its name, and tifffile is not installed.
    """
    if has_tifffile():
        return
    for path in file_paths:
        if path.lower().endswith((".tif", ".tiff")):
            raise ImportError(
                f"`{why}` reads TIFF files as {path!r} by the package tifffile, which is missing. "
                f"{_INSTALL}."
            )


def _described(contents: bytes) -> tuple[tuple[int, ...], int, int, int]:
    """Read the bits of each band, how many there are, their kind of numbers and their meaning."""
    file = io.BytesIO(contents)
    start = file.read(16 if contents[2:4] in (b"+\0", b"\0+") else 8)
    try:
        # Image.open would write to the log what it does not know.
        tags = TiffImagePlugin.ImageFileDirectory_v2(start)
        file.seek(tags.next)
        tags.load(file)
        bits, samples = tags.get(_BITS, (1,)), int(tags.get(_SAMPLES, 1))
        kinds = tags.get(_FORMAT, (_WHOLE,))
        return tuple(map(int, bits)), samples, int(kinds[0]), int(tags.get(_COLOURS, 2))
    except Exception:  # damaged in any way; Pillow finds words for it
        return (8,), 1, _WHOLE, _GREYS[1]
