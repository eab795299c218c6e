"""`fit` of a network over each kind of input, and over one batch that stays in memory."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.contestants.catdog_input import catdog_dataset, catdog_device_dataset, catdog_flow
from benchmarks.contestants.contestant import SEED, Contestant, Inputs, Task, hand_over_fit
from benchmarks.contestants.keras_input import keras_dataset, keras_flow


def _constant(task: Task) -> Any:
    import tensorflow as tf

    random = np.random.default_rng(SEED)
    images = random.random((task.batch_size, *task.image_size, 3), np.float32)
    labels = random.integers(0, 2, (task.batch_size, 1)).astype(np.float32)
    return tf.data.Dataset.from_tensors((images, labels)).cache().repeat()


def _tiny(task: Task) -> Any:
    import keras

    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([keras.Input((*task.image_size, 3)), *layers])
    model.compile("adam", "binary_crossentropy")
    return model


def _original(task: Task) -> Any:
    from catdog_models import build_model

    return build_model(task.image_size)


def _augmenting(network: Any, task: Task) -> Any:
    """Make a network with the augmenting layer in front."""
    import keras

    from catdog_data.training.augment_layer import AugmentAndRescale, table_shape

    inputs = {
        "images": keras.Input((*task.image_size, 3), dtype="uint8", name="images"),
        "tables": keras.Input(table_shape(task.image_size), dtype="int32", name="tables"),
    }
    augmented = AugmentAndRescale(task.image_size, output_dtype="float32")(inputs)
    model = keras.Model(inputs, network(task)(augmented))
    model.compile("adam", "binary_crossentropy")
    return model


_NETWORKS = {"tiny": _tiny, "original": _original}
_INPUTS: dict[str, tuple[str, Inputs]] = {
    "constant": ("a constant batch in memory", _constant),
    "keras": ("Keras IDG", keras_flow),
    "keras-dataset": ("image_dataset_from_directory + Keras layers", keras_dataset),
    "catdog": ("catdog IDG", catdog_flow),
    "catdog-pack": ("catdog IDG from a pack", catdog_flow),
    "catdog-data": ("catdog tf.data", catdog_dataset),
    "catdog-data-pack": ("catdog tf.data from a pack", catdog_dataset),
    "catdog-data-device": (
        "catdog tf.data from a pack, augmented by a layer",
        catdog_device_dataset,
    ),
}
"""Title and maker by name."""


def _contestant(network: str, name: str) -> Contestant:
    title, inputs = _INPUTS[name]
    make: Any = _NETWORKS[network]
    note = ""
    if inputs is catdog_device_dataset:
        make = partial(_augmenting, make)
        note = "meant for a GPU: on a CPU Keras does not compile the layer within the step"
    return Contestant(
        name=f"fit-{network}-{name}",
        title=f"fit over {title}",
        run=partial(hand_over_fit, make, inputs),
        packed="from a pack" in title,
        computes="steps",
        note=note,
    )


def fits_of(network: str) -> tuple[str, ...]:
    """Name the contestants that train a network, that on a constant batch first."""
    return tuple(f"fit-{network}-{name}" for name in _INPUTS)


CONTESTANTS = tuple(_contestant(network, name) for network in _NETWORKS for name in _INPUTS)
