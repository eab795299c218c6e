"""What each distortion costs: CPU time per image above that without any."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.estimates import Spread
from benchmarks.report.plots.groups import Group, draw_groups
from benchmarks.report.rows import rows
from benchmarks.report.suites import Suite, label
from benchmarks.results import Outcome, Results

_SUITE, _PLAIN = "augmentations", "plain"


def draw_costs(suite: Suite, results: Results) -> Figure | None:
    """Draw the costs of distortions; None for another suite, or without the plain workload."""
    plain = _plain(suite, results)
    if suite.name != _SUITE or plain is None:
        return None
    without = _cpu(plain)
    outcomes = [outcome for outcome in suite.outcomes if outcome is not plain]
    groups = [
        {name: _above(with_it, without.get(name)) for name, with_it in _cpu(outcome).items()}
        for outcome in outcomes
    ]
    figure, filled = draw_groups(
        [label(outcome) for outcome in outcomes],
        groups,
        suite.contestants,
        "CPU ms/image above plain; lines reach over all pairs of rounds",
    )
    figure.axes[0].set_title("what each distortion costs")
    return figure if filled else None


def _plain(suite: Suite, results: Results) -> Outcome | None:
    """Find the work without distortions, in the same suite if it is there."""
    own = [outcome for outcome in suite.outcomes if label(outcome) == _PLAIN]
    return next(iter([*own, *(each for each in results.outcomes if each.suite == _PLAIN)]), None)


def _cpu(outcome: Outcome) -> Group:
    return {row.contestant: row.figures.cpu_ms if row.figures else None for row in rows(outcome)}


def _above(with_it: Spread | None, without: Spread | None) -> Spread | None:
    if with_it is None or without is None:
        return None
    return Spread(
        with_it.median - without.median,
        with_it.lowest - without.highest,
        with_it.highest - without.lowest,
    )
