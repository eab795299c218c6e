"""Bars in groups: a group for each outcome, a bar in it for each contestant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.estimates import Spread
from benchmarks.report.plots.style import (
    FAINT,
    INK,
    group_looks,
    legend_below,
    name_rows,
    new_figure,
    plain_numbers,
    reach,
)
from benchmarks.report.rows import number

Group = Mapping[str, Spread | None]
"""Values by contestant; None where one was meant to take part and has none."""


def draw_groups(
    names: Sequence[str], groups: Sequence[Group], titles: Mapping[str, str], xlabel: str
) -> tuple[Figure, bool]:
    """Draw groups of bars.

    Args:
        names: Of the groups.
        groups: As many.
        titles: By contestant, in the order of bars.
        xlabel: What the values are.

    Returns:
        The figure, and whether there is anything on it.
    """
    shown = {name: title for name, title in titles.items() if any(g.get(name) for g in groups)}
    thickness = 0.8 / max(len(shown), 1)
    rows = len(groups) * (len(shown) + 1.3)
    figure = new_figure(1.4 + 0.2 * rows + 0.1 * len(shown))
    panel = figure.subplots()
    looks = group_looks(list(titles))
    for order, contestant in enumerate(shown):
        for place, group in enumerate(groups):
            at = place + (order - (len(shown) - 1) / 2) * thickness
            values = group.get(contestant)
            if values is None:
                why = "not measured" if contestant in group else ""
                panel.annotate(why, (0, at), (4, 0), **_words(FAINT))
                continue
            panel.barh(at, values.median, height=thickness * 0.88, **looks[contestant])
            panel.errorbar(values.median, at, xerr=reach(values), color=INK, linewidth=1)
            end = (max(values.highest, 0), at)
            panel.annotate(number(values.median), end, (4, 0), **_words(INK))
    name_rows(panel, names)
    panel.margins(x=0.1)
    panel.axvline(0, color=FAINT, linewidth=1)
    panel.set_xlabel(xlabel)
    plain_numbers(panel.xaxis)
    handles = [Patch(**looks[contestant]) for contestant in shown]
    legend_below(figure, handles, list(shown.values()))
    return figure, bool(shown)


def _words(color: str) -> dict[str, Any]:
    return {"textcoords": "offset points", "va": "center", "fontsize": 8.5, "color": color}
