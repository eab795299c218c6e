"""The pack: decoded images of one size and type in one file, read by row through a memory map.

A folder holds `pixels`, the rows one behind the other; `checksums.npy`, a CRC-32 for each;
`files.json`, what each row was made from; and `pack.json`, which says what the rows are. The folder
appears under its name when all of it is there, so whatever has the name is whole.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.system.machine import available_memory

FORMAT = "catdog_data pack 1"

_UNITS = (1e9, "GB"), (1e6, "MB"), (1e3, "kB")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a disk says that is full, and one whose user, or a file on it, may grow no more."""

_PIXELS, _CHECKSUMS, _FILES, _PACK = "pixels", "checksums.npy", "files.json", "pack.json"


@dataclass(frozen=True)
class Layout:
    """What the rows of a pack are.

    Args:
        n: how many.
        shape: (H, W, C) of each.
        dtype: type of their values.
    """

    n: int
    shape: tuple[int, int, int]
    dtype: str

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return self.n * self.row_bytes


def write_pack(
    folder: Path, layout: Layout, batches: Iterable[NDArray[Any]], files: Sequence[Any]
) -> None:
    """Fill an empty folder with a pack.

    Args:
        folder: where to; whoever calls gives it its name when this has returned.
        layout: what the rows are.
        batches: `dtype`[B, H, W, C] each, N rows in all.
        files: plain JSON values, what each of the N rows was made from.

    Raises:
        OSError: the disk takes no more; see `naming_lack_of_room`.
    """
    checksums: list[int] = []
    with (folder / _PIXELS).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, layout.size)
        for rows in _written(file, batches):
            checksums += [zlib.crc32(row) for row in rows]
        file.flush()
        os.fsync(file.fileno())
    np.save(folder / _CHECKSUMS, np.array(checksums, np.uint32))
    (folder / _FILES).write_text(json.dumps(list(files)))
    described = {"format": FORMAT, "n": layout.n, "shape": layout.shape, "dtype": layout.dtype}
    (folder / _PACK).write_text(json.dumps(described))


def read_layout(folder: Path) -> Layout:
    """Read what the rows of a pack are.

    Raises:
        ValueError: the folder holds no pack of this format, or one that was damaged.
    """
    try:
        described = json.loads((folder / _PACK).read_text())
        if described["format"] != FORMAT:
            raise ValueError(f"it is of the format {described['format']!r}, not {FORMAT!r}")
        layout = Layout(described["n"], tuple(described["shape"]), described["dtype"])
        size = (folder / _PIXELS).stat().st_size
        if size != layout.size:
            raise ValueError(f"its pixels have {size} bytes and should have {layout.size}")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, error) from None
    return layout


def read_files(folder: Path) -> list[Any]:
    """Read what each row of a pack was made from.

    Raises:
        ValueError: the list was damaged.
    """
    try:
        files: list[Any] = json.loads((folder / _FILES).read_text())
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from None
    return files


def rows_of(folder: Path) -> tf.Tensor:
    """Map the rows of a pack into memory: `dtype`[N, H * W * C].

    Nothing is read before it is used, and pages are shared between processes.
    """
    layout = read_layout(folder)
    # Copied on write, though nobody writes: what may only be read cannot be handed over.
    return _as_tensor(np.asarray(np.memmap(folder / _PIXELS, layout.dtype, "c")), layout)


def rows_in_memory(layout: Layout, batches: Iterable[NDArray[Any]]) -> tf.Tensor:
    """Keep rows in memory of this process, in the form of `rows_of`.

    Args:
        layout: what the rows are.
        batches: see `write_pack`.

    Returns:
        `dtype`[N, H * W * C]; the memory is free again when nobody has the tensor any more.

    Raises:
        MemoryError: the machine, or this process' control group, has less than that free.
    """
    check_memory(layout)
    memory = mmap.mmap(-1, layout.size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for _ in _written(memory, batches):
        pass
    return _as_tensor(np.frombuffer(memory, layout.dtype), layout)


def damaged_rows(folder: Path) -> list[int]:
    """Read all of a pack and name the rows that are not what was written."""
    layout = read_layout(folder)
    pixels = np.memmap(folder / _PIXELS, np.uint8, "r", shape=(layout.n, layout.row_bytes))
    checksums = np.load(folder / _CHECKSUMS)
    return [i for i in range(layout.n) if zlib.crc32(pixels[i]) != checksums[i]]


def _damaged(folder: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{folder} must hold a whole pack, and does not: {error}. Delete the folder; it is "
        "built again when it is needed."
    )


def _written(file: Any, batches: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for batch in batches:
        rows = np.ascontiguousarray(batch)
        file.write(rows.data)
        yield rows


def _as_tensor(values: NDArray[Any], layout: Layout) -> tf.Tensor:
    """View an array as a tensor of the processor's memory; it must begin at a page."""
    rows = values.reshape(layout.n, -1)
    # Not `ImmutableConst`, which TensorFlow copies once when it is called eagerly.
    return tf.experimental.dlpack.from_dlpack(rows.__dlpack__())


def check_disk(folder: Path, layout: Layout) -> None:
    """Refuse rows that the disk of a folder has no room for.

    Raises:
        OSError: see above.
    """
    free = shutil.disk_usage(folder).free
    if layout.size > free:
        raise _no_room(errno.ENOSPC, f"{_amount(free)} are free", folder, layout)


@contextmanager
def naming_lack_of_room(folder: Path, layout: Layout) -> Iterator[None]:
    """Let a disk that is full, or a limit of the user's, be named while a pack is written.

    Args:
        folder: where packs are kept.
        layout: what is written.

    Raises:
        OSError: within the block, the folder took no more.
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

    Raises:
        MemoryError: see above.
    """
    free = available_memory()
    if layout.size > free:
        raise MemoryError(
            f'`cache="memory"` needs {_amount(layout.size)} for {layout.n} images of '
            f'{layout.shape}, and {_amount(free)} are free. Use `cache="disk"`, or a smaller '
            "size."
        )
