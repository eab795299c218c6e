"""One picture: an animal before a backdrop, encoded as a JPEG of a photograph's weight."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from catdog_data.samples.animals import draw_body, draw_cat, draw_dog
from catdog_data.samples.canvas import Canvas
from catdog_data.samples.look import draw_look
from catdog_data.samples.scenery import Floats, background, light, texture

_QUALITY = 70
_MEDIAN_BITS_PER_PIXEL = 1.15
_BITS_SPREAD = 0.3  # standard deviation of the logarithm
_REFERENCE_PIXELS = 150_000


def draw_picture(rng: np.random.Generator, kind: str, image_size: tuple[int, int] | None) -> bytes:
    """Draw one picture.

    Args:
        rng: all that is random is drawn from it.
        kind: "cat" or "dog".
        image_size: (height, width) in pixels, or None for one as found among photographs.

    Returns:
        The JPEG file.
    """
    width, height = image_size[::-1] if image_size else _photograph_size(rng)
    look = draw_look(rng, width, height)
    canvas = Canvas(background(rng, width, height), (width, height), look)
    draw_body(canvas, look)
    (draw_cat if kind == "cat" else draw_dog)(canvas, look)
    picture, material = canvas.reduced()
    lit = picture * light(rng, material)[..., None]
    fur = texture(rng, material, look)
    return _encode(lit, fur, _draw_weight(rng, width * height))


def _photograph_size(rng: np.random.Generator) -> tuple[int, int]:
    """Draw a (width, height) as found among the photographs, 151,000 pixels on average."""
    aspects = [4 / 3, 3 / 2, 5 / 4, 1.15, 1.0, 16 / 9]
    aspect = rng.choice(aspects, p=[0.55, 0.12, 0.1, 0.1, 0.08, 0.05])
    kind, portrait = rng.random(2)
    if kind < 0.003:
        longer = 1050
    elif kind < 0.58:
        longer = 500 - int(rng.integers(2))
    else:
        longer = int(rng.integers(160, 499))
    shorter = round(longer / aspect)
    return (shorter, longer) if portrait < 0.3 else (longer, shorter)


def _draw_weight(rng: np.random.Generator, pixels: int) -> float:
    """Draw how many bytes the file should have: bits per pixel fall slowly with the size."""
    median = _MEDIAN_BITS_PER_PIXEL * (_REFERENCE_PIXELS / pixels) ** 0.1
    bits = median * np.exp(_BITS_SPREAD * np.clip(rng.standard_normal(), -2.2, 2.2))
    return float(pixels * bits / 8)


def _encode(picture: Floats, texture: Floats, weight: float) -> bytes:
    """Encode float32[H, W, 3] with as much float32[H, W] texture as gives about `weight` bytes."""
    gain, low, high = 14.0, 3.0, 60.0
    for _ in range(5):
        data = _jpeg(picture + gain * texture[..., None])
        if abs(len(data) / weight - 1) < 0.05:
            break
        low, high = (gain, high) if len(data) < weight else (low, gain)
        gain = float(np.clip(gain * (weight / len(data)) ** 1.3, 0.8 * low + 0.2 * high, high))
    return data


def _jpeg(picture: Floats) -> bytes:
    file = BytesIO()
    pixels = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling="4:2:0")
    return file.getvalue()
