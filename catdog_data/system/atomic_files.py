"""Files that are written whole or not at all, and are on the disk when they are."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path

from catdog_data.system.lock_file import locked
from catdog_data.system.sync import sync_file, sync_folder

_ABANDONED_AFTER = 3600.0
"""Seconds."""


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file such that its name means the old content or the new, and nothing in between.

    Args:
        path: the file; its folder must exist.
        content: all of it.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        OSError: the disk is full, or the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "history.csv")
        ...     write_atomically(path, b"epoch,loss")
        ...     path.read_bytes()
        b'epoch,loss'
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path must be in a folder that exists. Received: {str(target)!r}. "
            f"Create {str(target.parent)!r} first."
        )
    with replaced_file(target) as unfinished:
        unfinished.write_bytes(content)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` when the block ends without an error.

    The file is synced before it is renamed, and its folder after that. If the block raises, an
    older file stays as it is. If the process is killed, the unfinished file stays beside it until
    the next one is written; where several processes wrote the same file, for an hour at least.

    Args:
        path: the file; its folder must exist.

    Yields:
        A path in the same folder, with the same suffix.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "model.keras")
        ...     with replaced_file(path) as unfinished:
        ...         _ = unfinished.write_bytes(b"weights")
        ...         print(path.exists(), unfinished.suffix)
        ...     print(path.read_bytes())
        False .keras
        b'weights'
    """
    with _unfinished_name(path) as unfinished:
        try:
            yield unfinished
            sync_file(unfinished)
            unfinished.replace(path)
            sync_folder(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def _unfinished_name(path: Path) -> Iterator[Path]:
    """Yield a name that no other writes to.

    It is the same each time, so that what a killed process left is written over, unless another
    writes the same file at this moment, or locks do not work there.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path.with_name(f".{path.name}.lock"), timeout=0))
        except (OSError, NotImplementedError):
            ending = f".{secrets.token_hex(8)}{path.suffix}"
        else:
            ending = path.suffix
            _remove_abandoned(path)
        yield path.with_name(f".{path.stem}.partial{ending}")


def _remove_abandoned(path: Path) -> None:
    """Remove unfinished files of others that nobody has written to for an hour."""
    for file in path.parent.glob(f".{escape(path.stem)}.partial.{'?' * 16}{escape(path.suffix)}"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > _ABANDONED_AFTER:
                file.unlink()
