"""What to know when reading the numbers of an outcome, beside the numbers."""

from __future__ import annotations

from benchmarks.estimates import Interval, ratio
from benchmarks.report.rows import rows
from benchmarks.results import Entry, Outcome

CONSTANT = "constant"
"""Part of the name of a contestant that trains on one batch in memory."""


def remarks(outcome: Outcome) -> list[str]:
    """List what is known of contestants, and of training the share that input takes."""
    notes = [f"{row.title}: {row.note}" for row in rows(outcome) if row.note]
    return [*notes, *_input_shares(outcome)]


def _input_shares(outcome: Outcome) -> list[str]:
    reference = outcome.reference
    if reference is None or CONSTANT not in reference.contestant:
        return []
    return [
        f"{entry.title}: {share} of the step is spent on input, against {reference.title}"
        for entry in outcome.entries
        if entry is not reference and (share := _input_share(entry, reference))
    ]


def _input_share(entry: Entry, reference: Entry) -> str | None:
    """Word how much shorter a step would be if its batch were always there."""
    times = ratio(entry, reference) if entry.samples else None
    if times is None:
        return None
    if times.low is None or times.high is None:
        return f"{_share(times.estimate):.0%}"
    # The faster, the less is spent on input.
    shares = Interval(_share(times.estimate), _share(times.high), _share(times.low))
    return f"{shares.estimate:.0%} [{shares.low:.0%}–{shares.high:.0%}]"  # noqa: RUF001


def _share(times: float) -> float:
    return max(0.0, 1 - times)
