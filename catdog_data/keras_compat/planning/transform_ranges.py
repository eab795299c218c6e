"""Which transforms may be drawn, in which order, and the rows that were drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shift = float | tuple[float, ...]


@dataclass(frozen=True)
class Transforms:
    """One row of drawn parameters per image, as columns float64[B].

    Args:
        theta: rotation in degrees.
        tx: shift along the rows in pixels.
        ty: shift along the columns in pixels.
        shear: shear angle in degrees.
        zx: zoom factor along the rows.
        zy: zoom factor along the columns.
        flip_horizontal: 1.0 where columns are reversed, else 0.0.
        flip_vertical: 1.0 where rows are reversed, else 0.0.
        channel_shift: added to all values of the image.
        brightness: factor for all values of the image.
    """

    theta: Floats
    tx: Floats
    ty: Floats
    shear: Floats
    zx: Floats
    zy: Floats
    flip_horizontal: Floats
    flip_vertical: Floats
    channel_shift: Floats
    brightness: Floats

    def __len__(self) -> int:
        return len(self.theta)

    def columns(self) -> list[Floats]:
        """List the columns, in the order above."""
        return [getattr(self, each.name) for each in fields(self)]

    @classmethod
    def unflipped(
        cls, theta: Floats, tx: Floats, ty: Floats, shear: Floats, zx: Floats, zy: Floats
    ) -> Transforms:
        """Take geometry alone; nothing is mirrored and no value changed."""
        zeros, ones = np.zeros(len(theta)), np.ones(len(theta))
        return cls(theta, tx, ty, shear, zx, zy, zeros, zeros, zeros, ones)

    @classmethod
    def from_rows(cls, rows: Sequence[Transforms]) -> Transforms:
        """Join several into one, in order."""
        return cls(
            *(np.concatenate([getattr(row, each.name) for row in rows]) for each in fields(cls))
        )


@dataclass(frozen=True)
class TransformRanges:
    """The ranges ImageDataGenerator draws from, in its units and its order.

    Args:
        rotation: degrees; drawn in [-rotation, rotation].
        height_shift: a fraction of the height (below 1) or pixels, drawn in
            [-height_shift, height_shift]; a tuple is chosen from, with a random sign.
        width_shift: the same along the width.
        shear: degrees; drawn in [-shear, shear].
        zoom: two factors, drawn between them once per axis; (1, 1) draws nothing.
        horizontal_flip: whether half of the images have their columns reversed.
        vertical_flip: whether half of the images have their rows reversed.
        channel_shift: drawn in [-channel_shift, channel_shift] and added to all values.
        brightness: two factors, drawn between them; None draws nothing.
    """

    rotation: float = 0.0
    height_shift: Shift = 0.0
    width_shift: Shift = 0.0
    shear: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    horizontal_flip: bool = False
    vertical_flip: bool = False
    channel_shift: float = 0.0
    brightness: tuple[float, float] | None = None

    @property
    def moves_pixels(self) -> bool:
        """Whether images are rotated, shifted, sheared or zoomed at all."""
        return bool(
            self.rotation
            or self.height_shift
            or self.width_shift
            or self.shear
            or self.zoom != (1.0, 1.0)
        )

    @property
    def flips(self) -> bool:
        """Whether some images are mirrored."""
        return self.horizontal_flip or self.vertical_flip

    def draw(
        self, random: np.random.RandomState, count: int, image_size: tuple[int, int]
    ) -> Transforms:
        """Draw `count` rows in ImageDataGenerator's order, to the bit and to the last draw.

        Args:
            random: the stream to draw from; it is left where Keras would leave it.
            count: how many images.
            image_size: (height, width) in pixels; shifts below 1 are fractions of it.

        Returns:
            `Transforms` of `count` rows.
        """
        if isinstance(self.height_shift, tuple) or isinstance(self.width_shift, tuple):
            # A choice draws integers, so the stream of doubles cannot be taken as one block.
            rows = [self._from_stream(_OneByOne(random), 1, image_size) for _ in range(count)]
            return Transforms.from_rows(rows) if rows else self._none()
        block = random.random_sample((count, self._doubles_per_image))
        return self._from_stream(_Block(block), count, image_size)

    def _none(self) -> Transforms:
        return Transforms(*(np.zeros(0) for _ in fields(Transforms)))

    @property
    def _doubles_per_image(self) -> int:
        drawn = [
            *(self.rotation, self.height_shift, self.width_shift, self.shear),
            *(self.channel_shift, self.brightness is not None),
        ]
        return sum(map(bool, drawn)) + 2 * (self.zoom != (1.0, 1.0)) + 2

    def _from_stream(
        self, stream: _Block | _OneByOne, count: int, image_size: tuple[int, int]
    ) -> Transforms:
        """The order of the draws is Keras' `get_random_transform`; both flips always draw."""
        zeros, ones = np.zeros(count), np.ones(count)
        theta = stream.uniform(-self.rotation, self.rotation) if self.rotation else zeros
        tx = _draw_shift(stream, self.height_shift, image_size[0]) if self.height_shift else zeros
        ty = _draw_shift(stream, self.width_shift, image_size[1]) if self.width_shift else zeros
        shear = stream.uniform(-self.shear, self.shear) if self.shear else zeros
        zooms = self.zoom != (1.0, 1.0)
        zx = stream.uniform(*self.zoom) if zooms else ones
        zy = stream.uniform(*self.zoom) if zooms else ones
        flip_horizontal = _mark(stream.uniform(0.0, 1.0) < 0.5, self.horizontal_flip)
        flip_vertical = _mark(stream.uniform(0.0, 1.0) < 0.5, self.vertical_flip)
        intensity = self.channel_shift
        channel_shift = stream.uniform(-intensity, intensity) if intensity else zeros
        brightness = ones if self.brightness is None else stream.uniform(*self.brightness)
        return Transforms(
            *(theta, tx, ty, shear, zx, zy, flip_horizontal, flip_vertical),
            *(channel_shift, brightness),
        )


class _Block:
    """Doubles drawn beforehand, one row per image, handed out a column at a time."""

    def __init__(self, block: Floats) -> None:
        self._columns = iter(np.ascontiguousarray(block.T))

    def uniform(self, low: float, high: float) -> Floats:
        # NumPy's legacy `uniform` rounds the same three operations.
        drawn: Floats = next(self._columns)
        return low + (high - low) * drawn

    def choice(self, values: tuple[float, ...]) -> Floats:
        raise AssertionError("choices are drawn image by image")


class _OneByOne:
    """Draws for a single image, straight from the stream."""

    def __init__(self, random: np.random.RandomState) -> None:
        self._random = random

    def uniform(self, low: float, high: float) -> Floats:
        return np.array([self._random.uniform(low, high)])

    def choice(self, values: Iterable[float]) -> Floats:
        return np.array([self._random.choice(list(values))], dtype=np.float64)


def _mark(drawn: NDArray[np.bool_], wanted: bool) -> Floats:
    return np.asarray(drawn & wanted, dtype=np.float64)


def _draw_shift(stream: _Block | _OneByOne, shift: Shift, pixels: int) -> Floats:
    if isinstance(shift, tuple):
        drawn = stream.choice(shift) * stream.choice((-1, 1))
        return drawn * pixels if max(shift) < 1 else drawn
    drawn = stream.uniform(-shift, shift)
    return drawn * pixels if shift < 1 else drawn
