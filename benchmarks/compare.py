"""What got slower or faster from one run to another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import mannwhitneyu

from benchmarks.estimates import Interval, Value, change, cpu_ms, round_ratios
from benchmarks.results import Entry, Outcome, Results, Sample

Verdict = Literal["slower", "faster", "same", "too few rounds"]

LEAST = 0.05
"""Changes below it are not reported: machines differ from hour to hour by as much."""
_LEAST_ROUNDS = 2
_RISK = 0.05  # that anything at all is reported where nothing has changed


@dataclass(frozen=True, kw_only=True)
class Change:
    """How one contestant did at one workload in two runs.

    Attributes:
        workload: Its name.
        contestant: Its name.
        title: What reports call it.
        measure: "wall" or "CPU" time per image.
        relative_to: The contestant by whose time in the same round each was divided; None for the
            time itself, where that agrees better from round to round.
        factor: Time after, divided by that before, with a 95 % interval.
        verdict: "slower" or "faster" where chance and `LEAST` are ruled out.
    """

    workload: str
    contestant: str
    title: str
    measure: Literal["wall", "CPU"]
    relative_to: str | None
    factor: Interval
    verdict: Verdict


@dataclass(frozen=True)
class _Pair:
    workload: str
    entry: Entry
    measure: Literal["wall", "CPU"]
    relative_to: str | None
    before: list[float]
    after: list[float]

    @property
    def likelihood(self) -> float:
        """How likely chance alone would part the two as far (Mann & Whitney, 1947)."""
        return float(mannwhitneyu(self.before, self.after, method="exact").pvalue)

    @property
    def least_likelihood(self) -> float:
        """The lowest that `likelihood` can get with as many rounds."""
        return 2 / math.comb(len(self.before) + len(self.after), len(self.before))


def compare(before: Results, after: Results, least: float = LEAST) -> list[Change]:
    """Compare all that two runs have in common.

    Where it makes the rounds of a run agree better, what a contestant took is divided by what the
    workload's first contestant took in the same round: what slowed the machine down for both then
    cancels out. Chance is ruled out for all comparisons together (Holm, 1979).

    Args:
        before: The earlier run.
        after: The later one.
        least: Changes below this fraction are not reported.

    Raises:
        ValueError: They have nothing in common.
    """
    pairs = list(_pairs(before, after))
    if not pairs:
        raise ValueError(
            "Two runs must have a contestant at a workload in common, timed in 2 rounds or more "
            "of both. Received: two that have not."
        )
    significant = _significant(pairs)
    few = min(pair.least_likelihood for pair in pairs) > _RISK / len(pairs)
    return [
        _change(pair, sure, least, few=few) for pair, sure in zip(pairs, significant, strict=True)
    ]


def differing_conditions(before: Results, after: Results) -> list[str]:
    """List what else differs between two runs, and may be why they do."""
    told = [
        f"{name}: {old!r} before, {new!r} after"
        for name, old, new in _differences(before.environment, after.environment)
        if name not in ("load_before", "commit")
    ]
    by_name = {outcome.workload: outcome for outcome in before.outcomes}
    for outcome in after.outcomes:
        if outcome.workload in by_name:
            conditions = by_name[outcome.workload].conditions
            told += [
                f"{outcome.workload}, {name}: {old!r} before, {new!r} after"
                for name, old, new in _differences(conditions, outcome.conditions)
            ]
    return told


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for name in [*before, *(name for name in after if name not in before)]:
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _pairs(before: Results, after: Results) -> Iterator[_Pair]:
    earlier = {outcome.workload: outcome for outcome in before.outcomes}
    for outcome in after.outcomes:
        if outcome.workload in earlier:
            yield from _pairs_of(earlier[outcome.workload], outcome)


def _pairs_of(before: Outcome, after: Outcome) -> Iterator[_Pair]:
    earlier = {entry.contestant: entry for entry in before.entries}
    measures: tuple[tuple[Literal["wall", "CPU"], Value], ...] = (("wall", _wall), ("CPU", cpu_ms))
    for entry in after.entries:
        old = earlier.get(entry.contestant)
        if old is None or min(len(old.samples), len(entry.samples)) < _LEAST_ROUNDS:
            continue
        for measure, value in measures:
            alone = [[value(sample) for sample in each.samples] for each in (old, entry)]
            reference = _common_reference(before, after, entry)
            divided = [
                round_ratios(each, outcome.reference, value)
                for outcome, each in ((before, old), (after, entry))
                if reference is not None and outcome.reference is not None
            ]
            if len(divided) == 2 and _disagreement(divided) < _disagreement(alone):
                yield _Pair(after.workload, entry, measure, reference, *divided)
            else:
                yield _Pair(after.workload, entry, measure, None, *alone)


def _common_reference(before: Outcome, after: Outcome, entry: Entry) -> str | None:
    """Name the contestant that others can be divided by, if both runs have the same one."""
    first = (before.reference, after.reference)
    if first[0] is None or first[1] is None or first[0].contestant != first[1].contestant:
        return None
    return None if first[1].contestant == entry.contestant else first[1].contestant


def _disagreement(runs: Sequence[Sequence[float]]) -> float:
    """Tell how far the rounds of each run lie apart, as a variance of logarithms."""
    if min(map(len, runs)) < _LEAST_ROUNDS:
        return math.inf
    return sum(float(np.var(np.log(values), ddof=1)) for values in runs)


def _wall(sample: Sample) -> float:
    return sample.wall_ms


def _significant(pairs: list[_Pair]) -> list[bool]:
    """Tell of each whether chance is ruled out, at one risk for all of them."""
    likelihoods = [pair.likelihood for pair in pairs]
    order = sorted(range(len(pairs)), key=likelihoods.__getitem__)
    sure = [False] * len(pairs)
    for rank, i in enumerate(order):
        if likelihoods[i] > _RISK / (len(pairs) - rank):
            break
        sure[i] = True
    return sure


def _change(pair: _Pair, sure: bool, least: float, *, few: bool) -> Change:
    factor = change(pair.before, pair.after, 0.95)
    verdict: Verdict = "too few rounds" if few else "same"
    if sure and abs(math.log(factor.estimate)) >= math.log1p(least):
        verdict = "slower" if factor.estimate > 1 else "faster"
    return Change(
        workload=pair.workload,
        contestant=pair.entry.contestant,
        title=pair.entry.title,
        measure=pair.measure,
        relative_to=pair.relative_to,
        factor=factor,
        verdict=verdict,
    )
