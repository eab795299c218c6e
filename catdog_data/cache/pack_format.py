"""The pack: decoded images of one size and type in one file, and what is known of each row.

A folder holds `pixels`, the rows one behind the other; `checksums.npy`, a CRC-32 for each;
`sums.npy`, a sum for each, which takes a tenth of the time and overlooks words that changed places;
`files.json`, what each row was made from; and `pack.json`, which says what the rows are. The folder
appears under its name when all of it is there, so whatever has the name is whole. Packs of older
versions have no `sums.npy`.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = "catdog_data pack 1"

PIXELS, CHECKSUMS, SUMS = "pixels", "checksums.npy", "sums.npy"
FILES, PACK = "files.json", "pack.json"
"""The files of a pack."""


@dataclass(frozen=True)
class Layout:
    """What the rows of a pack are.

    Args:
        n: how many.
        shape: (H, W, C) of each.
        dtype: type of their values.

    Example:
        >>> layout = Layout(10, (224, 224, 3), "uint8")
        >>> layout.row_bytes, layout.size
        (150528, 1505280)
    """

    n: int
    shape: tuple[int, int, int]
    dtype: str

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return self.n * self.row_bytes


def read_layout(folder: Path) -> Layout:
    """Read what the rows of a pack are.

    Args:
        folder: the pack.

    Returns:
        Number, shape and dtype of the rows.

    Raises:
        ValueError: the folder holds no pack of this format, or one that was damaged.

    Example:
        >>> read_layout(Path("no such pack"))
        Traceback (most recent call last):
        ValueError: no such pack must hold a whole pack, and does not: ...
    """
    try:
        layout = _described((folder / PACK).read_bytes())
        _check_size((folder / PIXELS).stat().st_size, layout)
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from None
    return layout


def check_layout(folder: Path, expected: Layout) -> None:
    """Refuse a pack whose rows are not what they should be.

    Args:
        folder: the pack.
        expected: what its name stands for.

    Raises:
        ValueError: see `read_layout`; or the rows are others.

    Example:
        >>> check_layout(Path("no such pack"), Layout(10, (224, 224, 3), "uint8"))
        Traceback (most recent call last):
        ValueError: no such pack must hold a whole pack, and does not: ...
    """
    found = read_layout(folder)
    if found != expected:
        raise _damaged(folder, ValueError(f"it says {found}, and was made as {expected}"))


def size_check(folder: Path) -> Callable[[], None]:
    """Make the function that looks whether the pixels of a pack still have their size.

    What was mapped is looked at, and not what has its name by then. Pixels that were cut short
    while they are mapped end the process by SIGBUS where they are read.

    Args:
        folder: the pack.

    Returns:
        A function that raises the `ValueError` of `read_layout`.

    Example:
        >>> size_check(Path("no such pack"))
        Traceback (most recent call last):
        ValueError: no such pack must hold a whole pack, and does not: ...
    """
    layout = read_layout(folder)
    pixels = (folder / PIXELS).open("rb", buffering=0)

    def check() -> None:
        try:
            _check_size(os.fstat(pixels.fileno()).st_size, layout)
        except (OSError, ValueError) as error:
            raise _damaged(folder, error) from None

    return check


def read_files(folder: Path) -> list[Any]:
    """Read what each row of a pack was made from.

    Args:
        folder: the pack.

    Returns:
        Plain JSON values, one for each row, in order: the name of a file or of something else
        alone, or `[path, bytes, time in nanoseconds]` of a file.

    Raises:
        ValueError: the list was damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "files.json").write_text('[["/photos/cat.1.jpg", 9126, 17]]')
        ...     read_files(Path(folder))
        [['/photos/cat.1.jpg', 9126, 17]]
    """
    try:
        contents = (folder / FILES).read_bytes()
    except OSError as error:
        raise _damaged(folder, error) from None
    try:
        files = json.loads(contents)
    except ValueError:
        files = None
    if not isinstance(files, list):
        raise _damaged(folder, ValueError(f"its {FILES} is no list in JSON"))
    return files


def sums_of(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Add up the 64-bit words of each row, and the bytes behind the last whole word.

    Args:
        rows: `dtype`[B, ...].

    Returns:
        uint64[B], modulo 2 ** 64: another one if a bit was flipped.

    Example:
        >>> sums_of(np.array([[1, 0, 0, 0, 0, 0, 0, 0, 7], [0, 1, 0, 0, 0, 0, 0, 0, 7]], "uint8"))
        array([  8, 263], dtype=uint64)
    """
    octets = np.ascontiguousarray(rows).reshape(len(rows), math.prod(rows.shape[1:])).view(np.uint8)
    whole = octets.shape[1] // 8 * 8
    sums: NDArray[np.uint64] = np.add.reduce(octets[:, :whole].view(np.uint64), axis=1)
    if whole < octets.shape[1]:
        sums += np.add.reduce(octets[:, whole:], axis=1, dtype=np.uint64)
    return sums


