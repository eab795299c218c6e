"""The clock that batches are handed to."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import psutil


class Enough(Exception):  # noqa: N818 - no error, as StopIteration is none
    """Ends a run: all that was wanted has been received."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the clock has shown.

    Attributes:
        first_batch_seconds: From the start to the first batch.
        images: In the timed part.
        wall_seconds: Of the timed part.
        cpu_seconds: Of the timed part, all processes.
    """

    first_batch_seconds: float
    images: int
    wall_seconds: float
    cpu_seconds: float


class Meter:
    """A `Take` that lets batches pass untimed for a while, then times them.

    The first batches come late (compilation, filling of buffers) or early (what was made while
    something else was waited for). After the lead-in a batch comes as fast as it is made, and as
    much work is under way when the clock stops as when it starts.

    Args:
        lead_in: Seconds from the first batch on that are not timed; None times from the start.
        seconds: That are timed; a run ends with a whole batch.
        at_most: Images that are timed at most; None for no limit.
    """

    def __init__(
        self, *, lead_in: float | None, seconds: float, at_most: int | None = None
    ) -> None:
        self._lead_in, self._seconds, self._at_most = lead_in, seconds, at_most
        self._process = psutil.Process()
        self._started = time.perf_counter()
        self._first: float | None = None
        self._begin = self._started if lead_in is None else None
        self._cpu = 0.0 if lead_in is not None else cpu_seconds(self._process)
        self._images = 0
        self._reading: Reading | None = None

    def __call__(self, images: Any, labels: Any = None) -> None:
        """Receive a batch.

        Raises:
            Enough: It was the last one wanted.
        """
        now = time.perf_counter()
        if self._first is None:
            self._first = now
        if self._begin is None:
            if now - self._first >= (self._lead_in or 0.0):
                self._begin, self._cpu = now, cpu_seconds(self._process)
            return
        self._images += len(images)
        wall = now - self._begin
        if wall >= self._seconds or self._images >= (self._at_most or math.inf):
            # Now, since worker processes are stopped on the way out.
            self._reading = Reading(
                first_batch_seconds=self._first - self._started,
                images=self._images,
                wall_seconds=wall,
                cpu_seconds=cpu_seconds(self._process) - self._cpu,
            )
            raise Enough

    @property
    def done(self) -> bool:
        """Whether all that was wanted has been timed."""
        return self._reading is not None

    def result(self) -> Reading:
        """Read the clock, after `Enough`.

        Raises:
            ValueError: The batches ended before.
        """
        if self._reading is None:
            raise ValueError(
                "A contestant must go on until it is told to stop. "
                f"Received: no further batch after {self._images} timed images."
            )
        return self._reading


def cpu_seconds(process: psutil.Process) -> float:
    """Count the processor time of a process and of all that it has started.

    Args:
        process: The calling one.
    """
    own = process.cpu_times()
    # Finer than the system's ticks, for the process that does most of the work.
    used: float = time.process_time() + own.children_user + own.children_system
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system + times.children_user + times.children_system
    return used
