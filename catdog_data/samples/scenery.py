"""What surrounds an animal and what it is made of: backdrop, light, fur."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from catdog_data.samples.look import Look, hsv_colour, shade

Floats: TypeAlias = npt.NDArray[np.float32]

_SOFT = 8  # soft shapes (light, shadow, blurred background) are made at 1/8 of the size


def background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Paint an out-of-focus backdrop: two colours, clouds and discs of light; `[H/8, W/8]`."""
    size = (-(-width // _SOFT) + 1, -(-height // _SOFT) + 1)
    hue = rng.random()
    near, far = (
        np.array(hsv_colour((hue + shift) % 1, rng.uniform(0.12, 0.6), rng.uniform(0.4, 0.95)))
        for shift in (0.0, rng.uniform(-0.2, 0.2))
    )
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    ramp = 0.5 + 0.4 * (x * np.cos(angle) + y * np.sin(angle)) + 0.3 * _noise(rng, size, 9)
    mix = np.clip(ramp, 0, 1)[..., None]
    image = Image.fromarray((near * mix + far * (1 - mix)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 9)):
        middle, radius = rng.random(2) * size, rng.uniform(0.04, 0.14) * min(size)
        level = image.getpixel((int(middle[0]), int(middle[1])))
        assert isinstance(level, tuple)
        colour = shade((level[0], level[1], level[2]), rng.uniform(1.1, 1.35))
        draw.ellipse([*(middle - radius), *(middle + radius)], fill=colour)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def _noise(rng: np.random.Generator, size: tuple[int, int], cell: float) -> Floats:
    """Return smooth noise, float32[H, W] of about unit deviation, whose grains are `cell` wide."""
    width, height = size
    shape = (int(height / cell) + 2, int(width / cell) + 2)
    grains = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(Image.fromarray(grains).resize(size, Image.Resampling.BICUBIC))


def light(rng: np.random.Generator, material: Image.Image) -> Floats:
    """Return the factor of light, float32[H, W]: round bodies, a shadow behind, one bright side."""
    width, height = material.size
    small = material.resize((-(-width // _SOFT), -(-height // _SOFT)), Image.Resampling.BOX)
    cover = small.point([min(255, 2 * level) for level in range(256)])
    near = cover.filter(ImageFilter.GaussianBlur(min(cover.size) / 14))
    inside, depth = (np.asarray(image, np.float32) / 255 for image in (cover, near))
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-1, 1, inside.shape[1]), np.linspace(-1, 1, inside.shape[0]))
    slope = rng.uniform(0.03, 0.12) * (x * np.cos(angle) + y * np.sin(angle))
    factor = 1.04 + slope - 0.42 * depth * (1 - inside) - 0.32 * (1 - depth) * inside
    image = Image.fromarray(factor.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def texture(rng: np.random.Generator, material: Image.Image, look: Look) -> Floats:
    """Return float32[H, W] of about unit deviation: hair on the animal, roughness behind it."""
    size = material.size
    level = np.asarray(material, np.float32)
    hairy, bare = np.clip(level / 127 - 1, 0, 1), np.clip(1 - level / 128, 0, 1)
    fine, rough = _noise(rng, size, 1.6), _noise(rng, size, 3.2)
    wide = _noise(rng, size, 9.0)
    backdrop = 0.55 * fine + 0.6 * rough + 0.5 * wide
    hair = _hair(rng, size, look, wide) + 0.35 * fine
    return np.asarray(bare * backdrop + hairy * hair + 0.3 * fine, np.float32)


def _hair(rng: np.random.Generator, size: tuple[int, int], look: Look, bend: Floats) -> Floats:
    """Return streaks that run outwards from the nose, bent by float32[H, W] of noise."""
    width, height = size
    x = np.arange(width, dtype=np.float32) - look.centre[0]
    y = np.arange(height, dtype=np.float32)[:, None] - look.centre[1]
    radius = np.sqrt(x * x + y * y) / look.scale
    strands = max(48, int(2 * np.pi * look.scale / 2.2))
    table = _streaks(rng, strands)
    around = (np.arctan2(y, x) / (2 * np.pi) + 0.5 + 0.008 * bend) * strands
    along = radius * 14 + bend
    rows, columns = around.astype(np.int32) % strands, along.astype(np.int32) % table.shape[1]
    return np.asarray(table[rows, columns], np.float32)


def _streaks(rng: np.random.Generator, strands: int) -> Floats:
    rough = rng.standard_normal((strands, 64), dtype=np.float32)
    smooth = rough + np.roll(rough, 1, axis=1) + np.roll(rough, 2, axis=1)
    return np.asarray(smooth / 3**0.5, np.float32)
