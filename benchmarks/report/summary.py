"""A whole run: its suites, the fastest of each comparison, and what was not measured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report.tables import NOTHING, Row, Table, number
from benchmarks.results import BenchmarkResults

_OF_PARTS = ("stages", "training")  # The fastest of these suites answers no question.


@dataclass(frozen=True, kw_only=True)
class Suite:
    """All outcomes of a suite.

    Attributes:
        name: The suite.
        tables: In the order they were measured in, or along the axis if there is one.
    """

    name: str
    tables: tuple[Table, ...]

    @property
    def slug(self) -> str:
        """The name for names of files and links within a page."""
        return slug(self.name)

    @property
    def is_series(self) -> bool:
        """Whether there is more than one outcome."""
        return len(self.tables) > 1

    @property
    def is_numeric(self) -> bool:
        """Whether it is a series along an axis."""
        return self.is_series and all(table.outcome.x is not None for table in self.tables)

    @property
    def contestants(self) -> dict[str, str]:
        """Titles by contestant, of all that were meant to take part."""
        entries = [entry for table in self.tables for entry in table.outcome.entries]
        return {entry.contestant: entry.title for entry in entries}

    @property
    def overview(self) -> list[tuple[str, ...]]:
        """A row for each contestant with its images/s in each outcome."""
        rows = [{row.entry.contestant: row.short for row in table.rows} for table in self.tables]
        return [
            (title, *(row.get(contestant, NOTHING) for row in rows))
            for contestant, title in self.contestants.items()
        ]


def slug(name: str) -> str:
    """Keep small letters and digits, joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "suite"


def suites(results: BenchmarkResults) -> list[Suite]:
    """Group outcomes, in the order in which suites begin."""
    groups: dict[str, list[Table]] = {}
    for outcome in results.outcomes:
        groups.setdefault(outcome.suite, []).append(Table(outcome))
    for tables in groups.values():
        tables.sort(key=lambda table: table.outcome.x or 0.0)
    return [Suite(name=name, tables=tuple(tables)) for name, tables in groups.items()]


def headlines(found: Sequence[Suite]) -> list[str]:
    """Name the fastest of each single comparison and, if it is another, the fastest of ours."""
    lines = []
    for suite in found:
        timed = [row for row in suite.tables[0].timed if not row.is_part]
        if suite.is_series or suite.name in _OF_PARTS or len(timed) < 2:
            continue
        fastest = max(timed, key=_speed)
        ours = [row for row in timed if row.entry.contestant.startswith("catdog")]
        line = f"{suite.tables[0].outcome.workload}: {_compared(fastest)}, "
        line += f"the fastest of {len(timed)}"
        if ours and fastest not in ours:
            line += f"; of ours, {_compared(max(ours, key=_speed))}"
        lines.append(f"{line}.")
    return lines


def not_measured(found: Sequence[Suite]) -> list[tuple[str, str, str]]:
    """List contestants without samples: title, reason, and the workloads concerned."""
    workloads: dict[tuple[str, str], list[str]] = {}
    for table in [table for suite in found for table in suite.tables]:
        for row in table.rows:
            if row.missing:
                names = workloads.setdefault((row.entry.title, row.missing), [])
                names.append(table.outcome.workload)
    return [(title, reason, ", ".join(names)) for (title, reason), names in workloads.items()]


def _speed(row: Row) -> float:
    return row.images_per_second.median


def _compared(row: Row) -> str:
    speed = f"{row.entry.title} gives {number(_speed(row))} images/s"
    if row.reference is None or row.times is None:
        return speed
    low, high = row.times.low, row.times.high
    interval = "" if low is None or high is None else f" ({number(low)} to {number(high)})"
    return f"{speed}, {number(row.times.estimate)} times{interval} {row.reference.title}"
