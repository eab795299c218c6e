"""Colours, letters and lines that all plots share."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.estimates import Spread
from benchmarks.report.rows import is_part

WIDTH = 8.5  # inches
STYLE: Any = MappingProxyType(
    {
        "text.parse_math": False,  # titles are data, and may have dollars in them
        "font.size": 10.5,
        "axes.titlesize": 11.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#888888",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e4e4e4",
        "legend.frameon": False,
        "figure.constrained_layout.h_pad": 0.1,
        "figure.constrained_layout.w_pad": 0.1,
        "hatch.linewidth": 0.6,
    }
)
REFERENCE = "#555555"
OURS = "#0072b2"
OTHERS = "#9fb8c8"
INK = "#222222"
FAINT = "#777777"
# Okabe and Ito's, without the yellow that white swallows: ours are blue and green.
_OUR_COLORS = (OURS, "#56b4e9", "#009e73")
_OTHER_COLORS = ("#d55e00", "#cc79a7", "#e69f00", "#000000")
_MARKERS = "osD^vPX"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)))
_HATCHES = ("", "////", "....")


def bar_look(contestant: str, reference: bool) -> dict[str, Any]:
    """Return how a single contestant's bar is filled: by whose it is."""
    if is_part(contestant):
        return {"color": "white", "edgecolor": FAINT, "hatch": "////"}
    if reference:
        return {"color": REFERENCE}
    return {"color": OURS if contestant.startswith("catdog") else OTHERS}


def line_looks(contestants: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return colour, marker and dashes that tell contestants apart, also without colour."""
    return {
        contestant: {
            "color": color,
            "marker": _MARKERS[place % len(_MARKERS)],
            "linestyle": _DASHES[again % len(_DASHES)],
        }
        for place, (contestant, color, again) in enumerate(_coloured(contestants))
    }


def group_looks(contestants: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return how bars that stand in groups are filled, the first contestant's as a reference."""
    return {
        contestant: {
            "facecolor": color,
            "hatch": _HATCHES[again % len(_HATCHES)],
            "edgecolor": "white",
        }
        for contestant, color, again in _coloured(contestants)
    }


def _coloured(contestants: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Yield contestant, colour, and how often the colour was given before."""
    yield contestants[0], REFERENCE, 0
    given = {_OUR_COLORS: 0, _OTHER_COLORS: 0}
    for contestant in contestants[1:]:
        colors = _OUR_COLORS if contestant.startswith("catdog") else _OTHER_COLORS
        again, place = divmod(given[colors], len(colors))
        given[colors] += 1
        yield contestant, colors[place], again


def new_figure(height: float) -> Figure:
    """Return a figure of some height in inches that makes room for its labels."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def wrapped(title: str, width: int = 32) -> str:
    """Break a title into three lines at most."""
    return "\n".join(
        textwrap.wrap(title, width, max_lines=3, placeholder=" …", break_on_hyphens=False)
    )


def name_rows(panel: Axes, titles: Sequence[str]) -> None:
    """Write titles at the left, the first at the top."""
    panel.set_yticks(range(len(titles)), [wrapped(title) for title in titles], fontsize=9.5)
    panel.set_ylim(len(titles) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)


def reach(values: Spread) -> list[list[float]]:
    """Return how far a spread reaches to either side of its median."""
    return [[values.median - values.lowest], [values.highest - values.median]]


def plain_numbers(axis: Axis, logarithmic: bool = False) -> None:
    """Write the numbers of an axis in full."""
    if logarithmic:
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 3) if high > 100 * low else (1, 2, 5)))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def legend_below(figure: Figure, handles: Sequence[Any], titles: Sequence[str]) -> None:
    """List what a figure shows, under it."""
    figure.legend(
        handles,
        [wrapped(title, 44) for title in titles],
        loc="outside lower left",
        ncols=2 if max(map(len, titles), default=0) > 24 else 3,
        fontsize=9.5,
    )
