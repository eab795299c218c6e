"""From fetched pixels to finished images: the kernels of a batch, and what is fused into each.

What is planned for a batch are two tables, a row for each image. Geometry is float64[B, 8], see
`catdog_data.augment.geometry_rows`. Photometry is float64[B, P], as many as are needed of: channel
shift, brightness, contrast, saturation, hue; the box to erase (4 columns); the image to mix with,
the weight of its own and the box to paste (1, 1 and 4 columns).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from catdog_data.augment.boxes import erase, mix
from catdog_data.augment.photometric import brighten, recolour, shift_channels
from catdog_data.decoding.resize import nearest_table
from catdog_data.kernels.compiled import compiled
from catdog_data.kernels.packed_pixels import as_words, packed_words, unaligned_words
from catdog_data.kernels.warp import FillMode, coordinate_tables, warp_by_tables

Table = Callable[[tf.Tensor, int], tf.Tensor]
"""See `catdog_data.decoding.resize.nearest_table`."""


@dataclass(frozen=True)
class Rendering:
    """What is done to the pixels of every batch, fixed when the pipeline is built.

    Args:
        image_size: (height, width) in pixels of every image.
        warps: whether geometry rows are applied; otherwise they are not looked at.
        fill_mode: see `catdog_data.kernels.warp.warp`.
        cval: see there.
        order: see there.
        shifts_channels: whether channel shifts are applied.
        brightens: whether brightness is applied, as Pillow does.
        recolours: whether brightness, contrast, saturation and hue are applied, in floats.
        erases: whether boxes are erased.
        erased_value: what they are filled with.
        mixes: whether images are blended with each other.
        preprocess: from images `pixel_dtype`[B, H, W, C] to images of the same shape, or None.
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
    recolours: bool = False
    erases: bool = False
    erased_value: float = 0.0
    mixes: bool = False
    preprocess: Callable[[tf.Tensor], tf.Tensor] | None = None
    rescale: float | None = None
    pixel_dtype: str = "float32"
    output_dtype: str = "float32"

    @property
    def paints(self) -> bool:
        """Whether steps follow the geometry that need a kernel of their own."""
        return self.changes_colours or self.preprocess is not None

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is done but a cast."""
        return not self.warps and not self.paints and self.rescale is None

    @property
    def changes_colours(self) -> bool:
        """Whether photometry rows are looked at."""
        values = self.shifts_channels or self.brightens or self.recolours
        return values or self.erases or self.mixes


def images_renderer(rendering: Rendering) -> Callable[..., tf.Tensor]:
    """Make the function from (geometry, photometry, images) to finished images.

    Args:
        rendering: what is done.

    Returns:
        A function of float64[B, 8], float64[B, P] and [B, H, W, C] of any type.
    """
    packed = compiled(packed_words)
    warped = compiled(
        lambda images, *tables: _last_of_geometry(_resample(images, tables, rendering), rendering)
    )
    unmoved = compiled(lambda images: _last_of_geometry(images, rendering))
    paint = _painter(rendering)

    def render(geometry: tf.Tensor, photometry: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        if rendering.keeps_all and images.dtype.name == rendering.output_dtype:
            return images
        if rendering.warps:
            if images.dtype == tf.uint8 and images.shape[-1] == 3:
                images = packed(images)
            images = warped(images, *coordinate_tables(geometry, rendering.image_size))
        else:
            images = unmoved(images)
        return paint(images, photometry)

    return render


def rows_renderer(
    rendering: Rendering, row_width: int, table: Table = nearest_table
) -> Callable[..., tf.Tensor]:
    """Make the function from (geometry, photometry, flat rows, row lengths) to finished images.

    Args:
        rendering: what is done.
        row_width: pixels a row may have, a multiple of 4.
        table: tells which columns of a row the target shows.

    Returns:
        A function of float64[B, 8], float64[B, P], uint8[B, H * row_width * 3] (the rows of an
        image one behind the other, then zeros) and int32[B], their length in pixels.
    """
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

    # Kernels apart: fused into one, every tap of the warp would look up its column anew.
    picked_words = compiled(pick_words)
    warped = compiled(
        lambda words, *tables: _last_of_geometry(_resample(words, tables, rendering), rendering)
    )
    picked = compiled(lambda *fetched: _last_of_geometry(pick(*fetched), rendering))
    paint = _painter(rendering)

    def render(
        geometry: tf.Tensor, photometry: tf.Tensor, flat: tf.Tensor, row_length: tf.Tensor
    ) -> tf.Tensor:
        # Rows whose columns were picked have the target's length, and their table is 0, 1, ….
        columns = table(row_length, width)
        if rendering.warps:
            tables = coordinate_tables(geometry, rendering.image_size)
            images = warped(picked_words(as_words(flat), row_length, columns), *tables)
        else:
            images = picked(flat, row_length, columns)
        return paint(images, photometry)

    return render


def _resample(pixels: tf.Tensor, tables: tuple[tf.Tensor, ...], rendering: Rendering) -> tf.Tensor:
    return warp_by_tables(
        pixels,
        tables,
        fill_mode=rendering.fill_mode,
        cval=rendering.cval,
        order=rendering.order,
    )


def _last_of_geometry(images: tf.Tensor, rendering: Rendering) -> tf.Tensor:
    """Round to the type of pixels; where nothing else follows, finish."""
    if rendering.paints:
        return tf.cast(images, rendering.pixel_dtype)
    return _finish(images, rendering)


def _painter(rendering: Rendering) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Make the function of (images, photometry) for what follows the geometry.

    Kernels of their own, since the extremes that a channel shift needs would otherwise be those
    of a second warp.
    """
    if not rendering.paints:
        return lambda images, photometry: images

    def colour(images: tf.Tensor, photometry: tf.Tensor) -> tf.Tensor:
        if rendering.shifts_channels:
            images = shift_channels(images, photometry[:, 0])
        if rendering.brightens:
            images = brighten(images, photometry[:, 1])
        if rendering.recolours:
            images = recolour(images, *tf.unstack(photometry[:, 1:5], axis=1))
        if rendering.erases:
            images = erase(images, photometry[:, 5:9], rendering.erased_value)
        if rendering.mixes:
            images = mix(images, photometry[:, 9], photometry[:, 10], photometry[:, 11:15])
        return images if rendering.preprocess else _finish(images, rendering)

    coloured = compiled(colour)
    finished = compiled(lambda images: _finish(images, rendering))

    def paint(images: tf.Tensor, photometry: tf.Tensor) -> tf.Tensor:
        if rendering.preprocess is None:
            return coloured(images, photometry)
        if rendering.changes_colours:
            images = coloured(images, photometry)
        return finished(rendering.preprocess(images))

    return paint


def _finish(images: tf.Tensor, rendering: Rendering) -> tf.Tensor:
    """Round to the type of pixels, rescale in it, cast: the order in which Keras rounds."""
    images = tf.cast(images, rendering.pixel_dtype)
    if rendering.rescale is not None:
        # NumPy multiplies by a Python number in the array's type, by a NumPy one in the wider.
        wide = np.result_type(np.dtype(rendering.pixel_dtype), rendering.rescale).name
        images = tf.cast(images, wide) * tf.constant(rendering.rescale, wide)
        images = tf.cast(images, rendering.pixel_dtype)
    if tf.as_dtype(rendering.output_dtype).is_integer:
        images = tf.clip_by_value(tf.round(images), 0, 255)
    return tf.cast(images, rendering.output_dtype)
