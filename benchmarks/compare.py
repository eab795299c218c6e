"""What got slower or faster from one run to another."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.stats import mannwhitneyu

from benchmarks.estimates import Interval, Value, change, round_ratios
from benchmarks.results import BenchmarkResults, Entry, Outcome

Measure = Literal["wall", "CPU"]
Verdict = Literal["slower", "faster", "same", "too few rounds"]

LEAST = 0.05
"""Changes below it are not reported: machines differ from hour to hour by as much."""
_LEAST_ROUNDS = 2
_RISK = 0.05  # that anything at all is reported where nothing has changed
_VALUES: dict[Measure, Value] = {"wall": "wall_ms", "CPU": "cpu_ms"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """The times of one contestant at one workload in two runs."""

    workload: str
    contestant: str
    title: str  # the contestant's name in reports
    measure: Measure  # wall or CPU time per image
    # The contestant by whose time in the same round each was divided; None for the time itself,
    # where that agrees better from round to round.
    relative_to: str | None
    before: Sequence[float]  # a time for each round of the earlier run
    after: Sequence[float]  # the same for the later one
    verdict: Verdict = "same"  # slower or faster where chance and small changes are ruled out

    @cached_property
    def factor(self) -> Interval:
        """Time after, divided by that before, with a 95 % interval."""
        return change(self.before, self.after, 0.95)


def compare(
    before: BenchmarkResults, after: BenchmarkResults, least: float = LEAST
) -> list[Change]:
    """Compare all that two runs have in common.

    Where it makes the rounds of a run agree better, the time of a contestant is divided by that of
    the workload's first contestant in the same round: what slowed the machine down for both then
    cancels out. Chance is ruled out for all comparisons together (Mann & Whitney, 1947; Holm,
    1979).

    Args:
        before: The earlier run.
        after: The later one.
        least: Changes below this fraction are not reported.

    Raises:
        ValueError: They have nothing in common.
    """
    earlier = {outcome.workload: outcome for outcome in before.outcomes}
    pairs = [
        pair
        for outcome in after.outcomes
        if outcome.workload in earlier
        for pair in _pairs(earlier[outcome.workload], outcome)
    ]
    if not pairs:
        raise ValueError(
            "Two runs must have a contestant at a workload in common, timed in 2 rounds or more "
            "of both. Received: two that have not."
        )
    sizes = [(len(pair.before), len(pair.after)) for pair in pairs]
    lowest = min(2 / math.comb(old + new, old) for old, new in sizes)
    otherwise: Verdict = "too few rounds" if lowest > _RISK / len(pairs) else "same"
    return [
        replace(pair, verdict=_verdict(pair, least) if significant else otherwise)
        for pair, significant in zip(pairs, _significant(pairs), strict=True)
    ]


def _verdict(pair: Change, least: float) -> Verdict:
    """Judge a change that is not chance."""
    if abs(math.log(pair.factor.estimate)) < math.log1p(least):
        return "same"
    return "slower" if pair.factor.estimate > 1 else "faster"


def differing_conditions(before: BenchmarkResults, after: BenchmarkResults) -> list[str]:
    """List what else differs between two runs, and may be why they do."""
    ignored = {"load_before", "commit"}
    earlier = {outcome.workload: outcome.conditions for outcome in before.outcomes}
    compared = [("", before.environment, after.environment)]
    compared += [
        (f"{outcome.workload}, ", earlier[outcome.workload], outcome.conditions)
        for outcome in after.outcomes
        if outcome.workload in earlier
    ]
    return [
        f"{where}{name}: {old.get(name)!r} before, {new.get(name)!r} after"
        for where, old, new in compared
        for name in dict.fromkeys([*old, *new])
        if name not in ignored and old.get(name) != new.get(name)
    ]


def _pairs(before: Outcome, after: Outcome) -> Iterator[Change]:
    earlier = {entry.contestant: entry for entry in before.entries}
    for entry in after.entries:
        entries = (earlier.get(entry.contestant, Entry(contestant="", title="")), entry)
        if min(len(each.samples) for each in entries) < _LEAST_ROUNDS:
            continue
        for measure, value in _VALUES.items():
            times = [[getattr(sample, value) for sample in each.samples] for each in entries]
            relative_to = None
            reference = _common_reference(before, after)
            if reference and reference[1] is not entry:
                divided = [
                    round_ratios(each, by, value)
                    for each, by in zip(entries, reference, strict=True)
                ]
                if _disagreement(divided) < _disagreement(times):
                    times, relative_to = divided, reference[1].contestant
            yield Change(
                workload=after.workload,
                contestant=entry.contestant,
                title=entry.title,
                measure=measure,
                relative_to=relative_to,
                before=times[0],
                after=times[1],
            )


def _common_reference(before: Outcome, after: Outcome) -> tuple[Entry, Entry] | None:
    """Return the references of both outcomes if they are the same contestant."""
    old, new = before.reference, after.reference
    return (old, new) if old and new and old.contestant == new.contestant else None


def _disagreement(runs: Sequence[Sequence[float]]) -> float:
    """Return how far the rounds of each run lie apart, as a variance of logarithms."""
    if min(map(len, runs)) < _LEAST_ROUNDS:
        return math.inf
    return sum(float(np.var(np.log(values), ddof=1)) for values in runs)


def _significant(pairs: Sequence[Change]) -> Sequence[bool]:
    """Return for each whether chance is ruled out, at one risk for all of them."""
    chances = np.array(
        [mannwhitneyu(pair.before, pair.after, method="exact").pvalue for pair in pairs]
    )
    order = np.argsort(chances)
    adjusted = np.maximum.accumulate(chances[order] * np.arange(len(pairs), 0, -1))
    significant: Sequence[bool] = (adjusted <= _RISK)[np.argsort(order)].tolist()
    return significant
