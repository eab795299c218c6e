"""What got slower or faster, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.compare import Change

_DOUBT = (
    " If contestants changed alike that have not been worked on, it was the machine: measure both "
    "again, one right after the other."
)
_STYLES = {"slower": "bold red", "faster": "bold green", "same": "", "too few rounds": "dim"}


def show_changes(
    console: Console, changes: Sequence[Change], conditions: Sequence[str], least: float
) -> None:
    """Print changes, what else differs between the runs, and how to read it.

    Args:
        console: Where to.
        changes: What `compare` found.
        conditions: What `differing_conditions` listed.
        least: The fraction below which changes are not reported.
    """
    console.print(_table(changes))
    for condition in conditions:
        console.print(f"differs: {condition}", highlight=False, style="yellow", markup=False)
    console.print(_summary(changes, least), highlight=False)


def _table(changes: Sequence[Change]) -> Table:
    table = Table(title="Time per image after, by that before")
    for heading in ("workload", "contestant", "time", "relative to"):
        table.add_column(heading)
    table.add_column("factor [95 %]", justify="right")
    table.add_column("found")
    for change in changes:
        factor = change.factor
        interval = "" if factor.low is None else rf" \[{factor.low:.2f}-{factor.high:.2f}]"
        table.add_row(
            change.workload,
            change.title,
            change.measure,
            change.relative_to or "itself",
            f"{factor.estimate:.2f}{interval}",
            change.verdict,
            style=_STYLES[change.verdict],
        )
    return table


def _summary(changes: Sequence[Change], least: float) -> str:
    found = [change for change in changes if change.verdict in ("slower", "faster")]
    if found:
        said = f"{len(found)} of {len(changes)} times changed by more than {least:.0%} and chance."
        return said + _DOUBT if len({change.verdict for change in found}) == 1 else said
    if any(change.verdict == "too few rounds" for change in changes):
        return (
            f"Too few rounds to tell chance from change in {len(changes)} comparisons. "
            "Measure both again with more --rounds (7 do for 80), or compare less."
        )
    return (
        f"No difference found: none of {len(changes)} times changed by more than "
        f"{least:.0%} and chance."
    )
