"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    with replacing(target) as unfinished:
        unfinished.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file beside another, with its suffix, which takes its place if nothing is raised."""
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
