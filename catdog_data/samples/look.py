"""How an animal looks: everything in a portrait that does not depend on its class."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Colour: TypeAlias = tuple[int, int, int]
"""Red, green and blue, in [0, 255]."""


@dataclass(frozen=True)
class Look:
    """Colours, position and pose of an animal, whichever it is.

    Attributes:
        coat, pale, dark: Colours of the fur.
        ears: Colour of the ears, one of the fur's.
        skin: Pink of tongue and inner ear.
        nose, iris, collar, tag: Colours.
        centre: Middle of the head in pixels, (x, y).
        scale: Pixels of one head unit, half the width of a head.
        tilt: Turn of the head in the picture, in degrees.
        turn, nod: How far the face looks aside and down, in head units.
        marking: Which pattern the face has, in [0, 4].
        side: -1 or 1: the side of a marking that has one.
        tongue: Whether it shows.
    """

    coat: Colour
    pale: Colour
    dark: Colour
    ears: Colour
    skin: Colour
    nose: Colour
    iris: Colour
    collar: Colour
    tag: Colour
    centre: tuple[float, float]
    scale: float
    tilt: float
    turn: float
    nod: float
    marking: int
    side: int
    tongue: bool


_COATS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((218, 142, 70), (250, 226, 188), (164, 88, 40)),  # ginger
    ((233, 208, 170), (252, 243, 226), (190, 152, 108)),  # cream
    ((140, 147, 158), (224, 228, 232), (88, 95, 108)),  # grey
    ((78, 75, 82), (226, 222, 220), (46, 43, 50)),  # black and white
    ((128, 86, 60), (228, 198, 166), (82, 52, 36)),  # chocolate
    ((238, 234, 228), (255, 253, 250), (196, 184, 174)),  # white
    ((190, 156, 116), (244, 230, 208), (112, 80, 56)),  # sand
    ((112, 128, 150), (216, 224, 234), (70, 82, 104)),  # blue
)
_NOSES: tuple[Colour, ...] = ((52, 42, 44), (92, 60, 56), (206, 128, 130))
_IRISES: tuple[Colour, ...] = ((226, 176, 52), (120, 176, 84), (96, 160, 206), (150, 96, 50))


def draw_look(rng: np.random.Generator, width: int, height: int) -> Look:
    """Draw the look of an animal in a picture of this size in pixels."""
    coat, pale, dark = (_vary(rng, colour) for colour in _COATS[rng.integers(len(_COATS))])
    shorter = min(width, height)
    scale = shorter * rng.uniform(0.40, 0.90) / 2.1
    room_x, room_y = max(0.0, width / 2 - 1.15 * scale), max(0.0, height / 2 - 1.15 * scale)
    return Look(
        coat=coat,
        pale=pale,
        dark=dark,
        ears=(coat, dark)[rng.integers(2)],
        skin=_vary(rng, (232, 138, 146)),
        nose=_vary(rng, _NOSES[rng.integers(len(_NOSES))]),
        iris=_vary(rng, _IRISES[rng.integers(len(_IRISES))]),
        collar=hsv_colour(rng.random(), rng.uniform(0.45, 0.85), rng.uniform(0.5, 0.95)),
        tag=_vary(rng, (236, 196, 84)),
        centre=(
            width / 2 + rng.uniform(-0.8, 0.8) * room_x,
            height / 2 + 0.12 * scale + rng.uniform(-0.6, 0.6) * room_y,
        ),
        scale=scale,
        tilt=float(np.clip(6 * rng.standard_normal(), -15, 15)),
        turn=rng.uniform(-0.16, 0.16),
        nod=rng.uniform(-0.06, 0.06),
        marking=int(rng.integers(5)),
        side=int(rng.choice([-1, 1])),
        tongue=bool(rng.random() < 0.5),
    )


def _vary(rng: np.random.Generator, colour: Colour) -> Colour:
    light = rng.uniform(0.88, 1.08)
    red, green, blue = (
        int(np.clip(light * channel + rng.uniform(-8, 8), 0, 255)) for channel in colour
    )
    return red, green, blue


def hsv_colour(hue: float, saturation: float, value: float) -> Colour:
    """Return the colour of a hue, saturation and value, each in [0, 1]."""
    red, green, blue = (round(255 * level) for level in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """Return a colour with every channel times a factor, at most 255."""
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue
