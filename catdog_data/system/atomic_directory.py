"""Directories that appear whole or not at all: filled aside, synced, and renamed."""

from __future__ import annotations

import functools
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from catdog_data.system.lock_file import locked
from catdog_data.system.sync import sync_folder, sync_tree

MARKER_NAME = ".catdog-source.json"

_PARTIAL, _LOCK = "partial", "lock"
_REPLACED = ".old"
_ATTEMPTS = 3

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

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(is_published(Path(folder, "set"), {"seed": 1}))
        ...     with staged(Path(folder, "set"), {"seed": 1}) as staging:
        ...         _ = (staging / "1.txt").write_text("a cat")
        ...     print(is_published(Path(folder, "set"), {"seed": 1}))
        False
        True
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

    The directory is a sibling of `destination`, so the rename is atomic; all of it is on the disk
    by then, the marker last. If the block raises, it is removed. What a killed process left behind
    is removed by the next call. If another process published the same data meanwhile, its directory
    stays and this one is dropped.

    Args:
        destination: Absent, or an empty directory.
        marker: Written to the directory, so that `is_published` knows it again.

    Yields:
        The directory to fill.

    Raises:
        FileExistsError: Something else appeared at `destination` meanwhile.
        OSError: The disk is full, or the directory cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with staged(Path(folder, "set"), {"seed": 1}) as staging:
        ...         _ = (staging / "1.txt").write_text("a cat")
        ...         print(Path(folder, "set").exists())
        ...     print(Path(folder, "set", "1.txt").read_text())
        False
        a cat
    """
    with staged_unnamed(destination) as (staging, publish):
        yield staging
        publish(destination, marker)


@contextmanager
def staged_unnamed(beside: Path) -> Iterator[tuple[Path, Callable[[Path, Marker], None]]]:
    """Do as `staged` for a directory whose name and marker are known only once it is filled.

    Args:
        beside: a sibling that stands for it until then, and need not exist: what a killed process
            left behind is removed by the next call for the same.

    Yields:
        The directory to fill, and the function that turns it into the destination and marker of
        `staged`; without a call of it nothing is left.

    Raises:
        OSError: see `staged`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with staged_unnamed(Path(folder, "set")) as (staging, publish):
        ...         publish(Path(folder, "set of 0"), {"images": 0})
        ...     print([path.name for path in Path(folder).iterdir()])
        ['set of 0']
    """
    beside.parent.mkdir(parents=True, exist_ok=True)
    with _staging_of(beside) as staging:
        yield staging, functools.partial(_publish, staging)


def _publish(staging: Path, destination: Path, marker: Marker) -> None:
    (staging / MARKER_NAME).write_text(json.dumps(dict(marker), indent=2) + "\n")
    sync_tree(staging)
    try:
        staging.rename(destination)
    except OSError:
        if not is_published(destination, marker):
            raise
    sync_folder(destination.parent)


@contextmanager
def replaced_directory(destination: Path) -> Iterator[Path]:
    """Yield an empty directory which takes the place of `destination` at the end of the block.

    All of it is on the disk by then. The directory that it replaces is deleted after that; if the
    block raises, it stays as it is. What a killed process left behind is removed by the next call,
    and an older directory that it had already moved away is put back.

    Args:
        destination: A directory, or absent; its parent must exist.

    Yields:
        The directory to fill.

    Raises:
        OSError: The disk is full, or the directory cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for text in ("first", "second"):
        ...         with replaced_directory(Path(folder, "export")) as unfinished:
        ...             _ = (unfinished / "a.txt").write_text(text)
        ...     print([path.name for path in Path(folder).iterdir()])
        ...     print(Path(folder, "export", "a.txt").read_text())
        ['export']
        second
    """
    with _staging_of(destination) as staging:
        yield staging
        sync_tree(staging)
        _put_in_place(staging, destination)
        sync_folder(destination.parent)


def _put_in_place(finished: Path, destination: Path) -> None:
    """Rename a directory; the one that it replaces is deleted after that, not before."""
    if not destination.exists():
        finished.rename(destination)
        return
    replaced = finished.with_name(finished.name + _REPLACED)
    destination.rename(replaced)
    try:
        finished.rename(destination)
    except OSError:
        replaced.rename(destination)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def _read_marker(directory: Path) -> dict[str, object] | None:
    try:
        content = json.loads((directory / MARKER_NAME).read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _describe(marker: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in marker.items())


@contextmanager
def _staging_of(destination: Path) -> Iterator[Path]:
    """Yield an empty directory beside `destination`, locked until it is renamed or removed."""
    _remove_abandoned(destination)
    with ExitStack() as stack:
        staging = _locked_name(destination, stack)
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _locked_name(destination: Path, stack: ExitStack) -> Path:
    """Choose a name for a staging directory, and lock it before there is such a directory."""
    for _ in range(_ATTEMPTS):
        token = secrets.token_hex(8)
        # Another process may hold a lock for a moment, to see whether it is abandoned.
        with suppress(OSError, NotImplementedError):
            stack.enter_context(locked(_lock_path(destination, token), timeout=0))
            break
    # Else a file system without locks: what is abandoned stays, and nothing worse.
    return destination.with_name(_prefix(destination, _PARTIAL) + token)


def _remove_abandoned(destination: Path) -> None:
    """Remove what processes left that were killed: their locks are free."""
    partial, lock = _prefix(destination, _PARTIAL), _prefix(destination, _LOCK)
    tokens = set()
    for sibling in destination.parent.iterdir():
        for prefix in (partial, lock):
            if sibling.name.startswith(prefix) and not sibling.is_symlink():
                tokens.add(sibling.name.removeprefix(prefix).removesuffix(_REPLACED))
    for token in tokens:
        with (
            suppress(OSError, NotImplementedError),
            locked(_lock_path(destination, token), timeout=0),
        ):
            replaced = destination.with_name(partial + token + _REPLACED)
            if replaced.is_dir() and not destination.exists():
                # Killed between the two renames of `_put_in_place`.
                replaced.rename(destination)
            for abandoned in (destination.with_name(partial + token), replaced):
                if not abandoned.is_symlink():
                    shutil.rmtree(abandoned, ignore_errors=True)


def _lock_path(destination: Path, token: str) -> Path:
    return destination.with_name(_prefix(destination, _LOCK) + token)


def _prefix(destination: Path, kind: str) -> str:
    return f".{destination.name}.{kind}-"
