"""Who has no numbers, and why."""

from __future__ import annotations

from benchmarks.report.rows import rows
from benchmarks.report.suites import Suite, suites
from benchmarks.results import Results


def absences(results: Results) -> list[tuple[str, str, str]]:
    """List contestants without samples: title, reason, and the suites or workloads it holds for."""
    found: dict[tuple[str, str], list[str]] = {}
    for suite in suites(results):
        for absent, workloads in _in_suite(suite).items():
            whole = len(workloads) == len(suite.outcomes)
            found.setdefault(absent, []).extend([suite.name] if whole else workloads)
    return [(title, reason, ", ".join(names)) for (title, reason), names in found.items()]


def _in_suite(suite: Suite) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for outcome in suite.outcomes:
        for row in rows(outcome):
            if row.missing is not None:
                found.setdefault((row.title, row.missing), []).append(outcome.workload)
    return found
