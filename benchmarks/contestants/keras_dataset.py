"""`keras.utils.image_dataset_from_directory` with Keras' preprocessing layers."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.contestants.contestant import SEED, Contestant, Take, Task, hand_over_passes
from benchmarks.workloads import Distortions


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


def _why_not(distortions: Distortions) -> str | None:
    if distortions.channel_shift:
        return "Keras has no layer for a channel shift"
    if distortions.brightness != (1.0, 1.0):
        return "RandomBrightness adds, where the others multiply"
    return None


def _run(task: Task, take: Take) -> None:
    hand_over_passes(keras_dataset(task), take)


CONTESTANTS = (
    Contestant(
        name="keras-dataset",
        title="image_dataset_from_directory + Keras layers",
        run=_run,
        why_not=_why_not,
    ),
)
