"""Results as pictures, each only where there is data for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.report.plots.augmentations import draw_costs
from benchmarks.report.plots.comparison import draw_comparison
from benchmarks.report.plots.kinds import draw_kinds
from benchmarks.report.plots.naming import file_name
from benchmarks.report.plots.series import draw_cpu, draw_scaling, draw_speeds
from benchmarks.report.plots.stages import draw_stages
from benchmarks.report.plots.style import STYLE
from benchmarks.report.plots.training import draw_training
from benchmarks.report.suites import Suite, suites
from benchmarks.results import Outcome, Results
from catdog_models.plots.figure import save


def draw_plots(results: Results, folder: Path) -> list[Path]:
    """Write a PNG of everything that can be drawn.

    Args:
        results: All of a run.
        folder: Where to; it must exist.

    Returns:
        Their files, in the order of suites.
    """
    written = []
    with rc_context(STYLE):
        for suite in suites(results):
            for what, figure in _figures(suite, results):
                if figure is not None:
                    written.append(folder / file_name(suite, what))
                    save(figure, written[-1])
    return written


def _figures(suite: Suite, results: Results) -> Iterator[tuple[str, Figure | None]]:
    if suite.name == "stages":
        for outcome in suite.outcomes:
            yield _told_apart("CPU time", outcome, suite), draw_stages(outcome)
    elif suite.name == "training":
        for outcome in suite.outcomes:
            yield _told_apart("time of steps", outcome, suite), draw_training(outcome)
    elif suite.is_numeric:
        yield "speed", draw_speeds(suite)
        if suite.name == "threads":
            yield "scaling", draw_scaling(suite)
        yield "CPU time", draw_cpu(suite)
    elif suite.is_series:
        yield "speed", draw_kinds(suite)
        yield "CPU time above plain", draw_costs(suite, results)
    else:
        yield "speed", draw_comparison(suite.outcomes[0])


def _told_apart(what: str, outcome: Outcome, suite: Suite) -> str:
    return f"{what}, {outcome.workload}" if suite.is_series else what
