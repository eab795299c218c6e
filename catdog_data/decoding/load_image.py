"""Image files as `keras.utils.load_img` loads them, the large ones in little memory."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

from PIL import Image

from catdog_data.decoding.limits import is_large, most_pixels, room_for
from catdog_data.decoding.open_image import open_image

_PIXELS = 2**20
"""Of the rows of an image that are worked on at once."""
_GRAYSCALE = ("L", "I;16", "I")


def load_image(
    path: str | os.PathLike[str],
    color_mode: str,
    target_size: tuple[int, int],
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Load one image file and resize it, to the pixels of `keras.utils.load_img`.

    Args:
        path: the file.
        color_mode: "rgb", "rgba" or "grayscale", which keeps 16 and 32 bits.
        target_size: (height, width) in pixels.
        interpolation: a name that Pillow knows, in lower case.
        keep_aspect_ratio: whether the centre is cropped to the target's aspect ratio first.

    Returns:
        The image, of the target's size.

    Raises:
        OSError: the file cannot be read or decoded.
        PIL.Image.DecompressionBombError: it has too many pixels.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Image.new("L", (60, 40)).save(f"{root}/1.png")
        ...     image = load_image(f"{root}/1.png", "rgb", (8, 6))
        >>> image.size, image.mode
        ((6, 8), 'RGB')
    """
    with open(path, "rb") as file:  # noqa: PTH123 (the path as given)
        contents = file.read()
    image: Image.Image = open_image(io.BytesIO(contents))
    mode = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}[color_mode]
    if mode == "L" and image.mode in _GRAYSCALE:
        mode = image.mode
    size = target_size[1], target_size[0]
    resample = Image.Resampling[interpolation.upper()]
    box = _centre(image.size, size) if keep_aspect_ratio else (0, 0, *image.size)
    with room_for(image):
        if image.size == size:
            return _converted(image, mode)
        return resized(image, mode, size, resample, box)


def resized(
    image: Image.Image,
    mode: str,
    size: tuple[int, int],
    resample: Image.Resampling,
    box: tuple[int, int, int, int] | None = None,
) -> Image.Image:
    """Convert and resize an image; a large one without a converted copy of the whole.

    Args:
        image: any.
        mode: Pillow's name of the colours to convert to.
        size: (width, height) in pixels of the target, which is not the image's.
        resample: how pixels are mixed.
        box: (left, upper, right, lower) in pixels of what is resized; None for all.

    Returns:
        The same as `image.convert(mode).resize(size, resample, box)`.

    Raises:
        PIL.Image.DecompressionBombError: all rows of the image, in the target's width, have too
            many pixels: Pillow mixes columns first.

    Example:
        >>> resized(Image.new("L", (600, 400)), "RGB", (6, 4), Image.Resampling.BOX).size
        (6, 4)
    """
    if resample == Image.Resampling.NEAREST:
        # Pixels that are not picked need no conversion.
        return _converted(image.resize(size, resample, box), mode)
    _check_can_be_widened(image, size[0])
    if not is_large(image):
        return _converted(image, mode).resize(size, resample, box)
    return _resized_by_rows(image, mode, size, resample, box or (0, 0, *image.size))


def _check_can_be_widened(image: Image.Image, width: int) -> None:
    pixels, most = width * image.height, most_pixels()
    if most is not None and pixels > most:
        raise Image.DecompressionBombError(
            f"Image size ({width} columns of the target's for each of {image.height} rows) exceeds "
            f"limit of {most} pixels"
        )


def _resized_by_rows(
    image: Image.Image,
    mode: str,
    size: tuple[int, int],
    resample: Image.Resampling,
    box: tuple[int, int, int, int],
) -> Image.Image:
    """Resize as Pillow does, which mixes columns first and rows after that, rounding in between.

    So the first is done for some rows at a time, and the second for all at the end.
    """
    left, upper, right, lower = box
    mixed = "RGBa" if mode == "RGBA" else mode  # Pillow mixes colours by their opacity
    narrow = Image.new(mixed, (size[0], image.height))
    for top, strip in strips(image):
        rows = _converted(_converted(strip, mode), mixed)
        rows = rows.resize((size[0], rows.height), resample, (left, 0, right, rows.height))
        narrow.paste(rows, (0, top))
    return _converted(narrow.resize(size, resample, (0, upper, size[0], lower)), mode)


def strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Load an image, and cut it into strips of some rows, from the top.

    Args:
        image: any.

    Yields:
        The first row of a strip, and the strip.

    Example:
        >>> [(top, strip.size) for top, strip in strips(Image.new("L", (2**19, 5)))]
        [(0, (524288, 2)), (2, (524288, 2)), (4, (524288, 1))]
    """
    image.load()
    step = max(1, _PIXELS // image.width)
    for top in range(0, image.height, step):
        yield top, image.crop((0, top, image.width, min(top + step, image.height)))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _centre(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Choose the largest box of the target's aspect ratio, (width, height), as Keras does."""
    width, height = size
    crop_width = min(width, height * target[0] // target[1])
    crop_height = min(height, width * target[1] // target[0])
    left, upper = (width - crop_width) // 2, (height - crop_height) // 2
    return left, upper, left + crop_width, upper + crop_height
