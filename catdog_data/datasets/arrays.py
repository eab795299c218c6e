"""Datasets from arrays in memory."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.datasets.checks import OUTPUT_DTYPES, check_numbers, one_of, seed_or_drawn
from catdog_data.datasets.elements import Output, gatherer
from catdog_data.datasets.engine import Epochs, Source, build_dataset
from catdog_data.pixels import WholeImages


def image_dataset_from_arrays(
    images: NDArray[Any],
    labels: Any = None,
    batch_size: int | None = 32,
    shuffle: bool = True,
    seed: int | None = None,
    *,
    augmentation: Augmentation | None = None,
    rescale: float | None = None,
    output_dtype: str | None = None,
    return_index: bool = False,
    shard: tuple[int, int] = (0, 1),
    augment_on: Literal["host", "device"] = "host",
    masks: NDArray[Any] | None = None,
    ram_budget: int | None = None,
) -> Any:
    """Read images from an array: the same batches as from files with these pixels.

    Args:
        images: uint8 or floating [N, H, W, C]. It is not copied, and must not change.
        labels: an array of length N, or a structure (tuple, dict) of such arrays, or None.
        batch_size: see `image_dataset_from_directory`, as for all that follow.
        shuffle: see there.
        seed: see there.
        augmentation: see there.
        rescale: see there.
        output_dtype: see there; None keeps the type of `images` where values are not touched.
        return_index: see there.
        shard: see there.
        augment_on: see there.
        masks: uint8[N, H, W, 1] of class numbers in place of labels, moved as the images are.
        ram_budget: see there.

    Returns:
        A `tf.data.Dataset` as from there; it has no `class_names` and no `file_paths`.

    Raises:
        ValueError: images that have not four axes, labels of another length, or masks of another
            size.
    """
    if np.ndim(images) != 4:
        raise ValueError(f"`images` must have four axes [N, H, W, C]; received {images.shape}.")
    for column in tf.nest.flatten(labels):
        if column is not None and len(column) != len(images):
            raise ValueError(
                f"`labels` must have one entry for each of the {len(images)} images; received "
                f"{len(column)}."
            )
    one_of("output_dtype", output_dtype, OUTPUT_DTYPES)
    one_of("augment_on", augment_on, ("host", "device"))
    check_numbers(batch_size, seed, ram_budget)
    seed = seed_or_drawn(seed)
    shape = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
    dtype = images.dtype.name

    columns = None if labels is None else tf.nest.map_structure(tf.constant, labels)
    return build_dataset(
        Source(
            _rows_of(images),
            len(images),
            dtype,
            shape[:2],
            None if masks is None else _rows_of(_checked_masks(masks, images, labels)),
        ),
        Epochs(batch_size, shuffle, seed, shard, augmentation, augment_on == "device"),
        Output(rescale, output_dtype, "channels_last", return_index),
        None if columns is None else gatherer(columns),
        ram_budget=ram_budget,
    )


def _rows_of(array: NDArray[Any]) -> WholeImages:
    def load(index: tf.Tensor) -> tf.Tensor:
        # Not a constant of the graph: that would copy the array.
        return tf.numpy_function(lambda i: array[int(i)], [index], array.dtype, stateful=False)

    height, width, channels = (int(side) for side in array.shape[1:])
    return WholeImages(load, (height, width, channels), array.dtype.name, names=None)


def _checked_masks(masks: NDArray[Any], images: NDArray[Any], labels: Any) -> NDArray[Any]:
    if labels is not None:
        raise ValueError("`masks` take the place of labels; give `labels=None`, or no masks.")
    expected = (*images.shape[:3], 1)
    if masks.shape != expected or masks.dtype != np.uint8:
        raise ValueError(
            f"`masks` must be uint8{list(expected)}, one for each image; received "
            f"{masks.dtype}{list(masks.shape)}."
        )
    return masks
