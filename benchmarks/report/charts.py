"""Results as charts, each only where there is data for it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.style import context
from matplotlib.ticker import NullLocator

from benchmarks.estimates import Spread, Value, spread
from benchmarks.report import style
from benchmarks.report.summary import Suite, slug
from benchmarks.report.tables import CONSTANT, Row, Table, number, times_text
from catdog_models.plots.figure import save

_STYLE = Path(__file__).with_name("benchmarks.mplstyle")
_TOO_WIDE = 40  # From this ratio on, the smallest bar would be nothing but a line.
_FAR_APART = 8  # the last x to the first, from which on the axis is logarithmic
_AXES = {
    "threads": "processors",
    "batch sizes": "images per batch",
    "image sizes": "side of the images, pixels",
}
_STAGES = {
    "stage-read": "#56b4e9",
    "stage-decode": "#0072b2",
    "stage-resize": "#009e73",
    "stage-warp": "#e69f00",
    "stage-copy": "#cc79a7",
}


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
    begin: float = 0.0
    height: float = 0.62


def draw_charts(suites: Sequence[Suite], folder: Path) -> dict[str, list[Chart]]:
    """Write a PNG of everything that can be drawn, to a folder that exists; by slug of suites."""
    written: dict[str, list[Chart]] = {suite.slug: [] for suite in suites}
    with context(_STYLE):
        for suite in suites:
            for shows, figure in _figures(suite):
                if figure is not None:
                    path = folder / f"{suite.slug}--{slug(shows)}.png"
                    save(figure, path)
                    written[suite.slug].append(Chart(f"{suite.name}: {shows}", path))
    return written


def _figures(suite: Suite) -> Iterator[tuple[str, Figure | None]]:
    if suite.name in ("stages", "training"):
        draw = _stages if suite.name == "stages" else _training
        shows = "CPU time" if suite.name == "stages" else "time of steps"
        for table in suite.tables:
            yield f"{shows}, {table.label}" if suite.is_series else shows, draw(table)
    elif suite.is_series:
        series = _lines if suite.is_numeric else _groups
        yield "speed", series(suite, "images/s", "images_per_second")
        yield "CPU time", series(suite, "CPU ms/image", "cpu_ms")
    else:
        yield "speed", _comparison(suite.tables[0])


def _comparison(table: Table) -> Figure | None:
    """Draw images/s, with the ratio to the reference."""
    bars = []
    for place, row in enumerate(table.timed):
        ratio = "reference" if row.is_reference else f"{times_text(row.times)} times"
        label = f"{number(row.images_per_second.median)}   {ratio}"
        bars.append(_Bar(place, row.images_per_second, label, _fill(row)))
    names = [row.entry.title for row in table.timed]
    figure = _draw(table.outcome.workload, "images/s", names, bars)
    if figure:
        reference = bars[0].values.median
        figure.axes[0].axvline(reference, color=style.FAINT, ls="--", linewidth=1, zorder=0)
    return figure


def _stages(table: Table) -> Figure | None:
    """Draw CPU time per image: stages one after the other, then whole pipelines."""
    timed = {row.entry.contestant: (row, spread(row.entry, "cpu_ms")) for row in table.timed}
    bars: list[_Bar] = []
    names: list[str] = []
    end = 0.0
    for name in [name for name in _STAGES if name in timed]:
        row, values = timed.pop(name)
        fill = {"color": _STAGES[name]}
        bars.append(_Bar(len(bars), values, number(values.median), fill, begin=end))
        names.append(row.entry.title)
        end += values.median
    fill = {"color": "white", "edgecolor": style.INK}
    bars += [_Bar(len(bars), Spread(end, end, end), number(end), fill)] if bars else []
    for row, values in timed.values():
        bars.append(_Bar(len(bars), values, number(values.median), _fill(row, compared=False)))
    names += ["all stages together"] if names else []
    names += [row.entry.title for row, _ in timed.values()]
    return _draw(f"{table.outcome.workload}: where the time goes", "CPU ms/image", names, bars)


def _training(table: Table) -> Figure | None:
    """Draw the time of steps, and within it the time above a constant batch."""
    batch = table.outcome.conditions.get("batch_size")
    images = int(batch) if isinstance(batch, int) and batch > 0 else 1
    bases = [row for row in table.timed if CONSTANT in row.entry.contestant]
    base = spread(bases[0].entry, "wall_ms").median * images if bases else None
    bars = []
    for place, row in enumerate(table.timed):
        time = Spread(*(images * one for one in spread(row.entry, "wall_ms")))
        above = max(0.0, time.median - base) if base else 0.0
        label = number(time.median) + (f" (+{number(above)})" if above else "")
        bars.append(_Bar(place, time, label, {"color": style.OTHERS}))
        over = Spread(above, above, above)
        bars.append(_Bar(place, over, "", {"color": style.INPUT}, begin=time.median - above))
    title = f"{table.outcome.workload}: what input adds to a step"
    names = [row.entry.title for row in table.timed]
    figure = _draw(title, f"ms per step of {images} images", names, bars)
    if figure and bases:
        patches = [Patch(color=color) for color in (style.OTHERS, style.INPUT)]
        style.legend_below(figure, patches, ["the step with a constant batch", "input above that"])
    return figure


def _groups(suite: Suite, xlabel: str, value: Value) -> Figure | None:
    """Draw a value of a series over kinds, in groups of bars."""
    shown = {row.entry.contestant for table in suite.tables for row in table.timed}
    looks = style.looks(list(suite.contestants))
    fills: dict[str, dict[str, Any]] = {
        name: {"facecolor": look.color, "hatch": look.hatch, "edgecolor": "white"}
        for name, look in looks.items()
        if name in shown
    }
    bars = []
    for place, table in enumerate(suite.tables):
        rows = {row.entry.contestant: row for row in table.rows}
        for order, name in enumerate(fills):
            at = place + 0.8 * ((order + 0.5) / len(fills) - 0.5)
            if name not in rows:
                continue
            timed = not rows[name].missing
            values = spread(rows[name].entry, value) if timed else Spread(0, 0, 0)
            label = number(values.median) if timed else "not measured"
            bars.append(_Bar(at, values, label, fills[name], height=0.7 / len(fills)))
    names = [table.label for table in suite.tables]
    figure = _draw(suite.name, xlabel, names, bars)
    if figure:
        patches = [Patch(**fill) for fill in fills.values()]
        style.legend_below(figure, patches, [suite.contestants[name] for name in fills])
    return figure


def _lines(suite: Suite, ylabel: str, value: Value) -> Figure | None:
    """Draw a value of a series over its axis."""
    lines: dict[str, dict[float, Spread]] = {}
    for table in suite.tables:
        for row in table.timed:
            lines.setdefault(row.entry.contestant, {})[table.outcome.x or 0.0] = spread(
                row.entry, value
            )
    if not lines:
        return None
    figure, panel = style.new_panel(4.4 + 0.13 * len(lines), f"{suite.name}: {ylabel}")
    looks = style.looks(list(suite.contestants))
    for contestant, line in lines.items():
        look, values = looks[contestant], list(line.values())
        panel.errorbar(
            list(line),
            [one.median for one in values],
            yerr=style.reach(values),
            label=suite.contestants[contestant],
            color=look.color,
            marker=look.marker,
            linestyle=look.dashes,
            elinewidth=1,
        )
    ticks = sorted({table.outcome.x or 0.0 for table in suite.tables})
    wide = ticks[0] > 0 and (ticks[-1] / ticks[0] >= _FAR_APART or suite.name == "threads")
    if wide:
        # On two logarithmic scales, in proportion is a straight line.
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
    else:
        panel.set_ylim(bottom=0)
    style.plain_numbers(panel.yaxis, logarithmic=wide)
    panel.set_xticks(ticks, [f"{x:g}" for x in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set(xlabel=_AXES.get(suite.name, suite.name), ylabel=ylabel)
    style.legend_below(figure, *panel.get_legend_handles_labels())
    return figure


def _draw(title: str, xlabel: str, names: Sequence[str], bars: Sequence[_Bar]) -> Figure | None:
    """Draw bars with names at the left; None if there are none."""
    if not bars:
        return None
    crowded = bars[0].height < 0.5
    height = 0.25 * len(bars) if crowded else 0.46 * len(names)
    figure, panel = style.new_panel(1.5 + height, title)
    # A log scale has no zero that a bar could begin at.
    as_points = not crowded and style.is_wide([bar.values for bar in bars], _TOO_WIDE)
    as_points = as_points and not any(bar.begin for bar in bars)
    for bar in bars:
        median, reach = bar.values.median, style.reach([bar.values])
        if as_points:
            color = bar.fill.get("edgecolor", bar.fill["color"])
            look: Any = {"fmt": "o", "markersize": 9, "markerfacecolor": bar.fill["color"]}
            panel.errorbar(median, bar.row, xerr=reach, color=color, **look)
        else:
            panel.barh(bar.row, median, left=bar.begin, height=bar.height, **bar.fill)
            panel.errorbar(bar.begin + median, bar.row, xerr=reach, color=style.INK, fmt="none")
        end = (bar.begin + bar.values.highest, bar.row)
        panel.annotate(bar.label, end, (5, 0), textcoords="offset points", va="center", size=9)
    panel.margins(x=0.1)
    if as_points:
        panel.set_xscale("log")
    else:
        panel.set_xlim(left=0)
    style.plain_numbers(panel.xaxis, logarithmic=as_points)
    panel.set_yticks(range(len(names)), [style.wrapped(name) for name in names], fontsize=9.5)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)
    panel.set_xlabel(
        f"{xlabel}, median and range of rounds" + (" (log scale)" if as_points else "")
    )
    return figure


def _fill(row: Row, *, compared: bool = True) -> dict[str, Any]:
    """Choose the fill of a bar: reference, ours, others, and parts hatched."""
    if row.is_part:
        return {"color": "white", "edgecolor": style.FAINT, "hatch": "////"}
    if row.is_reference and compared:
        return {"color": style.REFERENCE}
    return {"color": style.OURS if row.entry.contestant.startswith("catdog") else style.OTHERS}
