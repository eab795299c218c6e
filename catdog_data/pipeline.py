"""The order of the tf.data stages, and the reason for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from catdog_data.augment.affine import GEOMETRY_COLUMNS
from catdog_data.augment.compiled import compiled
from catdog_data.augment.photometric import brighten, shift_channels
from catdog_data.augment.warp import FillMode, coordinate_tables, warp_by_tables
from catdog_data.decode import read_rgb
from catdog_data.machine import available_cores
from catdog_data.resize import nearest_table
from catdog_data.words import as_words, unaligned_words

ORDER_SIGNATURE = (
    tf.TensorSpec([None], tf.int64),
    tf.TensorSpec([None, GEOMETRY_COLUMNS], tf.float64),
    tf.TensorSpec([None, 2], tf.float64),
)
"""One order: which images make a batch, the geometry row of each, and its (channel shift,
brightness). Index -1 pads a short batch."""

_ROW_WIDTH = 512
"""Pixels a row may have to be batched as it is; wider ones lose their columns before that.

A multiple of 4, so that rows are whole words."""


@dataclass(frozen=True)
class Rendering:
    """What is done to the pixels of every batch, fixed when the pipeline is built.

    Args:
        image_size: (height, width) in pixels of every image.
        warps: whether geometry rows are applied; otherwise they are not looked at.
        fill_mode: see `catdog_data.augment.warp.warp`.
        cval: see there.
        order: see there.
        shifts_channels: whether channel shifts are applied.
        brightens: whether brightness is applied.
        rescale: factor for every value, or None.
        pixel_dtype: floating type that values are kept and rescaled in.
        output_dtype: type that the batch is cast to at the end.
    """

    image_size: tuple[int, int]
    warps: bool = False
    fill_mode: FillMode = "nearest"
    cval: float = 0.0
    order: int = 1
    shifts_channels: bool = False
    brightens: bool = False
    rescale: float | None = None
    pixel_dtype: str = "float32"
    output_dtype: str = "float32"


def image_batches(
    orders: tf.data.Dataset,
    filepaths: Sequence[str],
    rendering: Rendering,
    batch_size: int,
    finish: Callable[[tf.Tensor, tf.Tensor], Any],
) -> tf.data.Dataset:
    """Carry out orders: read, decode, resize, batch, warp, rescale.

    Args:
        orders: elements as `ORDER_SIGNATURE`, every one of `batch_size` rows, the last of an
            epoch padded with index -1.
        filepaths: the N files that indices point into.
        rendering: what is done to the pixels.
        batch_size: rows of an order.
        finish: makes the element of the result from the indices int64[B] and the images
            `output_dtype`[B, H, W, 3] of a batch, B without the padding.

    Returns:
        A dataset with one element per order, in their order. A file that cannot be read raises
        for its own batch only; the next batch is the next order.
    """
    cores = available_cores()
    paths = tf.constant(list(filepaths))
    row_width = max(_ROW_WIDTH, -(-rendering.image_size[1] // 4) * 4)

    # Images are read one by one, so that all cores work on the same batch and the first batch
    # is there as early as can be. A map calls no Python, holds no lock and keeps the order.
    # Orders may come from Python: two are waiting, so that no reader waits for it.
    def fetch(
        index: tf.Tensor, geometry: tf.Tensor, photometry: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        fetched = _fetch_rows(paths, index, rendering.image_size, row_width)
        return index, geometry, photometry, *fetched

    # Not AUTOTUNE, which now and then settles on one thread of two. More than there are cores,
    # since images leave in order: with one each, a slow file holds the others up (0.71 against
    # 0.67 ms an image with 8).
    rows = orders.prefetch(2).unbatch().map(fetch, num_parallel_calls=8 * cores)
    # Every order is padded to the full batch: one static shape, so one compiled kernel. Not
    # `padded_batch`: after a file that fails, it would begin the next batch in the middle of one.
    batches = rows.batch(batch_size, drop_remainder=True)
    render = _renderer(rendering, row_width)

    def render_batch(index: tf.Tensor, *planned_and_fetched: tf.Tensor) -> Any:
        count = tf.math.count_nonzero(index >= 0, dtype=tf.int32)
        return finish(index[:count], render(*planned_and_fetched)[:count])

    # The kernels use all cores themselves; a batch more than cores hides what is not parallel.
    # Two finished batches wait for the consumer, which evens out slow files.
    rendered = batches.map(render_batch, num_parallel_calls=min(cores, 3) + 1)
    return rendered.prefetch(2).with_options(_options())


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # Nothing is left for it to tune, and its thread can sleep through the end of the pipeline:
    # deleting an iterator then waits for it, up to a minute in a long run.
    options.autotune.enabled = False
    return options


def _fetch_rows(
    paths: tf.Tensor, index: tf.Tensor, image_size: tuple[int, int], row_width: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Read one image and pick its rows; columns are picked later, for the batch.

    Picking rows copies long runs, picking columns three bytes at a time, which is dear for a
    single image and cheap in the compiled kernel.

    Returns:
        uint8[H * row_width * 3], the rows one behind the other, then zeros; int32[], their
        length in pixels.
    """
    height, width = image_size

    def fetch() -> Any:
        image = read_rgb(tf.gather(paths, index))
        shape = tf.shape(image)
        rows = tf.gather(image, nearest_table(shape[0], height))
        return tf.cond(
            shape[1] <= row_width,
            lambda: (tf.reshape(rows, [-1]), shape[1]),
            lambda: (
                tf.reshape(tf.gather(rows, nearest_table(shape[1], width), axis=1), [-1]),
                tf.constant(width),
            ),
        )

    flat, row_length = tf.cond(index >= 0, fetch, lambda: (tf.zeros([0], tf.uint8), tf.constant(1)))
    size = height * row_width * 3
    return tf.ensure_shape(tf.pad(flat, [[0, size - tf.size(flat)]]), [size]), row_length