def read_sums(folder: Path) -> NDArray[np.uint64] | None:
    """Read the sum of each row of a pack.

    Args:
        folder: the pack.

    Returns:
        uint64[N], see `sums_of`; None for a pack of an older version, which has none.

    Raises:
        ValueError: see `read_layout`; or they were damaged.

    Example:
        >>> read_sums(Path("no such pack"))
        Traceback (most recent call last):
        ValueError: no such pack must hold a whole pack, and does not: ...
    """
    n = read_layout(folder).n
    try:
        sums: NDArray[np.uint64] = np.load(folder / SUMS)
        if sums.shape != (n,) or sums.dtype != np.uint64:
            raise ValueError(f"its sums are {sums.dtype}{list(sums.shape)}, of {n} rows")
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError) as error:
        raise _damaged(folder, error) from None
    return sums


def damaged_row(folder: Path, row: int) -> ValueError:
    """Make the error of a row that is not what was written.

    Args:
        folder: the pack.
        row: its number.

    Returns:
        An error that names the pack, the row and the file that it was made from.

    Example:
        >>> print(damaged_row(Path("no such pack"), 3))
        no such pack must hold the pixels that were written, and does not: those of row 3 have ...
    """
    made_from = ""
    with suppress(ValueError, LookupError, TypeError):  # of a pack that was removed meanwhile
        made_from = f", made from {read_files(folder)[row][0]!r},"
    return ValueError(
        f"{folder} must hold the pixels that were written, and does not: those of row {row}"
        f"{made_from} have another sum. Delete the folder; it is built again when it is needed. "
        "`catdog-data cache verify` finds all such rows."
    )


def damaged_rows(folder: Path) -> list[int]:
    """Read all of a pack and name the rows that are not what was written.

    Args:
        folder: the pack.

    Returns:
        The numbers of the rows whose CRC-32, or whose sum, is not the one that was noted.

    Raises:
        ValueError: see `read_layout` and `read_sums`.
        OSError: the pixels cannot be read.

    Example:
        >>> import tempfile
        >>> from catdog_data.cache.pack import write_pack
        >>> rows = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_pack(Path(folder), Layout(2, (2, 2, 3), "uint8"), [rows], ["a", "b"])
        ...     print(damaged_rows(Path(folder)))
        ...     _ = Path(folder, "pixels").write_bytes(bytes(24))
        ...     print(damaged_rows(Path(folder)))
        []
        [0, 1]
    """
    layout, checksums, sums = read_layout(folder), np.load(folder / CHECKSUMS), read_sums(folder)
    damaged, row = [], np.zeros(layout.row_bytes, np.uint8)
    with (folder / PIXELS).open("rb") as pixels:  # a map of a file that is cut short meanwhile dies
        for i in range(layout.n):
            whole = pixels.readinto(row.data) == layout.row_bytes
            same_sum = sums is None or sums_of(row[np.newaxis])[0] == sums[i]
            if not (whole and same_sum and zlib.crc32(row.data) == checksums[i]):
                damaged.append(i)
    return damaged


def _described(contents: bytes) -> Layout:
    """Read `pack.json`."""
    try:
        described = json.loads(contents)
    except ValueError as error:
        raise ValueError(f"its {PACK} is no JSON ({len(contents):,} bytes)") from error
    if not isinstance(described, dict) or "format" not in described:
        raise ValueError(f"its {PACK} describes no pack")
    if described["format"] != FORMAT:
        raise ValueError(f"it is of the format {described['format']!r}, not {FORMAT!r}")
    try:
        height, width, channels = map(index, described["shape"])
        dtype = np.dtype(described["dtype"]).name
        layout = Layout(index(described["n"]), (height, width, channels), dtype)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"its {PACK} does not say what its rows are") from error
    return layout


def _check_size(size: int, layout: Layout) -> None:
    if size != layout.size:
        raise ValueError(f"its pixels have {size} bytes and should have {layout.size}")


def _damaged(folder: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{folder} must hold a whole pack, and does not: {error}. Delete the folder; it is "
        "built again when it is needed."
    )
