"""The packs that are kept: which there are, how large, whether they are current; and their removal.

It needs no TensorFlow, so the commands that look after packs answer at once.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from catdog_data.cache.pack_format import Layout, damaged_rows, read_files, read_layout
from catdog_data.system.lock_file import locked

LAST_USED = "last-used"
"""The file in a pack whose time says when the pack was used last."""


def user_folder() -> Path:
    """Name the folder of `cache="disk"`: one of this user's for caches; it need not exist.

    Returns:
        The folder, by the system's rules (on Linux, `XDG_CACHE_HOME`).

    Example:
        >>> user_folder().parts[-2:]
        ('catdog', 'packs')
    """
    return Path(user_cache_dir("catdog")) / "packs"


@dataclass(frozen=True)
class CachedPack:
    """A pack in a cache folder; `packs_in` finds them.

    Args:
        folder: where it is.
        layout: what its rows are.
        last_used: seconds since the epoch.

    Example:
        >>> CachedPack(Path("packs/0123"), Layout(4, (32, 32, 3), "uint8"), 0.0).key
        '0123'
    """

    folder: Path
    layout: Layout
    last_used: float

    @property
    def key(self) -> str:
        """The name of the pack."""
        return self.folder.name

    def is_current(self) -> bool:
        """Tell whether all files it was made from have the size and time that they had then."""
        return all(source_of(source[0]) == source for source in read_files(self.folder))

    def damaged(self) -> list[str]:
        """Read the pack and name the files whose pixels are not what was written."""
        sources = read_files(self.folder)
        return [sources[i][0] for i in damaged_rows(self.folder)]

    def remove(self) -> None:
        """Delete the pack. Processes that read it go on; its space is free when they have ended."""
        # Renamed first, so that no one takes what is left of it for a pack.
        doomed = self.folder.with_name(f".{self.key}.removed-{time.time_ns()}")
        self.folder.rename(doomed)
        shutil.rmtree(doomed)
        # The lock of a builder that was killed is removed by whoever holds it next.
        with suppress(OSError, NotImplementedError), locked(lock_of(self.folder), timeout=0):
            pass


def packs_in(folder: Path) -> list[CachedPack]:
    """List the packs of a cache folder.

    Args:
        folder: the folder given as `cache`; it need not exist.

    Returns:
        The packs, the one used last first. What is no pack is left out.

    Example:
        >>> import tempfile
        >>> from catdog_data import generate_sample_set, image_dataset_from_directory
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     counts = {"train_per_class": 2, "validation_per_class": 1, "progress": False}
        ...     images = generate_sample_set(f"{folder}/set", **counts).train
        ...     options = {"image_size": (32, 32), "output_dtype": "uint8", "verbose": False}
        ...     _ = image_dataset_from_directory(images, cache=f"{folder}/packs", **options)
        ...     (pack,) = packs_in(Path(folder, "packs"))
        ...     print(pack.layout, pack.is_current(), pack.damaged())
        ...     pack.remove()
        ...     print(packs_in(Path(folder, "packs")))
        Layout(n=4, shape=(32, 32, 3), dtype='uint8') True []
        []
    """
    found = []
    for each in sorted(folder.glob("*")) if folder.is_dir() else []:
        if not each.name.startswith(".") and each.is_dir():
            with suppress(ValueError, OSError):
                used = (each / LAST_USED).stat().st_mtime
                found.append(CachedPack(each, read_layout(each), used))
    return sorted(found, key=lambda pack: -pack.last_used)


def lock_of(pack: Path) -> Path:
    """Name the file that locks a pack while it is built.

    Args:
        pack: the folder of the pack, which need not exist.

    Returns:
        A file beside it.

    Example:
        >>> lock_of(Path("packs/0123")).name
        '0123.lock'
    """
    return pack.with_name(f"{pack.name}.lock")


def source_of(name: str) -> list[Any]:
    """Describe a file such that a change of it is seen.

    Args:
        name: the path of a file, or the name of something else that holds an image.

    Returns:
        `[path, bytes, time in nanoseconds]` of a file; of anything else, the name alone.

    Example:
        >>> source_of("no such file")
        ['no such file']
    """
    try:
        status = os.stat(name)  # noqa: PTH116 (a hundred thousand of them)
    except OSError:
        return [name]
    return [os.path.abspath(name), status.st_size, status.st_mtime_ns]  # noqa: PTH100
