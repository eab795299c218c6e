"""What every output shows of an entry, worked out and worded once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from benchmarks.estimates import Interval, Spread, cpu_ms, images_per_second, ratio, spread
from benchmarks.results import Entry, Outcome

NOTHING = "–"  # noqa: RUF001
HEADINGS = (
    "contestant",
    "images/s",
    "times the reference",
    "CPU ms/image",
    "first batch, s",
    "peak, MB",
)
"""Of a table with the `cells` of rows; all but the first are of numbers."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the samples of one entry come to.

    Attributes:
        images_per_second: Over the rounds.
        cpu_ms: Milliseconds of processor time per image, over the rounds.
        times: How many times the images/s of the reference; None where they share no round.
        first_batch_seconds: The median.
        peak_megabytes: The highest of all rounds.
    """

    images_per_second: Spread
    cpu_ms: Spread
    times: Interval | None
    first_batch_seconds: float
    peak_megabytes: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry, as it is shown.

    Attributes:
        contestant: Its name.
        title: What reports call it.
        figures: None where there are no samples.
        missing: Why there are none, or None.
        is_reference: Whether the others are compared with it.
        note: What to know when reading its numbers, or "".
    """

    contestant: str
    title: str
    figures: Figures | None
    missing: str | None
    is_reference: bool
    note: str


def rows(outcome: Outcome) -> list[Row]:
    """Work out all entries of an outcome, in their order."""
    return [_row(entry, outcome.reference) for entry in outcome.entries]


def cells(row: Row) -> tuple[str, ...]:
    """Word a row, a text for each of `HEADINGS`; without figures there is no number in it."""
    if row.figures is None:
        return (row.title, *[NOTHING] * (len(HEADINGS) - 1))
    figures = row.figures
    return (
        row.title,
        spread_text(figures.images_per_second),
        "reference" if row.is_reference else times_text(figures.times),
        spread_text(figures.cpu_ms),
        number(figures.first_batch_seconds),
        f"{figures.peak_megabytes:,.0f}",
    )


def number(value: float) -> str:
    """Word a number with three digits that count."""
    size = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(max(2 - size, 0), 6)}f}"


def spread_text(values: Spread) -> str:
    """Word a median and what it lies between; for a single value, that."""
    if values.lowest == values.highest:
        return number(values.median)
    return f"{number(values.median)} [{number(values.lowest)}–{number(values.highest)}]"  # noqa: RUF001


def times_text(times: Interval | None) -> str:
    """Word a ratio and its interval, if it has one."""
    if times is None:
        return NOTHING
    if times.low is None or times.high is None:
        return number(times.estimate)
    return f"{number(times.estimate)} [{number(times.low)}–{number(times.high)}]"  # noqa: RUF001


def is_part(contestant: str) -> bool:
    """Tell whether a contestant does less than a workload asks for: a bound or a stage."""
    return contestant.startswith(("bound-", "stage-"))


def _row(entry: Entry, reference: Entry | None) -> Row:
    return Row(
        contestant=entry.contestant,
        title=entry.title,
        figures=_figures(entry, reference) if entry.samples and reference else None,
        missing=None if entry.samples else entry.missing or "not measured",
        is_reference=entry is reference,
        note=entry.note,
    )


def _figures(entry: Entry, reference: Entry) -> Figures:
    return Figures(
        images_per_second=spread(entry, images_per_second),
        cpu_ms=spread(entry, cpu_ms),
        times=ratio(entry, reference),
        first_batch_seconds=median(sample.first_batch_seconds for sample in entry.samples),
        peak_megabytes=max(sample.peak_megabytes for sample in entry.samples),
    )
