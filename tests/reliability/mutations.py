"""Files that are damaged by chance, each from the seed and its own number alone."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from tests.reliability.parts_of_files import dimensions_in, parts_of, sealed, sizes_in
from tests.reliability.whole_images import whole_images

_HOW_MANY = (0.05, 0.45, 0.3, 0.2)
"""Chances of no, one, two and three mutations."""
_MISNAMED = 0.04
_DECLARED = 0.006
"""Chance of declaring many pixels: rare, since decoding them takes a second."""
_EXTREMES = (0, 1, 2, 7, 255, 256, 4_097, 13_000, 30_000, 65_535, 2**31 - 1, 2**32 - 1)
_SIDES = (600, 3_000, 5_000, 9_400, 13_000, 20_000)
_ENDINGS = {"jpeg": "jpg", "tiff": "tif"}


@dataclass(frozen=True)
class Mutated:
    """A file.

    Args:
        name: of the file, unlike all others of its seed.
        kind: the format that it was of.
        variant: which file of that format it was.
        mutations: what was done to it, in order.
        contents: its bytes.
    """

    name: str
    kind: str
    variant: str
    mutations: tuple[str, ...]
    contents: bytes


def mutated_image(seed: int, number: int) -> Mutated:
    """Make an image file; numbers take the formats in turn."""
    return _mutated(whole_images(), np.random.default_rng([seed, number]), number)


def mutated_archive(seed: int, number: int) -> Mutated:
    """Make an archive of image folders; numbers take the formats in turn."""
    return _mutated(_whole_archives(), np.random.default_rng([seed, 1, number]), number)


def _mutated(
    whole: Mapping[str, Mapping[str, bytes]], rng: np.random.Generator, number: int
) -> Mutated:
    kind = list(whole)[number % len(whole)]
    variant = str(rng.choice(list(whole[kind])))
    contents = whole[kind][variant]
    donor = whole[kind][str(rng.choice(list(whole[kind])))]
    done = [str(each) for each in rng.choice(list(MUTATIONS), int(rng.choice(4, p=_HOW_MANY)))]
    for each in done:
        contents = MUTATIONS[each](rng, kind, contents, donor) if contents else contents
    if rng.random() < _DECLARED:
        done, contents = ["declared"], _declare(rng, kind, whole[kind][variant])
    if done and rng.random() < 0.5:
        contents = sealed(kind, contents)
    if kind == "tar" and rng.random() < 0.5:
        kind, contents = "tar.gz", gzip.compress(contents, mtime=0)
    ending = kind if rng.random() > _MISNAMED else str(rng.choice(list(whole)))
    name = f"{number:06d}.{_ENDINGS.get(ending, ending)}"
    return Mutated(name, kind, variant, tuple(done), contents)


@cache
def _whole_archives() -> dict[str, dict[str, bytes]]:
    """Make archives of a few class folders, by format and name."""
    images = whole_images()["jpeg"], whole_images()["png"]
    files = {
        f"{split}/{name}/{i}.{'jpg' if kind is images[0] else 'png'}": list(kind.values())[i]
        for split in ("train", "validation")
        for name, kind in zip(("cats", "dogs"), images, strict=True)
        for i in range(3)
    }
    return {
        "zip": {
            "stored": _zip(files, zipfile.ZIP_STORED),
            "deflated": _zip(files, zipfile.ZIP_DEFLATED),
        },
        "tar": {"tar": _tar(files, tarfile.USTAR_FORMAT), "pax": _tar(files, tarfile.PAX_FORMAT)},
        "tar.gz": {"tar": gzip.compress(_tar(files, tarfile.GNU_FORMAT), mtime=0)},
    }


def _zip(files: Mapping[str, bytes], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, contents in files.items():
            info = zipfile.ZipInfo(name)  # of 1980, and not of now
            archive.writestr(info, contents, method)
    return file.getvalue()


def _tar(files: Mapping[str, bytes], form: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, contents in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            if form == tarfile.PAX_FORMAT:
                info.pax_headers = {"comment": "a cat"}
            archive.addfile(info, io.BytesIO(contents))
    return file.getvalue()


def _flip_bits(rng: np.random.Generator, _kind: str, contents: bytes, _donor: bytes) -> bytes:
    damaged = np.frombuffer(contents, np.uint8).copy()
    for at in rng.integers(0, len(contents), int(rng.integers(1, 17))):
        damaged[at] ^= 1 << rng.integers(0, 8)
    return damaged.tobytes()


def _overwrite(rng: np.random.Generator, _kind: str, contents: bytes, _donor: bytes) -> bytes:
    """Set a run of bytes to zero, to 255 or to anything."""
    begin = int(rng.integers(0, len(contents)))
    end = min(begin + int(rng.integers(1, 65)), len(contents))
    run = (bytes(end - begin), b"\xff" * (end - begin), rng.bytes(end - begin))
    return contents[:begin] + run[rng.integers(0, 3)] + contents[end:]


def _cut(rng: np.random.Generator, _kind: str, contents: bytes, _donor: bytes) -> bytes:
    return contents[: int(rng.integers(0, len(contents)))]


def _append(rng: np.random.Generator, _kind: str, contents: bytes, donor: bytes) -> bytes:
    return contents + (donor if rng.random() < 0.5 else rng.bytes(int(rng.integers(1, 200))))


def _set_field(rng: np.random.Generator, kind: str, contents: bytes, _donor: bytes) -> bytes:
    """Set a field of the header to an extreme."""
    fields = sizes_in(kind, contents)
    if not fields:
        return contents
    at, form = fields[rng.integers(0, len(fields))]
    return with_field(rng, kind, contents, at, form, int(rng.choice(_EXTREMES)))


def _declare(rng: np.random.Generator, kind: str, contents: bytes) -> bytes:
    """Declare an image, or all frames, far larger than it is."""
    sides = [int(side) for side in rng.choice(_SIDES, 2)]
    for i, (at, form) in reversed(list(enumerate(dimensions_in(kind, contents)))):
        contents = with_field(rng, kind, contents, at, form, sides[i % 2])
    return contents


def with_field(
    rng: np.random.Generator, kind: str, contents: bytes, at: int, form: str, value: int
) -> bytes:
    """Write a number, or in archives a text in its place, into a field as of `sizes_in`."""
    size = struct.calcsize(form)
    if not form.endswith("s"):
        new = struct.pack(form, value % 256**size)
    elif kind == "ppm":
        new = b"%d" % value
    else:
        texts = (b"%011o" % value, b"../../up", b"/etc/abc", b"12345670")
        new = texts[rng.integers(0, len(texts))].ljust(size)[:size]
    return contents[:at] + new + contents[at + size :]


def _delete_part(rng: np.random.Generator, kind: str, contents: bytes, _donor: bytes) -> bytes:
    parts = parts_of(kind, contents)
    del parts[rng.integers(0, len(parts))]
    return b"".join(parts)


def _duplicate_part(rng: np.random.Generator, kind: str, contents: bytes, _donor: bytes) -> bytes:
    parts = parts_of(kind, contents)
    parts.insert(int(rng.integers(0, len(parts))), parts[rng.integers(0, len(parts))])
    return b"".join(parts)


def _swap_parts(rng: np.random.Generator, kind: str, contents: bytes, _donor: bytes) -> bytes:
    parts = parts_of(kind, contents)
    one, other = rng.integers(0, len(parts), 2)
    parts[one], parts[other] = parts[other], parts[one]
    return b"".join(parts)


def _splice(rng: np.random.Generator, kind: str, contents: bytes, donor: bytes) -> bytes:
    """Put a part of another file of the format in the place of one."""
    parts, others = parts_of(kind, contents), parts_of(kind, donor)
    parts[rng.integers(0, len(parts))] = others[rng.integers(0, len(others))]
    return b"".join(parts)


Mutation = Callable[[np.random.Generator, str, bytes, bytes], bytes]

MUTATIONS: dict[str, Mutation] = {
    "bits": _flip_bits,
    "bytes": _overwrite,
    "cut": _cut,
    "appended": _append,
    "field": _set_field,
    "part-deleted": _delete_part,
    "part-doubled": _duplicate_part,
    "parts-swapped": _swap_parts,
    "spliced": _splice,
}
"""From a file, its format and another file of it to the damaged file, by name."""
