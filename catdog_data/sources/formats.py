"""The formats of image files: their names, endings and signatures, and which API lists them.

Pillow decodes all of `FORMATS`, in a call of Python for each file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PIL import Image


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
    ImageFormat("AVIF", (".avif",), (b"ftypavif", b"ftypavis"), is_common=False, signature_at=4),
)
NPY = ImageFormat("NumPy array", (".npy",), (b"\x93NUMPY",), is_common=False)
"""The one format that Pillow does not know; the tf.data API alone reads it, where it is named."""


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
    matching = (each for each in (*FORMATS, NPY) if each.begins(begin))
    return next(matching, None)


def checked_extensions(extensions: Any) -> tuple[str, ...] | None:
    """Return the endings of files to list in lower case, with their dot; None for Keras'.

    Args:
        extensions: what a caller gave: endings in any case, with or without their dot.

    Raises:
        ValueError: no endings, or one that no reader knows, or for which this Pillow has none.

    Example:
        >>> checked_extensions([".WebP", "npy"])
        ('.webp', '.npy')
    """
    if extensions is None:
        return None
    is_several = isinstance(extensions, (list, tuple, set, frozenset))
    given = list(extensions) if is_several else []
    if not given or not all(isinstance(each, str) for each in given):
        raise ValueError(
            "`extensions` must be None for Keras', or a list of endings of files, at least one, "
            f"such as ('.webp', '.tif', '.npy'); received {extensions!r}."
        )
    endings = tuple(f".{each.lower().removeprefix('.')}" for each in given)
    known = endings_of((*FORMATS, NPY))
    if unknown := [each for each in endings if each not in known]:
        raise ValueError(
            f"`extensions` names {', '.join(map(repr, unknown))}, which no reader knows; received "
            f"{extensions!r}. Known are {', '.join(known)}."
        )
    Image.init()
    if lacking := [each for each in endings if each not in (*NPY.endings, *_endings_of_pillow())]:
        raise ValueError(
            f"`extensions` names {', '.join(map(repr, lacking))}, which this build of Pillow does "
            "not read. Install another, or convert the files."
        )
    return endings


def _endings_of_pillow() -> Iterable[str]:
    """List the endings of formats that this build of Pillow decodes."""
    return Image.registered_extensions()
