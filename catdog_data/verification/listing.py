"""Which files of a folder are looked at: those that the readers list, class by class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catdog_data.archives.find_folders import layout_of
from catdog_data.sources.class_folders import IMAGE_ENDINGS, class_folders
from catdog_data.sources.keras_folders import KERAS_EXTENSIONS
from catdog_data.sources.list_files import KERAS_DATASET_EXTENSIONS
from catdog_data.sources.walk import entries_of, is_folder, walk

ENDINGS = tuple(
    sorted({*IMAGE_ENDINGS, *KERAS_DATASET_EXTENSIONS, *(f".{each}" for each in KERAS_EXTENSIONS)})
)
"""Endings of files that either API lists, `extra_formats` included."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that is looked at.

    Args:
        folder: the folder as it was given.
        name: the path in it.
        part: the number of the folder of classes, as of training and of validation.
        class_name: the class folder; None where there is none.
    """

    folder: str
    name: str
    part: int
    class_name: str | None

    @property
    def path(self) -> str:
        """The path of the file."""
        return os.path.join(self.folder, self.name)  # noqa: PTH118 (strings)


@dataclass(frozen=True)
class Folder:
    """A folder whose folders are classes, or one of images without classes.

    Args:
        path: of the folder.
        classes: how many images each class has; empty without classes.
        images: how many there are.
        passed_over: how many files of other endings, by ending in lower case ("" for none).
        left_out: what else lies there and is not read, and why.
    """

    path: str
    classes: Mapping[str, int]
    images: int
    passed_over: Mapping[str, int]
    left_out: tuple[str, ...] = ()


def list_folder(
    directory: str,
    first_part: int = 0,
    *,
    follow_links: bool = False,
    endings: tuple[str, ...] = ENDINGS,
) -> tuple[list[Folder], list[ListedFile]]:
    """List the images of a folder, by the rule of `catdog_data.unpack` and of `catdog-train`.

    Args:
        directory: the folder of class folders, or one of folders for training and validation
            that hold such; or of images alone.
        first_part: the number of the first part in it.
        follow_links: whether to enter folders that are symbolic links.
        endings: of the files, in lower case, with their dot.

    Returns:
        The folders of classes, one or two, and their files, class by class, sorted.

    Raises:
        FileNotFoundError, NotADirectoryError: `directory` is no folder.
        ValueError: there are no images in it.
        OSError: a folder cannot be listed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("train/cats/1.jpg", "train/cats/a.txt", "train/dogs/1.jpg"):
        ...         (Path(root) / name).parent.mkdir(parents=True, exist_ok=True)
        ...         (Path(root) / name).touch()
        ...     folders, files = list_folder(root)
        >>> [each.name for each in files], folders[0].passed_over
        (['train/cats/1.jpg', 'train/dogs/1.jpg'], {'.txt': 1})
    """
    if not Path(directory).is_dir():
        kind = NotADirectoryError if Path(directory).exists() else FileNotFoundError
        raise kind(f"`directory` must be a folder of images; received {directory!r}.")
    folders, files = [], []
    for number, (path, names, left_out) in enumerate(_parts(directory, endings), first_part):
        folder, listed = _list_part(
            directory, path, names, number, endings, follow_links=follow_links
        )
        outside = _images_beside(path, endings) if names else 0
        note = (f"{outside} images outside of the class folders",) if outside else ()
        folders.append(
            Folder(folder.path, folder.classes, folder.images, folder.passed_over, left_out + note)
        )
        files += listed
    if not files:
        raise ValueError(
            f"`directory` must hold images ({', '.join(endings)}); {directory!r} holds none."
        )
    return folders, files


def _parts(
    directory: str, endings: tuple[str, ...]
) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Find the folders of classes: each with the names of those, and with what is left out."""
    try:
        layout = layout_of(directory, endings)
    except (ValueError, FileNotFoundError):
        found = class_folders(directory, endings)
        inner = [_part_below(directory, name, endings) for name in found.names]
        if len(inner) > 1 and all(len(names) > 1 for _, names, _ in inner):
            return inner  # training and validation, whose classes are not the same
        # One class, or images without classes.
        only_images_here = bool(_images_beside(directory, endings)) and len(found.names) < 2
        return [(directory, () if only_images_here else found.names, ())]
    parts = [(str(layout.train), layout.class_names, layout.left_out)]
    if layout.validation is not None:
        names = tuple(name for name in layout.class_names if name not in layout.missing)
        parts.append((str(layout.validation), names, ()))
    return parts


def _part_below(
    directory: str, name: str, endings: tuple[str, ...]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    path = os.path.join(directory, name)  # noqa: PTH118 (strings)
    return path, class_folders(path, endings).names, ()


def _list_part(
    directory: str,
    path: str,
    names: tuple[str, ...],
    number: int,
    endings: tuple[str, ...],
    *,
    follow_links: bool,
) -> tuple[Folder, list[ListedFile]]:
    files: list[ListedFile] = []
    classes: dict[str, int] = {}
    passed_over: Counter[str] = Counter()
    for class_name in names or ("",):
        before = len(files)
        top = os.path.join(path, class_name) if class_name else path  # noqa: PTH118 (strings)
        start = os.path.relpath(top, directory)
        for below, members, _ in sorted(walk(top, follow_links=follow_links)):
            folder = os.path.normpath(os.path.join(start, below))  # noqa: PTH118
            for member in sorted(members):
                if member.lower().endswith(endings):
                    name = member if folder == "." else f"{folder}/{member}"
                    files.append(ListedFile(directory, name, number, class_name or None))
                else:
                    passed_over[Path(member).suffix.lower()] += 1
        if class_name:
            classes[class_name] = len(files) - before
    return Folder(path, classes, len(files), dict(passed_over)), files


def _images_beside(directory: str, endings: tuple[str, ...]) -> int:
    """Count the images directly in a folder."""
    return sum(
        entry.name.lower().endswith(endings)
        for entry in entries_of(directory)
        if not is_folder(entry)
    )
