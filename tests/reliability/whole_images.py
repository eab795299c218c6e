"""Small whole image files of every format and variant, the material of mutations."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIZES = ((37, 29), (48, 48), (17, 40), (1, 1))
"""(width, height); the last for the first variant of each format alone."""

_PILLOW: dict[str, list[tuple[str, str, dict[str, object]]]] = {
    "jpeg": [
        ("baseline", "RGB", {"quality": 85}),
        ("whole-chroma", "RGB", {"subsampling": 0, "optimize": True}),
        ("restarts", "RGB", {"restart_marker_blocks": 3}),
        ("progressive", "RGB", {"progressive": True}),
        ("gray", "L", {}),
        ("gray-progressive", "L", {"progressive": True}),
        ("cmyk", "CMYK", {}),
        ("exif", "RGB", {"exif": True}),
    ],
    "bmp": [("rgb", "RGB", {}), ("rgba", "RGBA", {}), ("palette", "P", {}), ("bits", "1", {})],
    "gif": [
        ("palette", "P", {}),
        ("not-interlaced", "P", {"interlace": 0}),
        ("animated", "P", {"frames": 3, "duration": 40}),
        ("transparent", "P", {"frames": 3, "transparency": 3, "disposal": 2}),
    ],
    "tiff": [
        ("rgb", "RGB", {}),
        ("lzw", "RGB", {"compression": "tiff_lzw"}),
        ("deflate", "RGBA", {"compression": "tiff_adobe_deflate"}),
        ("packbits", "L", {"compression": "packbits"}),
        ("jpeg", "RGB", {"compression": "jpeg"}),
        ("fax", "1", {"compression": "group4"}),
        ("palette", "P", {}),
        ("cmyk", "CMYK", {}),
        ("deep", "I;16", {}),
        ("pages", "RGB", {"frames": 2}),
    ],
    "ppm": [("rgb", "RGB", {}), ("gray", "L", {}), ("deep", "I;16", {}), ("bits", "1", {})],
    "webp": [
        ("lossy", "RGB", {"quality": 80}),
        ("lossless", "RGB", {"lossless": True}),
        ("alpha", "RGBA", {"quality": 80}),
        ("animated", "RGB", {"frames": 3, "duration": 40}),
    ],
}
"""What Pillow writes of each format: variant, mode and options."""

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by PNG's number of the colour type."""
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
"""First row and column, and steps, of each pass but the last of an interlaced PNG."""


@cache
def whole_images() -> dict[str, dict[str, bytes]]:
    """Make a file of every variant and size: by format and by name.

    The same with the same versions of NumPy and Pillow.
    """
    files = {
        kind: {
            f"{name}-{width}x{height}": _saved(kind, mode, options, (width, height))
            for i, (name, mode, options) in enumerate(variants)
            for width, height in _SIZES[: len(_SIZES) - bool(i)]
        }
        for kind, variants in _PILLOW.items()
    }
    files["png"] = {
        f"type-{colour}-{depth}-bits{'-interlaced' * interlaced}-{width}x{height}": _png(
            colour, depth, interlaced, (width, height)
        )
        for colour, depths in _DEPTHS.items()
        for depth in depths
        for interlaced in (False, True)
        for width, height in (_SIZES if colour == 2 else _SIZES[:2])
    }
    return dict(sorted(files.items()))


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Frame a chunk of a PNG, with the checksum that belongs to it."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _saved(kind: str, mode: str, options: dict[str, object], size: tuple[int, int]) -> bytes:
    options, pictures = dict(options), _pictures(mode, size)
    frames = options.pop("frames", 1)
    if options.pop("exif", False):
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 6  # lies on its side
    first, *others = (next(pictures) for _ in range(frames))
    if others:
        options |= {"save_all": True, "append_images": others}
    file = io.BytesIO()
    first.save(file, kind, **options)
    return file.getvalue()


def _pictures(mode: str, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Draw pictures that differ, smooth but uneven."""
    rng = np.random.default_rng(7)
    while True:
        small = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        picture = small.resize(size, Image.Resampling.BICUBIC)
        if mode == "I;16":
            yield Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)
        else:
            yield picture.convert(mode)


def _png(colour: int, depth: int, interlaced: bool, size: tuple[int, int]) -> bytes:
    """Write a PNG; Pillow writes neither interlaced ones nor all depths."""
    width, height = size
    rng = np.random.default_rng([colour, depth])
    # Runs of equal samples, so that there is something to compress.
    values = rng.integers(0, 2**depth, (height, -(-width // 4), _CHANNELS[colour]))
    samples = np.repeat(values, 4, axis=1)[:, :width]
    last = (1, 0, 2, 1) if interlaced else (0, 0, 1, 1)
    passes = (*_PASSES, last) if interlaced else (last,)
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes]
    rows = b"".join(b"\0" + _packed(row, depth) for part in parts if part.shape[1] for row in part)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))]
    if colour == 3:
        chunks += [(b"PLTE", rng.bytes(3 * 2**depth)), (b"tRNS", b"\0\x80")]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in chunks)


def _packed(samples: NDArray[np.int64], depth: int) -> bytes:
    if depth == 16:
        return samples.astype(">u2").tobytes()
    bits = samples.reshape(-1, 1) >> np.arange(depth - 1, -1, -1) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()
