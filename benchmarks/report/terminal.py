"""Results on a terminal: finished, in progress, and compared with earlier ones."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, TableElement
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.compare import Change
from benchmarks.report.render import render
from benchmarks.report.tables import Row, Table, number, suites, times_text
from benchmarks.results import BenchmarkResults, Outcome

_A_DAY = 86_400.0


def show(console: Console, results: BenchmarkResults) -> None:
    """Print a table for each outcome, then what was skipped, the environment and the headlines."""
    found = suites(results)
    _print(console, "terminal.md.j2", results=results, suites=found)


def show_changes(
    console: Console, changes: Sequence[Change], conditions: Sequence[str], least: float
) -> None:
    """Print what changed from one run to another.

    Args:
        console: The terminal.
        changes: Found by `compare`.
        conditions: Found by `differing_conditions`.
        least: The fraction below which changes are not reported.
    """
    rows = [
        (
            *(each.workload, each.title, each.measure, each.relative_to or "itself"),
            *(times_text(each.factor), each.verdict),
        )
        for each in changes
    ]
    verdicts = [each.verdict for each in changes]
    _print(
        console,
        "changes.md.j2",
        rows=rows,
        conditions=conditions,
        verdicts=verdicts,
        least=f"{least:.0%}",
    )


class _WholeNumbers(TableElement):
    """A table that breaks lines between words of numbers, and anywhere in names."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, RichTable):
                natural = Measurement.get(console, options.update_width(10_000), table)
                for column in table.columns:
                    column.overflow = "fold"
                    cells = [column.header, *column.cells]
                    right = any(
                        isinstance(each, Text) and each.justify == "right" for each in cells
                    )
                    if right and natural.maximum > options.max_width:
                        words = [Measurement.get(console, options, each) for each in cells]
                        column.width = max(word.minimum for word in words)
            yield table


class _Tables(Markdown):
    elements: ClassVar = {**Markdown.elements, "table_open": _WholeNumbers}


def _print(console: Console, template: str, **values: Any) -> None:
    console.print(_Tables(render(template, **values)))


class LiveProgress(Progress):
    """Shows a run in progress: a bar with the time left, and what is being done.

    Each finished workload leaves a line; without a terminal, nothing else is printed. It draws only
    when it is called, so that no drawing takes time from what is measured.

    Args:
        console: The terminal.
        total: The rounds of all workloads together.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._outcome: Outcome | None = None
        self._finished = 0
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            auto_refresh=False,
            transient=True,
            # All rounds count for the time left: they take long, and are few.
            speed_estimate_period=_A_DAY,
            disable=not console.is_terminal,
        )
        self._bar = self.add_task("", total=total)

    def stop(self) -> None:
        """Remove the bar, and leave the line of the last workload."""
        if not self.disable:
            super().stop()
        self._leave_line()

    def show(self, status: str, outcome: Outcome) -> None:
        """Show what is being done, in a few words, and count the samples of the workload."""
        if self._outcome is not None and outcome.workload != self._outcome.workload:
            self._finished += self._outcome.rounds
            self._leave_line()
        self._outcome = outcome
        done = self._finished + outcome.rounds
        description = f"{outcome.workload}, {status}"
        self.update(self._bar, description=description, completed=done, refresh=not self.disable)

    def _leave_line(self) -> None:
        if self._outcome is not None:
            words = "; ".join(map(_short, Table(self._outcome).rows))
            self.console.print(Text(f"{self._outcome.workload}: {words}"), soft_wrap=True)
            self._outcome = None


def _short(row: Row) -> str:
    if row.missing:
        return f"{row.entry.title} not measured ({row.missing})"
    if row.is_start:
        return f"{row.entry.title} {row.cells[1]} s to the first batch"
    ratio = f" ({times_text(row.times)} times)" if row.times else ""
    return f"{row.entry.title} {number(row.speed)} images/s{ratio}"
