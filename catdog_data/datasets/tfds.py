"""Datasets from TensorFlow Datasets."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.cache.cached import Cache, CacheOfListing
from catdog_data.datasets.balance import Balance, check_balance
from catdog_data.datasets.build import Epochs, Source
from catdog_data.datasets.elements import LabelsOf, Output
from catdog_data.datasets.image_dataset import ImageDataset
from catdog_data.datasets.image_set import ImageSet, datasets_of
from catdog_data.datasets.options import (
    Shard,
    check_booleans,
    check_input_labels,
    check_numbers,
    checked_shard,
    one_of,
    seed_or_drawn,
)
from catdog_data.datasets.own_size import checked_reading_of_any_size
from catdog_data.datasets.pixel_types import checked_pixel_dtype
from catdog_data.datasets.splits import Split
from catdog_data.datasets.views import check_views
from catdog_data.readable.on_error import OnError
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.tfds_records import (
    Records,
    image_keys,
    imported_tfds,
    prepared_builder,
    read_records,
)

_LABEL_MODES = ("raw", "int", "categorical", "binary", "input")


def image_dataset_from_tfds(
    name_or_builder: Any,
    split: Any,
    label_key: str | None = "label",
    color_mode: str | int = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] | None = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    *,
    image_key: str = "image",
    label_mode: str = "raw",
    augmentation: Augmentation | None = None,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    pixel_dtype: Literal["uint8", "uint16", "float32"] | None = None,
    return_index: bool = False,
    shard: Shard = (0, 1),
    balance: Balance = None,
    views: int = 1,
    augment_on: Literal["host", "device"] = "host",
    cache: Cache = None,
    decode: Literal["exact", "fast"] = "exact",
    ram_budget: int | None = None,
    on_error: Literal["raise", "skip", "replace"] = "raise",
    drop_remainder: bool = False,
) -> ImageDataset:
    """Read a split of TensorFlow Datasets: the batches that its image files would give.

    The encoded images are taken as they are stored, and decoded and resized as by
    `image_dataset_from_directory`. Data prepared in a format with random access
    (`file_format="array_record"`) are read image by image. **Of any other format the encoded
    images of the whole split are read into memory, once**, when this function is called. Arguments
    of `image_dataset_from_directory` are described there in full.

    Args:
        name_or_builder: a `tfds.core.DatasetBuilder`, or the name of one for `tfds.builder`. Its
            data must have been prepared; nothing is downloaded.
        split: one split, as "train" or "train[:80%]".
        label_key: the feature that holds the labels, numbers of one shape; None for images alone.
        color_mode: "rgb", "rgba" or "grayscale", or a whole number of channels as stored.
        batch_size: images per batch; None yields single images.
        image_size: (height, width) in pixels, or one number for both; None for each image's own.
        shuffle: whether every epoch is shuffled, as a whole.
        seed: in [0, 2**32); None draws one from NumPy's global stream, once.
        interpolation: a method of `tf.image.resize`.
        crop_to_aspect_ratio: whether to crop the centre to the target's aspect ratio.
        pad_to_aspect_ratio: whether to pad with zeros to it.
        image_key: the feature that holds the images.
        label_mode: "raw" as they are stored; of classes, "int" int32[B], "categorical"
            float32[B, K] or "binary" float32[B, 1]; "input" for the images as they are yielded.
        augmentation: what is done to every image at random; None for nothing.
        rescale: factor for every value, after the augmentation.
        antialias: whether shrinking averages over all pixels that are lost.
        output_dtype: "uint8" or "uint16" (rounded), "float16", "bfloat16" or "float32"; None for
            what Keras yields.
        pixel_dtype: type that values are read in: "uint8", "uint16" or, as they are stored,
            "float32"; None for what `output_dtype` needs.
        return_index: whether int64[B], the position of each image in the split, is added last; with
            `on_error="skip"`, among those that can be read.
        shard: (i, n): part i of n of every epoch, for n readers; "auto" for this process among
            those that train together.
        balance: "oversample", "undersample", a dict from names or numbers of classes to weights, or
            None: how often an epoch reads the images of each class.
        views: how many views of each image an element has, every one drawn by itself, as a tuple in
            place of the images.
        augment_on: "host", or "device" for `catdog_data.layers.AugmentAndRescale` to do geometry.
        cache: where decoded images are kept: "memory", "disk" or a folder; None to decode them in
            every epoch. The data are known by the builder's version, folder and split.
        decode: "exact", or "fast" for large JPEGs to be decoded at a fraction of their size.
        ram_budget: bytes that batches ahead may take; None for an eighth of the free memory.
        on_error: "raise", "skip" or "replace": what is done about images that cannot be decoded.
        drop_remainder: whether the last batch of an epoch is left out if it is short.

    Returns:
        An `ImageDataset` as from there, its labels of the type of the feature (int64 for classes).
        It has `class_names` (None if the feature has none) and `split`; its `file_paths` are empty.

    Raises:
        ImportError: tensorflow_datasets is not installed.
        ValueError: a value that is not among those named, a feature that the data lack, or data
            that were not prepared.

    Example:
        >>> import tempfile
        >>> import tensorflow_datasets as tfds
        >>> from catdog_data import generate_sample_set
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets", train_per_class=2, image_size=(48, 64), progress=False
        ...     )
        ...     builder = tfds.ImageFolder(f"{root}/pets")
        ...     dataset = image_dataset_from_tfds(builder, "train", image_size=32, seed=1)
        ...     images, labels = next(iter(dataset))
        >>> images.shape, sorted(labels.numpy().tolist()), dataset.class_names
        (TensorShape([4, 32, 32, 3]), [0, 0, 1, 1], ['cats', 'dogs'])
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
        augment_on=augment_on,
        augmentation=augmentation,
    )
    one_of("augment_on", augment_on, ("host", "device"))
    check_booleans(shuffle=shuffle, return_index=return_index, drop_remainder=drop_remainder)
    check_numbers(batch_size, seed, ram_budget)
    shard = checked_shard(shard, seed)
    check_balance(balance, shuffle=shuffle)
    on_device = augment_on == "device"
    check_views(views, augmentation, on_device=on_device)
    one_of("label_mode", label_mode, _LABEL_MODES)
    seed = seed_or_drawn(seed)
    guard = OnError(on_error)
    is_input = label_mode == "input"
    check_input_labels(is_input, augment_on=augment_on)
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
    output = Output(rescale, output_dtype, "channels_last", return_index, is_input)
    tfds = imported_tfds()
    builder = prepared_builder(tfds, name_or_builder, split)
    label = _checked_label(tfds, builder.info.features, image_key, label_key)
    if label_mode not in ("raw", "input"):
        _check_classes(label, label_key, label_mode)
    records = read_records(tfds, builder, split, image_key, label_key)
    names = getattr(label, "names", None)
    origin = f"{builder.info.full_name} {builder.data_dir} {split} {image_key}"
    record_names = tuple(f"{origin} {i:09d}" for i in range(len(records)))

    def source(
        part: LabelledFiles, epochs: Epochs, output: Output, cache: Cache | CacheOfListing
    ) -> Source:
        rows = part.rows

        def image_of(index: tf.Tensor) -> tf.Tensor:
            contents = tf.numpy_function(
                lambda i: records.image(int(rows[i])), [index], tf.string, stateful=False
            )
            return reading.decoded_in_turn(tf.ensure_shape(contents, []))

        return reading.source_of_images(image_of, part.file_paths, epochs, output, cache)

    def classes(part: LabelledFiles) -> NDArray[Any] | None:
        if names is None or label.shape:
            return None
        return np.array([records.label(row) for row in part.rows])

    images = ImageSet(
        LabelledFiles(record_names, None, None if names is None else tuple(names)),
        source,
        None
        if label is None or is_input
        else lambda part: _labels_of(records, part.rows, label, label_mode),
        classes=classes,
        class_names=names,
        settings=reading.settings(origin),
        cached_as=reading.cached_as(),
        are_files=False,
        split=str(split),
    )
    return datasets_of(images, epochs, output, Split(), guard, cache, ram_budget)[0]


