"""How files become pixels, as `keras.utils.image_dataset_from_directory` reads and resizes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from catdog_data.datasets.engine import Source
from catdog_data.decode import read_as_keras_dataset
from catdog_data.pixels import PackedImages, Pixels, RowsOfFiles, WholeImages
from catdog_data.resize import resize_as_keras, tensorflow_nearest_table


@dataclass(frozen=True)
class Reading:
    """How files are read and resized.

    Args:
        image_size: (height, width) in pixels of the target.
        channels: 1, 3 or 4.
        interpolation: a method of `tf.image.resize`.
        crop: whether the centre is cropped to the target's aspect ratio first.
        pad: whether images are padded to it instead.
        antialias: whether shrinking averages over all pixels that are lost.
        rounds: whether resized images are rounded to 8 bits.

    Raises:
        ValueError: both `crop` and `pad`.
    """

    image_size: tuple[int, int]
    channels: int
    interpolation: str
    crop: bool = False
    pad: bool = False
    antialias: bool = False
    rounds: bool = False

    def __post_init__(self) -> None:
        if self.crop and self.pad:
            raise ValueError(
                "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be set to True; "
                "received both."
            )

    def source(self, file_paths: Sequence[str]) -> Source:
        """Make the source of the pixels of these files."""
        exact = self.interpolation == "nearest"
        dtype = "uint8" if exact or self.rounds else "float32"
        return Source(self._pixels(file_paths, dtype), len(file_paths), dtype, self.image_size)

    def _pixels(self, file_paths: Sequence[str], dtype: str) -> Pixels:
        if self.interpolation == "nearest" and self.channels == 3 and not (self.crop or self.pad):
            return RowsOfFiles(
                file_paths,
                self.image_size,
                lambda path: read_as_keras_dataset(path, 3),
                tensorflow_nearest_table,
            )
        paths = tf.constant(list(file_paths))

        def load(index: tf.Tensor) -> tf.Tensor:
            image = read_as_keras_dataset(tf.gather(paths, index), self.channels)
            resized = resize_as_keras(
                image,
                self.image_size,
                self.interpolation,
                crop=self.crop,
                pad=self.pad,
                antialias=self.antialias,
            )
            # Only these two methods stay within the values that they blend.
            if self.rounds and self.interpolation not in ("nearest", "bilinear"):
                resized = tf.clip_by_value(resized, 0, 255)
            return tf.cast(tf.round(resized) if self.rounds else resized, dtype)

        if dtype == "uint8" and self.channels == 3:
            return PackedImages(load, self.image_size)
        return WholeImages(load, (*self.image_size, self.channels), dtype)
