"""Draw a set of cat and dog pictures, so that everything can be tried without a download.

    (seed, split, class, index) -> look -> scene -> texture -> JPEG of a photograph's weight

A cat has upright pointed ears, slit eyes and whiskers; a dog has hanging round ears, round eyes and
a snout. Everything else (coat, markings, collar, background, light, size, place, tilt, the size of
the picture and of its file) comes from the same distributions for both, so that only shape tells
them apart. Sizes, chroma subsampling, quantisation and bits per pixel are those of the photographs
of the well-known cat-and-dog sets: the pictures cost as much to read and decode.
"""

from __future__ import annotations

import colorsys
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from catdog_data.archives.find_folders import ImageFolders
from catdog_data.archives.unpack import StrPath
from catdog_data.system.atomic_directory import Marker, is_published, staged

_Floats: TypeAlias = npt.NDArray[np.float32]
_Points: TypeAlias = npt.NDArray[np.float64]  # float64[N, 2]: x, y; y grows downwards
_Colour: TypeAlias = tuple[int, int, int]

_SPLITS = ("train", "validation")
_CLASSES = ("cat", "dog")
_SMALLEST_SIDE = 32

_QUALITY = 70
_MEDIAN_BITS_PER_PIXEL = 1.15
_BITS_SPREAD = 0.3  # standard deviation of the logarithm
_REFERENCE_PIXELS = 150_000

_SUPERSAMPLE = 2
_SOFT = 8  # soft shapes (light, shadow, blurred background) are made at 1/8 of the size


def generate_sample_set(
    destination: StrPath,
    *,
    train_per_class: int = 400,
    validation_per_class: int = 100,
    seed: int = 0,
    image_size: tuple[int, int] | None = None,
    progress: bool = True,
) -> ImageFolders:
    """Draw labelled pictures of cats and dogs into class folders, all or nothing.

    Files are `train/cats/cat.0.jpg`, `train/dogs/dog.0.jpg`, `validation/cats/cat.0.jpg` and so
    on. Calling it again with the same settings does nothing.

    Args:
        destination: Directory to fill; absent or empty, or filled with the same settings before.
        train_per_class: Training pictures of each class, at least 1.
        validation_per_class: Validation pictures of each class; with 0 there is no such folder.
        seed: Not negative. A picture depends on seed, split, class and its own number only, never
            on how many there are; nothing else is random. Files are the same byte for byte with
            the same versions of NumPy and Pillow.
        image_size: (height, width) in pixels, each at least 32; None varies it from picture to
            picture as in photographs, 500 x 375 most often.
        progress: Whether to draw a progress bar on standard error.

    Returns:
        The two folders; `validation` is None if none was asked for.

    Raises:
        ValueError: A number is out of its range.
        FileExistsError: `destination` holds something else, or a set with other settings.
    """
    _check_at_least("train_per_class", train_per_class, 1)
    _check_at_least("validation_per_class", validation_per_class, 0)
    _check_at_least("seed", seed, 0)
    for side in image_size or ():
        _check_at_least("image_size", side, _SMALLEST_SIDE)
    target = Path(destination).resolve()
    marker: Marker = {
        "kind": "sample set",
        "format": 1,
        "train_per_class": train_per_class,
        "validation_per_class": validation_per_class,
        "seed": seed,
        "image_size": None if image_size is None else list(image_size),
    }
    if not is_published(target, marker):
        jobs = [
            _Job(seed, split, kind, index, image_size)
            for split, count in enumerate((train_per_class, validation_per_class))
            for kind in range(len(_CLASSES))
            for index in range(count)
        ]
        with staged(target, marker) as staging:
            _draw_all(jobs, staging, progress)
    validation = target / _SPLITS[1] if validation_per_class else None
    return ImageFolders(target / _SPLITS[0], validation, tuple(f"{kind}s" for kind in _CLASSES))


def _check_at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}. Received: {value}. Pass a larger one.")


