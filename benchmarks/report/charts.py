"""Results as charts, each only where there is data for it; fonts are in `benchmarks.mplstyle`."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.style import context
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.estimates import Spread, Value, spread
from benchmarks.report.tables import Row, Suite, Table, number, slug, times_text
from catdog_models.plots.figure import save

_STYLE = Path(__file__).with_name("benchmarks.mplstyle")
_FAR_APART = 8  # the last x to the first, from which on the axis is logarithmic
_AXES = {
    "threads": "processors",
    "batch sizes": "images per batch",
    "image sizes": "side of the images, pixels",
}
_COSTS: dict[str, tuple[str, Value]] = {
    "stages": ("CPU time", "cpu_ms"),
    "training": ("time of steps", "wall_ms"),
    "start-up": ("first batch", "first_batch_seconds"),
}
"""What charts of suites show where that is no speed."""
_UNITS: dict[Value, str] = {
    "images_per_second": "images/s",
    "cpu_ms": "CPU ms/image",
    "wall_ms": "ms per step",
    "first_batch_seconds": "s to the first batch",
}
_REFERENCE, _OURS, _OTHERS = "#555555", "#0072b2", "#9fb8c8"
_INK, _FAINT = "#222222", "#777777"


class Chart(NamedTuple):
    """A chart that was written: what it shows, and the PNG file."""

    description: str
    path: Path


def draw_charts(suites: Sequence[Suite], folder: Path) -> dict[str, list[Chart]]:
    """Write a PNG of everything that can be drawn, to a folder that exists; by suite."""
    written: dict[str, list[Chart]] = {suite.name: [] for suite in suites}
    with context(_STYLE):
        for suite in suites:
            for shows, figure in _figures(suite):
                if figure is not None:
                    path = folder / f"{slug(suite.name)}--{slug(shows)}.png"
                    save(figure, path)
                    written[suite.name].append(Chart(f"{suite.name}: {shows}", path))
    return written


def _figures(suite: Suite) -> Iterator[tuple[str, Figure | None]]:
    if suite.name in _COSTS:
        shows, value = _COSTS[suite.name]
        for table in suite.tables:
            yield f"{shows}, {table.label}" if suite.is_series else shows, _bars(table, value)
    elif suite.is_series:
        yield "speed", _series(suite, "images_per_second")
        yield "CPU time", _series(suite, "cpu_ms")
    else:
        yield "speed", _bars(suite.tables[0], "images_per_second")


def _bars(table: Table, value: Value) -> Figure | None:
    """Draw a value of each contestant; where speeds are compared, with the ratio."""
    rows = table.timed
    if not rows:
        return None
    figure, panel = _new_panel(1.5 + 0.46 * len(rows), table.outcome.workload)
    images = table.outcome.conditions.get("batch_size", 1) if value == "wall_ms" else 1
    for place, row in enumerate(rows):
        values = Spread(*(images * one for one in spread(row.entry, value)))
        panel.barh(place, values.median, height=0.62, **_fill(row))
        panel.errorbar(values.median, place, xerr=_reach([values]), color=_INK, fmt="none")
        label, tip = number(values.median), (values.highest, place)
        if value == "images_per_second":
            label += "   reference" if row.is_reference else f"   {times_text(row.times)} times"
        panel.annotate(label, tip, (5, 0), textcoords="offset points", va="center", size=9)
        if row.is_reference and value != "cpu_ms":
            # For training that is a step on a constant batch: what goes beyond it is input.
            panel.axvline(values.median, color=_FAINT, ls="--", zorder=0)
    panel.margins(x=0.1)
    panel.set_xlim(left=0)
    panel.xaxis.set_major_formatter("{x:,g}")
    titles = [_wrapped(row.entry.title) for row in rows]
    panel.set_yticks(range(len(rows)), titles, fontsize=9.5)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(f"{_UNITS[value]}, median and range of rounds")
    return figure


def _series(suite: Suite, value: Value) -> Figure | None:
    """Draw a value over the axis of a series, or over its kinds, as points that nothing joins."""
    along_axis = all(table.outcome.x is not None for table in suite.tables)
    ticks = [table.outcome.x or 0.0 if along_axis else i for i, table in enumerate(suite.tables)]
    rows = [(x, row) for x, table in zip(ticks, suite.tables, strict=True) for row in table.timed]
    if not rows:
        return None
    figure, panel = _new_panel(4.8, f"{suite.name}: {_UNITS[value]}")
    for contestant, title in suite.contestants.items():
        own = [
            (x, spread(row.entry, value)) for x, row in rows if row.entry.contestant == contestant
        ]
        reach = _reach([values for _, values in own])
        medians = [values.median for _, values in own]
        line = panel.errorbar([x for x, _ in own], medians, yerr=reach, label=title if own else "")
        line[0].set_linestyle("-" if along_axis else "none")
    far_apart = ticks[0] > 0 and ticks[-1] / ticks[0] >= _FAR_APART
    if along_axis and (far_apart or suite.name == "threads"):
        # On two logarithmic scales, in proportion is a straight line.
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_minor_locator(NullLocator())
    else:
        panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter("{x:,g}")
    panel.set_xticks(ticks, [_wrapped(table.label, 12) for table in suite.tables])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set(xlabel=_AXES.get(suite.name, suite.name), ylabel=_UNITS[value])
    handles, titles = panel.get_legend_handles_labels()
    names = [_wrapped(title, 44) for title in titles]
    figure.legend(handles, names, loc="outside lower left", ncols=2)
    return figure


def _new_panel(height: float, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8.5, height), layout="constrained")
    panel = figure.subplots()
    panel.set_title(title)
    return figure, panel


def _fill(row: Row) -> dict[str, Any]:
    """Choose the fill of a bar: reference, ours, others, and parts hatched."""
    if row.is_part:
        return {"color": "white", "edgecolor": _FAINT, "hatch": "////"}
    if row.is_reference:
        return {"color": _REFERENCE}
    return {"color": _OURS if row.is_ours else _OTHERS}


def _wrapped(title: str, width: int = 32) -> str:
    lines = textwrap.wrap(title, width, max_lines=3, placeholder=" …", break_on_hyphens=False)
    return "\n".join(lines)


def _reach(values: Sequence[Spread]) -> list[list[float]]:
    """Return the lengths of error bars below and above each median."""
    below = [one.median - one.lowest for one in values]
    return [below, [one.highest - one.median for one in values]]
