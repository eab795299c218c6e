"""Where the class folders of a data set are, and which of them are for validation."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from catdog_data.sources.class_folders import (
    IMAGE_ENDINGS,
    ClassFolders,
    class_folders,
    holds_images,
)

_TRAIN_NAMES = ("training_set", "train", "training")
_VALIDATION_NAMES = ("validation", "val", "valid", "validation_set", "test_set", "test", "test1")
_NAMED = 10  # folders in a line or an error


@dataclass(frozen=True)
class ImageFolders:
    """Directories whose subdirectories are classes.

    Attributes:
        train: the class folders to train on.
        validation: the class folders to validate on; None if there are none.
        class_names: the class folders in `train`, two or more, sorted: numbers count from here.
        missing: those of which `validation` has no images.
        left_out: the folders that are in none of these, by their path below the searched one,
            and why.

    Example:
        >>> ImageFolders(Path("pets/train"), None, ("cats", "dogs")).class_names
        ('cats', 'dogs')
    """

    train: Path
    validation: Path | None
    class_names: tuple[str, ...]
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def find_image_folders(
    root: str | os.PathLike[str], *, endings: Collection[str] = IMAGE_ENDINGS
) -> ImageFolders:
    """Find the class folders below a directory, and print a line about folders left out.

    A class folder holds an image, at any depth. Recognised are `training_set` with `test_set`,
    `train` with `validation`, `val`, `valid` or `test` (whichever comes first in this order and
    has class folders), and a single tree of class folders; each also where it is the one folder
    with images in another, and a split folder also inside a folder of its own name, as Kaggle
    packs them. A folder of unsorted images beside `train`, as Kaggle's `test`, is not for
    validation. Clutter is never looked into: names that begin with a dot, `__MACOSX` and others.

    Args:
        root: directory to search.
        endings: of image files, in lower case, with their dot.

    Returns:
        The folders found, below `root`. A UserWarning names classes that are missing in the
        validation folder.

    Raises:
        FileNotFoundError: `root` does not exist or holds no images.
        NotADirectoryError: `root` is a file.
        OSError: a folder cannot be listed.
        ValueError: images are there but not sorted into at least two class folders, or the
            validation folder has classes that the training folder lacks.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("train/cats", "train/dogs", "test/cats", "test/dogs", "notes"):
        ...         (Path(root) / name).mkdir(parents=True)
        ...         (Path(root) / name / "1.jpg").touch()
        ...     folders = find_image_folders(f"{root}/train")
        >>> folders.train.name, folders.validation, folders.class_names
        ('train', None, ('cats', 'dogs'))
    """
    folders = layout_of(root, endings)
    if folders.left_out:
        print(f"Left out in {os.fspath(root)!r}: {_listed(folders.left_out)}.")
    if folders.missing:
        warnings.warn(
            f"{str(folders.validation)!r} has no images of {_listed(map(repr, folders.missing))}, "
            f"classes of {str(folders.train)!r}: none of these are validated. Number its classes "
            "by `class_names` of what is returned, not by its own folders; empty folders of the "
            "missing names do the same.",
            stacklevel=2,
        )
    return folders


def layout_of(root: str | os.PathLike[str], endings: Collection[str]) -> ImageFolders:
    """Find what `find_image_folders` finds, without printing or warning."""
    directory = top = Path(root)
    if not top.exists():
        raise FileNotFoundError(f"root must be a directory. Received: {top}, not found.")
    if not top.is_dir():
        raise NotADirectoryError(
            f"root must be a directory. Received: {top}, a file. "
            "Unpack an archive with catdog_data.unpack first."
        )
    passed: dict[Path, str] = {}
    while True:
        found = class_folders(directory, endings)
        passed |= _below(directory, found)
        recognised = _recognise(directory, found, endings)
        if recognised is not None:
            folders, beside = recognised
            passed |= beside
            left_out = (f"{str(path.relative_to(top))!r} ({why})" for path, why in passed.items())
            return replace(folders, left_out=tuple(left_out))
        if len(found.names) != 1:
            raise _nothing_fits(top, directory, endings)
        directory /= found.names[0]


def _recognise(
    directory: Path, found: ClassFolders, endings: Collection[str]
) -> tuple[ImageFolders, dict[Path, str]] | None:
    """Return the folders if they are in this directory, and which others are left out."""
    by_name = {name.casefold(): directory / name for name in found.names}
    train = next((by_name[name] for name in _TRAIN_NAMES if name in by_name), None)
    if train is not None:
        inner = _inside_namesake(train, endings)
        classes = class_folders(inner, endings)
        if len(classes.names) >= 2:
            passed = {path: f"beside {train.name!r}" for path in by_name.values() if path != train}
            passed |= _below(inner, classes)
            return _with_validation(inner, classes.names, by_name, passed, endings)
    # Flat `train` and `test` folders are not two classes called "train" and "test".
    if sum(name in by_name for name in (*_TRAIN_NAMES, *_VALIDATION_NAMES)) >= 2:
        return None
    return None if len(found.names) < 2 else (ImageFolders(directory, None, found.names), {})


def _with_validation(
    train: Path,
    names: tuple[str, ...],
    by_name: dict[str, Path],
    passed: dict[Path, str],
    endings: Collection[str],
) -> tuple[ImageFolders, dict[Path, str]]:
    for outer in (by_name[name] for name in _VALIDATION_NAMES if name in by_name):
        validation = _inside_namesake(outer, endings)
        classes = class_folders(validation, endings)
        if not _is_labelled(classes.names, names):
            passed[outer] = "images of no class"
            continue
        _check_known(validation, classes.names, train, names)
        del passed[outer]
        missing = tuple(name for name in names if name not in classes.names)
        below = _below(validation, classes).items()
        passed |= {path: why for path, why in below if path.name not in missing}
        return ImageFolders(train, validation, names, missing), passed
    return ImageFolders(train, None, names), passed


def _is_labelled(names: tuple[str, ...], trained: tuple[str, ...]) -> bool:
    """Tell whether folders are classes: one alone that is none of those trained on is not."""
    return len(names) >= 2 or any(name in trained for name in names)


def _check_known(
    validation: Path, theirs: tuple[str, ...], train: Path, ours: tuple[str, ...]
) -> None:
    unknown = [name for name in theirs if name not in ours]
    if unknown:
        raise ValueError(
            f"{validation} must hold the same class folders as {train}, or some of them. Received: "
            f"{_listed(map(repr, unknown))}, expected some of {_listed(map(repr, ours))}. Rename "
            "or remove folders, or pass the training folder alone."
        )


def _inside_namesake(directory: Path, endings: Collection[str]) -> Path:
    names = class_folders(directory, endings).names
    if len(names) == 1 and names[0].casefold() == directory.name.casefold():
        return directory / names[0]
    return directory


def _below(directory: Path, found: ClassFolders) -> dict[Path, str]:
    return {directory / name: why for name, why in found.left_out.items()}


def _nothing_fits(root: Path, directory: Path, endings: Collection[str]) -> Exception:
    shown = sorted(path.name + "/" * path.is_dir() for path in directory.iterdir())
    found = f"{directory} holds {_listed(shown) or 'nothing'}"
    if holds_images(root, endings):
        return ValueError(
            f"root must hold at least two class folders of images. Received: {root}; {found}. "
            "Sort the images into one folder per class."
        )
    return FileNotFoundError(
        f"root must hold class folders of images ({' '.join(sorted(endings))}), or train and "
        f"validation folders of them. Received: {root}; {found}. Pass the directory whose "
        "subfolders are the classes."
    )


def _listed(texts: Iterable[str]) -> str:
    shown = list(texts)
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return ", ".join(shown[:_NAMED]) + more
