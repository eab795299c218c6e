"""Every image of a data set looked at and decoded."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import permutations
from pathlib import Path
from typing import Any, BinaryIO

import PIL
import tensorflow as tf
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from catdog_data._version import __version__
from catdog_data.sources.formats import checked_extensions
from catdog_data.system.forks import check_not_forked
from catdog_data.system.machine import available_cores, available_memory
from catdog_data.system.special_files import NO_REGULAR_FILE, is_special
from catdog_data.verification.duplicates import hasher, looks_alike, picture_hash, same_bytes
from catdog_data.verification.findings import UNREADABLE, Finding, checked_kinds
from catdog_data.verification.header import (
    LOOKED_AT,
    MAX_PIXELS,
    Header,
    cause,
    expected_format,
    read_header,
)
from catdog_data.verification.journal import Journal, key_of
from catdog_data.verification.listing import ENDINGS, Folder, ListedFile, list_folder
from catdog_data.verification.parallel import Budget, in_threads
from catdog_data.verification.readers import (
    all_decode,
    decodes_once,
    failure_as_stored,
    failures,
    readers_of,
)
from catdog_data.verification.report import Extent, Report

_SHARE_OF_MEMORY = 4
_BYTES_A_PIXEL, _BYTES_A_PIXEL_OF_PILLOW = 4, 18
"""At most, while an image is decoded: by TensorFlow alone, and by Pillow with its copies."""
_TOGETHER = 32
"""Files that a thread looks at in a go; of these, small ones are decoded together."""
_SMALL, _FEW_PIXELS = 2**19, 2**22
"""Bytes and pixels of small files: all that are decoded together take little memory."""
_DIGEST_SIZE = 16


def verify(
    *directories: str | os.PathLike[str],
    near_duplicates: bool = False,
    max_pixels: int = MAX_PIXELS,
    follow_links: bool = False,
    bad: Iterable[str] = UNREADABLE,
    progress: bool = True,
    extensions: Sequence[str] | None = None,
) -> Report:
    """Look at every image of a data set, and decode it by the readers that the pipelines use.

    All cores are used, and at most a quarter of the free memory. Nothing is changed;
    `catdog-data verify` is the same as a command, and moves bad files aside. What is found is kept
    among this user's caches until all files have been looked at: after an interruption, the same
    call within a week goes on with the others, and with those that have changed.

    Args:
        *directories: folders of class folders, as of training and of validation, or one that
            holds both; or folders of images alone. Files of the same bytes are found across all.
        near_duplicates: whether pictures that look alike are found, too; it takes the package
            imagehash, and about twice the time.
        max_pixels: files that declare more are not decoded, and count as of an absurd size.
        follow_links: whether to enter folders that are symbolic links.
        bad: kinds of findings that make a file count as bad: "no-access", "empty", "not-an-image",
            "cut", "damaged", "unsupported", "absurd-size" and "one-reader", for all of which
            "unreadable" stands; "leak", "two-classes", "duplicate", "near-duplicate",
            "wrong-ending", "animated", "cmyk", "16-bit", "alpha", "exif-rotated".
        progress: whether to draw a progress bar on standard error.
        extensions: endings of the files, as of `image_dataset_from_directory`, which is then asked
            alone, for values of any type and any number of channels; None for what both APIs list.

    Returns:
        A report: `findings` on each file, `bad` files as `exclude=` takes them, `counts`, `sizes`,
        `folders` with the number of images in each class, and `as_json()`.

    Raises:
        FileNotFoundError, NotADirectoryError: a directory is none.
        ValueError: no directory, or one without images; `bad`, `max_pixels` or `extensions` is
            wrong.
        ImportError: `near_duplicates`, and imagehash is missing.
        RuntimeError: this process was forked from one that had used TensorFlow.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from catdog_data import generate_sample_set
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(f"{root}/pets", train_per_class=2, progress=False)
        ...     _ = Path(pets.train, "cats", "broken.jpg").write_bytes(b"<html>404</html>")
        ...     report = verify(pets.train, progress=False)
        >>> report.files, report.bad, report.counts
        (5, ('cats/broken.jpg',), {'not-an-image': 1})
    """
    return verify_on(
        Console(stderr=True, quiet=not progress),
        *directories,
        near_duplicates=near_duplicates,
        max_pixels=max_pixels,
        follow_links=follow_links,
        bad=bad,
        extensions=extensions,
    )


def verify_on(
    console: Console,
    *directories: str | os.PathLike[str],
    near_duplicates: bool,
    max_pixels: int,
    follow_links: bool,
    bad: Iterable[str],
    extensions: Sequence[str] | None,
) -> Report:
    """Do as `verify` does, with the progress shown on a console."""
    check_not_forked()
    kinds = checked_kinds(bad)
    if isinstance(max_pixels, bool) or not isinstance(max_pixels, int) or max_pixels < 1:
        raise ValueError(f"`max_pixels` must be a whole number from 1; received {max_pixels!r}.")
    endings = checked_extensions(extensions)
    checker = _Checker(
        max_pixels,
        hasher() if near_duplicates else None,
        Budget(available_memory() // _SHARE_OF_MEMORY),
        available_memory() // _SHARE_OF_MEMORY,
        as_stored=endings is not None,
    )
    given, folders, files = _listed(directories, endings or ENDINGS, follow_links=follow_links)
    settings = {
        "directories": [os.path.abspath(each) for each in given],  # noqa: PTH100 (strings)
        "max_pixels": max_pixels,
        "near_duplicates": near_duplicates,
        "most_pixels": Image.MAX_IMAGE_PIXELS,
        "versions": [__version__, tf.__version__, PIL.__version__],
        **({} if endings is None else {"extensions": list(endings)}),
    }
    looks = _looked_at(files, checker, Journal(settings), console)
    findings = [
        Finding(file.folder, file.name, kind, detail)
        for file, look in zip(files, looks, strict=True)
        for kind, detail in look.findings
    ]
    digests = [look.digest for look in looks]
    findings += same_bytes(files, digests)
    findings += looks_alike(files, [look.picture for look in looks], digests)
    place = {file.path: number for number, file in enumerate(files)}
    formats = Counter(look.header.format for look in looks if look.header is not None)
    return Report(
        folders=tuple(folders),
        findings=tuple(sorted(findings, key=lambda each: place[each.path])),
        formats=dict(formats.most_common()),
        sizes=_sizes(looks),
        given=given,
        bad_kinds=kinds,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """What one file is.

    Attributes:
        findings: kinds and details.
        header: what it declares, or None.
        size: in bytes.
        digest: of the bytes; b"" where they were not read.
        picture: its hash by what it looks like, or None.
    """

    findings: tuple[tuple[str, str], ...]
    header: Header | None = None
    size: int = 0
    digest: bytes = b""
    picture: int | None = None

    def as_json(self) -> list[Any]:
        """Write it as plain values."""
        header = None if self.header is None else list(astuple(self.header))
        return [list(self.findings), header, self.size, self.digest.hex(), self.picture]

    @classmethod
    def of_json(cls, kept: list[Any]) -> _Look:
        """Read what `as_json` wrote."""
        findings, header, size, digest, picture = kept
        if header is not None:
            form, width, height, channels, traits = header
            header = Header(form, width, height, channels, tuple(traits))
        found = tuple((kind, detail) for kind, detail in findings)
        return cls(found, header, size, bytes.fromhex(digest), picture)


@dataclass(frozen=True, slots=True)
class _Small:
    """A file that is decoded together with others.

    Attributes:
        header: what it declares.
        contents: all bytes of it.
    """

    header: Header
    contents: bytes


@dataclass(frozen=True)
class _Checker:
    """How files are looked at.

    Attributes:
        max_pixels: what declares more is not decoded.
        phash: hashes pictures by what they look like; None for not at all.
        budget: bytes that all threads share.
        max_bytes: larger files are not read.
        as_stored: whether files are read with values and channels of any kind.
    """

    max_pixels: int
    phash: Any
    budget: Budget
    max_bytes: int
    as_stored: bool = False

    def look(self, files: Sequence[ListedFile]) -> list[_Look]:
        """Look at some files. Runs in several threads."""
        opened = [self._opened(file) for file in files]
        small = [each.contents for each in opened if isinstance(each, _Small)]
        sound = all_decode(small)
        return [
            self._look(file, each.contents, each.header, sound=sound)
            if isinstance(each, _Small)
            else each
            for file, each in zip(files, opened, strict=True)
        ]

    def _opened(self, file: ListedFile) -> _Look | _Small:
        """Read a file; unless it is one of those that are decoded together, look at it."""
        try:
            if is_special(os.stat(file.path).st_mode):  # noqa: PTH116 (strings)
                return _Look((("no-access", NO_REGULAR_FILE),))
            with open(file.path, "rb") as stream:  # noqa: PTH123 (strings)
                return self._read(file, stream)
        except OSError as error:
            return _Look((("no-access", error.strerror or str(error)),))

    def _read(self, file: ListedFile, stream: BinaryIO) -> _Look | _Small:
        size = os.fstat(stream.fileno()).st_size
        if not size:
            return _Look((("empty", ""),))
        header, words = _header_of(stream)
        if words == _TOO_LARGE or (header is not None and header.pixels > self.max_pixels):
            declared = "" if header is None else f"{header.width:,} x {header.height:,} pixels"
            return _Look((("absurd-size", declared or f"above {MAX_PIXELS:,} pixels"),), size=size)
        if size > self.max_bytes:
            return _Look((("absurd-size", f"{size:,} bytes, more than fit into memory"),))
        stream.seek(0)
        if header is not None and size <= _SMALL and header.pixels <= _FEW_PIXELS:
            contents = stream.read()
            if decodes_once(contents, header) and not self.as_stored:
                return _Small(header, contents)
            stream.seek(0)
        with self.budget.held(2 * size + _bytes_to_decode(header)):
            return self._look(file, stream.read(), header, words)

    def _look(
        self,
        file: ListedFile,
        contents: bytes,
        header: Header | None,
        words: str = "",
        *,
        sound: bool = False,
    ) -> _Look:
        failed = {} if sound else self._failures(file.path, contents, header)
        picture = None
        if self.phash is not None and header is not None and not failed:
            picture = picture_hash(self.phash, contents)
        return _Look(
            (*_failures_found(file.name, contents, failed, words), *_traits(file.name, header)),
            header,
            len(contents),
            hashlib.blake2b(contents, digest_size=_DIGEST_SIZE).digest(),
            picture,
        )

    def _failures(self, path: str, contents: bytes, header: Header | None) -> dict[str, str]:
        if not self.as_stored:
            return failures(path, contents, header)
        words = failure_as_stored(contents)
        return {} if words is None else dict.fromkeys(readers_of(path), words)


_TOO_LARGE = "too large"


def _header_of(stream: BinaryIO) -> tuple[Header | None, str]:
    """Return what a file declares; or None, and what Pillow says."""
    try:
        return read_header(stream), ""
    except Image.DecompressionBombError:
        return None, _TOO_LARGE
    except Exception as error:  # Pillow raises all kinds for a damaged file
        return None, str(error)


def _bytes_to_decode(header: Header | None) -> int:
    if header is None:
        return 0
    decoded_by_pillow = header.format != "JPEG" or header.channels > 3
    return header.pixels * (_BYTES_A_PIXEL_OF_PILLOW if decoded_by_pillow else _BYTES_A_PIXEL)


def _failures_found(
    name: str, contents: bytes, failed: dict[str, str], words: str
) -> list[tuple[str, str]]:
    if not failed:
        return []
    said = next(iter(failed.values()))
    if len(failed) < len(readers_of(name)):
        return [("one-reader", f"{next(iter(failed))} cannot: {said}")]
    kind = cause(contents[:LOOKED_AT], contents[-LOOKED_AT:], f"{words} {said}")
    return [(kind, said if kind in ("cut", "damaged", "unsupported") else "")]


def _traits(name: str, header: Header | None) -> list[tuple[str, str]]:
    if header is None:
        return []
    found = [(trait, "") for trait in header.traits]
    expected = expected_format(name)
    if expected is not None and expected != header.format:
        found.insert(0, ("wrong-ending", f"a {header.format}"))
    return found


def _listed(
    directories: Sequence[str | os.PathLike[str]],
    endings: tuple[str, ...],
    *,
    follow_links: bool,
) -> tuple[tuple[str, ...], list[Folder], list[ListedFile]]:
    if not directories:
        raise ValueError("`directories` must name at least one folder of images; received none.")
    given = tuple(os.fsdecode(each) for each in directories)
    _check_apart(given)
    folders: list[Folder] = []
    files: list[ListedFile] = []
    for directory in given:
        more_folders, more_files = list_folder(
            directory, len(folders), follow_links=follow_links, endings=endings
        )
        folders += more_folders
        files += more_files
    return given, folders, files


def _check_apart(given: tuple[str, ...]) -> None:
    """Refuse folders whose files would all be found twice."""
    places = [Path(os.path.realpath(each)) for each in given]
    for one, other in permutations(range(len(given)), 2):
        if places[one].is_relative_to(places[other]):
            raise ValueError(
                f"`directories` must not lie in each other; received {given[one]!r}, which is or "
                f"lies in {given[other]!r}. Give one of both."
            )


def _looked_at(
    files: list[ListedFile], checker: _Checker, journal: Journal, console: Console
) -> list[_Look]:
    columns = (TextColumn("Looking at images"), BarColumn(), MofNCompleteColumn())
    keys = [key_of(file.path) for file in files]
    looks = {key: _Look.of_json(journal.known[key]) for key in keys if key in journal.known}
    left = [number for number, key in enumerate(keys) if key not in looks]
    several = [left[first : first + _TOGETHER] for first in range(0, len(left), _TOGETHER)]
    Image.init()  # all formats, before there are threads
    with (
        warnings.catch_warnings(),
        Progress(*columns, TimeRemainingColumn(), console=console) as bar,
    ):
        # Of doubtful notes and of large images, which the report has.
        warnings.filterwarnings("ignore", module="PIL")
        task = bar.add_task("", total=len(files), completed=len(files) - len(left))
        some = ([files[number] for number in numbers] for numbers in several)
        # Twice the cores, since threads wait for the disk.
        results = in_threads(checker.look, some, threads=2 * available_cores())
        for numbers, found in zip(several, results, strict=True):
            new = {keys[number]: look for number, look in zip(numbers, found, strict=True)}
            looks |= new
            # What was not read, as for a permission, is looked at again.
            journal.add((key, look.as_json()) for key, look in new.items() if look.digest)
            bar.advance(task, len(found))
    journal.remove()
    return [looks[key] for key in keys]


def _sizes(looks: Iterable[_Look]) -> dict[str, Extent]:
    known = [(look.header, look.size) for look in looks if look.header is not None]
    if not known:
        return {}
    return {
        "width": Extent.of([header.width for header, _ in known]),
        "height": Extent.of([header.height for header, _ in known]),
        "aspect": Extent.of([header.width / header.height for header, _ in known]),
        "bytes": Extent.of([size for _, size in known]),
    }
