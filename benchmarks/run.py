"""A run: from settings to results and their report."""

from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from benchmarks.environment import describe_environment
from benchmarks.images import DataSet, derive, describe, subset
from benchmarks.measuring.bench import Bench
from benchmarks.report.terminal import LiveProgress, show
from benchmarks.report.write import write_report, write_samples
from benchmarks.results import BenchmarkResults
from benchmarks.suites import Settings


def run(settings: Settings, data: Path | None, scratch: Path, output: Path, command: str) -> None:
    """Measure, show it on the terminal, and write the report.

    Args:
        settings: What, how often and how long.
        data: Directory or archive of class folders; None for drawn pictures.
        scratch: Folder for packs and for images that are made of the given ones.
        output: Folder for results and report; samples are there after each workload.
        command: The command line that repeats the run, for the report.

    Raises:
        ValueError: There are no images.
        OSError: A file cannot be read, or the disk is full.
    """
    console = Console()
    given = _given(data, scratch)
    results = BenchmarkResults(
        environment={**describe_environment(), "images": given.as_json()},
        settings={"command": command, **asdict(settings)},
        outcomes=(),
    )
    with LiveProgress(console, settings.total_rounds) as live:
        bench = Bench(settings, subset(given, scratch), scratch / "packs", live.show)
        for workload, contestants in settings.pairings:
            try:
                made = derive(given, workload.images, scratch)
                outcome = bench.measure(workload, contestants, made)
                results = replace(results, outcomes=(*results.outcomes, outcome))
            except RuntimeError as error:
                results = replace(results, skipped={**results.skipped, workload.name: str(error)})
            write_samples(results, output)
        # Before anything more is printed: the samples must not be lost to a closed terminal.
        written = write_report(results, output)
    show(console, results)
    console.print(f"All samples: {written.json}. Report: {written.page}", highlight=False)


def _given(data: Path | None, scratch: Path) -> DataSet:
    from catdog_data.archives.find_folders import find_image_folders
    from catdog_data.archives.unpack import unpack
    from catdog_data.samples.generate import generate_sample_set

    if data is None:
        drawn = generate_sample_set(scratch / "drawn", validation_per_class=0)
        return describe(drawn.train, "drawn")
    found = find_image_folders(data) if data.is_dir() else unpack(data, scratch / "unpacked")
    return describe(found.train, "given by --data")
