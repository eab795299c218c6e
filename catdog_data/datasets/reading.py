"""How files become pixels, as `keras.utils.image_dataset_from_directory` reads and resizes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any, Protocol

import tensorflow as tf

from catdog_data.cache.cached import Cache, CacheOfListing, cached
from catdog_data.datasets.build import Epochs, Source
from catdog_data.datasets.elements import Output
from catdog_data.datasets.image_set import ImageSet
from catdog_data.datasets.options import check_booleans, checked_size, is_whole, one_of
from catdog_data.decoding.any_format import decode_any
from catdog_data.decoding.decode import (
    decode_as_keras_dataset,
    read_mask,
    read_several_with,
    read_with,
)
from catdog_data.decoding.jpeg_scaled import decode_at_least
from catdog_data.decoding.resize import resize_as_keras, tensorflow_nearest_table
from catdog_data.decoding.tiff import check_tifffile
from catdog_data.decoding.wanted import WHITE_OF_16_BITS, Wanted
from catdog_data.engine.pixel_sources import (
    Images,
    Pixels,
    WholeImages,
    tensor_of_paths,
)
from catdog_data.engine.several_images import Samples
from catdog_data.engine.small_files import room_of_small_files, rows_of_files
from catdog_data.sources.labelled_files import LabelledFiles

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_INTERPOLATIONS = (
    *("bilinear", "nearest", "bicubic", "area"),
    *("lanczos3", "lanczos5", "gaussian", "mitchellcubic"),
)
_DECODED_TOGETHER = ("JPEG", "PNG", "BMP")


@dataclass(frozen=True)
class Reading:
    """How files are read and resized.

    Args:
        image_size: (height, width) in pixels of the target.
        channels: 1, 3 or 4; or, where `as_stored`, what files must have.
        interpolation: a method of `tf.image.resize`.
        crop: whether the centre is cropped to the target's aspect ratio first.
        pad: whether images are padded to it instead.
        antialias: whether shrinking averages over all pixels that are lost.
        decode: "exact", or "fast" for large JPEGs to be decoded at a fraction of their size.
        pixel_dtype: type that values are read in, see `Wanted`.
        as_stored: whether colours are not converted.

    Raises:
        ValueError: both `crop` and `pad`.
    """

    image_size: tuple[int, int]
    channels: int
    interpolation: str
    crop: bool = False
    pad: bool = False
    antialias: bool = False
    decode: str = "exact"
    pixel_dtype: str = "uint8"
    as_stored: bool = False

    def __post_init__(self) -> None:
        if self.crop and self.pad:
            raise ValueError(
                "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`; "
                "received both."
            )

    @property
    def wanted(self) -> Wanted:
        """The pixels of a file, before they are resized."""
        return Wanted(self.channels, self.pixel_dtype, self.as_stored)

    @property
    def white(self) -> int | None:
        """The value of white; None where values are numbers of any meaning."""
        return {"uint8": 255, "uint16": WHITE_OF_16_BITS}.get(self.pixel_dtype)

    def source(
        self,
        file_paths: Sequence[str],
        epochs: Epochs,
        output: Output,
        cache: Cache | CacheOfListing = None,
        mask_paths: Sequence[str] | None = None,
    ) -> Source:
        """Make the source of the pixels of files, and of their masks.

        Args:
            file_paths: the N files.
            epochs: images to be augmented are rounded to 8 bits.
            output: so are those of an `output_dtype` of "uint8".
            cache: see `catdog_data.cache.cached`.
            mask_paths: the mask of each file, or None for no masks.

        Returns:
            The source, of 8 bits where that is enough.
        """
        if mask_paths is None:
            return self._source_of_files(file_paths, epochs, output, cache)
        # Masks are read one by one, and images with them.
        source = self._source_of_files(file_paths, epochs, output, cache, several=False)
        return replace(source, masks=self._masks(mask_paths, cache))

    def _source_of_files(
        self,
        file_paths: Sequence[str],
        epochs: Epochs,
        output: Output,
        cache: Cache | CacheOfListing,
        *,
        several: bool = True,
    ) -> Source:
        n = len(file_paths)
        self._check_readers(file_paths)
        is_colour = self.channels == 3 and self.pixel_dtype == "uint8"
        if self.interpolation == "nearest" and is_colour and not (self.crop or self.pad):
            rows = rows_of_files(
                file_paths,
                self.image_size,
                self._read,
                tensorflow_nearest_table,
                self._read_several,
                self._room(file_paths) if several else None,
            )
            return Source(self.cached(rows, file_paths, cache), n, "uint8", self.image_size)
        paths = tensor_of_paths(file_paths)
        return self.source_of_images(
            lambda index: self._read(tf.gather(paths, index)),
            file_paths,
            epochs,
            output,
            cache,
        )

    def source_of_images(
        self,
        image_of: Callable[[tf.Tensor], tf.Tensor],
        names: Sequence[str],
        epochs: Epochs,
        output: Output,
        cache: Cache | CacheOfListing = None,
    ) -> Source:
        """Make the source of the pixels of images of any size, as `source` does.

        Args:
            image_of: from an index int64[] to `pixel_dtype`[H, W, channels].
            names: the N images, for errors, and for the cache to tell them apart.
            epochs: as of `source`.
            output: as of `source`.
            cache: see `catdog_data.cache.cached`.

        Returns:
            The source, of 8 bits where that is enough.
        """
        dtype = self._dtype_of_resized(epochs, output)

        def load(index: tf.Tensor) -> tf.Tensor:
            return self.resized(image_of(index), dtype)

        pixels = WholeImages(load, (*self.image_size, self.channels), dtype, names)
        made = self.cached(pixels, names, cache)
        return Source(made, len(names), dtype, self.image_size, white=self.white)

    def _dtype_of_resized(self, epochs: Epochs, output: Output) -> str:
        """Choose the type that images are kept in until they are rendered."""
        if self.interpolation == "nearest":
            return self.pixel_dtype
        if self.pixel_dtype != "uint8":
            rounds = output.dtype == self.pixel_dtype and epochs.augmentation is None
            return self.pixel_dtype if rounds else "float32"
        # Images to be augmented are rounded to 8 bits, a quarter of the bytes to move: what
        # differs is far below the noise of a photograph.
        rounds = output.dtype == "uint8" or epochs.on_device or epochs.augmentation is not None
        return "uint8" if rounds else "float32"

    def _check_readers(self, file_paths: Sequence[str]) -> None:
        if self.as_stored:
            check_tifffile(file_paths, f"color_mode={self.channels}")
        elif self.pixel_dtype != "uint8":
            check_tifffile(file_paths, f"pixel_dtype={self.pixel_dtype!r}")

    def settings(self, origin: str) -> dict[str, Any]:
        """Describe how images are read.

        Args:
            origin: the whole path of the folder that they are in, or what else they are from.

        Returns:
            Plain JSON values.
        """
        return {"reader": "Keras datasets", **self._described(), "folder": origin}

    def _masks(self, file_paths: Sequence[str], cache: Cache | CacheOfListing) -> Pixels:
        """Make the source of masks in files: resized as the images, but to nearest pixels.

        Args:
            file_paths: the files, in the order of their images.
            cache: see `catdog_data.cache.cached`.

        Returns:
            uint8[height, width, 1] for each.
        """
        paths = tensor_of_paths(file_paths)

        def load(index: tf.Tensor) -> tf.Tensor:
            return resize_as_keras(
                read_mask(tf.gather(paths, index)),
                self.image_size,
                "nearest",
                crop=self.crop,
                pad=self.pad,
            )

        masks = WholeImages(load, (*self.image_size, 1), "uint8", file_paths)
        return self.cached(masks, file_paths, cache, kind="masks")

    def cached(
        self,
        images: Images,
        names: Sequence[str],
        cache: Cache | CacheOfListing,
        kind: str = "images",
    ) -> Pixels:
        """Decode images once, if a cache is asked for."""
        pixels: Pixels = cached(images, names, self.cached_as(kind), cache)
        return pixels

    def cached_as(self, kind: str = "images") -> dict[str, Any]:
        """Describe how the pixels of images or "masks" are read, for `cached`."""
        return {"reader": f"Keras datasets, {kind}", **self._described()}

    def _described(self) -> dict[str, Any]:
        """Name all settings; those that came later only where they are set, so that packs stay."""
        later = {"pixel_dtype": "uint8", "as_stored": False}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in later or value != later[name]
        }

    def decoded(self, contents: tf.Tensor) -> tf.Tensor:
        """Decode the bytes of one file by TensorFlow, string[]: uint8[H, W, C]."""
        channels = self.wanted.of_decoder
        if self.decode == "fast":
            return decode_at_least(contents, channels, self.image_size, pad=self.pad)
        return decode_as_keras_dataset(contents, channels)

    def decoded_in_turn(self, contents: tf.Tensor) -> tf.Tensor:
        """Decode a file of any kind, within the limits of pixels and memory.

        Args:
            contents: string[].

        Returns:
            `pixel_dtype`[H, W, channels].
        """
        return decode_any(contents, self.decoded, self.wanted)

    def resized(self, image: tf.Tensor, dtype: str) -> tf.Tensor:
        """Resize one image, [H, W, channels], to the target: "float32", or rounded."""
        resized = resize_as_keras(
            image,
            self.image_size,
            self.interpolation,
            crop=self.crop,
            pad=self.pad,
            antialias=self.antialias,
        )
        if dtype == "float32":
            return resized
        # Only these two methods stay within the values that they blend.
        if self.interpolation not in ("nearest", "bilinear"):
            resized = tf.clip_by_value(resized, 0, tf.as_dtype(dtype).max)
        return tf.cast(tf.round(resized), dtype)

    def _room(self, file_paths: Sequence[str]) -> int | None:
        if self.decode != "exact" or self.as_stored:
            return None
        return room_of_small_files(file_paths, self.image_size, _DECODED_TOGETHER)

    def _read_several(self, paths: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        return read_several_with(paths, self.decoded)

    def _read(self, path: tf.Tensor) -> tf.Tensor:
        return read_with(path, self.decoded_in_turn, self.channels)


def checked_reading(
    image_size: Any,
    color_mode: str | int,
    interpolation: str,
    crop_to_aspect_ratio: bool,
    pad_to_aspect_ratio: bool,
    antialias: bool,
    decode: str,
    pixel_dtype: str = "uint8",
) -> Reading:
    """Check these arguments of a dataset and put them together.

    `pixel_dtype` has been checked, see `catdog_data.datasets.pixel_types`.

    Raises:
        ValueError: one is not among those known.

    Example:
        >>> checked_reading(224, "rgb", "bilinear", False, False, False, "exact").channels
        3
    """
    check_booleans(
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        pad_to_aspect_ratio=pad_to_aspect_ratio,
        antialias=antialias,
    )
    if isinstance(interpolation, str):
        interpolation = interpolation.lower()
    return Reading(
        image_size=checked_size(image_size),
        channels=_channels_of(color_mode),
        interpolation=one_of("interpolation", interpolation, _INTERPOLATIONS),
        # Of Python's own type, since a cache is known by them.
        crop=bool(crop_to_aspect_ratio),
        pad=bool(pad_to_aspect_ratio),
        antialias=bool(antialias),
        decode=one_of("decode", decode, ("exact", "fast")),
        pixel_dtype=pixel_dtype,
        as_stored=is_whole(color_mode),
    )


def _channels_of(color_mode: Any) -> int:
    if is_whole(color_mode) and color_mode >= 1:
        return int(color_mode)
    if isinstance(color_mode, str) and color_mode in _CHANNELS:
        return _CHANNELS[color_mode]
    raise ValueError(
        f"`color_mode` must be one of {', '.join(map(repr, _CHANNELS))}, or a whole number of "
        f"channels, at least 1, that all files have; received {color_mode!r}."
    )


class ReadsFiles(Protocol):
    """What makes the source of files, such as `Reading`, whose methods these are."""

    def source(
        self,
        file_paths: Sequence[str],
        epochs: Epochs,
        output: Output,
        cache: Cache | CacheOfListing = None,
        mask_paths: Sequence[str] | None = None,
    ) -> Source:
        """See `Reading.source`."""

    def settings(self, origin: str) -> dict[str, Any]:
        """See `Reading.settings`."""

    def cached_as(self) -> dict[str, Any]:
        """See `Reading.cached_as`."""


def image_set_of_files(
    files: LabelledFiles,
    reading: ReadsFiles,
    directory: str,
    *,
    masks: Callable[[LabelledFiles], list[str]] | None = None,
    others: Callable[[LabelledFiles], list[list[str]]] | None = None,
    names: Sequence[str] | None = None,
    **belonging: Any,
) -> ImageSet:
    """Make the image set of files.

    Args:
        files: what was listed.
        reading: how they are read.
        directory: the folder that they are in.
        masks: see `ImageSet`.
        others: as well; None where each sample is one image.
        names: see `Samples`.
        **belonging: other arguments of `ImageSet`.
    """

    def source(
        part: LabelledFiles, epochs: Epochs, output: Output, cache: Cache | CacheOfListing
    ) -> Source:
        own_masks = None if masks is None else masks(part)
        if others is None:
            return reading.source(part.file_paths, epochs, output, cache, own_masks)
        # Of one source, so that a file in several columns is decoded once into a cache.
        columns = [part.file_paths, *others(part)]
        made = reading.source(list(chain(*columns)), epochs, output, cache, own_masks)
        pixels: Any = made.pixels  # of files, which are also loaded one by one
        n, count = len(part), len(columns)
        samples = Samples(pixels, n, count, names)
        return replace(made, pixels=samples, n=n, images=count)

    folder = os.path.abspath(directory)  # noqa: PTH100 (a string)
    settings = reading.settings(folder)
    if others is not None:
        belonging["others"] = others
        settings["read"] = "together"
    return ImageSet(
        files,
        source,
        masks=masks,
        settings=settings,
        cached_as=reading.cached_as(),
        **belonging,
    )
