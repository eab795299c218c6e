"""Draw a set of cat and dog pictures, so that everything can be tried without a download.

    (seed, split, class, index) -> look -> scene -> texture -> JPEG of a photograph's weight

A cat has upright pointed ears, slit eyes and whiskers; a dog has hanging round ears, round eyes and
a snout. Everything else (coat, markings, collar, background, light, size, position, tilt, the size
of the picture and of its file) comes from the same distributions for both, so that only shape tells
them apart. Sizes, chroma subsampling, quantisation and bits per pixel are those of the photographs
of the well-known cat-and-dog sets: the pictures cost as much to read and decode.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from catdog_data.archives.find_folders import ImageFolders
from catdog_data.samples.picture import draw_picture
from catdog_data.system.atomic_directory import Marker, is_published, staged

_SPLITS = ("train", "validation")
_CLASSES = ("cat", "dog")
_SMALLEST_SIDE = 32


def generate_sample_set(
    destination: str | os.PathLike[str],
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

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets",
        ...         train_per_class=2,
        ...         validation_per_class=1,
        ...         image_size=(48, 64),
        ...         progress=False,
        ...     )
        ...     sorted(path.name for path in pets.train.rglob("*.jpg"))
        ['cat.0.jpg', 'cat.1.jpg', 'dog.0.jpg', 'dog.1.jpg']
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
    return draw_picture(job.generator(), _CLASSES[job.kind], job.image_size)
