"""What the first bytes of a file say about it. No pixel is decoded."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

from catdog_data.decoding.open_image import open_image
from catdog_data.sources.formats import JPEG, NPY, format_of

MAX_PIXELS = 178_956_970
"""Where Pillow refuses an image as well."""

LOOKED_AT = 1024
"""Bytes at the beginning that show what a file is."""

_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258
_DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_FOREIGN = re.compile(
    rb"....ftyp|\0\0\0\x0cJXL |\xff\x0a|%PDF|%!PS|\xc5\xd0\xd3\xc6|8BPS|.*<svg", re.DOTALL
)
"""How formats begin that no reader decodes: HEIF, AVIF, JPEG XL, PDF, EPS, Photoshop's, SVG."""
_TOO_SHORT = re.compile(
    r"truncat|premature|not enough|incomplete|unexpected end|reached eof|buffer is too small"
    r"|cut short|failed to read \d+ bytes",
    re.IGNORECASE,
)
_NOT_SUPPORTED = re.compile(r"support|not available|not implemented", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """What a file declares.

    Args:
        format: Pillow's name of it.
        width: in pixels.
        height: in pixels.
        channels: how many there are.
        traits: names of kinds of findings: what readers convert, or do without.
    """

    format: str
    width: int
    height: int
    channels: int
    traits: tuple[str, ...] = ()

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


def read_header(file: BinaryIO) -> Header:
    """Read what an image file declares.

    Args:
        file: open, at its beginning; it is read no further than the header.

    Raises:
        Exception: whatever Pillow raises for what is no image, or a damaged one;
            `PIL.Image.DecompressionBombError` for more than `MAX_PIXELS`.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("RGBA", (60, 40)).save(file, "PNG")
        >>> read_header(file)
        Header(format='PNG', width=60, height=40, channels=4, traits=('alpha',))
    """
    if NPY.begins(file.read(LOOKED_AT)):
        return _of_array(file)
    image = _opened(file)
    # What cameras save beside the picture in one file is a preview, and no animation.
    form = "JPEG" if image.format == "MPO" else str(image.format)
    traits = {
        "animated": form != "JPEG" and bool(getattr(image, "is_animated", False)),
        "cmyk": image.mode == "CMYK",
        "16-bit": _is_deep(image, file),
        "alpha": image.has_transparency_data,
        "exif-rotated": _orientation(image) > 1,
    }
    return Header(
        form,
        *image.size,
        channels=len(image.getbands()),
        traits=tuple(name for name, has in traits.items() if has),
    )


def _of_array(file: BinaryIO) -> Header:
    # Here, as `--help` would wait for NumPy.
    from catdog_data.decoding.npy_header import read_npy_header

    file.seek(0)
    shape, _, dtype = read_npy_header(file)
    height, width, channels = (*shape, 1, 1, 1)[:3]
    return Header(NPY.name, width, height, channels, ("16-bit",) if dtype.itemsize > 1 else ())


def expected_format(name: str) -> str | None:
    """Tell which format a file's name promises, by Pillow's name of it; None where it does not.

    Example:
        >>> expected_format("cats/1.JPG"), expected_format("cats/1")
        ('JPEG', None)
    """
    found = Image.registered_extensions().get(Path(name).suffix.lower())
    return "JPEG" if found == "MPO" else found


def cause(begin: bytes, end: bytes, words: str) -> str:
    r"""Tell why a file cannot be read.

    Args:
        begin: its first bytes, `LOOKED_AT` of them or all.
        end: its last bytes.
        words: what its decoder says.

    Returns:
        The name of a kind of finding.

    Example:
        >>> cause(b"<html>", b"</html>\n", "cannot identify image file")
        'not-an-image'
        >>> cause(b"\xff\xd8\xff\xe0", b"\0\0", "broken")
        'cut'
    """
    if not begin:
        return "empty"
    known = format_of(begin)
    if known is None:
        return "unsupported" if _FOREIGN.match(begin) else "not-an-image"
    if not end.endswith(known.trailer) or _TOO_SHORT.search(words):
        return "cut"
    return "unsupported" if _NOT_SUPPORTED.search(words) else "damaged"


def _opened(file: BinaryIO) -> ImageFile.ImageFile:
    file.seek(0)
    known = format_of(file.read(len(JPEG.signatures[0])))
    if known is JPEG:
        # Half the time of asking for every format.
        with suppress(UnidentifiedImageError):
            return open_image(file, formats=[JPEG.name])
    return open_image(file)


def _is_deep(image: Image.Image, file: BinaryIO) -> bool:
    if image.mode in _DEEP:
        return True
    if image.format == "PNG":
        # Pillow makes 8 bits of colours of 16, and tells by no attribute.
        place = file.tell()
        file.seek(24)
        depth = file.read(1)
        file.seek(place)
        return depth == b"\x10"
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))
    return any(each > 8 for each in (bits if isinstance(bits, tuple) else (bits,)))


def _orientation(image: ImageFile.ImageFile) -> int:
    """Read how the picture is to be turned; 1 for not at all."""
    # Of a TIFF, Pillow turns the pixels itself; and of a PNG, it would decode them to look.
    places = {"TIFF": set[str](), "PNG": {"exif"}}.get(str(image.format), {"exif", "xmp"})
    if not places & image.info.keys():
        return 1
    with suppress(Exception):  # damaged notes are as good as none
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1
