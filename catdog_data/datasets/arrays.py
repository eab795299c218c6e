"""Datasets from arrays in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.datasets.balance import Balance, check_balance
from catdog_data.datasets.build import Epochs, Source
from catdog_data.datasets.elements import Output, gatherer
from catdog_data.datasets.image_dataset import ImageDataset
from catdog_data.datasets.image_set import ImageSet, datasets_of
from catdog_data.datasets.options import (
    OUTPUT_DTYPES,
    Shard,
    check_booleans,
    check_numbers,
    checked_shard,
    one_of,
    seed_or_drawn,
)
from catdog_data.datasets.splits import Split
from catdog_data.datasets.views import check_views
from catdog_data.decoding.wanted import WHITE_OF_16_BITS
from catdog_data.engine.pixel_sources import RowsOfArray
from catdog_data.readable.on_error import OnError
from catdog_data.sources.class_weights import classes_in_labels
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.split_arguments import check_split
from catdog_data.system.messages import some_of


@overload
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
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    validation_split: float | None = None,
    subset: Literal["both", "all"],
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    stratify: bool = False,
    augment_validation: bool = False,
    augment_on: Literal["host", "device"] = "host",
    masks: NDArray[Any] | None = None,
    ram_budget: int | None = None,
    drop_remainder: bool = False,
) -> list[ImageDataset]: ...


@overload
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
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    validation_split: float | None = None,
    subset: Literal["training", "validation", "test"] | None = None,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    stratify: bool = False,
    augment_validation: bool = False,
    augment_on: Literal["host", "device"] = "host",
    masks: NDArray[Any] | None = None,
    ram_budget: int | None = None,
    drop_remainder: bool = False,
) -> ImageDataset: ...


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
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    validation_split: float | None = None,
    subset: str | None = None,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    stratify: bool = False,
    augment_validation: bool = False,
    augment_on: Literal["host", "device"] = "host",
    masks: NDArray[Any] | None = None,
    ram_budget: int | None = None,
    drop_remainder: bool = False,
) -> ImageDataset | list[ImageDataset]:
    """Read images from an array: the same batches as from files with these pixels.

    Arguments of `image_dataset_from_directory` are described there in full.

    Args:
        images: uint8 or floating [N, H, W, C]. It is not copied, and must not change. A list of N
            images [H, W, C] of one shape is copied into one.
        labels: N numbers, or rows of them, as an array or a list; for several outputs a list of
            arrays, or a tuple or dict of arrays or lists (lists become tuples); or None.
        batch_size: images per batch; None yields single images.
        shuffle: whether every epoch is shuffled, as a whole.
        seed: in [0, 2**32); None draws one from NumPy's global stream, once.
        augmentation: what is done to every image at random; None for nothing.
        rescale: factor for every value, after the augmentation.
        output_dtype: "uint8" (rounded), "float16", "bfloat16" or "float32"; of uint16 images also
            "uint16", with white at 65535; None keeps the type of `images` where values are not
            changed, and is float32 where they are.
        return_index: whether int64[B], the position of each image in `images`, is added last.
        shard: (i, n): part i of n of every epoch, for n readers; "auto" for this process among
            those that train together.
        balance: "oversample", "undersample", a dict from numbers of classes to weights, or
            None: how often an epoch reads the images of each class.
        views: how many views of each image an element has, every one drawn by itself, as a tuple in
            place of the images.
        validation_split: fraction of the images: the last ones, after a shuffle by `seed`, but with
            `stratify`.
        subset: "training", "validation" or "both"; with `test_split` also "test" or "all".
        test_split: fraction of the images for a test, beside `validation_split`.
        fold: (i, k), fold i of k in place of `validation_split`, by the hashes of `stratify`.
        stratify: whether the split takes the fraction of every class, in the order of a hash of
            each image's position, since an image of an array has no name: so the parts are those of
            this order of the array. Images are of one class where not each has one.
        augment_validation: whether validation subsets are augmented.
        augment_on: "host", or "device" for `catdog_data.layers.AugmentAndRescale` to do geometry.
        masks: uint8[N, H, W, 1] of class numbers in place of labels, moved as the images are.
        ram_budget: bytes that batches ahead may take; None for an eighth of the free memory.
        drop_remainder: whether the last batch of an epoch is left out if it is short.

    Returns:
        An `ImageDataset` as from there; its `class_names` is None, and its `file_paths` are empty.
        With subset="both" or "all" a list.

    Raises:
        ValueError: images that have not four axes or are of another type, labels that are no
            arrays of numbers or of another length, masks of another size, or a value that is not
            among those named.

    Example:
        >>> images = np.zeros((5, 32, 32, 3), np.uint8)
        >>> dataset = image_dataset_from_arrays(images, [0, 1, 0, 1, 1], batch_size=2, seed=1)
        >>> [labels.shape[0] for _, labels in dataset]
        [2, 2, 1]
    """
    images = _checked_images(images)
    columns = None if labels is None else _checked_columns(labels, len(images))
    one_of("output_dtype", output_dtype, OUTPUT_DTYPES)
    if output_dtype == "uint16" and images.dtype != np.uint16:
        raise ValueError(
            f'`output_dtype="uint16"` needs images of that type; received {images.dtype}.'
        )
    one_of("augment_on", augment_on, ("host", "device"))
    check_booleans(
        shuffle=shuffle,
        return_index=return_index,
        stratify=stratify,
        augment_validation=augment_validation,
        drop_remainder=drop_remainder,
    )
    check_split(
        validation_split,
        subset,
        test_split=test_split,
        fold=fold,
        shuffle=shuffle and not stratify,
        seed=seed,
    )
    check_numbers(batch_size, seed, ram_budget)
    shard = checked_shard(shard, seed)
    check_balance(balance, shuffle=shuffle)
    on_device = augment_on == "device"
    check_views(views, augmentation, on_device=on_device, has_masks=masks is not None)
    seed = seed_or_drawn(seed)
    white = WHITE_OF_16_BITS if output_dtype == "uint16" else 255
    classes = _classes_of(columns)
    masks = None if masks is None else _checked_masks(masks, images, labels)

    # Names are for the split alone.
    names = ("",) * len(images) if subset is None else tuple(map(str, range(len(images))))

    def source(part: LabelledFiles, *_: Any) -> Source:
        rows = part.of_listed
        return Source(
            RowsOfArray(images, rows),
            len(part),
            images.dtype.name,
            (int(images.shape[1]), int(images.shape[2])),
            None if masks is None else RowsOfArray(masks, rows),
            white=white,
        )

    listed = ImageSet(
        LabelledFiles(names, classes, None),
        source,
        None if columns is None else lambda part: gatherer(_rows_of(columns, part)),
        positions=None if subset is None else lambda part: gatherer(tf.constant(part.rows)),
        classes=lambda part: part.labels,
        are_files=False,
    )
    epochs = Epochs(
        batch_size,
        shuffle,
        seed,
        shard,
        augmentation,
        on_device,
        balance=balance,
        views=views,
        drop_remainder=drop_remainder,
    )
    output = Output(rescale, output_dtype, "channels_last", return_index)
    split = Split(
        validation_split,
        subset,
        test_split=test_split,
        fold=fold,
        stratify=stratify,
        shuffle_seed=seed if shuffle and subset is not None else None,
        augment_validation=augment_validation,
    )
    on_error = OnError("raise")
    return split.chosen(datasets_of(listed, epochs, output, split, on_error, ram_budget=ram_budget))


def _rows_of(columns: Any, part: LabelledFiles) -> Any:
    if part.of_listed is None:
        return columns
    return tf.nest.map_structure(lambda column: tf.gather(column, part.of_listed), columns)


def _classes_of(columns: Any) -> NDArray[np.int64] | None:
    """Return the class of each image; None without labels, and of several outputs."""
    return classes_in_labels(columns.numpy()) if isinstance(columns, tf.Tensor) else None


def _checked_images(images: Any) -> Any:
    """Return the images as one array; anything with a shape and a type is left as it is."""
    if isinstance(images, (list, tuple)):
        images = _stacked("images", images)
    shape, dtype = getattr(images, "shape", None), getattr(images, "dtype", None)
    if shape is None or dtype is None:
        raise ValueError(
            "`images` must be an array [N, H, W, C], or a list of arrays [H, W, C] of one shape; "
            f"received {type(images).__name__}."
        )
    if len(shape) != 4 or 0 in shape:
        raise ValueError(
            "`images` must have four axes [N, H, W, C], none of them empty; received "
            f"{tuple(shape)}."
        )
    if not _holds_numbers(dtype):
        raise ValueError(f"`images` must hold numbers; received {dtype}.")
    return images


def _holds_numbers(dtype: Any) -> bool:
    try:
        known = tf.as_dtype(dtype)
    except TypeError:
        return False
    return bool(known.is_floating or known.is_integer or known.is_bool)


def _stacked(name: str, arrays: Any) -> NDArray[Any]:
    try:
        stacked: NDArray[Any] = np.stack(arrays)
    except (TypeError, ValueError) as error:
        shapes = [getattr(each, "shape", type(each).__name__) for each in arrays]
        raise ValueError(
            f"`{name}`, as a list, must hold arrays [H, W, C] of one shape, at least one; received "
            f"{len(arrays)}: {some_of(list(dict.fromkeys(shapes)))}. Resize them to one, or read "
            "them from files."
        ) from error
    return stacked


def _checked_columns(labels: Any, n: int) -> Any:
    """Return labels as tensors of N rows, in a structure of tuples and dictionaries."""
    if isinstance(labels, Mapping) and labels:
        return {key: _checked_columns(each, n) for key, each in labels.items()}
    if isinstance(labels, (list, tuple)) and _are_several(labels):
        columns = [_checked_columns(each, n) for each in labels]
        # To tf.data and Keras, a list is one tensor, and a tuple several.
        made: Any = type(labels) if hasattr(labels, "_fields") else lambda *each: each
        return made(*columns)
    try:
        column = tf.constant(labels)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "`labels` must be numbers of one type, or rows of them of one length, as an array or a "
            f"list; received {repr(labels)[:60]}: {str(error).splitlines()[-1][:200]}"
        ) from error
    if not _holds_numbers(column.dtype):
        raise ValueError(f"`labels` must be numbers; received {repr(labels)[:60]}.")
    if column.shape.rank == 0 or len(column) != n:
        raise ValueError(
            f"`labels` must have one entry for each of the {n} images; received "
            f"{'a single value' if column.shape.rank == 0 else len(column)}. A list of arrays is "
            "several outputs, each with an entry for each image; rows are put into one array with "
            "`np.stack`."
        )
    return column


def _are_several(labels: Any) -> bool:
    """Tell several outputs from numbers and from a list of rows of numbers."""
    kinds = (Mapping, list, tuple) if isinstance(labels, tuple) else Mapping
    return any(
        isinstance(each, kinds)
        or len(getattr(each, "shape", ())) > 0
        or (isinstance(each, (list, tuple)) and _are_several(each))
        for each in labels
    )


def _checked_masks(given: Any, images: NDArray[Any], labels: Any) -> NDArray[Any]:
    if labels is not None:
        raise ValueError("`masks` take the place of labels; give `labels=None`, or no masks.")
    is_list = isinstance(given, (list, tuple))
    masks: NDArray[Any] = _stacked("masks", given) if is_list else np.asarray(given)
    expected = (*images.shape[:3], 1)
    if masks.shape != expected or masks.dtype != np.uint8:
        raise ValueError(
            f"`masks` must be uint8{list(expected)}, one for each image; received "
            f"{masks.dtype}{list(masks.shape)}."
        )
    return masks
