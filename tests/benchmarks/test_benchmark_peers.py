from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.contestants import albumentations_loaders, dali, opencv
from benchmarks.contestants.contestant import Contestant, Task
from benchmarks.workloads import PLAIN, RECIPE, Distortions

SIZE = (48, 48)
SAMPLES = 512
BY_NAME: dict[str, Contestant] = {
    each.name: each
    for module in (opencv, albumentations_loaders, dali)
    for each in module.CONTESTANTS
}
peers = pytest.mark.parametrize("name", BY_NAME)


class EnoughError(Exception):
    """Ends a run."""


def installed(name: str) -> Contestant:
    if BY_NAME[name].absent:
        pytest.skip(f"{name} is {BY_NAME[name].absent}")
    return BY_NAME[name]


def some_batches(
    contestant: Contestant,
    directory: Path,
    distortions: Distortions,
    number: int,
    size: int,
    image_size: tuple[int, int] = SIZE,
) -> list[tuple[np.ndarray, np.ndarray]]:
    taken: list[tuple[np.ndarray, np.ndarray]] = []

    def take(images: Any, labels: Any) -> None:
        taken.append((np.asarray(images).copy(), np.asarray(labels).copy()))
        if len(taken) == number:
            raise EnoughError

    task = Task(
        directory=directory,
        packs=directory,
        distortions=distortions,
        image_size=image_size,
        batch_size=size,
    )
    with pytest.raises(EnoughError):
        contestant.run(task, take)
    assert not multiprocessing.active_children()
    return taken


@pytest.fixture(scope="module")
def three_cats_five_dogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smooth, so that it matters little which pixel is the nearest; dogs are brighter."""
    root = tmp_path_factory.mktemp("eight")
    random = np.random.default_rng(0)
    for name, number, floor in (("cats", 3, 0), ("dogs", 5, 130)):
        (root / name).mkdir()
        for i in range(number):
            coarse = random.integers(floor, floor + 120, (3, 3, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((200 + i, 150), Image.Resampling.BICUBIC)
            image.save(root / name / f"{i}.jpg", quality=95)
    return root


@peers
def test_batches_are_scaled_images_with_the_labels_of_their_folders(
    name: str, three_cats_five_dogs: Path
) -> None:
    contestant = installed(name)
    height, width = 40, 56
    taken = some_batches(contestant, three_cats_five_dogs, PLAIN, 6, 4, (height, width))
    nearest = [
        np.asarray(Image.open(path).resize((width, height), Image.Resampling.NEAREST)) / 255
        for path in three_cats_five_dogs.rglob("*.jpg")
    ]
    for images, labels in taken:
        assert images.shape == (4, height, width, 3)
        assert images.dtype == np.float32
        assert images.min() >= 0
        assert 0.5 < images.max() <= 1
        np.testing.assert_array_equal(images.mean(axis=(1, 2, 3)) > 0.5, labels == 1)
    for first, second in zip(taken[::2], taken[1::2], strict=True):  # pass by pass
        assert sorted([*first[1], *second[1]]) == [0, 0, 0, 1, 1, 1, 1, 1]
        images = np.concatenate([first[0], second[0]])
        np.testing.assert_allclose(images.mean(axis=0), np.mean(nearest, axis=0), atol=0.02)
    assert len({tuple(images.mean(axis=(1, 2, 3))) for images, _ in taken}) == 6  # shuffled


def _asymmetric() -> np.ndarray:
    """Gradients across and down, and a bright block in a corner, from 0 to 255."""
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 200, SIZE[1])
    pixels[..., 1] = np.linspace(0, 200, SIZE[0])[:, np.newaxis]
    pixels[..., 2] = 90
    pixels[:12, -18:] = 255
    return pixels


@pytest.fixture(scope="module")
def one_image_often(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("one")
    (root / "class").mkdir()
    for i in range(64):
        Image.fromarray(_asymmetric()).save(root / "class" / f"{i}.png")
    return root


@peers
def test_no_two_distorted_images_are_the_same(name: str, one_image_often: Path) -> None:
    taken = some_batches(installed(name), one_image_often, RECIPE, number=8, size=16)
    images = np.concatenate([images for images, _ in taken])
    assert len({image.tobytes() for image in images}) == len(images)


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of each value over the samples."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray) -> Spread:
        return cls(images.mean(axis=0), images.std(axis=0))


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def assert_same_distribution(received: Spread, expected: Spread) -> None:
    """Allow four standard errors of a difference of means, and 0.7 of 255 levels of rounding.

    All pixels of an image move together, so that averaging over pixels takes little from the
    error. Deviations are known to 1 / sqrt(2 * samples), 3 %; shifts by whole pixels add 7 %.
    """
    error = rms(np.hypot(received.deviation, expected.deviation)) / np.sqrt(SAMPLES)
    assert rms(received.mean - expected.mean) < 4 * error + 0.7 / 255
    allowed = 0.12 * rms(expected.deviation)
    assert rms(received.deviation - expected.deviation) < allowed


EACH = {
    "horizontal flip": Distortions(horizontal_flip=True),
    "vertical flip": Distortions(vertical_flip=True),
    "rotation": Distortions(rotation=30),
    "shift": Distortions(width_shift=0.2, height_shift=0.2),
    "shear": Distortions(shear=10),
    "zoom in": Distortions(zoom=(0.5, 0.9)),
    "zoom out": Distortions(zoom=(1.1, 1.5)),
    "brightness": Distortions(brightness=(0.7, 1.3)),
    "channel shift": Distortions(channel_shift=20),
    "recipe": RECIPE,
}


@pytest.fixture(scope="module")
def of_keras() -> Callable[[Distortions], Spread]:
    """Keras' samples, drawn once for all who are compared with them."""
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    known: dict[Distortions, Spread] = {}

    def spread(distortions: Distortions) -> Spread:
        if distortions not in known:
            np.random.seed(0)
            generator = legacy.ImageDataGenerator(
                horizontal_flip=distortions.horizontal_flip,
                vertical_flip=distortions.vertical_flip,
                rotation_range=distortions.rotation,
                width_shift_range=distortions.width_shift,
                height_shift_range=distortions.height_shift,
                shear_range=distortions.shear,
                zoom_range=distortions.zoom,
                brightness_range=(
                    None if distortions.brightness == (1.0, 1.0) else distortions.brightness
                ),
                channel_shift_range=distortions.channel_shift,
            )
            pixels = _asymmetric().astype(np.float32)
            images = [generator.random_transform(pixels) for _ in range(SAMPLES)]
            known[distortions] = Spread.of(np.stack(images) / 255)
        return known[distortions]

    return spread


