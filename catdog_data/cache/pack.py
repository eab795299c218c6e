"""Writing the rows of a pack, and having them as a tensor, of a memory map or of memory."""

from __future__ import annotations

import errno
import json
import math
import mmap
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.cache.pack_format import (
    CHECKSUMS,
    FILES,
    FORMAT,
    PACK,
    PIXELS,
    SUMS,
    Layout,
    read_layout,
    sums_of,
)
from catdog_data.system.machine import available_memory

_UNITS = (1e9, "GB"), (1e6, "MB"), (1e3, "kB")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a disk says that is full, and one whose user, or a file on it, may grow no more."""


def write_pack(
    folder: Path, layout: Layout, batches: Iterable[NDArray[Any]], files: Iterable[Any]
) -> None:
    """Fill an empty folder with a pack.

    Args:
        folder: where it is written; the caller syncs and renames it when this has returned.
        layout: what the rows are, and how many there are at most.
        batches: `dtype`[B, H, W, C] each, N rows in all.
        files: plain JSON values, what each of the N rows was made from; asked for behind the last.

    Raises:
        OSError: the disk takes no more; see `naming_lack_of_room`.

    Example:
        >>> import tempfile
        >>> rows = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_pack(Path(folder), Layout(2, (2, 2, 3), "uint8"), [rows], ["a", "b"])
        ...     print(sorted(path.name for path in Path(folder).iterdir()))
        ['checksums.npy', 'files.json', 'pack.json', 'pixels', 'sums.npy']
    """
    checksums: list[int] = []
    sums: list[NDArray[np.uint64]] = [np.zeros(0, np.uint64)]
    with (folder / PIXELS).open("wb") as file:
        if hasattr(os, "posix_fallocate"):  # so that a full disk is seen before the work
            os.posix_fallocate(file.fileno(), 0, layout.size)
        for rows in _written(file, batches):
            checksums += [zlib.crc32(row) for row in rows]
            sums.append(sums_of(rows))
        layout = replace(layout, n=len(checksums))
        file.truncate(layout.size)
    np.save(folder / CHECKSUMS, np.array(checksums, np.uint32))
    np.save(folder / SUMS, np.concatenate(sums))
    (folder / FILES).write_text(json.dumps(list(files)))
    described = {"format": FORMAT, "n": layout.n, "shape": layout.shape, "dtype": layout.dtype}
    (folder / PACK).write_text(json.dumps(described))


def rows_of(folder: Path) -> tf.Tensor:
    """Map the rows of a pack into memory.

    Nothing is read before it is used, and pages are shared between processes.

    Args:
        folder: the pack.

    Returns:
        `dtype`[N, H * W * C].

    Raises:
        ValueError: see `read_layout`.

    Example:
        >>> import tempfile
        >>> rows = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_pack(Path(folder), Layout(2, (2, 2, 3), "uint8"), [rows], ["a", "b"])
        ...     rows_of(Path(folder)).shape
        TensorShape([2, 12])
    """
    layout = read_layout(folder)
    # Copied on write, though nobody writes: what may only be read cannot be handed over.
    return _as_tensor(np.asarray(np.memmap(folder / PIXELS, layout.dtype, "c")), layout)


def rows_in_memory(layout: Layout, batches: Iterable[NDArray[Any]]) -> tf.Tensor:
    """Keep rows in memory of this process, in the form of `rows_of`.

    Args:
        layout: what the rows are, and how many there are at most.
        batches: see `write_pack`.

    Returns:
        `dtype`[N, H * W * C]; the memory is free again when nobody has the tensor any more.

    Raises:
        MemoryError: the machine, or this process' control group, has less than that free.

    Example:
        >>> rows = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
        >>> rows_in_memory(Layout(2, (2, 2, 3), "uint8"), [rows])[0].numpy()
        array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11], dtype=uint8)
    """
    check_memory(layout)
    memory = mmap.mmap(-1, layout.size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    layout = replace(layout, n=sum(len(rows) for rows in _written(memory, batches)))
    values = np.frombuffer(memory, layout.dtype, layout.size // np.dtype(layout.dtype).itemsize)
    return _as_tensor(values, layout)


def _written(file: Any, batches: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for batch in batches:
        rows = np.ascontiguousarray(batch)
        file.write(rows.data)
        yield rows


def _as_tensor(values: NDArray[Any], layout: Layout) -> tf.Tensor:
    """View an array as a tensor of the processor's memory; it must begin at a page."""
    rows = values.reshape(layout.n, math.prod(layout.shape))
    # Not `ImmutableConst`, which TensorFlow copies once when it is called eagerly.
    return tf.experimental.dlpack.from_dlpack(rows.__dlpack__())


def check_disk(folder: Path, layout: Layout) -> None:
    """Refuse rows that the disk of a folder has no room for.

    Args:
        folder: where packs are kept; it must exist.
        layout: what would be written.

    Raises:
        OSError: fewer bytes are free than the rows have.

    Example:
        >>> check_disk(Path("."), Layout(10**9, (10**4, 10**4, 3), "uint8"))
        Traceback (most recent call last):
        OSError: [Errno 28] `cache` needs 300,000,000.0 GB and ...
    """
    free = shutil.disk_usage(folder).free
    if layout.size > free:
        raise _no_room(errno.ENOSPC, f"{_amount(free)} are free", folder, layout)


@contextmanager
def naming_lack_of_room(folder: Path, layout: Layout) -> Iterator[None]:
    """Name the folder and the room that a pack needs, where writing it fails for lack of room.

    Args:
        folder: where packs are kept.
        layout: what is written.

    Raises:
        OSError: the disk is full, or the user or the file may take no more of it.

    Example:
        >>> with naming_lack_of_room(Path("."), Layout(10, (224, 224, 3), "uint8")):
        ...     raise OSError(errno.ENOSPC, "full")
        Traceback (most recent call last):
        OSError: [Errno 28] `cache` needs 1.5 MB and the system refused to write it ...
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        free = _amount(shutil.disk_usage(folder).free)
        found = f"the system refused to write it ({os.strerror(error.errno)}; {free} are free)"
        raise _no_room(error.errno, found, folder, layout) from None


def _no_room(number: int, found: str, folder: Path, layout: Layout) -> OSError:
    return OSError(
        number,
        f"`cache` needs {_amount(layout.size)} and {found}. Make room (see `catdog-data cache "
        "prune`), or name a folder on another disk",
        os.fspath(folder),
    )


def _amount(size: int) -> str:
    unit, name = next((each for each in _UNITS if size >= each[0]), _UNITS[-1])
    return f"{size / unit:,.1f} {name}"


def check_memory(layout: Layout) -> None:
    """Refuse rows that do not fit into the memory that is free.

    Args:
        layout: what would be kept.

    Raises:
        MemoryError: fewer bytes are free than the rows have.

    Example:
        >>> check_memory(Layout(10**9, (10**4, 10**4, 3), "uint8"))
        Traceback (most recent call last):
        MemoryError: `cache="memory"` needs 300,000,000.0 GB for 1000000000 images of ...
    """
    free = available_memory()
    if layout.size > free:
        raise MemoryError(
            f'`cache="memory"` needs {_amount(layout.size)} for {layout.n} images of '
            f'{layout.shape}, and {_amount(free)} are free. Use `cache="disk"`, or a smaller '
            "size."
        )
