"""Several GPUs of one machine, each of which trains on a part of every batch."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras


def gpus() -> list[str]:
    """Name the GPUs that TensorFlow sees, as `tf.distribute` takes them.

    Returns:
        Names such as "/device:GPU:0"; none on a machine without GPUs.

    Example:
        >>> all("GPU" in name for name in gpus())
        True
    """
    import tensorflow as tf

    return [device.name for device in tf.config.list_logical_devices("GPU")]


def replicated_over(
    devices: Sequence[str], batch_size: int, images: Sequence[int]
) -> AbstractContextManager[Any]:
    """Make models that are built and compiled inside train on all devices at once.

    Each device holds all weights and takes its part of every batch (`MirroredStrategy` of
    `tf.distribute`); gradients are summed before each step. The outcome is that of one device, up
    to rounding, but for batch normalisation, which normalises each part by itself, for dropout,
    and for a last batch of an epoch that cannot be divided evenly: each part of it counts the same.

    Args:
        devices: names such as "GPU:0"; with one or none, nothing is changed.
        batch_size: images per batch, over all devices.
        images: how many images each dataset has.

    Returns:
        The context in which the model is built and compiled.

    Raises:
        ValueError: a batch cannot be divided evenly, or a last one has no image for some device.

    Example:
        >>> replicated_over(["GPU:0", "GPU:1"], 31, [1000, 200])
        Traceback (most recent call last):
        ValueError: batch_size must be a multiple of 2, the number of GPUs, and of ...
    """
    number = len(devices)
    if number < 2:
        return nullcontext()
    if batch_size % number or any(0 < count % batch_size < number for count in images):
        raise ValueError(
            f"batch_size must be a multiple of {number}, the number of GPUs, and of {images} "
            f"images leave none or at least {number} for the last batch of an epoch, so that each "
            f"GPU gets a part of every batch. Received: {batch_size}. Use another, or let "
            "CUDA_VISIBLE_DEVICES name fewer GPUs."
        )
    import tensorflow as tf

    scope: AbstractContextManager[Any] = tf.distribute.MirroredStrategy(list(devices)).scope()
    return scope


def take_no_first_batch(model: keras.Model) -> None:
    """Keep Keras from drawing a batch before training to build what is built.

    Under a strategy Keras always does, and averages its parts, which fails where they differ in
    size, as those of the last batch of an epoch that is gone on with.

    Args:
        model: with its weights, its metrics' and its optimizer's variables built.

    Example:
        >>> take_no_first_batch(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    """
    model._maybe_symbolic_build = lambda **_: None
