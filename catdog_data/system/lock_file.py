"""A lock between threads and processes, as a file that whoever held it last removes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock


@contextmanager
def locked(path: Path, timeout: float = -1) -> Iterator[None]:
    """Hold a lock for the time of the block, which no other thread or process then holds.

    The system drops the lock of a process that ends, however it ends; its file stays, and is
    removed by the next that holds the lock.

    Args:
        path: the file of the lock, made where it is missing; its folder must exist.
        timeout: seconds to wait for another to release the lock; below 0 for as long as it takes.

    Raises:
        TimeoutError: another still holds the lock.
        NotImplementedError: the file system has no locks.
        OSError: the file cannot be made or opened.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with locked(Path(folder, "lock")):
        ...         print([path.name for path in Path(folder).iterdir()])
        ...     print([path.name for path in Path(folder).iterdir()])
        ['lock']
        []
    """
    # Who opens the file before it is removed and locks it after that holds a lock on a file without
    # a name, while others lock the next file of that name. `FileLock` looks for that once it holds
    # the lock, and begins again; from 3.30 on it does not remove the file a second time on release.
    with FileLock(path, timeout=timeout):
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file; there, `FileLock` does it.
                path.unlink()
