"""Class folders on disk, listed by Keras' rules."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from catdog_data.sources.exclude import Exclude, rows_kept
from catdog_data.sources.image_index import ImageIndex
from catdog_data.sources.walk import entries_of, is_folder, walk
from catdog_data.system.special_files import check_none_is_special

KERAS_EXTENSIONS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
"""Endings that ImageDataGenerator lists, in any case."""


def index_class_folders(
    directory: str | os.PathLike[str],
    class_names: Sequence[str] | None = None,
    *,
    extensions: tuple[str, ...] = KERAS_EXTENSIONS,
    follow_links: bool = False,
    exclude: Exclude = None,
    regular_only: bool = True,
) -> ImageIndex:
    """List the images below one folder per class, in ImageDataGenerator's order.

    Within a class, folders are sorted by their path and files by their name, both as plain
    strings. Classes are listed at once, each in a thread.

    Args:
        directory: the folder that holds the class folders.
        class_names: class folders to list, relative to `directory`, in the order of their
            labels; nested names ("pets/cats") are allowed, and "." is the directory itself.
            None takes every folder, sorted.
        extensions: endings of the files to list, in lower case.
        follow_links: whether to enter folders that are symbolic links.
        exclude: files to leave out, as if they were not there: a sequence of paths, relative to
            `directory`, or the path of a file with one a line.
        regular_only: whether pipes, sockets and devices are refused, or listed as all else.

    Returns:
        An index whose labels are positions in `class_names`.

    Raises:
        FileNotFoundError: the directory, or a class folder named in `class_names`, is missing.
        NotADirectoryError: the directory is a file.
        OSError: a folder cannot be listed; Keras leaves its images out silently.
        ValueError: there is no class folder, or no image in any of them; or none of the names
            in `exclude` is a file; or an image is no regular file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cats/1.jpg", "cats/notes.txt", "dogs/1.png"):
        ...         (Path(root) / name).parent.mkdir(exist_ok=True)
        ...         (Path(root) / name).touch()
        ...     index = index_class_folders(root)
        >>> index.filenames, index.labels.tolist(), dict(index.ignored)
        (('cats/1.jpg', 'dogs/1.png'), [0, 1], {'.txt': 1})
    """
    root = os.fspath(directory)
    names = tuple(class_names) if class_names else _class_folders(root)
    _check_class_folders(root, names)
    with ThreadPoolExecutor(max_workers=min(32, len(names))) as pool:
        listings = list(
            pool.map(lambda name: _list_class(root, name, extensions, follow_links), names)
        )
    ignored: Counter[str] = Counter()
    for listing in listings:
        ignored.update(listing.ignored)
    index = ImageIndex(
        root=root,
        filenames=tuple(name for listing in listings for name in listing.filenames),
        labels=np.repeat(
            np.arange(len(names), dtype=np.int32), [len(each.filenames) for each in listings]
        ),
        class_names=names,
        ignored=MappingProxyType(dict(ignored)),
    )
    if not len(index):
        raise ValueError(
            f"No images found in the class folders of {root!r} ({', '.join(names)}). Files must "
            f"end in one of {', '.join(extensions)}; passed over: {dict(ignored) or 'none'}."
        )
    if exclude is not None:
        index = _without(index, exclude)
    if regular_only:
        special = frozenset[str]().union(*(listing.special for listing in listings))
        check_none_is_special(index.filenames, special)
    if any(name.lower().endswith(".tiff") for name in index.filenames):
        warnings.warn(
            'Using ".tiff" files with multiple bands '
            "will cause distortion. Please verify your output.",
            stacklevel=3,
        )
    return index


def _without(index: ImageIndex, exclude: Exclude) -> ImageIndex:
    paths = [os.path.join(index.root, name) for name in index.filenames]  # noqa: PTH118 (strings)
    rows = rows_kept(paths, exclude, index.root)
    filenames = tuple(index.filenames[row] for row in rows)
    return replace(index, filenames=filenames, labels=index.labels[rows])


@dataclass(frozen=True)
class _Listing:
    filenames: list[str]
    ignored: Counter[str]
    special: set[str]


def _class_folders(root: str) -> tuple[str, ...]:
    if not Path(root).exists():
        raise FileNotFoundError(
            f"`directory` does not exist: {root!r}. Give the folder that holds one folder of "
            "images per class."
        )
    if not Path(root).is_dir():
        raise NotADirectoryError(
            f"`directory` must be a folder; {root!r} is a file. An archive is unpacked with "
            "`catdog_data.unpack`."
        )
    names = tuple(sorted(entry.name for entry in entries_of(root) if is_folder(entry)))
    if not names:
        raise ValueError(
            f"`directory` must hold one folder of images per class; {root!r} holds no folder. "
            "Images that lie in it directly, without labels, are read with classes=['.'], "
            "class_mode=None."
        )
    return names


def _check_class_folders(root: str, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (Path(root) / name).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"`classes` names folders that are not in {root!r}: {', '.join(map(repr, missing))}. "
            f"It holds: {', '.join(map(repr, _class_folders(root)))}."
        )


def _list_class(
    root: str, class_name: str, extensions: tuple[str, ...], follow_links: bool
) -> _Listing:
    filenames: list[str] = []
    ignored: Counter[str] = Counter()
    special: set[str] = set()
    for below, files, special_names in sorted(
        walk(str(Path(root, class_name)), follow_links=follow_links)
    ):
        folder = f"{class_name}/{below}" if below else class_name
        for name in sorted(files):
            if name.lower().endswith(extensions):
                filenames.append(f"{folder}/{name}")
            else:
                ignored[Path(name).suffix.lower()] += 1
        special.update(f"{folder}/{name}" for name in special_names)
    return _Listing(filenames, ignored, special)
