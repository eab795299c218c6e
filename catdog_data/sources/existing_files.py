"""Which of many files exist, asked one folder at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable


def existing_files(paths: Iterable[str]) -> set[str]:
    """Tell which paths are files, links to files included.

    Each folder is listed once, which takes a fraction of the time of asking file by file: a
    quarter of a million names in a folder take about a second.

    Args:
        paths: as strings; relative ones count from the working directory.

    Returns:
        Those of them that are files.

    Example:
        >>> sorted(existing_files([__file__, "no such file.jpg"])) == [__file__]
        True
    """
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(os.path.dirname(path), []).append(path)  # noqa: PTH120 (strings)
    found: set[str] = set()
    for folder, members in by_folder.items():
        found.update(_files_among(members, folder))
    return found


def _files_among(paths: Iterable[str], folder: str) -> list[str]:
    try:
        names = _file_names(folder)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # Missing, not a folder, or a name that no folder can have.
        return []
    except OSError:
        # Files of a folder that may not be listed can still be read.
        return [path for path in paths if os.path.isfile(path)]  # noqa: PTH113 (strings)
    return [path for path in paths if os.path.basename(path) in names]  # noqa: PTH119


def _file_names(folder: str) -> set[str]:
    with os.scandir(folder or ".") as entries:
        return {entry.name for entry in entries if _is_file(entry)}


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False
