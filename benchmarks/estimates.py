"""From samples to numbers that are reported: medians, spreads, and ratios with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Entry, Sample

_RESAMPLES = 10_000
_SEED = 0  # the same samples give the same interval


@dataclass(frozen=True)
class Spread:
    """A median and what it lies between."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Interval:
    """An estimate, and between which values it lies; both None for a single round."""

    estimate: float
    low: float | None = None
    high: float | None = None


Value = Callable[[Sample], float]


def images_per_second(sample: Sample) -> float:
    """Speed in a sample."""
    return 1000 / sample.wall_ms


def cpu_ms(sample: Sample) -> float:
    """Processor time per image in a sample."""
    return sample.cpu_ms


def spread(entry: Entry, value: Value) -> Spread:
    """Summarise a value over the rounds of an entry that has samples."""
    return Spread.of([value(sample) for sample in entry.samples])


def round_ratios(entry: Entry, reference: Entry, value: Value) -> list[float]:
    """Divide round by round, so that what slowed both down in one cancels out."""
    of_reference = {sample.round: value(sample) for sample in reference.samples}
    return [
        value(sample) / of_reference[sample.round]
        for sample in entry.samples
        if of_reference.get(sample.round)
    ]


def ratio(
    entry: Entry, reference: Entry, value: Value = images_per_second, confidence: float = 0.95
) -> Interval | None:
    """Estimate how many times the reference's value an entry's is.

    Args:
        entry: Whose value is divided.
        reference: By whose.
        value: What is taken from samples.
        confidence: Of the interval, in (0, 1).

    Returns:
        The median of the ratios of the rounds, with a percentile bootstrap interval (Efron, 1979);
        None where they have no round in common.
    """
    ratios = round_ratios(entry, reference, value)
    if not ratios:
        return None
    if len(ratios) == 1:
        return Interval(ratios[0])
    medians = _resampled_medians(np.array(ratios), np.random.default_rng(_SEED))
    low, high = _percentiles(medians, confidence)
    return Interval(median(ratios), low, high)


def change(before: Sequence[float], after: Sequence[float], confidence: float) -> Interval:
    """Estimate by which factor values have changed from one run to another.

    Args:
        before: Positive, at least two.
        after: Positive, at least two.
        confidence: Of the interval, in (0, 1).

    Returns:
        The ratio of the medians, with a percentile bootstrap interval that resamples both.
    """
    random = np.random.default_rng(_SEED)
    divided = _resampled_medians(np.array(after), random) / _resampled_medians(
        np.array(before), random
    )
    low, high = _percentiles(divided, confidence)
    return Interval(median(after) / median(before), low, high)


def _resampled_medians(values: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    medians: NDArray[Any] = np.median(random.choice(values, (_RESAMPLES, len(values))), axis=1)
    return medians


def _percentiles(values: NDArray[Any], confidence: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
