"""Class folders as lists of files, and reading one of them, for those without a reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")


def labelled_photographs(directory: Path) -> list[tuple[str, int]]:
    """List the images of class folders, each with the place of its class among them sorted."""
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
    """Bring uint8 to float32 in [0, 1], a batch at a time."""
    batch: np.ndarray = np.multiply(images, 1 / 255, dtype=np.float32)
    return batch
