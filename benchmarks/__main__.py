"""`python -m benchmarks`: Keras' loader, ours and others, side by side."""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

if TYPE_CHECKING:
    from benchmarks.run import Choice

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_RUN_FOLDER = Path("benchmark-results")


@click.group(invoke_without_command=True, context_settings={"show_default": True})
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="Directory or archive of class folders.  [default: pictures that are drawn]",
)
@click.option("--quick", "length", flag_value="quick", help="Under 2 minutes.")
@click.option("--full", "length", flag_value="full", help="All suites; 1 to 2 hours.")
@click.option("--suite", "suites", multiple=True, help="Measure it alone; may be repeated.")
@click.option(
    "--workload", "workloads", multiple=True, help="One of a suite's alone; may be repeated."
)
@click.option(
    "--contestant",
    "contestants",
    multiple=True,
    help="Let it compete alone; may be repeated: others are compared with the first.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Of each contestant.")
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="That are timed in a round."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=_RUN_FOLDER,
    help="Folder for results and report.",
)
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for packs and images that are made, kept for the next run.  "
    "[default: a temporary one]",
)
@click.pass_context
def main(
    context: click.Context,
    data: Path | None,
    length: str | None,
    suites: tuple[str, ...],
    workloads: tuple[str, ...],
    contestants: tuple[str, ...],
    rounds: int | None,
    seconds: float | None,
    output: Path,
    scratch: Path | None,
) -> None:
    """Measure how fast batches come, in turns, each contestant in processes of its own.

    Writes results.json, samples.csv, report.md, report.html and plots to the output folder.
    """
    if context.invoked_subcommand is not None:
        return
    choice = _chosen(length, suites, workloads, contestants, rounds, seconds)
    with tempfile.TemporaryDirectory() as temporary:
        _measure(choice, data, scratch or Path(temporary), output, _command(context))


@main.command("compare")
@click.argument("before", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--least",
    type=click.FloatRange(min=0),
    default=0.05,
    help="Smaller changes are not reported, as a fraction.",
)
def _compare(before: Path, after: Path, least: float) -> None:
    """Say what got slower or faster from one results.json to another; exits with 1 if any did."""
    from benchmarks.compare import compare, differing_conditions
    from benchmarks.report.changes import show_changes
    from benchmarks.results import Results

    try:
        runs = Results.read(before), Results.read(after)
        changes = compare(*runs, least)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    show_changes(Console(), changes, differing_conditions(*runs), least)
    if any(each.verdict in ("slower", "faster") for each in changes):
        raise SystemExit(1)


@main.command("report")
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def _report(results: Path) -> None:
    """Write the report of a results.json beside it, as of a run that was cut short."""
    from benchmarks.report.terminal import show
    from benchmarks.report.write import write_report
    from benchmarks.results import Results

    try:
        found = Results.read(results)
        written = write_report(found, results.parent)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    console = Console()
    show(console, found)
    console.print(f"Report: {written.page}", highlight=False)


@main.command("list")
def _list() -> None:
    """List suites, their workloads, and contestants with what they lack."""
    from benchmarks.contestants import CONTESTANTS
    from benchmarks.suites import SUITES

    for suite, workloads in SUITES.items():
        click.echo(f"{suite}: {', '.join(each.name for each in workloads)}")
    for contestant in CONTESTANTS.values():
        lacking = f"  ({contestant.absent})" if contestant.absent else ""
        click.echo(f"  {contestant.name:<26} {contestant.title}{lacking}")


def _chosen(
    length: str | None,
    suites: tuple[str, ...],
    workloads: tuple[str, ...],
    contestants: tuple[str, ...],
    rounds: int | None,
    seconds: float | None,
) -> Choice:
    from benchmarks.contestants import CONTESTANTS
    from benchmarks.run import DEFAULT, FULL, QUICK, workloads_of
    from benchmarks.suites import SUITES

    suite_of = {each.name: suite for suite, some in SUITES.items() for each in some}
    _check_names("--suite", suites, list(SUITES))
    _check_names("--workload", workloads, list(suite_of))
    _check_names("--contestant", contestants, list(CONTESTANTS))
    base = {"quick": QUICK, "full": FULL}.get(length or "", DEFAULT)
    choice = replace(
        base,
        contestants=contestants or base.contestants,
        plan=replace(
            base.plan,
            rounds=rounds or base.plan.rounds,
            seconds=seconds or base.plan.seconds,
        ),
    )
    if suites or workloads:
        # All compete at what was chosen, but for a quick look.
        everybody = None if base is not QUICK else base.contestants
        choice = replace(
            choice,
            suites=suites or tuple(dict.fromkeys(suite_of[name] for name in workloads)),
            workloads=workloads or None,
            contestants=contestants or everybody,
        )
    if not workloads_of(choice):
        raise click.UsageError(
            f"No contestant and workload chosen are in {', '.join(choice.suites)} together. "
            "`python -m benchmarks list` names them."
        )
    return choice


def _check_names(option: str, given: tuple[str, ...], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise click.BadParameter(
                f"must be one of {', '.join(known)}. Received: {name!r}", param_hint=option
            )


def _command(context: click.Context) -> str:
    """Word the options that decide what is measured; files are named without their folders."""
    words = ["python", "-m", "benchmarks"]
    if context.params["length"]:
        words.append(f"--{context.params['length']}")
    for option, name in (
        *(("--data", "data"), ("--suite", "suites"), ("--workload", "workloads")),
        *(("--contestant", "contestants"), ("--rounds", "rounds"), ("--seconds", "seconds")),
    ):
        value = context.params[name]
        for each in value if isinstance(value, tuple) else (value,):
            if each is not None:
                words += [option, each.name if isinstance(each, Path) else str(each)]
    return shlex.join(words)


def _measure(choice: Choice, data: Path | None, scratch: Path, output: Path, command: str) -> None:
    from benchmarks.report.terminal import LiveTable, show
    from benchmarks.report.write import keep_samples, write_report
    from benchmarks.run import count_rounds, run

    console = Console()
    try:
        directory, origin = _training_folder(data, scratch)
        with LiveTable(console, count_rounds(choice)) as progress:
            results = run(
                choice,
                directory,
                origin,
                scratch,
                progress,
                command,
                lambda so_far: keep_samples(so_far, output),
            )
            # Before anything more is printed: the samples must not be lost to a closed terminal.
            written = write_report(results, output)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    show(console, results)
    console.print(f"All samples: {written.json}. Report: {written.page}", highlight=False)


def _training_folder(data: Path | None, scratch: Path) -> tuple[Path, str]:
    from catdog_data.archives.find_folders import find_image_folders
    from catdog_data.archives.unpack import unpack
    from catdog_data.samples.generate import generate_sample_set

    if data is None:
        return generate_sample_set(scratch / "drawn", validation_per_class=0).train, "drawn"
    if data.is_dir():
        return find_image_folders(data).train, "given by --data"
    return unpack(data, scratch / "unpacked").train, "given by --data"


if __name__ == "__main__":
    main()
