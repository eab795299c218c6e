"""Files that are no files to read: pipes, sockets and devices, which reading may never leave.

A folder counts as none of them: the system refuses at once to read one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Set

from catdog_data.system.messages import some_of

NO_REGULAR_FILE = "no regular file"


def is_special(mode: int) -> bool:
    """Tell whether a file is a pipe, a socket or a device, by its `st_mode`.

    Example:
        >>> is_special(os.stat(__file__).st_mode), is_special(os.stat("/dev/null").st_mode)
        (False, True)
    """
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_special_entry(entry: os.DirEntry[str]) -> bool:
    """Tell it of an entry of a folder, as of its end if it is a link.

    Nothing is asked of the system about regular files, nor about links that were asked whether they
    are folders.
    """
    try:
        return not entry.is_file() and is_special(entry.stat().st_mode)
    except OSError:  # a link that leads nowhere, which the system refuses at once to read
        return False


def special_file(path: str) -> str:
    """Say why a special file is not read.

    Example:
        >>> special_file("cats/1.jpg")
        "'cats/1.jpg' is no regular file: reading it might never end. Remove it from the data set."
    """
    return (
        f"{path!r} is {NO_REGULAR_FILE}: reading it might never end. Remove it from the data set."
    )


def check_none_is_special(paths: Iterable[str], special: Set[str]) -> None:
    """Refuse a listing that has special files.

    Args:
        paths: what is to be read.
        special: those that are special, of these and of others.

    Raises:
        ValueError: there is one.

    Example:
        >>> check_none_is_special(["cats/1.jpg"], {"cats/2.jpg"})
    """
    if special and (found := [path for path in paths if path in special]):
        raise ValueError(
            f"All files of a data set must be regular files; {len(found)} are pipes, sockets or "
            f"devices: {some_of(found)}. Reading these might never end. Remove them, or leave them "
            "out by `exclude` or `on_error`."
        )
