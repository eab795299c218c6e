"""`fit` of a network over each kind of input, and over one batch that lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.contestants.catdog_dataset import catdog_dataset, catdog_device_dataset
from benchmarks.contestants.catdog_generator import catdog_flow
from benchmarks.contestants.contestant import SEED, Contestant, Take, Task
from benchmarks.contestants.keras_dataset import keras_dataset
from benchmarks.contestants.keras_generator import keras_flow

NETWORKS = ("tiny", "original")
_FOR_EVER = 1_000_000
_DEVICE = "catdog-data-device"
_ON_DEVICE = "meant for a GPU: on a CPU Keras does not compile the layer within the step"


def _constant(task: Task) -> Any:
    import tensorflow as tf

    random = np.random.default_rng(SEED)
    images = random.random((task.batch_size, *task.image_size, 3), np.float32)
    labels = random.integers(0, 2, (task.batch_size, 1)).astype(np.float32)
    return tf.data.Dataset.from_tensors((images, labels)).cache().repeat()


_FEEDS: dict[str, tuple[str, Callable[[Task], Any], bool]] = {
    "constant": ("a constant batch in memory", _constant, False),
    "keras": ("Keras IDG", keras_flow, False),
    "keras-dataset": ("image_dataset_from_directory + Keras layers", keras_dataset, False),
    "catdog": ("catdog IDG", catdog_flow, False),
    "catdog-pack": ("catdog IDG from a pack", partial(catdog_flow, packed=True), True),
    "catdog-data": ("catdog tf.data", catdog_dataset, False),
    "catdog-data-pack": ("catdog tf.data from a pack", partial(catdog_dataset, packed=True), True),
    _DEVICE: (
        "catdog tf.data from a pack, augmented by a layer",
        catdog_device_dataset,
        True,
    ),
}
"""Title, maker of the input, and whether that reads from a pack, by name."""


def _fit(task: Task, take: Take, *, network: str, feed: str) -> None:
    import keras

    class Counting(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            take(range(task.batch_size))

    keras.utils.set_random_seed(SEED)
    model = _network(network, task)
    if feed == _DEVICE:
        model = _on_tables(model, task)
    data = _FEEDS[feed][1](task)
    # Keras' generator would otherwise lose the order of its seed.
    shuffle = {} if feed != "keras" else {"shuffle": False}
    model.fit(data, epochs=_FOR_EVER, verbose=0, callbacks=[Counting()], **shuffle)


def _network(name: str, task: Task) -> Any:
    import keras

    from catdog_models import build_model

    if name == "original":
        return build_model(task.image_size)
    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([keras.Input((*task.image_size, 3)), *layers])
    model.compile("adam", "binary_crossentropy")
    return model


def _on_tables(network: Any, task: Task) -> Any:
    """Put the augmenting layer in front of a network."""
    import keras

    from catdog_data.training.augment_layer import AugmentAndRescale, table_shape

    inputs = {
        "images": keras.Input((*task.image_size, 3), dtype="uint8", name="images"),
        "tables": keras.Input(table_shape(task.image_size), dtype="int32", name="tables"),
    }
    augmented = AugmentAndRescale(task.image_size, output_dtype="float32")(inputs)
    model = keras.Model(inputs, network(augmented))
    model.compile("adam", "binary_crossentropy")
    return model


def _contestant(network: str, feed: str) -> Contestant:
    title, _, packed = _FEEDS[feed]
    return Contestant(
        name=f"fit-{network}-{feed}",
        title=f"fit over {title}",
        run=partial(_fit, network=network, feed=feed),
        packed=packed,
        computes="steps",
        note=_ON_DEVICE if feed == _DEVICE else "",
    )


def fits_of(network: str) -> tuple[str, ...]:
    """Name the contestants that train a network, that on a constant batch first."""
    return tuple(f"fit-{network}-{feed}" for feed in _FEEDS)


CONTESTANTS = tuple(_contestant(network, feed) for network in NETWORKS for feed in _FEEDS)
