"""Photographs read by OpenCV and distorted by Albumentations, one by one, for any loader.

Needs both libraries where it is imported: contestants do so in `run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import albumentations
import cv2

from benchmarks.contestants.photographs import labelled_photographs, read_rgb
from benchmarks.workloads import Distortions


@dataclass(frozen=True)
class DistortedPhotographs:
    """Random access to (uint8[H, W, 3], label), distorted anew each time.

    Loaders scale whole batches: bytes are a quarter of what floats are to send between processes.
    """

    files: list[tuple[str, int]]
    distortions: Distortions
    image_size: tuple[int, int]

    @classmethod
    def of(
        cls, directory: Path, distortions: Distortions, image_size: tuple[int, int]
    ) -> DistortedPhotographs:
        """List class folders."""
        return cls(labelled_photographs(directory), distortions, image_size)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: Any) -> tuple[Any, int]:
        path, label = self.files[index]
        transform = _transform(self.distortions, self.image_size)
        return transform(image=read_rgb(path))["image"], label


class _Affine(albumentations.Affine):  # type: ignore[misc]
    """Takes as `scale` how much is seen, so that this is uniform, and not its reciprocal."""

    @staticmethod
    def _get_scale(*arguments: Any, **options: Any) -> dict[str, float]:
        seen = albumentations.Affine._get_scale(*arguments, **options)
        return {axis: 1 / factor for axis, factor in seen.items()}


@cache  # in each process anew: copies of one would draw the same numbers
def _transform(distortions: Distortions, image_size: tuple[int, int]) -> Any:
    cv2.setNumThreads(0)  # loaders are parallel already
    steps = [albumentations.Resize(*image_size, interpolation=cv2.INTER_NEAREST, p=1)]
    if distortions.moves:
        steps.append(_affine(distortions))
    if distortions.recolours:
        steps.append(_recolour(distortions))
    if distortions.horizontal_flip:
        steps.append(albumentations.HorizontalFlip(p=0.5))
    if distortions.vertical_flip:
        steps.append(albumentations.VerticalFlip(p=0.5))
    return albumentations.Compose(steps)


def _affine(distortions: Distortions) -> _Affine:
    across, down = distortions.width_shift, distortions.height_shift
    return _Affine(
        scale={"x": distortions.zoom, "y": distortions.zoom},
        translate_percent={"x": (-across, across), "y": (-down, down)},
        rotate=(-distortions.rotation, distortions.rotation),
        shear={"x": (-distortions.shear, distortions.shear), "y": (0, 0)},
        border_mode=cv2.BORDER_REPLICATE,
        p=1,
    )


def _recolour(distortions: Distortions) -> Any:
    """Multiply and shift in one; this library's "contrast" is Keras' brightness."""
    low, high = distortions.brightness
    shift = distortions.channel_shift / 255
    return albumentations.RandomBrightnessContrast(
        brightness_limit=(-shift, shift), contrast_limit=(low - 1, high - 1), p=1
    )
