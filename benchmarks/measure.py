"""Time contestants in turns, after a check that they compute the same.

make all -> first batches: timed apart, compared -> rounds: settle, lead in, time
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.contestants import Batch, Contestant

# A contestant that reads ahead has finished and half-finished batches waiting whenever nobody
# asked for a while. Handed out within the timed part they would look as if they took no time. So a
# round first waits until all work has stopped (buffers are full, and nobody's threads disturb
# somebody else's round), then takes batches untimed until those are used up: for ours that is some
# twelve batches, a third of a second. From there on a batch can only come as fast as it is made,
# and as much work is under way when the clock starts as when it stops. All are treated alike.
_LEAD_IN_SECONDS = 1.0
_COMPARED = 2  # the first, and one that follows from it

_QUIET_SECONDS, _QUIET_SHARE, _SETTLE_LIMIT = 0.1, 0.2, 10.0


class DifferentBatchesError(ValueError):
    """Contestants do not compute the same, so their times cannot be compared."""


@dataclass(frozen=True)
class Sample:
    """What one round of one contestant took.

    Attributes:
        wall_ms: Milliseconds per image.
        cpu_ms: Milliseconds of processor time per image, of all threads, and of child processes
            that ended meanwhile.
    """

    wall_ms: float
    cpu_ms: float


@dataclass(frozen=True)
class Spread:
    """A median and what it lies between."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Result:
    """All rounds of one contestant.

    Attributes:
        name: The contestant's.
        first_batch_seconds: From its making to its first batch, which is in no sample.
        samples: One per round, in their order.
    """

    name: str
    first_batch_seconds: float
    samples: tuple[Sample, ...]

    @property
    def images_per_second(self) -> Spread:
        """Speed over the rounds."""
        return Spread.of([1000 / sample.wall_ms for sample in self.samples])

    @property
    def cpu_ms(self) -> Spread:
        """Processor time per image over the rounds."""
        return Spread.of([sample.cpu_ms for sample in self.samples])

    def speedup_over(self, other: Result) -> Spread:
        """Compare round by round, so that what slowed both down in one cancels out."""
        pairs = zip(other.samples, self.samples, strict=True)
        return Spread.of([theirs.wall_ms / ours.wall_ms for theirs, ours in pairs])


def measure(
    contestants: Sequence[Contestant], directory: Path, *, rounds: int, seconds: float
) -> list[Result]:
    """Time contestants in turns within this process.

    Args:
        contestants: Who competes, at least one.
        directory: The class folders.
        rounds: How often each is timed.
        seconds: How long a round times; it ends with a whole batch.

    Returns:
        Results in the order of `contestants`.

    Raises:
        DifferentBatchesError: Their first batches differ; nothing was timed.
    """
    started = [_start(contestant, directory) for contestant in contestants]
    _check_identical(started)
    samples: list[list[Sample]] = [[] for _ in started]
    for number in range(rounds):
        # Every other round runs backwards: nobody always follows the same one.
        for i in range(len(started))[:: -1 if number % 2 else 1]:
            samples[i].append(_timed_round(started[i].iterator, seconds))
    return [
        Result(each.name, each.first_batch_seconds, tuple(taken))
        for each, taken in zip(started, samples, strict=True)
    ]


@dataclass(frozen=True)
class _Started:
    name: str
    iterator: Iterator[Batch]
    first_batch_seconds: float
    batches: list[Batch]


def _start(contestant: Contestant, directory: Path) -> _Started:
    _settle()
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):  # "Found ... images"
        iterator = contestant.make(directory)
    batches = [next(iterator)]
    seconds = time.perf_counter() - begin
    batches += [next(iterator) for _ in range(_COMPARED - 1)]
    return _Started(contestant.name, iterator, seconds, batches)


def _check_identical(started: Sequence[_Started]) -> None:
    reference = started[0]
    for other in started[1:]:
        for i in range(_COMPARED):
            differing = _differing_part(reference.batches[i], other.batches[i])
            if differing is not None:
                raise DifferentBatchesError(
                    "Contestants must yield identical batches. "
                    f"Received: {differing} of batch {i} from {other.name} that differ from "
                    f"those of {reference.name}. Nothing was timed."
                )


def _differing_part(expected: Batch, received: Batch) -> str | None:
    for part, right, given in zip(("images", "labels"), expected, received, strict=True):
        if right.dtype != given.dtype or not np.array_equal(right, given):
            return part
    return None


def _timed_round(iterator: Iterator[Batch], seconds: float) -> Sample:
    _settle()
    _take(iterator, _LEAD_IN_SECONDS)
    cpu, begin = _cpu_seconds(), time.perf_counter()
    images = _take(iterator, seconds)
    wall, cpu = time.perf_counter() - begin, _cpu_seconds() - cpu
    return Sample(wall_ms=1000 * wall / images, cpu_ms=1000 * cpu / images)


def _take(iterator: Iterator[Batch], seconds: float) -> int:
    """Take batches for as long, at least one; count their images."""
    end = time.perf_counter() + seconds
    images = len(next(iterator)[0])
    while time.perf_counter() < end:
        images += len(next(iterator)[0])
    return images


def _settle() -> None:
    """Wait until this process is idle, but not for ever: a contestant may never rest."""
    limit = time.perf_counter() + _SETTLE_LIMIT
    while time.perf_counter() < limit:
        before = _cpu_seconds()
        time.sleep(_QUIET_SECONDS)
        if _cpu_seconds() - before <= _QUIET_SHARE * _QUIET_SECONDS:
            return


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