def _labels_of(records: Records, rows: NDArray[np.intp], label: Any, label_mode: str) -> LabelsOf:
    dtype, shape = np.dtype(label.np_dtype), label.shape

    def read(index: NDArray[np.int64]) -> NDArray[Any]:
        labels = np.array([records.label(row) for row in rows[index]], dtype)
        if label_mode in ("categorical", "binary") and (unknown := _unknown(labels, label)).size:
            raise ValueError(
                f"`label_mode={label_mode!r}` needs labels from 0 to {label.num_classes - 1}; "
                f"image {index[unknown[0]]} of the split has {labels[unknown[0]]}, as in splits "
                'whose labels are kept secret. Take them as they are, with `label_mode="raw"`.'
            )
        return labels

    def labels_of(index: tf.Tensor) -> tf.Tensor:
        labels = tf.numpy_function(read, [index], dtype, stateful=False)
        labels = tf.ensure_shape(labels, [None, *shape])
        if label_mode == "categorical":
            return tf.one_hot(labels, label.num_classes)
        if label_mode == "binary":
            return tf.cast(labels, tf.float32)[:, tf.newaxis]
        return labels if label_mode == "raw" else tf.cast(labels, tf.int32)

    return labels_of


def _unknown(labels: NDArray[Any], label: Any) -> NDArray[np.int64]:
    """Find the labels that are no class."""
    return np.flatnonzero((labels < 0) | (labels >= label.num_classes))


def _checked_label(tfds: Any, features: Any, image_key: str, label_key: str | None) -> Any:
    """Return the feature of the labels, or None; refuse keys of features that do not fit."""
    one_of("image_key", image_key, image_keys(tfds, features))
    if label_key is None:
        return None
    label = features[one_of("label_key", label_key, list(features))]
    if getattr(label, "shape", None) is None or None in label.shape:
        raise ValueError(f"`label_key` must name a feature of one shape; {label_key!r} is {label}.")
    if np.dtype(label.np_dtype).kind not in "biuf":
        raise ValueError(f"`label_key` must name a feature of numbers; {label_key!r} is {label}.")
    return label


def _check_classes(label: Any, label_key: str | None, label_mode: str) -> None:
    classes = getattr(label, "num_classes", None)
    if classes is None or (label_mode == "binary" and classes != 2):
        needed = "2 classes" if label_mode == "binary" else "classes"
        raise ValueError(
            f"`label_mode={label_mode!r}` needs a feature of {needed}; {label_key!r} is {label}. "
            'Take the labels as they are stored, with `label_mode="raw"`.'
        )