def by_opencv(directory: Path, distortions: Distortions) -> np.ndarray:
    return _by_run("opencv", directory, distortions)


def by_dali(directory: Path, distortions: Distortions) -> np.ndarray:
    return _by_run("dali", directory, distortions)


def _by_run(name: str, directory: Path, distortions: Distortions) -> np.ndarray:
    contestant = installed(name)
    taken = some_batches(contestant, directory, distortions, number=SAMPLES // 64, size=64)
    return np.concatenate([images for images, _ in taken])


def by_albumentations(directory: Path, distortions: Distortions) -> np.ndarray:
    """What torch and Grain send between processes, without the processes."""
    pytest.importorskip("cv2")
    pytest.importorskip("albumentations")
    task = Task(
        directory=directory, packs=None, distortions=distortions, image_size=SIZE, batch_size=1
    )
    photographs = albumentations_loaders.Photographs(task)
    albumentations_loaders.transform(distortions, SIZE).set_random_seed(0)

    images = [photographs[i % len(photographs)][0] for i in range(SAMPLES)]
    return np.stack(images) / 255


@pytest.mark.filterwarnings("ignore:Please import `affine_transform`")
@pytest.mark.parametrize("samples", [by_opencv, by_albumentations, by_dali])
@pytest.mark.parametrize("which", EACH)
def test_distortions_are_distributed_as_those_of_keras(
    which: str,
    samples: Callable[[Path, Distortions], np.ndarray],
    one_image_often: Path,
    of_keras: Callable[[Distortions], Spread],
) -> None:
    received = Spread.of(samples(one_image_often, EACH[which]))
    assert_same_distribution(received, of_keras(EACH[which]))


WRONG = {
    "half the rotation": ("rotation", Distortions(rotation=15)),
    "twice the rotation": ("rotation", Distortions(rotation=60)),
    "zoom the other way": ("zoom in", Distortions(zoom=(1 / 0.9, 1 / 0.5))),
    "zoom out the other way": ("zoom out", Distortions(zoom=(1 / 1.5, 1 / 1.1))),
    "half the shift": ("shift", Distortions(width_shift=0.1, height_shift=0.1)),
    "shift of one axis": ("shift", Distortions(width_shift=0.2)),
    "half the shear": ("shear", Distortions(shear=5)),
    "the other flip": ("horizontal flip", Distortions(vertical_flip=True)),
    "no flip": ("vertical flip", PLAIN),
    "less brightness": ("brightness", Distortions(brightness=(0.7, 1.0))),
    "half the channel shift": ("channel shift", Distortions(channel_shift=10)),
}


@pytest.mark.filterwarnings("ignore:Please import `affine_transform`")
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_distinguished_from_keras(
    wrong: str, one_image_often: Path, of_keras: Callable[[Distortions], Spread]
) -> None:
    which, distortions = WRONG[wrong]
    received = Spread.of(by_opencv(one_image_often, distortions))
    with pytest.raises(AssertionError):
        assert_same_distribution(received, of_keras(EACH[which]))
