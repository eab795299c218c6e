"""k folds of files, for cross-validation: every file is validated in one of them."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.hash_order import classes_by_hash, names_below
from catdog_data.sources.labelled_files import LabelledFiles


def folds_of(
    files: LabelledFiles, k: int, *, root: str | os.PathLike[str], stratify: bool
) -> NDArray[np.intp]:
    """Number the fold that each file is validated in.

    Files are ordered by a hash of their paths below `root`; the first of them are for fold 0, those
    behind for fold 1, and so on. Folds differ by at most one file, and with `stratify` so do the
    files of every class in them. They do not depend on the order of `files`, on a seed or on the
    machine. A file that is listed twice is in one fold, and counts once.

    Where a file is added, at most one other moves over each border of two folds, of each class.

    Args:
        files: N files.
        k: how many folds, at least 2.
        root: the folder that the files are below, as a rule the listed directory.
        stratify: whether every class is divided among all folds. Files without labels are one
            class.

    Returns:
        intp[N], in [0, k).

    Raises:
        ValueError: there are fewer different files than folds.

    Example:
        >>> files = LabelledFiles(
        ...     ("pets/cats/1.jpg", "pets/cats/2.jpg", "pets/dogs/1.jpg", "pets/dogs/2.jpg"),
        ...     np.array([0, 0, 1, 1], np.int32),
        ...     ("cats", "dogs"),
        ... )
        >>> folds = folds_of(files, 2, root="pets", stratify=True)
        >>> sorted(folds[:2].tolist()), sorted(folds[2:].tolist())
        ([0, 1], [0, 1])
    """
    names = names_below(files.file_paths, os.fspath(root))
    unlabelled = LabelledFiles(files.file_paths, None, None)
    classes = classes_by_hash(files if stratify else unlabelled, names)
    count = sum(map(len, classes))
    if count < k:
        raise ValueError(
            f"`fold`: {k} folds need at least {k} files, one to validate in each; there are "
            f"{count}. Give fewer folds, or more files."
        )
    fold_of: dict[str, int] = {}
    first = 0
    for own in classes:
        # What is left over goes to the folds behind those that the class before gave more to.
        more = [(fold - first) % k < len(own) % k for fold in range(k)]
        sizes = len(own) // k + np.array(more)
        fold_of.update(zip(own, np.repeat(np.arange(k), sizes).tolist(), strict=True))
        first = (first + len(own)) % k
    return np.array([fold_of[name] for name in names], np.intp)
