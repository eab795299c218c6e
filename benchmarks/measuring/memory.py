"""The highest memory of a process tree, watched from outside of it."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

import psutil

_INTERVAL = 0.1  # seconds


class PeakMemory:
    """Watches a process and all that it has started, within a `with`.

    Counted are pages that no file backs: those of files, as of a mapped pack, are the system's to
    drop. What a process shares with the one it was forked from counts, as it would if it had been
    started by itself.

    Args:
        pid: Of the process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._highest = 0

    @property
    def megabytes(self) -> float:
        """The highest seen so far, in 10**6 bytes."""
        return self._highest / 1e6

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._highest = max(self._highest, _tree_bytes(self._pid))


def _tree_bytes(pid: int) -> int:
    try:
        root = psutil.Process(pid)
        return sum(_unbacked_bytes(each.pid) for each in [root, *root.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _unbacked_bytes(pid: int) -> int:
    """Read the anonymous and shared memory of one process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(("RssA", "RssSh")))
