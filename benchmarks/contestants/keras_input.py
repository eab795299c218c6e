"""Keras' `ImageDataGenerator`, and `image_dataset_from_directory` with preprocessing layers."""

import math
from typing import Any

from benchmarks.contestants.contestant import SEED, Contestant, Task
from benchmarks.workloads import Distortions

STREAM = "ImageDataGenerator"
"""Contestants that draw from this stream yield Keras' batches, to the last bit."""

STREAM_UNDER_FIT = "ImageDataGenerator under fit"
"""The same for `fit`, which takes batches before the first, to learn their shape."""


def flow(generator_class: Any, task: Task, **options: Any) -> Any:
    """Make the iterator over a task's class folders.

    Args:
        generator_class: Keras' `ImageDataGenerator` or ours.
        task: What is to be done.
        options: Further ones of `flow_from_directory`.
    """
    distortions = task.distortions
    factors = distortions.brightness
    generator = generator_class(
        rescale=1 / 255.0,
        horizontal_flip=distortions.horizontal_flip,
        vertical_flip=distortions.vertical_flip,
        rotation_range=distortions.rotation,
        width_shift_range=distortions.width_shift,
        height_shift_range=distortions.height_shift,
        shear_range=distortions.shear,
        zoom_range=distortions.zoom,
        brightness_range=None if factors == (1.0, 1.0) else factors,
        channel_shift_range=distortions.channel_shift,
    )
    return generator.flow_from_directory(
        str(task.directory),
        target_size=task.image_size,
        batch_size=task.batch_size,
        class_mode="binary",
        seed=SEED,
        **options,
    )


def keras_flow(task: Task) -> Any:
    """Make Keras' iterator over a task's class folders."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    return flow(ImageDataGenerator, task)


def keras_dataset(task: Task) -> Any:
    """Make the dataset as Keras' guides do: read, layers in a parallel map, prefetch."""
    import keras
    import tensorflow as tf

    dataset = keras.utils.image_dataset_from_directory(
        str(task.directory),
        label_mode="binary",
        batch_size=task.batch_size,
        image_size=task.image_size,
        interpolation="nearest",
        seed=SEED,
    )
    layers = keras.Sequential([*_layers(task.distortions), keras.layers.Rescaling(1 / 255.0)])
    return dataset.map(
        lambda images, labels: (layers(images, training=True), labels),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)


def _layers(distortions: Distortions) -> list[Any]:
    from keras import layers

    border: Any = {"fill_mode": "nearest"}
    chosen: list[Any] = []
    if distortions.rotation:
        chosen.append(layers.RandomRotation(distortions.rotation / 360, **border))
    if distortions.height_shift or distortions.width_shift:
        chosen.append(
            layers.RandomTranslation(distortions.height_shift, distortions.width_shift, **border)
        )
    if distortions.shear:
        reach = math.tan(math.radians(distortions.shear))
        chosen.append(layers.RandomShear(x_factor=reach, **border))
    if distortions.zoom != (1.0, 1.0):
        factors = tuple(factor - 1 for factor in distortions.zoom)
        chosen.append(layers.RandomZoom(factors, factors, **border))
    if distortions.horizontal_flip:
        chosen.append(layers.RandomFlip("horizontal"))
    if distortions.vertical_flip:
        chosen.append(layers.RandomFlip("vertical"))
    return chosen


def _without_layers(distortions: Distortions) -> str | None:
    if distortions.channel_shift:
        return "Keras has no layer for a channel shift"
    if distortions.brightness != (1.0, 1.0):
        return "RandomBrightness adds, where the others multiply"
    return None


def _flow_with_workers(task: Task) -> Any:
    iterator = keras_flow(task)
    # Threads: processes would be forked from one in which TensorFlow already runs threads.
    iterator.workers = max(2, task.cores)
    return iterator


def _from_generator(task: Task) -> Any:
    import tensorflow as tf

    iterator = keras_flow(task)
    signature = (
        tf.TensorSpec((None, *task.image_size, 3), tf.float32),
        tf.TensorSpec((None,), tf.float32),
    )
    dataset = tf.data.Dataset.from_generator(lambda: iterator, output_signature=signature)
    return dataset.prefetch(tf.data.AUTOTUNE)


CONTESTANTS = (
    Contestant.of_batches("keras", "Keras IDG, next()", keras_flow, stream=STREAM),
    Contestant.of_fit("keras-fit", "Keras IDG, under fit", keras_flow, stream=STREAM_UNDER_FIT),
    # Its threads draw from one global stream in whatever order they come.
    Contestant.of_fit("keras-workers", "Keras IDG, under fit, with workers", _flow_with_workers),
    Contestant.of_batches(
        "keras-from-generator", "Keras IDG in from_generator", _from_generator, stream=STREAM
    ),
    Contestant.of_batches(
        "keras-dataset",
        "image_dataset_from_directory + Keras layers",
        keras_dataset,
        why_not=_without_layers,
    ),
)
