"""The end of a batch in NumPy: what Keras does to each image after its transform.

The pipeline has transformed the images; `standardize` of the generator is called for each, either
in threads or, where a function of the user's may draw from NumPy's stream, in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.augment.parameters import Transforms
from catdog_data.machine import available_cores

_WORTH_THREADS = 2**20
"""Values in a batch from which on threads gain more than they cost."""


def standardize_apart(
    batch: NDArray[Any], images: NDArray[Any], transforms: Transforms, generator: Any
) -> None:
    """Standardise the images of a batch, each in a thread.

    Args:
        batch: floating [B, …] to write to, in the generator's data format.
        images: floating [B, H, W, C], transformed; they are changed.
        transforms: B rows, which the images were transformed by.
        generator: an `ImageDataGenerator` whose functions draw nothing.
    """
    sums = generator.samplewise_center or generator.samplewise_std_normalization

    def finish(i: int) -> None:
        image = images[i]
        if sums:
            image = _in_memory_as_keras(image, transforms, i, generator)
        batch[i] = generator.standardize(_in_data_format(image, generator))

    for_all(finish, len(images), images.size)


def standardize_in_turn(
    batch: NDArray[Any],
    images: NDArray[Any],
    transforms: Transforms,
    generator: Any,
    transform_anew: Callable[[int, dict[str, Any]], NDArray[Any]],
) -> bool:
    """Standardise one image after the other, drawing the transform of each before it, as Keras.

    Images were transformed on the assumption that nobody else draws from NumPy's global stream.
    Where a function of the user's has drawn, the next image's transform is another, and that
    image is transformed anew.

    Args:
        batch: floating [B, …] to write to, in the generator's data format.
        images: floating [B, H, W, C], transformed; they are changed.
        transforms: B rows, which the images were transformed by.
        generator: an `ImageDataGenerator`; NumPy's stream stands before its first draw.
        transform_anew: from a row and drawn parameters to the transformed image.

    Returns:
        Whether all transforms were those assumed.
    """
    as_assumed = True
    for i in range(len(images)):
        drawn = generator.get_random_transform(batch.shape[1:])
        if is_row(drawn, transforms, i):
            image = _in_memory_as_keras(images[i], transforms, i, generator)
            image = _in_data_format(image, generator)
        else:
            as_assumed = False
            image = transform_anew(i, drawn)
        batch[i] = generator.standardize(image)
    return as_assumed


def for_all(work: Callable[[int], None], count: int, values: int) -> None:
    """Call `work(0)`, `work(1)`, …, in threads where there are values enough."""
    if values < _WORTH_THREADS or count < 2:
        for i in range(count):
            work(i)
        return
    with ThreadPoolExecutor(available_cores()) as pool:
        list(pool.map(work, range(count)))


def moved(transforms: Transforms) -> NDArray[np.bool_]:
    """Tell which images are resampled; Keras leaves the others as they are: bool[B]."""
    turned = [each != 0 for each in (transforms.theta, transforms.tx, transforms.ty)]
    zoomed = [each != 1 for each in (transforms.zx, transforms.zy)]
    moves: NDArray[np.bool_] = np.logical_or.reduce([*turned, transforms.shear != 0, *zoomed])
    return moves


def is_row(drawn: dict[str, Any], transforms: Transforms, i: int) -> bool:
    """Tell whether drawn parameters are those of a row."""
    intensity, brightness = drawn["channel_shift_intensity"], drawn["brightness"]
    names = ("theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical")
    return (
        all(drawn[name] == getattr(transforms, name)[i] for name in names)
        and (0 if intensity is None else intensity) == transforms.channel_shift[i]
        and (1 if brightness is None else brightness) == transforms.brightness[i]
    )


def _in_data_format(image: NDArray[Any], generator: Any) -> NDArray[Any]:
    return image if generator.data_format == "channels_last" else np.moveaxis(image, -1, 0)


def _in_memory_as_keras(
    image: NDArray[Any], transforms: Transforms, i: int, generator: Any
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
    if generator.channel_shift_range or bool(moved(transforms)[i]):
        channels = np.ascontiguousarray(np.moveaxis(unmirrored, -1, 0))
        unmirrored = np.moveaxis(channels, 0, -1)
    else:
        unmirrored = np.ascontiguousarray(unmirrored)
    return np.flip(unmirrored, mirrored)
