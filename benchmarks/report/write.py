"""A report as files: JSON, CSV, charts, Markdown, and one HTML page."""

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path
from typing import NamedTuple

from benchmarks.report.charts import draw_charts
from benchmarks.report.render import render
from benchmarks.report.tables import suites
from benchmarks.results import BenchmarkResults, Sample
from catdog_data.system.atomic_files import write_atomically

COLUMNS = (
    *("workload", "suite", "x", "contestant", "title"),
    *(field.name for field in fields(Sample)),
    *("missing", "note"),
)
"""Of samples.csv."""


class Report(NamedTuple):
    """The files of a report: all samples as JSON and CSV, tables and charts, and all in a page."""

    json: Path
    csv: Path
    markdown: Path
    page: Path
    charts: tuple[Path, ...]


def write_samples(results: BenchmarkResults, folder: Path) -> Path:
    """Write results.json, also of a run that is not finished.

    Args:
        results: Those so far.
        folder: Made where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    write_atomically(path, results.as_json().encode())
    return path


def write_report(results: BenchmarkResults, folder: Path) -> Report:
    """Write a report; each file replaces an older one when it is complete.

    Args:
        results: All of a run.
        folder: Made where it does not exist.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    # Samples first: whatever happens to the rest, they are safe.
    json, csv = write_samples(results, folder), folder / "samples.csv"
    write_atomically(csv, as_csv(results).encode())
    found = suites(results)
    charts = draw_charts(found, folder / "plots")
    written = tuple(chart.path for some in charts.values() for chart in some)
    for picture in {*(folder / "plots").glob("*.png")} - {*written}:
        picture.unlink()  # of an earlier run, about other numbers
    values = {"results": results, "suites": found, "charts": charts, "files": (json, csv)}
    texts = [folder / name for name in ("report.md", "report.html")]
    for path in texts:
        text = render(f"{path.name}.j2", **values)
        write_atomically(path, text.encode())
    return Report(json, csv, texts[0], texts[1], written)


def as_csv(results: BenchmarkResults) -> str:
    """Return a line for each sample, and one with the reason for a contestant without samples."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for outcome in results.outcomes:
        for entry in outcome.entries:
            common = {**vars(outcome), **vars(entry), "missing": ""}
            if not entry.samples:
                writer.writerow({**common, "missing": entry.missing or "not measured"})
            writer.writerows({**common, **asdict(sample)} for sample in entry.samples)
    return text.getvalue()
