"""Unpack an image archive safely.

    zip or tar -> every member checked -> extracted aside -> renamed into place -> ImageFolders

An archive is somebody else's data: nothing is written before every member has been looked at.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

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
from catdog_data.archives.spelling import COARSEST, PathParts, spelling_of
from catdog_data.sources.class_folders import IMAGE_ENDINGS
from catdog_data.system.atomic_directory import MARKER_NAME, Marker, is_published, staged

StrPath: TypeAlias = str | os.PathLike[str]

_MiB = 1 << 20
_CHUNK = _MiB
_BLOCK = 4096  # what a file system usually allocates at least

# Photographs hardly compress; a text file rarely beyond 20:1. Bombs start at about 1000:1.
_MEMBER_RATIO, _MEMBER_FREE = 200, _MiB
_TOTAL_RATIO, _TOTAL_FREE = 100, 100 * _MiB

_ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_ZIP_HEADER = 30  # bytes before a member's name and data, at least
_ZIP_ENCRYPTED = 0x1 | 0x40  # ordinary and strong encryption
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    UnicodeDecodeError,
    NotImplementedError,  # zipfile: a feature of the format that it cannot read
)


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
    """
    source, target = Path(archive), Path(destination).resolve()
    if not source.is_file():
        raise FileNotFoundError(
            f"archive must be an existing file. Received: {source}. "
            "Check the path, or download the archive first."
        )
    marker = _archive_marker(source)
    if not is_published(target, marker):
        kind = _detect_kind(source)
        members = kind.list_members(source)
        _check_names(source, _checked_paths(source, members), target)
        _check_free_space(members, target)
        with (
            _locating(source, target),
            staged(target, marker) as staging,
            _reporting_damage(source),
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


# --- Members --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Member:
    """One entry of an archive.

    Attributes:
        name: Name as the archive spells it.
        size: Declared size in bytes.
        packed: Size in the archive in bytes; None where members are not compressed one by one.
        is_directory: Whether it is a directory.
        refusal: Why an entry of its kind is refused; None if it is not.
    """

    name: str
    size: int
    packed: int | None
    is_directory: bool
    refusal: str | None


@dataclass(frozen=True)
class _Kind:
    """How to read one kind of archive: its members, then each member's content in order."""

    list_members: Callable[[Path], list[_Member]]
    open_members: Callable[[Path], Iterator[IO[bytes] | None]]


def _safe_parts(name: str) -> tuple[str, ...]:
    """Return the parts of a member's path below the destination.

    Raises:
        ValueError: The name could lead anywhere else, on any system; the text is the reason.
    """
    if "\0" in name or "\\" in name:
        raise ValueError("its name holds a backslash or a null character")
    if name.startswith("/"):
        raise ValueError("its path is absolute")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError("its path leads upwards")
    if any(part[1:2] == ":" and part[0].isalpha() for part in parts):
        raise ValueError("its path names a drive")
    if any(len(os.fsencode(part)) > 255 for part in parts):
        raise ValueError("its name is longer than 255 bytes")
    if parts and COARSEST.key(parts[0]) == MARKER_NAME:
        raise ValueError("its name is reserved")
    return parts


def _checked_paths(archive: Path, members: list[_Member]) -> set[PathParts]:
    """Check every member; return the paths of files and of all folders on the way to them."""
    files: set[PathParts] = set()
    directories: set[PathParts] = set()
    for member in members:
        parts = _checked_parts(archive, member)
        if not member.is_directory:
            if parts in files:
                raise _refusal(archive, member.name, "it occurs twice")
            files.add(parts)
        within = len(parts) + member.is_directory
        directories.update(parts[:depth] for depth in range(1, within))
    both = files & directories
    if both:
        raise _refusal(archive, "/".join(min(both)), "it is both a file and a directory")
    if not files:
        raise ValueError(f"archive must hold image files. Received: {archive}, which holds none.")
    _check_total(archive, sum(member.size for member in members))
    return files | directories


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


def _checked_parts(archive: Path, member: _Member) -> tuple[str, ...]:
    if member.refusal is not None:
        raise _refusal(archive, member.name, member.refusal)
    try:
        parts = _safe_parts(member.name)
    except ValueError as error:
        raise _refusal(archive, member.name, str(error)) from None
    if not parts and not member.is_directory:
        raise _refusal(archive, member.name, "its name is empty")
    packed = member.packed
    if packed is not None and member.size > max(_MEMBER_FREE, _MEMBER_RATIO * packed):
        reason = f"{packed} bytes would become {member.size}, more than {_MEMBER_RATIO}:1"
        raise _refusal(archive, member.name, reason)
    return parts


def _refusal(archive: Path, name: str, reason: str) -> ValueError:
    return ValueError(
        f"archive must hold only plain files and directories below its root. Received: {archive} "
        f"with member {name!r}: {reason}. Nothing was unpacked; do not trust this archive."
    )


def _total_limit(archive: Path) -> int:
    return max(_TOTAL_FREE, _TOTAL_RATIO * archive.stat().st_size)


def _check_total(archive: Path, total: int) -> None:
    limit = _total_limit(archive)
    if total > limit:
        raise ValueError(
            f"archive must not unpack to more than {limit} bytes, {_TOTAL_RATIO} times its size. "
            f"Received: {archive}, at least {total} bytes. Do not trust this archive."
        )


def _check_free_space(members: list[_Member], destination: Path) -> None:
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


# --- Kinds of archive -----------------------------------------------------------------------------


def _detect_kind(archive: Path) -> _Kind:
    with archive.open("rb") as file:
        head = file.read(512)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _Kind(_list_zip, _open_zip)
    if _decompressor(head) is not None or head[257:262] == b"ustar" or tarfile.is_tarfile(archive):
        return _Kind(_list_tar, _open_tar)
    raise ValueError(
        f"archive must be a zip or tar file (tar also gzip, bzip2 or xz). Received: {archive}, "
        "whose content is neither. Check that the download is complete and no web page."
    )


def _list_zip(archive: Path) -> list[_Member]:
    with _reporting_damage(archive):
        try:
            with zipfile.ZipFile(archive) as file:
                infos, end = file.infolist(), file.start_dir
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise zipfile.BadZipFile("its list of members is out of place") from error
        if any(info.header_offset < 0 for info in infos):
            raise zipfile.BadZipFile("a member is out of place")
    misplaced = _misplaced(infos, end)
    return [_zip_member(info, misplaced.get(info.header_offset)) for info in infos]


def _misplaced(infos: list[zipfile.ZipInfo], end: int) -> dict[int, str]:
    """Find members whose bytes are not theirs alone, or not there.

    Args:
        infos: the members.
        end: where the last of them must have ended: the position of their list.

    Returns:
        Why each of these is refused, by its position.
    """
    ordered = sorted(infos, key=lambda info: info.header_offset)
    limits = [*(info.header_offset for info in ordered[1:]), end]
    found = {}
    for info, limit in zip(ordered, limits, strict=False):
        behind = info.header_offset + _ZIP_HEADER + info.compress_size
        if behind > end:
            found[info.header_offset] = "its packed data run past the end of the archive"
        elif behind > limit:
            found[info.header_offset] = "it overlaps another member"
    return found


def _zip_member(info: zipfile.ZipInfo, misplaced: str | None) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    refusal = None
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        refusal = "it is a link or a device"
    elif info.flag_bits & _ZIP_ENCRYPTED:
        refusal = "it is encrypted"
    elif info.compress_type not in _ZIP_METHODS:
        refusal = f"its compression method {info.compress_type} is unknown"
    else:
        refusal = misplaced
    # The original spelling: zipfile cuts names at a null character.
    name = info.orig_filename
    return _Member(name, info.file_size, info.compress_size, _is_zip_directory(info), refusal)


def _is_zip_directory(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # its own is_dir() fails on an empty name


def _open_zip(archive: Path) -> Iterator[IO[bytes] | None]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if _is_zip_directory(info):
                yield None
            else:
                with file.open(info) as content:
                    yield content


def _list_tar(archive: Path) -> list[_Member]:
    with _reporting_damage(archive), _open_tar_stream(archive) as (tar, stream):
        members, total = [], 0
        for info in tar:
            members.append(_tar_member(info))
            # Before the next is looked for, which takes a read for every 10 kB that one declares.
            total += max(info.size, 0)
            _check_total(archive, total)
        # tarfile takes a damaged header for the end: behind the true end are only zeros.
        stream.drain()
        if stream.end_of_data > tar.offset or stream.position <= tar.offset:
            raise tarfile.ReadError("unexpected end of the list of members")
    return members


def _tar_member(info: tarfile.TarInfo) -> _Member:
    refusal = None
    if info.issym() or info.islnk():
        refusal = "it is a link"
    elif not (info.isfile() or info.isdir()):
        refusal = "it is a device or a pipe"
    elif info.issparse():
        refusal = "it is a sparse file"
    elif info.size < 0:
        refusal = "its size is negative"
    return _Member(info.name, info.size, None, info.isdir(), refusal)


def _open_tar(archive: Path) -> Iterator[IO[bytes] | None]:
    with _open_tar_stream(archive) as (tar, _):
        for info in tar:
            yield None if info.isdir() else tar.extractfile(info)


@contextmanager
def _open_tar_stream(archive: Path) -> Iterator[tuple[tarfile.TarFile, _BoundedStream]]:
    with archive.open("rb") as file:
        opener = _decompressor(file.read(6))
        file.seek(0)
        with opener(file) if opener else file as content:
            stream = _BoundedStream(archive, content)
            # Forward reading only, so that the bound holds for every byte, headers included.
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as tar:
                yield tar, stream


def _decompressor(head: bytes) -> Callable[[IO[bytes]], Any] | None:
    openers: dict[bytes, Callable[[IO[bytes]], Any]] = {
        b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),  # its first argument is a name
        b"BZh": bz2.BZ2File,
        b"\xfd7zXZ\x00": lzma.LZMAFile,
    }
    return next((opener for magic, opener in openers.items() if head.startswith(magic)), None)


class _BoundedStream:
    """A forward reader of a decompressed archive that refuses to grow beyond the limit.

    Attributes:
        position: Bytes read so far.
        end_of_data: Position behind the last byte that was not zero.
    """

    def __init__(self, archive: Path, content: IO[bytes]) -> None:
        self.position = 0
        self.end_of_data = 0
        self._archive = archive
        self._content = content
        self._limit = _total_limit(archive)

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; ValueError once the limit is passed or data are damaged."""
        data = _read(self._content, size)
        meaning = len(data.rstrip(b"\0"))
        if meaning:
            self.end_of_data = self.position + meaning
        self.position += len(data)
        if self.position > self._limit:
            _check_total(self._archive, self.position)
        return data

    def drain(self) -> None:
        """Read to the end, which also verifies the checksum of the compressed data."""
        while self.read(_CHUNK):
            pass


def _read(content: IO[bytes], size: int) -> bytes:
    try:
        return content.read(size)
    except OSError as error:
        if error.errno is not None:
            raise
        raise EOFError(str(error)) from error  # bz2 reports damage as an OSError without number


@contextmanager
def _reporting_damage(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(
            f"archive must be complete and undamaged. Received: {archive}: {error}. "
            "Download it again."
        ) from error


# --- Extraction -----------------------------------------------------------------------------------


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
    archive: Path, kind: _Kind, members: list[_Member], directory: Path, progress: bool
) -> None:
    total = sum(member.size for member in members)
    contents = kind.open_members(archive)
    with _progress_bar(progress) as bar:
        task = bar.add_task(f"Unpacking {archive.name}", total=total)
        for member, content in zip(members, contents, strict=True):
            path = directory.joinpath(*_safe_parts(member.name))
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                _copy(archive, member, content, path)
            bar.advance(task, member.size)


@contextmanager
def _locating(archive: Path, destination: Path) -> Iterator[None]:
    """Say where a write failed, which the system does not."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        said = f"{error.strerror} while {archive} was unpacked. Nothing was left; make room"
        raise OSError(error.errno, said, str(destination)) from None


def _copy(archive: Path, member: _Member, content: IO[bytes], path: Path) -> None:
    """Write one member, and never more of it than was declared when it was checked."""
    written = 0
    with path.open("xb") as file:
        while chunk := _read(content, _CHUNK):
            written += len(chunk)
            if written > member.size:
                break
            file.write(chunk)
    if written != member.size:
        reason = f"it declares {member.size} bytes and holds {'more' * (written > member.size)}"
        raise _refusal(archive, member.name, reason + "fewer" * (written < member.size))


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
