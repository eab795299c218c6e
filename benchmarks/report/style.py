"""Colours and axes that all charts share; fonts and lines are in `benchmarks.mplstyle`."""

import textwrap
from collections.abc import Sequence
from itertools import cycle, product
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from benchmarks.estimates import Spread

REFERENCE, OURS, OTHERS, INPUT = "#555555", "#0072b2", "#9fb8c8", "#d55e00"
INK, FAINT = "#222222", "#777777"
# Okabe and Ito's, without the yellow that is faint on white: ours are blue and green.
_OUR_COLORS = (OURS, "#56b4e9", "#009e73")
_OTHER_COLORS = ("#d55e00", "#cc79a7", "#e69f00", "#000000")
_PATTERNS: Any = (("-", ""), ((0, (5, 2)), "////"), ((0, (1.5, 1.5)), "...."))  # dashes, hatch


class Look(NamedTuple):
    """Colour, marker, dashes and hatch of a contestant, different also without colour."""

    color: str
    marker: str
    dashes: Any
    hatch: str


def looks(contestants: Sequence[str]) -> dict[str, Look]:
    """Choose a look for each contestant, the first as the reference."""
    ours, others = (cycle(product(_PATTERNS, each)) for each in (_OUR_COLORS, _OTHER_COLORS))
    chosen: dict[str, Look] = {}
    for contestant, marker in zip(contestants, cycle("osD^vPX"), strict=False):
        source = ours if contestant.startswith("catdog") else others
        (dashes, hatch), color = next(source) if chosen else (_PATTERNS[0], REFERENCE)
        chosen[contestant] = Look(color, marker, dashes, hatch)
    return chosen


def new_panel(height: float, title: str) -> tuple[Figure, Axes]:
    """Return a figure of a height in inches that makes room for its labels, and its axes."""
    figure = Figure(figsize=(8.5, height), layout="constrained")
    panel = figure.subplots()
    panel.set_title(title)
    return figure, panel


def wrapped(title: str, width: int = 32) -> str:
    """Break a title into three lines at most."""
    lines = textwrap.wrap(title, width, max_lines=3, placeholder=" …", break_on_hyphens=False)
    return "\n".join(lines)


def reach(values: Sequence[Spread]) -> list[list[float]]:
    """Return the lengths of error bars below and above each median."""
    below = [one.median - one.lowest for one in values]
    return [below, [one.highest - one.median for one in values]]


def is_wide(values: Sequence[Spread], factor: float) -> bool:
    """Whether values lie so far apart that the small would not be seen on a linear axis."""
    return max(one.highest for one in values) > factor * min(one.lowest for one in values)


def plain_numbers(axis: Axis, logarithmic: bool = False) -> None:
    """Write the numbers of an axis in full."""
    if logarithmic:
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 3) if high > 100 * low else (1, 2, 5)))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def legend_below(figure: Figure, handles: Sequence[Any], titles: Sequence[str]) -> None:
    """List what a figure shows, under it."""
    columns = 2 if max(map(len, titles), default=0) > 24 else 3
    names = [wrapped(title, 44) for title in titles]
    figure.legend(handles, names, loc="outside lower left", ncols=columns)
