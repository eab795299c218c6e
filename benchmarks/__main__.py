"""`python -m benchmarks`: Keras' loader, ours and others, side by side."""

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

if TYPE_CHECKING:
    from benchmarks.suites import Settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


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
@click.option("--rounds", type=click.IntRange(min=1), help="How often each contestant is timed.")
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="That are timed in a round."
)
@click.option(
    "--output",
    type=_FOLDER,
    default=Path("benchmark-results"),
    help="Folder for results and report.",
)
@click.pass_context
def main(context: click.Context, /, data: Path | None, output: Path, **choice: Any) -> None:
    """Measure how fast batches come, in turns, each contestant in processes of its own.

    Writes results.json, samples.csv, report.md, report.html and plots to the output folder.
    """
    if context.invoked_subcommand is not None:
        return
    from benchmarks.run import run

    settings = _settings(**choice)
    with tempfile.TemporaryDirectory() as scratch, _reported_errors():
        run(settings, data, Path(scratch), output, _command(data, **choice))


@main.command("compare")
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
def _compare(before: Path, after: Path) -> None:
    """Print what got slower or faster from one results.json to another; exit with 1 if any did."""
    from benchmarks.compare import LEAST, compare, differing_conditions
    from benchmarks.report.terminal import show_changes
    from benchmarks.results import BenchmarkResults

    with _reported_errors():
        runs = BenchmarkResults.read(before), BenchmarkResults.read(after)
        changes = compare(*runs)
    show_changes(Console(), changes, differing_conditions(*runs), LEAST)
    if any(each.verdict in ("slower", "faster") for each in changes):
        raise SystemExit(1)


@main.command("report")
@click.argument("results", type=_FILE)
def _report(results: Path) -> None:
    """Write the report of a results.json beside it, as of a run that was cut short."""
    from benchmarks.report.terminal import show
    from benchmarks.report.write import write_report
    from benchmarks.results import BenchmarkResults

    with _reported_errors():
        found = BenchmarkResults.read(results)
        written = write_report(found, results.parent)
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


@contextmanager
def _reported_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


def _settings(length: str | None, **choice: Any) -> "Settings":
    from benchmarks.contestants import CONTESTANTS
    from benchmarks.suites import LENGTHS, SUITES

    suite_of = {each.name: suite for suite, some in SUITES.items() for each in some}
    known = {"suites": SUITES, "workloads": suite_of, "contestants": CONTESTANTS}
    for option, names in known.items():
        for name in choice[option]:
            if name not in names:
                raise click.BadParameter(
                    f"must be one of {', '.join(names)}. Received: {name!r}",
                    param_hint=f"--{option.removesuffix('s')}",
                )
    settings = LENGTHS[length or "default"]
    if choice["suites"] or choice["workloads"]:
        # All compete at what was chosen, but for a quick look.
        competing = settings.contestants if length == "quick" else None
        suites = dict.fromkeys(suite_of[name] for name in choice["workloads"])
        settings = replace(settings, suites=tuple(suites), workloads=None, contestants=competing)
    settings = replace(settings, **{name: value for name, value in choice.items() if value})
    if not settings.pairings:
        raise click.UsageError(
            f"No contestant and workload chosen are in {', '.join(settings.suites)} together. "
            "`python -m benchmarks list` names them."
        )
    return settings


def _command(data: Path | None, length: str | None, **choice: Any) -> str:
    """Return the command line that repeats the measurement; files without their folders."""
    words = ["python", "-m", "benchmarks", *([f"--{length}"] if length else [])]
    words += ["--data", data.name] if data else []
    for option in ("suite", "workload", "contestant"):
        for name in choice[f"{option}s"]:
            words += [f"--{option}", name]
    for option in ("rounds", "seconds"):
        words += [f"--{option}", str(choice[option])] if choice[option] else []
    return shlex.join(words)


if __name__ == "__main__":
    main()
