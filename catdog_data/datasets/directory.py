"""Datasets from directories of images."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.cache.cached import Cache
from catdog_data.datasets.balance import Balance, check_balance
from catdog_data.datasets.build import Epochs
from catdog_data.datasets.elements import LabelsOf, Output
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
from catdog_data.sources.exclude import Exclude
from catdog_data.sources.formats import checked_extensions
from catdog_data.sources.found import print_found
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.list_files import (
    KERAS_DATASET_EXTENSIONS,
    checked_labels,
    list_labelled_files,
)
from catdog_data.sources.masks import masks_beside
from catdog_data.sources.split_arguments import check_split
from catdog_data.system.messages import some_of

_LABEL_MODES = ("int", "categorical", "binary", "input", None)


@overload
def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: ClassNames = None,
    color_mode: str | int = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] | None = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    *,
    subset: Literal["both", "all"],
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: Literal["tf"] = "tf",
    verbose: bool = True,
    augmentation: Augmentation | None = None,
    augment_validation: bool = False,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    pixel_dtype: Literal["uint8", "uint16", "float32"] | None = None,
    return_index: bool = False,
    stratify: bool = False,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    augment_on: Literal["host", "device"] = "host",
    masks: str | os.PathLike[str] | None = None,
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
    exclude: Exclude = None,
    on_error: Literal["raise", "skip", "replace"] = "raise",
    drop_remainder: bool = False,
    extensions: Sequence[str] | None = None,
) -> list[ImageDataset]: ...


@overload
def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: ClassNames = None,
    color_mode: str | int = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] | None = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: Literal["training", "validation", "test"] | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: Literal["tf"] = "tf",
    verbose: bool = True,
    *,
    augmentation: Augmentation | None = None,
    augment_validation: bool = False,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    pixel_dtype: Literal["uint8", "uint16", "float32"] | None = None,
    return_index: bool = False,
    stratify: bool = False,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    augment_on: Literal["host", "device"] = "host",
    masks: str | os.PathLike[str] | None = None,
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
    exclude: Exclude = None,
    on_error: Literal["raise", "skip", "replace"] = "raise",
    drop_remainder: bool = False,
    extensions: Sequence[str] | None = None,
) -> ImageDataset: ...


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: ClassNames = None,
    color_mode: str | int = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] | None = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: Literal["tf"] = "tf",
    verbose: bool = True,
    *,
    augmentation: Augmentation | None = None,
    augment_validation: bool = False,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    pixel_dtype: Literal["uint8", "uint16", "float32"] | None = None,
    return_index: bool = False,
    stratify: bool = False,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    augment_on: Literal["host", "device"] = "host",
    masks: str | os.PathLike[str] | None = None,
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
    exclude: Exclude = None,
    on_error: Literal["raise", "skip", "replace"] = "raise",
    drop_remainder: bool = False,
    extensions: Sequence[str] | None = None,
) -> ImageDataset | list[ImageDataset]:
    """Read images from a directory: a superset of `keras.utils.image_dataset_from_directory`.

    Files, labels and splits are Keras', and so are the pixels where nothing is augmented. Every
    pass over the dataset is one epoch; with `shuffle` each has an order of its own, of all images
    and not of a buffer. What an image looks like depends on (seed, epoch, image) alone, not on
    threads, batch size or shard. Reading is parallel and prefetched; no further `map`, `cache` or
    `prefetch` is needed.

    Args:
        directory: the folder that holds the class folders, or images alone with `labels=None`.
        labels: "inferred" from the folders, None, or one number for each file in sorted order, as a
            list, tuple or array.
        label_mode: "int" int32[B] (float32[B] for `labels` of floats), "categorical"
            float32[B, K], "binary" float32[B, 1], "input" the images as they are yielded, or None.
            With "input", folders are classes to the split and to `balance` alone.
        class_names: the class folders in the order of their labels; None takes all, sorted. As a
            dict, from classes to lists of the folders that count as each: {"cat": ["cats",
            "kittens"], "dog": ["dogs"]}. Folders that are not named are not read.
        color_mode: "rgb", "rgba" or "grayscale", which colours are converted to; or a whole number
            of channels that every file must have, as 12 for satellite images, which are read as
            they are stored.
        batch_size: images per batch; None yields single images.
        image_size: (height, width) in pixels, or one number for both. None keeps each image's own:
            those of a batch are padded at the bottom and on the right, with zeros behind all else
            that is done, to the largest of them; with `batch_size` 1 or None none is. An image is
            augmented as if it were alone. Pixels are not touched by `interpolation` then; `cache`,
            `masks`, `antialias`, `decode="fast"`, an aspect ratio, `augment_on="device"`, `mixup`
            and `cutmix` are refused.
        shuffle: whether every epoch is shuffled, each differently and as a whole.
        seed: in [0, 2**32); None draws one from NumPy's global stream, once.
        validation_split: fraction of the files, strictly between 0 and 1.
        subset: "training", "validation" or "both"; with `test_split` also "test" or "all".
        interpolation: a method of `tf.image.resize`.
        follow_links: whether to enter folders that are symbolic links.
        crop_to_aspect_ratio: whether to crop the centre to the target's aspect ratio.
        pad_to_aspect_ratio: whether to pad with zeros to it.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        format: "tf", the one there is: a `tf.data.Dataset`.
        verbose: whether to print how many files were found, and which class folders hold none.
        augmentation: what is done to every image at random, after it is rounded to 8 bits; None
            for nothing. Validation subsets are not augmented.
        augment_validation: whether validation subsets are augmented as well.
        rescale: factor for every value, after the augmentation.
        antialias: whether shrinking averages over all pixels that are lost; Keras does not.
        output_dtype: "uint8" or "uint16" (rounded), "float16", "bfloat16" or "float32"; None for
            what Keras yields: float32, or `pixel_dtype` for "nearest" where values are not touched.
        pixel_dtype: type that values are read in. "uint8": 16 bits are scaled to 8, as by Keras.
            "uint16": from 0 to 65535, files of 16 bits as they are and white of 8 bits as white;
            an `augmentation` still means 255 by white. "float32": numbers as they are stored, not
            scaled. Images of the latter two are augmented in floats and not rounded. None for
            "uint16" where `output_dtype` is that, else "uint8".
        return_index: whether int64[B], the position of each file in `file_paths`, is added last.
        stratify: whether the split takes the fraction of every class, in the order of a hash of
            each file's name: at least one of two files or more, and never all. Without labels all
            files are one class. A file that is added moves at most one other, of its own class,
            from one subset to the other.
        test_split: fraction of the files that is neither trained nor validated on, beside
            `validation_split`, whose files stay the same: those before the last ones for
            validation, or with `stratify` those behind in the order of hashes, at least one of
            three files or more. They are never shuffled nor augmented.
        fold: (i, k) with 0 <= i < k: fold i of k in place of `validation_split`, for
            cross-validation. Its files are for validation and the others for training: those of
            all k are disjoint and complete, and differ by at most one file, with `stratify` in
            every class too. They go by the order of a hash of each file's name below `directory`,
            not by the seed, which need not be given. A file that is listed twice is in one fold.
        shard: (i, n): part i of n of every epoch, for n readers with equally many steps; "auto" for
            this process among those that train together, by `TF_CONFIG`, torch, JAX, or the
            variables of torchrun, Open MPI, PMI or srun. All need the same `seed`.
        balance: how often an epoch reads the images of each class, with `shuffle`; None for each
            image once. "oversample": of every class as many as the largest has; the copies of an
            image are augmented differently. "undersample": as many as the smallest has, others in
            every epoch. Or a dict from names or numbers of classes to weights: how often each of
            its images is read on average, 1 for classes that it lacks, such as
            `dataset.class_weights()`. Within an epoch, and over all from the first on, no image of
            a class is read more than once more than another. Validation subsets are not balanced.
        views: how many views of each image an element has, for contrastive learning: a tuple in
            place of the images. An image is decoded once, and each view is augmented by itself:
            the first is the image that it is with `views=1`. Where nothing is augmented, as in
            validation subsets by default, all views are equal. See the guide for what `fit` makes
            of tuples without labels.
        augment_on: "host", or "device" for `catdog_data.layers.AugmentAndRescale` to do geometry
            and rescaling: images are then a dictionary of 8-bit "images" and small "tables",
            validation included, and the host only decodes and resizes. Colours cannot change.
        masks: a folder with one image of class numbers for each file, under the same path but for
            the extension. They take the place of labels, uint8[B, H, W, 1], and are moved as the
            images are, to nearest pixels: no number is blended with another.
        cache: where images are kept once they are decoded and resized, which is then done before
            the first epoch: "memory", "disk" (a folder of this user's for caches) or a folder of
            your own; None to decode them in every epoch. The batches are the same. A file that
            changes is noticed the next time this function is called. As `InBackground(cache)`
            it is built by a thread, while the first epoch is read from the files.
        decode: "exact" for Keras' pixels; "fast" decodes a JPEG at a half, a quarter or an eighth
            of its size where that is still at least `image_size`. It pays for photographs several
            times as large, and is closer to an antialiased resize.
        ram_budget: bytes that finished batches and those being rendered may take together; None
            for an eighth of the memory that is free.
        exclude: files to leave out, as if they were not there: names as a sequence, or the path of
            a file with one a line, as `catdog-data verify --list` writes it. They count from
            `directory`; absolute ones outside of it are passed over. A list of `labels` has
            theirs, too. Names that are no files are warned of.
        on_error: what is done about files that cannot be read. "raise": see below. "skip": they are
            left out before anything is shuffled or split, as if they were not there. "replace":
            each becomes a second copy of its neighbour, the nearest good file of its class and
            subset in the order of names, so that number, order, steps and all other images stay.
            With either, all images that are not known yet are read once, when this function is
            called; what is found out is kept by their paths, sizes and times. `report()` of the
            dataset lists the broken files. In place of a file that breaks later a neighbour is
            read, or with "skip" its batch is shorter.
        drop_remainder: whether the last batch of an epoch, in every subset, is left out if it is
            short. All batches have `batch_size` images then, which `element_spec` says; a file
            that breaks later has a neighbour in its place.
        extensions: endings of the files to list, in any case, such as (".webp", ".tif", ".npy");
            None for Keras': bmp, gif, jpeg, jpg, png. Of other kinds of images it is printed how
            many were passed over. What a file is, its content says and not its name.

    Returns:
        An `ImageDataset`, which is a `tf.data.Dataset`, of images, (images, labels) or (images,
        masks) and, last, the index; with several `views`, images are a tuple of them. With
        subset="both" it is a list of two, with "all" of three. Its cardinality is known. It has
        `class_names` and `file_paths`; `resume(epoch, step)` makes the dataset that begins there,
        and `follow(position)` one that asks `position()` for both whenever a pass begins.

        With `on_error="raise"`, a file that cannot be read raises a `tf.errors.OpError` that names
        it where its batch is due, or its image with `batch_size=None`. The pass goes on behind it,
        and `dataset.ignore_errors()` leaves it out.

    Raises:
        ValueError: a value that is not among those named, labels outside of the classes, no
            images or fewer than the parts or folds, an ending that no reader knows, an `exclude` of
            which no name is a file, or no good file of a class where `on_error` looks for them.
        TypeError: `validation_split` or `test_split` is no number.
        FileNotFoundError: the directory or a mask is missing.
        OSError: `cache`, and an image cannot be read or the disk has not enough room.
        MemoryError: `cache`, and the memory is not enough.
        ImportError: TIFF files of several bands or more than 8 bits are read by tifffile, which is
            not installed.

    Example:
        >>> import tempfile
        >>> from catdog_data import Augmentation, generate_sample_set
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets", train_per_class=5, image_size=(48, 64), progress=False
        ...     )
        ...     training, validation = image_dataset_from_directory(
        ...         pets.train,
        ...         batch_size=4,
        ...         image_size=(32, 32),
        ...         seed=1,
        ...         validation_split=0.2,
        ...         subset="both",
        ...         augmentation=Augmentation(horizontal_flip=True),
        ...     )
        ...     images, labels = next(iter(training))
        Found 10 files belonging to 2 classes.
        Using 8 files for training.
        Using 2 files for validation.
        >>> images.shape, labels.shape, training.class_names
        (TensorShape([4, 32, 32, 3]), TensorShape([4]), ['cats', 'dogs'])

        Cross-validation, each image validated once, of a model for every fold:

        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets", train_per_class=5, image_size=(48, 64), progress=False
        ...     )
        ...     for i in range(3):
        ...         training, validation = image_dataset_from_directory(
        ...             pets.train, fold=(i, 3), subset="both", stratify=True, verbose=False
        ...         )
        ...         print(len(training.file_paths), len(validation.file_paths))
        6 4
        7 3
        7 3
    """
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
        masks=masks,
        augment_on=augment_on,
        augmentation=augmentation,
    )
    one_of("augment_on", augment_on, ("host", "device"))
    one_of("label_mode", label_mode, _LABEL_MODES)
    _check_format(format)
    check_booleans(
        shuffle=shuffle,
        follow_links=follow_links,
        verbose=verbose,
        augment_validation=augment_validation,
        return_index=return_index,
        stratify=stratify,
        drop_remainder=drop_remainder,
    )
    classes = checked_class_names(class_names)
    directory = checked_path("directory", directory)
    labels = checked_labels(labels)
    if masks is not None and labels is not None and not isinstance(labels, str):
        raise ValueError("`masks` take the place of labels; give `labels=None`, or no masks.")
    is_input = label_mode == "input"
    check_input_labels(is_input, augment_on=augment_on, masks=masks)
    if labels is None or label_mode is None or masks is not None:
        labels = label_mode = None
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
    on_device = augment_on == "device"
    check_views(views, augmentation, on_device=on_device, has_masks=masks is not None)
    guard = OnError(on_error)
    seed = seed_or_drawn(seed)

    files = list_labelled_files(
        directory,
        labels=labels,
        class_names=None if classes is None else list(classes.label_of),
        follow_links=follow_links,
        shuffle=False,
        extensions=checked_extensions(extensions) or KERAS_DATASET_EXTENSIONS,
        exclude=exclude,
        regular_only=guard.raises,
    )
    if classes is not None:
        files = classes.relabelled(files)
    _check_classes(files, label_mode)
    mask_of = None
    if masks is not None:
        masks = checked_path("masks", masks)
        mask_of = masks_beside(files.file_paths, directory, masks, regular_only=guard.raises)
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
        drop_remainder=drop_remainder,
    )
    is_inferred = isinstance(labels, str)  # the values of a list are no folders
    images = image_set_of_files(
        files,
        reading,
        directory,
        labels=_labels_as(None if is_input else label_mode),
        classes=_classes_of,
        class_names=files.class_names if is_inferred else None,
        masks=None if mask_of is None else lambda part: [mask_of[path] for path in part.file_paths],
    )
    split = Split(
        validation_split,
        subset,
        shuffle_seed=seed if shuffle else None,
        test_split=test_split,
        fold=fold,
        root=directory,
        stratify=stratify,
        augment_validation=augment_validation,
    )
    tell = functools.partial(print_found, empty_folders=is_inferred) if verbose else None
    datasets = datasets_of(images, epochs, output, split, guard, cache, ram_budget, tell)
    return split.chosen(datasets)


def _labels_as(label_mode: str | None) -> Callable[[LabelledFiles], LabelsOf] | None:
    return None if label_mode is None else functools.partial(_labels_of, label_mode=label_mode)


def _classes_of(files: LabelledFiles) -> NDArray[Any] | None:
    """Return the class of each file; None where labels are none, or no classes."""
    labels = files.labels
    return labels if labels is not None and labels.dtype.kind == "i" else None


def _check_format(given: Any) -> None:
    if isinstance(given, str) and given == "grain":
        raise ValueError(
            '`format` must be "tf"; received "grain", which Keras\' function of this name makes.'
        )
    one_of("format", given, ("tf",))


def _check_classes(files: LabelledFiles, label_mode: str | None) -> None:
    """Refuse labels that the mode cannot encode: Keras makes rows of zeros of them."""
    labels = files.labels
    if labels is None or label_mode in ("int", "input", None):
        return
    names = files.class_names or ()
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(
            f'`label_mode="binary"` needs exactly 2 classes; received class_names={names!r}.'
        )
    is_whole = labels.dtype.kind == "i"
    if label_mode == "categorical" and not (
        is_whole and 0 <= labels.min() <= labels.max() < len(names)
    ):
        raise ValueError(
            f"`labels` must be whole numbers from 0 to {len(names) - 1} with "
            f'label_mode="categorical", positions in the {len(names)} classes that occur; received '
            f'{some_of(names)}. Number the classes without gaps, or use label_mode="int".'
        )
    # -1 and 1 are the classes of hinge losses.
    if label_mode == "binary" and np.abs(labels).max() > 1:
        raise ValueError(
            '`labels` must be 0 and 1, or in [-1, 1], with label_mode="binary"; received '
            f"{some_of(names)}. Number the classes 0 and 1."
        )


def _labels_of(files: LabelledFiles, label_mode: str) -> LabelsOf:
    labels = tf.constant(files.labels)
    classes = len(files.class_names or ())

    def gather(index: tf.Tensor) -> tf.Tensor:
        chosen = tf.gather(labels, index)
        if label_mode == "binary":
            return tf.cast(chosen, tf.float32)[:, tf.newaxis]
        return tf.one_hot(chosen, classes) if label_mode == "categorical" else chosen

    return gather
