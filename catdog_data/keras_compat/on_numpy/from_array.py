"""A batch of an array in memory, made as a whole where nothing asks for single images.

The images are gathered at once, the compiled warp turns and mirrors them in one pass, and rescaling
follows in place. What else there is goes image by image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import DTypeLike, NDArray

from catdog_data.engine.shared_buffers import empty_for_tensor, own_array, tensor_of
from catdog_data.keras_compat.image_augmenter import overridden_hook
from catdog_data.keras_compat.on_numpy.one_by_one import fill_batch, warp_kernel, warps
from catdog_data.keras_compat.on_numpy.standardizing import for_all, resampled
from catdog_data.keras_compat.planning.affine import geometry_rows
from catdog_data.keras_compat.planning.transform_ranges import Transforms
from catdog_data.keras_compat.protocol import Generator
from catdog_data.keras_compat.slow_path import reason_not_to_plan
from catdog_data.keras_compat.translation import ranges_of

_STANDARDIZING = ("rescale", "featurewise_center", "featurewise_std_normalization")
"""What changes an image in place, by the same operations wherever its values lie in memory."""
_BY_IMAGE = (
    "preprocessing_function",
    "samplewise_center",
    "samplewise_std_normalization",
    "zca_whitening",
    "channel_shift_range",
)
_VALUES_AT_ONCE = 2**18
"""Gathered by one thread before the next takes on as many."""
_FEW_CHANNELS = 4


def batch_of_array(
    array: Any, samples: NDArray[np.int64], generator: Generator, rows: int, dtype: DTypeLike
) -> NDArray[Any]:
    """Make the transformed and standardised images of a batch.

    Args:
        array: [N, …], in the generator's data format; images of another type are cast first.
        samples: int64[B], indices.
        generator: an `ImageDataGenerator`.
        rows: images of a full batch; fewer are padded for the warp, so that all have one shape.
        dtype: floating type of the batch.

    Returns:
        `dtype`[B, …].
    """
    if _is_made_whole(array, samples, generator, dtype):
        return _made_whole(array, samples, generator, max(rows, len(samples)))
    batch = np.zeros((len(samples), *array.shape[1:]), dtype)
    fill_batch(batch, samples, lambda sample: array[sample].astype(dtype), generator, rows)
    return batch


def _is_made_whole(
    array: Any, samples: NDArray[np.int64], generator: Generator, dtype: DTypeLike
) -> bool:
    if not (isinstance(array, np.ndarray) and array.ndim == 4 and array.dtype == dtype):
        return False
    if not _are_in(array, samples):
        return False
    if reason_not_to_plan(generator) is not None or overridden_hook(generator) is not None:
        return False
    if any(getattr(generator, option) for option in _BY_IMAGE):
        return False
    if generator.brightness_range is not None:
        return False
    moves = ranges_of(generator).moves_pixels
    return not moves or (generator.channel_axis == 3 and warps(generator, array.dtype))


def _are_in(array: NDArray[Any], samples: Any) -> bool:
    """Tell whether there are images of these indices; an iterator of the user's may have others."""
    if not (isinstance(samples, np.ndarray) and samples.dtype == np.int64 and len(samples)):
        return False
    return bool(samples.min() >= 0 and samples.max() < len(array))


def _made_whole(
    array: NDArray[Any], samples: NDArray[np.int64], generator: Generator, rows: int
) -> NDArray[Any]:
    count = len(samples)
    size = array.shape[generator.row_axis], array.shape[generator.col_axis]
    transforms = ranges_of(generator).draw(np.random.mtrand._rand, count, size)
    is_resampled = resampled(transforms)
    is_warped = bool(is_resampled.any())
    batch = _gathered(array, samples, rows if is_warped else count)
    if is_warped:
        batch = _warped(batch, transforms, generator)[:count]
    # Those that SciPy leaves alone keep their bits.
    is_mirrored = (transforms.flip_vertical + transforms.flip_horizontal) > 0
    is_copied = ~is_resampled & (is_warped | is_mirrored)
    standardizes = any(getattr(generator, option) for option in _STANDARDIZING)

    def finish(i: int) -> None:
        if is_copied[i]:
            _copy_mirrored(array[samples[i]], batch[i], transforms, i, generator)
        if standardizes:
            generator.standardize(batch[i])

    if standardizes or is_copied.any():
        for_all(finish, count, batch.size)
    return batch


def _gathered(array: NDArray[Any], samples: NDArray[np.int64], rows: int) -> NDArray[Any]:
    """Gather images; rows behind them are zeros."""
    gathered = empty_for_tensor((rows, *array.shape[1:]), array.dtype)
    step = max(1, _VALUES_AT_ONCE // max(1, array[0].size))

    def gather(part: int) -> None:
        chosen = samples[part * step : (part + 1) * step]
        # In another mode NumPy gathers into an array of its own first.
        array.take(chosen, axis=0, out=gathered[part * step :][: len(chosen)], mode="clip")

    for_all(gather, -(-len(samples) // step), gathered.size)
    gathered[len(samples) :] = 0
    return gathered


def _warped(padded: NDArray[Any], transforms: Transforms, generator: Generator) -> NDArray[Any]:
    """Turn and mirror the images of a padded batch."""
    missing = len(padded) - len(transforms)
    geometry = np.pad(geometry_rows(transforms, padded.shape[1:3]), ((0, missing), (0, 0)))
    kernel = warp_kernel(generator, padded.shape, padded.dtype)
    return own_array(kernel(tf.constant(geometry), tensor_of(padded)))


def _copy_mirrored(
    image: NDArray[Any], copy: NDArray[Any], transforms: Transforms, i: int, generator: Generator
) -> None:
    if transforms.flip_vertical[i]:
        image = np.flip(image, generator.row_axis - 1)
    if not transforms.flip_horizontal[i]:
        copy[...] = image
        return
    image = np.flip(image, generator.col_axis - 1)
    if generator.channel_axis == 3 and image.shape[-1] <= _FEW_CHANNELS:
        # NumPy copies the few values of each pixel in a loop of its own, four times as slow.
        for channel in range(image.shape[-1]):
            copy[..., channel] = image[..., channel]
    else:
        copy[...] = image
