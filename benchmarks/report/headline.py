"""What a run comes to, in a sentence for each comparison."""

from __future__ import annotations

from benchmarks.estimates import Interval
from benchmarks.report.rows import Row, is_part, number, rows
from benchmarks.report.suites import suites
from benchmarks.results import Outcome, Results

_OURS = "catdog"
_OF_PARTS = ("stages", "training")  # Suites whose fastest entry is no answer to anything.


def headlines(results: Results) -> list[str]:
    """Say of each single comparison who is fastest and, if it is another, how fast ours is."""
    single = [
        suite.outcomes[0]
        for suite in suites(results)
        if not suite.is_series and suite.name not in _OF_PARTS
    ]
    return [line for outcome in single if (line := _headline(outcome))]


def _headline(outcome: Outcome) -> str | None:
    timed = [row for row in rows(outcome) if row.figures and not is_part(row.contestant)]
    reference = next((row for row in timed if row.is_reference), None)
    if reference is None or len(timed) < 2:
        return None
    fastest = max(timed, key=_speed)
    ours = [row for row in timed if row.contestant.startswith(_OURS)]
    line = f"{outcome.workload}: {_compared(fastest, reference)}, the fastest of {len(timed)}"
    if ours and fastest not in ours:
        line += f"; of ours, {_compared(max(ours, key=_speed), reference)}"
    return f"{line}."


def _speed(row: Row) -> float:
    return row.figures.images_per_second.median if row.figures else 0.0


def _compared(row: Row, reference: Row) -> str:
    speed = f"{row.title} gives {number(_speed(row))} images/s"
    times = row.figures.times if row.figures else None
    if row is reference or times is None:
        return speed
    return f"{speed}, {_times(times)} {reference.title}"


def _times(times: Interval) -> str:
    if times.low is None or times.high is None:
        return f"{number(times.estimate)} times"
    return f"{number(times.estimate)} times ({number(times.low)} to {number(times.high)})"
