"""What image files and archives are made of: parts that join to the file, and fields of sizes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from tests.reliability.whole_images import png_chunk

_BLOCK = 24
"""Bytes of a part, where a format has none that are easily found."""


def parts_of(kind: str, contents: bytes) -> list[bytes]:
    """Split a file at the borders that its format has; joined, they are the file again.

    Args:
        kind: a format of images, or of archives.
        contents: the file, which may be damaged.
    """
    return [part for part in _SPLIT[kind](contents) if part]


def sealed(kind: str, contents: bytes) -> bytes:
    """Make checksums of headers right again, so that a decoder looks at what stands in them."""
    if kind == "png":
        return b"".join(
            png_chunk(part[4:8], part[8:-4])
            if len(part) >= 12 and part[4:8].isalpha() and int.from_bytes(part[:4], "big") < 2**31
            else part
            for part in parts_of(kind, contents)
        )
    if kind == "tar":
        return b"".join(_sealed_header(part) for part in parts_of(kind, contents))
    return contents


def sizes_in(kind: str, contents: bytes) -> list[tuple[int, str]]:
    """Find the fields of a header that say how much there is: position and struct format.

    A position in PPM and tar, whose numbers are text, has the number of characters, as "4s".
    """
    fields = _FIELDS[kind](contents)
    return [(at, form) for at, form in fields if at + struct.calcsize(form) <= len(contents)]


def dimensions_in(kind: str, contents: bytes) -> list[tuple[int, str]]:
    """Find the fields, as of `sizes_in`, that say how wide and how high images are, in turn."""
    places = _DIMENSIONS.get(kind)
    found = [] if places is None else places(contents)
    return [(at, form) for at, form in found if at + struct.calcsize(form) <= len(contents)]


def _jpeg_parts(contents: bytes) -> list[bytes]:
    # Markers, but for those within the pixels: restarts and a stuffed zero.
    return re.split(rb"(?=\xff[\xc0-\xcf\xd8-\xfe])", contents)


def _png_parts(contents: bytes) -> list[bytes]:
    parts, at = [contents[:8]], 8
    while at < len(contents):
        end = at + 12 + int.from_bytes(contents[at : at + 4], "big")
        parts.append(contents[at:end])
        at = end
    return parts


def _riff_parts(contents: bytes) -> list[bytes]:
    parts, at = [contents[:12]], 12
    while at < len(contents):
        size = int.from_bytes(contents[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        parts.append(contents[at:end])
        at = end
    return parts


def _gif_parts(contents: bytes) -> list[bytes]:
    return re.split(rb"(?=\x21[\xf9\xff\xfe]|\x00\x2c|\x00\x3b)", contents)


def _blocks(size: int) -> Callable[[bytes], list[bytes]]:
    return lambda contents: [contents[at : at + size] for at in range(0, len(contents), size)]


_SPLIT: dict[str, Callable[[bytes], list[bytes]]] = {
    "jpeg": _jpeg_parts,
    "png": _png_parts,
    "webp": _riff_parts,
    "gif": _gif_parts,
    "bmp": _blocks(_BLOCK),
    "tiff": _blocks(_BLOCK),
    "ppm": _blocks(_BLOCK),
    "zip": lambda contents: re.split(rb"(?=PK[\x01\x03\x05])", contents),
    "tar": _blocks(512),
    "tar.gz": _blocks(64),
}


def _all_of(pattern: bytes, *fields: tuple[int, str]) -> Callable[[bytes], list[tuple[int, str]]]:
    """Find fields that stand at fixed distances behind every place where a pattern begins."""
    return lambda contents: [
        (found.start() + behind, form)
        for found in re.finditer(pattern, contents, re.DOTALL)
        for behind, form in fields
    ]


def _tiff_fields(contents: bytes) -> list[tuple[int, str]]:
    """The value, count and type of each entry of the first directory, as Pillow writes them."""
    first = int.from_bytes(contents[4:8], "little")
    entries = int.from_bytes(contents[first : first + 2], "little")
    places = [first + 2 + 12 * i for i in range(min(entries, 40))]
    kinds = (8, "<I"), (4, "<I"), (2, "<H"), (0, "<H")
    return [(at + behind, form) for at in places for behind, form in kinds]


def _text_fields(contents: bytes) -> list[tuple[int, str]]:
    return [(m.start(), f"{len(m[0])}s") for m in re.finditer(rb"\d+", contents[:20])][1:]


_FIELDS: dict[str, Callable[[bytes], list[tuple[int, str]]]] = {
    "jpeg": _all_of(
        rb"\xff[\xc0\xc1\xc2\xc4\xda\xdb\xdd]",
        *((2, ">H"), (4, "B"), (5, ">H"), (7, ">H"), (9, "B")),
    ),
    "png": _all_of(rb"IHDR", *((4, ">I"), (8, ">I"), *((at, "B") for at in range(12, 17)))),
    "bmp": lambda _: (
        [(at, "<I") for at in (2, 10, 14, 18, 22, 30, 34, 46)] + [(26, "<H"), (28, "<H")]
    ),
    "gif": lambda contents: [
        *((6, "<H"), (8, "<H"), (10, "B")),
        *_all_of(rb"\x00\x2c", *((at, "<H") for at in (2, 4, 6, 8)), (11, "B"))(contents),
    ],
    "tiff": _tiff_fields,
    "ppm": _text_fields,
    "webp": lambda contents: [
        *((4, "<I"), (16, "<I"), (20, "<I"), (24, "<H"), (26, "<H"), (27, "<H")),
        *_all_of(rb"VP8[ L]|ANMF", (4, "<I"), (9, "<I"), (14, "<H"), (16, "<H"))(contents),
    ],
    "zip": lambda contents: [
        *_all_of(rb"PK\x03\x04", (6, "<H"), (8, "<H"), (18, "<I"), (22, "<I"), (26, "<H"))(
            contents
        ),
        *_all_of(rb"PK\x01\x02", (8, "<H"), (10, "<H"), (20, "<I"), (24, "<I"), (42, "<I"))(
            contents
        ),
        *_all_of(rb"PK\x05\x06", (8, "<H"), (10, "<H"), (12, "<I"), (16, "<I"))(contents),
    ],
    "tar": lambda contents: [
        (header + at, form)
        for header in range(0, len(contents), 512)
        if contents[header + 257 : header + 262] == b"ustar"
        for at, form in ((124, "11s"), (156, "1s"), (0, "8s"))
    ],
    "tar.gz": lambda _: [(2, "B"), (3, "B"), (4, "<I")],
}

_DIMENSIONS: dict[str, Callable[[bytes], list[tuple[int, str]]]] = {
    "jpeg": _all_of(rb"\xff[\xc0-\xc2]", (7, ">H"), (5, ">H")),
    "png": _all_of(rb"IHDR", (4, ">I"), (8, ">I")),
    "bmp": lambda _: [(18, "<I"), (22, "<I")],
    "gif": lambda contents: [
        *((6, "<H"), (8, "<H")),
        *_all_of(rb"\x00\x2c", (6, "<H"), (8, "<H"))(contents),
    ],
    # Pillow writes width and height first.
    "tiff": lambda contents: [field for field in _tiff_fields(contents) if field[1] == "<I"][:4:2],
    "ppm": lambda contents: _text_fields(contents)[:2],
    "webp": _all_of(rb"VP8 ", (14, "<H"), (16, "<H")),
}


def _sealed_header(part: bytes) -> bytes:
    if len(part) != 512 or part[257:262] != b"ustar":
        return part
    total = sum(part[:148]) + sum(part[156:]) + 8 * ord(" ")
    return part[:148] + b"%06o\0 " % total + part[156:]
