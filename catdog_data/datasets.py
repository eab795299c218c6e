"""The tf.data API: image datasets that are fast as they are and the same at any parallelism."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.geometry import geometry_of
from catdog_data.counter_plan import CounterPlan, parameters
from catdog_data.decode import read_as_keras_dataset
from catdog_data.pipeline import image_batches
from catdog_data.pixels import Pixels, RowsOfFiles, WholeImages
from catdog_data.render import Rendering
from catdog_data.resize import resize_as_keras, tensorflow_nearest_table
from catdog_data.sources.labelled_files import (
    LabelledFiles,
    check_split,
    list_labelled_files,
    split_files,
    split_files_stratified,
)

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_INTERPOLATIONS = (
    *("bilinear", "nearest", "bicubic", "area"),
    *("lanczos3", "lanczos5", "gaussian", "mitchellcubic"),
)
_LABEL_MODES = ("int", "categorical", "binary", None)
_OUTPUT_DTYPES = ("uint8", "float16", "bfloat16", "float32")


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
    *,
    augmentation: Augmentation | None = None,
    augment_validation: bool = False,
    rescale: float | None = None,
    antialias: bool = False,
    output_dtype: str | None = None,
    return_index: bool = False,
    stratify: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> Any:
    """Read images from a directory: a superset of `keras.utils.image_dataset_from_directory`.

    Files, labels and splits are Keras', and so are the pixels where nothing is augmented. Every
    pass over the dataset is one epoch; with `shuffle` each has an order of its own, of all images
    and not of a buffer. What an image looks like depends on (seed, epoch, image) alone, not on
    threads, batch size or shard. Reading is parallel and prefetched; no further `map`, `cache` or
    `prefetch` is needed.

    Args:
        directory: the folder that holds the class folders, or images alone with `labels=None`.
        labels: "inferred" from the folders, None, or one integer for each file in sorted order.
        label_mode: "int" int32[B], "categorical" float32[B, K], "binary" float32[B, 1], or None.
        class_names: the class folders in the order of their labels; None takes all, sorted.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: images per batch; None yields single images.
        image_size: (height, width) in pixels, or one number for both.
        shuffle: whether every epoch has an order of its own.
        seed: in [0, 2**32); None draws one from NumPy's global stream, once.
        validation_split: fraction of the files, strictly between 0 and 1.
        subset: "training", "validation" or "both".
        interpolation: a method of `tf.image.resize`.
        follow_links: whether to enter folders that are symbolic links.
        crop_to_aspect_ratio: whether to crop the centre to the target's aspect ratio.
        pad_to_aspect_ratio: whether to pad with zeros to it.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        verbose: whether to print how many files were found.
        augmentation: what is done to every image at random. Validation subsets are not augmented.
        augment_validation: whether they are, after all.
        rescale: factor for every value, after the augmentation.
        antialias: whether shrinking averages over all pixels that are lost; Keras does not.
        output_dtype: "uint8" (rounded), "float16", "bfloat16" or "float32"; None for what Keras
            yields: float32, or uint8 for "nearest" where values are not touched.
        return_index: whether int64[B], the position of each file in `file_paths`, is added last.
        stratify: whether the split takes the fraction of every class, by a hash of each file's
            name: adding files moves no other from one subset to the other.
        shard: (i, n): part i of n of every epoch, for n readers that keep step with each other.

    Returns:
        A `tf.data.Dataset` of images, (images, labels) and, last, the index; with subset="both" a
        list of two. Its cardinality is known. `class_names` and `file_paths` are attributes of it,
        and `resume(epoch, step)` makes the dataset that begins there.

    Raises:
        ValueError: a value that is not among those named, or no images.
        FileNotFoundError: the directory is missing.
    """
    size = _checked_size(image_size)
    checked = _Reading(
        image_size=size,
        channels=_one_of("color_mode", color_mode, _CHANNELS) and _CHANNELS[color_mode],
        interpolation=_one_of("interpolation", interpolation.lower(), _INTERPOLATIONS),
        crop=crop_to_aspect_ratio,
        pad=pad_to_aspect_ratio,
        antialias=antialias,
    )
    _one_of("label_mode", label_mode, _LABEL_MODES)
    if output_dtype is not None:
        _one_of("output_dtype", output_dtype, _OUTPUT_DTYPES)
    if labels is None or label_mode is None:
        labels = label_mode = None
    data_format = data_format or keras.config.image_data_format()
    _one_of("data_format", data_format, ("channels_last", "channels_first"))
    check_split(validation_split, subset, shuffle=shuffle and not stratify, seed=seed)
    _check_numbers(batch_size, seed)
    if seed is None:
        seed = int(np.random.randint(10**6))
    files = list_labelled_files(
        directory,
        labels=labels,
        class_names=class_names,
        follow_links=follow_links,
        shuffle=shuffle,
        seed=seed,
    )
    if label_mode == "binary" and len(files.class_names or ()) != 2:
        raise ValueError(
            '`label_mode="binary"` needs exactly 2 classes; received '
            f"class_names={files.class_names!r}."
        )
    if verbose:
        classes = f" belonging to {len(files.class_names)} classes" if files.class_names else ""
        print(f"Found {len(files)} files{classes}.")
    parts: Any = files
    if validation_split:
        if stratify:
            parts = split_files_stratified(
                files, validation_split, subset, root=os.fspath(directory)
            )
        else:
            parts = split_files(files, validation_split, subset)

    def dataset_of(part: LabelledFiles, is_validation: bool) -> tf.data.Dataset:
        return _dataset_of_files(
            part,
            checked,
            _Epochs(
                batch_size=batch_size,
                shuffle=shuffle and not (is_validation and subset == "both"),
                seed=seed,
                shard=shard,
                augmentation=augmentation if augment_validation or not is_validation else None,
            ),
            _Output(
                label_mode=label_mode,
                rescale=rescale,
                dtype=output_dtype,
                data_format=data_format,
                return_index=return_index,
            ),
        )

    if verbose and subset:
        names = ("training", "validation") if subset == "both" else (subset,)
        for name, part in zip(names, parts if subset == "both" else (parts,), strict=True):
            print(f"Using {len(part)} files for {name}.")
    if subset == "both":
        training, validation = parts
        return [dataset_of(training, False), dataset_of(validation, True)]
    return dataset_of(parts, subset == "validation")


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

    Returns:
        A `tf.data.Dataset` as from there; it has no `class_names` and no `file_paths`.

    Raises:
        ValueError: images that have not four axes, or labels of another length.
    """
    if np.ndim(images) != 4:
        raise ValueError(f"`images` must have four axes [N, H, W, C]; received {images.shape}.")
    for column in tf.nest.flatten(labels):
        if column is not None and len(column) != len(images):
            raise ValueError(
                f"`labels` must have one entry for each of the {len(images)} images; received "
                f"{len(column)}."
            )
    if output_dtype is not None:
        _one_of("output_dtype", output_dtype, _OUTPUT_DTYPES)
    _check_numbers(batch_size, seed)
    if seed is None:
        seed = int(np.random.randint(10**6))
    shape = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
    dtype = images.dtype.name

    def load(index: tf.Tensor) -> tf.Tensor:
        # Not a constant of the graph: that would copy the array.
        return tf.numpy_function(lambda i: images[int(i)], [index], dtype, stateful=False)

    epochs = _Epochs(batch_size, shuffle, seed, shard, augmentation)
    output = _Output("given", rescale, output_dtype, "channels_last", return_index)
    pixels = WholeImages(load, shape, dtype)
    columns = None if labels is None else tf.nest.map_structure(tf.constant, labels)
    labels_of = None if columns is None else _gatherer(columns)
    return _dataset(pixels, dtype, shape[:2], len(images), epochs, output, labels_of)


