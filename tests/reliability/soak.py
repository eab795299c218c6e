"""`python -m tests.reliability.soak`: read for a long time, and see what grows."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
import psutil
from rich.console import Console
from rich.table import Table

_SIDE, _BATCH = 128, 32
_EPOCHS_OF_ITERATOR = 5
"""Epochs after which all iterators and datasets are made again."""
_WARM_UP = 0.1
_MINUTE = 60.0


class Sample(NamedTuple):
    """A look at the process.

    Args:
        seconds: since reading began.
        images: that were read by then.
        megabytes: resident memory.
        descriptors: open ones.
        threads: of the process.
    """

    seconds: float
    images: int
    megabytes: float
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Slope:
    """How much something grows in an hour, after a tenth of the time: Theil and Sen's estimate."""

    per_hour: float
    low: float
    high: float


@dataclass(frozen=True)
class Soak:
    """What became of one face.

    Args:
        face: its name.
        epochs: that were begun.
        first_minute: images a second in the first minute, or tenth of a short run.
        last_minute: in the last.
        slopes: of each field of a sample that should not grow, by name.
        samples: in order.
    """

    face: str
    epochs: int
    first_minute: float
    last_minute: float
    slopes: dict[str, Slope]
    samples: list[Sample]


@click.command(context_settings={"show_default": True})
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=30.0, help="For each face."
)
@click.option(
    "--every",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    help="Seconds between samples.",
)
@click.option(
    "--face",
    "faces",
    multiple=True,
    type=click.Choice(["adapter", "datasets"]),
    help="[default: both, in turn]",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with `train` and `validation`.  [default: 500 pictures that are drawn]",
)
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Results.")
def main(
    minutes: float, every: float, faces: Sequence[str], data: Path | None, output: Path | None
) -> None:
    """Read augmented batches without end, each face in a process of its own.

    Epochs change, iterators and datasets are made again, and validation is read after each epoch.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with tempfile.TemporaryDirectory() as folder:
        photos = data or drawn(Path(folder, "photos"), 200)
        done = [soak(face, photos, 60 * minutes, every) for face in faces or tuple(FACES)]
    show(Console(width=None if sys.stdout.isatty() else 120), done)
    if output is not None:
        output.write_text(json.dumps([asdict(each) for each in done], indent=1) + "\n")


def drawn(folder: Path, per_class: int) -> Path:
    """Draw pictures of two classes, a quarter as many to validate on."""
    from catdog_data import generate_sample_set

    generate_sample_set(
        folder, train_per_class=per_class, validation_per_class=per_class // 4, progress=False
    )
    return folder


def soak(face: str, photos: Path, seconds: float, every: float) -> Soak:
    """Let a new process read.

    Args:
        face: "adapter" or "datasets".
        photos: a folder with `train` and `validation`.
        seconds: for how long.
        every: seconds between two samples.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_quiet) as pool:
        epochs, samples = pool.submit(_read, face, photos, seconds, every).result()
    warm = [each for each in samples if each.seconds >= _WARM_UP * seconds]
    window = min(_MINUTE, seconds / 10)
    last = [each for each in samples if each.seconds >= samples[-1].seconds - window - every / 2]
    first = [each for each in samples if each.seconds <= samples[0].seconds + window + every / 2]
    slopes = {name: _slope(warm, name) for name in ("megabytes", "descriptors", "threads")}
    return Soak(face, epochs, _rate(first), _rate(last), slopes, samples)


def show(console: Console, soaks: Sequence[Soak]) -> None:
    """Print a table: what there was in the end, and what grew in an hour."""
    table = Table("face", "epochs", "images/s, first and last minute", *_MEASURED)
    for each in soaks:
        speed = f"{each.first_minute:,.0f}, {each.last_minute:,.0f}"
        grown = [_grown(each, name) for name in each.slopes]
        table.add_row(each.face, str(each.epochs), speed, *grown)
    console.print(table)


_MEASURED = ("MB, and more per hour", "descriptors", "threads")


def _grown(soak: Soak, name: str) -> str:
    slope = soak.slopes[name]
    last = getattr(soak.samples[-1], name)
    return f"{last:,.0f}, {slope.per_hour:+,.1f} ({slope.low:+,.1f} to {slope.high:+,.1f})"


def _quiet() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # "Found 400 images …", at each new iterator


def _read(face: str, photos: Path, seconds: float, every: float) -> tuple[int, list[Sample]]:
    process, images, epochs = psutil.Process(), 0, 0
    begin, due, samples = 0.0, 0.0, []
    for count in FACES[face](photos):
        images, epochs = images + count, epochs + (not count)
        begin = begin if images else time.monotonic()  # at the first batch, all being compiled
        now = time.monotonic() - begin
        if images and now >= due:
            due = now + every
            resident = process.memory_info().rss / 1e6
            counts = process.num_fds(), process.num_threads()
            samples.append(Sample(now, images, resident, *counts))
        if images and now >= seconds:
            break
    return epochs, samples


def _adapter(photos: Path) -> Iterator[int]:
    """Yield the number of images of each batch, and 0 at the beginning of an epoch."""
    from catdog_data import ImageDataGenerator

    distortions: dict[str, Any] = {
        "horizontal_flip": True,
        "rotation_range": 30,
        "shear_range": 0.15,
        "zoom_range": 0.3,
    }
    options: dict[str, Any] = {
        "target_size": (_SIDE, _SIDE),
        "batch_size": _BATCH,
        "class_mode": "binary",
    }
    for age in itertools.cycle(range(_EPOCHS_OF_ITERATOR)):
        if not age:
            generators = (
                ImageDataGenerator(rescale=1 / 255, **distortions),
                ImageDataGenerator(rescale=1 / 255),
            )
            parts = [
                generator.flow_from_directory(photos / part, seed=1, **options)
                for generator, part in zip(generators, ("train", "validation"), strict=True)
            ]
        yield 0
        for part in parts:
            for _ in range(len(part)):
                yield len(next(part)[0])


def _datasets(photos: Path) -> Iterator[int]:
    """Yield as `_adapter` does."""
    from catdog_data import Augmentation, image_dataset_from_directory

    augmentation = Augmentation(
        horizontal_flip=True, rotation=30, zoom=(0.7, 1.3), brightness=(0.8, 1.2)
    )
    options: dict[str, Any] = {
        "image_size": _SIDE,
        "batch_size": _BATCH,
        "rescale": 1 / 255,
        "verbose": False,
    }
    for age in itertools.cycle(range(_EPOCHS_OF_ITERATOR)):
        if not age:
            parts = [
                image_dataset_from_directory(
                    photos / "train", seed=1, augmentation=augmentation, **options
                ),
                image_dataset_from_directory(photos / "validation", shuffle=False, **options),
            ]
        yield 0
        for part in parts:
            for images, _ in part:
                yield len(images)


FACES = {"adapter": _adapter, "datasets": _datasets}


def _rate(samples: Sequence[Sample]) -> float:
    """Images a second from the first of samples to the last; 0 of a single one."""
    seconds = samples[-1].seconds - samples[0].seconds
    return (samples[-1].images - samples[0].images) / seconds if seconds else 0.0


def _slope(samples: Sequence[Sample], name: str) -> Slope:
    from scipy.stats import theilslopes

    hours = [each.seconds / 3600 for each in samples]
    found = theilslopes([getattr(each, name) for each in samples], hours)
    return Slope(float(found.slope), float(found.low_slope), float(found.high_slope))


if __name__ == "__main__":
    main()
