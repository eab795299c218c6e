"""Keras' `ImageDataGenerator`, and `image_dataset_from_directory` with preprocessing layers."""

import math
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.contestants.contestant import SEED, Contestant, Task
from benchmarks.workloads import Distortions

STREAM = "ImageDataGenerator"
"""Contestants that draw from this stream yield Keras' batches, to the last bit."""

STREAM_UNDER_FIT = "ImageDataGenerator under fit"
"""The same for `fit`, which takes batches before the first, to learn their shape."""


def flow(generator_class: Any, task: Task, **options: Any) -> Any:
    """Make the iterator of Keras' `ImageDataGenerator` or ours over a task's class folders."""
    distortions = asdict(task.distortions)
    flips = {name: distortions.pop(name) for name in ("horizontal_flip", "vertical_flip")}
    if distortions["brightness"] == (1.0, 1.0):
        distortions["brightness"] = None
    ranges = {f"{name}_range": value for name, value in distortions.items()}
    return generator_class(rescale=1 / 255.0, **flips, **ranges).flow_from_directory(
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

    shifts = distortions.height_shift, distortions.width_shift
    zooms = tuple(factor - 1 for factor in distortions.zoom)
    chosen: list[tuple[Any, Any]] = [
        (distortions.rotation, partial(layers.RandomRotation, distortions.rotation / 360)),
        (any(shifts), partial(layers.RandomTranslation, *shifts)),
        (distortions.shear, partial(layers.RandomShear, math.tan(math.radians(distortions.shear)))),
        (any(zooms), partial(layers.RandomZoom, zooms, zooms)),
    ]
    moves = [layer(fill_mode="nearest") for wanted, layer in chosen if wanted]
    flips = {"horizontal": distortions.horizontal_flip, "vertical": distortions.vertical_flip}
    return moves + [layers.RandomFlip(mode) for mode, wanted in flips.items() if wanted]


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
    shapes = (None, *task.image_size, 3), (None,)
    signature = tuple(tf.TensorSpec(shape, tf.float32) for shape in shapes)
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
