"""Fill a directory all or nothing, once: build it aside, mark it, rename it into place."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MARKER_NAME = ".catdog-source.json"

Marker = Mapping[str, str | int | list[int] | None]


def is_published(destination: Path, marker: Marker) -> bool:
    """Tell whether `destination` already holds what `marker` describes.

    Args:
        destination: Directory to look at; need not exist.
        marker: What the caller wants there; plain JSON values.

    Returns:
        True if it is there, complete; False if `destination` is absent or an empty directory.

    Raises:
        FileExistsError: `destination` is a file, or holds anything else.
        ValueError: `destination` is a mount point, which nothing can be renamed to.
    """
    if not destination.exists():
        return False
    if not destination.is_dir():
        raise FileExistsError(
            f"destination must be a directory or absent. Received: {destination}, a file. "
            "Choose another destination."
        )
    found = _read_marker(destination)
    if found == dict(marker):
        return True
    if found is not None:
        raise FileExistsError(
            f"destination must be empty or hold the same data. Received: {destination}, which "
            f"holds {_describe(found)}, not {_describe(marker)}. "
            "Delete the directory or choose another destination."
        )
    if any(destination.iterdir()):
        raise FileExistsError(
            f"destination must be empty, absent or filled by catdog. Received: {destination}, "
            "which holds other files. They were left alone; choose another destination."
        )
    if destination.is_mount():
        raise ValueError(
            f"destination must not be a mount point. Received: {destination}. "
            "Name a directory below it."
        )
    return False


@contextmanager
def staged(destination: Path, marker: Marker) -> Iterator[Path]:
    """Yield an empty directory which becomes `destination` when the block ends without error.

    The directory is a sibling of `destination`, so the rename is atomic; the marker is the last
    file written to it. If the block raises, it is removed. What a killed process left behind is
    removed by the next call. If another process published the same data meanwhile, its directory
    stays and this one is dropped.

    Args:
        destination: Absent, or an empty directory.
        marker: Written to the directory, so that `is_published` knows it again.

    Yields:
        The directory to fill.

    Raises:
        FileExistsError: Something else appeared at `destination` meanwhile.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(destination)
    staging, lock = _make_staging(destination)
    try:
        yield staging
        (staging / MARKER_NAME).write_text(json.dumps(dict(marker), indent=2) + "\n")
        try:
            staging.rename(destination)
        except OSError:
            if not is_published(destination, marker):
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(lock)


def _read_marker(directory: Path) -> dict[str, object] | None:
    try:
        content = json.loads((directory / MARKER_NAME).read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _describe(marker: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in marker.items())


def _staging_prefix(destination: Path) -> str:
    return f".{destination.name}.partial-"


def _make_staging(destination: Path) -> tuple[Path, int]:
    """Make a staging directory and lock it: the kernel drops the lock when its owner dies."""
    while True:
        staging = destination.with_name(_staging_prefix(destination) + secrets.token_hex(8))
        staging.mkdir()
        try:
            lock = os.open(staging, os.O_RDONLY)
        except FileNotFoundError:
            continue
        with suppress(OSError):  # a file system without locks: no cleaning up, nothing worse
            fcntl.flock(lock, fcntl.LOCK_EX)
        if staging.exists():
            return staging, lock
        os.close(lock)  # taken for abandoned in the moment before it was locked


def _remove_abandoned(destination: Path) -> None:
    prefix = _staging_prefix(destination)
    for sibling in destination.parent.iterdir():
        if sibling.name.startswith(prefix) and not sibling.is_symlink():
            _remove_if_unlocked(sibling)


def _remove_if_unlocked(staging: Path) -> None:
    with suppress(OSError):
        lock = os.open(staging, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(staging, ignore_errors=True)
        finally:
            os.close(lock)
