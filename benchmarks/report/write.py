"""A report as files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.report.markdown import as_markdown
from benchmarks.report.page import as_html
from benchmarks.report.plots import draw_plots
from benchmarks.report.spreadsheet import as_csv
from benchmarks.results import Results
from catdog_data.system.atomic_files import write_atomically

_SAMPLES = "results.json"


@dataclass(frozen=True, kw_only=True)
class Report:
    """Where the parts of a report are.

    Attributes:
        json: All of it, for `Results.read`.
        csv: All samples.
        markdown: Tables, with links to the plots.
        page: All of it for a browser, in one file.
        plots: The pictures alone.
    """

    json: Path
    csv: Path
    markdown: Path
    page: Path
    plots: tuple[Path, ...]


def keep_samples(results: Results, folder: Path) -> None:
    """Write the samples alone, as they come in.

    Args:
        results: Those so far.
        folder: Where to; made where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / _SAMPLES, results.as_json().encode())


def write_report(results: Results, folder: Path) -> Report:
    """Write a report; each file takes an older one's place when it is whole.

    Args:
        results: All of a run.
        folder: Where to; made where it does not exist.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    report = Report(
        json=folder / _SAMPLES,
        csv=folder / "samples.csv",
        markdown=folder / "report.md",
        page=folder / "report.html",
        plots=(),
    )
    # Samples first: whatever befalls the rest, they are safe.
    write_atomically(report.json, results.as_json().encode())
    write_atomically(report.csv, as_csv(results).encode())
    report = replace(report, plots=tuple(draw_plots(results, folder / "plots")))
    for picture in set((folder / "plots").glob("*.png")) - set(report.plots):
        picture.unlink()  # of an earlier run, about other numbers
    links = [plot.relative_to(folder) for plot in report.plots]
    write_atomically(report.markdown, as_markdown(results, links).encode())
    write_atomically(report.page, as_html(results, report.plots).encode())
    return report
