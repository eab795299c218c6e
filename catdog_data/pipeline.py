"""The order of the tf.data stages, and the reason for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from catdog_data.augment.affine import GEOMETRY_COLUMNS
from catdog_data.augment.compiled import compiled
from catdog_data.augment.warp import FillMode, coordinate_tables, pack_rgb, warp_by_tables
from catdog_data.decode import read_rgb
from catdog_data.machine import available_cores, keep_freed_memory
from catdog_data.resize import nearest_table

# On import, since it must come before TensorFlow's threads; importing runs no operation.
keep_freed_memory()

ORDER_SIGNATURE = (
    tf.TensorSpec([None], tf.int64),
    tf.TensorSpec([None, GEOMETRY_COLUMNS], tf.float64),
)
"""One order: which images make a batch, and the geometry row of each. -1 pads a short batch."""

_ROW_WIDTH = 512
"""Pixels a row may have to be batched as it is; wider ones lose their columns before that."""


@dataclass(frozen=True)
class Rendering:
    """What is done to the pixels of every batch, fixed when the pipeline is built.

    Args:
        image_size: (height, width) in pixels of every image.
        warps: whether geometry rows are applied; otherwise they are not looked at.
        fill_mode: see `catdog_data.augment.warp.warp`.
        cval: see there.
        order: see there.
        rescale: factor for every value, or None.
        pixel_dtype: floating type that values are kept and rescaled in.
        output_dtype: type that the batch is cast to at the end.
    """

    image_size: tuple[int, int]
    warps: bool = False
    fill_mode: FillMode = "nearest"
    cval: float = 0.0
    order: int = 1
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
    row_width = max(_ROW_WIDTH, rendering.image_size[1])

    # Images are read one by one, so that all cores work on the same batch and the first batch
    # is there as early as can be. A map calls no Python, holds no lock and keeps the order.
    rows = orders.unbatch().map(
        lambda index, geometry: (
            index,
            geometry,
            *_fetch_rows(paths, index, rendering.image_size, row_width),
        ),
        # Not AUTOTUNE, which now and then settles on one thread of two.
        num_parallel_calls=cores,
    )
    # Every order is padded to the full batch: one static shape, so one compiled kernel. Not
    # `padded_batch`: after a file that fails, it would begin the next batch in the middle of one.
    batches = rows.batch(batch_size, drop_remainder=True)
    render = _renderer(rendering, row_width)

    def render_batch(index: tf.Tensor, geometry: tf.Tensor, *fetched: tf.Tensor) -> Any:
        count = tf.math.count_nonzero(index >= 0, dtype=tf.int32)
        return finish(index[:count], render(geometry, *fetched)[:count])

    # The kernels use all cores themselves; two batches at a time hide what is not parallel.
    # Two finished batches wait for the consumer, which evens out slow files.
    return batches.map(render_batch, num_parallel_calls=2).prefetch(2)


def _fetch_rows(
    paths: tf.Tensor, index: tf.Tensor, image_size: tuple[int, int], row_width: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Read one image and pick its rows; columns are picked later, for the batch.

    Picking rows copies long runs, picking columns three bytes at a time, which is dear for a
    single image and cheap in the compiled kernel.

    Returns:
        uint8[H * row_width * 3], the rows one behind the other, then zeros; int32[], their
        length in pixels; int32[W], the columns to pick.
    """
    height, width = image_size

    def fetch() -> Any:
        image = read_rgb(tf.gather(paths, index))
        shape = tf.shape(image)
        rows = tf.gather(image, nearest_table(shape[0], height))
        columns = nearest_table(shape[1], width)
        return tf.cond(
            shape[1] <= row_width,
            lambda: (tf.reshape(rows, [-1]), shape[1], columns),
            lambda: (
                tf.reshape(tf.gather(rows, columns, axis=1), [-1]),
                tf.constant(width),
                tf.range(width),
            ),
        )

    def pad() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return tf.zeros([0], tf.uint8), tf.constant(1), tf.zeros([width], tf.int32)

    flat, row_length, columns = tf.cond(index >= 0, fetch, pad)
    size = height * row_width * 3
    padded = tf.pad(flat, [[0, size - tf.size(flat)]])
    return tf.ensure_shape(padded, [size]), row_length, tf.ensure_shape(columns, [width])


def _renderer(rendering: Rendering, row_width: int) -> Callable[..., tf.Tensor]:
    """Make the function from (geometry, flat rows, row lengths, columns) to finished images."""
    height, width = rendering.image_size

    def pick(flat: tf.Tensor, row_length: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        batch = flat.shape[0]
        pixels = tf.reshape(flat, [batch, height * row_width, 3])
        row_start = tf.range(height)[tf.newaxis] * row_length[:, tf.newaxis]
        place = row_start[:, :, tf.newaxis] + columns[:, tf.newaxis, :]
        picked = tf.gather(pixels, tf.reshape(place, [batch, -1]), batch_dims=1)
        return tf.reshape(picked, [batch, height, width, 3])

    def resample(words: tf.Tensor, *tables: tf.Tensor) -> tf.Tensor:
        return warp_by_tables(
            words,
            tables,
            fill_mode=rendering.fill_mode,
            cval=rendering.cval,
            order=rendering.order,
        )

    # Two kernels: fused into one, every tap of the warp would look up its column anew.
    pick_packed = compiled(lambda *fetched: pack_rgb(pick(*fetched)))
    warp_finished = compiled(lambda *arguments: _finish(resample(*arguments), rendering))
    pick_finished = compiled(lambda *fetched: _finish(pick(*fetched), rendering))

    def render(geometry: tf.Tensor, *fetched: tf.Tensor) -> tf.Tensor:
        if not rendering.warps:
            return pick_finished(*fetched)
        tables = coordinate_tables(geometry, rendering.image_size)
        return warp_finished(pick_packed(*fetched), *tables)

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
