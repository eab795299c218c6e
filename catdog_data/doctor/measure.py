"""Where the time of an input pipeline goes, measured on your own files, and what to change.

```python
print(diagnose("data/train", image_size=(224, 224), augmentation=Augmentation(rotation=30)))
```

Each stage is measured alone, on all cores, and then the whole pipeline. The processor time of the
stages adds up; the sum bounds the speed of the whole, which is the roofline.
"""

from __future__ import annotations

import math
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from statistics import fmean
from typing import Any

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.compose import DRAWS, compose
from catdog_data.cache.packs import user_folder
from catdog_data.datasets.directory import image_dataset_from_directory
from catdog_data.decoding.decode import read_as_keras_dataset
from catdog_data.decoding.resize import resize_as_keras
from catdog_data.decoding.unreadable import naming, sentence_of
from catdog_data.doctor.diagnosis import Diagnosis, Files, Machine, Stage, rate
from catdog_data.engine.pipeline import untuned_options
from catdog_data.engine.pixel_sources import tensor_of_paths
from catdog_data.engine.render import Resampling
from catdog_data.kernels.compiled import compiled
from catdog_data.kernels.packed_pixels import packed_words
from catdog_data.kernels.warp import coordinate_tables
from catdog_data.system.machine import available_cores, available_memory

_FILES_READ = 2048
_IMAGES_KEPT, _BYTES_KEPT = 128, 2**28
"""Of the sample, how many are decoded and stay in memory, and how many bytes of pixels."""
_LINKS = 50_000

# As a graph, as in the pipeline, since its calls of Python are written for that.
_decoded = tf.function(
    lambda path: read_as_keras_dataset(path, 3),
    input_signature=[tf.TensorSpec([], tf.string)],
    autograph=False,
)


