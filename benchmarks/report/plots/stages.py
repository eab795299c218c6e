"""Where the time goes: stages one after the other, with whole pipelines beside them."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.estimates import Spread
from benchmarks.report.plots.style import INK, bar_look, name_rows, new_figure, reach
from benchmarks.report.rows import is_part, number, rows
from benchmarks.results import Outcome

_ORDER = tuple(f"stage-{name}" for name in ("read", "decode", "resize", "warp", "copy"))
_COLORS = ("#56b4e9", "#0072b2", "#009e73", "#e69f00", "#cc79a7")
Bar = tuple[str, float, Spread, dict[str, Any]]
"""Title, where it begins, how long it is, and how it is filled."""


def draw_stages(outcome: Outcome) -> Figure | None:
    """Draw CPU time per image as a waterfall; None where no stage was timed."""
    timed = {row.contestant: (row, row.figures) for row in rows(outcome) if row.figures}
    bars: list[Bar] = []
    end = 0.0
    for name, color in zip(_ORDER, _COLORS, strict=True):
        if name in timed:
            row, figures = timed[name]
            bars.append((row.title, end, figures.cpu_ms, {"color": color}))
            end += figures.cpu_ms.median
    if not bars:
        return None
    bars.append(
        ("all stages together", 0.0, Spread(end, end, end), {"color": "white", "edgecolor": INK})
    )
    for name, (row, figures) in timed.items():
        if name not in _ORDER:
            # The reference of this suite is a stage: nothing is compared with it here.
            bars.append((row.title, 0.0, figures.cpu_ms, bar_look(name, reference=False)))
    figure = new_figure(1.3 + 0.44 * len(bars))
    panel = figure.subplots()
    for place, bar in enumerate(bars):
        _draw(panel, place, bar)
    name_rows(panel, [title for title, *_ in bars])
    panel.margins(x=0.1)
    panel.set_xlim(left=0)
    panel.set_xlabel("CPU ms/image, median and range of rounds")
    panel.set_title(f"{outcome.workload}: where the time goes")
    if any(not is_part(name) for name in timed):
        panel.axhline(len([name for name in timed if name in _ORDER]) + 0.5, color="#aaaaaa")
    return figure


def _draw(panel: Axes, place: int, bar: Bar) -> None:
    _, begin, values, look = bar
    end = begin + values.median
    panel.barh(place, values.median, left=begin, height=0.62, **look)
    panel.errorbar(end, place, xerr=reach(values), color=INK, capsize=3, linewidth=1.2)
    panel.annotate(
        number(values.median),
        (begin + values.highest, place),
        (5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9.5,
    )
