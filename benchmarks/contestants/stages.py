"""The stages of our pipeline, each alone on all cores, fed from memory where it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

import numpy as np

from benchmarks.contestants.catdog_dataset import catdog_dataset
from benchmarks.contestants.contestant import SEED, Contestant, Take, Task, hand_over_passes
from benchmarks.workloads import RECIPE

_KEPT = 128  # images in memory: together larger than the processor's caches
_GROUP = 32  # values that reach Python at once, as taking them singly would cost more than a stage


def _paths(task: Task) -> list[str]:
    paths = sorted(map(str, task.directory.glob("*/*.jp*g")))
    if not paths:
        raise ValueError("The stages are measured on JPEG files. Received: a data set without any.")
    # From all over the folders: classes and shapes are mixed.
    return [paths[i] for i in np.random.default_rng(SEED).permutation(len(paths))]


def _read(task: Task, take: Take) -> None:
    import tensorflow as tf

    sizes = _on_all_cores(
        tf.data.Dataset.from_tensor_slices(_paths(task)).repeat(),
        lambda path: tf.strings.length(tf.io.read_file(path)),
        task,
    )
    _hand_over_groups(sizes, take)


def _decode(task: Task, take: Take) -> None:
    import tensorflow as tf

    files = [tf.io.read_file(path) for path in _paths(task)[:_KEPT]]
    kept = tf.data.Dataset.from_tensor_slices(files).cache().repeat()
    _hand_over_groups(
        _on_all_cores(
            kept,
            lambda contents: _first(
                tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE")
            ),
            task,
        ),
        take,
    )


def _resize(task: Task, take: Take) -> None:
    import tensorflow as tf

    from catdog_data.decoding.decode import read_rgb
    from catdog_data.engine.pixel_sources import RowsOfFiles

    paths = _paths(task)[:_KEPT]
    images = tf.data.Dataset.from_tensor_slices(paths).map(read_rgb).cache().repeat()

    def resized(image: Any) -> Any:
        rows = RowsOfFiles([""], task.image_size, decode=lambda path: image)
        return _first(rows.image(tf.constant(0)))

    _hand_over_groups(_on_all_cores(images, resized, task), take)


def _warp(task: Task, take: Take) -> None:
    hand_over_passes(catdog_dataset(replace(task, distortions=RECIPE), packed=True), take)


def _copy(task: Task, take: Take) -> None:
    images = _resized_images(task)
    order = np.random.default_rng(SEED).permutation(len(images))
    batch = np.empty((task.batch_size, *images.shape[1:]), images.dtype)
    for i in cycle(range(0, len(order) - task.batch_size + 1, task.batch_size)):
        np.take(images, order[i : i + task.batch_size], axis=0, out=batch)
        take(batch)


def _resized_images(task: Task) -> Any:
    """Resize more images than one batch: uint8[N, H, W, 3]."""
    import tensorflow as tf

    from catdog_data.decoding.decode import read_rgb
    from catdog_data.engine.pixel_sources import RowsOfFiles

    count = max(4 * task.batch_size, _KEPT)
    rows = RowsOfFiles(list(islice(cycle(_paths(task)), count)), task.image_size, decode=read_rgb)
    image = tf.function(rows.image, autograph=False)
    return np.stack([image(tf.constant(i)).numpy() for i in range(count)])


def _on_all_cores(dataset: Any, function: Callable[[Any], Any], task: Task) -> Any:
    from catdog_data.engine.pipeline import READS_PER_CORE, untuned_options

    done = dataset.map(function, num_parallel_calls=READS_PER_CORE * task.cores)
    return done.batch(_GROUP).prefetch(2).with_options(untuned_options())


def _first(image: Any) -> Any:
    """Keep one value: all of them must be computed for it, and nothing is copied."""
    return image[0, 0, 0]


def _hand_over_groups(groups: Iterable[Any], take: Take) -> None:
    for values in groups:
        take(values)


CONTESTANTS = (
    Contestant(
        name="stage-read",
        title="read",
        run=_read,
        computes="parts",
        note="files from the page cache",
    ),
    Contestant(
        name="stage-decode",
        title="decode",
        run=_decode,
        computes="parts",
        note="JPEG bytes in memory, accurate DCT",
    ),
    Contestant(
        name="stage-resize",
        title="resize",
        run=_resize,
        computes="parts",
        note="to nearest pixels, one by one: the pipeline picks columns for a batch, for less",
    ),
    Contestant(
        name="stage-warp",
        title="gather, warp, rescale",
        run=_warp,
        computes="parts",
        packed=True,
        note="the recipe on 8-bit images from a pack, to float32",
    ),
    Contestant(
        name="stage-copy",
        title="copy",
        run=_copy,
        computes="parts",
        note="a batch of 8-bit images gathered in memory by one thread",
    ),
)
