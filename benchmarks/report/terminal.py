"""Results on a terminal: all of them, and those of a run that goes on."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from benchmarks.report.facts import facts, one_line
from benchmarks.report.headline import headlines
from benchmarks.report.remarks import remarks
from benchmarks.report.rows import HEADINGS, Row, cells, number, rows, times_text
from benchmarks.results import Outcome, Results

_A_DAY = 86_400.0
_WIDE = 110  # columns, from which on a range stands beside its median
_TITLE, _HEADING, _GAP = 9, 9, 3  # columns of a table, at least


def show(console: Console, results: Results) -> None:
    """Print a table for each outcome, then what was skipped, the environment and the headlines.

    Args:
        console: Where to.
        results: All of a run.
    """
    for outcome in results.outcomes:
        console.print(_table(outcome, console.width))
        for line in _below(outcome):
            console.print(Text(line, style="dim"))
        console.print()
    for workload, reason in results.skipped.items():
        console.print(Text(f"Skipped: {workload}: {reason}"))
    for name, text in facts(results.environment):
        console.print(Text.assemble((f"{name}: ", "bold"), text))
    for line in headlines(results):
        console.print(Text(line, style="bold"))


class LiveTable:
    """Shows a run that goes on: a bar with the time left, and the table of the current workload.

    Each workload that is finished leaves a line; where there is no terminal, nothing else is
    printed. Nothing is drawn but when told something, so that no drawing takes time from what is
    measured.

    Args:
        console: Where to.
        total: The rounds of all workloads together.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._outcome: Outcome | None = None
        self._table: RenderableType = Text("")
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            # All rounds count for the time left: they take long, and are few.
            speed_estimate_period=_A_DAY,
        )
        self._task = self._bars.add_task("", total=total)
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveTable:
        """Begin to show."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the line of the last workload, and take the rest away."""
        self._live.stop()
        self._leave_line()

    def begin(self, title: str, contestants: Sequence[str]) -> None:
        """Show an empty table, and leave a line of the workload before."""
        self._leave_line()
        self._table = _empty_table(title, contestants)
        self._bars.update(self._task, description=title)
        self._draw()

    def status(self, text: str) -> None:
        """Show what is being done."""
        self._bars.update(self._task, description=text)
        self._draw()

    def sampled(self, outcome: Outcome) -> None:
        """Show the numbers so far."""
        self._outcome = outcome
        if self._console.is_terminal:
            self._table = _table(outcome, self._console.width)
            self._draw()

    def advance(self) -> None:
        """Move the bar."""
        self._bars.advance(self._task)
        self._draw()

    def _draw(self) -> None:
        if self._live.is_started:
            self._live.update(Group(self._table, self._bars), refresh=True)

    def _leave_line(self) -> None:
        if self._outcome is not None:
            self._console.print(Text(_line(self._outcome)), soft_wrap=True)
            self._outcome = None


def _table(outcome: Outcome, width: int) -> Table:
    table = _headed(outcome.workload)
    shown = rows(outcome)
    for row, numbers in zip(shown, _fitted([cells(row)[1:] for row in shown], width), strict=True):
        title = Text(row.title)
        table.add_row(title, *map(Text, numbers), style="bold" if row.is_reference else None)
    return table


def _fitted(lines: Sequence[Sequence[str]], width: int) -> Sequence[Sequence[str]]:
    """Put ranges below their medians where there is little room, or leave them out."""
    if width >= _WIDE:
        return lines
    stacked = [[text.replace(" [", "\n[") for text in line] for line in lines]
    widest = [max(map(len, _in_lines(column))) for column in zip(*stacked, strict=True)]
    if sum(max(_HEADING, column) + _GAP for column in widest) + _TITLE <= width:
        return stacked
    return [[text.partition(" [")[0] for text in line] for line in lines]


def _in_lines(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in text.split("\n")]


def _empty_table(title: str, contestants: Sequence[str]) -> Table:
    table = _headed(title)
    for contestant in contestants:
        table.add_row(Text(contestant))
    return table


def _headed(title: str) -> Table:
    table = Table(
        title=Text(title, style="bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column(HEADINGS[0], overflow="fold", min_width=_TITLE)
    for heading in HEADINGS[1:]:
        table.add_column(textwrap.fill(heading, _HEADING), justify="right", no_wrap=True)
    return table


def _below(outcome: Outcome) -> list[str]:
    shown = rows(outcome)
    return [
        *([one_line(outcome.conditions)] if outcome.conditions else []),
        *(f"Not measured: {row.title}: {row.missing}" for row in shown if row.missing),
        *remarks(outcome),
    ]


def _line(outcome: Outcome) -> str:
    return f"{outcome.workload}: " + "; ".join(_short(row) for row in rows(outcome))


def _short(row: Row) -> str:
    if row.figures is None:
        return f"{row.title} not measured ({row.missing})"
    speed = f"{row.title} {number(row.figures.images_per_second.median)} images/s"
    if row.is_reference or row.figures.times is None:
        return speed
    return f"{speed} ({times_text(row.figures.times)} times)"
