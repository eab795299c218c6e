"""A batch without the native pipeline: every image loaded, transformed and standardised in NumPy.

Calls and draws come in Keras' order. Unless other code draws or applies the transforms, all are
drawn first and the batch is resampled by the compiled warp. Where no Python of the user's is
called either, threads do the rest; else the transforms are drawn once more, in turn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.geometry_rows import GEOMETRY_COLUMNS
from catdog_data.augment.parameters import Parameters
from catdog_data.engine.render import Rendering, images_renderer
from catdog_data.keras_compat.on_numpy.standardizing import (
    for_all,
    parameters_as_keras,
    resampled,
    standardize_in_turn,
)
from catdog_data.keras_compat.planning.affine import geometry_rows
from catdog_data.keras_compat.planning.transform_ranges import Transforms
from catdog_data.keras_compat.protocol import Generator
from catdog_data.keras_compat.slow_path import python_called_per_image, reason_not_to_plan
from catdog_data.keras_compat.translation import ranges_of, rendering_of_warp
from catdog_data.kernels.warp import FILL_MODES

Load = Callable[[int], NDArray[Any]]

_GEOMETRY = ("theta", "tx", "ty", "shear", "zx", "zy")


def fill_batch(
    batch: NDArray[Any],
    samples: NDArray[np.int64],
    load: Load,
    generator: Generator | None,
    rows: int,
) -> None:
    """Write the transformed and standardised images of a batch into it.

    Args:
        batch: floating [B, …] to write to.
        samples: int64[B], indices.
        load: from an index to its image, a float array of three axes.
        generator: an `ImageDataGenerator`, or None to load only.
        rows: images of a full batch; fewer are padded, so that all have one shape.
    """
    if generator is None:
        batch[:] = _loaded(load, samples, batch.size)
    elif reason_not_to_plan(generator) is not None:
        for i, sample in enumerate(samples):
            x = load(sample)
            x = generator.apply_transform(x, generator.get_random_transform(x.shape))
            batch[i] = generator.standardize(x)
    else:
        _fill_at_once(batch, samples, load, generator, max(rows, len(samples)))


def _fill_at_once(
    batch: NDArray[Any], samples: NDArray[np.int64], load: Load, generator: Generator, rows: int
) -> None:
    random = np.random.mtrand._rand
    before = random.get_state(legacy=True)
    size = batch.shape[generator.row_axis], batch.shape[generator.col_axis]
    transforms = ranges_of(generator).draw(random, len(samples), size)
    images = _loaded(load, samples, batch.size)
    in_turn = python_called_per_image(generator) is not None
    is_warped = all(warps(generator, image.dtype) for image in images)
    if is_warped:
        images = _warp_batch(images, transforms, generator, rows, for_sums=in_turn)

    def transformed(i: int, drawn: Mapping[str, Any]) -> NDArray[Any]:
        return generator.apply_transform(images[i], _after_warp(drawn) if is_warped else drawn)

    if in_turn:
        random.set_state(before)
        standardize_in_turn(
            batch,
            transforms,
            generator,
            transformed,
            lambda i, drawn: generator.apply_transform(load(samples[i]), drawn),
        )
        return
    parameters = parameters_as_keras(transforms, generator)

    def make(i: int) -> None:
        batch[i] = generator.standardize(transformed(i, parameters[i]))

    for_all(make, len(samples), batch.size)


def _after_warp(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the parameters of the resampling; without them an image keeps its geometry."""
    return {name: value for name, value in drawn.items() if name not in _GEOMETRY}


def _loaded(load: Load, samples: NDArray[np.int64], values: int) -> list[NDArray[Any]]:
    images: list[Any] = [None] * len(samples)

    def fetch(i: int) -> None:
        images[i] = load(samples[i])

    for_all(fetch, len(samples), values)
    return images


def warps(generator: Generator, dtype: np.dtype[Any]) -> bool:
    """Tell whether the compiled warp does to images of a type what SciPy would."""
    return (
        generator.fill_mode in FILL_MODES
        and generator.interpolation_order in (0, 1)
        and dtype in (np.float32, np.float64)
    )


def _warp_batch(
    images: Sequence[NDArray[Any]],
    transforms: Transforms,
    generator: Generator,
    rows: int,
    *,
    for_sums: bool,
) -> list[NDArray[Any]]:
    """Resample those that need it; `for_sums` asks for Keras' order in memory in any case."""
    is_resampled = resampled(transforms)
    if not is_resampled.any():
        return list(images)
    channel_axis = generator.channel_axis
    stacked = np.moveaxis(np.stack(images), channel_axis, -1)
    count, size = len(images), stacked.shape[1:3]
    unflipped = Transforms.unflipped(*(getattr(transforms, name) for name in _GEOMETRY))
    # One shape for every batch, so that the kernel is compiled once.
    missing = ((0, rows - count), *[(0, 0)] * 3)
    padded = np.pad(stacked, missing) if rows > count else stacked
    geometry = np.pad(geometry_rows(unflipped, size), missing[:2])
    kernel = warp_kernel(generator, padded.shape, stacked.dtype)
    warped = np.array(kernel(tf.constant(geometry), tf.constant(padded)))[:count]
    warped = np.moveaxis(warped, -1, channel_axis)
    if for_sums or generator.samplewise_center or generator.samplewise_std_normalization:
        warped = _in_memory_as_keras(warped, channel_axis)
    # An image that is not resampled keeps its order in memory as well.
    return [warped[i] if is_resampled[i] else images[i] for i in range(count)]


def _in_memory_as_keras(images: NDArray[Any], channel_axis: int) -> NDArray[Any]:
    """Put one channel behind the other: NumPy sums in the order of memory, and sums round."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(images, channel_axis, 1)), 1, channel_axis)


def warp_kernel(
    generator: Generator, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Callable[..., tf.Tensor]:
    """Make the function from geometry rows and images [B, H, W, C] of one shape to warped ones."""
    _, height, width, _ = shape
    return _kernel(rendering_of_warp(generator, (height, width), dtype.name), shape)


@functools.lru_cache(maxsize=32)
def _kernel(rendering: Rendering, shape: tuple[int, ...]) -> Callable[..., tf.Tensor]:
    """Make the warp for one shape: a function of its own each, or TensorFlow warns of retracing."""
    render = images_renderer(rendering)
    signature = [
        tf.TensorSpec([shape[0], GEOMETRY_COLUMNS], tf.float64),
        tf.TensorSpec(shape, rendering.pixel_dtype),
    ]

    def kernel(geometry: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return render(Parameters(geometry), images)

    # Concrete: a batch of small images takes less time than the choice among traces.
    traced = tf.function(kernel, input_signature=signature, autograph=False)
    return traced.get_concrete_function()  # type: ignore[no-any-return]
