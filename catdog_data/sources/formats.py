"""The formats of image files: their names, endings and signatures, and which API lists them.

Pillow decodes all of them, in a call of Python for each file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ImageFormat:
    """A format of image files.

    Args:
        name: what errors call it.
        endings: how names of its files end, in lower case.
        signatures: the bytes that its files may have at `signature_at`.
        signature_at: where a signature stands, in bytes from the file's beginning.
        trailer: how they end, where that is fixed.
        is_common: whether a folder of such files alone is a folder of images.
        in_datasets: whether the tf.data API lists its files, which TensorFlow then decodes.
    """

    name: str
    endings: tuple[str, ...]
    signatures: tuple[bytes, ...] = ()
    trailer: bytes = b""
    is_common: bool = True
    in_datasets: bool = False
    signature_at: int = 0

    def begins(self, contents: bytes) -> bool:
        r"""Tell whether the first bytes of a file have one of the signatures.

        Example:
            >>> ImageFormat("AVIF", (".avif",), (b"ftypavif",), signature_at=4).begins(
            ...     b"\0\0\0 ftypavif"
            ... )
            True
        """
        return contents.startswith(self.signatures, self.signature_at)


JPEG = ImageFormat("JPEG", (".jpeg", ".jpg"), (b"\xff\xd8\xff",), b"\xff\xd9", in_datasets=True)
PNG = ImageFormat("PNG", (".png",), (b"\x89PNG",), b"IEND\xae\x42\x60\x82", in_datasets=True)
FORMATS = (
    JPEG,
    PNG,
    ImageFormat("GIF", (".gif",), (b"GIF8",), b"\x3b", in_datasets=True),
    ImageFormat("BMP", (".bmp",), (b"BM",), in_datasets=True),
    ImageFormat("TIFF", (".tif", ".tiff"), (b"II*\0", b"MM\0*")),
    ImageFormat("WebP", (".webp",), (b"RIFF",)),
    ImageFormat("PPM", (".ppm",), (b"P6", b"P5")),
    ImageFormat("PNM", (".pbm", ".pgm", ".pnm"), is_common=False),
    ImageFormat("JPEG 2000", (".jp2",), is_common=False),
    ImageFormat("TGA", (".tga",), is_common=False),
)


def endings_of(formats: Iterable[ImageFormat]) -> tuple[str, ...]:
    """List the endings of formats, sorted.

    Example:
        >>> endings_of(each for each in FORMATS if each.in_datasets)
        ('.bmp', '.gif', '.jpeg', '.jpg', '.png')
    """
    return tuple(sorted(ending for each in formats for ending in each.endings))


def format_of(begin: bytes) -> ImageFormat | None:
    """Recognise a format by the first bytes of a file.

    Example:
        >>> format_of(b"GIF89a").name
        'GIF'
    """
    matching = (each for each in FORMATS if each.begins(begin))
    return next(matching, None)
