"""Outcomes by suite: single comparisons, and series over an axis or over kinds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmarks.report.rows import NOTHING, Row, number, rows
from benchmarks.results import Outcome, Results


@dataclass(frozen=True, kw_only=True)
class Suite:
    """All outcomes of a suite.

    Attributes:
        name: The suite.
        outcomes: In the order they were measured in, or along the axis if there is one.
    """

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def is_series(self) -> bool:
        """Whether there is more to see than one comparison."""
        return len(self.outcomes) > 1

    @property
    def is_numeric(self) -> bool:
        """Whether it is a series along an axis."""
        return self.is_series and all(outcome.x is not None for outcome in self.outcomes)

    @property
    def contestants(self) -> dict[str, str]:
        """Titles by contestant, of all that were meant to take part."""
        return {
            entry.contestant: entry.title for outcome in self.outcomes for entry in outcome.entries
        }


def suites(results: Results) -> list[Suite]:
    """Group outcomes, in the order in which suites begin."""
    names = dict.fromkeys(outcome.suite for outcome in results.outcomes)
    return [_suite(name, results) for name in names]


def label(outcome: Outcome) -> str:
    """Name an outcome within its suite."""
    if outcome.x is not None:
        return f"{outcome.x:g}"
    short = re.sub(rf"^{re.escape(outcome.suite)}\s*[-:,/]\s*", "", outcome.workload)
    return short or outcome.workload


def slug(name: str) -> str:
    """Return a name as it may stand in names of files and in links within a page."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "suite"


def overview(suite: Suite) -> list[tuple[str, ...]]:
    """Lay out a series: a row for each contestant with its images/s in each outcome."""
    found = [{row.contestant: row for row in rows(outcome)} for outcome in suite.outcomes]
    return [
        (title, *(_speed(of_outcome.get(contestant)) for of_outcome in found))
        for contestant, title in suite.contestants.items()
    ]


def _speed(row: Row | None) -> str:
    if row is None or row.figures is None:
        return NOTHING
    speed = number(row.figures.images_per_second.median)
    if row.is_reference or row.figures.times is None:
        return speed
    return f"{speed} ({number(row.figures.times.estimate)}×)"  # noqa: RUF001


def _suite(name: str, results: Results) -> Suite:
    found = [outcome for outcome in results.outcomes if outcome.suite == name]
    if all(outcome.x is not None for outcome in found):
        found.sort(key=lambda outcome: outcome.x or 0.0)
    return Suite(name=name, outcomes=tuple(found))
