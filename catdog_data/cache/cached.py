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
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

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
from catdog_data.engine.read_once import read_once
from catdog_data.system.atomic_directory import is_published, staged, staged_unnamed
from catdog_data.system.lock_file import locked

__all__ = [
    "Cache",
    "CacheOfListing",
    "CachedPack",
    "InBackground",
    "cached",
    "packs_in",
    "user_folder",
]

Item = TypeVar("Item")
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


class CacheOfListing:
    """The cache of images that were listed, not all of which can be read.

    `cached` takes it too, for all of the readable ones or some. They are read from a pack of their
    own or else, where there is one, from a pack of all.

    Args:
        cache: as of `cached`.
        whole: the files of all that can be read, where some of them alone may be asked for.
    """

    def __init__(self, cache: Cache, whole: Sequence[str] = ()) -> None:
        self.cache, self.whole = cache, whole
        # In memory, rows live as long as somebody has them.
        self._held: list[Any] = []

    def of(self, whole: Sequence[str]) -> CacheOfListing:
        """Make the same for `whole`."""
        made = CacheOfListing(self.cache, whole)
        made._held = self._held
        return made

    def decode(
        self,
        images: Images,
        files: Sequence[str],
        settings: Mapping[str, Any],
        indices: Sequence[int],
    ) -> dict[int, Exception] | None:
        """Decode images into a pack of those that can be read, which is held for `cached`.

        It is done at once, even where `cache` is `InBackground`: all is read before it returns.

        Args:
            images: the N images.
            files: where each comes from; see `cached`.
            settings: see `cached`.
            indices: which of them.

        Returns:
            The error of each that cannot be read, which names it; None where there is no cache or
            no room for it, and nothing was done.

        Raises:
            ValueError: `cache` is none of those that `cached` takes.
            OSError: the disk had room and is full.
        """
        if self.cache is None:
            return None
        rows = _Rows.of([files[i] for i in indices])
        store = _store(images, rows.names, settings, _place_of(self.cache))
        if store.is_there():
            return {}
        try:
            store.check_room()
        except (OSError, MemoryError):
            return None
        broken, held = store.make_readable(images, np.asarray(indices, np.int64)[rows.first])
        self._held.append(held)
        return {
            index: broken[row]
            for index, row in zip(indices, rows.row_of.tolist(), strict=True)
            if row in broken
        }


@dataclass(frozen=True)
class _Rows:
    """Which row of a pack each image has: each file has one, in the order of their names."""

    names: Sequence[str]
    row_of: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, files: Sequence[str]) -> _Rows:
        names, row_of = np.unique(np.asarray(files, dtype=object), return_inverse=True)
        row_of = row_of.astype(np.int64)
        first = np.zeros(len(names), np.int64)
        first[row_of] = np.arange(len(files))
        return cls([str(name) for name in names], row_of, first)

    def rows_of(self, files: Sequence[str]) -> NDArray[np.int64]:
        """Find the rows of some of the files."""
        row_of = {name: row for row, name in enumerate(self.names)}
        return np.array([row_of[name] for name in files], np.int64)


_GROUP = 32
_IN_MEMORY: weakref.WeakValueDictionary[str, tf.Tensor] = weakref.WeakValueDictionary()
"""Rows that are still referenced in this process, by key."""
_BUILDING: weakref.WeakValueDictionary[tuple[str, str], BackgroundBuild] = (
    weakref.WeakValueDictionary()
)
"""What threads of this process build, by `Place` and key."""


