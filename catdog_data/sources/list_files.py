"""Image files listed by the rules of `keras.utils.image_dataset_from_directory`.

Three of its rules differ from ImageDataGenerator's: class folders whose name begins with a dot
are passed over, GIF is an image and PPM and TIFF are not, and a shuffle is part of the listing.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from numbers import Real
from operator import index
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.exclude import Exclude, rows_kept
from catdog_data.sources.formats import FORMATS, endings_of
from catdog_data.sources.found import images_passed_over
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.walk import entries_of, is_folder, walk
from catdog_data.system.special_files import check_none_is_special

KERAS_DATASET_EXTENSIONS = endings_of(each for each in FORMATS if each.in_datasets)
"""Endings that image_dataset_from_directory lists, in any case."""

Labels = Literal["inferred"] | Sequence[float] | None


@dataclass(frozen=True)
class _Folder:
    """What lies in a folder, at any depth.

    Args:
        images: paths of the files that are listed, in order.
        passed_over: how many files are not, by their ending.
        special: paths of pipes, sockets and devices.
    """

    images: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    special: set[str] = field(default_factory=set)


def list_labelled_files(
    directory: str | os.PathLike[str],
    *,
    labels: Labels | NDArray[Any] = "inferred",
    class_names: Sequence[str] | None = None,
    follow_links: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    extensions: tuple[str, ...] = KERAS_DATASET_EXTENSIONS,
    exclude: Exclude = None,
    regular_only: bool = True,
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
        extensions: endings of the files to list, in lower case, with their dot. Others are counted.
        exclude: files to leave out, see `catdog_data.sources.exclude.rows_kept`: what is listed,
            and its shuffle, is as if they were not there. A list of labels has theirs too.
        regular_only: whether pipes, sockets and devices are refused, or listed as all else.

    Returns:
        The files, at least one.

    Raises:
        FileNotFoundError: labels are inferred and the directory is missing.
        NotADirectoryError: labels are inferred and the directory is a file.
        OSError: a folder cannot be listed; Keras leaves its images out silently.
        ValueError: `labels` or `class_names` break the rules above, there is no image, or one is no
            regular file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cats/1.jpg", "cats/2.jpg", "dogs/3.png"):
        ...         (Path(root) / name).parent.mkdir(exist_ok=True)
        ...         (Path(root) / name).touch()
        ...     files = list_labelled_files(root, shuffle=False)
        >>> [Path(path).name for path in files.file_paths], files.labels.tolist(), files.class_names
        (['1.jpg', '2.jpg', '3.png'], [0, 0, 1], ('cats', 'dogs'))
    """
    chosen = checked_labels(labels)
    _check_names_go_with(chosen, class_names)
    root = os.fspath(directory)
    names = _class_folders(root, class_names) if chosen == "inferred" else ("",)
    exists = Path(root).is_dir()
    found = _list_folders(root, names, extensions, follow_links) if exists else []
    listings = [each.images for each in found]
    passed_over = sum((each.passed_over for each in found), Counter[str]())
    if not any(listings):
        said = (_no_image(root, names, extensions), images_passed_over(passed_over))
        raise ValueError(" ".join(filter(None, said)))
    files = replace(_label(listings, names, chosen, root), passed_over=passed_over)
    if exclude is not None:
        kept = files.take(rows_kept(files.file_paths, exclude, root))
        files = replace(kept, of_listed=None)
    if regular_only:
        special = frozenset[str]().union(*(each.special for each in found))
        check_none_is_special(files.file_paths, special)
    if not shuffle:
        return files
    return files.shuffled(np.random.randint(1_000_000) if seed is None else seed)


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
) -> list[_Folder]:
    """List each folder in `root`; "" is `root` itself."""
    folders = [os.path.join(root, name) for name in names]  # noqa: PTH118 (keeps "./")
    with ThreadPoolExecutor(max_workers=min(32, max(1, len(folders)))) as pool:
        return list(pool.map(lambda each: _list_images(each, extensions, follow_links), folders))


def _list_images(folder: str, extensions: tuple[str, ...], follow_links: bool) -> _Folder:
    found = _Folder()
    for below, names, special in sorted(walk(folder, follow_links=follow_links)):
        start = os.path.join(folder, below, "")  # noqa: PTH118 (strings)
        listed = [name for name in names if name.lower().endswith(extensions)]
        found.images.extend(start + name for name in sorted(listed))
        found.special.update(start + name for name in special)
        if len(listed) < len(names):
            others = set(names).difference(listed)
            found.passed_over.update(Path(each).suffix.lower() for each in others)
    return found


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
