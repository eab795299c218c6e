"""An order of file names that depends on the names alone, not on a seed or a machine.

Which file is in which part of a data set goes by it, so that a change of the order moves files of
users' splits.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.labelled_files import LabelledFiles


def order_by_hash(names: Sequence[str]) -> NDArray[np.intp]:
    """Order names by a hash of each, which is an order as if at random.

    The order of two names does not depend on the others: names that are added or removed do not
    change the order of those that stay.

    Args:
        names: N different names.

    Returns:
        intp[N], positions in `names`. Names of one hash follow each other by their bytes.

    Example:
        >>> names = ["cats/1.jpg", "cats/2.jpg", "cats/3.jpg", "cats/4.jpg"]
        >>> ordered = [names[position] for position in order_by_hash(names)]
        >>> fewer = [names[position] for position in order_by_hash(names[:3])]
        >>> [name for name in ordered if name in fewer] == fewer
        True
    """
    keys = [_key(os.fsencode(name)) for name in names]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)


def names_below(paths: Sequence[str], root: str) -> list[str]:
    """Name files by their paths below a folder, as they are wherever that folder lies.

    Args:
        paths: as they were listed, `root` joined with each path in it.
        root: the folder; "" for none.

    Returns:
        Their names, without "./" and with "/" in between; of paths elsewhere the whole path.

    Example:
        >>> names_below(["pets/cats/1.jpg", "pets/./2.jpg", "/other/3.jpg"], "pets")
        ['cats/1.jpg', '2.jpg', '/other/3.jpg']
    """
    start = os.path.join(root, "")  # noqa: PTH118 (strings)

    def below(path: str) -> str:
        inside = start and path.startswith(start)
        return path[len(start) :].lstrip(os.sep) if inside else path

    names = [os.path.normpath(below(path)) for path in paths]
    return names if os.sep == "/" else [name.replace(os.sep, "/") for name in names]


def classes_by_hash(files: LabelledFiles, names: Sequence[str]) -> list[list[str]]:
    """Order the names of every class by their hashes.

    Args:
        files: N files; without labels they are one class.
        names: of each.

    Returns:
        The different names of each class, by the numbers of the classes. A name that occurs in
        several classes is of the first of them.

    Example:
        >>> files = LabelledFiles(("1.jpg", "2.jpg", "1.jpg"), np.int32([0, 7, 0]), ("a", "b"))
        >>> classes_by_hash(files, files.file_paths)
        [['1.jpg'], ['2.jpg']]
    """
    labels = [0] * len(names) if files.labels is None else files.labels.tolist()
    class_of: dict[str, Any] = {}
    for name, label in zip(names, labels, strict=True):
        class_of[name] = min(label, class_of.get(name, label))
    classes: dict[Any, list[str]] = {}
    for name, label in class_of.items():
        classes.setdefault(label, []).append(name)
    return [
        [own[position] for position in order_by_hash(own)] for _, own in sorted(classes.items())
    ]


def _key(name: bytes) -> bytes:
    return blake2b(name, digest_size=8).digest() + name
