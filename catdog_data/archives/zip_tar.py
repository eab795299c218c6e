"""How zip and tar archives are read: their members, then the content of each in order."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from catdog_data.archives.members import Member, check_total, total_limit

CHUNK = 1 << 20
"""Bytes that are read at once."""

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


@dataclass(frozen=True)
class Kind:
    """How to read one kind of archive: its members, then each member's content in order."""

    list_members: Callable[[Path], list[Member]]
    open_members: Callable[[Path], Iterator[IO[bytes] | None]]


def detect_kind(archive: Path) -> Kind:
    """Tell from its content how an archive is read; ValueError if it is neither zip nor tar."""
    with archive.open("rb") as file:
        head = file.read(512)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Kind(_list_zip, _open_zip)
    if _decompressor(head) is not None or head[257:262] == b"ustar" or tarfile.is_tarfile(archive):
        return Kind(_list_tar, _open_tar)
    raise ValueError(
        f"archive must be a zip or tar file (tar also gzip, bzip2 or xz). Received: {archive}, "
        "whose content is neither. Check that the download is complete and no web page."
    )


def _list_zip(archive: Path) -> list[Member]:
    with reporting_damage(archive):
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


def _zip_member(info: zipfile.ZipInfo, misplaced: str | None) -> Member:
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
    return Member(name, info.file_size, info.compress_size, _is_zip_directory(info), refusal)


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


def _list_tar(archive: Path) -> list[Member]:
    with reporting_damage(archive), _open_tar_stream(archive) as (tar, stream):
        members, total = [], 0
        for info in tar:
            members.append(_tar_member(info))
            # Before the next is looked for, which takes a read for every 10 kB that one declares.
            total += max(info.size, 0)
            check_total(archive, total)
        # tarfile takes a damaged header for the end: behind the true end are only zeros.
        stream.drain()
        if stream.end_of_data > tar.offset or stream.position <= tar.offset:
            raise tarfile.ReadError("unexpected end of the list of members")
    return members


def _tar_member(info: tarfile.TarInfo) -> Member:
    refusal = None
    if info.issym() or info.islnk():
        refusal = "it is a link"
    elif not (info.isfile() or info.isdir()):
        refusal = "it is a device or a pipe"
    elif info.issparse():
        refusal = "it is a sparse file"
    elif info.size < 0:
        refusal = "its size is negative"
    return Member(info.name, info.size, None, info.isdir(), refusal)


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
        self._limit = total_limit(archive)

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; ValueError once the limit is passed or data are damaged."""
        data = read_chunk(self._content, size)
        meaning = len(data.rstrip(b"\0"))
        if meaning:
            self.end_of_data = self.position + meaning
        self.position += len(data)
        if self.position > self._limit:
            check_total(self._archive, self.position)
        return data

    def drain(self) -> None:
        """Read to the end, which also verifies the checksum of the compressed data."""
        while self.read(CHUNK):
            pass


def read_chunk(content: IO[bytes], size: int) -> bytes:
    """Read at most `size` bytes of what is in an archive; an EOFError is damage."""
    try:
        return content.read(size)
    except OSError as error:
        if error.errno is not None:
            raise
        raise EOFError(str(error)) from error  # bz2 reports damage as an OSError without number


@contextmanager
def reporting_damage(archive: Path) -> Iterator[None]:
    """Turn what damaged data raise into a ValueError that names the archive."""
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(
            f"archive must be complete and undamaged. Received: {archive}: {error}. "
            "Download it again."
        ) from error
