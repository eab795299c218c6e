"""Files of the same bytes, and pictures that look alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.decoding.open_image import open_image
from catdog_data.verification.findings import Finding
from catdog_data.verification.listing import ListedFile

NEAR = 4
"""In how many of 64 bits the hashes of pictures that look alike may differ."""

_BITS = 64
_HASHED_SIDE = 64
"""Pixels, at least, of which a hash is made: a JPEG is decoded no larger than it must."""
_CHUNK = 2048


def same_bytes(files: Sequence[ListedFile], digests: Sequence[bytes]) -> Iterator[Finding]:
    """Find files that have the same bytes, within a folder and across folders.

    Args:
        files: the N files, in the order of their parts.
        digests: of their bytes; b"" for those that are not compared.

    Yields:
        For each file that another one before it equals: "leak" where that is of another part,
        else "duplicate". For all files that are in several classes: "two-classes".
    """
    groups: dict[bytes, list[ListedFile]] = {}
    for file, digest in zip(files, digests, strict=True):
        if digest:
            groups.setdefault(digest, []).append(file)
    for group in groups.values():
        if len(group) > 1:
            yield from _of_group(group)


def hasher() -> Any:
    """Return imagehash's function that hashes a picture by what it looks like.

    Raises:
        ImportError: the package is not installed; the message says how to.
    """
    try:
        return import_module("imagehash").phash
    except ImportError as error:
        raise ImportError(
            f"Near-duplicates need the package imagehash, which cannot be imported ({error}). "
            "Install it with `pip install catdog[imagehash]`, or do without them."
        ) from error


def picture_hash(phash: Any, contents: bytes) -> int:
    """Hash a picture: 64 bits, few of which differ between pictures that look alike.

    Args:
        phash: of `hasher`.
        contents: of an image file that Pillow reads.
    """
    with open_image(BytesIO(contents)) as image:
        image.draft("L", (_HASHED_SIDE, _HASHED_SIDE))
        bits = np.packbits(phash(image).hash)
    return int.from_bytes(bits.tobytes(), "big")


def looks_alike(
    files: Sequence[ListedFile], hashes: Sequence[int | None], digests: Sequence[bytes]
) -> Iterator[Finding]:
    """Find pictures that look as one before them, and are not of the same bytes.

    Args:
        files: the N files.
        hashes: of `picture_hash`; None for those that are not compared.
        digests: of their bytes.
    """
    rows = [row for row, value in enumerate(hashes) if value is not None]
    values = np.array([hashes[row] for row in rows], np.uint64)
    for earlier, later, bits in near_pairs(values):
        one, other = rows[earlier], rows[later]
        if digests[one] != digests[other]:
            file = files[other]
            detail = f"{bits} of {_BITS} bits differ"
            yield Finding(file.folder, file.name, "near-duplicate", detail, files[one].path)


def near_pairs(hashes: NDArray[np.uint64], distance: int = NEAR) -> Iterator[tuple[int, int, int]]:
    """Find for each hash an earlier one that differs in few bits: of the nearest, the first.

    Args:
        hashes: N of them.
        distance: in how many bits they may differ.

    Yields:
        The position of the earlier one, of the later one, and how many bits differ; by the later.

    Example:
        >>> list(near_pairs(np.array([0, 2**60 - 1, 7, 0], np.uint64)))
        [(0, 2, 3), (0, 3, 0)]
    """
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    nearest: dict[int, tuple[int, int]] = {}
    for one, other, bits in _near_among(unique, distance):
        earlier, later = sorted((int(first[one]), int(first[other])))
        nearest[later] = min(nearest.get(later, (_BITS, 0)), (bits, earlier))
    for later in range(len(hashes)):
        same = int(first[inverse[later]])
        if same != later:
            yield same, later, 0
        elif later in nearest:
            bits, earlier = nearest[later]
            yield earlier, later, bits


def _near_among(hashes: NDArray[np.uint64], distance: int) -> Iterator[tuple[int, int, int]]:
    """Find all pairs of hashes, all different, that differ in so many bits at most."""
    # Of distance + 1 bands of bits, one at least is the same in two such hashes.
    borders = np.linspace(0, _BITS, distance + 2).astype(int)
    for begin, end in pairwise(borders):
        band = (hashes >> np.uint64(begin)) & np.uint64(2 ** int(end - begin) - 1)
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order])) + 1
        for group in np.split(order, starts):
            if len(group) > 1:
                yield from _near_in_group(hashes, group, distance)


def _near_in_group(
    hashes: NDArray[np.uint64], group: NDArray[np.int64], distance: int
) -> Iterator[tuple[int, int, int]]:
    values = hashes[group]
    for begin in range(0, len(group), _CHUNK):
        bits = np.bitwise_count(values[begin : begin + _CHUNK, np.newaxis] ^ values)
        for row, column in np.argwhere(bits <= distance).tolist():
            if begin + row < column:
                yield int(group[begin + row]), int(group[column]), int(bits[row, column])


def _of_group(group: list[ListedFile]) -> Iterator[Finding]:
    first_of_part: dict[int, ListedFile] = {}
    for file in group:
        before = first_of_part.setdefault(file.part, file)
        if file.part != group[0].part:
            yield Finding(file.folder, file.name, "leak", other=group[0].path)
        elif before is not file:
            yield Finding(file.folder, file.name, "duplicate", other=before.path)
        for other in group:
            if None not in (names := {file.class_name, other.class_name}) and len(names) == 2:
                yield Finding(file.folder, file.name, "two-classes", other=other.path)
                break
