"""Files that cannot be read, and what was done about each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class BrokenFile:
    """A file of a data set that cannot be read; `report()` of a dataset or an iterator lists them.

    Args:
        path: the file; of TensorFlow Datasets, the name and number of the record.
        reason: a sentence: what its reader failed with.
        action: what was done: "left out", or by which file it was replaced.

    Example:
        >>> BrokenFile("cats/1.jpg", "it is empty", "left out").action
        'left out'
    """

    path: str
    reason: str
    action: str


class BrokenFiles:
    """The broken files of a data set so far, each of them once; any thread may add to them.

    Args:
        found: those that are known.

    Example:
        >>> found = BrokenFiles()
        >>> found.add(BrokenFile("1.jpg", "it is empty", "left out"))
        True
        >>> found.add(BrokenFile("1.jpg", "it is still empty", "left out"))
        False
        >>> [each.reason for each in found.all()]
        ['it is empty']
    """

    def __init__(self, found: Iterable[BrokenFile] = ()) -> None:
        self._found = {each.path: each for each in found}

    def add(self, broken: BrokenFile) -> bool:
        """Add a file; tell whether it was not there before."""
        return self._found.setdefault(broken.path, broken) is broken

    def all(self) -> tuple[BrokenFile, ...]:
        """List them in the order in which they were found."""
        return tuple(self._found.values())
