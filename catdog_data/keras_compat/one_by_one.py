"""A batch without the native pipeline: every image loaded, transformed and standardised in NumPy.

Calls and draws come in Keras' order. Where nobody can tell the difference (no method of the
generator is overridden, no function of the user is called) all transforms are drawn first, the
batch is resampled by the compiled warp, and threads do the rest.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.affine import geometry_rows
from catdog_data.augment.compiled import compiled
from catdog_data.augment.parameters import Transforms
from catdog_data.augment.warp import FILL_MODES, FillMode, coordinate_tables, warp_by_tables
from catdog_data.machine import available_cores

Load = Callable[[int], NDArray[Any]]


def why_in_turn(generator: Any) -> str | None:
    """Tell what forbids drawing all transforms before the first image is touched, if anything.

    Args:
        generator: an `ImageDataGenerator`, of this package, of Keras or of the user.
    """
    if not hasattr(generator, "_overridden_hook"):
        return f"a {type(generator).__module__}.{type(generator).__name__} draws the transforms"
    if (name := generator._overridden_hook()) is not None:
        return f"`{name}` of the generator is overridden"
    if generator.preprocessing_function and not _is_of_keras(generator.preprocessing_function):
        return "`preprocessing_function` is Python"
    return None


def _is_of_keras(function: Any) -> bool:
    """Recognise `keras.applications.*.preprocess_input`, which draws nothing."""
    module = getattr(function, "__module__", None) or ""
    return (
        module.startswith("keras.src.applications.")
        and getattr(sys.modules.get(module), "preprocess_input", None) is function
    )


def fill_batch(
    batch: NDArray[Any], samples: NDArray[np.int64], load: Load, generator: Any, rows: int
) -> None:
    """Write the transformed and standardised images of a batch into it.

    Args:
        batch: floating [B, …] to write to.
        samples: int64[B], indices.
        load: from an index to its image, a float array of three axes.
        generator: an `ImageDataGenerator`, or None to load only.
        rows: images of a full batch; fewer are padded, so that all have one shape.
    """
    if generator is not None and why_in_turn(generator) is not None:
        for i, sample in enumerate(samples):
            x = load(sample)
            x = generator.apply_transform(x, generator.get_random_transform(x.shape))
            batch[i] = generator.standardize(x)
        return
    with ThreadPoolExecutor(available_cores()) as pool:
        if generator is None:
            batch[:] = list(pool.map(load, samples))
            return
        drawn = [generator.get_random_transform(batch.shape[1:]) for _ in samples]
        images = list(pool.map(load, samples))
        transform = generator.apply_transform
        if _warps_batches(generator, images):
            images = _warp_batch(images, drawn, generator, max(rows, len(samples)))
            transform = generator._after_geometry

        def finish(image: NDArray[Any], parameters: Any) -> Any:
            return generator.standardize(transform(image, parameters))

        for i, x in enumerate(pool.map(finish, images, drawn)):
            batch[i] = x


def _warps_batches(generator: Any, images: Sequence[NDArray[Any]]) -> bool:
    """Tell whether the compiled warp does what SciPy would."""
    return (
        generator.fill_mode in FILL_MODES
        and generator.interpolation_order in (0, 1)
        and all(image.dtype == np.float32 for image in images)
    )


def _warp_batch(
    images: Sequence[NDArray[Any]], drawn: Sequence[dict[str, Any]], generator: Any, rows: int
) -> list[NDArray[Any]]:
    names = ("theta", "tx", "ty", "shear", "zx", "zy")
    parameters = np.array([[each[name] for name in names] for each in drawn], np.float64)
    parameters = np.reshape(parameters, (-1, len(names)))
    moved = (parameters != [0, 0, 0, 0, 1, 1]).any(axis=1)
    if not moved.any():
        return list(images)
    channel_axis = generator.channel_axis
    stacked = np.moveaxis(np.stack(images), channel_axis, -1)
    count, size = len(images), stacked.shape[1:3]
    geometry = geometry_rows(Transforms.unflipped(*parameters.T), size)
    # One shape for every batch, so that the kernel is compiled once.
    missing = rows - count
    tables = coordinate_tables(tf.constant(np.pad(geometry, ((0, missing), (0, 0)))), size)
    padded = np.pad(stacked, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else stacked
    kernel = _kernel(
        generator.fill_mode, float(generator.cval), generator.interpolation_order, padded.shape
    )
    warped = np.moveaxis(np.array(kernel(tf.constant(padded), *tables)[:count]), -1, channel_axis)
    if generator.samplewise_center or generator.samplewise_std_normalization:
        warped = _in_memory_as_keras(warped, channel_axis)
    # An image that stays where it is keeps its memory as well.
    return [warped[i] if moved[i] else images[i] for i in range(count)]


def _in_memory_as_keras(images: NDArray[Any], channel_axis: int) -> NDArray[Any]:
    """Put one channel behind the other: NumPy sums in the order of memory, and sums round."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(images, channel_axis, 1)), 1, channel_axis)


@functools.lru_cache(maxsize=32)
def _kernel(
    fill_mode: FillMode, cval: float, order: int, shape: tuple[int, ...]
) -> Callable[..., tf.Tensor]:
    """Make the warp for one shape: a function of its own each, or TensorFlow warns of retracing."""

    def kernel(images: tf.Tensor, *tables: tf.Tensor) -> tf.Tensor:
        warped = warp_by_tables(images, tables, fill_mode=fill_mode, cval=cval, order=order)
        return tf.cast(warped, tf.float32)

    return compiled(kernel)
