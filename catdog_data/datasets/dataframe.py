"""Datasets from the rows of a pandas data frame. pandas is not imported: the frame brings it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.cache.cached import Cache
from catdog_data.datasets.build import Epochs, build_dataset
from catdog_data.datasets.elements import LabelsOf, Output, gatherer
from catdog_data.datasets.options import (
    OUTPUT_DTYPES,
    check_booleans,
    check_numbers,
    check_shard,
    checked_class_names,
    checked_data_format,
    checked_path,
    one_of,
    seed_or_drawn,
)
from catdog_data.datasets.reading import checked_reading
from catdog_data.datasets.splits import say_what_was_found, subsets_of, with_epochs
from catdog_data.sources.existing_files import existing_files
from catdog_data.sources.labelled_files import LabelledFiles, check_split
from catdog_data.sources.masks import warn_of_jpegs
from catdog_data.system.messages import some_of

_OF_CLASSES = ("int", "categorical", "binary")
_LABEL_MODES = (*_OF_CLASSES, "raw", "multi_output", "mask", None)


def image_dataset_from_dataframe(
    dataframe: Any,
    directory: str | os.PathLike[str] | None = None,
    x_col: Hashable = "filename",
    y_col: Any = "class",
    weight_col: Hashable | None = None,
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
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
    return_index: bool = False,
    shard: tuple[int, int] = (0, 1),
    validation_split: float | None = None,
    subset: str | None = None,
    augment_validation: bool = False,
    validate_filenames: bool = True,
    augment_on: Literal["host", "device"] = "host",
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
) -> Any:
    """Read the images that a data frame lists, with labels of any kind.

    Images, order and splits are those of `image_dataset_from_directory` where the rows are its
    files in sorted order. The frame is read once and not changed.

    Args:
        dataframe: a pandas data frame, one row for each image.
        directory: the folder that file names count from; None for the working directory.
        x_col: the column of the file names: strings, paths, or bytes where they are not UTF-8.
        y_col: the column of the labels. With "raw" also a list of columns; with "multi_output" a
            list of columns, or a dict from the names of outputs to columns. Cells of numbers may
            be lists of them, all of one shape.
        weight_col: the column of the sample weights, which follow the labels; None for none.
        label_mode: of class names, "int" int32[B], "categorical" float32[B, K] (cells that list
            several names have several ones) or "binary" float32[B, 1]; of numbers, "raw" for an
            array, "multi_output" for a tuple or a dict of arrays; of file names, "mask" for
            images of class numbers uint8[B, H, W, 1], moved as the images are; None for no labels.
        class_names: the classes in the order of their labels; None takes those in the column,
            sorted.
        color_mode: see `image_dataset_from_directory`, as for all that are not described here.
        batch_size: see there.
        image_size: see there.
        shuffle: see there.
        seed: see there.
        interpolation: see there.
        crop_to_aspect_ratio: see there.
        pad_to_aspect_ratio: see there.
        data_format: see there.
        verbose: see there.
        augmentation: see there.
        rescale: see there.
        antialias: see there.
        output_dtype: see there.
        return_index: see there.
        shard: see there.
        validation_split: fraction of the rows: the last ones, after a shuffle by `seed`.
        subset: "training", "validation" or "both".
        augment_validation: see there.
        validate_filenames: whether to look for all files first, about a second for a quarter of a
            million.
        augment_on: see there.
        cache: see there.
        decode: see there.
        ram_budget: see there.

    Returns:
        A `tf.data.Dataset` of images, (images, labels) or (images, labels, weights) and, last, the
        index; with subset="both" a list of two. `class_names` (None without classes), `file_paths`
        are attributes of it; `resume(epoch, step)` makes the dataset that begins there, and
        `follow(position)` one that asks `position()` for both whenever a pass begins.

    Raises:
        ValueError: a value that is not among those named, a column that the frame lacks or that
            does not hold what it must, or no rows.
        FileNotFoundError: files are missing.
    """
    reading = checked_reading(
        image_size,
        color_mode,
        interpolation,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        antialias,
        decode,
    )
    one_of("label_mode", label_mode, _LABEL_MODES)
    one_of("output_dtype", output_dtype, OUTPUT_DTYPES)
    one_of("augment_on", augment_on, ("host", "device"))
    check_booleans(
        shuffle=shuffle,
        verbose=verbose,
        return_index=return_index,
        augment_validation=augment_validation,
        validate_filenames=validate_filenames,
    )
    class_names = checked_class_names(class_names)
    directory = "" if directory is None else checked_path("directory", directory)
    data_format = checked_data_format(data_format)
    check_split(validation_split, subset, shuffle=shuffle, seed=seed)
    check_numbers(batch_size, seed, ram_budget)
    check_shard(shard)
    if weight_col is not None and label_mode is None:
        raise ValueError(
            "`weight_col` needs labels, which come before the weights; received "
            f"label_mode=None, weight_col={weight_col!r}."
        )
    names, labels = _labels(dataframe, y_col, label_mode, class_names)
    weights = None if weight_col is None else _weights(dataframe, weight_col)
    paths = _file_paths(dataframe, directory, x_col, "x_col")
    masks = _file_paths(dataframe, directory, y_col, "y_col") if label_mode == "mask" else None
    warn_of_jpegs("y_col", masks or ())
    if validate_filenames:
        _check_existing(paths, x_col, "x_col")
        _check_existing(masks or (), y_col, "y_col")
    seed = seed_or_drawn(seed)
    # Row numbers go where the labels of files would, so that splits are those of a directory.
    files = LabelledFiles(paths, np.arange(len(paths), dtype=np.int32), names)
    if shuffle:
        files = files.take(np.random.RandomState(seed).permutation(len(files)))
    parts = subsets_of(files, validation_split, subset, None)
    if verbose:
        say_what_was_found(files, parts)
    output = Output(rescale, output_dtype, data_format, return_index)
    whole = Epochs(batch_size, shuffle, seed, shard, augmentation, augment_on == "device")
    datasets = []
    for part, epochs in with_epochs(parts, whole, augment_validation=augment_validation):
        source = reading.source(part.file_paths, epochs, output, cache)
        if masks is not None and (numbers := part.labels) is not None:
            source = replace(source, masks=reading.masks([masks[row] for row in numbers], cache))
        dataset = build_dataset(
            source,
            epochs,
            output,
            None if labels is None else _of_rows(part, labels),
            None if weights is None else _of_rows(part, gatherer(tf.constant(weights))),
            ram_budget=ram_budget,
            attributes={
                "class_names": None if names is None else list(names),
                "file_paths": list(part.file_paths),
            },
        )
        datasets.append(dataset)
    return datasets if subset == "both" else datasets[0]


def _of_rows(part: LabelledFiles, of_rows: LabelsOf) -> LabelsOf:
    """Turn a function of row numbers into one of the positions in a part."""
    rows = tf.constant(part.labels)
    return lambda index: of_rows(tf.gather(rows, index))


def _labels(
    frame: Any, y_col: Any, label_mode: str | None, class_names: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, LabelsOf | None]:
    """Make the class names, if there are any, and the function from row numbers to labels."""
    if label_mode in _OF_CLASSES:
        return _classes(frame, y_col, str(label_mode), class_names)
    if class_names is not None:
        raise ValueError(
            f"`class_names` goes with label_mode {', '.join(map(repr, _OF_CLASSES))}; received "
            f"label_mode={label_mode!r}, class_names={class_names!r}."
        )
    if label_mode in ("mask", None):
        return None, None
    if label_mode == "raw":
        return None, gatherer(tf.constant(_numbers(frame, y_col, "y_col")))
    if isinstance(y_col, Mapping):
        outputs = {name: _numbers(frame, key, "y_col") for name, key in y_col.items()}
        return None, gatherer(tf.nest.map_structure(tf.constant, outputs))
    if not isinstance(y_col, list):
        raise ValueError(
            '`y_col` must be a list of columns, or a dict of them, with label_mode="multi_output"; '
            f"received {y_col!r}."
        )
    return None, gatherer(tuple(tf.constant(_numbers(frame, key, "y_col")) for key in y_col))


def _classes(
    frame: Any, y_col: Any, label_mode: str, class_names: Sequence[str] | None
) -> tuple[tuple[str, ...], LabelsOf]:
    cells = [_names_in(cell, y_col, label_mode) for cell in _column(frame, y_col, "y_col").tolist()]
    found = {name for cell in cells for name in cell}
    names = tuple(sorted(found) if class_names is None else class_names)
    position = {name: i for i, name in enumerate(names)}
    if len(position) != len(names):
        raise ValueError(f"`class_names` must differ from each other; received {names!r}.")
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(
            f'`label_mode="binary"` needs exactly 2 classes; received class_names={names!r}.'
        )
    if lacking := sorted(found - position.keys()):
        raise ValueError(
            f"`class_names` must name every class in the column {y_col!r}; received {names!r}, "
            f"which lacks {some_of(lacking)}. To leave classes out, leave out their rows."
        )
    flat = np.array([position[name] for cell in cells for name in cell], np.int32)
    if label_mode != "categorical":
        return names, _numbered(flat, label_mode)
    return names, _multi_hot(flat, [len(cell) for cell in cells], len(names))


def _names_in(cell: Any, y_col: Any, label_mode: str) -> list[str]:
    """List the class names in a cell."""
    several = label_mode == "categorical" and isinstance(cell, (list, tuple, set, np.ndarray))
    names = list(cell) if several else [cell]
    if all(isinstance(name, str) for name in names):
        return names
    kinds = "a class name or a list of them" if label_mode == "categorical" else "a class name"
    raise ValueError(
        f"`y_col`: every cell of the column {y_col!r} must be {kinds} (strings) with "
        f'label_mode={label_mode!r}; received {cell!r}. Numbers are labels with label_mode="raw", '
        "and names after `.astype(str)`; several names need "
        'label_mode="categorical"; rows without a label are left out with `.dropna`.'
    )


def _numbered(positions: NDArray[np.int32], label_mode: str) -> LabelsOf:
    if label_mode == "binary":
        return gatherer(tf.constant(positions[:, np.newaxis], tf.float32))
    return gatherer(tf.constant(positions))


def _multi_hot(positions: NDArray[np.int32], lengths: list[int], classes: int) -> LabelsOf:
    rows = tf.RaggedTensor.from_row_lengths(positions, lengths)

    def gather(index: tf.Tensor) -> tf.Tensor:
        chosen = tf.gather(rows, index).to_tensor(-1)  # -1 has no place in a one-hot row
        hot = tf.one_hot(chosen, classes, on_value=True, off_value=False, dtype=tf.bool)
        return tf.cast(tf.reduce_any(hot, axis=1), tf.float32)

    return gather


def _numbers(frame: Any, key: Any, argument: str) -> NDArray[Any]:
    """Return the numbers of a column, or of a list of columns side by side, as an array."""
    if isinstance(key, list):
        if not key:
            raise ValueError(f"`{argument}` must name at least one column; received [].")
        columns = [_numbers(frame, name, argument) for name in key]
        return np.stack(columns, axis=1)
    column = _column(frame, key, argument)
    try:
        numbers = np.array(column.tolist() if column.dtype.kind == "O" else column.to_numpy())
    except ValueError:  # lists of several lengths
        numbers = np.array(None)
    if numbers.dtype.kind not in "biuf":
        raise ValueError(
            f"`{argument}`: the column {key!r} must hold numbers, or lists of them of one shape; "
            f"it holds {some_of(column.tolist())}."
        )
    return numbers


def _weights(frame: Any, key: Hashable) -> NDArray[Any]:
    weights = _numbers(frame, key, "weight_col")
    if weights.ndim != 1:
        raise ValueError(f"`weight_col` must be one column of single numbers; received {key!r}.")
    return weights


def _column(frame: Any, key: Any, argument: str) -> Any:
    """Return one column of a frame; refuse by the name of its argument what is not one."""
    if not hasattr(frame, "columns"):
        raise ValueError(f"`dataframe` must be a pandas data frame; received {frame!r}.")
    if not isinstance(key, Hashable) or key not in frame.columns:
        raise ValueError(
            f"`{argument}` must name a column of the data frame; received {key!r}. It has "
            f"{', '.join(map(repr, frame.columns))}."
        )
    column = frame[key]
    if column.ndim != 1:
        raise ValueError(
            f"`{argument}` must name one column; {key!r} names {column.shape[1]} of the data frame."
        )
    return column


def _file_paths(frame: Any, directory: str, key: Hashable, argument: str) -> tuple[str, ...]:
    names = _column(frame, key, argument).tolist()
    if not names:
        raise ValueError("`dataframe` must have at least one row; received none.")
    if strangers := [name for name in names if not isinstance(name, (str, bytes, os.PathLike))]:
        raise ValueError(
            f"`{argument}`: every cell of the column {key!r} must be a file name; it holds "
            f"{some_of(strangers)}."
        )
    # Columns of pandas' own strings hold names that are not UTF-8 as bytes only.
    return tuple(os.path.join(directory, os.fsdecode(name)) for name in names)  # noqa: PTH118


def _check_existing(paths: Sequence[str], key: Hashable, argument: str) -> None:
    existing = existing_files(paths)
    if missing := [path for path in paths if path not in existing]:
        raise FileNotFoundError(
            f"`{argument}`: {len(missing)} of {len(paths)} files in the column {key!r} are "
            f"missing: {some_of(missing)}. Leave out their rows, or correct `directory`; "
            "`validate_filenames=False` skips this check."
        )
