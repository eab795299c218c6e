"""Which plot shows what, told by the names of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.report.suites import Suite, slug

_BETWEEN = "--"


def file_name(suite: Suite, what: str) -> str:
    """Name the file of a plot."""
    return f"{slug(suite.name)}{_BETWEEN}{slug(what)}.png"


def of_suite(plots: Sequence[Path], suite: Suite) -> list[Path]:
    """Select the plots of a suite."""
    return [plot for plot in plots if plot.stem.split(_BETWEEN)[0] == slug(suite.name)]


def description(plot: Path) -> str:
    """Say what a plot shows, for who cannot see it."""
    suite, _, what = plot.stem.partition(_BETWEEN)
    return f"{suite.replace('-', ' ')}: {what.replace('-', ' ')}"
