"""Ratios and their intervals, for any samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.estimates import (
    Interval,
    Spread,
    change,
    ratio,
    round_ratios,
    spread,
)
from benchmarks.results import Entry, Sample

TIMES = st.lists(st.floats(0.01, 1000), min_size=1, max_size=9)
TWO_OR_MORE = st.lists(st.floats(0.01, 1000), min_size=2, max_size=9)
few = settings(max_examples=25, deadline=None)


def entry(times: list[float], first_round: int = 0) -> Entry:
    samples = tuple(
        Sample(
            round=at,
            images=100,
            wall_ms=time,
            cpu_ms=2 * time,
            first_batch_seconds=1.0,
            peak_megabytes=1.0,
        )
        for at, time in enumerate(times, first_round)
    )
    return Entry(contestant="any", title="Any", samples=samples)


def scaled(one: Entry, by: float) -> Entry:
    samples = tuple(replace(sample, wall_ms=sample.wall_ms / by) for sample in one.samples)
    return replace(one, samples=samples)


@few
@given(TIMES)
def test_a_spread_is_in_order_and_of_the_values(times):
    found = spread(entry(times), "images_per_second")
    speeds = [1000 / time for time in times]
    assert found == Spread(pytest.approx(np.median(speeds)), min(speeds), max(speeds))
    assert found.lowest <= found.median <= found.highest


@few
@given(TWO_OR_MORE, TWO_OR_MORE)
def test_an_interval_contains_its_estimate_and_no_more_than_the_rounds(times, of_reference):
    one, reference = entry(times), entry(of_reference)
    found = ratio(one, reference)
    rounds = round_ratios(one, reference, "images_per_second")
    assert min(rounds) <= found.low <= found.estimate <= found.high <= max(rounds)


@few
@given(TWO_OR_MORE, st.floats(0.01, 100))
def test_a_ratio_grows_with_its_values(times, by):
    one, reference = entry(times), entry(times[::-1])
    before, after = ratio(one, reference), ratio(scaled(one, by), reference)
    assert (after.estimate, after.low, after.high) == pytest.approx(
        (before.estimate * by, before.low * by, before.high * by)
    )


@few
@given(TWO_OR_MORE)
def test_against_itself_there_is_no_difference(times):
    assert ratio(entry(times), entry(times)) == Interval(1.0, 1.0, 1.0)


@few
@given(TWO_OR_MORE, TWO_OR_MORE)
def test_the_same_samples_give_the_same_interval(times, of_reference):
    assert ratio(entry(times), entry(of_reference)) == ratio(entry(times), entry(of_reference))


@few
@given(TWO_OR_MORE)
def test_more_confidence_needs_a_wider_interval(times):
    reference = entry([1.0] * len(times))
    narrow, wide = (ratio(entry(times), reference, confidence=at) for at in (0.5, 0.95))
    assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_what_slows_a_round_down_for_both_cancels_out():
    slow = [1.0, 7.0, 2.0, 3.0]
    assert ratio(entry(slow), entry([2 * time for time in slow])) == Interval(2.0, 2.0, 2.0)


def test_only_rounds_that_both_had_are_compared():
    assert round_ratios(entry([1, 1, 1]), entry([4, 4], first_round=2), "cpu_ms") == [0.25]


def test_a_single_round_has_no_interval_and_none_no_ratio():
    assert ratio(entry([1.0]), entry([3.0])) == Interval(pytest.approx(3.0))
    assert ratio(entry([1.0]), entry([3.0], first_round=1)) is None


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    noise = np.random.default_rng(1)
    hits = 0
    for _ in range(100):
        found = ratio(entry(list(noise.lognormal(0, 0.1, 15))), entry([2.0] * 15))
        hits += found.low <= 2.0 <= found.high
    assert hits >= 85


@few
@given(TWO_OR_MORE, st.floats(0.1, 10))
def test_a_change_by_a_factor_is_found(values, by):
    found = change(values, [by * value for value in values], 0.95)
    assert found.estimate == pytest.approx(by)
    assert found.low <= by * (1 + 1e-9) and by <= found.high * (1 + 1e-9)
