"""The records of TensorFlow Datasets, which is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any


def imported_tfds() -> Any:
    """Import tensorflow_datasets; an ImportError names the extra that installs it."""
    try:
        return import_module("tensorflow_datasets")
    except ImportError as error:
        raise ImportError(
            "`image_dataset_from_tfds` needs tensorflow_datasets, which cannot be imported "
            f"({error}). Install it with `pip install catdog[tfds]`."
        ) from error


def prepared_builder(tfds: Any, name_or_builder: Any, split: Any) -> Any:
    """Return a builder whose data were prepared.

    Args:
        tfds: of `imported_tfds`.
        name_or_builder: a builder, or the name of one for `tfds.builder`.
        split: what must be one split of it.

    Raises:
        ValueError: an unknown name, a builder without data, or what is not one split of it.
    """
    if split is None or isinstance(split, (list, tuple, dict, int, float)):
        raise ValueError(f"`split` must be one split, such as 'train'; received {split!r}.")
    builder = name_or_builder
    if isinstance(builder, str):
        try:
            builder = tfds.builder(builder)
        except tfds.core.DatasetNotFoundError as error:
            raise ValueError(
                "`name_or_builder` must be a name that `tfds.builder` knows; received "
                f"{name_or_builder!r}."
            ) from error
    if not isinstance(builder, tfds.core.DatasetBuilder):
        raise ValueError(
            "`name_or_builder` must be a `tfds.core.DatasetBuilder` or the name of one; received "
            f"{name_or_builder!r}."
        )
    if not builder.info.splits:
        raise ValueError(
            f"`name_or_builder`: the data of {builder.info.full_name!r} are not in "
            f"{str(builder.data_dir)!r}. Prepare them once, best for random access: "
            '`tfds.builder(name, file_format="array_record").download_and_prepare()`.'
        )
    if isinstance(split, str):
        try:
            builder.info.splits[split]
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"`split` must be one split of {', '.join(builder.info.splits)}, or a part of one; "
                f"received {split!r}: {error}"
            ) from error
    return builder


def image_keys(tfds: Any, features: Any) -> list[str]:
    """List the features that are images."""
    return [key for key, each in features.items() if isinstance(each, tfds.features.Image)]


class Records:
    """Encoded images and their labels, by index.

    The label of a record is kept when its image is read, which is before the batch is labelled:
    so nothing is read twice, and nothing ahead.

    Args:
        examples: N records.
        image_key: the key of their encoded image.
        label_key: the key of their label, or None.
    """

    def __init__(
        self, examples: Sequence[Mapping[str, Any]], image_key: str, label_key: str | None
    ) -> None:
        self._examples = examples
        self._image_key, self._label_key = image_key, label_key
        self._labels: list[Any] = [None] * len(examples)

    def __len__(self) -> int:
        return len(self._labels)

    def image(self, index: int) -> bytes:
        """Read the encoded image of a record."""
        example = self._examples[int(index)]
        if self._label_key is not None:
            self._labels[index] = example[self._label_key]
        contents: bytes = example[self._image_key]
        return contents

    def label(self, index: int) -> Any:
        """Return the label of a record."""
        if self._labels[index] is None:
            self.image(index)
        return self._labels[index]


def read_records(
    tfds: Any, builder: Any, split: Any, image_key: str, label_key: str | None
) -> Records:
    """Return the records of a split: from files with random access, or else from memory.

    Args:
        tfds: of `imported_tfds`.
        builder: of `prepared_builder`.
        split: one split of it.
        image_key: the feature that holds the images.
        label_key: the feature that holds the labels, or None.
    """
    skipped = {key: tfds.decode.SkipDecoding() for key in image_keys(tfds, builder.info.features)}
    if builder.info.file_format is not None:  # None for a folder of images
        try:
            source: Sequence[Mapping[str, Any]] = builder.as_data_source(split, decoders=skipped)
            return Records(source, image_key, label_key)
        except NotImplementedError:  # a format without random access
            pass
    in_order = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    dataset = builder.as_dataset(split=split, decoders=skipped, read_config=in_order)
    keys = [image_key] if label_key is None else [image_key, label_key]
    examples = [{key: example[key] for key in keys} for example in tfds.as_numpy(dataset)]
    return Records(examples, image_key, label_key)
