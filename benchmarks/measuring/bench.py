"""Time contestants in turns, after a check that they compute the same.

which can? -> make packs -> check all -> rounds: one new process for each contestant, in turns
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import page_cache
from benchmarks.contestants.contestant import Contestant, Task
from benchmarks.images import DataSet
from benchmarks.measuring.meter import Receiver, started, timed
from benchmarks.measuring.processes import run_apart
from benchmarks.measuring.sameness import Summary, summarised, why_different
from benchmarks.results import Entry, Outcome, Sample
from benchmarks.suites import Settings
from benchmarks.workloads import PLAIN, Workload

Show = Callable[[str, Outcome], None]
"""Receives what is being done, in a few words, and the outcome with all samples so far."""


class Bench:
    """Measures workloads, and remembers what was prepared and checked for earlier ones.

    Args:
        settings: How often and how long.
        checked: A few images on which all contestants must agree.
        packs: Folder for packs.
        show: Called before each process starts and after each sample.
    """

    def __init__(self, settings: Settings, checked: DataSet, packs: Path, show: Show) -> None:
        self._settings, self._checked, self._packs, self._show = settings, checked, packs, show
        self._summaries: dict[Any, Summary | str] = {}
        self._packed: set[Any] = set()

    def measure(
        self, workload: Workload, contestants: Sequence[Contestant], data: DataSet
    ) -> Outcome:
        """Time contestants at a workload; the others are compared with the first that can.

        Raises:
            RuntimeError: The workload is not possible on this machine.
        """
        if workload.cold:
            self._drop_files(data)
        page_cache.warm(data.paths)
        trial = _Trial(workload, contestants, data, self._packs, self._show)
        self._make_packs(trial)
        self._leave_out_different(trial)
        seconds = self._settings.seconds
        if workload.start_up:
            clock: Callable[[], Receiver] = started
        elif workload.one_pass:
            clock = partial(timed, lead_in=None, seconds=float("inf"), at_most=data.count)
        else:
            clock = partial(timed, lead_in=self._settings.lead_in, seconds=seconds)
        for number in range(self._settings.rounds):
            # Every other round runs backwards.
            for contestant in trial.remaining[:: -1 if number % 2 else 1]:
                trial.show(f"round {number + 1}: {contestant.title}")
                if workload.cold:
                    self._drop_files(data)
                if timed_run := trial.run(contestant, clock, seconds):
                    sample, megabytes = timed_run
                    trial.add(contestant, replace(sample, round=number, peak_megabytes=megabytes))
        trial.show("finished")
        return trial.outcome

    def _drop_files(self, data: DataSet) -> None:
        packs = (path for path in self._packs.rglob("*") if path.is_file())
        why = page_cache.drop([*data.paths, *packs])
        if why is not None:
            raise RuntimeError(f"a cold page cache is not possible here: {why}")

    def _make_packs(self, trial: "_Trial") -> None:
        task = trial.task
        for contestant in [each for each in trial.remaining if each.packed]:
            key = (contestant.name, task.directory, task.image_size, task.distortions == PLAIN)
            if key not in self._packed:
                trial.show(f"making the pack of {contestant.title}")
                trial.run(contestant, partial(timed, lead_in=None, seconds=0.0))
                self._packed.add(key)

    def _leave_out_different(self, trial: "_Trial") -> None:
        """Leave out those that compute something else, at one size for each transformation."""
        distortions = trial.task.distortions
        comparable = [each for each in trial.remaining if each.computes == "batches"]
        unknown = [each for each in comparable if (each, distortions) not in self._summaries]
        if unknown:
            trial.show("checking that all compute the same")
        task = replace(
            trial.task, directory=self._checked.directory, image_size=(224, 224), batch_size=32
        )
        with ThreadPoolExecutor(len(_cores())) as pool:
            summaries = pool.map(partial(self._summary, task), unknown)
            for each, summary in zip(unknown, summaries, strict=True):
                self._summaries[each, distortions] = summary
        for each in comparable:
            reference = _reference(each, comparable)
            found, expected = (self._summaries[one, distortions] for one in (each, reference))
            if isinstance(found, str):
                trial.leave_out(each, f"failed: {found}")
            elif isinstance(expected, str):
                trial.leave_out(each, f"not comparable: {reference.title} failed")
            elif why := why_different(each, found, reference, expected, distortions != PLAIN):
                trial.leave_out(each, f"computes something else: {why}")

    def _summary(self, task: Task, contestant: Contestant) -> Summary | str:
        scale = 255.0 if contestant.yields == "uint8" else 1.0
        receiver = partial(summarised, images=self._checked.count, scale=scale)
        try:
            summary: Summary = run_apart(contestant, task, _cores(), receiver)[0]
            return summary
        except RuntimeError as error:
            return str(error)


class _Trial:
    """One workload while it is measured: the contestants that remain, and all samples so far."""

    def __init__(
        self,
        workload: Workload,
        contestants: Sequence[Contestant],
        data: DataSet,
        packs: Path,
        show: Show,
    ) -> None:
        self._show = show
        self._cores = _cores()[: workload.cores]
        self._entries = {each: _entry(each, workload) for each in contestants}
        self._empty = Outcome(
            workload=workload.name,
            suite=workload.suite,
            x=workload.x,
            conditions=workload.conditions(len(self._cores)) | {"images": data.as_json()},
            entries=(),
        )
        self.task = Task(
            directory=data.directory,
            packs=packs,
            distortions=workload.distortions,
            image_size=workload.image_size,
            batch_size=workload.batch_size,
        )

    @property
    def remaining(self) -> list[Contestant]:
        return [each for each, entry in self._entries.items() if entry.missing is None]

    @property
    def outcome(self) -> Outcome:
        return replace(self._empty, entries=tuple(self._entries.values()))

    def show(self, status: str) -> None:
        self._show(status, self.outcome)

    def leave_out(self, contestant: Contestant, why: str) -> None:
        entry = self._entries[contestant]
        self._entries[contestant] = replace(entry, samples=(), missing=why)

    def run(
        self, contestant: Contestant, receiver: Callable[[], Receiver], seconds: float = 0.0
    ) -> Any:
        """Return what `run_apart` does; if it fails, leave the contestant out and return None."""
        try:
            return run_apart(contestant, self.task, self._cores, receiver, seconds)
        except RuntimeError as error:
            self.leave_out(contestant, f"failed: {error}")
            return None

    def add(self, contestant: Contestant, sample: Sample) -> None:
        entry = self._entries[contestant]
        self._entries[contestant] = replace(entry, samples=(*entry.samples, sample))


def _cores() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0)))


def _entry(contestant: Contestant, workload: Workload) -> Entry:
    unable = contestant.why_not(workload.distortions)
    missing = contestant.absent or (unable and f"cannot: {unable}")
    return Entry(
        contestant=contestant.name, title=contestant.title, missing=missing, note=contestant.note
    )


def _reference(contestant: Contestant, comparable: Sequence[Contestant]) -> Contestant:
    """Choose the first that yields the same batches, or else the first of all."""
    streams = (each for each in comparable if each.stream and each.stream == contestant.stream)
    first = next(streams, contestant)
    return comparable[0] if first is contestant else first
