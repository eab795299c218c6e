"""All samples as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from benchmarks.results import Entry, Outcome, Results, Sample

COLUMNS = (
    *("workload", "suite", "x", "contestant", "title"),
    *(field.name for field in fields(Sample)),
    *("missing", "note"),
)


def as_csv(results: Results) -> str:
    """Return a line for each sample; a contestant without has one with the reason."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for outcome in results.outcomes:
        for entry in outcome.entries:
            writer.writerows(_lines(outcome, entry))
    return text.getvalue()


def _lines(outcome: Outcome, entry: Entry) -> Iterator[dict[str, Any]]:
    common = {
        "workload": outcome.workload,
        "suite": outcome.suite,
        "x": outcome.x,
        "contestant": entry.contestant,
        "title": entry.title,
        "note": entry.note,
    }
    if not entry.samples:
        yield {**common, "missing": entry.missing or "not measured"}
    for sample in entry.samples:
        yield {**common, **asdict(sample)}
