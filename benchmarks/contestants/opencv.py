"""Plain OpenCV: one process, images in turn, as scripts without a framework do it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contestants.contestant import SEED, Contestant, Take, Task
from benchmarks.contestants.photographs import labelled_photographs, read_rgb, scaled
from benchmarks.workloads import Distortions


def _run(task: Task, take: Take) -> None:
    random = np.random.default_rng(SEED)
    files = labelled_photographs(task.directory)
    while True:
        order = random.permutation(len(files))
        for start in range(0, len(files), task.batch_size):
            chosen = [files[i] for i in order[start : start + task.batch_size]]
            images = np.stack([_image(path, task, random) for path, _ in chosen])
            labels = np.array([label for _, label in chosen])
            take(scaled(images), labels)


def _image(path: str, task: Task, random: np.random.Generator) -> Any:
    import cv2

    height, width = task.image_size
    image = cv2.resize(read_rgb(path), (width, height), interpolation=cv2.INTER_NEAREST)
    return _distorted(image, task.distortions, random)


def _distorted(image: Any, distortions: Distortions, random: np.random.Generator) -> Any:
    import cv2

    if distortions.moves:
        image = cv2.warpAffine(
            image,
            _matrix(image.shape[:2], distortions, random),
            image.shape[1::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    if distortions.recolours:
        image = _recoloured(image, distortions, random)
    if distortions.horizontal_flip and random.random() < 0.5:
        image = cv2.flip(image, 1)
    if distortions.vertical_flip and random.random() < 0.5:
        image = cv2.flip(image, 0)
    return image


def _recoloured(image: Any, distortions: Distortions, random: np.random.Generator) -> Any:
    """Shift, then multiply, clipped to [0, 255], in one look-up."""
    import cv2

    shift = random.uniform(-distortions.channel_shift, distortions.channel_shift)
    levels = (np.arange(256) + shift).clip(0, 255) * random.uniform(*distortions.brightness)
    return cv2.LUT(image, levels.clip(0, 255).astype(np.uint8))


def _matrix(
    size: tuple[int, int], distortions: Distortions, random: np.random.Generator
) -> np.ndarray:
    """Draw where each pixel's value comes from: float64[2, 3] for (x, y) about the centre."""
    height, width = size
    angle = np.deg2rad(random.uniform(-distortions.rotation, distortions.rotation))
    shear = np.deg2rad(random.uniform(-distortions.shear, distortions.shear))
    across = width * random.uniform(-distortions.width_shift, distortions.width_shift)
    down = height * random.uniform(-distortions.height_shift, distortions.height_shift)
    zoom = random.uniform(*distortions.zoom, size=2)
    sine, cosine = np.sin(angle), np.cos(angle)
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    linear = rotation @ np.array([[1, -np.sin(shear)], [0, np.cos(shear)]]) * zoom
    centre = np.array([width - 1, height - 1]) / 2
    offset = centre + rotation @ [across, down] - linear @ centre
    return np.column_stack([linear, offset])


CONTESTANTS = (Contestant(name="opencv", title="OpenCV in a loop", run=_run, needs=("cv2",)),)
