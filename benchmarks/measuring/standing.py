"""How a workload stands while it is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contestants.contestant import Contestant
from benchmarks.images import DataSet
from benchmarks.measuring.child import Failed
from benchmarks.measuring.meter import Reading
from benchmarks.results import Entry, Outcome, Sample
from benchmarks.workloads import Workload


class Standing:
    """Who is still in it, and what has been measured of whom.

    Args:
        workload: The work.
        contestants: Who was meant to compete.
        data: The images.
        cores: How many processors are used.
    """

    def __init__(
        self, workload: Workload, contestants: Sequence[Contestant], data: DataSet, cores: int
    ) -> None:
        self._workload, self._contestants = workload, contestants
        self._data, self._cores = data, cores
        self._missing = {each.name: _why_not(each, workload) for each in contestants}
        self._samples: dict[str, list[Sample]] = {each.name: [] for each in contestants}

    @property
    def remaining(self) -> list[Contestant]:
        """Who can, and has not failed."""
        return [each for each in self._contestants if self._missing[each.name] is None]

    def turn(self, number: int) -> list[Contestant]:
        """Order those who remain for a round: every other one runs backwards."""
        return self.remaining[:: -1 if number % 2 else 1]

    def leave_out(self, why: Mapping[str, str | None]) -> None:
        """Note why contestants cannot go on, by name; None for those that can."""
        self._missing |= why

    def add(
        self, contestant: Contestant, number: int, reading: Reading | Failed, megabytes: float
    ) -> None:
        """Note what a round gave. Who fails once has no numbers at all."""
        if isinstance(reading, Failed):
            self.leave_out({contestant.name: f"failed: {reading.why}"})
            self._samples[contestant.name] = []
            return
        sample = Sample(
            round=number,
            images=reading.images,
            wall_ms=1000 * reading.wall_seconds / reading.images,
            cpu_ms=1000 * reading.cpu_seconds / reading.images,
            first_batch_seconds=reading.first_batch_seconds,
            peak_megabytes=megabytes,
        )
        self._samples[contestant.name].append(sample)

    def outcome(self) -> Outcome:
        """Tell all so far."""
        return Outcome(
            workload=self._workload.name,
            suite=self._workload.suite,
            x=self._workload.x,
            conditions=self._conditions(),
            entries=tuple(self._entry(each) for each in self._contestants),
        )

    def _entry(self, contestant: Contestant) -> Entry:
        return Entry(
            contestant=contestant.name,
            title=contestant.title,
            samples=tuple(self._samples[contestant.name]),
            missing=self._missing[contestant.name],
            note=contestant.note,
        )

    def _conditions(self) -> dict[str, Any]:
        workload = self._workload
        return {
            "image_size": list(workload.image_size),
            "batch_size": workload.batch_size,
            "cores": self._cores,
            "page_cache": "cold" if workload.cold else "warm",
            "timed": "one pass, from the start" if workload.one_pass else "after a lead-in",
            "distortions": workload.distortions.as_json(),
            "images": self._data.as_json(),
        }


def _why_not(contestant: Contestant, workload: Workload) -> str | None:
    if contestant.absent:
        return contestant.absent
    unable = contestant.why_not(workload.distortions)
    return unable and f"cannot: {unable}"
