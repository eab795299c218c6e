"""The clock that batches are handed to."""

import math
import resource
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks.results import Sample

Receiver = Generator[None, tuple[Any, Any], Any]
"""Is sent images and labels, batch by batch, and returns when it has enough."""


class Enough(Exception):  # noqa: N818 - no error, as StopIteration is none
    """Ends a run: all that was wanted has been received."""


class Receiving:
    """Passes batches to a receiver.

    Args:
        receiver: Not started.

    Attributes:
        result: What the receiver returned; None before.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.result: Any = None
        next(receiver)

    def __call__(self, images: Any, labels: Any) -> None:
        """Receive a batch.

        Raises:
            Enough: It was the last one wanted.
        """
        try:
            self._receiver.send((images, labels))
        except StopIteration as end:
            self.result = end.value
            raise Enough from None

    def end(self) -> None:
        """Let the receiver return what it has, as there are no further batches.

        Raises:
            ValueError: That is not enough.
        """
        error = "A contestant must go on until it is told to stop. Received: no further batch."
        try:
            self._receiver.throw(ValueError(error))
        except StopIteration as end:
            self.result = end.value


def timed(*, lead_in: float | None, seconds: float, at_most: int | None = None) -> Receiver:
    """Let batches pass untimed for a while, then time them.

    The first batches come late (compilation, filling of buffers) or early (what was made while
    something else was waited for). After the lead-in a batch comes as fast as it is made, and as
    much work is under way when the clock stops as when it starts.

    Args:
        lead_in: Seconds from the first batch on that are not timed; None times from the start.
        seconds: That are timed; a run ends with a whole batch.
        at_most: Images that are timed at most; None for no limit.

    Returns:
        A receiver that returns a `Sample`, without its round and memory.
    """
    process = psutil.Process()
    begin = started = time.perf_counter()
    cpu, faults = (0.0, 0) if lead_in is not None else (cpu_seconds(process), page_faults(process))
    images, _ = yield
    now = first = time.perf_counter()
    if lead_in is not None:
        while now - first < lead_in:
            yield
            now = time.perf_counter()
        begin, cpu, faults = now, cpu_seconds(process), page_faults(process)
        images, _ = yield
        now = time.perf_counter()
    total = len(images)
    while now - begin < seconds and total < (at_most or math.inf):
        images, _ = yield
        now = time.perf_counter()
        total += len(images)
    # Worker processes are stopped on the way out: their share is counted before.
    cpu, faults = cpu_seconds(process) - cpu, page_faults(process) - faults
    return Sample(
        round=0,
        images=total,
        wall_ms=1000 * (now - begin) / total,
        cpu_ms=1000 * cpu / total,
        first_batch_seconds=first - started,
        peak_megabytes=0.0,
        faults=faults / total,
    )


def started() -> Receiver:
    """Time the first batch, and keep the seconds that the contestant gives for those that follow.

    Returns:
        A receiver of one batch, then of fields of `Sample` and their values, in pairs. It returns a
        `Sample`, without its round and memory.
    """
    sample = yield from timed(lead_in=None, seconds=0.0)
    seconds_of: dict[str, float] = {}
    try:
        while True:
            field, seconds = yield
            seconds_of[field] = seconds
    except ValueError:  # there are no further ones
        return replace(sample, **seconds_of)


def cpu_seconds(process: psutil.Process) -> float:
    """Count the processor time of a process, the calling one, and of all that it has started."""
    own = process.cpu_times()
    # Finer than the system's ticks, for the process that does most of the work.
    used: float = time.process_time() + own.children_user + own.children_system
    for child in process.children(recursive=True):
        try:
            used += sum(child.cpu_times()[:4])  # user and system, also of children that ended
        except psutil.NoSuchProcess:
            continue
    return used


def page_faults(process: psutil.Process) -> int:
    """Count the page faults, but for those that read a file, of a process and all it has started.

    Args:
        process: The calling one.
    """
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    found = sum(resource.getrusage(kind).ru_minflt for kind in kinds)
    for child in process.children(recursive=True):
        try:
            # Behind the name, which may have spaces: its own are the eighth, its children's next.
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        found += int(fields[7]) + int(fields[8])
    return found
