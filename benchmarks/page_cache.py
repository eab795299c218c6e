"""Whether files are in the memory of the system, and how to get them out of it."""

import ctypes
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

_C = ctypes.CDLL(None, use_errno=True)
_ALLOWED = 0.02  # of the files may stay: those that something else holds


def warm(paths: Iterable[Path]) -> None:
    """Read files, so that the system has them in memory."""
    for path in paths:
        path.read_bytes()


def drop(paths: Iterable[Path]) -> str | None:
    """Ask the system to drop files from its memory, and look whether it did.

    Returns:
        Why this is not possible, or None if they are out.
    """
    left = total = 0
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)  # pages that are not written yet cannot be dropped
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            left += _is_in_memory(handle)
        except OSError as error:
            return f"this file system does not tell what it keeps in memory ({error.strerror})"
        finally:
            os.close(handle)
        total += 1
    if left > _ALLOWED * total:
        return f"the system kept {left} of {total} files in memory"
    return None


def _is_in_memory(handle: int) -> bool:
    """Tell whether any page of a file is in memory, without bringing one in."""
    size = os.fstat(handle).st_size
    if not size:
        return False
    pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
    # A private map, which ctypes may take the address of; nothing is written.
    with mmap.mmap(handle, size, access=mmap.ACCESS_COPY) as mapped:
        start = ctypes.c_char.from_buffer(mapped)
        failed = _C.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), pages)
        del start
    if failed:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return any(page & 1 for page in pages)