def _renderer(rendering: Rendering, row_width: int) -> Callable[..., tf.Tensor]:
    """Make the function from (geometry, photometry, flat rows, row lengths) to finished images."""
    height, width = rendering.image_size

    def place_of_pixels(row_length: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        row_start = tf.range(height)[tf.newaxis] * row_length[:, tf.newaxis]
        place = row_start[:, :, tf.newaxis] + columns[:, tf.newaxis, :]
        return tf.reshape(place, [place.shape[0], -1])

    def pick(flat: tf.Tensor, row_length: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        batch = flat.shape[0]
        pixels = tf.reshape(flat, [batch, height * row_width, 3])
        picked = tf.gather(pixels, place_of_pixels(row_length, columns), batch_dims=1)
        return tf.reshape(picked, [batch, height, width, 3])

    def pick_words(flat: tf.Tensor, row_length: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        words = unaligned_words(flat, 3 * place_of_pixels(row_length, columns))
        return tf.reshape(words, [flat.shape[0], height, width])

    def resample(words: tf.Tensor, *tables: tf.Tensor) -> tf.Tensor:
        return warp_by_tables(
            words,
            tables,
            fill_mode=rendering.fill_mode,
            cval=rendering.cval,
            order=rendering.order,
        )

    def paint(images: tf.Tensor, photometry: tf.Tensor) -> tf.Tensor:
        if rendering.shifts_channels:
            images = shift_channels(images, photometry[:, 0])
        if rendering.brightens:
            images = brighten(images, photometry[:, 1])
        return _finish(images, rendering)

    paints = rendering.shifts_channels or rendering.brightens

    def last_of_geometry(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, rendering.pixel_dtype) if paints else _finish(images, rendering)

    # Kernels apart: fused into one, every tap of the warp would look up its column anew, and the
    # extremes that a channel shift needs would be those of a second warp.
    picked_words = compiled(pick_words)
    warped = compiled(lambda *arguments: last_of_geometry(resample(*arguments)))
    picked = compiled(lambda *fetched: last_of_geometry(pick(*fetched)))
    painted = compiled(paint)

    def render(
        geometry: tf.Tensor, photometry: tf.Tensor, flat: tf.Tensor, row_length: tf.Tensor
    ) -> tf.Tensor:
        # Rows whose columns were picked have the target's length, and their table is 0, 1, ….
        columns = nearest_table(row_length, width)
        if rendering.warps:
            tables = coordinate_tables(geometry, rendering.image_size)
            images = warped(picked_words(as_words(flat), row_length, columns), *tables)
        else:
            images = picked(flat, row_length, columns)
        return painted(images, photometry) if paints else images

    return render


def _finish(images: tf.Tensor, rendering: Rendering) -> tf.Tensor:
    """Round to the type of pixels, rescale in it, cast: the order in which Keras rounds."""
    images = tf.cast(images, rendering.pixel_dtype)
    if rendering.rescale is not None:
        # NumPy multiplies by a Python number in the array's type, by a NumPy one in the wider.
        wide = np.result_type(np.dtype(rendering.pixel_dtype), rendering.rescale).name
        images = tf.cast(images, wide) * tf.constant(rendering.rescale, wide)
        images = tf.cast(images, rendering.pixel_dtype)
    return tf.cast(images, rendering.output_dtype)
