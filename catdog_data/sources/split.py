"""Labelled files split into training, validation and test: by position, by name, into folds."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.folds import folds_of
from catdog_data.sources.hash_order import classes_by_hash, names_below
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.split_arguments import PARTS, check_split, parts_of

_TRAINING, _VALIDATION, _TEST = range(len(PARTS))


def split_by_name(
    files: LabelledFiles,
    validation_split: float | None,
    subset: str | None,
    *,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    root: str | os.PathLike[str] = "",
    stratify: bool = False,
) -> dict[str | None, LabelledFiles]:
    """Split files into the parts of a subset, by their names.

    Args:
        files: the files to split.
        validation_split: fraction for validation, between 0 and 1; None or 0 for no split.
        subset: see `catdog_data.sources.split_arguments.check_split`.
        test_split: fraction for a test; None or 0 for no such part.
        fold: (i, k): the files of fold i of k are for validation, all others for training, see
            `catdog_data.sources.folds.folds_of`; None for none.
        root: the folder that the files are below, as a rule the listed directory.
        stratify: whether every class is split, by `split_files_stratified`, or into the folds; or
            else all files, by `split_files`.

    Returns:
        The files of each part of the subset, in the order of `files`; without a split, all files,
        under None.

    Raises:
        TypeError: see `check_split`.
        ValueError: see `check_split`, `folds_of`, `split_files` and `split_files_stratified`.

    Example:
        >>> files = LabelledFiles(("1.jpg", "2.jpg", "3.jpg", "4.jpg"), None, None)
        >>> parts = split_by_name(files, 0.25, "all", test_split=0.25)
        >>> {name: part.file_paths for name, part in parts.items()}
        {'training': ('1.jpg', '2.jpg'), 'validation': ('4.jpg',), 'test': ('3.jpg',)}
        >>> parts = split_by_name(files, None, "both", fold=(0, 4))
        >>> {name: len(part) for name, part in parts.items()}
        {'training': 3, 'validation': 1}
    """
    check_split(validation_split, subset, test_split=test_split, fold=fold)
    if subset is None:
        return {None: files}
    if fold is not None:
        is_validated = folds_of(files, fold[1], root=root, stratify=stratify) == fold[0]
        parts = _taken(files, np.where(is_validated, _VALIDATION, _TRAINING), subset)
    elif stratify:
        parts = split_files_stratified(
            files, validation_split, subset, test_split=test_split, root=root
        )
    else:
        parts = split_files(files, validation_split, subset, test_split=test_split)
    return dict(zip(parts_of(subset), parts, strict=True))


def split_files(
    files: LabelledFiles,
    validation_split: float | None,
    subset: str | None,
    *,
    test_split: float | None = None,
) -> list[LabelledFiles]:
    """Split by position: the last `int(validation_split * N)` of N files are for validation.

    The `int(test_split * N)` before those are for the test, so that validation files are the same
    with a test and without. Of files in sorted order the last are all of the last class, so shuffle
    when they are listed, or use `split_files_stratified`.

    Args:
        files: the files to split.
        validation_split: fraction for validation, between 0 and 1; None or 0 for no split.
        subset: which parts to return; None for no split.
        test_split: fraction for the test; None or 0 for no such part.

    Returns:
        The parts of the subset; without a split, all files.

    Raises:
        TypeError: a fraction is no number.
        ValueError: see `check_split`; or a fraction is less than one file, of which Keras would
            make no training files, and all files validation files.

    Example:
        >>> files = LabelledFiles(("1.jpg", "2.jpg", "3.jpg"), None, None)
        >>> [part.file_paths for part in split_files(files, 0.4, "both")]
        [('1.jpg', '2.jpg'), ('3.jpg',)]
    """
    check_split(validation_split, subset, test_split=test_split)
    if not validation_split:
        return [files]
    validated = len(files) - int(validation_split * len(files))
    tested = validated - int((test_split or 0) * len(files))
    part_of_each = np.full(len(files), _TRAINING)
    part_of_each[tested:validated] = _TEST
    part_of_each[validated:] = _VALIDATION
    _check_none_is_empty(part_of_each, validation_split, test_split)
    return _taken(files, part_of_each, subset)


def split_files_stratified(
    files: LabelledFiles,
    validation_split: float | None,
    subset: str | None,
    *,
    root: str | os.PathLike[str],
    test_split: float | None = None,
) -> list[LabelledFiles]:
    """Split every class by the names of its files: the same fraction of each.

    The n files of a class are ordered by a hash of their path below `root`, and the first
    `round(validation_split * n)` of them are for validation: at least one where n is 2 or more,
    and never all. With a test, those behind, up to the `round((validation_split + test_split) * n)`
    first, are for the test: at least one, but for the last file of the class, which is for
    training. So validation files are the same with a test and without. Files without labels are one
    class. The split does not depend on the order of `files`, on a seed or on the machine.

    A file that is added or taken away moves at most one other over each border of two parts: one of
    its own class. Of n files whose class grows, however far, about
    `sqrt(validation_split * (1 - validation_split) * n)` move over that of validation, 13 of 1,000
    at a fifth.

    Args:
        files: the files to split.
        validation_split: fraction for validation, between 0 and 1; None or 0 for no split.
        subset: which parts to return; None for no split.
        root: the folder that the files are below, as a rule the listed directory.
        test_split: fraction for the test; None or 0 for no such part.

    Returns:
        The parts of the subset, each in the order of `files`; without a split, all files.

    Raises:
        TypeError: a fraction is no number.
        ValueError: see `check_split`; or there is no validation file, as every class has a single
            file, or no test file, as every class has fewer than three.

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
    check_split(validation_split, subset, test_split=test_split)
    if not validation_split:
        return [files]
    names = names_below(files.file_paths, os.fspath(root))
    part_of: dict[str, int] = {}
    for own in classes_by_hash(files, names):
        sizes = _sizes(len(own), validation_split, test_split)
        parts = np.repeat([_VALIDATION, _TEST, _TRAINING], sizes)
        part_of.update(zip(own, parts.tolist(), strict=True))
    part_of_each = np.array([part_of[name] for name in names], np.intp)
    _check_none_is_empty(part_of_each, validation_split, test_split)
    return _taken(files, part_of_each, subset)