@dataclass(frozen=True)
class _Reading:
    """How files become pixels."""

    image_size: tuple[int, int]
    channels: int
    interpolation: str
    crop: bool
    pad: bool
    antialias: bool

    def __post_init__(self) -> None:
        if self.crop and self.pad:
            raise ValueError(
                "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be set to True; "
                "received both."
            )

    @property
    def dtype(self) -> str:
        """What `tf.image.resize` returns."""
        return "uint8" if self.interpolation == "nearest" else "float32"

    def pixels(self, file_paths: Sequence[str]) -> Pixels:
        """Make the source of the pixels of these files."""
        if self.dtype == "uint8" and self.channels == 3 and not (self.crop or self.pad):
            return RowsOfFiles(
                file_paths,
                self.image_size,
                lambda path: read_as_keras_dataset(path, 3),
                tensorflow_nearest_table,
            )
        paths = tf.constant(list(file_paths))

        def load(index: tf.Tensor) -> tf.Tensor:
            image = read_as_keras_dataset(tf.gather(paths, index), self.channels)
            resized = resize_as_keras(
                image,
                self.image_size,
                self.interpolation,
                crop=self.crop,
                pad=self.pad,
                antialias=self.antialias,
            )
            return tf.cast(resized, self.dtype)

        return WholeImages(load, (*self.image_size, self.channels), self.dtype)


