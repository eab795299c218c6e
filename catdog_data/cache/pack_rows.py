"""The rows of a pack, by their numbers: mapped or read, and compared with their sums on request."""

from __future__ import annotations

import errno
import os
import warnings
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.cache.pack import rows_of
from catdog_data.cache.pack_format import (
    PIXELS,
    damaged_row,
    read_layout,
    read_sums,
    sums_of,
)
from catdog_data.system.file_systems import is_remote

RowsAt = Callable[[tf.Tensor], tf.Tensor]
"""From the numbers of rows, int64[B], to these, `dtype`[B, H * W * C]; eagerly or in a graph."""

_ACCESS = "CATDOG_PACK_ACCESS"
"""The variable of the environment that says how rows are had: "map" or "read"."""
_CHECK = "CATDOG_PACK_CHECK"
"""The one that says whether rows are compared with their sums: "on" or "off"."""


def opened(folder: Path) -> RowsAt:
    """Open a pack: map it into memory, or read it row by row where a map could end the process.

    Where the environment says `CATDOG_PACK_CHECK=on`, rows are compared with their sums when they
    are used for the first time. `CATDOG_PACK_ACCESS` may be "map" or "read".

    Args:
        folder: the pack.

    Returns:
        The function to its rows. It raises `tf.errors.InvalidArgumentError` for a row that was
        compared and is not what was written, and, where rows are read, `tf.errors.OpError` with
        the words of an `OSError` for one that cannot be.

    Raises:
        ValueError: see `read_layout` and `read_sums`; or the environment says what is none of
            these.

    Warns:
        RuntimeWarning: rows should be compared, and the pack is of an older version without sums.

    Example:
        >>> import tempfile
        >>> from catdog_data.cache.pack import Layout, write_pack
        >>> rows = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_pack(Path(folder), Layout(2, (2, 2, 3), "uint8"), [rows], ["a", "b"])
        ...     opened(Path(folder))(tf.constant([1], tf.int64)).numpy()
        array([[12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]], dtype=uint8)
    """
    rows_at = _ReadRows(folder) if _is_read(folder) else partial(tf.gather, rows_of(folder))
    if _setting(_CHECK, "on", "off") != "on":
        return rows_at
    sums = read_sums(folder)
    if sums is None:
        warnings.warn(
            f"{folder} was built by an older version and has no sums, so its rows are not compared "
            "with any. Delete the folder, and it is built with sums when it is needed.",
            RuntimeWarning,
            stacklevel=2,
        )
        return rows_at
    return _compared_at_first(rows_at, sums, folder)


def _is_read(folder: Path) -> bool:
    access = _setting(_ACCESS, "map", "read")
    return is_remote(folder) if access is None else access == "read"


def _setting(name: str, *values: str) -> str | None:
    setting = os.environ.get(name)
    if setting is not None and setting not in values:
        allowed = " or ".join(f'"{value}"' for value in values)
        raise ValueError(f"{name} must be {allowed}, or unset; received {setting!r}.")
    return setting


class _ReadRows:
    """The rows of a pack, read from its file."""

    def __init__(self, folder: Path) -> None:
        layout = read_layout(folder)
        self._dtype = layout.dtype
        self._width = layout.row_bytes // np.dtype(layout.dtype).itemsize
        self._file = _opened_pixels(folder)
        self._read = _reader(folder, layout.dtype, self._width, weakref.ref(self._file))

    def __call__(self, row: tf.Tensor) -> tf.Tensor:
        rows = tf.numpy_function(self._read, [row], self._dtype, stateful=False)
        return tf.ensure_shape(rows, [*row.shape, self._width])


def _reader(
    folder: Path, dtype: str, width: int, held: weakref.ref[FileIO]
) -> Callable[[NDArray[np.int64]], NDArray[Any]]:
    # TensorFlow never lets go of the functions it calls; the file is closed with its datasets.
    def read(row: NDArray[np.int64]) -> NDArray[Any]:
        rows = np.empty((len(row), width), dtype)
        file = held()
        # An iterator may outlive its dataset.
        with _opened_pixels(folder) if file is None else nullcontext(file) as pixels:
            for i, into in zip(row.tolist(), rows.view(np.uint8), strict=True):
                _read_row(pixels.fileno(), i, into, folder)
        return rows

    return read


def _opened_pixels(folder: Path) -> FileIO:
    return (folder / PIXELS).open("rb", buffering=0)


def _read_row(file: int, row: int, into: NDArray[np.uint8], folder: Path) -> None:
    """Read a row into its place.

    Raises:
        OSError: the system cannot read it, or the file ends before it does.
    """
    done = 0
    while done < into.size:
        try:
            count = os.preadv(file, [into[done:].data], row * into.size + done)
        except OSError as error:
            number = error.errno or errno.EIO
            raise _lost(number, os.strerror(number), row, folder) from None
        if count == 0:
            raise _lost(errno.EIO, "the file ends before it", row, folder)
        done += count


def _lost(number: int, why: str, row: int, folder: Path) -> OSError:
    return OSError(
        number,
        f"row {row} of a pack cannot be read: {why}. Look whether its file system is there; if it "
        "is, delete the folder, and the pack is built again when it is needed",
        os.fspath(folder),
    )


def _compared_at_first(rows_at: RowsAt, sums: NDArray[np.uint64], folder: Path) -> RowsAt:
    """Compare each row with its sum until it was right once."""
    with tf.device("CPU:0"):
        unseen = tf.Variable(np.ones(len(sums), bool), trainable=False)
        noted = tf.constant(sums)

    def differs(
        row: NDArray[np.int64], rows: NDArray[Any], expected: NDArray[np.uint64]
    ) -> np.bool_:
        other = sums_of(rows) != expected
        if other.any():
            raise damaged_row(folder, int(row[other.argmax()]))
        return np.False_

    def compared(row: tf.Tensor) -> tf.Tensor:
        rows = rows_at(row)

        def compare() -> tf.Tensor:
            # By a value, so that no row is taken for seen before it was compared.
            still = tf.numpy_function(differs, [row, rows, tf.gather(noted, row)], tf.bool)
            still_unseen = tf.reshape(still, [1])
            unseen.scatter_update(tf.IndexedSlices(tf.tile(still_unseen, tf.shape(row)), row))
            return tf.identity(rows)

        # In the graph: a call of Python for each batch would slow down all epochs.
        return tf.cond(tf.reduce_any(tf.gather(unseen, row)), compare, lambda: tf.identity(rows))

    return compared
