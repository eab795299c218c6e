"""What is known of files from the last time they were read, kept among this user's caches.

A verdict is about a file of this path, size and time; whatever changes one of these makes it void.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from catdog_data.system.atomic_files import write_atomically
from catdog_data.system.lock_file import locked
from catdog_data.system.special_files import is_special, special_file

_FORMAT = "catdog_data verdicts 1"
_KEPT_FOR = 180 * 86400.0
"""Seconds since they were used last."""


def fingerprints(columns: Sequence[Sequence[str]]) -> tuple[list[str], dict[str, str]]:
    """Describe images such that a change of one is seen.

    Args:
        columns: the N files of the images, and those that are read with them, if there are any; or
            other names that change when what they name does.

    Returns:
        N strings, unlike each other where images are; and, by these, why images are not read of
        which a file is a pipe, a socket or a device.

    Example:
        >>> fingerprints([["no such file", "nor this"]])
        (['no such file', 'nor this'], {})
    """
    special: set[str] = set()
    described = [[_fingerprint(name, special) for name in column] for column in columns]
    joined = ["|".join(parts) for parts in zip(*described, strict=True)]
    if not special:
        return joined, {}
    why: dict[str, str] = {}
    for whole, *names in zip(joined, *columns, strict=True):
        if found := next((name for name in names if name in special), None):
            why[whole] = special_file(found)
    return joined, why


def _fingerprint(name: str, special: set[str]) -> str:
    try:
        status = os.stat(name)  # noqa: PTH116 (a hundred thousand of them)
    except OSError:
        return name
    if is_special(status.st_mode):
        special.add(name)
    return f"{name} {status.st_size} {status.st_mtime_ns}"


@dataclass(frozen=True)
class Verdicts:
    """Which images can be read, by their fingerprints.

    Args:
        good: those that can be.
        broken: why the others cannot be.
    """

    good: frozenset[str] = frozenset()
    broken: Mapping[str, str] = field(default_factory=dict)

    def reason(self, fingerprint: str) -> str | None:
        """Say why an image cannot be read; None where it can be, or it is not known."""
        return self.broken.get(fingerprint)

    def and_broken(self, broken: Mapping[str, str]) -> Verdicts:
        """Add why more cannot be read, by their fingerprints."""
        return replace(self, broken={**self.broken, **broken}) if broken else self

    def unknown(self, wanted: Sequence[str]) -> list[int]:
        """List the positions of images of which nothing is known."""
        if self.good.issuperset(wanted):
            return []
        known = self.good.union(self.broken)
        return [i for i, each in enumerate(wanted) if each not in known]


def verdicts_file(settings: Mapping[str, Any]) -> Path:
    """Name the file of the verdicts on images that are read in one way; it need not exist.

    Args:
        settings: plain JSON values: how they are read, and the folder they are in.

    Returns:
        A file in this user's folder for caches, by the system's rules (on Linux,
        `XDG_CACHE_HOME`).

    Example:
        >>> verdicts_file({"folder": "/photos"}).parts[-3:-1]
        ('catdog', 'readable')
    """
    described = json.dumps([_FORMAT, settings], sort_keys=True)
    key = hashlib.sha256(described.encode()).hexdigest()[:32]
    return Path(user_cache_dir("catdog")) / "readable" / f"{key}.json"


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Let one thread or process at a time find out what is not known, where it can be kept.

    Args:
        path: of `verdicts_file`.

    Example:
        >>> with only_one(Path("/dev/null/0123.json")):
        ...     pass
    """
    with ExitStack() as stack:
        with suppress(OSError, NotImplementedError):  # a folder that may only be read
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path.with_suffix(".lock")))
        yield


def read_verdicts(path: Path) -> Verdicts:
    """Read what is known; nothing where the file is missing or was damaged.

    Args:
        path: of `verdicts_file`.

    Example:
        >>> read_verdicts(Path("no such file")).unknown(["1.jpg"])
        [0]
    """
    try:
        kept = json.loads(path.read_text())
        verdicts = Verdicts(frozenset(kept["good"]), dict(kept["broken"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Verdicts()
    with suppress(OSError):
        os.utime(path)
    return verdicts


def keep_verdicts(path: Path, good: Sequence[str], broken: Mapping[str, str]) -> None:
    """Add to what is known; a RuntimeWarning says so where it cannot be written.

    Args:
        path: of `verdicts_file`.
        good: fingerprints of images that can be read.
        broken: why others cannot be, by their fingerprints.
    """
    before = read_verdicts(path)
    seen = {_name_in(each) for each in (*good, *broken)}
    now = {
        "good": [*(each for each in before.good if _name_in(each) not in seen), *good],
        "broken": {
            **{each: why for each, why in before.broken.items() if _name_in(each) not in seen},
            **broken,
        },
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(now).encode())
        _forget_unused(path.parent)
    except OSError as error:
        warnings.warn(
            f"Which images can be read is found out again next time: {error}.",
            RuntimeWarning,
            stacklevel=2,
        )


def _name_in(fingerprint: str) -> str:
    """Take size and time away, at least of the image: what else is known of it is void now."""
    return fingerprint.split("|")[0].rsplit(" ", 2)[0]


def _forget_unused(folder: Path) -> None:
    for path in folder.glob("*.json"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _KEPT_FOR:
                path.unlink()
