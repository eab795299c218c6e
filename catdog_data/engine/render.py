"""From fetched pixels to finished images: the kernels of a batch, and what is fused into each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.parameters import Parameters
from catdog_data.augment.steps.step import Step
from catdog_data.decoding.resize import nearest_table
from catdog_data.kernels.compiled import compiled
from catdog_data.kernels.packed_pixels import as_words, packed_words, unaligned_words
from catdog_data.kernels.warp import FillMode, coordinate_tables, warp_by_tables

Renderer = Callable[..., tf.Tensor]
"""From the parameters of a batch, and its pixels in one form or another, to finished images."""

Table = Callable[[tf.Tensor, int], tf.Tensor]
"""See `catdog_data.decoding.resize.nearest_table`."""


@dataclass(frozen=True)
class Resampling:
    """How images are moved by their geometry rows.

    Args:
        fill_mode: see `catdog_data.kernels.warp.warp`.
        cval: as for `warp`.
        order: as for `warp`.
    """

    fill_mode: FillMode = "nearest"
    cval: float = 0.0
    order: int = 1

    @classmethod
    def of(cls, augmentation: Augmentation) -> Resampling:
        """Take what an augmentation says of it."""
        # Mirroring alone moves whole pixels, which the cheaper order does exactly.
        order = int(augmentation.interpolation == "bilinear" and augmentation.moves_pixels)
        return cls(augmentation.fill_mode, augmentation.fill_value, order)

    def warped(self, pixels: tf.Tensor, tables: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """Move a batch; see `catdog_data.kernels.warp.warp_by_tables`."""
        return warp_by_tables(
            pixels, tables, fill_mode=self.fill_mode, cval=self.cval, order=self.order
        )


@dataclass(frozen=True)
class Rendering:
    """What is done to the pixels of every batch, fixed when the pipeline is built.

    Args:
        image_size: (height, width) in pixels of every image; (0, 0) where each has its own.
        resampling: how geometry rows are applied; None where they are ignored.
        steps: what is done behind the geometry, in this order.
        preprocess: from images `pixel_dtype`[B, H, W, C] to images of the same shape, or None.
        rescale: factor for every value, or None.
        pixel_dtype: floating type that values are kept and rescaled in.
        output_dtype: type that the batch is cast to at the end.
        white: the value of white. Steps and the value outside of an image mean 255 by it.

    Attributes:
        rescale_dtype: type that values are multiplied in: NumPy multiplies by a Python number in
            the array's type, by a number of its own in the wider of both.
    """

    image_size: tuple[int, int]
    resampling: Resampling | None = None
    steps: tuple[Step, ...] = ()
    preprocess: Callable[[tf.Tensor], tf.Tensor] | None = None
    rescale: float | None = None
    pixel_dtype: str = "float32"
    output_dtype: str = "float32"
    white: int = 255
    rescale_dtype: str | None = field(init=False)

    def __post_init__(self) -> None:
        # Apart from the factor itself, as a number of Python's and one of NumPy's may be equal.
        dtype = None
        if self.rescale is not None:
            dtype = np.result_type(np.dtype(self.pixel_dtype), self.rescale).name
        object.__setattr__(self, "rescale_dtype", dtype)

    @property
    def levels(self) -> float:
        """How many values a level of 255 has."""
        return self.white / 255

    @property
    def has_second_kernel(self) -> bool:
        """Whether something follows the geometry that needs a kernel of its own."""
        return bool(self.steps) or self.preprocess is not None

    @property
    def only_casts(self) -> bool:
        """Whether nothing is done but a cast."""
        return self.resampling is None and not self.has_second_kernel and self.rescale is None


def _made_once(make: Callable[..., Renderer]) -> Callable[..., Renderer]:
    """Make a renderer once for the same settings: a second one would be compiled again."""
    cached = functools.lru_cache(maxsize=32)(make)

    @functools.wraps(make)
    def made(*settings: Any) -> Renderer:
        try:
            hash(settings)
        except TypeError:  # of a user's function
            return make(*settings)
        return cached(*settings)

    return made


@_made_once
def images_renderer(rendering: Rendering) -> Renderer:
    """Make the function from parameters and images to finished images.

    Args:
        rendering: what is done.

    Returns:
        A function of `Parameters` of B images and of [B, H, W, C] of any type.
    """
    packed = compiled(packed_words)
    warped = compiled(_warp_and_round(rendering))
    unmoved = compiled(lambda images: rounded_to_pixels(images, rendering))
    change = _changes_behind_geometry(rendering)

    def render(parameters: Parameters, images: tf.Tensor) -> tf.Tensor:
        if rendering.only_casts and images.dtype.name == rendering.output_dtype:
            return images
        if rendering.resampling is not None:
            if images.dtype == tf.uint8 and images.shape[-1] == 3:
                images = packed(images)
            images = warped(images, *coordinate_tables(parameters.geometry, rendering.image_size))
        else:
            images = unmoved(images)
        return change(images, parameters.steps)

    return render


@_made_once
def rows_renderer(rendering: Rendering, table: Table = nearest_table) -> Renderer:
    """Make the function from parameters, flat rows and row lengths to finished images.

    Args:
        rendering: what is done.
        table: chooses the columns of a row that the target shows.

    Returns:
        A function of `Parameters` of B images, uint8[B, N] (the rows of an image one behind the
        other, then zeros; N a multiple of 12) and int32[B], their length in pixels.
    """
    height, width = rendering.image_size
    pick = _picking(rendering)

    def render(parameters: Parameters, flat: tf.Tensor, row_length: tf.Tensor) -> tf.Tensor:
        # Rows whose columns were picked have the target's length, and their table is 0, 1, ….
        rows = tf.range(height)[tf.newaxis]
        return pick(parameters, flat, row_length, rows, table(row_length, width))

    return render


@_made_once
def whole_images_renderer(rendering: Rendering, table: Table = nearest_table) -> Renderer:
    """Make the function from parameters, images of any size and their sizes to finished images.

    Args:
        rendering: what is done.
        table: chooses the rows and columns of an image that the target shows.

    Returns:
        A function of `Parameters` of B images, uint8[B, N] (the pixels of an image, then zeros; N
        a multiple of 12) and int32[B, 2], their height and width.
    """
    height, width = rendering.image_size
    pick = _picking(rendering)

    def tables(size: tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        rows, columns = table(size[:, 0], height), table(size[:, 1], width)
        return tf.broadcast_to(rows, [count, height]), tf.broadcast_to(columns, [count, width])

    def render(parameters: Parameters, flat: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        count = flat.shape[0]
        # Images of a set often have one size, and tables take as long as picking by them.
        rows, columns = tf.cond(
            tf.reduce_all(size == size[:1]),
            lambda: tables(size[:1], count),
            lambda: tables(size, count),
        )
        return pick(parameters, flat, size[:, 1], rows, columns)

    return render


def _picking(rendering: Rendering) -> Renderer:
    """Make the function from parameters and the pixels to pick to finished images.

    Returns:
        A function of `Parameters` of B images; uint8[B, N], their rows, one behind the other, N a
        multiple of 12; int32[B], the length of these in pixels; int32[B or 1, H], the rows that the
        target shows; and int32[B, W], the columns.
    """
    height, width = rendering.image_size

    def pixel_numbers(row_length: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        row_start = rows * row_length[:, tf.newaxis]
        numbers = row_start[:, :, tf.newaxis] + columns[:, tf.newaxis, :]
        return tf.reshape(numbers, [numbers.shape[0], -1])

    def pick(flat: tf.Tensor, *places: tf.Tensor) -> tf.Tensor:
        batch = flat.shape[0]
        pixels = tf.reshape(flat, [batch, -1, 3])
        picked = tf.gather(pixels, pixel_numbers(*places), batch_dims=1)
        return tf.reshape(picked, [batch, height, width, 3])

    def pick_words(flat: tf.Tensor, *places: tf.Tensor) -> tf.Tensor:
        words = unaligned_words(flat, 3 * pixel_numbers(*places))
        return tf.reshape(words, [flat.shape[0], height, width])

    # Two kernels: fused into one, every tap of the warp would look up its column once more.
    picked_words = compiled(pick_words)
    warped = compiled(_warp_and_round(rendering))
    picked = compiled(lambda *fetched: rounded_to_pixels(pick(*fetched), rendering))
    change = _changes_behind_geometry(rendering)

    def render(parameters: Parameters, flat: tf.Tensor, *places: tf.Tensor) -> tf.Tensor:
        if rendering.resampling is not None:
            tables = coordinate_tables(parameters.geometry, rendering.image_size)
            images = warped(picked_words(as_words(flat), *places), *tables)
        else:
            images = picked(flat, *places)
        return change(images, parameters.steps)

    return render


def _warp_and_round(rendering: Rendering) -> Callable[..., tf.Tensor]:
    """Make the function from pixels and coordinate tables to resampled images, to be compiled."""
    resampling = rendering.resampling or Resampling()
    resampling = replace(resampling, cval=resampling.cval * rendering.levels)

    def warp(pixels: tf.Tensor, *tables: tf.Tensor) -> tf.Tensor:
        return rounded_to_pixels(resampling.warped(pixels, tables), rendering)

    return warp


def rounded_to_pixels(images: tf.Tensor, rendering: Rendering) -> tf.Tensor:
    """Round to the type of pixels; where nothing else follows, finish."""
    if rendering.has_second_kernel:
        return tf.cast(images, rendering.pixel_dtype)
    return finished(images, rendering)


def _changes_behind_geometry(
    rendering: Rendering,
) -> Callable[[tf.Tensor, tuple[Any, ...]], tf.Tensor]:
    """Make the function of images and parameters of steps for what follows the geometry.

    Kernels of their own, since the extremes that a channel shift needs would otherwise be those
    of a second warp.
    """
    if not rendering.has_second_kernel:
        return lambda images, parameters: images

    def apply_steps(images: tf.Tensor, parameters: tuple[Any, ...]) -> tf.Tensor:
        stepped = given = _in_levels(images, rendering)
        for step, of_step in zip(rendering.steps, parameters, strict=True):
            stepped = step.apply(stepped, of_step)
        images = _of_levels(stepped, given, images, rendering)
        return images if rendering.preprocess else finished(images, rendering)

    stepped = compiled(apply_steps)
    finish = compiled(lambda images: finished(images, rendering))

    def change(images: tf.Tensor, parameters: tuple[Any, ...]) -> tf.Tensor:
        if rendering.preprocess is None:
            return stepped(images, parameters)
        if rendering.steps:
            images = stepped(images, parameters)
        return finish(rendering.preprocess(images))

    return change


def _in_levels(images: tf.Tensor, rendering: Rendering) -> tf.Tensor:
    """Bring values to [0, 255], which steps go by."""
    if rendering.white == 255:
        return images
    # Rounded before anything is added, in a batch of any size: XLA contracts no maximum.
    return tf.maximum(images / rendering.levels, images.dtype.min)


def _of_levels(
    stepped: tf.Tensor, given: tf.Tensor, images: tf.Tensor, rendering: Rendering
) -> tf.Tensor:
    """Bring levels that steps have changed back to values; what they have not keeps its bits."""
    if rendering.white == 255:
        return stepped
    return tf.where(stepped == given, images, stepped * rendering.levels)


def finished(images: tf.Tensor, rendering: Rendering) -> tf.Tensor:
    """Round to the type of pixels, rescale in it, cast: the order in which Keras rounds."""
    images = tf.cast(images, rendering.pixel_dtype)
    if rendering.rescale is not None:
        wide = rendering.rescale_dtype
        images = tf.cast(images, wide) * tf.constant(rendering.rescale, wide)
        images = tf.cast(images, rendering.pixel_dtype)
    if tf.as_dtype(rendering.output_dtype).is_integer:
        images = tf.clip_by_value(tf.round(images), 0, rendering.white)
    return tf.cast(images, rendering.output_dtype)
