"""Data on the disk and not only in the system's memory, so that a power failure keeps it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FEW = 64
"""Files that are synced one by one. Each waits for the disk, so more are synced all at once."""


def sync_file(path: Path) -> None:
    """Write what the system still holds of a file to its disk.

    Args:
        path: the file, closed by those who wrote it.

    Raises:
        OSError: the file cannot be opened, or the disk refused it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.txt")
        ...     _ = path.write_text("words")
        ...     sync_file(path)
    """
    # Windows syncs only what is open for writing.
    with _opened(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY) as handle:
        os.fsync(handle)


def sync_folder(path: Path) -> None:
    """Write a folder's list of names to its disk, where the system can: a rename is kept then.

    Args:
        path: the folder. Windows, and some file systems, sync no folders: nothing is done there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sync_folder(Path(folder))
    """
    if os.name != "nt":
        with suppress(OSError), _opened(path, os.O_RDONLY) as handle:
            os.fsync(handle)


def sync_tree(folder: Path) -> None:
    """Write a folder, and all files and folders below it, to the disk.

    Args:
        folder: the folder; symbolic links in it are not followed.

    Raises:
        OSError: a file cannot be opened, or the disk refused it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "cats").mkdir()
        ...     _ = Path(folder, "cats", "1.txt").write_text("a cat")
        ...     sync_tree(Path(folder))
    """
    folders, files = [folder], list[Path]()
    for path in folder.rglob("*"):
        if not path.is_symlink():
            (folders if path.is_dir() else files).append(path)
    if len(files) > _FEW and _sync_file_system(folder):
        return
    for path in files:
        sync_file(path)
    for path in folders:
        sync_folder(path)


def _sync_file_system(folder: Path) -> bool:
    """Sync all that lies on the disk of a folder; return False where the system cannot."""
    if os.name == "nt":
        return False
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    with _opened(folder, os.O_RDONLY) as handle:
        if syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), os.fspath(folder))
    return True


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags)
    try:
        yield handle
    finally:
        os.close(handle)
