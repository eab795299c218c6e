"""A batch without the native pipeline: every image loaded, transformed and standardised in NumPy.

Calls and draws come in Keras' order. Unless somebody else draws or applies the transforms, all are
drawn first and the batch is resampled by the compiled warp. Where no Python of the user's is
called either, threads do the rest; else the transforms are drawn once more, in turn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.geometry_rows import GEOMETRY_COLUMNS
from catdog_data.augment.parameters import Parameters
from catdog_data.engine.render import Rendering, Resampling, images_renderer
from catdog_data.keras_compat.finishing import for_all, moved, rows_as_keras, standardize_in_turn
from catdog_data.keras_compat.planning.affine import geometry_rows
from catdog_data.keras_compat.planning.transform_ranges import Transforms
from catdog_data.keras_compat.preprocessing import in_graph, is_of_keras_applications
from catdog_data.kernels.warp import FILL_MODES

Load = Callable[[int], NDArray[Any]]


def who_draws(generator: Any) -> str | None:
    """Tell what else than this package draws or applies the transforms, if anything does.

    Args:
        generator: an `ImageDataGenerator`, of this package, of Keras or of the user.
    """
    if not hasattr(generator, "_overridden_hook"):
        return f"a {type(generator).__module__}.{type(generator).__name__} draws the transforms"
    name = generator._overridden_hook()
    return None if name in (None, "standardize") else f"`{name}` of the generator is overridden"


def called_in_turn(generator: Any) -> str | None:
    """Tell which Python of the user's is called for one image after the other, if any.

    Args:
        generator: an `ImageDataGenerator` of this package.
    """
    if generator._overridden_hook() == "standardize":
        return "`standardize` of the generator, which is overridden,"
    function = generator.preprocessing_function
    if function and not is_of_keras_applications(function) and in_graph(function) is None:
        return "`preprocessing_function`"
    return None


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
    if generator is None:
        batch[:] = _loaded(load, samples, batch.size)
    elif who_draws(generator) is not None:
        for i, sample in enumerate(samples):
            x = load(sample)
            x = generator.apply_transform(x, generator.get_random_transform(x.shape))
            batch[i] = generator.standardize(x)
    else:
        _fill_at_once(batch, samples, load, generator, max(rows, len(samples)))


def _fill_at_once(
    batch: NDArray[Any], samples: NDArray[np.int64], load: Load, generator: Any, rows: int
) -> None:
    random = np.random.mtrand._rand
    before = random.get_state(legacy=True)
    size = batch.shape[generator.row_axis], batch.shape[generator.col_axis]
    transforms = generator._ranges().draw(random, len(samples), size)
    images = _loaded(load, samples, batch.size)
    transform = generator.apply_transform
    in_turn = called_in_turn(generator) is not None
    if _warps_batches(generator, images):
        images = _warp_batch(images, transforms, generator, rows, for_sums=in_turn)
        transform = generator._after_geometry

    if in_turn:
        random.set_state(before)
        standardize_in_turn(
            batch,
            transforms,
            generator,
            lambda i, drawn: transform(images[i], drawn),
            lambda i, drawn: generator.apply_transform(load(samples[i]), drawn),
        )
        return
    rows_drawn = rows_as_keras(transforms, generator)

    def finish(i: int) -> None:
        batch[i] = generator.standardize(transform(images[i], rows_drawn[i]))

    for_all(finish, len(samples), batch.size)


def _loaded(load: Load, samples: NDArray[np.int64], values: int) -> list[NDArray[Any]]:
    images: list[Any] = [None] * len(samples)

    def fetch(i: int) -> None:
        images[i] = load(samples[i])

    for_all(fetch, len(samples), values)
    return images


def _warps_batches(generator: Any, images: Sequence[NDArray[Any]]) -> bool:
    """Tell whether the compiled warp does what SciPy would."""
    return (
        generator.fill_mode in FILL_MODES
        and generator.interpolation_order in (0, 1)
        and all(image.dtype in (np.float32, np.float64) for image in images)
    )


def _warp_batch(
    images: Sequence[NDArray[Any]],
    transforms: Transforms,
    generator: Any,
    rows: int,
    *,
    for_sums: bool,
) -> list[NDArray[Any]]:
    """Resample those that move; `for_sums` asks for Keras' order in memory in any case."""
    is_moved = moved(transforms)
    if not is_moved.any():
        return list(images)
    channel_axis = generator.channel_axis
    stacked = np.moveaxis(np.stack(images), channel_axis, -1)
    count, size = len(images), stacked.shape[1:3]
    unflipped = Transforms.unflipped(
        *(getattr(transforms, name) for name in ("theta", "tx", "ty", "shear", "zx", "zy"))
    )
    # One shape for every batch, so that the kernel is compiled once.
    missing = ((0, rows - count), *[(0, 0)] * 3)
    padded = np.pad(stacked, missing) if rows > count else stacked
    geometry = np.pad(geometry_rows(unflipped, size), missing[:2])
    dtype = stacked.dtype.name
    rendering = Rendering(
        image_size=size,
        resampling=Resampling(
            generator.fill_mode, float(generator.cval), generator.interpolation_order
        ),
        pixel_dtype=dtype,
        output_dtype=dtype,
    )
    warped = np.array(_kernel(rendering, padded.shape)(tf.constant(geometry), tf.constant(padded)))[
        :count
    ]
    warped = np.moveaxis(warped, -1, channel_axis)
    if for_sums or generator.samplewise_center or generator.samplewise_std_normalization:
        warped = _in_memory_as_keras(warped, channel_axis)
    # An image that stays where it is keeps its memory as well.
    return [warped[i] if is_moved[i] else images[i] for i in range(count)]


def _in_memory_as_keras(images: NDArray[Any], channel_axis: int) -> NDArray[Any]:
    """Put one channel behind the other: NumPy sums in the order of memory, and sums round."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(images, channel_axis, 1)), 1, channel_axis)


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
