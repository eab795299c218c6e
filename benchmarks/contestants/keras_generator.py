"""Keras' `ImageDataGenerator`: by `next()`, under `fit`, and in what blogs wrap around it."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import Contestant, Take, Task, hand_over
from benchmarks.contestants.fit_path import hand_over_from_fit
from benchmarks.contestants.generator_arguments import STREAM, STREAM_UNDER_FIT, flow


def keras_flow(task: Task) -> Any:
    """Make Keras' iterator over a task's class folders."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    return flow(ImageDataGenerator, task)


def _next(task: Task, take: Take) -> None:
    hand_over(keras_flow(task), take)


def _fit(task: Task, take: Take) -> None:
    hand_over_from_fit(keras_flow(task), take, shuffle=False)


def _workers(task: Task, take: Take) -> None:
    iterator = keras_flow(task)
    # Threads: processes would be forked from one in which TensorFlow already runs threads.
    iterator.workers = max(2, task.cores)
    hand_over_from_fit(iterator, take, shuffle=False)


def _from_generator(task: Task, take: Take) -> None:
    import tensorflow as tf

    iterator = keras_flow(task)
    dataset = tf.data.Dataset.from_generator(
        lambda: iterator,
        output_signature=(
            tf.TensorSpec((None, *task.image_size, 3), tf.float32),
            tf.TensorSpec((None,), tf.float32),
        ),
    )
    hand_over(dataset.prefetch(tf.data.AUTOTUNE), take)


CONTESTANTS = (
    Contestant(name="keras", title="Keras IDG, next()", run=_next, stream=STREAM),
    Contestant(name="keras-fit", title="Keras IDG, under fit", run=_fit, stream=STREAM_UNDER_FIT),
    # Its threads draw from one global stream in whatever order they come.
    Contestant(name="keras-workers", title="Keras IDG, under fit, with workers", run=_workers),
    Contestant(
        name="keras-from-generator",
        title="Keras IDG in from_generator",
        run=_from_generator,
        stream=STREAM,
    ),
)
