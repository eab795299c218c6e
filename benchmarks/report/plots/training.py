"""Time of a training step by what feeds it, above that with a batch that is always the same."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.estimates import Spread, spread
from benchmarks.report.plots.style import INK, OTHERS, name_rows, new_figure, reach
from benchmarks.report.remarks import CONSTANT
from benchmarks.report.rows import number
from benchmarks.results import Entry, Outcome, Sample

_INPUT = "#d55e00"


def draw_training(outcome: Outcome) -> Figure | None:
    """Draw the time of steps; None if nobody was timed."""
    timed = [entry for entry in outcome.entries if entry.samples]
    if not timed:
        return None
    batch = outcome.conditions.get("batch_size")
    images = int(batch) if isinstance(batch, int) and batch > 0 else 1

    def milliseconds(sample: Sample) -> float:
        return sample.wall_ms * images

    times = [spread(entry, milliseconds) for entry in timed]
    base = next(
        (time.median for entry, time in zip(timed, times, strict=True) if _is_base(entry)), None
    )
    figure = new_figure(1.6 + 0.46 * len(timed))
    panel = figure.subplots()
    for place, time in enumerate(times):
        _draw(panel, place, time, base)
    name_rows(panel, [entry.title for entry in timed])
    panel.margins(x=0.14)
    panel.set_xlim(left=0)
    of_what = f"step of {images} images" if images > 1 else "image"
    panel.set_xlabel(f"ms per {of_what}, median and range of rounds")
    panel.set_title(f"{outcome.workload}: what input adds to a step")
    if base is not None:
        _explain(figure)
    return figure


def _is_base(entry: Entry) -> bool:
    return CONSTANT in entry.contestant


def _draw(panel: Axes, place: int, time: Spread, base: float | None) -> None:
    computing = time.median if base is None else min(base, time.median)
    panel.barh(place, computing, height=0.62, color=OTHERS)
    panel.barh(place, time.median - computing, left=computing, height=0.62, color=_INPUT)
    panel.errorbar(time.median, place, xerr=reach(time), color=INK, capsize=3, linewidth=1.2)
    rest = "" if base is None or time.median <= base else f" (+{number(time.median - base)})"
    panel.annotate(
        f"{number(time.median)}{rest}",
        (time.highest, place),
        (5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9.5,
    )


def _explain(figure: Figure) -> None:
    figure.legend(
        handles=[
            Patch(color=OTHERS, label="the step with a constant batch"),
            Patch(color=_INPUT, label="input above that"),
        ],
        loc="outside lower left",
        ncols=2,
    )