@dataclass(frozen=True)
class _Epochs:
    """Which images are read when, and what is drawn for each."""

    batch_size: int | None
    shuffle: bool
    seed: int
    shard: tuple[int, int]
    augmentation: Augmentation | None


@dataclass(frozen=True)
class _Output:
    """What the elements of a dataset look like."""

    label_mode: str | None
    rescale: float | None
    dtype: str | None
    data_format: str
    return_index: bool


def _dataset_of_files(
    files: LabelledFiles, reading: _Reading, epochs: _Epochs, output: _Output
) -> Any:
    labels_of = None
    if output.label_mode is not None:
        labels_of = _labels_of(files, output.label_mode)
    dataset = _dataset(
        reading.pixels(files.file_paths),
        reading.dtype,
        reading.image_size,
        len(files),
        epochs,
        output,
        labels_of,
        {
            "class_names": None if files.class_names is None else list(files.class_names),
            "file_paths": list(files.file_paths),
        },
    )
    return dataset


_LabelsOf = Callable[[tf.Tensor], Any]


def _labels_of(files: LabelledFiles, label_mode: str) -> _LabelsOf:
    labels = tf.constant(files.labels)
    classes = len(files.class_names or ())

    def gather(index: tf.Tensor) -> tf.Tensor:
        chosen = tf.gather(labels, index)
        if label_mode == "binary":
            return tf.cast(chosen, tf.float32)[:, tf.newaxis]
        return tf.one_hot(chosen, classes) if label_mode == "categorical" else chosen

    return gather


def _gatherer(columns: Any) -> _LabelsOf:
    return lambda index: tf.nest.map_structure(lambda column: tf.gather(column, index), columns)


