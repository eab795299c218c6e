"""Image files that are damaged, of the wrong kind or absurd: as many as asked for, from a seed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_SIZE = (37, 29)
_KEPT = 12
"""Bytes at either end that stay right where a file is damaged inside."""


@dataclass(frozen=True)
class CorruptFile:
    """One file.

    Args:
        name: unlike all others of the same seed.
        kind: what it was before it was damaged, a key of `whole_files`.
        damage: what was done to it, a key of `DAMAGES`.
        contents: its bytes.
    """

    name: str
    kind: str
    damage: str
    contents: bytes


def corrupt_files(seed: int, count: int) -> list[CorruptFile]:
    """Make files in turn of every kind and with every damage.

    Args:
        seed: of where files are damaged, and how.
        count: how many; of fewer than there are kinds and damages, a choice.

    Returns:
        `count` files; the same for the same seed and version of Pillow.
    """
    rng = np.random.default_rng(seed)
    whole = whole_files()
    every = [(kind, damage) for kind in whole for damage in DAMAGES]
    rounds = -(-count // len(every))
    chosen = [every[i] for _ in range(rounds) for i in rng.permutation(len(every))]
    return [
        CorruptFile(
            f"{i:05d}.{kind}.{damage}{_suffix(kind, damage)}",
            kind,
            damage,
            DAMAGES[damage](rng, whole[kind]),
        )
        for i, (kind, damage) in enumerate(chosen[:count])
    ]


def write_files(folder: Path, files: list[CorruptFile]) -> list[str]:
    """Write files into a folder, which is made; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in files:
        (folder / each.name).write_bytes(each.contents)
    return [str(folder / each.name) for each in files]


def break_inside(path: Path) -> None:
    """Leave a file's first and last bytes as they are, and make all between unreadable."""
    contents = path.read_bytes()
    path.write_bytes(contents[:3] + b"Z" * (len(contents) - 5) + contents[-2:])


def whole_files() -> dict[str, bytes]:
    """Make one small file of each kind, by name."""
    return {name: _saved(*how) for name, how in _KINDS.items()}


def bomb(side: int = 50_000) -> bytes:
    """Make a PNG that declares side x side pixels, and holds next to none."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


_KINDS: dict[str, tuple[str, str, dict[str, object]]] = {
    "jpeg": ("RGB", "JPEG", {"quality": 85}),
    "progressive": ("RGB", "JPEG", {"progressive": True}),
    "gray-jpeg": ("L", "JPEG", {}),
    "cmyk-jpeg": ("CMYK", "JPEG", {}),
    "png": ("RGB", "PNG", {}),
    "gray-png": ("L", "PNG", {}),
    "alpha-png": ("RGBA", "PNG", {}),
    "palette-png": ("P", "PNG", {}),
    "deep-png": ("I;16", "PNG", {}),
    "bmp": ("RGB", "BMP", {}),
    "gray-bmp": ("L", "BMP", {}),
    "gif": ("P", "GIF", {}),
    "animation": ("P", "GIF", {"save_all": True, "append_images": 2}),
    "tiff": ("RGB", "TIFF", {}),
    "lab-tiff": ("LAB", "TIFF", {}),
    "cmyk-tiff": ("CMYK", "TIFF", {}),
    "deep-tiff": ("I;16", "TIFF", {}),
    "ppm": ("RGB", "PPM", {}),
    "webp": ("RGB", "WEBP", {}),
}
"""Mode, format and options of each kind, by name."""

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "GIF": ".gif", "TIFF": ".tif"}


def _cut(rng: np.random.Generator, contents: bytes) -> bytes:
    return contents[: int(rng.integers(_KEPT, len(contents) - 1))]


def _flip(rng: np.random.Generator, contents: bytes) -> bytes:
    """Change some bytes, one to a tenth of them, but not near the ends."""
    damaged = np.frombuffer(contents, np.uint8).copy()
    inside = np.arange(_KEPT, len(contents) - _KEPT)
    number = int(rng.integers(1, len(contents) // 10))
    damaged[rng.choice(inside, number, replace=False)] ^= rng.integers(
        1, 256, number, dtype=np.uint8
    )
    return damaged.tobytes()


def _blank(rng: np.random.Generator, contents: bytes) -> bytes:
    """Set a run of bytes inside to zero, as a download with a gap has them."""
    begin = int(rng.integers(_KEPT, len(contents) // 2))
    end = int(rng.integers(begin + 1, len(contents) - _KEPT))
    return contents[:begin] + bytes(end - begin) + contents[end:]


def _mark(_: np.random.Generator, contents: bytes) -> bytes:
    """Put a marker of JPEG inside, of a segment longer than the file: Pillow forgives it."""
    place = len(contents) * 3 // 4
    return contents[:place] + b"\xff\xe0\xff\xff" + contents[place:]


DAMAGES: dict[str, Callable[[np.random.Generator, bytes], bytes]] = {
    "none": lambda _, contents: contents,
    "wrongly-named": lambda _, contents: contents,
    "cut": _cut,
    "empty": lambda *_: b"",
    "header": lambda rng, contents: contents[: int(rng.integers(1, 30))],
    "flipped": _flip,
    "blank": _blank,
    "marker": _mark,
    "wrong-end": lambda rng, contents: contents[:-_KEPT] + rng.bytes(_KEPT),
    "trailing": lambda rng, contents: contents + rng.bytes(20),
    "noise": lambda rng, contents: contents[:4] + rng.bytes(len(contents)) + contents[-2:],
    "text": lambda *_: b"<html><body>404 Not Found</body></html>\n",
    "bomb": lambda *_: bomb(),
}
"""What is done to a whole file, by name; with "none" it is of a kind that may not fit."""


def _suffix(kind: str, damage: str) -> str:
    return ".jpg" if damage == "wrongly-named" else _SUFFIXES.get(_KINDS[kind][1], ".ppm")


def _saved(mode: str, form: str, options: dict[str, object]) -> bytes:
    frames = _frames(mode)
    more = options.get("append_images")
    if isinstance(more, int):
        options = options | {"append_images": [next(frames) for _ in range(more)]}
    file = io.BytesIO()
    next(frames).save(file, form, **options)
    return file.getvalue()


def _frames(mode: str) -> Iterator[Image.Image]:
    """Draw pictures that differ, smooth but uneven."""
    rng = np.random.default_rng(7)
    while True:
        small = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        picture = small.resize(_SIZE, Image.Resampling.BICUBIC)
        if mode == "I;16":
            yield Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)
        elif mode == "LAB":
            yield Image.frombytes("LAB", _SIZE, picture.tobytes())
        else:
            yield picture.convert(mode)
