"""Files that are written whole or not at all."""

import os
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file beside its place, then rename it: an older one stays until the new one is whole.

    Args:
        path: the file; its folder must exist.
        content: all of it.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        OSError: the disk is full, or the folder cannot be written to.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path must be in a folder that exists. Received: {str(target)!r}. "
            f"Create {str(target.parent)!r} first."
        )
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
