"""Files moved aside and back again, so that none is lost, whenever it is interrupted.

A manifest with every move is on the disk before the first one. Where a file is follows from the
file system alone: at its old place, at its new one, or, where a copy to another file system was
interrupted, at both, with the same bytes. So the same call again completes what was begun, and an
undo brings back whatever has been moved.
"""

from __future__ import annotations

import errno
import filecmp
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from catdog_data.system.atomic_files import write_atomically
from catdog_data.system.lock_file import locked
from catdog_data.system.messages import some_of
from catdog_data.system.special_files import is_special
from catdog_data.system.sync import sync_file, sync_folder
from catdog_data.verification.findings import Finding

MANIFEST = "quarantine.json"
"""The file in a quarantine that tells where its files were."""

_FORMAT = "catdog-quarantine-1"
_LOCK = ".lock"


@dataclass(frozen=True)
class Move:
    """A file that is moved, or was.

    Args:
        source: its absolute path in the data set.
        name: its path in the quarantine.
        kind: why: the name of a kind of finding.
        detail: what exactly.
    """

    source: str
    name: str
    kind: str
    detail: str = ""


def move_aside(
    findings: Iterable[Finding], folders: Sequence[str], quarantine: str | os.PathLike[str]
) -> list[Move]:
    """Move files into a quarantine, under the paths that they have in their folder.

    Where there are several folders, what tells them apart comes before. Called again after it was
    interrupted, it moves the rest.

    Args:
        findings: one for each file.
        folders: those that were looked at.
        quarantine: a folder that is missing, empty or a quarantine, outside of the data set.

    Returns:
        What was moved.

    Raises:
        ValueError: the quarantine lies in the data set.
        FileExistsError: the quarantine is another folder, or has another file of a name.
        TimeoutError: another process moves files there or back.
        OSError: a file cannot be moved; those before it are, and the manifest has all. Of pipes,
            sockets and devices, which cannot be copied to another file system, and stay where they
            are: all others are moved.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Path(root, "pets", "cats").mkdir(parents=True)
        ...     Path(root, "pets", "cats", "1.jpg").touch()
        ...     empty = Finding(f"{root}/pets", "cats/1.jpg", "empty")
        ...     _ = move_aside([empty], [f"{root}/pets"], f"{root}/bad")
        ...     aside = Path(root, "bad", "cats", "1.jpg").exists()
        ...     _ = move_back(f"{root}/bad")
        ...     aside, Path(root, "pets", "cats", "1.jpg").exists(), Path(root, "bad").exists()
        (True, True, False)
    """
    top = Path(os.path.abspath(quarantine))  # noqa: PTH100 (links are kept)
    moves = _planned(findings, folders, top)
    if not moves:
        return []
    _check_is_quarantine(top)
    top.mkdir(parents=True, exist_ok=True)
    with _alone_in(top):
        known = _read_manifest(top) if (top / MANIFEST).exists() else []
        again = {move.name for move in moves}
        _remove_unfinished([*known, *moves], top)
        _check_names_are_free(moves, top)
        _write_manifest(top, [*(each for each in known if each.name not in again), *moves])
        kept = _move_all([(Path(move.source), top / move.name) for move in moves])
        if kept:
            raise _not_copied(kept, len(moves), top)
    return moves


def move_back(quarantine: str | os.PathLike[str]) -> list[Move]:
    """Move all files of a quarantine back to where they were; remove what is then empty.

    Args:
        quarantine: of `move_aside`.

    Returns:
        What was moved back.

    Raises:
        FileNotFoundError: there is no manifest.
        ValueError: the manifest is damaged.
        FileExistsError: other files are at the old places of some now. These stay where they are,
            and all others are moved back.
        TimeoutError: another process moves files there or back.
        OSError: a file cannot be moved; the same call goes on. As of `move_aside`.
    """
    top = Path(os.path.abspath(quarantine))  # noqa: PTH100 (links are kept)
    _read_manifest(top)  # before a lock is made in a folder that is no quarantine
    back: list[Move] = []
    stuck: list[Move] = []
    with _alone_in(top):
        moves = _read_manifest(top)
        _remove_unfinished(moves, top)
        for move in moves:
            source, aside = Path(move.source), top / move.name
            if _is_there(aside):
                taken = _is_there(source) and not _same(source, aside)
                (stuck if taken else back).append(move)
        kept = _move_all([(top / move.name, Path(move.source)) for move in back])
        if kept:
            raise _not_copied(kept, len(back), top)
        _remove_empty_folders(top)
        if stuck:
            _write_manifest(top, stuck)
        else:
            (top / MANIFEST).unlink()
    _remove_empty_folders(top)
    if stuck:
        raise FileExistsError(
            f"{len(back)} files were moved back. {len(stuck)} were not, since other files have "
            f"their old places now: {some_of([move.source for move in stuck])}. Take these away, "
            "and undo again; nothing was overwritten."
        )
    return back


def _planned(findings: Iterable[Finding], folders: Sequence[str], top: Path) -> list[Move]:
    for folder in folders:
        _check_is_outside(top, folder)
    shared = os.path.commonpath([os.path.abspath(each) for each in folders])  # noqa: PTH100
    return [
        Move(
            os.path.abspath(each.path),  # noqa: PTH100 (links are kept)
            os.path.relpath(each.path, shared),
            each.kind,
            each.detail,
        )
        for each in findings
    ]