# --- Jobs -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Job:
    """One picture to draw; `split` and `kind` are positions in `_SPLITS` and `_CLASSES`."""

    seed: int
    split: int
    kind: int
    index: int
    image_size: tuple[int, int] | None

    def path(self, directory: Path) -> Path:
        kind = _CLASSES[self.kind]
        return directory / _SPLITS[self.split] / f"{kind}s" / f"{kind}.{self.index}.jpg"

    def generator(self) -> np.random.Generator:
        key = (self.split, self.kind, self.index)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def _draw_all(jobs: Sequence[_Job], directory: Path, progress: bool) -> None:
    for parent in {job.path(directory).parent for job in jobs}:
        parent.mkdir(parents=True)

    def write(job: _Job) -> None:
        job.path(directory).write_bytes(_draw_jpeg(job))

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool, _progress_bar(progress) as bar:
        task = bar.add_task("Drawing cats and dogs", total=len(jobs))
        futures = [pool.submit(write, job) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
                bar.advance(task)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _progress_bar(enabled: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not enabled,
    )


def _draw_jpeg(job: _Job) -> bytes:
    rng = job.generator()
    width, height = job.image_size[::-1] if job.image_size else _photograph_size(rng)
    look = _draw_look(rng, width, height)
    canvas = _Canvas(_background(rng, width, height), (width, height), look)
    _draw_body(canvas, look)
    (_draw_cat if job.kind == 0 else _draw_dog)(canvas, look)
    picture, material = canvas.reduced()
    lit = picture * _light(rng, material)[..., None]
    texture = _texture(rng, material, look)
    return _encode(lit, texture, _draw_weight(rng, width * height))


# --- What photographs are like --------------------------------------------------------------------


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


def _encode(picture: _Floats, texture: _Floats, weight: float) -> bytes:
    """Encode float32[H, W, 3] with as much float32[H, W] texture as gives about `weight` bytes."""
    gain, low, high = 14.0, 3.0, 60.0
    for _ in range(5):
        data = _jpeg(picture + gain * texture[..., None])
        if abs(len(data) / weight - 1) < 0.05:
            break
        low, high = (gain, high) if len(data) < weight else (low, gain)
        gain = float(np.clip(gain * (weight / len(data)) ** 1.3, 0.8 * low + 0.2 * high, high))
    return data


def _jpeg(picture: _Floats) -> bytes:
    file = BytesIO()
    pixels = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling="4:2:0")
    return file.getvalue()


# --- What both classes share ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """Everything about a portrait that says nothing of its class.

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

    coat: _Colour
    pale: _Colour
    dark: _Colour
    ears: _Colour
    skin: _Colour
    nose: _Colour
    iris: _Colour
    collar: _Colour
    tag: _Colour
    centre: tuple[float, float]
    scale: float
    tilt: float
    turn: float
    nod: float
    marking: int
    side: int
    tongue: bool


_COATS: tuple[tuple[_Colour, _Colour, _Colour], ...] = (
    ((218, 142, 70), (250, 226, 188), (164, 88, 40)),  # ginger
    ((233, 208, 170), (252, 243, 226), (190, 152, 108)),  # cream
    ((140, 147, 158), (224, 228, 232), (88, 95, 108)),  # grey
    ((78, 75, 82), (226, 222, 220), (46, 43, 50)),  # black and white
    ((128, 86, 60), (228, 198, 166), (82, 52, 36)),  # chocolate
    ((238, 234, 228), (255, 253, 250), (196, 184, 174)),  # white
    ((190, 156, 116), (244, 230, 208), (112, 80, 56)),  # sand
    ((112, 128, 150), (216, 224, 234), (70, 82, 104)),  # blue
)
_NOSES: tuple[_Colour, ...] = ((52, 42, 44), (92, 60, 56), (206, 128, 130))
_IRISES: tuple[_Colour, ...] = ((226, 176, 52), (120, 176, 84), (96, 160, 206), (150, 96, 50))
_INK: _Colour = (38, 30, 34)
_WHITE: _Colour = (255, 255, 255)


