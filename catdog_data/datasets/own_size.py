"""Images of their own size, where `image_size=None`: how files are read, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.compose import compose
from catdog_data.cache.cached import Cache, CacheOfListing
from catdog_data.datasets.build import Epochs, Source
from catdog_data.datasets.elements import Output
from catdog_data.datasets.reading import Reading, checked_reading
from catdog_data.decoding.any_format import decode_any
from catdog_data.decoding.decode import decode_as_keras_dataset, read_with
from catdog_data.decoding.wanted import Wanted
from catdog_data.engine.own_size import ImagesOfOwnSize
from catdog_data.engine.pixel_sources import tensor_of_paths

_ANY_SIZE = 1
"""In place of the sides of a target, while other arguments are checked."""


@dataclass(frozen=True)
class OwnSizeReading:
    """How files are read that are not resized; it stands where a `Reading` does.

    Args:
        channels: 1, 3 or 4; or, where `as_stored`, what files must have.
        interpolation: of images that are resized; it decides the type of values here too.
        as_stored: whether colours are not converted.
    """

    channels: int
    interpolation: str
    as_stored: bool = False

    @property
    def wanted(self) -> Wanted:
        """The pixels of a file."""
        return Wanted(self.channels, as_stored=self.as_stored)

    def source(
        self,
        file_paths: Sequence[str],
        epochs: Epochs,
        output: Output,
        cache: Cache | CacheOfListing = None,
        mask_paths: Sequence[str] | None = None,
    ) -> Source:
        """Make the source of the pixels of files; see `Reading.source`."""
        paths = tensor_of_paths(file_paths)

        def image_of(index: tf.Tensor) -> tf.Tensor:
            return read_with(tf.gather(paths, index), self.decoded_in_turn, self.channels)

        return self.source_of_images(image_of, file_paths, epochs, output)

    def source_of_images(
        self,
        image_of: Callable[[tf.Tensor], tf.Tensor],
        names: Sequence[str],
        epochs: Epochs,
        output: Output,
        cache: Cache | CacheOfListing = None,
    ) -> Source:
        """Make the source of the pixels of images; see `Reading.source_of_images`."""
        dtype = "uint8" if self.interpolation == "nearest" else "float32"
        pixels = ImagesOfOwnSize(image_of, self.channels, names)
        return Source(pixels, len(names), dtype, image_size=None)

    def settings(self, origin: str) -> dict[str, Any]:
        """Describe how images are read; see `Reading.settings`."""
        return {**self.cached_as(), "folder": origin}

    def cached_as(self) -> dict[str, Any]:
        """Describe how pixels are read."""
        return {"reader": "Keras datasets, own size", **asdict(self)}

    def decoded_in_turn(self, contents: tf.Tensor) -> tf.Tensor:
        """Decode the bytes of one file, string[]; see `Reading.decoded_in_turn`."""
        return decode_any(
            contents,
            lambda each: decode_as_keras_dataset(each, self.wanted.of_decoder),
            self.wanted,
        )


def checked_reading_of_any_size(
    image_size: Any,
    color_mode: str | int,
    interpolation: str,
    crop_to_aspect_ratio: bool,
    pad_to_aspect_ratio: bool,
    antialias: bool,
    decode: str,
    pixel_dtype: str = "uint8",
    **others: Any,
) -> Reading | OwnSizeReading:
    """Do as `checked_reading`, and take None for the size: that of each image.

    Args:
        image_size: see `checked_reading`.
        color_mode: as well.
        interpolation: as well.
        crop_to_aspect_ratio: as well.
        pad_to_aspect_ratio: as well.
        antialias: as well.
        decode: as well.
        pixel_dtype: as well.
        **others: arguments of the caller that do not go with every size: `cache`, `masks`,
            `augment_on` and `augmentation`.

    Raises:
        ValueError: a value that is not known, or one that needs images of one size.

    Example:
        >>> checked_reading_of_any_size(None, "rgb", "bilinear", False, True, False, "exact")
        Traceback (most recent call last):
        ValueError: `image_size=None` keeps the size of each image, and \
`pad_to_aspect_ratio=True` needs one for all. Give an `image_size`, or leave \
`pad_to_aspect_ratio` out.
    """
    reading = checked_reading(
        _ANY_SIZE if image_size is None else image_size,
        color_mode,
        interpolation,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        antialias,
        decode,
        pixel_dtype,
    )
    if image_size is not None:
        return reading
    if pixel_dtype != "uint8":
        raise ValueError(
            f"`image_size=None` reads 8 bits a value; received `pixel_dtype={pixel_dtype!r}`, or "
            "an `output_dtype` that asks for it. Give an `image_size`, or leave both out."
        )
    _check_own_size(
        crop_to_aspect_ratio=reading.crop,
        pad_to_aspect_ratio=reading.pad,
        antialias=reading.antialias,
        decode=decode if decode == "fast" else None,
        **others,
    )
    return OwnSizeReading(reading.channels, reading.interpolation, reading.as_stored)


def _check_own_size(
    *, augmentation: Augmentation | None = None, augment_on: str = "host", **given: Any
) -> None:
    """Refuse what needs images of one size, by the name of its argument."""
    given["augment_on"] = augment_on if augment_on == "device" else None
    if isinstance(augmentation, Augmentation) and compose(augmentation).mixes_images:
        given["augmentation"] = augmentation
    for name, value in given.items():
        if value is not None and value is not False:
            raise ValueError(
                f"`image_size=None` keeps the size of each image, and `{name}={value!r}` needs one "
                f"for all. Give an `image_size`, or leave `{name}` out."
            )
