"""Bounds: parts of the work that nobody who reads files can do without."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import Contestant, Take, Task


def _decode_only(task: Task, take: Take) -> None:
    import tensorflow as tf

    def decoded(path: Any) -> Any:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        # One value: all of the image must be decoded for it, and nothing is copied.
        return image[0, 0, 0]

    paths = sorted(map(str, task.directory.glob("*/*.jp*g")))
    dataset = tf.data.Dataset.from_tensor_slices(paths).repeat()
    dataset = dataset.map(decoded, num_parallel_calls=8 * task.cores).batch(task.batch_size)
    for values in dataset.prefetch(2):
        take(values)


CONTESTANTS = (
    Contestant(
        name="bound-decode",
        title="bound: read and decode alone",
        run=_decode_only,
        computes="parts",
        note="tf.data with 8 reads per core; JPEG only; nothing is resized, batched or rescaled",
    ),
)
