"""A series along an axis: lines over threads, sizes of images or of batches."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.estimates import Spread
from benchmarks.report.plots.style import (
    FAINT,
    legend_below,
    line_looks,
    new_figure,
    plain_numbers,
)
from benchmarks.report.rows import Figures, rows
from benchmarks.report.suites import Suite

_FAR_APART = 8
_TOO_WIDE = 20
_AXES = {
    "threads": "processors",
    "batch sizes": "images per batch",
    "image sizes": "side of the images, pixels",
}
Line = tuple[list[float], list[Spread]]


def draw_speeds(suite: Suite) -> Figure | None:
    """Draw images/s over x; None if nobody was timed."""
    lines = _lines(suite, lambda figures: figures.images_per_second)
    return _draw(suite, lines, "images/s") if lines else None


def draw_cpu(suite: Suite) -> Figure | None:
    """Draw CPU time per image over x; None if nobody was timed."""
    lines = _lines(suite, lambda figures: figures.cpu_ms)
    return _draw(suite, lines, "CPU ms/image") if lines else None


def draw_scaling(suite: Suite) -> Figure | None:
    """Draw how many times as fast each becomes with x; None if nobody has two points."""
    lines = {
        contestant: (at, _divided(values, values[0].median))
        for contestant, (at, values) in _lines(suite, lambda one: one.images_per_second).items()
        if len(at) > 1 and at[0] == suite.outcomes[0].x and at[0] > 0
    }
    if not lines:
        return None
    ends = [outcome.x or 0.0 for outcome in (suite.outcomes[0], suite.outcomes[-1])]
    figure = _draw(suite, lines, f"times the images/s at {ends[0]:g}")
    panel = figure.axes[0]
    # On two logarithmic scales alike, in proportion is a straight line.
    panel.set_xscale("log", base=2)
    panel.set_yscale("log", base=2)
    _name_places(panel, suite)
    plain_numbers(panel.yaxis)
    panel.autoscale(axis="y")
    ideal = [x / ends[0] for x in ends]
    panel.plot(ends, ideal, color=FAINT, linestyle=":", linewidth=1.5, zorder=1)
    panel.annotate(
        "ideal", (ends[1], ideal[1]), (-8, 0), textcoords="offset points", ha="right", color=FAINT
    )
    return figure


def _lines(suite: Suite, value: Callable[[Figures], Spread]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for outcome in suite.outcomes:
        for row in rows(outcome):
            if row.figures and outcome.x is not None:
                at, values = lines.setdefault(row.contestant, ([], []))
                at.append(outcome.x)
                values.append(value(row.figures))
    return lines


def _draw(suite: Suite, lines: dict[str, Line], ylabel: str) -> Figure:
    figure = new_figure(4.4 + 0.13 * len(lines))
    panel = figure.subplots()
    looks = line_looks(list(suite.contestants))
    for contestant, (at, values) in lines.items():
        panel.errorbar(
            at,
            [one.median for one in values],
            yerr=[
                [one.median - one.lowest for one in values],
                [one.highest - one.median for one in values],
            ],
            label=suite.contestants[contestant],
            capsize=2.5,
            linewidth=1.6,
            elinewidth=1,
            markersize=6,
            **looks[contestant],
        )
    _scale_y(panel, [one for _, values in lines.values() for one in values])
    _scale_x(panel, suite)
    panel.set_xlabel(_AXES.get(suite.name, suite.name))
    panel.set_ylabel(ylabel)
    panel.set_title(f"{suite.name}: {ylabel}")
    legend_below(figure, *panel.get_legend_handles_labels())
    return figure


def _scale_y(panel: Axes, values: list[Spread]) -> None:
    if max(one.highest for one in values) / min(one.lowest for one in values) > _TOO_WIDE:
        panel.set_yscale("log")
        plain_numbers(panel.yaxis, logarithmic=True)
    else:
        panel.set_ylim(bottom=0)
        plain_numbers(panel.yaxis)


def _scale_x(panel: Axes, suite: Suite) -> None:
    places = _places(suite)
    if places[0] > 0 and places[-1] / places[0] >= _FAR_APART:
        panel.set_xscale("log", base=2)
    _name_places(panel, suite)


def _name_places(panel: Axes, suite: Suite) -> None:
    panel.set_xticks(_places(suite), [f"{x:g}" for x in _places(suite)])
    panel.xaxis.set_minor_locator(NullLocator())


def _places(suite: Suite) -> list[float]:
    return sorted({outcome.x for outcome in suite.outcomes if outcome.x is not None})


def _divided(values: list[Spread], by: float) -> list[Spread]:
    return [Spread(one.median / by, one.lowest / by, one.highest / by) for one in values]