def _check_is_outside(top: Path, folder: str) -> None:
    inside, outside = Path(os.path.realpath(top)), Path(os.path.realpath(folder))
    if inside.is_relative_to(outside):
        raise ValueError(
            f"A quarantine must lie outside of the data set, or its files are read again; "
            f"{str(top)!r} is in {folder!r}. Choose another folder."
        )


def _check_is_quarantine(top: Path) -> None:
    if not _is_there(top) or (top / MANIFEST).is_file():
        return
    if not top.is_dir():
        raise FileExistsError(f"A quarantine must be a folder; {str(top)!r} is a file.")
    # A process that was killed before there was a manifest may have left a part of it.
    if any(not each.name.startswith((_LOCK, f".{Path(MANIFEST).stem}.")) for each in top.iterdir()):
        raise FileExistsError(
            f"A quarantine must be a new folder, an empty one or an earlier quarantine; "
            f"{str(top)!r} holds other files. Choose another folder."
        )


def _check_names_are_free(moves: Sequence[Move], top: Path) -> None:
    taken = [
        move
        for move in moves
        if _is_there(top / move.name)
        and _is_there(Path(move.source))
        and not _same(Path(move.source), top / move.name)
    ]
    if taken:
        raise FileExistsError(
            f"{len(taken)} files have the names of others in the quarantine {str(top)!r}: "
            f"{some_of([move.name for move in taken])}. Nothing was moved; choose another folder."
        )


@contextmanager
def _alone_in(top: Path) -> Iterator[None]:
    """Let no other process move files there or back at the same time."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(top / _LOCK, timeout=0))
        except TimeoutError:
            raise TimeoutError(
                f"Another process moves files to the quarantine {str(top)!r}, or back. Wait for it."
            ) from None
        except NotImplementedError:  # a file system without locks
            pass
        yield


def _move_all(places: Sequence[tuple[Path, Path]]) -> list[Path]:
    """Move files, each from one place to the other; those of moves that were completed are not.

    Returns:
        Those that could not be copied, and are where they were.
    """
    touched: set[Path] = set()
    kept: list[Path] = []
    try:
        for source, target in places:
            if not _is_there(source) and _is_there(target):
                continue
            try:
                _move(source, target)
            except _NotCopiedError:
                kept.append(source)
            touched |= {source.parent, target.parent}
    finally:
        for folder in touched:
            sync_folder(folder)
    return kept


class _NotCopiedError(Exception):
    """A pipe, a socket or a device is to be moved to another file system."""


def _not_copied(kept: Sequence[Path], wanted: int, top: Path) -> OSError:
    named = some_of([str(each) for each in kept])
    return OSError(
        f"{wanted - len(kept)} files were moved. {len(kept)} were not, since pipes, sockets and "
        f"devices cannot be copied to another file system: {named}. Remove these, or choose a "
        f"quarantine on the same file system. `catdog-data verify --undo {top}` moves all others "
        "back."
    )


def _move(source: Path, target: Path) -> None:
    """Move a file, or complete a move that was interrupted.

    Raises:
        _NotCopiedError: it cannot be.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _is_there(target):
        try:
            os.rename(source, target)  # noqa: PTH104
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            if is_special(source.lstat().st_mode) and not source.is_symlink():
                raise _NotCopiedError from None
            _copy(source, target)
        else:
            return
    # Before one of two is removed, the other is on the disk.
    sync_folder(target.parent)
    os.unlink(source)  # noqa: PTH108


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its times and permissions, so that it is there whole or not at all."""
    partial = _partial(target)
    shutil.copy2(source, partial, follow_symlinks=False)
    if not partial.is_symlink():
        sync_file(partial)
    os.rename(partial, target)  # noqa: PTH104


def _partial(target: Path) -> Path:
    """Return the name of an unfinished copy: short, since that of the file may be of any length."""
    digest = hashlib.blake2b(os.fsencode(target.name), digest_size=8).hexdigest()
    return target.with_name(f".{digest}.catdog-partial")


def _remove_unfinished(moves: Sequence[Move], top: Path) -> None:
    """Remove what copies left that were interrupted, in either direction."""
    for move in moves:
        for place in (Path(move.source), top / move.name):
            _partial(place).unlink(missing_ok=True)


def _is_there(path: Path) -> bool:
    """Tell whether there is a file, or a link, even to nowhere."""
    return os.path.lexists(path)


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _remove_empty_folders(top: Path) -> None:
    """Remove the folders below, and itself, that hold nothing."""
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):  # one that is not empty stays
            os.rmdir(folder)  # noqa: PTH106 (strings)


def _write_manifest(top: Path, moves: Sequence[Move]) -> None:
    content = {"format": _FORMAT, "moves": [asdict(each) for each in moves]}
    # Names that are not UTF-8 are escaped, as JSON can.
    write_atomically(top / MANIFEST, json.dumps(content, indent=1).encode() + b"\n")


def _read_manifest(top: Path) -> list[Move]:
    path = top / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError("it says another, or none")
        return [Move(**each) for each in content["moves"]]
    except FileNotFoundError:
        raise FileNotFoundError(
            errno.ENOENT, f"A quarantine must hold {MANIFEST}, which is missing", str(top)
        ) from None
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{str(path)!r} must be the manifest of a quarantine, of the format {_FORMAT!r}; it "
            f"cannot be read: {error}."
        ) from None