def _dataset(
    pixels: Pixels,
    pixel_dtype: str,
    image_size: tuple[int, int],
    n: int,
    epochs: _Epochs,
    output: _Output,
    labels_of: _LabelsOf | None,
    attributes: Mapping[str, Any] | None = None,
) -> Any:
    """Put plan, pixels and rendering together; make it start anywhere."""
    plan = CounterPlan(
        n=n,
        batch_size=epochs.batch_size or min(n, 32),
        shuffle=epochs.shuffle,
        seed=epochs.seed,
        shard=epochs.shard,
    )
    augmentation = epochs.augmentation or Augmentation()
    rendering = _rendering(augmentation, image_size, pixel_dtype, output)

    def finish(index: tf.Tensor, images: tf.Tensor) -> Any:
        if output.data_format == "channels_first":
            images = tf.transpose(images, [0, 3, 1, 2])
        element = (images,) if labels_of is None else (images, labels_of(index))
        element = (*element, index) if output.return_index else element
        return element if len(element) > 1 else element[0]

    def planned(*drawn: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if not drawn:
            nothing = tf.zeros([plan.batch_size, 0], tf.float64)
            return nothing, nothing
        rows = parameters(drawn[0], augmentation)
        return geometry_of(rows, image_size), rows[:, 8:]

    draws = rendering.warps or rendering.changes_colours

    def starting_at(epoch: int, step: int) -> Any:
        if epoch < 0 or not 0 <= step < plan.steps:
            raise ValueError(
                f"`resume` needs an epoch from 0 and a step in [0, {plan.steps}); received "
                f"epoch={epoch!r}, step={step!r}."
            )
        orders = _orders(plan, _passes(epoch, step), draws=draws)
        dataset = image_batches(orders, planned, pixels, rendering, plan.batch_size, finish)
        if epochs.batch_size is None:
            dataset = dataset.unbatch()
        if step == 0:  # Else the first pass is shorter than the others.
            count = plan.images if epochs.batch_size is None else plan.steps
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
        for name, value in {**(attributes or {}), "resume": starting_at}.items():
            setattr(dataset, name, value)
        return dataset

    return starting_at(0, 0)


def _passes(epoch: int, step: int) -> Callable[[], Iterator[NDArray[np.int64]]]:
    """Make the function that tells each pass over a dataset where it begins."""
    begins = _begins(epoch, step)

    def pass_begins() -> Iterator[NDArray[np.int64]]:
        yield next(begins)

    return pass_begins


def _begins(epoch: int, step: int) -> Iterator[NDArray[np.int64]]:
    while True:
        yield np.array([epoch, step], np.int64)
        epoch, step = epoch + 1, 0


def _orders(
    plan: CounterPlan, passes: Callable[[], Iterator[NDArray[np.int64]]], *, draws: bool
) -> tf.data.Dataset:
    """Name the images of every batch of a pass, and what each draws."""
    start = tf.data.Dataset.from_generator(passes, output_signature=tf.TensorSpec([2], tf.int64))

    def order(epoch: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        index = plan.batch(epoch, step)
        if not draws:
            return (index,)
        drawn = tf.map_fn(lambda i: plan.draws(epoch, i), index, fn_output_signature=tf.float64)
        return index, drawn

    return start.flat_map(
        lambda begin: tf.data.Dataset.range(begin[1], plan.steps).map(
            lambda step: order(begin[0], step), num_parallel_calls=2
        )
    )


def _rendering(
    augmentation: Augmentation, image_size: tuple[int, int], pixel_dtype: str, output: _Output
) -> Rendering:
    touched = augmentation.moves_pixels or augmentation.recolours or output.rescale
    untouched_dtype = "float32" if touched or augmentation.channel_shift else pixel_dtype
    return Rendering(
        image_size=image_size,
        warps=augmentation.moves_pixels or augmentation.flips,
        fill_mode=augmentation.fill_mode,
        cval=augmentation.fill_value,
        # Mirroring alone moves whole pixels, which the cheaper order does exactly.
        order=int(augmentation.interpolation == "bilinear" and augmentation.moves_pixels),
        shifts_channels=bool(augmentation.channel_shift),
        recolours=augmentation.recolours,
        rescale=output.rescale,
        output_dtype=output.dtype or untouched_dtype,
    )


def _one_of(name: str, value: Any, known: Any) -> Any:
    if value not in known:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, known))}; received {value!r}."
        )
    return value


def _checked_size(image_size: Any) -> tuple[int, int]:
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    is_pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not is_pair or any(int(side) != side or side < 1 for side in size):
        raise ValueError(
            "`image_size` must be (height, width) in whole pixels, each at least 1; received "
            f"{image_size!r}."
        )
    return int(size[0]), int(size[1])


def _check_numbers(batch_size: int | None, seed: int | None) -> None:
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"`batch_size` must be None or at least 1; received {batch_size!r}.")
    if seed is not None and not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be None or in [0, 2**32); received {seed!r}.")
