"""Folders on disk, walked so that a folder that cannot be listed is an error."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from catdog_data.system.special_files import is_special_entry

_LEADS_NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}


def walk(folder: str, *, follow_links: bool) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the files of a folder and of all below it, in no order; links as by `os.walk`.

    Args:
        folder: where to begin.
        follow_links: whether to enter folders that are symbolic links; `folder` may be one.

    Yields:
        A folder's path below the first, "/" between names and "" for the first itself, and the
        names in it that are no folders; and those of the latter that are pipes, sockets or devices.

    Raises:
        OSError: a folder cannot be listed, where `os.walk` passes it over.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("1.jpg", "old/2.jpg", "old/3.jpg"):
        ...         (Path(root) / name).parent.mkdir(exist_ok=True)
        ...         (Path(root) / name).touch()
        ...     sorted((below, sorted(names)) for below, names, _ in walk(root, follow_links=False))
        [('', ['1.jpg']), ('old', ['2.jpg', '3.jpg'])]
    """
    waiting = [""]
    while waiting:
        below = waiting.pop()
        files: list[str] = []
        special: list[str] = []
        current = os.path.join(folder, below) if below else folder  # noqa: PTH118 (strings)
        for entry in entries_of(current):
            if not is_folder(entry, follow_links=follow_links):
                files.append(entry.name)
                if is_special_entry(entry):
                    special.append(entry.name)
            elif follow_links or not entry.is_symlink():
                waiting.append(f"{below}/{entry.name}" if below else entry.name)
        yield below, files, special


def entries_of(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield what `os.scandir` finds; an OSError says what a folder that it cannot list means."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise _unlisted(error, folder) from error


def is_folder(entry: os.DirEntry[str], *, follow_links: bool = True) -> bool:
    """Tell whether an entry is a folder or a link to one; a link that leads nowhere is neither.

    Args:
        entry: of `entries_of`.
        follow_links: whether a link to a folder would be entered, so that one whose end cannot be
            looked at may stand for files that are missed.

    Raises:
        OSError: the file system does not answer.
    """
    try:
        return entry.is_dir()
    except OSError as error:
        passed_over = entry.is_symlink() and not follow_links
        if passed_over or error.errno in _LEADS_NOWHERE:
            return False
        raise _unlisted(error, entry.path) from error


def _unlisted(error: OSError, folder: str) -> OSError:
    return OSError(
        error.errno,
        f"A folder must be there and readable, or its files are missed: {error.strerror}. Correct "
        "its path or its permissions, or take it away",
        folder,
    )
