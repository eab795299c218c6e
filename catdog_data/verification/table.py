"""A report as tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catdog_data.system.names import as_field
from catdog_data.verification.findings import KINDS
from catdog_data.verification.report import Extent, Report

_SHOWN = 20
"""Bad files, classes and messages that are named one by one."""
_BAR = 24


def print_report(report: Report, console: Console) -> None:
    """Print what was found: classes, sizes, findings, and the bad files.

    Args:
        report: of `catdog_data.verify`.
        console: where to.
    """
    console.print(_classes(report))
    for folder in report.folders:
        _print_passed_over(folder.passed_over, folder.left_out, folder.path, console)
    if report.formats:
        formats = ", ".join(f"{count:,} {name}" for name, count in report.formats.items())
        console.print(f"Formats: {formats}.", soft_wrap=True)
    if report.sizes:
        console.print(_sizes(report.sizes))
    if report.findings:
        console.print(_findings(report))
    _print_bad(report, console)


def print_messages(messages: Counter[str], console: Console) -> None:
    """Print what decoders said on standard error, each sentence once."""
    if not messages:
        return
    total = sum(messages.values())
    console.print(
        f"The decoders printed {total:,} warnings, which name no file (some files are read twice):"
    )
    for text, count in messages.most_common(_SHOWN):
        console.print(f"  {count:,} x {escape(text)}", soft_wrap=True)
    if len(messages) > _SHOWN:
        console.print(f"  and {len(messages) - _SHOWN} others")


def shown_name(name: str) -> str:
    """Return a name of a file for a console: on one line, and not taken for markup."""
    return escape(as_field(name))


def _classes(report: Report) -> Table:
    table = Table("folder", "class", "images", "share", "", title="Classes", title_justify="left")
    table.columns[0].overflow = "fold"
    for column in table.columns[2:4]:
        column.justify = "right"
    for folder in report.folders:
        classes = folder.classes or {"": folder.images}
        largest = max(classes.values())
        rows = sorted(classes.items(), key=lambda each: -each[1])
        shown = list(classes.items()) if len(rows) <= _SHOWN else rows[: _SHOWN // 2]
        hidden = rows[_SHOWN // 2 : -_SHOWN // 2] if len(rows) > _SHOWN else []
        if hidden:
            shown += [(f"({len(hidden)} others)", sum(count for _, count in hidden))]
            shown += rows[-_SHOWN // 2 :]
        for number, (name, count) in enumerate(shown):
            share = count / folder.images if folder.images else 0.0
            bar = "█" * round(_BAR * min(count / largest, 1.0)) if largest else ""
            path = shown_name(folder.path) if not number else ""
            table.add_row(path, shown_name(name), f"{count:,}", f"{share:.1%}", bar)
        table.add_section()
    return table


def _print_passed_over(
    passed_over: Mapping[str, int], left_out: tuple[str, ...], path: str, console: Console
) -> None:
    name = shown_name(path)
    if passed_over:
        kinds = ", ".join(
            f"{count:,} {shown_name(ending) or 'without ending'}"
            for ending, count in sorted(passed_over.items())
        )
        console.print(f"Passed over in {name} by their ending: {kinds}.", soft_wrap=True)
    if left_out:
        notes = ", ".join(map(shown_name, left_out))
        console.print(f"Not read in {name}: {notes}.", soft_wrap=True)


def _sizes(sizes: Mapping[str, Extent]) -> Table:
    table = Table("", "min", "median", "max", title="Sizes", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, extent in sizes.items():
        form = "{:.2f}" if name == "aspect" else "{:,.0f}"
        values = (form.format(each) for each in (extent.min, extent.median, extent.max))
        table.add_row(f"{name} (w/h)" if name == "aspect" else name, *values)
    return table


def _findings(report: Report) -> Table:
    table = Table(
        "finding", "files", "bad", "what it means", title="Findings", title_justify="left"
    )
    table.columns[1].justify = "right"
    meaning = {kind.name: kind.meaning for kind in KINDS}
    for name, count in report.counts.items():
        bad = name in report.bad_kinds
        style = "red" if bad else "yellow"
        table.add_row(name, f"{count:,}", "bad" if bad else "", meaning[name], style=style)
    return table


def _print_bad(report: Report, console: Console) -> None:
    bad = report.bad_findings
    for each in bad[:_SHOWN]:
        notes = [f"as {as_field(each.other)}"] if each.other else []
        notes += [each.detail] if each.detail else []
        said = f": {escape(', '.join(notes))}" if notes else ""
        console.print(
            f"[red]{each.kind}[/red] {shown_name(each.path)}{said}", highlight=False, soft_wrap=True
        )
    if len(bad) > _SHOWN:
        console.print(f"and {len(bad) - _SHOWN:,} others; --json and --list have all.")
    if bad:
        console.print(f"[red]{len(bad):,} of {report.files:,} files are bad.[/red]")
    else:
        console.print(f"[green]All of {report.files:,} files are good.[/green]")
