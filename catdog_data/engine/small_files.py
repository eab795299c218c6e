"""Small image files, several to a call: setting a call up would take longer than reading one.

Of a file of 64 x 64 pixels, decoding takes 40 microseconds; what `RowsOfFiles` does beside takes
twice as long, as each image passes through dozens of operations and a call of its own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence

import tensorflow as tf
from PIL import Image

from catdog_data.decoding.open_image import open_image
from catdog_data.engine.pixel_sources import RowsOfFiles, is_image
from catdog_data.engine.render import Rendering, Table, whole_images_renderer
from catdog_data.system.special_files import is_special

Several = Callable[[tf.Tensor], tuple[list[tf.Tensor], tf.Tensor]]
"""See `SmallFiles`."""

_TOGETHER = 8
"""Images to a call. Each makes the function longer to trace."""

_SMALL_FILE = 2**14
"""Bytes; no header is read of larger ones."""

_SMALL_IMAGE = 128 * 128
"""Pixels; larger images take so long to decode that calls do not matter."""

_FEW = 1000
"""Files; of fewer, several epochs would be read before what is longer to set up pays."""

_LOOKED_AT = 16
"""Files that show how large the others are."""


def room_of_small_files(
    filepaths: Sequence[str], image_size: tuple[int, int], formats: tuple[str, ...]
) -> int | None:
    """Look at a few files, and tell whether all may be small.

    Args:
        filepaths: the N files.
        image_size: (height, width) in pixels of the target.
        formats: as Pillow calls them, of files that are worth it.

    Returns:
        Pixels of the largest image, at least those of the target, up to a power of two, so that few
        functions serve many sets; None where a file is not small, of another format or cannot be
        read, or where there are few files.
    """
    room = math.prod(image_size)
    if len(filepaths) < _FEW or room > _SMALL_IMAGE:
        return None
    for path in filepaths[:: math.ceil(len(filepaths) / _LOOKED_AT)]:
        try:
            status = os.stat(path)  # noqa: PTH116 (a string)
            if status.st_size > _SMALL_FILE or is_special(status.st_mode):
                return None
            with open_image(path, formats) as image:
                room = max(room, math.prod(image.size))
        except (OSError, Image.DecompressionBombError):
            return None
    return 2 ** math.ceil(math.log2(room)) if room <= _SMALL_IMAGE else None


def rows_of_files(
    filepaths: Sequence[str] | None,
    image_size: tuple[int, int],
    decode: Callable[[tf.Tensor], tf.Tensor],
    table: Table,
    several: Several,
    room: int | None,
) -> RowsOfFiles:
    """Choose how RGB files are read that are resized to nearest pixels.

    Args:
        filepaths: see `RowsOfFiles`.
        image_size: see `RowsOfFiles`.
        decode: see `RowsOfFiles`.
        table: see `RowsOfFiles`.
        several: see `SmallFiles`.
        room: see `room_of_small_files`.

    Returns:
        A source of the same images in either case.
    """
    if room is None:
        return RowsOfFiles(filepaths, image_size, decode, table)
    return SmallFiles(filepaths, image_size, decode, table, several, room)


class SmallFiles(RowsOfFiles):
    """Files of small images: whole images are batched, rows and columns picked for the batch.

    Images for which there is no room, and what `several` does not decode, are read one after the
    other, which is slower.

    Args:
        filepaths: see `RowsOfFiles`.
        image_size: see `RowsOfFiles`.
        decode: see `RowsOfFiles`.
        table: see `RowsOfFiles`.
        several: from paths, string[K], to K images as of `decode`, and bool[], whether they are;
            `decode` reads them where they are not.
        room: pixels that an image may have to be batched as it is, a multiple of 4, at least those
            of the target.
    """

    together = _TOGETHER

    def __init__(
        self,
        filepaths: Sequence[str] | None,
        image_size: tuple[int, int],
        decode: Callable[[tf.Tensor], tf.Tensor],
        table: Table,
        several: Several,
        room: int,
    ) -> None:
        super().__init__(filepaths, image_size, decode, table)
        self._several = several
        self._room = room

    def fetch(self, key: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Read K images: uint8[K, room * 3] and int32[K, 2], their height and width."""
        count = key.shape[0]
        images, decoded = tf.cond(
            tf.reduce_all(is_image(key)),
            lambda: self._several(self._path_of(key)),
            lambda: ([tf.zeros([0, 0, 3], tf.uint8)] * count, tf.constant(False)),
        )
        sizes = tf.stack([tf.shape(image)[:2] for image in images])
        pixels = tf.reduce_prod(sizes, axis=1)
        return tf.cond(  # type: ignore[no-any-return]
            decoded & tf.reduce_all(pixels <= self._room),
            lambda: (tf.reshape(_joined(images, pixels, self._room), [count, -1]), sizes),
            lambda: self._one_by_one(key),
        )

    def renderer(self, rendering: Rendering) -> Callable[..., tf.Tensor]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return whole_images_renderer(rendering, self._table)

    def _one_by_one(self, keys: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Do as `fetch`, for any files, and for padding."""
        height, width = self._image_size
        missing = [[0, 3 * (self._room - height * width)]]

        def fetch(key: tf.Tensor) -> tf.Tensor:
            image = tf.cond(
                is_image(key), lambda: self.image(key), lambda: tf.zeros(self.shape, tf.uint8)
            )
            return tf.pad(tf.reshape(image, [math.prod(self.shape)]), missing)

        flat = tf.map_fn(fetch, keys, fn_output_signature=tf.uint8)
        return flat, tf.tile([self._image_size], [keys.shape[0], 1])


def _joined(images: list[tf.Tensor], pixels: tf.Tensor, room: int) -> tf.Tensor:
    """Put images one behind the other, zeros behind each: uint8[K * room * 3]."""
    parts = []
    for image, missing in zip(images, tf.unstack(3 * (room - pixels)), strict=True):
        parts += [tf.reshape(image, [-1]), tf.zeros([missing], tf.uint8)]
    return tf.ensure_shape(tf.concat(parts, axis=0), [len(images) * room * 3])