def diagnose(
    directory: str | os.PathLike[str],
    image_size: int | tuple[int, int] = (224, 224),
    batch_size: int = 32,
    augmentation: Augmentation | None = None,
    seconds: float = 2.0,
) -> Diagnosis:
    """Measure each stage of the pipeline, and the whole, on a sample of the files of a directory.

    Nothing else should run meanwhile, in this process above all: its CPU time is counted. The
    system is asked to forget the sampled files, so that they are read from the disk.

    Args:
        directory: the folder of images, at any depth.
        image_size: (height, width) in pixels of the target, or one number for both.
        batch_size: images per batch.
        augmentation: what is done to every image, or None.
        seconds: how long each stage is measured; all of it takes some ten times that.

    Returns:
        The diagnosis; `print` it, or take its parts.

    Raises:
        ValueError: a value out of its range, or no images.
        FileNotFoundError: there is no such folder; `NotADirectoryError` where it is a file.
        OSError: a file of the sample cannot be read; the message names it.

    Example:
        >>> from catdog_data import generate_sample_set
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     counts = {"train_per_class": 4, "validation_per_class": 0, "progress": False}
        ...     images = generate_sample_set(f"{folder}/set", **counts).train
        ...     diagnosis = diagnose(images, image_size=32, batch_size=4, seconds=0.02)
        >>> [stage.name for stage in diagnosis.stages]
        ['read', 'decode', 'resize', 'batch']
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(
            "`batch_size` must be a whole number of images from 1; "
            f"received {batch_size!r}. Give that of your training."
        )
    if not 0 < seconds < math.inf:
        raise ValueError(
            f"`seconds` must be above 0 and finite; received {seconds!r}. Give 2.0 or more for "
            "numbers to rely on."
        )
    options: dict[str, Any] = {
        "image_size": image_size,
        "batch_size": batch_size,
        "augmentation": augmentation,
        "rescale": 1 / 255,
        "seed": 0,
        "verbose": False,
    }
    paths = _listed(directory, options)
    height, width = (image_size,) * 2 if isinstance(image_size, int) else image_size
    size = (int(height), int(width))
    # In a random order of its own: classes and shapes are mixed.
    sample = random.Random(0).sample(paths, min(len(paths), _FILES_READ))
    read = _measured_reading(sample, seconds)
    images = _first_images(sample)
    bench = _Bench(tuple(sample[: len(images)]), size, batch_size, augmentation, seconds)
    stages = (read, bench.decode(), bench.resize(), bench.batch(), *bench.warp())
    expected = rate(available_cores(), sum(stage.cpu_ms for stage in stages))
    pipeline, free_cores = bench.pipeline(options, expected)
    return Diagnosis(
        stages=stages,
        pipeline=pipeline,
        files=_files(len(paths), sample, images),
        machine=Machine(
            cores=available_cores(),
            processors=os.cpu_count() or 1,
            memory=available_memory(),
            disk=_free_disk(),
            gpus=len(tf.config.list_physical_devices("GPU")),
            free_cores=free_cores,
        ),
        image_size=size,
        batch_size=batch_size,
        augmentation=augmentation,
    )


@dataclass(frozen=True)
class _Bench:
    """The stages behind reading, fed from memory, over and over.

    Args:
        paths: few enough files for their pixels to stay in memory.
        image_size: (height, width) in pixels of the target.
        batch_size: images per batch.
        augmentation: what is done to every image, or None.
        seconds: how long each is measured.
    """

    paths: tuple[str, ...]
    image_size: tuple[int, int]
    batch_size: int
    augmentation: Augmentation | None
    seconds: float

    def decode(self) -> Stage:
        """Decode files whose bytes are in memory, with the operation that the pipeline uses."""

        def decode(contents: tf.Tensor) -> tf.Tensor:
            return tf.io.decode_image(contents, channels=3, expand_animations=False)

        return self._each_alone("decode", tf.io.read_file, decode)

    def resize(self) -> Stage:
        """Resize images whose pixels are in memory, to the type in which they are batched."""
        return self._each_alone("resize", _decoded, self._resized)

    def batch(self) -> Stage:
        """Copy resized images into batches: one thread does it in the pipeline, and here."""
        # A cache in memory hands out what it holds without a copy.
        images = tf.data.Dataset.from_tensor_slices(self._resized_batch()).cache().repeat()
        batches = images.batch(self.batch_size, drop_remainder=True)
        return self._timed("batch", batches.map(_first_values))

    def warp(self) -> Iterator[Stage]:
        """Warp a batch with the compiled kernel, if the augmentation moves pixels at all."""
        augmentation = self.augmentation
        composition = compose(augmentation or Augmentation())
        if not composition.geometry.is_set:
            return
        images, index = self._resized_batch(), tf.range(self.batch_size, dtype=tf.int64)
        packed, warped = compiled(packed_words), compiled(self._warped)

        def warp(step: tf.Tensor) -> tf.Tensor:
            uniform = tf.random.stateless_uniform(
                [self.batch_size, DRAWS], tf.stack([step, 0]), dtype=tf.float64
            )
            parameters = composition.parameters(uniform, index, self.image_size)
            tables = coordinate_tables(parameters.geometry, self.image_size)
            return _first_values(warped(packed(images), *tables))

        calls = min(available_cores(), 3) + 1
        steps = tf.data.Dataset.range(tf.int64.max)
        yield self._timed("warp", steps.map(warp, num_parallel_calls=calls))

    def pipeline(self, options: dict[str, Any], expected: float) -> tuple[Stage, float | None]:
        """Run the pipeline over the same files; tell also how many cores others left to it."""
        # Links to them, as often as it takes for an epoch to outlast the measurement.
        count = int(min(max(expected * self.seconds * 2, 8 * self.batch_size), _LINKS))
        with tempfile.TemporaryDirectory() as folder:
            for i in range(count):
                path = Path(self.paths[i % len(self.paths)]).absolute()
                (Path(folder) / f"{i:06d}{path.suffix}").symlink_to(path)
            dataset = image_dataset_from_directory(folder, labels=None, **options).repeat()
            elements = iter(dataset)
            _take(elements, self.seconds / 2)
            busy, begin = _busy_seconds(), time.perf_counter()
            stage = _timed("pipeline", elements, self.seconds)
            wall = time.perf_counter() - begin
            free_cores = _free_cores(busy, _busy_seconds(), wall * stage.busy_cores, wall)
            # Before the links go: it reads ahead.
            del elements, dataset
            return stage, free_cores

    def _each_alone(
        self,
        name: str,
        before: Callable[[tf.Tensor], tf.Tensor],
        function: Callable[[tf.Tensor], tf.Tensor],
    ) -> Stage:
        """Measure a function of one image, on what `before` has made and left in memory."""
        paths = tf.data.Dataset.from_tensor_slices(tensor_of_paths(self.paths))
        kept = paths.map(before).cache().repeat()
        done = kept.map(
            lambda each: _first_value(function(each)), num_parallel_calls=8 * available_cores()
        )
        # In groups, since taking them one by one from Python would cost more than some stages.
        return self._timed(name, done.batch(8), at_least=len(self.paths))

    def _timed(self, name: str, dataset: tf.data.Dataset, at_least: int = 1) -> Stage:
        elements = iter(dataset.with_options(untuned_options()))
        _take(elements, self.seconds / 4, at_least)
        return _timed(name, elements, self.seconds)

    def _resized(self, image: tf.Tensor) -> tf.Tensor:
        resized = resize_as_keras(image, self.image_size, "bilinear")
        return resized if self.augmentation is None else tf.cast(tf.round(resized), tf.uint8)

    def _resized_batch(self) -> tf.Tensor:
        paths = [self.paths[i % len(self.paths)] for i in range(self.batch_size)]
        kept = dict(zip(paths, tensor_of_paths(paths), strict=True))
        images = {path: self._resized(_decoded(encoded)) for path, encoded in kept.items()}
        return tf.stack([images[path] for path in paths])

    def _warped(self, words: tf.Tensor, *tables: tf.Tensor) -> tf.Tensor:
        resampling = Resampling.of(self.augmentation or Augmentation())
        return tf.cast(resampling.warped(words, tables), tf.float32)


def _listed(directory: str | os.PathLike[str], options: dict[str, Any]) -> list[str]:
    """Check the arguments, and list the files: those of class folders, or all without such."""
    with suppress(ValueError):
        dataset = image_dataset_from_directory(directory, **options)
        return list(dataset.file_paths)
    return list(image_dataset_from_directory(directory, labels=None, **options).file_paths)


def _measured_reading(paths: Sequence[str], seconds: float) -> Stage:
    """Read files again and again, each time after the system was asked to forget them."""
    # A few hundred at least, or starting would take longer than reading.
    chosen = list(paths) * max(1, 512 // len(paths))
    sizes = tf.data.Dataset.from_tensor_slices(tensor_of_paths(chosen)).map(
        lambda path: tf.strings.length(tf.io.read_file(path)),
        num_parallel_calls=8 * available_cores(),
    )
    dataset = sizes.batch(64).with_options(untuned_options())
    images, wall, cpu = 0, 0.0, 0.0
    try:
        while wall < seconds:
            _forget(paths)
            cpu_before, begin = time.process_time(), time.perf_counter()
            images += _take(iter(dataset), seconds - wall)
            wall += time.perf_counter() - begin
            cpu += time.process_time() - cpu_before
    except tf.errors.OpError as error:
        raise OSError(
            "Every image file in `directory` must be readable; one of it is not. Remove it from "
            f"the data set, or allow yourself to read it. TensorFlow says: {sentence_of(error)}"
        ) from None
    return Stage("read", images / wall, 1000 * cpu / images)


def _forget(paths: Sequence[str]) -> None:
    """Ask the system to drop files from its memory. It may decline."""
    for path in paths:
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


def _first_images(paths: Sequence[str]) -> list[tuple[int, int]]:
    """Decode the first files, as many as may stay in memory: (height, width) of each."""
    sizes: list[tuple[int, int]] = []
    room = _BYTES_KEPT
    for path in paths[:_IMAGES_KEPT]:
        with naming(path):
            height, width, channels = _decoded(tf.constant(os.fsencode(path))).shape
        room -= height * width * channels
        if sizes and room < 0:
            break
        sizes.append((height, width))
    return sizes


def _files(count: int, sample: Sequence[str], sizes: Sequence[tuple[int, int]]) -> Files:
    jpegs = sum(path.lower().endswith((".jpg", ".jpeg")) for path in sample)
    heights, widths = zip(*sizes, strict=True)
    return Files(
        count=count,
        bytes_per_file=fmean(Path(path).stat().st_size for path in sample),
        source_size=(fmean(heights), fmean(widths)),
        jpeg_share=jpegs / len(sample),
    )


def _first_value(image: tf.Tensor) -> tf.Tensor:
    """Keep one value: enough that all of them must be computed, too little to cost anything."""
    return tf.cast(tf.reshape(image, [-1])[0], tf.float32)


def _first_values(images: tf.Tensor) -> tf.Tensor:
    """Keep one value of each image, [B]."""
    return tf.cast(images[:, 0, 0, 0], tf.float32)


def _timed(name: str, elements: Iterator[Any], seconds: float) -> Stage:
    cpu, begin = time.process_time(), time.perf_counter()
    images = _take(elements, seconds)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return Stage(name, images / wall, 1000 * cpu / images)


def _take(elements: Iterator[Any], seconds: float, at_least: int = 1) -> int:
    """Take elements for as long, or all; count the images in them."""
    end = time.perf_counter() + seconds
    images = 0
    for element in elements:
        images += int(element.shape[0])
        if images >= at_least and time.perf_counter() >= end:
            break
    return images


def _free_disk() -> int:
    """Read how many bytes are free where `cache="disk"` would keep images."""
    folder = user_folder()
    return disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


def _busy_seconds() -> float | None:
    """Read how long the processors that this process may use were busy, for whomever."""
    names = {f"cpu{i}" for i in os.sched_getaffinity(0)}
    with suppress(OSError):
        rows = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
        # In order: user, nice, system, idle, waiting for a disk, two kinds of interrupts, and the
        # time that other guests of the same machine took.
        ticks = [sum(map(int, (*row[1:4], *row[6:9]))) for row in rows if row and row[0] in names]
        if any(ticks):
            return sum(ticks) / os.sysconf("SC_CLK_TCK")
    return None


def _free_cores(
    before: float | None, after: float | None, ours: float, wall: float
) -> float | None:
    if before is None or after is None:
        return None
    others = max(after - before - ours, 0.0) / wall
    return max(min(len(os.sched_getaffinity(0)) - others, available_cores()), 0.0)
