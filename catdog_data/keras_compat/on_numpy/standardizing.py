"""`standardize` of the generator, called for each of the images that the pipeline transformed.

That happens in threads or, where a function of the user's may draw from NumPy's stream, in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.keras_compat.planning.transform_ranges import Transforms
from catdog_data.keras_compat.protocol import Generator
from catdog_data.system.machine import available_cores

Transform = Callable[[int, Mapping[str, Any]], NDArray[Any]]
"""From a row and its drawn parameters to the transformed image, in the generator's data format."""

_WORTH_THREADS = 2**20
"""Values in a batch from which on threads gain more than they cost."""


def standardize_in_threads(
    batch: NDArray[Any], images: NDArray[Any], transforms: Transforms, generator: Generator
) -> None:
    """Standardise the images of a batch, several at a time.

    Args:
        batch: floating [B, …] to write to, in the generator's data format.
        images: floating [B, H, W, C], transformed; they are changed.
        transforms: B rows, which the images were transformed by.
        generator: an `ImageDataGenerator` whose functions draw nothing.
    """
    takes_sums = generator.samplewise_center or generator.samplewise_std_normalization
    is_resampled = resampled(transforms)

    def standardize(i: int) -> None:
        image = images[i]
        if takes_sums:
            image = _in_memory_as_keras(image, transforms, i, bool(is_resampled[i]), generator)
        batch[i] = generator.standardize(_in_data_format(image, generator))

    for_all(standardize, len(images), images.size)


def laid_out_as_keras(
    images: NDArray[Any], transforms: Transforms, generator: Generator
) -> Transform:
    """Make the function from a row to its transformed image as Keras has it in memory.

    Args:
        images: floating [B, H, W, C], transformed.
        transforms: B rows, which the images were transformed by.
        generator: an `ImageDataGenerator`.
    """
    is_resampled = resampled(transforms)

    def image_at(i: int, drawn: Mapping[str, Any]) -> NDArray[Any]:
        image = _in_memory_as_keras(images[i], transforms, i, bool(is_resampled[i]), generator)
        return _in_data_format(image, generator)

    return image_at


def standardize_in_turn(
    batch: NDArray[Any],
    transforms: Transforms,
    generator: Generator,
    transformed: Transform,
    transform_again: Transform,
) -> bool:
    """Standardise one image after the other, drawing the transform of each before it, as Keras.

    Images were transformed on the assumption that nothing else draws from NumPy's global stream.
    Where a function of the user's has drawn, the next image's transform is another, and that
    image is loaded and transformed once more.

    Args:
        batch: floating [B, …] to write to, in the generator's data format.
        transforms: B rows, which the images were transformed by.
        generator: an `ImageDataGenerator`; NumPy's stream is to be in its state
            before the first draw.
        transformed: from a row and drawn parameters, if they are the assumed ones, to its image.
        transform_again: the same if they are others.

    Returns:
        Whether all transforms were those assumed.
    """
    as_assumed = True
    for i, assumed in enumerate(parameters_as_keras(transforms, generator)):
        drawn = generator.get_random_transform(batch.shape[1:])
        is_assumed = drawn == assumed
        image = (transformed if is_assumed else transform_again)(i, drawn)
        batch[i] = generator.standardize(image)
        as_assumed = as_assumed and is_assumed
    return as_assumed


def for_all(work: Callable[[int], None], count: int, values: int) -> None:
    """Call `work(0)`, `work(1)`, …, in threads where there are values enough."""
    if values < _WORTH_THREADS or count < 2:
        for i in range(count):
            work(i)
        return
    with ThreadPoolExecutor(available_cores()) as pool:
        list(pool.map(work, range(count)))


def resampled(transforms: Transforms) -> NDArray[np.bool_]:
    """Tell which images are resampled; Keras leaves the others as they are: bool[B]."""
    turned = [each != 0 for each in (transforms.theta, transforms.tx, transforms.ty)]
    zoomed = [each != 1 for each in (transforms.zx, transforms.zy)]
    moves: NDArray[np.bool_] = np.logical_or.reduce([*turned, transforms.shear != 0, *zoomed])
    return moves


def parameters_as_keras(transforms: Transforms, generator: Generator) -> list[dict[str, Any]]:
    """Write the parameters of each image as `get_random_transform` returns them."""
    names = ("theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical")
    columns = {name: getattr(transforms, name).tolist() for name in names}
    nothing = [None] * len(transforms)
    shifts, brightens = generator.channel_shift_range, generator.brightness_range is not None
    columns["channel_shift_intensity"] = transforms.channel_shift.tolist() if shifts else nothing
    columns["brightness"] = transforms.brightness.tolist() if brightens else nothing
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _in_data_format(image: NDArray[Any], generator: Generator) -> NDArray[Any]:
    return image if generator.data_format == "channels_last" else np.moveaxis(image, -1, 0)


def _in_memory_as_keras(
    image: NDArray[Any], transforms: Transforms, i: int, is_resampled: bool, generator: Generator
) -> NDArray[Any]:
    """Order an image [H, W, C] in memory as Keras' steps leave it: sums go by that, and round.

    SciPy's resampling and the channel shift leave one channel behind the other, mirrored images
    are views of unmirrored ones, and brightness leaves pixel behind pixel.
    """
    if generator.brightness_range is not None:
        return image
    flips = (transforms.flip_vertical[i], transforms.flip_horizontal[i])
    mirrored = tuple(axis for axis, flip in enumerate(flips) if flip)
    unmirrored = np.flip(image, mirrored)
    if generator.channel_shift_range or is_resampled:
        channels = np.ascontiguousarray(np.moveaxis(unmirrored, -1, 0))
        unmirrored = np.moveaxis(channels, 0, -1)
    else:
        unmirrored = np.ascontiguousarray(unmirrored)
    return np.flip(unmirrored, mirrored)
