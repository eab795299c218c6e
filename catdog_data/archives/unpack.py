"""Unpack an image archive safely.

    zip or tar -> every member checked -> extracted aside -> renamed into place -> ImageFolders

An archive is somebody else's data: nothing is written before every member has been looked at.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from catdog_data.archives.find_folders import ImageFolders, find_image_folders, layout_of
from catdog_data.archives.members import Member, checked_paths, refusal, safe_parts
from catdog_data.archives.spelling import COARSEST, PathParts, spelling_of
from catdog_data.archives.zip_tar import CHUNK, Kind, detect_kind, read_chunk, reporting_damage
from catdog_data.sources.class_folders import IMAGE_ENDINGS
from catdog_data.system.atomic_directory import Marker, is_published, staged

StrPath: TypeAlias = str | os.PathLike[str]

_BLOCK = 4096  # what a file system usually allocates at least


def unpack(
    archive: StrPath,
    destination: StrPath,
    *,
    progress: bool = True,
    endings: Collection[str] = IMAGE_ENDINGS,
) -> ImageFolders:
    """Unpack a zip or tar archive of image folders, all or nothing.

    The archive's kind is read from its content (tar also compressed by gzip, bzip2 or xz). Every
    member is checked before anything is written. Unpacking the same archive again does nothing.
    Files get the default mode, whatever the archive says.

    Args:
        archive: The archive file.
        destination: Directory to fill; absent or empty, or filled from this archive before.
        progress: Whether to draw a progress bar on standard error.
        endings: Of image files, in lower case, with their dot.

    Returns:
        The class folders found in `destination`, as by `find_image_folders`.

    Raises:
        FileNotFoundError: The archive does not exist, or there are no class folders in it.
        FileExistsError: `destination` holds something else; it is left alone.
        ValueError: The archive is no archive, damaged, or holds a member that is refused: one
            outside of `destination`, a link, a device, an encrypted, duplicate, misplaced or
            absurdly compressed one, or two that `destination` cannot keep apart. It stays absent.
        OSError: The disk has too little space; nothing is left there.

    Example:
        >>> import tempfile
        >>> from catdog_data import generate_sample_set
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets", train_per_class=2, image_size=(48, 64), progress=False
        ...     )
        ...     archive = shutil.make_archive(f"{root}/archive", "zip", pets.train)
        ...     folders = unpack(archive, f"{root}/unpacked", progress=False)
        >>> folders.class_names
        ('cats', 'dogs')
    """
    source, target = Path(archive), Path(destination).resolve()
    if not source.is_file():
        raise FileNotFoundError(
            f"archive must be an existing file. Received: {source}. "
            "Check the path, or download the archive first."
        )
    marker = _archive_marker(source)
    if not is_published(target, marker):
        kind = detect_kind(source)
        members = kind.list_members(source)
        _check_names(source, checked_paths(source, members), target)
        _check_free_space(members, target)
        with (
            _locating(source, target),
            staged(target, marker) as staging,
            reporting_damage(source),
        ):
            _extract(source, kind, members, staging, progress)
            _check_layout(source, staging, endings)
    return find_image_folders(target, endings=endings)


def _check_layout(archive: Path, staging: Path, endings: Collection[str]) -> None:
    """Look for class folders; errors name the archive, as the staging directory is removed."""
    try:
        layout_of(staging, endings)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(str(error).replace(str(staging), str(archive))) from None


def _check_names(archive: Path, paths: set[PathParts], destination: Path) -> None:
    """Refuse paths that are two in the archive and one where they are unpacked."""
    if COARSEST.clash(paths) is None:
        return
    existing = _existing(destination)
    clash = spelling_of(existing).clash(sorted(paths))
    if clash is not None:
        one, other = (ascii("/".join(each)) for each in clash)  # forms of Unicode look the same
        raise ValueError(
            f"archive must hold names that its destination keeps apart. Received: {archive} with "
            f"{one} and {other}, which are one name in {existing}. Nothing was unpacked; choose a "
            "destination on another file system."
        )


def _check_free_space(members: list[Member], destination: Path) -> None:
    needed = sum(-(-member.size // _BLOCK) * _BLOCK for member in members)
    free = shutil.disk_usage(_existing(destination)).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"destination needs {needed} bytes. Received: {free} bytes free. Nothing was written; "
            "free some space or choose another destination",
            str(destination),
        )


def _existing(destination: Path) -> Path:
    """Return the directory that `destination`, or what leads to it, will be made in."""
    return next(path for path in destination.parents if path.exists())


def _archive_marker(archive: Path) -> Marker:
    status = archive.stat()
    return {
        "kind": "archive",
        "format": 1,
        "name": archive.name,
        "size": status.st_size,
        "mtime": int(status.st_mtime),
    }


def _extract(
    archive: Path, kind: Kind, members: list[Member], directory: Path, progress: bool
) -> None:
    total = sum(member.size for member in members)
    contents = kind.open_members(archive)
    with _progress_bar(progress) as bar:
        task = bar.add_task(f"Unpacking {archive.name}", total=total)
        for member, content in zip(members, contents, strict=True):
            path = directory.joinpath(*safe_parts(member.name))
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                _copy(archive, member, content, path)
            bar.advance(task, member.size)


@contextmanager
def _locating(archive: Path, destination: Path) -> Iterator[None]:
    """Add the destination to the error of a write that failed without a file name."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        message = f"{error.strerror} while {archive} was unpacked. Nothing was left; make room"
        raise OSError(error.errno, message, str(destination)) from None


def _copy(archive: Path, member: Member, content: IO[bytes], path: Path) -> None:
    """Write one member, and never more of it than was declared when it was checked."""
    written = 0
    with path.open("xb") as file:
        while chunk := read_chunk(content, CHUNK):
            written += len(chunk)
            if written > member.size:
                break
            file.write(chunk)
    if written != member.size:
        reason = f"it declares {member.size} bytes and holds {'more' * (written > member.size)}"
        raise refusal(archive, member.name, reason + "fewer" * (written < member.size))


def _progress_bar(enabled: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not enabled,
    )