def _draw_look(rng: np.random.Generator, width: int, height: int) -> _Look:
    coat, pale, dark = (_vary(rng, colour) for colour in _COATS[rng.integers(len(_COATS))])
    shorter = min(width, height)
    scale = shorter * rng.uniform(0.40, 0.90) / 2.1
    room_x, room_y = max(0.0, width / 2 - 1.15 * scale), max(0.0, height / 2 - 1.15 * scale)
    return _Look(
        coat=coat,
        pale=pale,
        dark=dark,
        ears=(coat, dark)[rng.integers(2)],
        skin=_vary(rng, (232, 138, 146)),
        nose=_vary(rng, _NOSES[rng.integers(len(_NOSES))]),
        iris=_vary(rng, _IRISES[rng.integers(len(_IRISES))]),
        collar=_hsv(rng.random(), rng.uniform(0.45, 0.85), rng.uniform(0.5, 0.95)),
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


def _vary(rng: np.random.Generator, colour: _Colour) -> _Colour:
    light = rng.uniform(0.88, 1.08)
    red, green, blue = (
        int(np.clip(light * channel + rng.uniform(-8, 8), 0, 255)) for channel in colour
    )
    return red, green, blue


def _hsv(hue: float, saturation: float, value: float) -> _Colour:
    """Return the colour of a hue, saturation and value, each in [0, 1]."""
    red, green, blue = (round(255 * each) for each in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


def _shade(colour: _Colour, factor: float) -> _Colour:
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue


def _background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Paint an out-of-focus backdrop: two colours, clouds and discs of light; `[H/8, W/8]`."""
    size = (-(-width // _SOFT) + 1, -(-height // _SOFT) + 1)
    hue = rng.random()
    near, far = (
        np.array(_hsv((hue + shift) % 1, rng.uniform(0.12, 0.6), rng.uniform(0.4, 0.95)))
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
        colour = _shade((level[0], level[1], level[2]), rng.uniform(1.1, 1.35))
        draw.ellipse([*(middle - radius), *(middle + radius)], fill=colour)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def _noise(rng: np.random.Generator, size: tuple[int, int], cell: float) -> _Floats:
    """Return smooth noise, float32[H, W] of about unit deviation, whose grains are `cell` wide."""
    width, height = size
    shape = (int(height / cell) + 2, int(width / cell) + 2)
    grains = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(Image.fromarray(grains).resize(size, Image.Resampling.BICUBIC))


def _light(rng: np.random.Generator, material: Image.Image) -> _Floats:
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


def _texture(rng: np.random.Generator, material: Image.Image, look: _Look) -> _Floats:
    """Return float32[H, W] of about unit deviation: hair on the animal, roughness behind it."""
    size = material.size
    level = np.asarray(material, np.float32)
    hairy, bare = np.clip(level / 127 - 1, 0, 1), np.clip(1 - level / 128, 0, 1)
    fine, rough = _noise(rng, size, 1.6), _noise(rng, size, 3.2)
    wide = _noise(rng, size, 9.0)
    backdrop = 0.55 * fine + 0.6 * rough + 0.5 * wide
    hair = _hair(rng, size, look, wide) + 0.35 * fine
    return np.asarray(bare * backdrop + hairy * hair + 0.3 * fine, np.float32)


def _hair(rng: np.random.Generator, size: tuple[int, int], look: _Look, bend: _Floats) -> _Floats:
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


def _streaks(rng: np.random.Generator, strands: int) -> _Floats:
    rough = rng.standard_normal((strands, 64), dtype=np.float32)
    smooth = rough + np.roll(rough, 1, axis=1) + np.roll(rough, 2, axis=1)
    return np.asarray(smooth / 3**0.5, np.float32)


# --- Shapes, in head units ------------------------------------------------------------------------

_BARE, _SMOOTH, _FURRY = 0, 128, 255  # levels of the material image; blends stay meaningful


class _Canvas:
    """A supersampled picture, and beside it what each pixel is made of.

    Shapes are given in head units: the middle of the head is (0, 0) and its half width is 1.
    """

    def __init__(self, backdrop: Image.Image, size: tuple[int, int], look: _Look) -> None:
        large = (size[0] * _SUPERSAMPLE, size[1] * _SUPERSAMPLE)
        self._picture = backdrop.resize(large, Image.Resampling.BILINEAR)
        self._material = Image.new("L", large, _BARE)
        self._draw = ImageDraw.Draw(self._picture)
        self._draw_material = ImageDraw.Draw(self._material)
        angle = np.deg2rad(look.tilt)
        self._turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        self._unit = look.scale * _SUPERSAMPLE
        self._centre = np.array(look.centre) * _SUPERSAMPLE

    def fill(self, outline: _Points, colour: _Colour, material: int = _SMOOTH) -> None:
        """Fill a polygon."""
        corners = self._place(outline)
        self._draw.polygon(corners, fill=colour)
        self._draw_material.polygon(corners, fill=material)

    def fill_within(self, outline: _Points, bounds: _Points, colour: _Colour) -> None:
        """Fill the part of a furry polygon that lies inside of another."""
        masks = []
        for points in (outline, bounds):
            mask = Image.new("1", self._picture.size)
            ImageDraw.Draw(mask).polygon(self._place(points), fill=1)
            masks.append(mask)
        mask = ImageChops.logical_and(*masks)
        self._picture.paste(colour, mask=mask)
        self._material.paste(_FURRY, mask=mask)

    def line(self, points: _Points, colour: _Colour, width: float) -> None:
        """Draw a line `width` head units wide."""
        pixels = max(1, round(width * self._unit))
        self._draw.line(self._place(points), fill=colour, width=pixels, joint="curve")

    def reduced(self) -> tuple[_Floats, Image.Image]:
        """Return the picture as float32[H, W, 3] and the material as an L image."""
        picture = np.asarray(self._picture.reduce(_SUPERSAMPLE), np.float32)
        return picture, self._material.reduce(_SUPERSAMPLE)

    def _place(self, points: _Points) -> list[tuple[float, float]]:
        placed = points @ self._turn * self._unit + self._centre
        return [(float(x), float(y)) for x, y in placed]


def _oval(x: float, y: float, across: float, down: float, lean: float = 0.0) -> _Points:
    """Return an ellipse about (x, y) with these half axes, turned by `lean` degrees."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    turn = np.deg2rad(lean)
    a, b = across * np.cos(angle), down * np.sin(angle)
    return np.stack(
        [x + a * np.cos(turn) - b * np.sin(turn), y + a * np.sin(turn) + b * np.cos(turn)], 1
    )


def _polygon(*corners: tuple[float, float]) -> _Points:
    return np.array(corners, np.float64)


def _mirrored(points: _Points, side: int) -> _Points:
    return np.asarray(points * (side, 1), np.float64)


def _moved(points: _Points, x: float, y: float) -> _Points:
    return np.asarray(points + np.array([x, y]), np.float64)


_HEAD = _oval(0, 0, 1.0, 0.88)


def _draw_body(canvas: _Canvas, look: _Look) -> None:
    canvas.fill(_oval(0, 2.3, 1.15, 1.75), look.coat, _FURRY)
    canvas.fill(_oval(0, 2.1, 0.55, 1.0), look.pale, _FURRY)
    canvas.fill(_oval(0, 0.75, 0.72, 0.42), look.collar)
    canvas.fill(_oval(0.3 * look.turn, 1.2, 0.13, 0.14), look.tag)


def _draw_head(canvas: _Canvas, look: _Look) -> None:
    canvas.fill(_HEAD, look.coat, _FURRY)
    if look.marking == 1:  # a blaze
        canvas.fill_within(_oval(look.turn, -0.4, 0.17, 0.75), _HEAD, look.pale)
    elif look.marking == 2:  # a patch over one eye
        canvas.fill_within(_oval(0.45 * look.side, -0.25, 0.42, 0.5), _HEAD, look.dark)
    elif look.marking == 3:  # stripes
        for x in (-0.3, 0.0, 0.3):
            canvas.fill_within(_oval(x + look.turn, -0.7, 0.07, 0.28, 40 * x), _HEAD, look.dark)
    elif look.marking == 4:  # pale cheeks
        for side in (-1, 1):
            canvas.fill_within(_oval(0.55 * side, 0.5, 0.5, 0.45), _HEAD, look.pale)


def _draw_tongue(canvas: _Canvas, look: _Look, y: float) -> None:
    if look.tongue:
        canvas.fill(_oval(look.turn, y + look.nod, 0.12, 0.16), look.skin)


def _draw_eye(canvas: _Canvas, x: float, y: float, pupil: _Points, white: _Points) -> None:
    canvas.fill(_moved(pupil, x, y), _INK)
    canvas.fill(_moved(white, x - 0.05, y - 0.06), _WHITE)


def _draw_cat(canvas: _Canvas, look: _Look) -> None:
    ear = _polygon((-0.93, -0.30), (-0.95, -1.32), (-0.78, -1.28), (-0.22, -0.80), (-0.4, -0.3))
    inner = _polygon((-0.80, -0.55), (-0.83, -1.12), (-0.40, -0.78), (-0.5, -0.5))
    for side in (-1, 1):
        canvas.fill(_mirrored(ear, side), look.ears, _FURRY)
        canvas.fill(_mirrored(inner, side), look.skin, _FURRY)
    _draw_head(canvas, look)
    x, y = look.turn, look.nod
    for side in (-1, 1):
        middle = x + 0.42 * side, y - 0.1
        canvas.fill(_oval(*middle, 0.26, 0.185, 12 * side), _INK)
        canvas.fill(_oval(*middle, 0.225, 0.155, 12 * side), look.iris)
        _draw_eye(canvas, *middle, _oval(0, 0, 0.045, 0.15), _oval(0, 0, 0.03, 0.03))
    _draw_tongue(canvas, look, 0.62)
    for side in (-1, 1):
        canvas.fill(_oval(x + 0.17 * side, y + 0.42, 0.22, 0.17), look.pale, _FURRY)
    canvas.fill(_polygon((x - 0.13, y + 0.22), (x + 0.13, y + 0.22), (x, y + 0.36)), look.nose)
    mouth = _polygon((0, 0.34), (0, 0.5), (0.08, 0.56), (0.18, 0.55), (0.25, 0.5))
    for side in (-1, 1):
        canvas.line(_moved(_mirrored(mouth, side), x, y), _INK, 0.025)
        for lift in (-0.16, 0.0, 0.16):
            hair = _polygon((0.3, 0.4 + lift / 4), (0.8, 0.36 + lift), (1.25, 0.42 + 1.6 * lift))
            canvas.line(_moved(_mirrored(hair, side), x, y), _shade(look.pale, 1.1), 0.018)


def _draw_dog(canvas: _Canvas, look: _Look) -> None:
    _draw_head(canvas, look)
    for side in (-1, 1):
        flap = np.concatenate(
            [_oval(-0.98, 0.12, 0.27, 0.62, 10)[:25], _oval(-0.86, -0.3, 0.34, 0.42)[24:]]
        )
        canvas.fill(_mirrored(flap, side), _shade(look.ears, 0.9), _FURRY)
    x, y = look.turn, look.nod
    for side in (-1, 1):
        middle = x + 0.36 * side, y - 0.16
        canvas.fill(_oval(*middle, 0.175, 0.175), _INK)
        canvas.fill(_oval(*middle, 0.145, 0.145), look.iris)
        _draw_eye(canvas, *middle, _oval(0, 0, 0.095, 0.095), _oval(0, 0, 0.035, 0.035))
    _draw_tongue(canvas, look, 0.86)
    canvas.fill(_oval(x, y + 0.42, 0.42, 0.4), look.pale, _FURRY)
    canvas.fill(_oval(x, y + 0.22, 0.2, 0.14), look.nose)
    canvas.fill(_oval(x - 0.06, y + 0.17, 0.05, 0.025), _shade(look.nose, 1.7))
    mouth = _polygon((0, 0.34), (0, 0.6), (0.1, 0.67), (0.22, 0.65), (0.3, 0.58))
    for side in (-1, 1):
        canvas.line(_moved(_mirrored(mouth, side), x, y), _INK, 0.03)
