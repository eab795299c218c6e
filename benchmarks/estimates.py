"""From samples to the numbers of a report: medians, ranges, and ratios with intervals."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.stats import bootstrap

from benchmarks.results import Entry

Value = Literal[
    "images_per_second",
    "wall_ms",
    "cpu_ms",
    "faults",
    "first_batch_seconds",
    "further_seconds",
    "second_pass_seconds",
    "indexed_seconds",
    "epoch_gap_seconds",
]
"""An attribute of samples."""
_RESAMPLES = 10_000
_SEED = 0  # the same samples give the same interval


class Spread(NamedTuple):
    """A median with the lowest and the highest value."""

    median: float
    lowest: float
    highest: float


class Interval(NamedTuple):
    """An estimate with the bounds of its interval; both are None for a single round."""

    estimate: float
    low: float | None = None
    high: float | None = None


def spread(entry: Entry, value: Value) -> Spread:
    """Summarise a value over the rounds of an entry that has samples."""
    values = [getattr(sample, value) for sample in entry.samples]
    return Spread(median(values), min(values), max(values))


def has(entry: Entry, value: Value) -> bool:
    """Tell whether an entry has samples, and all have a value."""
    return bool(entry.samples) and None not in [getattr(each, value) for each in entry.samples]


def round_ratios(entry: Entry, reference: Entry, value: Value) -> list[float]:
    """Divide round by round, so that what slowed both down in one cancels out."""
    by_round = {sample.round: getattr(sample, value) for sample in reference.samples}
    return [
        getattr(sample, value) / by_round[sample.round]
        for sample in entry.samples
        if by_round.get(sample.round)
    ]


def ratio(
    entry: Entry, reference: Entry, value: Value = "images_per_second", confidence: float = 0.95
) -> Interval | None:
    """Estimate how many times the reference's value an entry's is.

    Args:
        entry: The numerator.
        reference: The denominator.
        value: Of the samples.
        confidence: Of the interval, in (0, 1).

    Returns:
        The median of the ratios of the rounds, with a percentile bootstrap interval (Efron, 1979);
        None where they have no round in common.
    """
    ratios = round_ratios(entry, reference, value)
    if len(ratios) < 2:
        return Interval(ratios[0]) if ratios else None
    return Interval(median(ratios), *_bootstrap((ratios,), np.median, confidence))


def change(before: Sequence[float], after: Sequence[float], confidence: float) -> Interval:
    """Estimate by which factor values have changed from one run to another.

    Args:
        before: Positive, at least two.
        after: Positive, at least two.
        confidence: Of the interval, in (0, 1).

    Returns:
        The ratio of the medians, with a percentile bootstrap interval that resamples both.
    """
    bounds = _bootstrap((after, before), _ratio_of_medians, confidence)
    return Interval(median(after) / median(before), *bounds)


def _ratio_of_medians(above: Any, below: Any, axis: int) -> Any:
    return np.median(above, axis=axis) / np.median(below, axis=axis)


def _bootstrap(
    samples: Sequence[Sequence[float]], statistic: Callable[..., Any], confidence: float
) -> tuple[float, float]:
    random = np.random.default_rng(_SEED)
    drawn = bootstrap(
        samples, statistic, n_resamples=_RESAMPLES, method="percentile", vectorized=True, rng=random
    ).bootstrap_distribution
    # By NumPy, which interpolates between equal values without rounding.
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
