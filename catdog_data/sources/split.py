"""Labelled files split into training and validation, by position or by the names of files."""

from __future__ import annotations

import os
from numbers import Real
from types import NoneType

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.hash_order import order_by_hash
from catdog_data.sources.labelled_files import LabelledFiles


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

    Example:
        >>> check_split(0.2, "both", shuffle=True, seed=1)
        >>> check_split(0.2, None)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: If `subset` is set, `validation_split` must be set, and inversely; received ...
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


def split_by_name(
    files: LabelledFiles,
    validation_split: float | None,
    subset: str | None,
    *,
    stratify_below: str | os.PathLike[str] | None = None,
) -> dict[str | None, LabelledFiles]:
    """Split files into subsets by their names.

    Args:
        files: the files to split.
        validation_split: fraction for validation, between 0 and 1; None or 0 for no split.
        subset: "training", "validation" or "both"; None for no split.
        stratify_below: the folder that all files are below, to split by `split_files_stratified`;
            None to split by `split_files`.

    Returns:
        The files of "training", of "validation" or of both, in this order; without a split, all
        files, under None.

    Raises:
        TypeError: see `check_split`.
        ValueError: see `check_split`, `split_files` and `split_files_stratified`.

    Example:
        >>> files = LabelledFiles(("1.jpg", "2.jpg", "3.jpg", "4.jpg"), None, None)
        >>> subsets = split_by_name(files, 0.25, "both")
        >>> {name: part.file_paths for name, part in subsets.items()}
        {'training': ('1.jpg', '2.jpg', '3.jpg'), 'validation': ('4.jpg',)}
    """
    if not validation_split or subset is None:
        return {None: files}
    if stratify_below is None:
        parts = split_files(files, validation_split, subset)
    else:
        parts = split_files_stratified(files, validation_split, subset, root=stratify_below)
    if isinstance(parts, LabelledFiles):
        return {subset: parts}
    return dict(zip(("training", "validation"), parts, strict=True))


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

    Example:
        >>> files = LabelledFiles(("1.jpg", "2.jpg", "3.jpg"), None, None)
        >>> split_files(files, 0.4, "validation").file_paths
        ('3.jpg',)
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
    and never all. Files without labels are one class. The split does not depend on the order of
    `files`, on a seed or on the machine.

    A file that is added or taken away moves at most one other to the other part: one of its own
    class, at the border of the two. Of n files whose class grows, however far, about
    `sqrt(validation_split * (1 - validation_split) * n)` move in all, 13 of 1,000 at a fifth.

    Args:
        files: the files to split.
        validation_split: fraction for validation, between 0 and 1; None or 0 for no split.
        subset: the part to return; None for no split.
        root: the folder that all files are below, as a rule the listed directory.

    Returns:
        The subset, in the order of `files`; for "both", training and validation; without a
        split, all files.

    Raises:
        TypeError: the fraction is no number.
        ValueError: see `check_split`; or a file is not below `root`; or there is no validation
            file, as every class has a single file.

    Example:
        >>> files = LabelledFiles(
        ...     ("pets/cats/1.jpg", "pets/cats/2.jpg", "pets/dogs/1.jpg", "pets/dogs/2.jpg"),
        ...     np.array([0, 0, 1, 1], np.int32),
        ...     ("cats", "dogs"),
        ... )
        >>> training, validation = split_files_stratified(files, 0.5, "both", root="pets")
        >>> training.labels.tolist(), validation.labels.tolist()
        ([0, 1], [0, 1])
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
    return {names[position] for position in order_by_hash(names)[:count]}
