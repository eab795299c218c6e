"""What was found of files by a run that was interrupted, for the next one to go on with.

A complete run leaves nothing, so that each looks at all files.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from platformdirs import user_cache_dir

_KEPT_FOR = 7 * 86400.0
"""Seconds; who goes on later begins again."""

Key = tuple[str, int, int]
"""A file: its whole path, size and time of change."""


def key_of(path: str) -> Key:
    """Describe a file such that a change of it is seen; what cannot be looked at has the size -1.

    Example:
        >>> key_of("/no such file")
        ('/no such file', -1, -1)
    """
    path = os.path.abspath(path)  # noqa: PTH100 (a string, and links as they are)
    try:
        status = os.stat(path)  # noqa: PTH116 (a hundred thousand of them)
    except OSError:
        return path, -1, -1
    return path, status.st_size, status.st_mtime_ns


class Journal:
    """A file in this user's folder for caches, to which is added while files are looked at.

    Args:
        settings: plain JSON values: which files are looked at, how, and by which versions.

    Attributes:
        known: what an earlier run with these settings found, by file.

    Example:
        >>> journal = Journal({"folder": "/photos"})
        >>> journal.add([(("/photos/1.jpg", 3, 0), "good")])
        >>> Journal({"folder": "/photos"}).known
        {('/photos/1.jpg', 3, 0): 'good'}
        >>> journal.remove()
        >>> Journal({"folder": "/photos"}).known
        {}
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        described = json.dumps(settings, sort_keys=True)
        name = hashlib.sha256(described.encode()).hexdigest()[:32]
        self._path = Path(user_cache_dir("catdog")) / "verify" / f"{name}.jsonl"
        self._file: TextIO | None = None
        self._writes = True
        _forget_old(self._path.parent)
        self.known = _read(self._path)

    def add(self, found: Iterable[tuple[Key, Any]]) -> None:
        """Keep what was found of some files, plain JSON values.

        A RuntimeWarning says so, once, where nothing can be written.
        """
        if not self._writes:
            return
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8")
            # In front of each line, since that before it may have been cut.
            self._file.write("".join(f"\n{json.dumps([*key, value])}" for key, value in found))
            self._file.flush()
        except OSError as error:
            self._writes = False
            warnings.warn(
                f"If this is interrupted, it begins again: {error}.", RuntimeWarning, stacklevel=2
            )

    def remove(self) -> None:
        """Forget everything: the files have all been looked at."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
            self._path.unlink()


def _read(path: Path) -> dict[Key, Any]:
    known = {}
    with suppress(OSError, UnicodeDecodeError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # of a line that was cut, or is empty
                name, size, changed, value = json.loads(line)
                known[name, size, changed] = value
    return known


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*.jsonl"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _KEPT_FOR:
                path.unlink()
