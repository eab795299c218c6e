"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.report.absences import absences
from benchmarks.report.facts import command, facts, one_line
from benchmarks.report.headline import headlines
from benchmarks.report.plots.naming import description, of_suite
from benchmarks.report.reading import HOW_TO_READ
from benchmarks.report.remarks import remarks
from benchmarks.report.rows import HEADINGS, cells, rows
from benchmarks.report.suites import Suite, label, overview, suites
from benchmarks.results import Outcome, Results
from catdog_models.evaluation import markdown


def as_markdown(results: Results, plots: Sequence[Path] = ()) -> str:
    """Return a document with all tables.

    Args:
        results: All of a run.
        plots: Files of `draw_plots`, by paths from the document's folder.
    """
    return (
        "\n\n".join(
            [
                "# Benchmarks",
                *_list(headlines(results)),
                *(part for suite in suites(results) for part in _suite(suite, plots)),
                *_absences(results),
                "## How to read this",
                *_list(f"{about}: {words}" for about, words in HOW_TO_READ),
                "## Measured on",
                markdown.table(["", ""], facts(results.environment)),
                "## Measured with",
                markdown.table(["", ""], facts(results.settings)),
                "The same again:",
                markdown.code(command(results)),
            ]
        )
        + "\n"
    )


def _suite(suite: Suite, plots: Sequence[Path]) -> list[str]:
    return [
        f"## {markdown.text(suite.name)}",
        *(markdown.image(description(plot), plot.as_posix()) for plot in of_suite(plots, suite)),
        *([_overview(suite)] if suite.is_series else []),
        *(part for outcome in suite.outcomes for part in _outcome(outcome, suite)),
    ]


def _overview(suite: Suite) -> str:
    header = [HEADINGS[0], *(f"{label(outcome)}:" for outcome in suite.outcomes)]
    return markdown.table(header, overview(suite))


def _outcome(outcome: Outcome, suite: Suite) -> list[str]:
    shown = rows(outcome)
    header = [HEADINGS[0], *(f"{heading}:" for heading in HEADINGS[1:])]
    title = [f"### {markdown.text(outcome.workload)}"]
    return [
        *(title if outcome.workload != suite.name else []),
        markdown.table(header, [cells(row) for row in shown if row.figures]),
        *([markdown.text(one_line(outcome.conditions))] if outcome.conditions else []),
        *_list(f"Not measured: {row.title}: {row.missing}" for row in shown if row.missing),
        *_list(remarks(outcome)),
    ]


def _absences(results: Results) -> list[str]:
    absent = absences(results)
    return [
        *(["## Not measured"] if absent or results.skipped else []),
        *([markdown.table(["contestant", "why", "where"], absent)] if absent else []),
        *_list(f"Skipped: {name}: {reason}" for name, reason in results.skipped.items()),
    ]


def _list(lines: Iterable[str]) -> list[str]:
    items = [f"- {markdown.text(line)}" for line in lines]
    return ["\n".join(items)] if items else []
