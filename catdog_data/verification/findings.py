"""What can be found about a file, and which of it means that a file cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Args:
        name: as it is written in tables, JSON and options.
        meaning: half a sentence on it.
        unreadable: whether such a file stops a pipeline.
    """

    name: str
    meaning: str
    unreadable: bool = False


KINDS = (
    Kind("no-access", "the system does not let it be read", unreadable=True),
    Kind("empty", "has no bytes", unreadable=True),
    Kind("not-an-image", "no image that is known", unreadable=True),
    Kind("cut", "ends too early", unreadable=True),
    Kind("damaged", "an image that cannot be decoded", unreadable=True),
    Kind("unsupported", "an image of a kind that the readers do not decode", unreadable=True),
    Kind("absurd-size", "declares more pixels than are allowed; not decoded", unreadable=True),
    Kind("one-reader", "one of the two APIs reads it, the other does not", unreadable=True),
    Kind("leak", "the same bytes are in another folder too, as of training and validation"),
    Kind("two-classes", "the same bytes are in another class too"),
    Kind("duplicate", "the same bytes as another file before it"),
    Kind("near-duplicate", "looks as another file before it"),
    Kind("wrong-ending", "its name says another format"),
    Kind("animated", "several frames, of which the first is read"),
    Kind("cmyk", "colours of print, converted when read"),
    Kind("16-bit", "more than 8 bits a channel, which are clipped or scaled when read"),
    Kind("alpha", "transparent parts, which RGB does without"),
    Kind("exif-rotated", "turned by a note that readers of data sets ignore"),
)
"""All kinds, the gravest first."""

UNREADABLE = tuple(each.name for each in KINDS if each.unreadable)
"""The names of what stops a pipeline: the files that count as bad by default."""

_GROUP = "unreadable"


@dataclass(frozen=True)
class Finding:
    """One thing found about one file.

    Args:
        folder: the folder as it was given.
        name: the file's path in it.
        kind: the name of one of `KINDS`.
        detail: what exactly, in a few words; "" where the kind says it all.
        other: the path of the file that this one is compared with, or None.

    Example:
        >>> Finding("pets/train", "cats/1.jpg", "cut", "14 of 29 lines").path
        'pets/train/cats/1.jpg'
    """

    folder: str
    name: str
    kind: str
    detail: str = ""
    other: str | None = None

    @property
    def path(self) -> str:
        """The path of the file: absolute only where that of the folder is."""
        return os.path.join(self.folder, self.name)  # noqa: PTH118 (strings)


def checked_kinds(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of kinds, the gravest first; "unreadable" stands for all that stop a pipeline.

    Raises:
        ValueError: a name is not known.

    Example:
        >>> checked_kinds(["duplicate", "cut", "empty"])
        ('empty', 'cut', 'duplicate')
    """
    given = set(names)
    known = [each.name for each in KINDS]
    if unknown := sorted(given - {*known, _GROUP}):
        raise ValueError(
            f"`bad` must be names of findings: {', '.join(known)}; or {_GROUP!r} for all that "
            f"stop a pipeline. Received {', '.join(map(repr, unknown))}."
        )
    if _GROUP in given:
        given |= set(UNREADABLE)
    return tuple(name for name in known if name in given)
