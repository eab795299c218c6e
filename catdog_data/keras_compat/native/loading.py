"""How image files become pixels, as `keras.utils.load_img` reads and resizes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.cache.cached import Cache, CacheOfListing, cached
from catdog_data.decoding.decode import read_plain_jpegs, read_rgb
from catdog_data.decoding.load_image import load_image
from catdog_data.decoding.resize import nearest_table
from catdog_data.decoding.unreadable import naming
from catdog_data.engine.pixel_sources import (
    Fetching,
    Images,
    Pixels,
    RowsOfFiles,
    WholeImages,
    tensor_of_paths,
)
from catdog_data.engine.small_files import room_of_small_files, rows_of_files
from catdog_data.keras_compat.options import CHANNELS


@dataclass(frozen=True)
class Loading:
    """How files are read: by TensorFlow where it does the same, else through Pillow.

    Args:
        target_size: (height, width) in pixels that they are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: a name that Pillow knows.
        keep_aspect_ratio: whether the centre is cropped to the target's aspect ratio first.
    """

    target_size: tuple[int, int]
    color_mode: str
    interpolation: str
    keep_aspect_ratio: bool

    def room(self, filepaths: Sequence[str]) -> int | None:
        """Look at a few of the files, see `catdog_data.engine.small_files.room_of_small_files`."""
        if not self._picks_pixels:
            return None
        return room_of_small_files(filepaths, self.target_size, ("JPEG",))

    def by_path(self, room: int | None) -> Fetching:
        """Make the source of the pixels of any files, given by their paths.

        Args:
            room: of most of the files; others are read too, but slowly.
        """
        if self._picks_pixels:
            return self._rows(None, room)
        return WholeImages(self._load, self._shape, self._dtype, names=None)

    def of_files(self, filepaths: Sequence[str], cache: Cache | CacheOfListing = None) -> Pixels:
        """Make the source of the pixels of N files.

        Args:
            filepaths: the files.
            cache: see `catdog_data.cache.cached`.

        Returns:
            Their pixels: 8 bits for colours, Keras' float type for grayscale.
        """
        pixels: Pixels = cached(self.images(filepaths), filepaths, self._settings, cache)
        return pixels

    def decode_into(
        self, cache: CacheOfListing, filepaths: Sequence[str], indices: Sequence[int]
    ) -> dict[int, Exception] | None:
        """Decode files into a cache; see `CacheOfListing.decode`."""
        return cache.decode(self.images(filepaths), filepaths, self._settings, indices)

    def images(self, filepaths: Sequence[str]) -> Images:
        """Make the source of the pixels of N files, which decodes them each time."""
        if self._picks_pixels:
            return self._rows(filepaths, self.room(filepaths))
        paths = tensor_of_paths(filepaths)
        return WholeImages(
            lambda index: self._load(tf.gather(paths, index)),
            self._shape,
            self._dtype,
            filepaths,
        )

    @property
    def _settings(self) -> dict[str, Any]:
        return {"reader": "Keras generators", **asdict(self)}

    def _rows(self, filepaths: Sequence[str] | None, room: int | None) -> RowsOfFiles:
        size = self.target_size
        return rows_of_files(
            filepaths,
            size,
            lambda path: read_rgb(path, size),
            nearest_table,
            read_plain_jpegs,
            room,
        )

    @property
    def _picks_pixels(self) -> bool:
        return (
            self.color_mode == "rgb"
            and self.interpolation == "nearest"
            and not self.keep_aspect_ratio
        )

    @property
    def _shape(self) -> tuple[int, int, int]:
        return (*self.target_size, CHANNELS[self.color_mode])

    @property
    def _dtype(self) -> str:
        # Values of grayscale files may have 16 or 32 bits.
        floats: str = keras.config.floatx()
        return floats if self.color_mode == "grayscale" else "uint8"

    def _load(self, path: tf.Tensor) -> tf.Tensor:
        """Load one file, string[], as Keras does: a call of Pillow."""
        options, dtype = asdict(self), self._dtype

        def load(path: Any) -> NDArray[Any]:
            # In an array where there is no graph.
            name = os.fsdecode(np.asarray(path, object).item())
            with naming(name), load_image(name, **options) as image:
                pixels = np.asarray(image, dtype)
            return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]

        # Pillow works without the lock of the interpreter, so that calls run in parallel.
        return tf.numpy_function(load, [path], dtype, stateful=False)
