"""One contestant at work, in a process of its own."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.contestants.contestant import Contestant, Task
from benchmarks.measuring.silence import silenced

_TOLD = 2000  # characters of a failure


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How a round is timed: see `Meter`."""

    lead_in: float | None
    seconds: float
    at_most: int | None = None


@dataclass(frozen=True, kw_only=True)
class Summarise:
    """A pass over a few images is summarised: see `Summarising`."""

    images: int
    scale: float


@dataclass(frozen=True)
class Failed:
    """What went wrong, in words."""

    why: str


def work(
    connection: Connection,
    contestant: Contestant,
    task: Task,
    cores: tuple[int, ...],
    wanted: Timing | Summarise,
) -> None:
    """Let a contestant work until what is wanted is there, and send it.

    Args:
        connection: Where to.
        contestant: Who works.
        task: At what.
        cores: Processors that this process may use.
        wanted: A `Reading` of the clock or a `Summary`.
    """
    # First of all, as libraries count the processors when they are imported or first used.
    os.sched_setaffinity(0, cores)
    with silenced() as said:
        try:
            for module in contestant.needs:
                import_module(module)
            result = _received(contestant, task, wanted)
        except Exception:
            result = Failed(f"{traceback.format_exc()}\n{said()}"[-_TOLD:])
        connection.send(result)


def _received(contestant: Contestant, task: Task, wanted: Timing | Summarise) -> Any:
    from benchmarks.measuring.meter import Enough, Meter
    from benchmarks.measuring.sameness import Summarising

    take: Meter | Summarising
    if isinstance(wanted, Timing):
        take = Meter(lead_in=wanted.lead_in, seconds=wanted.seconds, at_most=wanted.at_most)
    else:
        take = Summarising(wanted.images, wanted.scale)
    try:
        contestant.run(task, take)
    except Enough:
        pass
    except Exception:
        # What fails while a contestant stops its workers costs no number.
        if not take.done:
            raise
    return take.result()
