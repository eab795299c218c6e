"""Which names a directory keeps apart: file systems differ in case, Unicode forms and ends."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

PathParts = tuple[str, ...]


@dataclass(frozen=True)
class Spelling:
    """Differences between names that a directory does not see.

    Attributes:
        case: capital letters and small ones are the same.
        form: composed and decomposed characters are (NFC and NFD).
        end: dots and spaces at the end do not count.
    """

    case: bool = False
    form: bool = False
    end: bool = False

    def key(self, name: str) -> str:
        """Return what is the same for all names that the directory takes for this one."""
        if self.form:
            name = unicodedata.normalize("NFD", name)
        if self.case:
            name = name.casefold()
        if self.case and self.form:
            # Folding composes some letters.
            name = unicodedata.normalize("NFD", name)
        return name.rstrip(". ") if self.end else name

    def clash(self, paths: Iterable[PathParts]) -> tuple[PathParts, PathParts] | None:
        """Find two different paths that are one in the directory.

        Args:
            paths: below the directory, with every folder on the way to a file.

        Returns:
            The first two, or None.

        Example:
            >>> Spelling(case=True).clash([("cats", "1.jpg"), ("cats", "2.jpg"), ("Cats", "1.jpg")])
            (('cats', '1.jpg'), ('Cats', '1.jpg'))
        """
        key = cache(self.key)
        seen: dict[PathParts, PathParts] = {}
        for path in paths:
            other = seen.setdefault(tuple(map(key, path)), path)
            if other != path:
                return other, path
        return None


COARSEST = Spelling(case=True, form=True, end=True)
"""Sees the least: paths that do not clash there clash nowhere."""


def spelling_of(directory: Path) -> Spelling:
    """Find out by files that are made in a new folder in the directory, and removed.

    Raises:
        OSError: nothing can be made there.
    """
    with TemporaryDirectory(prefix=".catdog-names-", dir=directory) as folder:
        empty = Path(folder)
        return Spelling(
            case=_are_one(empty, "a", "A"),
            # File systems may know one alphabet and not the other.
            form=_are_one(empty, "\u00e9", "e\u0301") or _are_one(empty, "\uac00", "\u1100\u1161"),
            end=_are_one(empty, "b", "b."),
        )


def _are_one(folder: Path, name: str, other: str) -> bool:
    try:
        (folder / name).touch()
        return (folder / other).exists()
    except OSError:  # a name that this file system does not allow
        return False
