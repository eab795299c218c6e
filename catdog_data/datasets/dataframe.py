"""Datasets from the rows of a pandas data frame."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.cache.cached import Cache
from catdog_data.datasets.balance import Balance, check_balance
from catdog_data.datasets.build import Epochs
from catdog_data.datasets.elements import LabelsOf, Output, gatherer
from catdog_data.datasets.image_columns import Columns, ImageColumns
from catdog_data.datasets.image_dataset import ImageDataset
from catdog_data.datasets.image_set import datasets_of
from catdog_data.datasets.options import (
    ClassNames,
    Shard,
    check_booleans,
    check_input_labels,
    check_numbers,
    checked_class_names,
    checked_data_format,
    checked_path,
    checked_shard,
    one_of,
    seed_or_drawn,
)
from catdog_data.datasets.own_size import checked_reading_of_any_size
from catdog_data.datasets.pixel_types import checked_pixel_dtype
from catdog_data.datasets.reading import image_set_of_files
from catdog_data.datasets.splits import Split
from catdog_data.datasets.views import check_views
from catdog_data.readable.on_error import OnError
from catdog_data.sources.class_groups import ClassGroups
from catdog_data.sources.data_frame import (
    ClassCells,
    check_files_exist,
    classes_in,
    file_paths_in,
    numbers_in,
    rows_without,
    weights_in,
)
from catdog_data.sources.exclude import Exclude
from catdog_data.sources.found import print_found
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.masks import warn_of_jpegs
from catdog_data.sources.split_arguments import check_split

_OF_CLASSES = ("int", "categorical", "binary")
_LABEL_MODES = (*_OF_CLASSES, "raw", "multi_output", "mask", "input", None)


@overload
def image_dataset_from_dataframe(
    dataframe: Any,
    directory: str | os.PathLike[str] | None = None,
    x_col: Columns = "filename",
    y_col: Any = "class",
    weight_col: Hashable | None = None,
    label_mode: str | None = "int",
    class_names: ClassNames = None,
    color_mode: str | int = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] | None = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
    *,
    augmentation: Augmentation | None = None,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    pixel_dtype: Literal["uint8", "uint16", "float32"] | None = None,
    return_index: bool = False,
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    augment_alike: bool = True,
    validation_split: float | None = None,
    subset: Literal["both", "all"],
    augment_validation: bool = False,
    stratify: bool = False,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    validate_filenames: bool = True,
    augment_on: Literal["host", "device"] = "host",
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
    exclude: Exclude = None,
    on_error: Literal["raise", "skip", "replace"] = "raise",
    drop_remainder: bool = False,
) -> list[ImageDataset]: ...


@overload
def image_dataset_from_dataframe(
    dataframe: Any,
    directory: str | os.PathLike[str] | None = None,
    x_col: Columns = "filename",
    y_col: Any = "class",
    weight_col: Hashable | None = None,
    label_mode: str | None = "int",
    class_names: ClassNames = None,
    color_mode: str | int = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] | None = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
    *,
    augmentation: Augmentation | None = None,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    pixel_dtype: Literal["uint8", "uint16", "float32"] | None = None,
    return_index: bool = False,
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    augment_alike: bool = True,
    validation_split: float | None = None,
    subset: Literal["training", "validation", "test"] | None = None,
    augment_validation: bool = False,
    stratify: bool = False,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    validate_filenames: bool = True,
    augment_on: Literal["host", "device"] = "host",
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
    exclude: Exclude = None,
    on_error: Literal["raise", "skip", "replace"] = "raise",
    drop_remainder: bool = False,
) -> ImageDataset: ...


def image_dataset_from_dataframe(
    dataframe: Any,
    directory: str | os.PathLike[str] | None = None,
    x_col: Columns = "filename",
    y_col: Any = "class",
    weight_col: Hashable | None = None,
    label_mode: str | None = "int",
    class_names: ClassNames = None,
    color_mode: str | int = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] | None = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
    *,
    augmentation: Augmentation | None = None,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    pixel_dtype: Literal["uint8", "uint16", "float32"] | None = None,
    return_index: bool = False,
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    augment_alike: bool = True,
    validation_split: float | None = None,
    subset: str | None = None,
    augment_validation: bool = False,
    stratify: bool = False,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    validate_filenames: bool = True,
    augment_on: Literal["host", "device"] = "host",
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
    exclude: Exclude = None,
    on_error: Literal["raise", "skip", "replace"] = "raise",
    drop_remainder: bool = False,
) -> ImageDataset | list[ImageDataset]:
    """Read the images that a data frame lists, with labels of any kind.

    Images, order and splits are those of `image_dataset_from_directory` where the rows are its
    files in sorted order. The frame is read once and not changed. Arguments of that function are
    described there in full.

    Args:
        dataframe: a pandas data frame, one row for each image.
        directory: the folder that file names count from; None for the working directory.
        x_col: the column of the file names: strings, paths, or bytes where they are not UTF-8. A
            list of columns gives a tuple of images in place of one, and a dict from names to
            columns a dict, for models with several inputs. Then `file_paths`, splits, folds and
            messages go by the first column; a row is broken, or left out by `exclude`, if any of
            its files is.
        y_col: the column of the labels. With "raw" also a list of columns; with "multi_output" a
            list of columns, or a dict from the names of outputs to columns. Cells of numbers may
            be lists of them, all of one shape.
        weight_col: the column of the sample weights, which follow the labels; None for none.
        label_mode: of class names, "int" int32[B], "categorical" float32[B, K] (cells that list
            several names have several ones) or "binary" float32[B, 1]; of numbers, "raw" for an
            array, "multi_output" for a tuple or a dict of arrays; of file names, "mask" for
            images of class numbers uint8[B, H, W, 1], moved as the images are; "input" for the
            images as they are yielded, whatever `y_col` is; None for no labels.
        class_names: the classes in the order of their labels; None takes those in the column,
            sorted. As a dict, from classes to lists of the names that count as each.
        color_mode: "rgb", "rgba" or "grayscale", or a whole number of channels as stored.
        batch_size: images per batch; None yields single images.
        image_size: (height, width) in pixels, or one number for both; None for each image's own.
        shuffle: whether every epoch is shuffled, as a whole.
        seed: in [0, 2**32); None draws one from NumPy's global stream, once.
        interpolation: a method of `tf.image.resize`.
        crop_to_aspect_ratio: whether to crop the centre to the target's aspect ratio.
        pad_to_aspect_ratio: whether to pad with zeros to it.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        verbose: whether to print how many files were found.
        augmentation: what is done to every image at random; None for nothing.
        rescale: factor for every value, after the augmentation.
        antialias: whether shrinking averages over all pixels that are lost.
        output_dtype: "uint8" or "uint16" (rounded), "float16", "bfloat16" or "float32"; None for
            what Keras yields.
        pixel_dtype: type that values are read in: "uint8", "uint16" or, as they are stored,
            "float32"; None for what `output_dtype` needs.
        return_index: whether int64[B], the position of each file in `file_paths`, is added last.
        shard: (i, n): part i of n of every epoch, for n readers; "auto" for this process among
            those that train together.
        balance: "oversample", "undersample", a dict from names or numbers of classes to weights, or
            None: how often an epoch reads the images of each class.
        views: how many views of each image an element has, every one drawn by itself, as a tuple in
            place of the images.
        augment_alike: whether the images of a row are augmented by the same draws, as those of two
            cameras or of one place at two times must be; False for each by its own, those of the
            first column as without the others.
        validation_split: fraction of the rows: the last ones, after a shuffle by `seed`, but with
            `stratify`.
        subset: "training", "validation" or "both"; with `test_split` also "test" or "all".
        augment_validation: whether validation subsets are augmented.
        stratify: whether the split takes the fraction of every class, in the order of a hash of
            each row's path; rows are of one class where not every cell of `y_col` has one. Paths
            are as in the frame, those below `directory` without it, so that the parts are those of
            `image_dataset_from_directory`. All rows of a file are in one part, and count once.
        test_split: fraction of the rows for a test, beside `validation_split`.
        fold: (i, k), fold i of k in place of `validation_split`, by the hashes of `stratify`.
        validate_filenames: whether to look for all files first, about a second for a quarter of a
            million.
        augment_on: "host", or "device" for `catdog_data.layers.AugmentAndRescale` to do geometry.
        cache: where decoded images are kept: "memory", "disk" or a folder; None to decode them in
            every epoch.
        decode: "exact", or "fast" for large JPEGs to be decoded at a fraction of their size.
        ram_budget: bytes that batches ahead may take; None for an eighth of the free memory.
        exclude: files whose rows are left out, named from `directory` on.
        on_error: "raise", "skip" or "replace": what is done about files that cannot be read. Rows
            are left out, or become copies of the row of a neighbour: of the nearest good file, in
            the order of names, of the same class where every cell of `y_col` has one. Missing files
            count among them, and are not looked for first.
        drop_remainder: whether the last batch of an epoch is left out if it is short.

    Returns:
        An `ImageDataset`, which is a `tf.data.Dataset`, of images, (images, labels) or (images,
        labels, weights) and, last, the index; with subset="both" or "all" a list. It has
        `class_names` (None without classes) and `file_paths`; `resume(epoch, step)` makes the
        dataset that begins there, and `follow(position)` one that asks `position()` for both
        whenever a pass begins.

    Raises:
        ValueError: a value that is not among those named, a column that the frame lacks or that
            does not hold what it must, or no rows.
        FileNotFoundError: files are missing.

    Example:
        >>> import tempfile
        >>> import pandas as pd
        >>> from catdog_data import generate_sample_set
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets", train_per_class=2, image_size=(48, 64), progress=False
        ...     )
        ...     frame = pd.DataFrame(
        ...         {
        ...             "filename": ["cats/cat.0.jpg", "dogs/dog.0.jpg", "dogs/dog.1.jpg"],
        ...             "class": ["cat", "dog", "dog"],
        ...         }
        ...     )
        ...     dataset = image_dataset_from_dataframe(
        ...         frame, pets.train, image_size=(32, 32), shuffle=False
        ...     )
        ...     images, labels = next(iter(dataset))
        Found 3 files belonging to 2 classes.
        >>> images.shape, labels.numpy().tolist(), dataset.class_names
        (TensorShape([3, 32, 32, 3]), [0, 1, 1], ['cat', 'dog'])
    """
    columns = ImageColumns.of(x_col)
    reading = checked_reading_of_any_size(
        image_size,
        color_mode,
        interpolation,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        antialias,
        decode,
        pixel_dtype=checked_pixel_dtype(pixel_dtype, output_dtype, rescale),
        cache=cache,
        augment_on=augment_on,
        augmentation=augmentation,
        label_mode="mask" if isinstance(label_mode, str) and label_mode == "mask" else None,
        x_col=x_col if columns.are_several else None,
    )
    one_of("label_mode", label_mode, _LABEL_MODES)
    one_of("augment_on", augment_on, ("host", "device"))
    check_booleans(
        shuffle=shuffle,
        verbose=verbose,
        return_index=return_index,
        augment_validation=augment_validation,
        stratify=stratify,
        validate_filenames=validate_filenames,
        augment_alike=augment_alike,
        drop_remainder=drop_remainder,
    )
    is_input = label_mode == "input"
    check_input_labels(is_input, augment_on=augment_on)
    classes = checked_class_names(class_names)
    directory = "" if directory is None else checked_path("directory", directory)
    data_format = checked_data_format(data_format)
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
    on_device, has_masks = augment_on == "device", label_mode == "mask"
    check_views(views, augmentation, on_device=on_device, has_masks=has_masks)
    columns.check_together(
        views=views,
        alike=augment_alike,
        augmentation=augmentation,
        on_device=on_device,
        has_masks=has_masks,
    )
    guard = OnError(on_error)
    if weight_col is not None and label_mode is None:
        raise ValueError(
            "`weight_col` needs labels, which come before the weights; received "
            f"label_mode=None, weight_col={weight_col!r}."
        )

    if exclude is not None:
        dataframe = rows_without(dataframe, directory, columns.keys, exclude)
    names, labels, class_of_row = _labels(dataframe, y_col, label_mode, classes)
    weights = None if weight_col is None else weights_in(dataframe, weight_col)
    paths, *others = (file_paths_in(dataframe, directory, key, "x_col") for key in columns.keys)
    masks = file_paths_in(dataframe, directory, y_col, "y_col") if has_masks else None
    warn_of_jpegs("y_col", masks or ())
    if validate_filenames and on_error == "raise":
        for key, each in zip(columns.keys, (paths, *others), strict=True):
            check_files_exist(each, key, "x_col")
        check_files_exist(masks or (), y_col, "y_col")
    seed = seed_or_drawn(seed)

    output = Output(rescale, output_dtype, data_format, return_index, is_input)
    epochs = Epochs(
        batch_size,
        shuffle,
        seed,
        shard,
        augmentation,
        on_device,
        balance=balance,
        views=views,
        alike=bool(augment_alike),
        drop_remainder=drop_remainder,
    )
    images = image_set_of_files(
        LabelledFiles(paths, class_of_row, names),
        reading,
        directory,
        labels=_of_rows(labels),
        weights=_of_rows(None if weights is None else gatherer(tf.constant(weights))),
        classes=lambda part: part.labels,
        class_names=names,
        masks=None if masks is None else lambda part: [masks[row] for row in part.rows],
        others=_of_columns(others) if columns.are_several else None,
        names=columns.names,
    )
    split = Split(
        validation_split,
        subset,
        test_split=test_split,
        fold=fold,
        root=directory,
        stratify=stratify,
        shuffle_seed=seed if shuffle else None,
        augment_validation=augment_validation,
    )
    tell = print_found if verbose else None
    datasets = datasets_of(images, epochs, output, split, guard, cache, ram_budget, tell)
    return split.chosen(datasets)


def _of_columns(
    columns: Sequence[Sequence[str]],
) -> Callable[[LabelledFiles], list[list[str]]]:
    """Make what lists, of columns with a file for each row, the files of a part."""
    return lambda part: [[column[row] for row in part.rows] for column in columns]


def _of_rows(of_rows: LabelsOf | None) -> Callable[[LabelledFiles], LabelsOf] | None:
    """Make what makes, of a function of row numbers, one of the positions in a part."""
    if of_rows is None:
        return None

    def of_part(part: LabelledFiles) -> LabelsOf:
        rows = tf.constant(part.rows, tf.int32)
        return lambda index: of_rows(tf.gather(rows, index))

    return of_part


def _labels(
    frame: Any, y_col: Any, label_mode: str | None, groups: ClassGroups | None
) -> tuple[tuple[str, ...] | None, LabelsOf | None, NDArray[np.int32] | None]:
    """Make the class names, the function from row numbers to labels, and the class of each row.

    Each is None where there is none.
    """
    if label_mode in _OF_CLASSES:
        classes = classes_in(frame, y_col, str(label_mode), groups)
        of_rows = classes.labels if set(classes.lengths) == {1} else None
        return classes.names, _labels_of_classes(classes, str(label_mode)), of_rows
    if groups is not None:
        raise ValueError(
            f"`class_names` goes with label_mode {', '.join(map(repr, _OF_CLASSES))}; received "
            f"label_mode={label_mode!r}, class_names={list(groups.names)!r}."
        )
    if label_mode in ("mask", "input", None):
        return None, None, None
    if label_mode == "raw":
        return None, gatherer(tf.constant(numbers_in(frame, y_col, "y_col"))), None
    if isinstance(y_col, Mapping):
        outputs = {name: numbers_in(frame, key, "y_col") for name, key in y_col.items()}
        return None, gatherer(tf.nest.map_structure(tf.constant, outputs)), None
    if not isinstance(y_col, list):
        raise ValueError(
            '`y_col` must be a list of columns, or a dict of them, with label_mode="multi_output"; '
            f"received {y_col!r}."
        )
    columns = tuple(tf.constant(numbers_in(frame, key, "y_col")) for key in y_col)
    return None, gatherer(columns), None


def _labels_of_classes(classes: ClassCells, label_mode: str) -> LabelsOf:
    if label_mode == "binary":
        return gatherer(tf.constant(classes.labels[:, np.newaxis], tf.float32))
    if label_mode == "int":
        return gatherer(tf.constant(classes.labels))
    rows = tf.RaggedTensor.from_row_lengths(classes.labels, classes.lengths)

    def multi_hot(index: tf.Tensor) -> tf.Tensor:
        chosen = tf.gather(rows, index).to_tensor(-1)  # one-hot rows of -1 are zeros
        hot = tf.one_hot(chosen, len(classes.names), on_value=True, off_value=False, dtype=tf.bool)
        return tf.cast(tf.reduce_any(hot, axis=1), tf.float32)

    return multi_hot
