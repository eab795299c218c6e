"""Plain OpenCV: one process, images in turn, as scripts without a framework do it."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contestants.contestant import SEED, Contestant, Take, Task
from benchmarks.workloads import Distortions

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")


def labelled_photographs(directory: Path) -> list[tuple[str, int]]:
    """List the images of class folders, each with the number of its class among them sorted."""
    classes = sorted(each for each in directory.iterdir() if each.is_dir())
    return [
        (str(path), label)
        for label, folder in enumerate(classes)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _SUFFIXES
    ]


def read_rgb(path: str) -> Any:
    """Read and decode an image to uint8[H, W, 3], turned as it is stored."""
    import cv2

    return cv2.imread(path, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)


def scaled(images: Any) -> np.ndarray:
    """Convert uint8 to float32 in [0, 1], a batch at a time."""
    batch: np.ndarray = np.multiply(images, 1 / 255, dtype=np.float32)
    return batch


def _run(task: Task, take: Take) -> None:
    random = np.random.default_rng(SEED)
    files = labelled_photographs(task.directory)
    while True:
        order = random.permutation(len(files))
        for start in range(0, len(files), task.batch_size):
            chosen = [files[i] for i in order[start : start + task.batch_size]]
            images = np.stack([_image(path, task, random) for path, _ in chosen])
            take(scaled(images), np.array([label for _, label in chosen]))


def _image(path: str, task: Task, random: np.random.Generator) -> Any:
    import cv2

    height, width = task.image_size
    image = cv2.resize(read_rgb(path), (width, height), interpolation=cv2.INTER_NEAREST)
    distortions = task.distortions
    if distortions.moves:
        image = cv2.warpAffine(
            image,
            _matrix(task.image_size, distortions, random),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    if distortions.recolours:
        # Shift, then multiply, clipped to [0, 255], in one look-up.
        shift = random.uniform(-distortions.channel_shift, distortions.channel_shift)
        levels = (np.arange(256) + shift).clip(0, 255) * random.uniform(*distortions.brightness)
        image = cv2.LUT(image, levels.clip(0, 255).astype(np.uint8))
    if distortions.horizontal_flip and random.random() < 0.5:
        image = cv2.flip(image, 1)
    if distortions.vertical_flip and random.random() < 0.5:
        image = cv2.flip(image, 0)
    return image


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
