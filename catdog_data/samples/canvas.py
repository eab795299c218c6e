"""A picture that shapes are drawn on, in units of a head."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw

from catdog_data.samples.look import Colour, Look

Points: TypeAlias = npt.NDArray[np.float64]
"""float64[N, 2]: x, y in head units; y grows downwards."""

BARE, SMOOTH, FURRY = 0, 128, 255
"""Levels of the material image; blends stay meaningful."""

_SUPERSAMPLE = 2


class Canvas:
    """A supersampled picture, and beside it what each pixel is made of.

    Shapes are given in head units: the middle of the head is (0, 0) and its half width is 1.
    """

    def __init__(self, backdrop: Image.Image, size: tuple[int, int], look: Look) -> None:
        large = (size[0] * _SUPERSAMPLE, size[1] * _SUPERSAMPLE)
        self._picture = backdrop.resize(large, Image.Resampling.BILINEAR)
        self._material = Image.new("L", large, BARE)
        self._draw = ImageDraw.Draw(self._picture)
        self._draw_material = ImageDraw.Draw(self._material)
        angle = np.deg2rad(look.tilt)
        self._turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        self._unit = look.scale * _SUPERSAMPLE
        self._centre = np.array(look.centre) * _SUPERSAMPLE

    def fill(self, outline: Points, colour: Colour, material: int = SMOOTH) -> None:
        """Fill a polygon."""
        corners = self._in_pixels(outline)
        self._draw.polygon(corners, fill=colour)
        self._draw_material.polygon(corners, fill=material)

    def fill_within(self, outline: Points, bounds: Points, colour: Colour) -> None:
        """Fill the part of a furry polygon that lies inside of another."""
        masks = []
        for points in (outline, bounds):
            mask = Image.new("1", self._picture.size)
            ImageDraw.Draw(mask).polygon(self._in_pixels(points), fill=1)
            masks.append(mask)
        mask = ImageChops.logical_and(*masks)
        self._picture.paste(colour, mask=mask)
        self._material.paste(FURRY, mask=mask)

    def line(self, points: Points, colour: Colour, width: float) -> None:
        """Draw a line `width` head units wide."""
        pixels = max(1, round(width * self._unit))
        self._draw.line(self._in_pixels(points), fill=colour, width=pixels, joint="curve")

    def reduced(self) -> tuple[npt.NDArray[np.float32], Image.Image]:
        """Return the picture as float32[H, W, 3] and the material as an L image."""
        picture = np.asarray(self._picture.reduce(_SUPERSAMPLE), np.float32)
        return picture, self._material.reduce(_SUPERSAMPLE)

    def _in_pixels(self, points: Points) -> list[tuple[float, float]]:
        pixels = points @ self._turn * self._unit + self._centre
        return [(float(x), float(y)) for x, y in pixels]


def oval(x: float, y: float, across: float, down: float, lean: float = 0.0) -> Points:
    """Return an ellipse about (x, y) with these half axes, turned by `lean` degrees."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    turn = np.deg2rad(lean)
    a, b = across * np.cos(angle), down * np.sin(angle)
    return np.stack(
        [x + a * np.cos(turn) - b * np.sin(turn), y + a * np.sin(turn) + b * np.cos(turn)], 1
    )


def polygon(*corners: tuple[float, float]) -> Points:
    """Return a polygon with these corners (x, y)."""
    return np.array(corners, np.float64)


def mirrored(points: Points, side: int) -> Points:
    """Return points as they are for side 1, and mirrored left to right for -1."""
    return np.asarray(points * (side, 1), np.float64)


def moved(points: Points, x: float, y: float) -> Points:
    """Return points moved by (x, y)."""
    return np.asarray(points + np.array([x, y]), np.float64)
