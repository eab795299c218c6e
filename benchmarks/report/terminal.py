"""Results on a terminal: finished, in progress, and compared with earlier ones."""

import textwrap
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.compare import Change
from benchmarks.report.tables import (
    HEADINGS,
    Row,
    Table,
    facts,
    headlines,
    number,
    suites,
    times_text,
)
from benchmarks.results import BenchmarkResults, Outcome

_A_DAY = 86_400.0
_WIDE = 110  # columns, from which on a range is beside its median
_TITLE, _HEADING, _GAP = 9, 9, 3  # columns of a table, at least
_STYLES = {"slower": "bold red", "faster": "bold green", "same": "", "too few rounds": "dim"}


def show(console: Console, results: BenchmarkResults) -> None:
    """Print a table for each outcome, then what was skipped, the environment and the headlines."""
    for outcome in results.outcomes:
        table = Table(outcome)
        console.print(_laid_out(table, console.width))
        for line in table.remarks:
            console.print(Text(line, style="dim"))
        console.print()
    for workload, reason in results.skipped.items():
        console.print(Text(f"Skipped: {workload}: {reason}"))
    for name, text in facts(results.environment):
        console.print(Text.assemble((f"{name}: ", "bold"), text))
    for line in headlines(suites(results)):
        console.print(Text(line, style="bold"))


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
    table = RichTable(title="Time per image after, by that before")
    for heading in ("workload", "contestant", "time", "relative to"):
        table.add_column(heading)
    table.add_column("factor [95 %]", justify="right")
    table.add_column("found")
    for change in changes:
        factor = change.factor
        interval = "" if factor.low is None else f" [{factor.low:.2f}-{factor.high:.2f}]"
        words = (change.workload, change.title, change.measure, change.relative_to or "itself")
        numbers = (f"{factor.estimate:.2f}{interval}", change.verdict)
        table.add_row(*map(Text, (*words, *numbers)), style=_STYLES[change.verdict])
    console.print(table)
    for condition in conditions:
        console.print(f"differs: {condition}", highlight=False, style="yellow", markup=False)
    console.print(_conclusion(changes, least), highlight=False)


class LiveTable(Progress):
    """Shows a run in progress: a bar with the time left, and the table of the current workload.

    Each finished workload leaves a line; without a terminal, nothing else is printed. It draws only
    when it is called, so that no drawing takes time from what is measured.

    Args:
        console: The terminal.
        total: The rounds of all workloads together.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._table: RenderableType = ""
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

    def get_renderables(self) -> Iterator[RenderableType]:
        """Return the table and the bar."""
        yield self._table
        yield self.make_tasks_table(self.tasks)

    def stop(self) -> None:
        """Remove the bar and the table, and leave the line of the last workload."""
        if not self.disable:
            super().stop()
        self._leave_line()

    def show(self, status: str, outcome: Outcome) -> None:
        """Show what is being done, in a few words, and all samples of the current workload."""
        if self._outcome is not None and outcome.workload != self._outcome.workload:
            self._finished += _rounds(self._outcome)
            self._leave_line()
        self._outcome = outcome
        if not self.disable:
            self._table = _laid_out(Table(outcome), self.console.width)
            done = self._finished + _rounds(outcome)
            self.update(self._bar, description=status, completed=done, refresh=True)

    def _leave_line(self) -> None:
        if self._outcome is not None:
            words = "; ".join(map(_short, Table(self._outcome).rows))
            self.console.print(Text(f"{self._outcome.workload}: {words}"), soft_wrap=True)
            self._outcome = None


def _rounds(outcome: Outcome) -> int:
    return sum(len(entry.samples) for entry in outcome.entries)


def _laid_out(table: Table, width: int) -> RenderableType:
    laid_out = RichTable(
        title=Text(table.outcome.workload, style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    laid_out.add_column(HEADINGS[0], overflow="fold", min_width=_TITLE)
    for heading in HEADINGS[1:]:
        laid_out.add_column(textwrap.fill(heading, _HEADING), justify="right", no_wrap=True)
    numbers = _fitted([row.cells[1:] for row in table.rows], width)
    for row, texts in zip(table.rows, numbers, strict=True):
        style = "bold" if row.is_reference else None
        laid_out.add_row(Text(row.entry.title), *map(Text, texts), style=style)
    return laid_out


def _fitted(lines: Sequence[Sequence[str]], width: int) -> Sequence[Sequence[str]]:
    """Put ranges below their medians where there is little room, or leave them out."""
    if width >= _WIDE:
        return lines
    stacked = [[text.replace(" [", "\n[") for text in line] for line in lines]
    widths = [
        max(_HEADING, *(len(line) for text in column for line in text.split("\n"))) + _GAP
        for column in zip(*stacked, strict=True)
    ]
    if _TITLE + sum(widths) <= width:
        return stacked
    return [[text.partition(" [")[0] for text in line] for line in lines]


def _short(row: Row) -> str:
    if row.missing:
        return f"{row.entry.title} not measured ({row.missing})"
    ratio = f" ({times_text(row.times)} times)" if row.times else ""
    return f"{row.entry.title} {number(row.images_per_second.median)} images/s{ratio}"


def _conclusion(changes: Sequence[Change], least: float) -> str:
    verdicts = [change.verdict for change in changes]
    found = [verdict for verdict in verdicts if verdict in ("slower", "faster")]
    if found:
        doubt = (
            " If contestants changed alike that have not been worked on, it was the machine: "
            "measure both again, one right after the other."
        )
        count = f"{len(found)} of {len(changes)}"
        conclusion = f"{count} times changed by more than {least:.0%} and chance."
        return conclusion + (doubt if len({*found}) == 1 else "")
    if "too few rounds" in verdicts:
        return (
            f"Too few rounds to tell chance from change in {len(changes)} comparisons. "
            "Measure both again with more --rounds (7 do for 80), or compare less."
        )
    return (
        f"No difference found: none of {len(changes)} times changed by more than "
        f"{least:.0%} and chance."
    )
