"""Which folders are classes: those that hold images, at any depth."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from catdog_data.sources.formats import FORMATS, endings_of
from catdog_data.sources.walk import entries_of, is_folder

IMAGE_ENDINGS = endings_of(each for each in FORMATS if each.is_common)
"""Endings of the images that any reader takes, in lower case."""

# What archivers, file servers and systems leave; so do names that begin with a dot.
_CLUTTER = {
    "$RECYCLE.BIN",
    "@eaDir",
    "System Volume Information",
    "_DS_Store",
    "__MACOSX",
    "__pycache__",
    "lost+found",
}


@dataclass(frozen=True)
class ClassFolders:
    """The folders directly in another one.

    Attributes:
        names: those that are classes, sorted.
        left_out: why each of the others is none, by its name.
    """

    names: tuple[str, ...]
    left_out: dict[str, str]


def class_folders(
    directory: str | os.PathLike[str], endings: Collection[str] = IMAGE_ENDINGS
) -> ClassFolders:
    """Find the class folders in a directory.

    A class folder, or a link to one, holds an image at any depth. Clutter is none and is not
    looked into: names that begin with a dot, and those that archivers, file servers and systems
    give.

    Args:
        directory: where the folders are.
        endings: of image files, in lower case, with their dot.

    Returns:
        The classes, and the folders that are none.

    Raises:
        OSError: a folder cannot be listed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cats/1.jpg", "dogs/old/1.png", "notes/1.txt", ".trash/1.jpg"):
        ...         (Path(root) / name).parent.mkdir(parents=True)
        ...         (Path(root) / name).touch()
        ...     class_folders(root)
        ClassFolders(names=('cats', 'dogs'), left_out={'.trash': 'clutter', 'notes': 'no images'})
    """
    names: list[str] = []
    left_out: dict[str, str] = {}
    for entry in sorted(entries_of(os.fspath(directory)), key=lambda each: each.name):
        if not is_folder(entry):
            continue
        if is_clutter(entry.name):
            left_out[entry.name] = "clutter"
        elif holds_images(entry.path, endings):
            names.append(entry.name)
        else:
            other = holds_images(entry.path)
            left_out[entry.name] = "images of other kinds" if other else "no images"
    return ClassFolders(tuple(names), left_out)


def holds_images(
    directory: str | os.PathLike[str], endings: Collection[str] = IMAGE_ENDINGS
) -> bool:
    """Tell whether there is an image in a folder, at any depth and not in clutter.

    Args:
        directory: the folder; links to folders in it are not entered.
        endings: of image files, in lower case, with their dot.

    Raises:
        OSError: a folder cannot be listed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as root:
        ...     (Path(root) / "old").mkdir()
        ...     (Path(root) / "old" / "1.JPG").touch()
        ...     holds_images(root), holds_images(root, endings=(".png",))
        (True, False)
    """
    waiting = [os.fspath(directory)]
    while waiting:
        for entry in entries_of(waiting.pop()):
            if is_clutter(entry.name):
                continue
            if is_folder(entry, follow_links=False):
                if not entry.is_symlink():
                    waiting.append(entry.path)
            elif entry.name.lower().endswith(tuple(endings)):
                return True
    return False


def is_clutter(name: str) -> bool:
    """Tell whether a name is one of clutter: never of a class, nor of an image.

    Example:
        >>> is_clutter("__MACOSX"), is_clutter("cats")
        (True, False)
    """
    return name.startswith(".") or name in _CLUTTER
