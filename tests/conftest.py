"""A small tree of pictures that the data tests share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
from PIL import Image


def save_picture(path: Path, size: tuple[int, int], seed: int, **options: object) -> None:
    """Save a smooth but uneven RGB picture of (width, height)."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


SIZES = [(40, 30), (31, 47), (24, 24), (1, 1), (3, 50), (600, 20), (64, 48), (50, 37), (20, 20)]


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven cats and eight dogs as JPEG and PNG, of many sizes, with a stray file."""
    root = tmp_path_factory.mktemp("photos")
    for i in range(11):
        save_picture(root / "cats" / f"cat.{i}.jpg", SIZES[i % len(SIZES)], i, quality=90)
    for i in range(8):
        suffix = ".png" if i == 3 else ".JPG"
        save_picture(root / "dogs" / f"dog.{i}{suffix}", SIZES[-i], 100 + i)
    (root / "cats" / "_DS_Store").write_bytes(b"stray")
    return root


def save_noisy_classes(root, training):
    """Two classes of noisy images, so many of each to train on and 4 to validate on."""
    rng = np.random.default_rng(0)
    for part, number in (("train", training), ("validation", 4)):
        for brightness, name in ((20, "cats"), (90, "dogs")):
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(number):
                pixels = rng.integers(brightness, brightness + 120, (24, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return root


def said_by_failing(command: list[str], times: int) -> Iterator[str]:
    """Run a command that must end by itself with code 1, three at once; yield its errors."""
    for _ in range(times // 3):
        runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        for run in runs:
            try:
                _, said = run.communicate(timeout=120)
            finally:
                run.kill()
            assert run.returncode == 1
            yield said
