"""The members of an archive, each checked before anything is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from catdog_data.archives.spelling import COARSEST, PathParts
from catdog_data.system.atomic_directory import MARKER_NAME

_MiB = 1 << 20

# Photographs hardly compress; a text file rarely beyond 20:1. Bombs start at about 1000:1.
_MEMBER_RATIO, _MEMBER_FREE = 200, _MiB
_TOTAL_RATIO, _TOTAL_FREE = 100, 100 * _MiB


@dataclass(frozen=True)
class Member:
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


def checked_paths(archive: Path, members: list[Member]) -> set[PathParts]:
    """Check every member, and all together.

    Args:
        archive: the file that they are in, for errors.
        members: all of its members.

    Returns:
        The paths of files and of all folders on the way to them.

    Raises:
        ValueError: a member is refused, or the archive holds no file.
    """
    files: set[PathParts] = set()
    directories: set[PathParts] = set()
    for member in members:
        parts = _checked_parts(archive, member)
        if not member.is_directory:
            if parts in files:
                raise refusal(archive, member.name, "it occurs twice")
            files.add(parts)
        within = len(parts) + member.is_directory
        directories.update(parts[:depth] for depth in range(1, within))
    both = files & directories
    if both:
        raise refusal(archive, "/".join(min(both)), "it is both a file and a directory")
    if not files:
        raise ValueError(f"archive must hold image files. Received: {archive}, which holds none.")
    check_total(archive, sum(member.size for member in members))
    return files | directories


def _checked_parts(archive: Path, member: Member) -> tuple[str, ...]:
    if member.refusal is not None:
        raise refusal(archive, member.name, member.refusal)
    try:
        parts = safe_parts(member.name)
    except ValueError as error:
        raise refusal(archive, member.name, str(error)) from None
    if not parts and not member.is_directory:
        raise refusal(archive, member.name, "its name is empty")
    packed = member.packed
    if packed is not None and member.size > max(_MEMBER_FREE, _MEMBER_RATIO * packed):
        reason = f"{packed} bytes would become {member.size}, more than {_MEMBER_RATIO}:1"
        raise refusal(archive, member.name, reason)
    return parts


def safe_parts(name: str) -> tuple[str, ...]:
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


def refusal(archive: Path, name: str, reason: str) -> ValueError:
    """Make the error that refuses an archive for one of its members, for a reason."""
    return ValueError(
        f"archive must hold only plain files and directories below its root. Received: {archive} "
        f"with member {name!r}: {reason}. Nothing was unpacked; do not trust this archive."
    )


def total_limit(archive: Path) -> int:
    """Return how many bytes an archive may unpack to."""
    return max(_TOTAL_FREE, _TOTAL_RATIO * archive.stat().st_size)


def check_total(archive: Path, total: int) -> None:
    """Refuse an archive that unpacks to absurdly many bytes; ValueError says how many."""
    limit = total_limit(archive)
    if total > limit:
        raise ValueError(
            f"archive must not unpack to more than {limit} bytes, {_TOTAL_RATIO} times its size. "
            f"Received: {archive}, at least {total} bytes. Do not trust this archive."
        )
