"""A series over kinds: images/s of each."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.report.plots.groups import draw_groups
from benchmarks.report.rows import rows
from benchmarks.report.suites import Suite, label


def draw_kinds(suite: Suite) -> Figure | None:
    """Draw the images/s of a series; None if nobody was timed."""
    groups = [
        {
            row.contestant: row.figures.images_per_second if row.figures else None
            for row in rows(outcome)
        }
        for outcome in suite.outcomes
    ]
    figure, filled = draw_groups(
        [label(outcome) for outcome in suite.outcomes],
        groups,
        suite.contestants,
        "images/s, median and range of rounds",
    )
    figure.axes[0].set_title(suite.name)
    return figure if filled else None
