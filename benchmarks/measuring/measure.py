"""Time contestants in turns, after a check that they compute the same.

who can? -> make packs -> check all -> rounds: one new process for each contestant, in turns
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import page_cache
from benchmarks.contestants.contestant import Contestant, Task
from benchmarks.images import DataSet
from benchmarks.measuring.child import Failed, Summarise, Timing
from benchmarks.measuring.processes import run_apart
from benchmarks.measuring.sameness import Summary, why_different
from benchmarks.measuring.standing import Standing
from benchmarks.report.progress import Progress
from benchmarks.results import Outcome
from benchmarks.workloads import PLAIN, Workload


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often and how long is timed.

    Attributes:
        rounds: Of each contestant.
        lead_in: Seconds after the first batch that are not timed.
        seconds: That are timed in a round.
    """

    rounds: int
    lead_in: float
    seconds: float


class CannotBeHadError(ValueError):
    """A workload cannot be measured on this machine."""


class Bench:
    """Measures workloads, and remembers what was made ready and checked for earlier ones.

    Args:
        plan: How often and how long.
        checked: A few images that all contestants must agree about.
        packs: Folder for packs.
        progress: Told of what happens.
    """

    def __init__(self, plan: Plan, checked: DataSet, packs: Path, progress: Progress) -> None:
        self._plan, self._checked, self._packs, self._progress = plan, checked, packs, progress
        self._verdicts: dict[Any, str | None] = {}
        self._packed: set[Any] = set()

    def measure(
        self, workload: Workload, contestants: Sequence[Contestant], data: DataSet
    ) -> Outcome:
        """Time contestants at a workload.

        Args:
            workload: The work.
            contestants: Who competes; others are compared with the first that can.
            data: The images.

        Raises:
            CannotBeHadError: Its conditions are not to be had here.
        """
        cores = _all_cores()[: workload.cores]
        standing = Standing(workload, contestants, data, len(cores))
        task = Task(
            directory=data.directory,
            packs=self._packs,
            distortions=workload.distortions,
            image_size=workload.image_size,
            batch_size=workload.batch_size,
        )
        self._progress.begin(workload.name, [each.title for each in contestants])
        page_cache.warm(data.paths)
        standing.leave_out(self._prepared(task, standing.remaining))
        standing.leave_out(self._different(task, standing.remaining))
        timing = self._timing(workload, data)
        for number in range(self._plan.rounds):
            for contestant in standing.turn(number):
                self._progress.status(f"round {number + 1}: {contestant.title}")
                if workload.cold:
                    _make_cold(data, self._packs)
                standing.add(contestant, number, *run_apart(contestant, task, cores, timing))
                self._progress.advance()
                self._progress.sampled(standing.outcome())
        return standing.outcome()

    def _timing(self, workload: Workload, data: DataSet) -> Timing:
        if workload.one_pass:
            return Timing(lead_in=None, seconds=float("inf"), at_most=data.count)
        return Timing(lead_in=self._plan.lead_in, seconds=self._plan.seconds)

    def _prepared(self, task: Task, contestants: Sequence[Contestant]) -> dict[str, str | None]:
        """Let those that read from packs make them."""
        failed: dict[str, str | None] = {}
        for contestant in contestants:
            key = (contestant.name, task.directory, task.image_size, task.distortions == PLAIN)
            if not contestant.packed or key in self._packed:
                continue
            self._progress.status(f"making the pack of {contestant.title}")
            first = Timing(lead_in=None, seconds=0.0)
            result, _ = run_apart(contestant, task, _all_cores(), first)
            if isinstance(result, Failed):
                failed[contestant.name] = f"failed: {result.why}"
            self._packed.add(key)
        return failed

    def _different(self, task: Task, contestants: Sequence[Contestant]) -> dict[str, str | None]:
        """Find out who computes something else, once for each transformation."""
        comparable = [each for each in contestants if each.computes == "batches"]
        keys = {
            each.name: (each.name, _compared_with(each, comparable).name, task.distortions)
            for each in comparable
        }
        unknown = [each for each in comparable if keys[each.name] not in self._verdicts]
        needed = {
            one.name: one for each in unknown for one in (_compared_with(each, comparable), each)
        }
        if unknown:
            self._progress.status("checking that all compute the same")
        on_few = replace(task, directory=self._checked.directory)
        with ThreadPoolExecutor(len(_all_cores())) as pool:
            summaries = pool.map(lambda each: self._summary(each, on_few), needed.values())
            found = dict(zip(needed, summaries, strict=True))
        for each in unknown:
            reference = _compared_with(each, comparable)
            self._verdicts[keys[each.name]] = _verdict(
                each, found[each.name], reference, found[reference.name], task
            )
        return {each.name: self._verdicts[keys[each.name]] for each in comparable}

    def _summary(self, contestant: Contestant, task: Task) -> Any:
        scale = 255.0 if contestant.yields == "uint8" else 1.0
        wanted = Summarise(images=self._checked.count, scale=scale)
        return run_apart(contestant, task, _all_cores(), wanted)[0]


def _compared_with(contestant: Contestant, comparable: Sequence[Contestant]) -> Contestant:
    """Choose the first that yields the same batches, or else the first of all."""
    same_stream = (
        each
        for each in comparable
        if contestant.stream is not None and each.stream == contestant.stream
    )
    first = next(same_stream, contestant)
    return comparable[0] if first is contestant else first


def _verdict(
    contestant: Contestant, found: Any, reference: Contestant, expected: Any, task: Task
) -> str | None:
    if isinstance(found, Failed):
        return f"failed: {found.why}"
    if not isinstance(expected, Summary):
        return f"not comparable: {reference.title} failed"
    different = why_different(
        contestant, found, reference, expected, random=task.distortions != PLAIN
    )
    return different and f"computes something else: {different}"


def _make_cold(data: DataSet, packs: Path) -> None:
    why = page_cache.drop([*data.paths, *_files_in(packs)])
    if why is not None:
        raise CannotBeHadError(f"a cold page cache cannot be had here: {why}")


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _all_cores() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0)))
