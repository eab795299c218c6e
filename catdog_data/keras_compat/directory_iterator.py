"""Images from one folder per class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from catdog_data.cache.cached import Cache
from catdog_data.keras_compat.files_iterator import FilesIterator, joined
from catdog_data.keras_compat.iterator import print_or_log
from catdog_data.keras_compat.protocol import Generator
from catdog_data.sources.exclude import Exclude
from catdog_data.sources.image_index import ImageIndex
from catdog_data.sources.keras_folders import index_class_folders
from catdog_data.system.messages import some_of

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


def _check_named_once(classes: Sequence[str] | None) -> None:
    counts = Counter(() if classes is None else classes)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            f"`classes` must name each class folder once, or it has no one label; {twice[0]!r} is "
            "there more than once. Leave the repetitions out."
        )


def _passed_over(ignored: Mapping[str, int]) -> str:
    """Say how many files were left out, and because of which extensions."""
    kinds = ", ".join(f"{_shown(name)} {count}" for name, count in sorted(ignored.items()))
    return f"Passed over {sum(ignored.values())} files by their extension: {kinds}."


def _no_image(subset: str | None, directory: str, split: tuple[float, float] | None) -> str:
    holds_none = f"`subset={subset!r}` of {directory!r} holds no image: "
    if split is None or split[1] == 0:
        return (
            f"{holds_none}the `ImageDataGenerator` was given no `validation_split`. Give it one, "
            "such as 0.2."
        )
    return (
        f"{holds_none}every class has too few for a part of it from {split[0]:g} to {split[1]:g}. "
        "Give another `validation_split`, or more images."
    )


def _shown(extension: str) -> str:
    """Return an extension that can be printed, whatever bytes it has."""
    return extension.encode(errors="backslashreplace").decode() or "none"


class DirectoryIterator(FilesIterator):
    """Yield batches of images from one folder per class, as Keras' class of this name does.

    Arguments: see `ImageDataGenerator.flow_from_directory`.

    Example:
        >>> import tempfile
        >>> from catdog_data import ImageDataGenerator, generate_sample_set
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets", train_per_class=2, image_size=(48, 64), progress=False
        ...     )
        ...     batches = DirectoryIterator(
        ...         pets.train, ImageDataGenerator(), target_size=(32, 32), batch_size=4
        ...     )
        ...     images, labels = next(batches)
        Found 4 images belonging to 2 classes.
        >>> images.shape, labels.shape
        ((4, 32, 32, 3), (4, 2))
    """

    allowed_class_modes = frozenset(_CLASS_MODES)

    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: Generator | None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = None,
        extra_formats: Sequence[str] = (),
        cache: Cache = None,
        exclude: Exclude = None,
        on_error: str = "raise",
    ) -> None:
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            save_to_dir,
            save_prefix,
            save_format,
            subset,
            interpolation,
            keep_aspect_ratio,
            on_error,
        )
        self.directory = directory
        if class_mode not in _CLASS_MODES:
            raise ValueError(
                f"Invalid class_mode: {class_mode}; expected one of: "
                f"{', '.join(map(repr, _CLASS_MODES))}."
            )
        self.class_mode = class_mode
        _check_named_once(classes)
        self.dtype = dtype or keras.config.floatx()

        self.allow_formats(extra_formats)
        self.cache = cache
        index = index_class_folders(
            directory,
            classes,
            extensions=self.white_list_formats,
            follow_links=follow_links,
            exclude=exclude,
            regular_only=self._on_error.raises,
        )
        empty = set(range(index.num_classes)).difference(index.labels.tolist())
        if self._on_error.skips:
            index = self._readable(index)
        if self.split is not None:
            index = index.class_fraction(*self.split)
        if not len(index):
            raise ValueError(_no_image(subset, os.fspath(directory), self.split))
        if self._on_error.replaces:
            index = self._readable(index)
        self.num_classes = index.num_classes
        self.class_indices = {name: i for i, name in enumerate(index.class_names)}
        self.filenames = list(index.filenames)
        self.classes = np.array(index.labels)
        self.samples = len(index)
        self._filepaths = joined(index.root, index.filenames)
        print_or_log(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        if index.ignored:
            print_or_log(_passed_over(index.ignored))
        if empty:
            names = [index.class_names[number] for number in sorted(empty)]
            print_or_log(f"Class folders without images: {some_of(names)}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _readable(self, index: ImageIndex) -> ImageIndex:
        filepaths = joined(index.root, index.filenames)
        return index.take(
            self._rows_to_read(filepaths, index.labels, index.class_names, index.root)
        )

    @property
    def filepaths(self) -> list[str]:
        """The N files, in the order of `filenames`."""
        return self._filepaths

    @property
    def labels(self) -> NDArray[np.int32]:
        """int32[N], the class of each file."""
        return self.classes

    @property
    def sample_weight(self) -> None:
        """Files of a directory have no weights."""
        return
