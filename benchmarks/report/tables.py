"""What every kind of report shows, computed and formatted once: rows, tables, suites."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from benchmarks.estimates import Interval, Spread, Value, has, ratio, spread
from benchmarks.results import BenchmarkResults, Entry, Outcome

NOTHING = "–"  # noqa: RUF001
HEADINGS = (
    *("contestant", "images/s", "times the reference", "CPU ms/image", "page faults"),
    *("first batch, s", "peak, MB"),
)
"""Of the `cells` of rows; all columns but the first hold numbers."""
_WAITS: dict[str, Value] = {
    "first batch": "first_batch_seconds",
    "of a further input": "further_seconds",
    "of a second pass": "second_pass_seconds",
    "it[i]": "indexed_seconds",
    "between epochs": "epoch_gap_seconds",
}
START_HEADINGS = ("contestant", *(f"{name}, s" for name in _WAITS), "peak, MB")
"""The same, of start-up."""
CONSTANT = "constant"
"""Part of the name of a contestant that trains on one batch in memory."""


@dataclass(frozen=True)
class Row:
    """An entry with its numbers; only `times`, `cells` and `short` work without samples.

    Args:
        entry: Of the results.
        reference: The entry it is compared with; None where nothing was timed.
    """

    entry: Entry
    reference: Entry | None

    @property
    def missing(self) -> str | None:
        """Why there are no samples, or None."""
        return None if self.entry.samples else self.entry.missing or "not measured"

    @property
    def is_part(self) -> bool:
        """Whether it does less than the workload asks for: a bound or a stage."""
        return self.entry.contestant.startswith(("bound-", "stage-"))

    @property
    def is_start(self) -> bool:
        """Whether single batches were timed."""
        return self.entry.contestant.startswith("start-")

    @property
    def is_ours(self) -> bool:
        """Whether it is a contestant of this library."""
        return "catdog" in self.entry.contestant

    @property
    def speed(self) -> float:
        """The median of images/s."""
        return self.images_per_second.median

    @property
    def is_reference(self) -> bool:
        """Whether the others are compared with it."""
        return self.entry is self.reference

    @cached_property
    def images_per_second(self) -> Spread:
        """Over the rounds."""
        return spread(self.entry, "images_per_second")

    @cached_property
    def times(self) -> Interval | None:
        """How many times the reference's images/s; None for itself and without common rounds."""
        if self.reference is None or self.is_reference:
            return None
        return ratio(self.entry, self.reference)

    @property
    def cells(self) -> tuple[str, ...]:
        """A text for each of the headings, without any number where there are no samples."""
        samples = self.entry.samples
        if not samples:
            headings = START_HEADINGS if self.is_start else HEADINGS
            return (self.entry.title, *[NOTHING] * (len(headings) - 1))
        peak = f"{max(sample.peak_megabytes for sample in samples):,.0f}"
        if self.is_start:
            return (self.entry.title, *map(self._spread_text, _WAITS.values()), peak)
        return (
            self.entry.title,
            spread_text(self.images_per_second),
            "reference" if self.is_reference else times_text(self.times),
            self._spread_text("cpu_ms"),
            number(spread(self.entry, "faults").median) if has(self.entry, "faults") else NOTHING,
            number(median(sample.first_batch_seconds for sample in samples)),
            peak,
        )

    def _spread_text(self, value: Value) -> str:
        return spread_text(spread(self.entry, value)) if has(self.entry, value) else NOTHING

    @property
    def short(self) -> str:
        """Speed and ratio for the overview of a series."""
        if not self.entry.samples:
            return NOTHING
        ratio = f" ({number(self.times.estimate)}×)" if self.times else ""  # noqa: RUF001
        return number(self.speed) + ratio


@dataclass(frozen=True)
class Table:
    """An outcome with a row for each entry."""

    outcome: Outcome

    @cached_property
    def rows(self) -> list[Row]:
        """All entries, in their order."""
        return [Row(entry, self.outcome.reference) for entry in self.outcome.entries]

    @property
    def timed(self) -> list[Row]:
        """The rows that have samples."""
        return [row for row in self.rows if row.entry.samples]

    @property
    def headings(self) -> tuple[str, ...]:
        """Of the cells of its rows."""
        return START_HEADINGS if any(row.is_start for row in self.rows) else HEADINGS

    @property
    def label(self) -> str:
        """The workload's name within its suite."""
        if self.outcome.x is not None:
            return f"{self.outcome.x:g}"
        return self.outcome.workload.removeprefix(f"{self.outcome.suite}: ")

    @property
    def conditions(self) -> str:
        """The outcome's conditions on one line."""
        return "; ".join(f"{name}: {text}" for name, text in facts(self.outcome.conditions))

    @property
    def remarks(self) -> list[str]:
        """Everything that is written below the numbers."""
        missing = [
            f"Not measured: {row.entry.title}: {row.missing}" for row in self.rows if row.missing
        ]
        return [*filter(None, [self.conditions]), *missing, *self.notes]

    @property
    def notes(self) -> list[str]:
        """Notes about contestants and, for training, the share of a step spent on input."""
        notes = [f"{each.title}: {each.note}" for each in self.outcome.entries if each.note]
        reference = self.outcome.reference
        if reference and CONSTANT in reference.contestant:
            notes += [
                f"{row.entry.title}: {_input_share(row.times)} of the step is spent on input, "
                f"against {reference.title}"
                for row in self.timed
                if row.times
            ]
        return notes


@dataclass(frozen=True, kw_only=True)
class Suite:
    """All outcomes of a suite."""

    name: str
    tables: tuple[Table, ...]  # in the order they were measured in, or along the axis

    @property
    def is_series(self) -> bool:
        """Whether there is more than one outcome."""
        return len(self.tables) > 1

    @property
    def contestants(self) -> dict[str, str]:
        """Titles by contestant, of all that were meant to take part."""
        entries = [entry for table in self.tables for entry in table.outcome.entries]
        return {entry.contestant: entry.title for entry in entries}

    @property
    def overview(self) -> list[tuple[str, ...]]:
        """A row for each contestant with its images/s in each outcome; none where all is said."""
        if not self.is_series or any(table.headings is START_HEADINGS for table in self.tables):
            return []
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


def number(value: float) -> str:
    """Format a number with three significant digits."""
    size = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(max(2 - size, 0), 6)}f}"


def spread_text(values: Spread) -> str:
    """Format a median and its range; a single value alone."""
    if values.lowest == values.highest:
        return number(values.median)
    return times_text(Interval(*values))


def times_text(times: Interval | None) -> str:
    """Format a ratio and its interval, if it has one."""
    if times is None:
        return NOTHING
    if times.low is None or times.high is None:
        return number(times.estimate)
    return f"{number(times.estimate)} [{number(times.low)}–{number(times.high)}]"  # noqa: RUF001


def facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Format names and values; those of a mapping within are named `outer, inner`."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        words = str(name).replace("_", " ")
        if isinstance(value, Mapping) and value:
            found += [(f"{words}, {inner}", text) for inner, text in facts(value)]
        else:
            found.append((words, _fact(value)))
    return found


def _fact(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = ", ".join(map(_fact, value))
    return "none" if value is None or value in ("", {}) else str(value)


def _input_share(times: Interval) -> str:
    """Format by how much a step would be shorter if its batch were already in memory."""
    shares = [max(0.0, 1 - each) for each in times if each is not None]
    if len(shares) == 1:
        return f"{shares[0]:.0%}"
    # The faster, the less is spent on input.
    return f"{shares[0]:.0%} [{shares[2]:.0%}–{shares[1]:.0%}]"  # noqa: RUF001
