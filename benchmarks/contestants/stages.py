"""The stages of our pipeline, each alone on all cores, from memory where possible; and a bound."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np

from benchmarks.contestants.catdog_input import catdog_dataset
from benchmarks.contestants.contestant import SEED, Contestant, Take, Task, hand_over
from benchmarks.workloads import RECIPE

_KEPT = 128  # images in memory: together larger than the processor's caches
_GROUP = 32  # values that reach Python at once, as taking them singly would cost more than a stage


def _bound_decode(task: Task, take: Take) -> None:
    import tensorflow as tf

    paths = sorted(map(str, task.directory.glob("*/*.jp*g")))
    dataset = tf.data.Dataset.from_tensor_slices(paths).repeat()
    dataset = dataset.map(
        lambda path: _first(tf.io.decode_jpeg(tf.io.read_file(path), channels=3)),
        num_parallel_calls=8 * task.cores,
    )
    for values in dataset.batch(task.batch_size).prefetch(2):
        take(values, None)


def _read(task: Task, take: Take) -> None:
    import tensorflow as tf

    paths = tf.data.Dataset.from_tensor_slices(_paths(task)).repeat()
    _hand_over_mapped(paths, lambda path: tf.strings.length(tf.io.read_file(path)), task, take)


def _decode(task: Task, take: Take) -> None:
    import tensorflow as tf

    def decoded(content: Any) -> Any:
        image = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
        return _first(image)

    files = [tf.io.read_file(path) for path in _paths(task)[:_KEPT]]
    kept = tf.data.Dataset.from_tensor_slices(files).cache().repeat()
    _hand_over_mapped(kept, decoded, task, take)


def _resize(task: Task, take: Take) -> None:
    import tensorflow as tf

    from catdog_data.decoding.decode import read_rgb
    from catdog_data.engine.pixel_sources import RowsOfFiles

    def resized(image: Any) -> Any:
        rows = RowsOfFiles([""], task.image_size, decode=lambda path: image)
        return _first(rows.image(tf.constant(0)))

    paths = _paths(task)[:_KEPT]
    images = tf.data.Dataset.from_tensor_slices(paths).map(read_rgb).cache().repeat()
    _hand_over_mapped(images, resized, task, take)


def _warp(task: Task, take: Take) -> None:
    hand_over(catdog_dataset, replace(task, distortions=RECIPE), take)


def _copy(task: Task, take: Take) -> None:
    random = np.random.default_rng(SEED)
    count = max(4 * task.batch_size, _KEPT)
    images = random.integers(0, 256, (count, *task.image_size, 3), np.uint8)
    order = random.permutation(count)
    batch = np.empty((task.batch_size, *images.shape[1:]), images.dtype)
    for i in cycle(range(0, count - task.batch_size + 1, task.batch_size)):
        np.take(images, order[i : i + task.batch_size], axis=0, out=batch)
        take(batch, None)


def _paths(task: Task) -> list[str]:
    paths = sorted(map(str, task.directory.glob("*/*.jp*g")))
    if not paths:
        raise ValueError("The stages are measured on JPEG files. Received: a data set without any.")
    # From all over the folders: classes and shapes are mixed.
    return [paths[i] for i in np.random.default_rng(SEED).permutation(len(paths))]


def _hand_over_mapped(dataset: Any, function: Callable[[Any], Any], task: Task, take: Take) -> None:
    """Apply a function on all cores, with the options of our pipeline."""
    from catdog_data.engine.pipeline import READS_PER_CORE, untuned_options

    mapped = dataset.map(function, num_parallel_calls=READS_PER_CORE * task.cores)
    for values in mapped.batch(_GROUP).prefetch(2).with_options(untuned_options()):
        take(values, None)


def _first(image: Any) -> Any:
    """Keep one value: all of them must be computed for it, and nothing is copied."""
    return image[0, 0, 0]


_DECODE_NOTE = "tf.data with 8 reads per core; JPEG only; nothing is resized, batched or rescaled"
_RESIZE_NOTE = "to nearest pixels, one by one: the pipeline picks columns for a batch, for less"
CONTESTANTS = tuple(
    Contestant(
        name=name, title=title, run=run, computes="parts", packed=name == "stage-warp", note=note
    )
    for name, title, run, note in (
        ("bound-decode", "bound: read and decode alone", _bound_decode, _DECODE_NOTE),
        ("stage-read", "read", _read, "files from the page cache"),
        ("stage-decode", "decode", _decode, "JPEG bytes in memory, accurate DCT"),
        ("stage-resize", "resize", _resize, _RESIZE_NOTE),
        ("stage-warp", "gather, warp, rescale", _warp, "8-bit images from a pack, to float32"),
        ("stage-copy", "copy", _copy, "a batch of 8-bit images, by one thread"),
    )
)
