"""One comparison: a bar of images/s for each contestant, with its ratio to the reference."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.plots.style import (
    FAINT,
    INK,
    bar_look,
    name_rows,
    new_figure,
    plain_numbers,
    reach,
)
from benchmarks.report.rows import Figures, Row, number, rows, times_text
from benchmarks.results import Outcome

_TOO_WIDE = 40  # From this ratio on, the small would be nothing but a line.


def draw_comparison(outcome: Outcome) -> Figure | None:
    """Draw an outcome; None if nobody was timed."""
    timed = [(row, row.figures) for row in rows(outcome) if row.figures]
    if not timed:
        return None
    figure = new_figure(1.2 + 0.46 * len(timed))
    panel = figure.subplots()
    speeds = [figures.images_per_second for _, figures in timed]
    wide = max(one.highest for one in speeds) / min(one.lowest for one in speeds) > _TOO_WIDE
    for place, (row, figures) in enumerate(timed):
        (_draw_point if wide else _draw_bar)(panel, place, row, figures)
    if wide:
        panel.set_xscale("log")
    plain_numbers(panel.xaxis, logarithmic=wide)
    name_rows(panel, [row.title for row, _ in timed])
    _mark_reference(panel, timed)
    _annotate(panel, timed)
    panel.set_xlabel("images/s, median and range of rounds" + (" (log scale)" if wide else ""))
    panel.set_title(outcome.workload)
    return figure


def _draw_bar(panel: Axes, place: int, row: Row, figures: Figures) -> None:
    speed = figures.images_per_second
    panel.barh(place, speed.median, height=0.62, **bar_look(row.contestant, row.is_reference))
    panel.errorbar(speed.median, place, xerr=reach(speed), color=INK, capsize=3, linewidth=1.2)


def _draw_point(panel: Axes, place: int, row: Row, figures: Figures) -> None:
    # A log scale has no zero that a bar could begin at.
    speed = figures.images_per_second
    look = bar_look(row.contestant, row.is_reference)
    panel.errorbar(
        speed.median,
        place,
        xerr=reach(speed),
        fmt="o",
        markersize=9,
        color=look.get("edgecolor", look["color"]),
        markerfacecolor=look["color"],
        capsize=3,
    )
    panel.axhline(place, color="#eeeeee", zorder=0)


def _mark_reference(panel: Axes, timed: list[tuple[Row, Figures]]) -> None:
    for row, figures in timed:
        if row.is_reference:
            panel.axvline(
                figures.images_per_second.median, color=FAINT, linewidth=1, linestyle="--", zorder=0
            )


def _annotate(panel: Axes, timed: list[tuple[Row, Figures]]) -> None:
    for place, (row, figures) in enumerate(timed):
        speed = number(figures.images_per_second.median)
        ratio = "reference" if row.is_reference else times_text(figures.times)
        _write(panel, place, 44, speed, ha="right")
        _write(panel, place, 54, ratio, ha="left")
    _write(panel, -0.75, 44, "images/s", ha="right", color=FAINT)
    _write(panel, -0.75, 54, "times the reference", ha="left", color=FAINT)


def _write(panel: Axes, place: float, offset: int, text: str, ha: str, color: str = INK) -> None:
    """Write beside the panel, some points right of it."""
    panel.annotate(
        text,
        (1.0, place),
        (offset, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        annotation_clip=False,
        ha=ha,
        va="center",
        fontsize=9.5,
        color=color,
    )
