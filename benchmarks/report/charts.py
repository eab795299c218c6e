"""Results as charts, each only where there is data for it; fonts are in `benchmarks.mplstyle`."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
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
}
"""What charts of suites show where that is no speed."""
_UNITS: dict[Value, str] = {
    "images_per_second": "images/s",
    "cpu_ms": "CPU ms/image",
    "wall_ms": "ms/image",
}
_REFERENCE, _OURS, _OTHERS = "#555555", "#0072b2", "#9fb8c8"
_INK, _FAINT = "#222222", "#777777"


class Chart(NamedTuple):
    """A chart that was written: what it shows, and the PNG file."""

    description: str
    path: Path


class _Bar(NamedTuple):
    """A bar with its range and label; rows are counted from 0 at the top."""

    row: float
    values: Spread
    label: str
    fill: dict[str, Any]
    height: float = 0.62


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
        along_axis = all(table.outcome.x is not None for table in suite.tables)
        series = _lines if along_axis else _groups
        yield "speed", series(suite, "images_per_second")
        yield "CPU time", series(suite, "cpu_ms")
    else:
        yield "speed", _bars(suite.tables[0], "images_per_second")


def _bars(table: Table, value: Value) -> Figure | None:
    """Draw a value of each contestant; where speeds are compared, with the ratio."""
    bars = []
    for place, row in enumerate(table.timed):
        values = spread(row.entry, value)
        label = number(values.median)
        if value == "images_per_second":
            label += "   reference" if row.is_reference else f"   {times_text(row.times)} times"
        bars.append(_Bar(place, values, label, _fill(row)))
    names = [row.entry.title for row in table.timed]
    figure = _draw(table.outcome.workload, _UNITS[value], names, bars)
    if figure and value != "cpu_ms":
        # For training that is the step without input: what goes beyond it is input.
        figure.axes[0].axvline(bars[0].values.median, color=_FAINT, ls="--", zorder=0)
    return figure


def _groups(suite: Suite, value: Value) -> Figure | None:
    """Draw a value of a series over kinds, in groups of bars."""
    shown = {row.entry.contestant for table in suite.tables for row in table.timed}
    fills: dict[str, dict[str, Any]] = {
        name: {"facecolor": f"C{i}", "edgecolor": "white"}
        for i, name in enumerate(suite.contestants)
        if name in shown
    }
    bars = []
    for place, table in enumerate(suite.tables):
        for row in table.rows:
            if row.entry.contestant in fills:
                order = list(fills).index(row.entry.contestant)
                at = place + 0.8 * ((order + 0.5) / len(fills) - 0.5)
                values = Spread(0, 0, 0) if row.missing else spread(row.entry, value)
                label = "not measured" if row.missing else number(values.median)
                fill = fills[row.entry.contestant]
                bars.append(_Bar(at, values, label, fill, height=0.7 / len(fills)))
    figure = _draw(suite.name, _UNITS[value], [table.label for table in suite.tables], bars)
    if figure:
        patches = [Patch(**fill) for fill in fills.values()]
        _legend(figure, patches, [suite.contestants[name] for name in fills])
    return figure


def _lines(suite: Suite, value: Value) -> Figure | None:
    """Draw a value of a series over its axis."""
    rows = [(table.outcome.x or 0.0, row) for table in suite.tables for row in table.timed]
    if not rows:
        return None
    figure, panel = _new_panel(4.8, f"{suite.name}: {_UNITS[value]}")
    for contestant, title in suite.contestants.items():
        own = [(x, row) for x, row in rows if row.entry.contestant == contestant]
        values = [spread(row.entry, value) for _, row in own]
        medians = [one.median for one in values]
        panel.errorbar([x for x, _ in own], medians, yerr=_reach(values), label=title)
    ticks = [table.outcome.x or 0.0 for table in suite.tables]
    wide = ticks[0] > 0 and (ticks[-1] / ticks[0] >= _FAR_APART or suite.name == "threads")
    if wide:
        # On two logarithmic scales, in proportion is a straight line.
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_minor_locator(NullLocator())
    else:
        panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter("{x:,g}")
    panel.set_xticks(ticks, [f"{x:g}" for x in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set(xlabel=_AXES.get(suite.name, suite.name), ylabel=_UNITS[value])
    _legend(figure, *panel.get_legend_handles_labels())
    return figure


def _draw(title: str, xlabel: str, names: Sequence[str], bars: Sequence[_Bar]) -> Figure | None:
    """Draw bars with names at the left; None if there are none."""
    if not bars:
        return None
    crowded = bars[0].height < 0.5
    figure, panel = _new_panel(1.5 + (0.25 * len(bars) if crowded else 0.46 * len(names)), title)
    for bar in bars:
        middle, reach = bar.values.median, _reach([bar.values])
        panel.barh(bar.row, middle, height=bar.height, **bar.fill)
        panel.errorbar(middle, bar.row, xerr=reach, color=_INK, fmt="none")
        tip = (bar.values.highest, bar.row)
        panel.annotate(bar.label, tip, (5, 0), textcoords="offset points", va="center", size=9)
    panel.margins(x=0.1)
    panel.set_xlim(left=0)
    panel.xaxis.set_major_formatter("{x:,g}")
    panel.set_yticks(range(len(names)), [_wrapped(name) for name in names], fontsize=9.5)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(f"{xlabel}, median and range of rounds")
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
    return {"color": _OURS if row.entry.contestant.startswith("catdog") else _OTHERS}


def _wrapped(title: str, width: int = 32) -> str:
    lines = textwrap.wrap(title, width, max_lines=3, placeholder=" …", break_on_hyphens=False)
    return "\n".join(lines)


def _reach(values: Sequence[Spread]) -> list[list[float]]:
    """Return the lengths of error bars below and above each median."""
    below = [one.median - one.lowest for one in values]
    return [below, [one.highest - one.median for one in values]]


def _legend(figure: Figure, handles: Sequence[Any], titles: Sequence[str]) -> None:
    names = [_wrapped(title, 44) for title in titles]
    figure.legend(handles, names, loc="outside lower left", ncols=2)