def cached(
    images: Images,
    files: Sequence[str],
    settings: Mapping[str, Any],
    cache: Cache | CacheOfListing,
) -> Any:
    """Decode images once, and read them from memory or from a pack on disk from then on.

    A pack is known by the files' paths, sizes and times, and by how they are read. If there is
    none for these it is built now, which takes as long as reading all images once, or in the
    background.

    Args:
        images: the N images.
        files: where each comes from: paths, or other names that change when the image does.
        settings: what else the pixels depend on; plain JSON values.
        cache: None for none; "memory"; "disk", for a folder of this user's; or a folder. Any of
            the latter as `InBackground`, to be built while it is not there yet. See also
            `CacheOfListing`.

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
    whole: Sequence[str] = ()
    if isinstance(cache, CacheOfListing):
        whole, cache = cache.whole, cache.cache
    if cache is None:
        return images
    rows = _Rows.of(files)
    store = _store(images, rows.names, settings, _place_of(cache))
    if len(whole) > len(files) and not store.is_there():
        rows_of_whole = _Rows.of(whole)
        of_whole = _store(images, rows_of_whole.names, settings, store.place)
        if (found := of_whole.found()) is not None:
            return of_whole.source(found, rows_of_whole.rows_of(files))

    def batches(per_core: int, *, shows: bool) -> Iterator[NDArray[Any]]:
        return _decoded(images, rows.first, rows.names, per_core, shows=shows)

    if isinstance(cache, InBackground) and not store.is_there():
        store.check_room()
        building = _building(
            store, lambda through: store.rows(lambda: through(batches(1, shows=False)))
        )
        return ImagesUntilCached(images, rows.row_of, building)
    made = store.rows(lambda: batches(READS_PER_CORE, shows=True))
    return store.source(made, rows.row_of)


def _place_of(cache: Any) -> Place:
    """Return where a cache is, once that is known to be a place."""
    place: Place = cache.place if isinstance(cache, InBackground) else cache
    _check(place)
    return place


def _store(
    images: Images, names: Sequence[str], settings: Mapping[str, Any], place: Place
) -> _Store:
    """Say where the rows of these files are, each named once and in order, or will be."""
    layout = Layout(len(names), images.shape, images.dtype)
    return _Store(place, layout, settings, [source_of(name) for name in names])


@dataclass(frozen=True)
class _Store:
    """Where the rows of one set of images are, or will be.

    Args:
        place: "memory", "disk", or the folder of packs.
        layout: what their rows are.
        settings: how they are read.
        sources: what each row is made from.
    """

    place: Place
    layout: Layout
    settings: Mapping[str, Any]
    sources: Sequence[Any]

    @cached_property
    def key(self) -> str:
        """A hash of these images and how they are read."""
        described = {**self.settings, "shape": self.layout.shape, "dtype": self.layout.dtype}
        return _key(self.sources, described)

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

    def found(self) -> RowsAt | None:
        """Return the function to the rows if these have been made."""
        if self.place != "memory":
            return self._on_disk() if self.is_there() else None
        rows = _IN_MEMORY.get(self.key)
        return None if rows is None else partial(tf.gather, rows)

    def rows(self, batches: Callable[[], Iterator[NDArray[Any]]]) -> RowsAt:
        """Return the function to the rows, making these if they are not there."""
        if self.place != "memory":
            _built(self.folder, self.key, self.layout, batches, self.sources)
            return self._on_disk()
        rows = _IN_MEMORY.get(self.key)
        if rows is None:
            self._say_decoding("memory")
            rows = rows_in_memory(self.layout, batches())
            _IN_MEMORY[self.key] = rows
        return partial(tf.gather, rows)

    def make_readable(
        self, images: Images, index: NDArray[np.int64]
    ) -> tuple[dict[int, Exception], Any]:
        """Make the rows of the images that can be read, as of a listing without the others.

        Args:
            images: any.
            index: int64[N], the image of each row.

        Returns:
            The errors of the others, by their rows here; and the rows that were made, if any.
        """
        broken: dict[int, Exception] = {}
        row_of = {image: row for row, image in enumerate(index.tolist())}

        def batches() -> Iterator[NDArray[Any]]:
            groups = read_once(images.image, images.check, index.tolist(), _GROUP)
            total = -(-len(index) // _GROUP)
            for rows, errors in _tracked(groups, total) if sys.stderr.isatty() else groups:
                broken.update({row_of[image]: error for image, error in errors.items()})
                if len(rows):
                    yield rows

        if self.place == "memory":
            self._say_decoding("memory")
            rows = rows_in_memory(self.layout, batches())
            _IN_MEMORY[self._without(broken).key] = rows
            return broken, rows
        self._say_decoding(self.folder)
        with (
            naming_lack_of_room(self.folder, self.layout),
            staged_unnamed(self.folder / self.key) as (staging, publish),
        ):
            # What is good is known behind the last batch, when the list of it is written.
            good = (each for row, each in enumerate(self.sources) if row not in broken)
            write_pack(staging, self.layout, batches(), good)
            if len(broken) < len(index):
                (staging / LAST_USED).touch()
                key = self._without(broken).key
                publish(self.folder / key, _marker(key))
        return broken, None

    def source(self, rows_at: RowsAt, row_of: NDArray[np.int64]) -> PackedRows:
        """Make the source of images that have these of the rows."""
        shape, dtype = self.layout.shape, self.layout.dtype
        if self.place == "memory":
            return PackedRows(rows_at, row_of, shape, dtype)
        return PackedRows(rows_at, row_of, shape, dtype, size_check(self.folder / self.key))

    def _on_disk(self) -> RowsAt:
        pack = self.folder / self.key
        with suppress(OSError):  # a cache that may only be read
            os.utime(pack / LAST_USED)
        check_layout(pack, self.layout)
        return opened(pack)

    def _without(self, broken: Mapping[int, Any]) -> _Store:
        sources = [each for row, each in enumerate(self.sources) if row not in broken]
        return replace(self, layout=replace(self.layout, n=len(sources)), sources=sources)

    def _say_decoding(self, where: Any) -> None:
        _say(f"Decoding {self.layout.n:,} images into {where} ({self.layout.size / 1e6:,.0f} MB).")


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
) -> None:
    """Build a pack if it is not there."""
    pack, marker = folder / key, _marker(key)
    if not is_published(pack, marker):
        _check_writable(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # Whoever comes second waits, and finds it built. The lock of a process that died is free.
        with locked(lock_of(pack)):
            if not is_published(pack, marker):
                _build(pack, marker, layout, batches, sources)


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


def _tracked(groups: Iterable[Item], total: int | None = None) -> Iterable[Item]:
    # Here, as it takes as long to import as a batch to be made, and few see it.
    from rich.console import Console
    from rich.progress import track

    return track(groups, "Decoding", total, console=Console(stderr=True), transient=True)


def _name_unreadable(images: Images, index: NDArray[np.int64], names: Sequence[str]) -> None:
    """Raise the error of the first image that cannot be read, by its name."""
    for i, name in zip(index, names, strict=True):
        with naming(name):
            images.image(tf.constant(i))


def _say(message: str) -> None:
    print(message, file=sys.stderr)
