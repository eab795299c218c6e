"""Image files with their labels, listed by the rules of `keras.utils.image_dataset_from_directory`.

Three of its rules differ from ImageDataGenerator's: class folders whose name begins with a dot
are passed over, GIF is an image and PPM and TIFF are not, and a shuffle is part of the listing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Real
from operator import index
from pathlib import Path
from types import NoneType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.hash_order import order_by_hash
from catdog_data.sources.walk import entries_of, is_folder, walk

KERAS_DATASET_EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
"""Endings that image_dataset_from_directory lists, in any case."""

Labels = Literal["inferred"] | Sequence[float] | None


@dataclass(frozen=True, eq=False)
class LabelledFiles:
    """Image files and their labels, in the order they are read when nothing is shuffled.

    Args:
        file_paths: N paths, each the listed directory joined with the file's place in it.
        labels: int32[N], positions in `class_names`, or the numbers of the caller's list, where
            those are floats as float32[N]; None without labels.
        class_names: Keras' `dataset.class_names`: the class folders, a folder without images
            included; for a list of labels the values that occur, sorted, as strings; None
            without labels.
    """

    file_paths: tuple[str, ...]
    labels: NDArray[Any] | None
    class_names: tuple[str, ...] | None

    def __post_init__(self) -> None:
        if self.labels is None:
            return
        if len(self.file_paths) != len(self.labels):
            raise ValueError(
                "`file_paths` and `labels` must be of one length; "
                f"received {len(self.file_paths)} and {len(self.labels)}."
            )
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.file_paths)

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> LabelledFiles:
        """Keep some of the files.

        Args:
            rows: positions of the files to keep, in their new order.

        Returns:
            Those files, of the same classes.

        Raises:
            IndexError: a row is outside of the list.
        """
        chosen = np.asarray(rows, dtype=np.intp)
        return LabelledFiles(
            file_paths=tuple(self.file_paths[row] for row in chosen.tolist()),
            labels=None if self.labels is None else self.labels[chosen],
            class_names=self.class_names,
        )


def list_labelled_files(
    directory: str | os.PathLike[str],
    *,
    labels: Labels | NDArray[Any] = "inferred",
    class_names: Sequence[str] | None = None,
    follow_links: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    extensions: tuple[str, ...] = KERAS_DATASET_EXTENSIONS,
) -> LabelledFiles:
    """List image files and their labels as image_dataset_from_directory does.

    Before the shuffle, class follows class, folders are sorted by their path and files by their
    name, as plain strings. Class folders are listed at once, each in a thread.

    Args:
        directory: a local folder.
        labels: "inferred" labels each file by its class folder, a folder directly in
            `directory` whose name does not begin with a dot. None, or a list, tuple or array of
            numbers, one for each file in sorted order, takes every file at any depth, folders
            that begin with a dot included.
        class_names: the class folders to list, all or some, in the order of their labels. With
            labels other than "inferred" it must be None: those of a list are its values, sorted
            as numbers, as strings. So a label is not a position in them: [7, 3] stays [7, 3],
            with the class names ("3", "7").
        follow_links: whether to enter folders that are symbolic links. A class folder may be
            one in any case.
        shuffle: whether to shuffle all files, across classes.
        seed: of the shuffle. None draws one from NumPy's global stream, as Keras does.
        extensions: endings of the files to list, in lower case, with their dot.

    Returns:
        The files, at least one.

    Raises:
        FileNotFoundError: labels are inferred and the directory is missing.
        NotADirectoryError: labels are inferred and the directory is a file.
        OSError: a folder cannot be listed; Keras leaves its images out in silence.
        ValueError: `labels` or `class_names` break the rules above, or there is no image.
    """
    chosen = checked_labels(labels)
    _check_names_go_with(chosen, class_names)
    root = os.fspath(directory)
    names = _class_folders(root, class_names) if chosen == "inferred" else ("",)
    exists = Path(root).is_dir()
    listings = _list_folders(root, names, extensions, follow_links) if exists else []
    if not any(listings):
        raise ValueError(_no_image(root, names, extensions))
    files = _label(listings, names, chosen, root)
    if not shuffle:
        return files
    if seed is None:
        seed = np.random.randint(1_000_000)
    # Keras shuffles the paths and the labels, each by a stream of this seed: one permutation.
    return files.take(np.random.RandomState(seed).permutation(len(files)))


def checked_labels(labels: Any) -> Labels:
    """Return labels that `list_labelled_files` takes, those of an array as a list.

    Raises:
        ValueError: something else.
    """
    if labels is None:
        return None
    if isinstance(labels, str) and labels == "inferred":
        return "inferred"
    if isinstance(labels, np.ndarray) and labels.ndim == 1:
        labels = labels.tolist()
    if not isinstance(labels, (list, tuple)):
        raise ValueError(
            '`labels` argument should be "inferred", None, or a list, tuple or array of numbers, '
            f"one for each image; received {_shortened(labels)}."
        )
    return labels


def check_split(
    validation_split: float | None,
    subset: str | None,
    *,
    shuffle: bool = False,
    seed: int | None = None,
) -> None:
    """Refuse what image_dataset_from_directory refuses of the arguments of a split.

    Args:
        validation_split: fraction of the files for validation; None or 0 for no split.
        subset: "training", "validation" or "both"; None for no split.
        shuffle: whether the files are shuffled before they are split.
        seed: of that shuffle.

    Raises:
        TypeError: the fraction is no number.
        ValueError: the fraction is not between 0 and 1, the subset is unknown, only one of them
            is given, or a shuffle has no seed.
    """
    given: object = validation_split
    if given is not None and not isinstance(given, Real):
        raise TypeError(
            "`validation_split` must be a number between 0 and 1; "
            f"received {validation_split!r}. Give 0.2 to keep a fifth for validation."
        )
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(
            "`validation_split` must be between 0 and 1, both excluded; "
            f"received {validation_split!r}. Give the fraction of the files for validation."
        )
    known = ("training", "validation", "both", None)
    if not isinstance(subset, (str, NoneType)) or subset not in known:
        raise ValueError(
            '`subset` must be either "training", "validation" or "both", or None; '
            f"received {subset!r}. Name the part to read."
        )
    if bool(validation_split) != bool(subset):
        raise ValueError(
            "If `subset` is set, `validation_split` must be set, and inversely; received "
            f"validation_split={validation_split!r}, subset={subset!r}. Give both, or neither."
        )
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` "
            f"argument, or two calls overlap; received seed=None, shuffle={shuffle!r}. Give a "
            'whole number, shuffle=False, or subset="both".'
        )


def split_files(
    files: LabelledFiles, validation_split: float | None, subset: str | None
) -> LabelledFiles | tuple[LabelledFiles, LabelledFiles]:
    """Split by position: the last `int(validation_split * N)` of N files are for validation.

    Of files in sorted order those are all of the last class, so shuffle when they are listed, or
    use `split_files_stratified`.

    Args:
        files: the files to split.
        validation_split: fraction for validation, between 0 and 1; None or 0 for no split.
        subset: the part to return; None for no split.

    Returns:
        The part; for "both", training and validation; without a split, all files.

    Raises:
        TypeError: the fraction is no number.
        ValueError: see `check_split`; or the fraction is less than one file, of which Keras would
            make no training files, and all files validation files.
    """
    check_split(validation_split, subset)
    if not validation_split:
        return files
    border = len(files) - int(validation_split * len(files))
    return _parts(files, np.arange(len(files)) >= border, validation_split, subset)


def split_files_stratified(
    files: LabelledFiles,
    validation_split: float | None,
    subset: str | None,
    *,
    root: str | os.PathLike[str],
) -> LabelledFiles | tuple[LabelledFiles, LabelledFiles]:
    """Split every class by the names of its files: the same fraction of each.

    The n files of a class are ordered by a hash of their path below `root`, and the first
    `round(validation_split * n)` of them are for validation: at least one where n is 2 or more,
    and never all. Files without labels are one class. The order of `files`, seeds and machines
    have no say in it.

    A file that is added or taken away moves at most one other to the other part: one of its own
    class, at the border of the two. Of n files whose class grows, however far, about
    `sqrt(validation_split * (1 - validation_split) * n)` move in all, 13 of 1,000 at a fifth.

    Args:
        files: the files to split.
        validation_split: fraction for validation, between 0 and 1; None or 0 for no split.
        subset: the part to return; None for no split.
        root: the folder that all files are below, as a rule the listed directory.

    Returns:
        The part, in the order of `files`; for "both", training and validation; without a
        split, all files.

    Raises:
        TypeError: the fraction is no number.
        ValueError: see `check_split`; or a file is not below `root`; or there is no validation
            file, as every class has one file alone.
    """
    check_split(validation_split, subset)
    if not validation_split:
        return files
    names = _relative_names(files.file_paths, os.fspath(root))
    labels = [0] * len(names) if files.labels is None else files.labels.tolist()
    # A class that is named twice is listed twice: both copies of a file are for one part.
    classes: dict[int, dict[str, None]] = {}
    for name, label in zip(names, labels, strict=True):
        classes.setdefault(label, {})[name] = None
    held_back = {label: _held_back(list(own), validation_split) for label, own in classes.items()}
    for_validation = np.array(
        [name in held_back[label] for name, label in zip(names, labels, strict=True)],
        dtype=np.bool_,
    )
    return _parts(files, for_validation, validation_split, subset)


def _check_names_go_with(labels: Labels, class_names: Sequence[str] | None) -> None:
    if isinstance(labels, str):
        return
    if class_names is not None:
        raise ValueError(
            'You can only pass `class_names` if `labels="inferred"`; received class_names='
            f"{class_names!r} with labels={_shortened(labels)}. Leave it out: a list of labels "
            "names its classes by its sorted values."
        )


def _shortened(labels: Labels) -> str:
    text = repr(labels)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _class_folders(root: str, class_names: Sequence[str] | None) -> tuple[str, ...]:
    folders = _visible_folders(root)
    if class_names is None:
        return folders
    known = set(folders)
    unknown = [name for name in class_names if name not in known]
    if unknown:
        raise ValueError(
            "The `class_names` passed did not match the names of the subdirectories of "
            f"{root!r} that do not begin with a dot; received {class_names!r}, of which it lacks "
            f"{', '.join(map(repr, unknown))}. Give "
            f"all or some of: {', '.join(map(repr, folders)) or 'none there'}."
        )
    return tuple(class_names)


def _visible_folders(root: str) -> tuple[str, ...]:
    try:
        names = sorted(entry.name for entry in entries_of(root) if is_folder(entry))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"`directory` must exist; {root!r} does not. Give a local folder that holds one "
            "folder of images per class."
        ) from error
    except NotADirectoryError as error:
        raise NotADirectoryError(
            f"`directory` must be a folder; {root!r} is a file. An archive is unpacked with "
            "`catdog_data.unpack`."
        ) from error
    return tuple(name for name in names if not name.startswith("."))


def _list_folders(
    root: str, names: tuple[str, ...], extensions: tuple[str, ...], follow_links: bool
) -> list[list[str]]:
    """List the images of each folder in `root`; "" is `root` itself."""
    folders = [os.path.join(root, name) for name in names]  # noqa: PTH118 (keeps "./")
    with ThreadPoolExecutor(max_workers=min(32, max(1, len(folders)))) as pool:
        return list(pool.map(lambda each: _list_images(each, extensions, follow_links), folders))


def _list_images(folder: str, extensions: tuple[str, ...], follow_links: bool) -> list[str]:
    images: list[str] = []
    for below, names in sorted(walk(folder, follow_links=follow_links)):
        start = os.path.join(folder, below, "")  # noqa: PTH118 (strings)
        images += [start + name for name in sorted(names) if name.lower().endswith(extensions)]
    return images


def _no_image(root: str, names: tuple[str, ...], extensions: tuple[str, ...]) -> str:
    found = "No images found: "
    endings = f"files must end in one of {', '.join(extensions)}, in any case"
    if not Path(root).is_dir():
        state = "is a file" if Path(root).exists() else "does not exist"
        return f"{found}`directory` must be a local folder of images; {root!r} {state}."
    if names == ("",):
        return (
            f"{found}`directory` must hold an image at any depth; {root!r} holds none: {endings}."
        )
    if not names:
        return (
            f"{found}`directory` must hold one folder of images per class; {root!r} has none to "
            "list. Images that lie in it directly are read with labels=None."
        )
    return (
        f"{found}`directory` must hold an image in a class folder; {root!r} holds none in "
        f"{', '.join(map(repr, names))}: {endings}. Images that lie in it directly are read "
        "with labels=None."
    )


def _label(
    listings: list[list[str]],
    names: tuple[str, ...],
    labels: Labels,
    root: str,
) -> LabelledFiles:
    paths = tuple(path for listing in listings for path in listing)
    if labels is None:
        return LabelledFiles(paths, None, None)
    if not isinstance(labels, str):
        return _label_by_list(paths, labels, root)
    # A class that is named twice is listed twice, under its last position.
    positions = dict(zip(names, range(len(names)), strict=True))
    of_class = np.array([positions[name] for name in names], dtype=np.int32)
    return LabelledFiles(paths, np.repeat(of_class, [len(each) for each in listings]), names)


def _label_by_list(paths: tuple[str, ...], labels: Sequence[float], root: str) -> LabelledFiles:
    if len(labels) != len(paths):
        raise ValueError(
            "`labels` must match the number of files in the directory; received "
            f"{len(labels)} labels for the {len(paths)} images at any depth of {root!r}. List "
            "those with labels=None, shuffle=False, and label them in that order."
        )
    return LabelledFiles(paths, _numbers(labels), tuple(str(each) for each in sorted(set(labels))))


def _numbers(labels: Sequence[Any]) -> NDArray[Any]:
    """Make int32[N] of whole numbers, and the floats that Keras makes of others."""
    try:
        if any(isinstance(label, (float, np.floating)) for label in labels):
            # TensorFlow takes the type of the first, and doubles for Python's own numbers.
            dtype = np.float64 if isinstance(labels[0], np.float64) else np.float32
            numbers = np.array([_finite(label) for label in labels], dtype)
        else:
            numbers = np.array([index(label) for label in labels], np.int32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "`labels` must be whole numbers of 32 bits, or finite ones with fractions; received "
            f"{_shortened(labels)}: {error}. Names of classes are turned into their positions "
            "first."
        ) from error
    return numbers


def _finite(label: Any) -> float:
    if not isinstance(label, Real) or not math.isfinite(label):
        raise ValueError(f"{label!r} is no finite number")
    return float(label)


def _parts(
    files: LabelledFiles,
    for_validation: NDArray[np.bool_],
    validation_split: float,
    subset: str | None,
) -> LabelledFiles | tuple[LabelledFiles, LabelledFiles]:
    training = files.take(np.flatnonzero(~for_validation))
    validation = files.take(np.flatnonzero(for_validation))
    if not (len(training) and len(validation)):
        raise ValueError(
            f"`validation_split` must leave a file in each part; received {validation_split} "
            f"for {len(files)} files: {len(training)} for training, {len(validation)} for "
            "validation. Give another fraction, or more files."
        )
    if subset == "both":
        return training, validation
    return training if subset == "training" else validation


def _relative_names(paths: tuple[str, ...], root: str) -> list[str]:
    names = [os.path.relpath(path, root).replace(os.sep, "/") for path in paths]
    for path, name in zip(paths, names, strict=True):
        if name.startswith("../"):
            raise ValueError(
                f"`root` must be a folder that all files are below; received {root!r}, and "
                f"{path!r} is not below it. Give the directory that was listed."
            )
    return names


def _held_back(names: list[str], fraction: float) -> set[str]:
    """Choose the files of one class that are for validation."""
    count = min(max(round(fraction * len(names)), 1), len(names) - 1)
    return {names[place] for place in order_by_hash(names)[:count]}
