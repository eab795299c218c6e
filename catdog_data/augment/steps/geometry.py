"""Geometry: rotation, shifts, shear, zoom, crop and flips, as one resampling of each image.

The only step that takes pixels in packed form and that the device can do: it makes geometry rows
(`catdog_data.augment.geometry_rows`), which the warps of `catdog_data.kernels` carry out. Masks
are moved by the same rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.steps.boxes import drawn_sides


class Crops(NamedTuple):
    """The part of each image that is seen: float64[B] each, fractions of the image."""

    top: tf.Tensor
    left: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor


class Movements(NamedTuple):
    """How each image is moved, float64[B] each.

    Args:
        rotation: degrees.
        down: shift along the rows, a fraction of the height.
        right: shift along the columns, a fraction of the width.
        shear: degrees.
        rows: zoom factor of the rows.
        columns: zoom factor of the columns.
        flip_columns: 1.0 where the columns are reversed, else 0.0.
        flip_rows: 1.0 where the rows are reversed, else 0.0.
    """

    rotation: tf.Tensor
    down: tf.Tensor
    right: tf.Tensor
    shear: tf.Tensor
    rows: tf.Tensor
    columns: tf.Tensor
    flip_columns: tf.Tensor
    flip_rows: tf.Tensor


class PlainShears(NamedTuple):
    """Shears that leave one axis as it is: float64[B] each, slopes.

    Args:
        horizontal: how far columns move for each row.
        vertical: how far rows move for each column.
    """

    horizontal: tf.Tensor
    vertical: tf.Tensor


@dataclass(frozen=True)
class Geometry:
    """The movements of an augmentation; its fields say what each draws from.

    Args:
        augmentation: the ranges; all but those of geometry are ignored.
    """

    augmentation: Augmentation

    draws = (
        *("rotation", "height_shift", "width_shift", "shear", "zoom", "zoom_columns"),
        *("horizontal_flip", "vertical_flip"),
        *("crop_area", "crop_ratio", "crop_row", "crop_column"),
        *("horizontal_shear", "vertical_shear"),
    )
    choices = (
        *("rotation", "height_shift", "width_shift", "shear", "zoom"),
        *("horizontal_shear", "vertical_shear"),
    )

    @property
    def is_set(self) -> bool:
        """Whether pixels move at all."""
        return self.augmentation.moves_pixels or self.augmentation.flips

    def rows(self, draws: Draws) -> tf.Tensor:
        """Turn the draws of a batch into its geometry rows: float64[B, 8]."""
        crops = self.crops(draws) if self.augmentation.crops else None
        shears = self.plain_shears(draws) if self.augmentation.shears_plainly else None
        return geometry_rows(self.movements(draws), draws.image_size, crops, shears)

    def movements(self, draws: Draws) -> Movements:
        """Turn the draws of a batch into its movements."""
        of = self.augmentation

        def either_way(name: str) -> tf.Tensor:
            limit = getattr(of, name)
            return draws.between(name, (-limit, limit), unchanged=0)

        def flipped(name: str) -> tf.Tensor:
            return tf.cast(draws.happens(name, 0.5 * getattr(of, name)), tf.float64)

        columns = "zoom" if of.zoom_tied else "zoom_columns"
        return Movements(
            rotation=either_way("rotation"),
            down=either_way("height_shift"),
            right=either_way("width_shift"),
            shear=either_way("shear"),
            rows=draws.between("zoom", of.zoom, unchanged=1),
            columns=draws.between(columns, of.zoom, unchanged=1, choice="zoom"),
            flip_columns=flipped("horizontal_flip"),
            flip_rows=flipped("vertical_flip"),
        )

    def crops(self, draws: Draws) -> Crops:
        """Turn the draws of a batch into the parts of its images that are seen."""
        drawn, of = draws.uniform, self.augmentation
        height, width = drawn_sides(
            drawn["crop_area"], drawn["crop_ratio"], of.crop_area, of.crop_ratio
        )
        return Crops(
            drawn["crop_row"] * (1 - height), drawn["crop_column"] * (1 - width), height, width
        )

    def plain_shears(self, draws: Draws) -> PlainShears:
        """Turn the draws of a batch into the shears that leave one axis as it is."""

        def slope(name: str) -> tf.Tensor:
            limit = getattr(self.augmentation, name)
            return tf.tan(draws.between(name, (-limit, limit), unchanged=0) * (math.pi / 180))

        return PlainShears(slope("horizontal_shear"), slope("vertical_shear"))


def geometry_rows(
    movements: Movements,
    image_size: tuple[int, int],
    crops: Crops | None = None,
    shears: PlainShears | None = None,
) -> tf.Tensor:
    """Turn movements into geometry rows.

    An output pixel, counted from the centre, is sheared vertically, then horizontally, zoomed,
    sheared, shifted and turned; where it then lies, it is read. With a crop, the output is that
    part of it.

    Args:
        movements: of B images.
        image_size: (height, width) in pixels; float64[B] each where images differ.
        crops: of B images, or None for the whole.
        shears: of B images, or None for none of the two.

    Returns:
        float64[B, 8], see `catdog_data.augment.geometry_rows`.
    """
    theta, down, right, shear, rows, columns, flip_columns, flip_rows = movements
    height, width = image_size
    degree = math.pi / 180
    sine, cosine = tf.sin(theta * degree), tf.cos(theta * degree)
    slant, upright = tf.sin(shear * degree), tf.cos(shear * degree)
    m00, m01 = (cosine * upright - sine * slant) * rows, sine * columns
    m10, m11 = -(sine * upright + cosine * slant) * rows, cosine * columns
    if shears is not None:
        m00, m10 = m00 + m01 * shears.horizontal, m10 + m11 * shears.horizontal
        m01, m11 = m01 + m00 * shears.vertical, m11 + m10 * shears.vertical
    moved_rows, moved_columns = down * height, right * width
    row, column = height / 2 - 0.5, width / 2 - 0.5
    row_offset = row + cosine * moved_rows + sine * moved_columns - m00 * row - m01 * column
    column_offset = column - sine * moved_rows + cosine * moved_columns - m10 * row - m11 * column
    if crops is not None:
        # Pixel centres are at integers: half a pixel lies before the first.
        first_row = crops.top * height + crops.height / 2 - 0.5
        first_column = crops.left * width + crops.width / 2 - 0.5
        row_offset += m00 * first_row + m01 * first_column
        column_offset += m10 * first_row + m11 * first_column
        m00, m10 = m00 * crops.height, m10 * crops.height
        m01, m11 = m01 * crops.width, m11 * crops.width
    return tf.stack(
        [m00, m01, row_offset, m10, m11, column_offset, flip_columns, flip_rows], axis=1
    )
