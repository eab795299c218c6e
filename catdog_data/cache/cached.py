"""Images decoded once: which pack holds them, and how it is built."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.cache.background import BackgroundBuild, ImagesUntilCached
from catdog_data.cache.pack import (
    check_disk,
    check_memory,
    naming_lack_of_room,
    rows_in_memory,
    write_pack,
)
from catdog_data.cache.pack_format import FORMAT, Layout, check_layout, size_check
from catdog_data.cache.pack_rows import RowsAt, opened
from catdog_data.cache.packs import (
    LAST_USED,
    CachedPack,
    lock_of,
    packs_in,
    source_of,
    user_folder,
)
from catdog_data.decoding.unreadable import naming
from catdog_data.engine.pipeline import READS_PER_CORE, single_images
from catdog_data.engine.pixel_sources import Images, PackedRows
from catdog_data.system.atomic_directory import is_published, staged
from catdog_data.system.lock_file import locked

__all__ = ["Cache", "CachedPack", "InBackground", "cached", "packs_in", "user_folder"]

Place = str | os.PathLike[str]
"""Where images are kept: "memory", "disk", or the folder of packs."""


@dataclass(frozen=True)
class InBackground:
    """A cache that is built by a thread, while the first epoch is read from the files.

    Training begins at once. It shares the processor with the thread, so where it waits for its
    input the first epoch takes about twice as long, as with a cache that is built before it.

    Args:
        place: "memory", "disk" or a folder, see `catdog_data.cache.cached.cached`.

    Example:
        >>> InBackground("memory")
        InBackground(place='memory')
    """

    place: Place = "disk"


Cache = Place | InBackground | None
"""Whether and where images are kept once they are decoded, and when that is done."""

_GROUP = 32
_IN_MEMORY: weakref.WeakValueDictionary[str, tf.Tensor] = weakref.WeakValueDictionary()
"""Rows that are still referenced in this process, by key."""
_BUILDING: weakref.WeakValueDictionary[tuple[str, str], BackgroundBuild] = (
    weakref.WeakValueDictionary()
)
"""What threads of this process build, by `Place` and key."""


def cached(images: Images, files: Sequence[str], settings: Mapping[str, Any], cache: Cache) -> Any:
    """Decode images once, and read them from memory or from a pack on disk from then on.

    A pack is known by the files' paths, sizes and times, and by how they are read. If there is
    none for these it is built now, which takes as long as reading all images once, or in the
    background.

    Args:
        images: the N images.
        files: where each comes from: paths, or other names that change when the image does.
        settings: what else the pixels depend on; plain JSON values.
        cache: None for none; "memory"; "disk", for a folder of this user's; or a folder. Any of
            the latter as `InBackground`, to be built while it is not there yet.

    Returns:
        `images` itself without a cache, else other pixels of the same values.

    Raises:
        ValueError: `cache` is none of these.
        OSError: an image cannot be read, and is named; or the disk has not enough room.
        PIL.Image.DecompressionBombError: an image is absurdly large, and is named.
        MemoryError: the memory is not enough.

    Example:
        >>> import tempfile
        >>> from catdog_data.engine.pixel_sources import WholeImages
        >>> pixels = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
        >>> def load(i):
        ...     return tf.gather(pixels, i)
        >>> images = WholeImages(load, (2, 2, 3), "uint8", names=None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows = cached(images, ["a", "b"], {}, folder)
        ...     print(rows.image(tf.constant(1))[0].numpy())
        [[12 13 14]
         [15 16 17]]
    """
    if cache is None:
        return images
    place = cache.place if isinstance(cache, InBackground) else cache
    _check(place)
    names, row_of = np.unique(np.asarray(files, dtype=object), return_inverse=True)
    row_of = row_of.astype(np.int64)
    first = np.zeros(len(names), np.int64)
    first[row_of] = np.arange(len(files))
    sources = [source_of(name) for name in names]
    layout = Layout(len(names), images.shape, images.dtype)
    key = _key(sources, {**settings, "shape": layout.shape, "dtype": layout.dtype})
    store = _Store(place, key, layout, sources)

    def batches(per_core: int, *, shows: bool) -> Iterator[NDArray[Any]]:
        return _decoded(images, first, [str(name) for name in names], per_core, shows=shows)

    if isinstance(cache, InBackground) and not store.is_there():
        store.check_room()
        building = _building(
            store, lambda through: store.rows(lambda: through(batches(1, shows=False)))
        )
        return ImagesUntilCached(images, row_of, building)
    rows = store.rows(lambda: batches(READS_PER_CORE, shows=True))
    if place == "memory":
        return PackedRows(rows, row_of, layout.shape, layout.dtype)
    look = size_check(store.folder / key)
    return PackedRows(rows, row_of, layout.shape, layout.dtype, look)


@dataclass(frozen=True)
class _Store:
    """Where the rows of one set of images are, or will be.

    Args:
        place: "memory", "disk", or the folder of packs.
        key: a hash of these images and how they are read.
        layout: what their rows are.
        sources: what each row is made from.
    """

    place: Place
    key: str
    layout: Layout
    sources: Sequence[Any]

    @property
    def folder(self) -> Path:
        """The folder of packs; meaningless for "memory"."""
        return user_folder() if self.place == "disk" else Path(self.place)

    def is_there(self) -> bool:
        """Tell whether the rows have been made."""
        if self.place == "memory":
            return self.key in _IN_MEMORY
        return is_published(self.folder / self.key, _marker(self.key))

    def check_room(self) -> None:
        """Refuse what will not fit, or cannot be written.

        Raises:
            OSError: the disk has not enough room, or the folder may only be read.
            MemoryError: the memory is not enough.
        """
        if self.place == "memory":
            check_memory(self.layout)
        else:
            _check_writable(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            check_disk(self.folder, self.layout)

    def rows(self, batches: Callable[[], Iterator[NDArray[Any]]]) -> RowsAt:
        """Return the function to the rows, making these if they are not there."""
        if self.place != "memory":
            pack = _built(self.folder, self.key, self.layout, batches, self.sources)
            check_layout(pack, self.layout)
            return opened(pack)
        rows = _IN_MEMORY.get(self.key)
        if rows is None:
            size = f"{self.layout.size / 1e6:,.0f} MB"
            _say(f"Decoding {self.layout.n:,} images into memory ({size}).")
            rows = rows_in_memory(self.layout, batches())
            _IN_MEMORY[self.key] = rows
        return partial(tf.gather, rows)


def _building(store: _Store, build: Callable[..., RowsAt]) -> BackgroundBuild:
    """Start a thread for these rows, unless there is one."""
    where = (os.fspath(store.place), store.key)
    building = _BUILDING.get(where)
    if building is None or not (building.is_alive or building.has_rows):
        building = BackgroundBuild(build)
        _BUILDING[where] = building
    return building


def _check(cache: Any) -> None:
    if not isinstance(cache, (str, os.PathLike)) or not os.fspath(cache):
        raise ValueError(
            '`cache` must be None, "memory", "disk", a folder that packs are kept in, or one of '
            f"these `InBackground`; received {cache!r}."
        )
    if cache not in ("memory", "disk") and Path(cache).exists() and not Path(cache).is_dir():
        raise ValueError(
            f"`cache` must name a folder, which need not exist; received {os.fspath(cache)!r}, "
            "which is a file. Name another."
        )


def _built(
    folder: Path,
    key: str,
    layout: Layout,
    batches: Callable[[], Iterator[NDArray[Any]]],
    sources: Sequence[Any],
) -> Path:
    """Return the folder of a pack, building it if it is not there."""
    pack, marker = folder / key, _marker(key)
    if not is_published(pack, marker):
        _check_writable(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # Whoever comes second waits, and finds it built. The lock of a process that died is free.
        with locked(lock_of(pack)):
            if not is_published(pack, marker):
                _build(pack, marker, layout, batches, sources)
    with suppress(OSError):  # a cache that may only be read
        os.utime(pack / LAST_USED)
    return pack


def _check_writable(folder: Path) -> None:
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(
            errno.EACCES,
            "`cache` has no pack of these images, read this way, and its folder cannot be written "
            "to. Name another, or build the pack once as a user who may write to it: from the same "
            "paths, sizes and times of the files, and with the same settings",
            os.fspath(folder),
        )


def _build(
    pack: Path,
    marker: Mapping[str, str],
    layout: Layout,
    batches: Callable[[], Iterator[NDArray[Any]]],
    sources: Sequence[Any],
) -> None:
    check_disk(pack.parent, layout)
    _say(f"Decoding {layout.n:,} images into {pack} ({layout.size / 1e6:,.0f} MB).")
    with naming_lack_of_room(pack.parent, layout), staged(pack, marker) as staging:
        write_pack(staging, layout, batches(), sources)
        (staging / LAST_USED).touch()


def _marker(key: str) -> dict[str, str]:
    return {"format": FORMAT, "key": key}


def _key(sources: Sequence[Any], settings: Mapping[str, Any]) -> str:
    described = json.dumps([FORMAT, settings, sources], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:32]


def _decoded(
    images: Images, index: NDArray[np.int64], names: Sequence[str], per_core: int, *, shows: bool
) -> Iterator[NDArray[Any]]:
    """Yield the images in groups, with a progress bar where somebody looks at it."""
    image_of_row = tf.constant(index)

    def load(row: tf.Tensor) -> tf.Tensor:
        return images.image(tf.gather(image_of_row, row))

    elements = iter(single_images(load, len(index), _GROUP, per_core))
    groups: Iterable[int] = range(0, len(index), _GROUP)
    for start in _tracked(groups) if shows and sys.stderr.isatty() else groups:
        try:
            # A view: `.numpy()` would copy.
            yield np.asarray(memoryview(next(elements)))
        # The second where TensorFlow names a file whose name is not UTF-8.
        except (tf.errors.OpError, UnicodeDecodeError):
            _name_unreadable(images, index[start : start + _GROUP], names[start : start + _GROUP])
            raise


def _tracked(groups: Iterable[int]) -> Iterable[int]:
    # Here, as it takes as long to import as a batch to be made, and few see it.
    from rich.console import Console
    from rich.progress import track

    return track(groups, "Decoding", console=Console(stderr=True), transient=True)


def _name_unreadable(images: Images, index: NDArray[np.int64], names: Sequence[str]) -> None:
    """Raise the error of the first image that cannot be read, by its name."""
    for i, name in zip(index, names, strict=True):
        with naming(name):
            images.image(tf.constant(i))


def _say(message: str) -> None:
    print(message, file=sys.stderr)