def _sizes(n: int, validation_split: float, test_split: float | None) -> tuple[int, int, int]:
    """Count the files of one class for validation, test and training."""
    validated = min(max(round(validation_split * n), 1), n - 1)
    held_back = validated
    if test_split:
        wanted = max(round((validation_split + test_split) * n), validated + 1)
        held_back = max(min(wanted, n - 1), validated)
    return validated, held_back - validated, n - held_back


def _taken(
    files: LabelledFiles, part_of_each: NDArray[np.intp], subset: str | None
) -> list[LabelledFiles]:
    wanted = [PARTS.index(name) for name in parts_of(subset) if name is not None]
    return [files.take(np.flatnonzero(part_of_each == part)) for part in wanted]


def _check_none_is_empty(
    part_of_each: NDArray[np.intp], validation_split: float, test_split: float | None
) -> None:
    parts: Sequence[str] = PARTS if test_split else PARTS[:2]
    sizes = np.bincount(part_of_each, minlength=len(parts)).tolist()
    if all(sizes):
        return
    counts = ", ".join(f"{size} for {name}" for size, name in zip(sizes, parts, strict=True))
    given = f"`validation_split` must leave a file in each part; received {validation_split}"
    if test_split:
        given = (
            "`validation_split` and `test_split` must leave a file in each part; received "
            f"{validation_split} and {test_split}"
        )
    raise ValueError(
        f"{given} for {len(part_of_each)} files: {counts}. Give another fraction, or more files."
    )
